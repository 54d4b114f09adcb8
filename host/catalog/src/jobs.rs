//! The work of jobs: a tool called as a client calls it, with nobody waiting for the answer.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use kumiko_functions::{CallControl, ProgressSink, Update};
use kumiko_runtime::{CallFailure, Reply};
use kumiko_services::jobs::{JobReport, JobWatch, JobWork};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::jobs::Job;
use serde_json::Value;

use crate::call::stopping;
use crate::{Asked, Catalog, Client, Request};

/// Calls the tools of jobs.
struct JobCalls(Weak<Catalog>);

impl Catalog {
    /// What does the work of jobs with the tools that are loaded.
    #[must_use]
    pub fn job_work(self: &Arc<Self>) -> Arc<dyn JobWork> {
        Arc::new(JobCalls(Arc::downgrade(self)))
    }
}

/// Passes the progress of a call on to its job.
struct Report(JobWatch);

impl ProgressSink for Report {
    fn report(&self, update: Update) {
        let Update { done, total, message, elapsed, .. } = update;
        (self.0.report)(JobReport { done, total, message, elapsed });
    }
}

#[async_trait]
impl JobWork for JobCalls {
    async fn run(&self, job: &Job, caller: &str, watch: JobWatch) -> Result<Value, Fault> {
        let catalog = self.0.upgrade().ok_or_else(stopping)?;
        let control = CallControl::new(Some(Arc::new(Report(watch.clone()))), watch.cancellation.clone())
            .with_checkpoint(Arc::clone(&watch.checkpoint));
        let asked = Asked {
            client: Client::default(),
            caller: caller.into(),
            request: format!("job:{}", job.order.name),
            control,
            lines: None,
            trace: None,
        };
        let (name, arguments) = (job.order.tool.clone(), Value::Object(job.order.arguments.clone()));
        match catalog.call(Request { name, arguments, resumption: None, asked }).await {
            Ok(Reply::Complete { structured, .. }) => Ok(structured.unwrap_or(Value::Null)),
            Ok(Reply::InputRequired(_)) => {
                let message = format!("`{}` asks its client for input, and a job has no client", job.order.tool);
                Err(Fault::failed("input_required", message))
            }
            Err(CallFailure::Fault(fault)) => Err(fault),
            Err(CallFailure::Protocol(error)) => Err(Fault::failed("protocol_error", error.message)),
        }
    }
}
