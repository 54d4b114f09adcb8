//! The log: readable lines on a terminal, JSON elsewhere, always on standard error; traces where a collector is named.

use kumiko_services_aws::LogWriter;
use kumiko_telemetry::{CALL_TARGET, Form, Guard, Journal, TraceSettings};
use kumiko_vocabulary::Fault;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::settings::Settings;
use crate::terminal;

/// Starts logging. Only this product's own parts follow the chosen level: at debug, protocol libraries would write whole
/// requests, arguments included. `cloud` is sent the lines of calls as well. What is returned holds the export of traces, and sends the last of them when dropped.
pub(crate) fn start(settings: &Settings, cloud: Option<LogWriter>) -> anyhow::Result<Option<Guard>> {
    let level = settings.log_level;
    // The prefix covers every crate of the product and the targets below; calls have lines of their own, with their secrets masked,
    // while rmcp's would have the text of every failure.
    let filter = EnvFilter::new(format!("warn,rmcp::service=error,kumiko={level},{CALL_TARGET}=off"));
    let traces = TraceSettings { endpoint: None, version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    let (traces, guard) = kumiko_telemetry::layer(&traces).map_err(Fault::from)?.unzip();
    let calls = (level >= tracing::Level::INFO)
        .then(|| Journal::layer(if terminal::watched() { Form::Terminal } else { Form::Json }, std::io::stderr));
    let distant = cloud.map(|writer| Journal::layer(Form::Json, move || writer.clone()));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if terminal::watched() {
        lines.with_target(false).compact().with_filter(filter).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(filter).boxed()
    };
    // A second start in one process keeps the first.
    let _ = Registry::default().with(traces).with(calls).with(distant).with(lines).try_init();
    Ok(guard)
}

/// Starts logging for a command whose answer is its own output: only what went wrong is told besides.
pub(crate) fn quietly(settings: &Settings) {
    let quiet = Settings { log_level: tracing::Level::ERROR, ..settings.clone() };
    if let Err(error) = start(&quiet, None) {
        terminal::complain(&error);
    }
}
