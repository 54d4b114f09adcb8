//! A call, from a name and arguments to an answer that keeps the tool's promises.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kumiko_functions::{CallContext, CallControl, LogContext, LogSink, PeerReply, Peers};
use kumiko_runtime::{CallFailure, Reply, contract, contract_types};
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;
use tracing::Instrument as _;

use crate::{Catalog, LoadedTool};

/// Who asks, as far as a tool may care.
#[derive(Clone, Debug)]
pub struct Client {
    /// The protocol version in use.
    pub protocol_version: Arc<str>,
    /// The capabilities the client declared, as a JSON object.
    pub capabilities: Arc<str>,
}

impl Default for Client {
    /// Nobody who could be asked for anything.
    fn default() -> Self {
        Self { protocol_version: "".into(), capabilities: "{}".into() }
    }
}

impl Client {
    pub(crate) fn for_contract(&self) -> contract_types::Client {
        contract_types::Client {
            protocol_version: self.protocol_version.as_ref().to_owned(),
            capabilities: self.capabilities.as_ref().to_owned(),
        }
    }
}

/// What every request to a plugin brings along.
#[derive(Clone)]
pub struct Asked {
    /// Who asks, for the tool.
    pub client: Client,
    /// Who asks, for the log: the name of a key; empty on standard input.
    pub caller: Arc<str>,
    /// What tells this request from others in the log.
    pub request: String,
    /// Progress and cancellation.
    pub control: CallControl,
    /// Where the guest's lines go besides the log: to the client that asked for them.
    pub lines: Option<Arc<dyn LogSink>>,
    /// The trace that the request belongs to, as W3C's `traceparent` writes it.
    pub trace: Option<String>,
}

/// One call.
pub struct Request {
    /// The tool's name, or any alias of it.
    pub name: String,
    /// The arguments.
    pub arguments: Value,
    /// Where this continues a call that asked for input.
    pub resumption: Option<contract::Resumption>,
    /// Who asks, and how.
    pub asked: Asked,
}

/// A call that begins, for the log.
pub struct Began<'a> {
    /// The tool, by its advertised name.
    pub tool: &'a str,
    /// The capability.
    pub capability: &'a str,
    /// The plugin's version.
    pub version: &'a str,
    /// The digest of the component that answers.
    pub digest: &'a str,
    /// What tells this call from others.
    pub request: &'a str,
    /// Who asks.
    pub caller: &'a str,
    /// The arguments.
    pub arguments: &'a Value,
    /// The trace it belongs to.
    pub trace: Option<&'a str>,
}

/// How a call ended, for the log.
pub enum Outcome<'a> {
    /// With a result.
    Success(Option<&'a Value>),
    /// With a question to the client.
    InputRequired,
    /// With a fault, or an error of the protocol.
    Failure(&'a CallFailure),
}

/// Where calls and the lines of guests are recorded; the binary implements it.
pub trait CallLog: Send + Sync {
    /// Where the lines of one call go.
    fn lines(&self, capability: &str, version: &str, tool: &str, request: &str) -> Arc<dyn LogSink>;
    /// Records that a call begins.
    fn began(&self, began: &Began<'_>) -> Box<dyn RunningCall>;
    /// Records what happened to a plugin: loaded, refused, removed, held off.
    fn plugin(&self, event: &PluginEvent<'_>);
}

/// A call that was recorded as begun. One that is dropped before it ended was cancelled.
pub trait RunningCall: Send {
    /// The span that the call runs in.
    fn span(&self) -> tracing::Span;
    /// Records how the call ended.
    fn ended(self: Box<Self>, duration: Duration, outcome: Outcome<'_>);
}

/// What happened to a plugin.
pub struct PluginEvent<'a> {
    /// What: `loaded`, `refused`, `removed`, `held_off`.
    pub what: &'static str,
    /// The capability where it is known, else the file's name.
    pub plugin: &'a str,
    /// The component's digest; empty where there is none.
    pub digest: &'a str,
    /// More: the version, the code of the refusal.
    pub detail: &'a str,
}

impl Catalog {
    /// Finds the tool, checks the arguments, runs it, checks the result. While plugins still load for the first time, the call
    /// waits for them.
    ///
    /// # Errors
    ///
    /// `tool_not_found`, `invalid_arguments`, `result_invalid`, and whatever the tool or its limits answer.
    pub async fn call(&self, request: Request) -> Result<Reply, CallFailure> {
        let tool = self.tool(&request.name, &request.asked.control).await?;
        self.call_tool(&tool, request, 0).await
    }

    async fn call_tool(&self, tool: &LoadedTool, request: Request, depth: u8) -> Result<Reply, CallFailure> {
        let began = Instant::now();
        let running = self.log.began(&Began {
            tool: &tool.name,
            capability: tool.capability(),
            version: tool.version(),
            digest: &tool.digest,
            request: &request.asked.request,
            caller: &request.asked.caller,
            arguments: &request.arguments,
            trace: request.asked.trace.as_deref(),
        });
        let result = self.run(tool, request, depth).instrument(running.span()).await;
        running.ended(
            began.elapsed(),
            match &result {
                Ok(Reply::Complete { structured, .. }) => Outcome::Success(structured.as_ref()),
                Ok(Reply::InputRequired(_)) => Outcome::InputRequired,
                Err(failure) => Outcome::Failure(failure),
            },
        );
        result
    }

    async fn tool(&self, name: &str, control: &CallControl) -> Result<Arc<LoadedTool>, Fault> {
        if let Some(tool) = self.snapshot().find(name) {
            return Ok(Arc::clone(tool));
        }
        self.ready_or_cancelled(control).await?;
        self.loaded_tool(name)
    }

    /// The tool of this name among those that are loaded.
    ///
    /// # Errors
    ///
    /// `tool_not_found`, with the nearest name.
    pub fn loaded_tool(&self, name: &str) -> Result<Arc<LoadedTool>, Fault> {
        let snapshot = self.snapshot();
        snapshot.find(name).cloned().ok_or_else(|| {
            let fault = Fault::new(FaultKind::NotFound, "tool_not_found", format!("there is no tool `{name}`"));
            match snapshot.nearest(name) {
                Some(nearest) => fault.hint(format!("did you mean `{nearest}`?")),
                None => fault.hint("tools/list has the tools that are loaded"),
            }
        })
    }

    async fn run(&self, tool: &LoadedTool, request: Request, depth: u8) -> Result<Reply, CallFailure> {
        let Request { arguments, resumption, asked, .. } = request;
        let arguments = tool.input.without_nulls(arguments);
        tool.input.check_arguments(&tool.name, &arguments)?;
        let invocation = contract::Invocation {
            tool: tool.tool.name.clone(),
            arguments: arguments.to_string(),
            client: asked.client.for_contract(),
            resumption,
        };
        let _place = tokio::select! {
            entered = tool.gate.enter() => entered?,
            () = asked.control.cancellation().cancelled() => return Err(kumiko_vocabulary::control::cancelled().into()),
        };
        let context = self.context(tool.capability(), tool.version(), &tool.name, asked, depth);
        let reply = tool.plugin.call(invocation, tool.tool.long_running, context).await;
        if let Err(CallFailure::Fault(fault)) = &reply
            && matches!(fault.code.as_str(), "plugin_trapped" | "stack_limit")
            && tool.gate.trapped()
        {
            let (plugin, digest) = (tool.capability(), tool.digest.as_ref());
            tracing::error!(plugin, version = tool.version(), "the plugin keeps trapping and is held off");
            self.log.plugin(&PluginEvent { what: "held_off", plugin, digest, detail: &fault.code });
        }
        let reply = reply?;
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

    /// What a request to a plugin brings along.
    pub(crate) fn context(&self, capability: &str, version: &str, what: &str, asked: Asked, depth: u8) -> CallContext {
        let journal = self.log.lines(capability, version, what, &asked.request);
        let sink: Arc<dyn LogSink> = match asked.lines {
            Some(client) => Arc::new(Both { journal, client }),
            None => journal,
        };
        CallContext {
            access: self.grants.access(capability),
            caller: asked.caller,
            notices: Arc::clone(&self.notices),
            peers: Some(Arc::clone(&self.peers)),
            depth,
            ..CallContext::new(asked.control, LogContext::new(sink, self.log_bytes))
        }
    }
}

/// The lines of a guest for the log and for the client.
struct Both {
    journal: Arc<dyn LogSink>,
    client: Arc<dyn LogSink>,
}

impl LogSink for Both {
    fn enabled(&self, level: kumiko_functions::Level) -> bool {
        self.journal.enabled(level) || self.client.enabled(level)
    }

    fn write(&self, line: kumiko_functions::LogLine) {
        if self.client.enabled(line.level) {
            self.client.write(line.clone());
        }
        if self.journal.enabled(line.level) {
            self.journal.write(line);
        }
    }
}

/// The loaded tools as other plugins may call them.
pub(crate) struct PeerCalls(pub(crate) std::sync::Weak<Catalog>);

/// The fault of a call that comes while the server stops.
pub(crate) fn stopping() -> Fault {
    Fault::new(FaultKind::Unavailable, "shutting_down", "the server is stopping and takes no more calls")
}

impl PeerCalls {
    fn catalog(&self) -> Result<Arc<Catalog>, Fault> {
        self.0.upgrade().ok_or_else(stopping)
    }
}

#[async_trait]
impl Peers for PeerCalls {
    fn advertised(&self, name: &str) -> Result<String, Fault> {
        Ok(self.catalog()?.loaded_tool(name)?.name.clone())
    }

    fn plugin(&self, tool: &str) -> Result<String, Fault> {
        Ok(self.catalog()?.loaded_tool(tool)?.capability().to_owned())
    }

    fn check(&self, tool: &str, arguments: &Value) -> Result<(), Fault> {
        let tool = self.catalog()?.loaded_tool(tool)?;
        let arguments = tool.input.without_nulls(arguments.clone());
        tool.input.check_arguments(&tool.name, &arguments)
    }

    async fn call(&self, tool: &str, arguments: Value, caller: &CallContext, depth: u8) -> Result<PeerReply, Fault> {
        let catalog = self.catalog()?;
        let found = catalog.loaded_tool(tool)?;
        let asked = Asked {
            client: Client::default(),
            caller: Arc::clone(&caller.caller),
            request: format!("{}>{tool}", caller.access.plugin()),
            control: CallControl::new(None, caller.control.cancellation().clone()),
            lines: None,
            trace: None,
        };
        let request = Request { name: tool.to_owned(), arguments, resumption: None, asked };
        match catalog.call_tool(&found, request, depth).await {
            Ok(Reply::Complete { structured, content }) => Ok(PeerReply { structured, content }),
            Ok(Reply::InputRequired(_)) => {
                let message = format!("`{tool}` asks its client for input, which another plugin cannot answer");
                Err(Fault::failed("input_required", message))
            }
            Err(CallFailure::Fault(fault)) => Err(fault),
            Err(CallFailure::Protocol(error)) => Err(Fault::failed("protocol_error", error.message)),
        }
    }
}
