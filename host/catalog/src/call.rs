//! A call, from a name and arguments to an answer that keeps the tool's promises.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kumiko_functions::{CallContext, CallControl, LogContext, LogSink};
use kumiko_runtime::{CallFailure, Reply, contract};
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;

use crate::{Catalog, LoadedTool};

/// Who asks, as far as a tool may care.
#[derive(Clone, Debug)]
pub struct Client {
    /// The protocol version in use.
    pub protocol_version: String,
    /// The capabilities the client declared.
    pub capabilities: Value,
}

/// One call.
pub struct Request {
    /// The tool's name, or any alias of it.
    pub name: String,
    /// The arguments.
    pub arguments: Value,
    /// Who asks.
    pub client: Client,
    /// Where this continues a call that asked for input.
    pub resumption: Option<contract::Resumption>,
    /// Progress and cancellation.
    pub control: CallControl,
    /// What tells this call from others in the log.
    pub request: String,
}

/// How a call ended, for the log.
pub struct Ended<'a> {
    /// The tool, by its advertised name.
    pub tool: &'a str,
    /// The capability.
    pub capability: &'a str,
    /// The plugin's version.
    pub version: &'a str,
    /// What tells this call from others.
    pub request: &'a str,
    /// From the request to the answer.
    pub duration: Duration,
    /// The fault, where it failed.
    pub fault: Option<&'a Fault>,
}

/// Where calls and the lines of guests are recorded; the binary implements it.
pub trait CallLog: Send + Sync {
    /// Where the lines of one call go.
    fn lines(&self, capability: &str, version: &str, tool: &str, request: &str) -> Arc<dyn LogSink>;
    /// Records that a call ended.
    fn ended(&self, ended: &Ended<'_>);
}

impl Catalog {
    /// Finds the tool, checks the arguments, runs it, checks the result. While plugins still load for the first time, the call
    /// waits for them.
    ///
    /// # Errors
    ///
    /// `tool_not_found`, `invalid_arguments`, `result_invalid`, and whatever the tool or its limits answer.
    pub async fn call(&self, request: Request) -> Result<Reply, CallFailure> {
        let tool = self.tool(&request.name, &request.control).await?;
        let began = Instant::now();
        let (capability, version) = (tool.capability(), tool.version());
        let sink = self.log.lines(capability, version, &tool.name, &request.request);
        let request_id = request.request.clone();
        let result = self.run(&tool, request, sink).await;
        let fault = match &result {
            Err(CallFailure::Fault(fault)) => Some(fault),
            _ => None,
        };
        self.log.ended(&Ended {
            tool: &tool.name,
            capability,
            version,
            request: &request_id,
            duration: began.elapsed(),
            fault,
        });
        result
    }

    async fn tool(&self, name: &str, control: &CallControl) -> Result<Arc<LoadedTool>, Fault> {
        if let Some(tool) = self.snapshot().find(name) {
            return Ok(Arc::clone(tool));
        }
        tokio::select! {
            () = self.ready() => {}
            () = control.cancellation().cancelled() => return Err(kumiko_vocabulary::control::cancelled()),
        }
        let snapshot = self.snapshot();
        snapshot.find(name).cloned().ok_or_else(|| {
            let fault = Fault::new(FaultKind::NotFound, "tool_not_found", format!("there is no tool `{name}`"));
            match snapshot.nearest(name) {
                Some(nearest) => fault.hint(format!("did you mean `{nearest}`?")),
                None => fault.hint("tools/list has the tools that are loaded"),
            }
        })
    }

    async fn run(&self, tool: &LoadedTool, request: Request, sink: Arc<dyn LogSink>) -> Result<Reply, CallFailure> {
        tool.input.check_arguments(&tool.name, &request.arguments)?;
        let invocation = contract::Invocation {
            tool: tool.tool.name.clone(),
            arguments: request.arguments.to_string(),
            client: contract::Client {
                protocol_version: request.client.protocol_version,
                capabilities: request.client.capabilities.to_string(),
            },
            resumption: request.resumption,
        };
        let context = CallContext { control: request.control, log: LogContext::new(sink, self.log_bytes) };
        let reply = tool.plugin.call(invocation, tool.tool.long_running, context).await?;
        if let (Reply::Complete { structured, .. }, Some(schema)) = (&reply, &tool.output) {
            match structured {
                Some(result) => schema.check_result(&tool.name, result)?,
                None => {
                    let message = format!("`{}` promises a structured result and returned none", tool.name);
                    return Err(Fault::failed("result_invalid", message).hint("this is a defect of the plugin").into());
                }
            }
        }
        Ok(reply)
    }
}
