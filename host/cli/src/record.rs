//! What is recorded of calls and plugins: the journal and its lines, the audit log, the metrics.

use std::sync::Arc;
use std::time::Duration;

use kumiko_catalog::{
    Began, CallFailure, CallLog, Level, LogLine, LogSink, Outcome as CallOutcome, PluginEvent, RunningCall,
};
use kumiko_egress::Masker;
use kumiko_telemetry::{
    Audit, AuditEvent, CALL_TARGET, Call, CallObserver, Journal, Metrics, Outcome, Running, TraceContext,
};
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;

/// Where everything is recorded.
pub(crate) struct Record {
    pub(crate) journal: Arc<Journal>,
    pub(crate) metrics: Arc<Metrics>,
    audit: Option<Arc<Audit>>,
    masker: Masker,
}

impl Record {
    /// Records calls for whoever observes them besides. Without an audit log nothing is kept beyond the process.
    pub(crate) fn new(audit: Option<Arc<Audit>>, masker: Masker, observers: Vec<Arc<dyn CallObserver>>) -> Arc<Self> {
        let metrics = Arc::new(Metrics::new());
        let mut all: Vec<Arc<dyn CallObserver>> = vec![metrics.clone()];
        all.extend(audit.clone().map(|audit| audit as Arc<dyn CallObserver>));
        all.extend(observers);
        Arc::new(Self { journal: Journal::with_scribe(all), metrics, audit, masker })
    }

    /// Records for a command that ends with its call: lines, and nothing else.
    pub(crate) fn passing() -> Arc<Self> {
        let metrics = Arc::new(Metrics::new());
        Arc::new(Self { journal: Journal::new(vec![metrics.clone()]), metrics, audit: None, masker: Masker::new() })
    }
}

impl CallLog for Record {
    fn lines(&self, capability: &str, version: &str, tool: &str, request: &str) -> Arc<dyn LogSink> {
        Arc::new(Lines {
            capability: capability.to_owned(),
            version: version.to_owned(),
            tool: tool.to_owned(),
            request: request.to_owned(),
            masker: self.masker.clone(),
        })
    }

    fn began(&self, began: &Began<'_>) -> Box<dyn RunningCall> {
        let span = tracing::info_span!(
            target: CALL_TARGET, "tools/call", tool_name = began.tool, capability = began.capability, version = began.version,
            request_id = began.request, status = tracing::field::Empty, otel.status_code = tracing::field::Empty,
        );
        let trace = began.trace.and_then(|trace| TraceContext::parse(trace, None));
        if let Some(trace) = &trace {
            trace.adopt(&span);
        }
        let running = self.journal.begin(Call {
            request_id: began.request.to_owned(),
            caller: Some(began.caller.to_owned()).filter(|caller| !caller.is_empty()),
            capability: began.capability.to_owned(),
            version: began.version.to_owned(),
            digest: Some(began.digest.to_owned()),
            tool: began.tool.to_owned(),
            arguments: masked(&self.masker, began.arguments),
            trace: trace.or_else(|| TraceContext::of(&span)),
        });
        let (metrics, masker) = (Arc::clone(&self.metrics), self.masker.clone());
        Box::new(Recorded { running, span, metrics, masker, capability: began.capability.to_owned() })
    }

    fn plugin(&self, event: &PluginEvent<'_>) {
        match event.what {
            "loaded" => self.metrics.reloaded("loaded"),
            "refused" => self.metrics.reloaded("refused"),
            "held_off" => self.metrics.breaker_opened(event.plugin),
            _ => {}
        }
        let Some(audit) = &self.audit else { return };
        let (plugin, digest, detail) = (event.plugin.to_owned(), event.digest.to_owned(), event.detail.to_owned());
        audit.record(match event.what {
            "loaded" => AuditEvent::PluginLoaded { capability: plugin, version: detail, digest, source: String::new() },
            "removed" => AuditEvent::PluginRemoved { capability: plugin, version: detail, digest },
            what => AuditEvent::PluginRefused {
                source: plugin,
                digest: Some(digest).filter(|digest| !digest.is_empty()),
                code: detail,
                reason: what.to_owned(),
            },
        });
    }
}

/// Arguments without the values of secrets.
fn masked(masker: &Masker, arguments: &Value) -> Value {
    if masker.is_idle() {
        return arguments.clone();
    }
    let text = arguments.to_string();
    match masker.mask(&text) {
        std::borrow::Cow::Borrowed(_) => arguments.clone(),
        std::borrow::Cow::Owned(masked) => serde_json::from_str(&masked).unwrap_or(Value::String(masked)),
    }
}

/// A call that runs.
struct Recorded {
    running: Running,
    span: tracing::Span,
    metrics: Arc<Metrics>,
    masker: Masker,
    capability: String,
}

impl RunningCall for Recorded {
    fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    fn ended(self: Box<Self>, _: Duration, outcome: CallOutcome<'_>) {
        let outcome = match outcome {
            CallOutcome::Success(Some(result)) => Outcome::success(result),
            CallOutcome::Success(None) => Outcome::Success { summary: String::new() },
            CallOutcome::InputRequired => Outcome::InputRequired,
            CallOutcome::Failure(CallFailure::Fault(fault)) => {
                self.count(fault);
                if fault.code == kumiko_vocabulary::control::cancelled().code {
                    Outcome::Cancelled
                } else {
                    Outcome::from(fault)
                }
            }
            CallOutcome::Failure(CallFailure::Protocol(error)) => Outcome::Error {
                kind: FaultKind::Failed,
                code: "protocol_error".to_owned(),
                message: error.message.clone(),
            },
        };
        self.span.record("status", outcome.status());
        if outcome.code().is_some() {
            self.span.record("otel.status_code", "ERROR");
        }
        self.running.end(match outcome {
            Outcome::Success { summary } => Outcome::Success { summary: self.masker.mask(&summary).into_owned() },
            Outcome::Error { kind, code, message } => {
                Outcome::Error { kind, code, message: self.masker.mask(&message).into_owned() }
            }
            other => other,
        });
    }
}

impl Recorded {
    fn count(&self, fault: &Fault) {
        match (fault.kind, fault.code.as_str()) {
            (FaultKind::Denied, "read_denied" | "write_denied") => {
                self.metrics.grant_denied(&self.capability, "object")
            }
            (FaultKind::Denied, "http_denied") => self.metrics.grant_denied(&self.capability, "http"),
            (FaultKind::Denied, "secret_denied") => self.metrics.grant_denied(&self.capability, "secret"),
            (FaultKind::Denied, "tool_denied") => self.metrics.grant_denied(&self.capability, "tool"),
            (_, "plugin_rate_limit") => self.metrics.rate_limited("plugin"),
            _ => {}
        }
    }
}

/// The target of what plugins say.
const PLUGIN_TARGET: &str = "kumiko::plugin";

/// The lines of one call.
struct Lines {
    capability: String,
    version: String,
    tool: String,
    request: String,
    masker: Masker,
}

/// Writes an event of a level that is known only at run time; tracing wants it as a constant.
macro_rules! at_level {
    ($level:expr, $($event:tt)*) => {
        match $level {
            Level::Trace => tracing::trace!($($event)*),
            Level::Debug => tracing::debug!($($event)*),
            Level::Info => tracing::info!($($event)*),
            Level::Warn => tracing::warn!($($event)*),
            Level::Error => tracing::error!($($event)*),
        }
    };
}

impl LogSink for Lines {
    fn enabled(&self, level: Level) -> bool {
        match level {
            Level::Trace => tracing::enabled!(target: PLUGIN_TARGET, tracing::Level::TRACE),
            Level::Debug => tracing::enabled!(target: PLUGIN_TARGET, tracing::Level::DEBUG),
            Level::Info => tracing::enabled!(target: PLUGIN_TARGET, tracing::Level::INFO),
            Level::Warn => tracing::enabled!(target: PLUGIN_TARGET, tracing::Level::WARN),
            Level::Error => tracing::enabled!(target: PLUGIN_TARGET, tracing::Level::ERROR),
        }
    }

    fn write(&self, line: LogLine) {
        let Self { capability, version, tool, request, masker } = self;
        let message = masker.mask(&line.message);
        at_level!(line.level, target: PLUGIN_TARGET, capability, version, tool_name = tool, request_id = request, "{message}");
    }
}
