//! One tool call as operators see it.

use std::time::{Duration, SystemTime};

use kumiko_vocabulary::{Fault, FaultKind};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::clock;
use crate::summary::result_summary;
use crate::traces::TraceContext;

/// A call that begins.
#[derive(Clone, Debug)]
pub struct Call {
    /// The number of the request in the log.
    pub request_id: String,
    /// The name of the key that the caller showed; absent where callers are not told apart.
    pub caller: Option<String>,
    /// The plugin's name.
    pub capability: String,
    /// The plugin's version.
    pub version: String,
    /// The digest of the plugin's bytes.
    pub digest: Option<String>,
    /// The tool's name.
    pub tool: String,
    /// The arguments, with the values of secrets masked. The journal masks by name and cuts, see [`crate::masked`].
    pub arguments: Value,
    /// The trace that the call is part of.
    pub trace: Option<TraceContext>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// The tool answered.
    Success {
        /// The answer in a few words, see [`result_summary`].
        #[serde(rename = "result_summary")]
        summary: String,
    },
    /// The tool, its limits or the server refused.
    Error {
        /// Who can mend it.
        kind: FaultKind,
        /// The stable word for the case.
        code: String,
        /// What happened.
        message: String,
    },
    /// The tool asked its client for something; another call continues.
    InputRequired,
    /// The client took the call back, or went away.
    Cancelled,
}

impl Outcome {
    /// Success with this structured result.
    #[must_use]
    pub fn success(result: &Value) -> Self {
        Self::Success { summary: result_summary(result) }
    }

    /// The word for it in logs and metrics.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Success { .. } => "success",
            Self::Error { .. } => "error",
            Self::InputRequired => "input_required",
            Self::Cancelled => "cancelled",
        }
    }

    /// The stable word of the failure, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Error { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl From<&Fault> for Outcome {
    fn from(fault: &Fault) -> Self {
        Self::Error { kind: fault.kind, code: fault.code.clone(), message: fault.message.clone() }
    }
}

/// A call that has ended. As JSON it has the names of the log line.
#[derive(Clone, Debug, Serialize)]
pub struct CallRecord {
    /// Its place in the order of ending, from 1.
    pub id: u64,
    /// When it began.
    #[serde(serialize_with = "clock::serialize")]
    pub timestamp: SystemTime,
    /// The number of the request in the log.
    pub request_id: String,
    /// The name of the key that the caller showed.
    #[serde(rename = "agent_id")]
    pub caller: Option<String>,
    /// The plugin's name.
    pub capability: String,
    /// The plugin's version.
    pub version: String,
    /// The digest of the plugin's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The tool's name.
    #[serde(rename = "tool_name")]
    pub tool: String,
    /// The arguments, masked and cut.
    pub arguments: Value,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "serialize_milliseconds")]
    pub duration: Duration,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The trace that it is part of.
    #[serde(rename = "trace_id", skip_serializing_if = "Option::is_none", serialize_with = "serialize_trace")]
    pub trace: Option<TraceContext>,
}

/// Somebody who is told of every call. Both methods run on the call's way, so they must be quick.
pub trait CallObserver: Send + Sync {
    /// A call begins.
    fn began(&self, call: &Call) {
        let _ = call;
    }

    /// A call has ended.
    fn ended(&self, record: &CallRecord);
}

/// Milliseconds to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn serialize_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*duration))
}

fn serialize_trace<S: Serializer>(trace: &Option<TraceContext>, serializer: S) -> Result<S::Ok, S::Error> {
    match trace {
        Some(trace) => serializer.serialize_str(&trace.trace_id()),
        None => serializer.serialize_none(),
    }
}
