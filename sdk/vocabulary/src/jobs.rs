//! Jobs: tool calls that go on after the call that began them, and what is known of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Fault;

/// How long a job may run in all unless its order says otherwise: a day, in seconds.
pub const DEFAULT_JOB_SECONDS: u64 = 86_400;
/// The longest that a job may be allowed: four weeks, in seconds.
pub const MAXIMUM_JOB_SECONDS: u64 = 2_419_200;
/// How often a job is begun at most, counting the restarts after a server that died, unless its order says otherwise.
pub const DEFAULT_ATTEMPTS: u32 = 3;

/// A job to be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobOrder {
    /// What the job is called: letters, digits, `.`, `_` and `-`, at most 63, the first a letter or digit. A name is given once.
    pub name: String,
    /// The tool that does the work, by its advertised name.
    pub tool: String,
    /// What the tool is called with.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// How long the job may run in all, its restarts counted in, in seconds.
    #[serde(default = "default_seconds")]
    pub maximum_seconds: u64,
    /// How often the job is begun at most. It is begun again where the server that ran it died; a tool that keeps checkpoints
    /// goes on from the last one.
    #[serde(default = "default_attempts")]
    pub maximum_attempts: u32,
}

fn default_seconds() -> u64 {
    DEFAULT_JOB_SECONDS
}

fn default_attempts() -> u32 {
    DEFAULT_ATTEMPTS
}

impl JobOrder {
    /// An order with the limits that hold by default.
    pub fn new(name: impl Into<String>, tool: impl Into<String>, arguments: Map<String, Value>) -> Self {
        Self {
            name: name.into(),
            tool: tool.into(),
            arguments,
            maximum_seconds: DEFAULT_JOB_SECONDS,
            maximum_attempts: DEFAULT_ATTEMPTS,
        }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It waits for a server with a free place.
    Queued,
    /// It runs.
    Running,
    /// Somebody asked it to stop, and it has not stopped yet.
    Stopping,
    /// It has finished, and has a result. Terminal.
    Completed,
    /// It has failed, and has a failure. Terminal.
    Failed,
    /// It was stopped before it finished. Terminal.
    Stopped,
}

impl JobStatus {
    /// Whether nothing more will happen to the job.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }

    /// The status in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// A job with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What was ordered.
    pub order: JobOrder,
    /// The plugin whose tool started it.
    pub plugin: String,
    /// Where it stands.
    pub status: JobStatus,
    /// When it was ordered, in seconds since 1970-01-01 UTC.
    pub created_at: f64,
    /// When it was first begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<f64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<f64>,
    /// How often it was begun.
    #[serde(default)]
    pub attempts: u32,
    /// How far it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// How long it will probably still take, in seconds, judged by its pace so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// What the tool answered, once the job is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed or was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Fault>,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobProgress {
    /// How far its present phase has come, in a unit of the tool's own: bytes read, rounds, epochs, trials.
    pub done: f64,
    /// The whole, in the same unit, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// What is being done.
    pub message: String,
    /// When the phase began, in seconds since 1970-01-01 UTC.
    pub since: f64,
    /// When this was reported.
    pub at: f64,
}

/// Jobs in the order of their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobPage {
    /// The jobs of this page.
    pub jobs: Vec<Job>,
    /// What to ask for the next page with; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
