//! `kumiko:host/jobs`: calls that go on after the call that began them.

use std::sync::Arc;

use kumiko_services::jobs::Jobs;
use kumiko_vocabulary::jobs::JobOrder;
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;
use wasmtime::component::HasData;

use crate::bindings::kumiko::host::jobs as contract;
use crate::state::Shared;
use crate::{Refusal, documents};

/// The service's name in a grants file.
const SERVICE: &str = "jobs";

pub(crate) struct JobService;

impl HasData for JobService {
    type Data<'a> = JobsView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct JobsView<'a> {
    pub(crate) call: Shared<'a>,
}

impl JobsView<'_> {
    /// The service, where the plugin may use it.
    fn jobs(&self) -> Result<Arc<dyn Jobs>, Refusal> {
        self.call.call.access.service(SERVICE)?;
        Ok(Arc::clone(&self.call.services.jobs))
    }
}

impl contract::Host for JobsView<'_> {
    async fn start(&mut self, order: String) -> Result<String, Refusal> {
        let jobs = self.jobs()?;
        let mut order: JobOrder = documents::parse("job-order", &order)?;
        let context = self.call.call;
        let Some(peers) = &context.peers else {
            return Err(Fault::new(FaultKind::Denied, "tool_denied", "no tool can be called from here").into());
        };
        let plugin = Arc::clone(context.access.plugin());
        let tool = peers.advertised(&order.tool)?;
        if peers.plugin(&tool)? != *plugin {
            context.access.tool(&tool)?;
        }
        peers.check(&tool, &Value::Object(order.arguments.clone()))?;
        order.tool = tool;
        Ok(documents::text(&jobs.start(order, &plugin, &context.caller).await.map_err(Fault::from)?)?)
    }

    async fn get(&mut self, name: String) -> Result<String, Refusal> {
        Ok(documents::text(&self.jobs()?.get(&name).await.map_err(Fault::from)?)?)
    }

    async fn list(&mut self, prefix: String, cursor: Option<String>, limit: u32) -> Result<String, Refusal> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(documents::text(&self.jobs()?.list(&prefix, cursor.as_deref(), limit).await.map_err(Fault::from)?)?)
    }

    async fn stop(&mut self, name: String) -> Result<String, Refusal> {
        Ok(documents::text(&self.jobs()?.stop(&name).await.map_err(Fault::from)?)?)
    }
}
