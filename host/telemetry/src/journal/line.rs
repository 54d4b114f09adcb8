//! The line of a call.
//!
//! A call is an event of `tracing` like any other, with its fields, so that every subscriber can use it. The JSON
//! formatter of `tracing-subscriber` knows no nested values and would write the arguments as a text with escapes. So
//! calls have a layer of their own, which writes them as JSON, or as words on a terminal.

use std::fmt::{self, Write as _};

use serde_json::{Map, Number, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::Journal;
use crate::call::{CallRecord, Outcome, milliseconds};
use crate::clock::rfc3339;

/// The target of the events of calls. Other layers of a subscriber leave it out, so that no call is written twice.
pub const CALL_TARGET: &str = "kumiko::call";

/// Fields that a line has in any case, so that columns made of lines have no holes.
const ALWAYS: [&str; 11] = [
    "timestamp",
    "capability",
    "version",
    "tool_name",
    "agent_id",
    "request_id",
    "arguments",
    "duration_ms",
    "status",
    "result_summary",
    "message",
];

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line, for programs.
    Json,
    /// `tool  caller  12 ms  success`, for a person at a terminal.
    Terminal,
}

impl Journal {
    /// The layer that writes one line for each call. The subscriber's other layers leave [`CALL_TARGET`] out, for
    /// instance with the filter `warn,kumiko=info,kumiko::call=off`.
    pub fn layer<S, W>(form: Form, writer: W) -> impl Layer<S>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
        W: for<'writer> MakeWriter<'writer> + 'static,
    {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer)
            .event_format(Lines(form))
            .with_filter(filter_fn(|metadata| metadata.is_event() && metadata.target() == CALL_TARGET))
    }
}

/// Tells `tracing` of the call.
pub(super) fn write(record: &CallRecord) {
    let CallRecord { request_id, caller, capability, version, tool, .. } = record;
    let (agent_id, arguments, duration_ms) =
        (caller.as_deref(), record.arguments.to_string(), milliseconds(record.duration));
    let timestamp = rfc3339(record.timestamp + record.duration);
    let (status, trace) = (record.outcome.status(), record.trace.as_ref().map(|trace| trace.trace_id()));
    let trace_id = trace.as_deref();
    // The fields that all outcomes have, before those of one.
    macro_rules! call {
        ($event:ident, $($more:tt)*) => {
            tracing::$event!(
                target: CALL_TARGET, timestamp, capability, version, tool_name = tool, agent_id, request_id, arguments,
                duration_ms, status, trace_id, $($more)*
            )
        };
    }
    match &record.outcome {
        Outcome::Success { summary } => call!(info, result_summary = summary, "tool called"),
        Outcome::Error { kind, code, message } => call!(warn, kind = kind.as_str(), code, "{message}"),
        Outcome::InputRequired => call!(info, "tool asked its client for input"),
        Outcome::Cancelled => call!(info, "call cancelled"),
    }
}

/// Formats the events of calls.
struct Lines(Form);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        match self.0 {
            Form::Json => {
                let mut line = Map::new();
                line.insert("level".to_owned(), Value::from(event.metadata().level().as_str()));
                line.insert("target".to_owned(), Value::from(event.metadata().target()));
                for name in ALWAYS {
                    line.insert(name.to_owned(), fields.0.remove(name).unwrap_or(Value::Null));
                }
                line.extend(fields.0);
                writeln!(writer, "{}", Value::Object(line))
            }
            Form::Terminal => writeln!(writer, "{}", words(&fields.0)),
        }
    }
}

/// The line for a person. What comes from elsewhere cannot move the cursor or colour the screen.
fn words(fields: &Map<String, Value>) -> String {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or("-");
    let took = duration_words(fields.get("duration_ms").and_then(Value::as_f64).unwrap_or_default());
    let mut line = format!("{}  {}  {took}  {}", text("tool_name"), text("agent_id"), text("status"));
    if fields.contains_key("code") {
        let _ = write!(line, "  {}: {}", text("code"), text("message"));
    }
    line.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn duration_words(milliseconds: f64) -> String {
    match milliseconds {
        short if short < 9.95 => format!("{short:.1} ms"),
        medium if medium < 9_999.5 => format!("{medium:.0} ms"),
        long => format!("{:.1} s", long / 1_000.0),
    }
}

/// The fields of an event as JSON.
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Number::from_f64(value).map_or(Value::Null, Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "arguments" => self.set(field, serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))),
            _ => self.set(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_in_the_unit_that_suits_them() {
        for (milliseconds, expected) in
            [(0.04, "0.0 ms"), (9.94, "9.9 ms"), (12.3, "12 ms"), (9_999.0, "9999 ms"), (14_400_000.0, "14400.0 s")]
        {
            assert_eq!(duration_words(milliseconds), expected);
        }
    }
}
