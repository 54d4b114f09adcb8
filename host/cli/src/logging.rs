//! The log: readable lines on a terminal, JSON elsewhere, always on standard error.

use std::sync::Arc;

use kumiko_catalog::{CallLog, Ended, LogLine, LogSink};
use kumiko_functions::Level;
use tracing_subscriber::EnvFilter;

use crate::settings::Settings;
use crate::terminal;

/// Starts logging. Only this product's own parts follow the chosen level: at debug, protocol libraries would write whole
/// requests, arguments included.
pub(crate) fn start(settings: &Settings) {
    let level = settings.log_level;
    // The prefix covers every crate of the product and the targets below.
    let filter = EnvFilter::new(format!("warn,kumiko={level}"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process keeps the first.
    let _ = if terminal::watched() {
        subscriber.with_target(false).compact().try_init()
    } else {
        subscriber.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
}

/// Records calls and the lines of guests as log events.
pub(crate) struct Journal;

impl CallLog for Journal {
    fn lines(&self, capability: &str, version: &str, tool: &str, request: &str) -> Arc<dyn LogSink> {
        Arc::new(Lines {
            capability: capability.to_owned(),
            version: version.to_owned(),
            tool: tool.to_owned(),
            request: request.to_owned(),
        })
    }

    fn ended(&self, ended: &Ended<'_>) {
        let Ended { tool, capability, version, request, duration, fault } = ended;
        let duration_ms = duration.as_secs_f64() * 1_000.0;
        match fault {
            None => {
                tracing::info!(target: "kumiko::call", capability, version, tool_name = tool, request_id = request, duration_ms, status = "success", "tool called")
            }
            Some(fault) => tracing::warn!(
                target: "kumiko::call", capability, version, tool_name = tool, request_id = request, duration_ms, status = "error",
                kind = fault.kind.as_str(), code = fault.code, "{}", fault.message
            ),
        }
    }
}

/// The lines of one call.
struct Lines {
    capability: String,
    version: String,
    tool: String,
    request: String,
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
        let level = match level {
            Level::Trace => tracing::Level::TRACE,
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
            Level::Warn => tracing::Level::WARN,
            Level::Error => tracing::Level::ERROR,
        };
        level <= tracing::level_filters::LevelFilter::current()
    }

    fn write(&self, line: LogLine) {
        let Self { capability, version, tool, request } = self;
        at_level!(line.level, target: "kumiko::plugin", capability, version, tool_name = tool, request_id = request, "{}", line.message);
    }
}
