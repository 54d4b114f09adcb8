//! Jobs: tool calls that go on after the call that began them, and over the end of a server.
//!
//! ```text
//! start ─► record (queued) ─► claim by a server with a free place ─► run, with a lease renewed ─► result or failure
//!                                   ▲                                        │ the server dies
//!                                   └────────── the lease runs out ◄─────────┘
//! ```
//!
//! A job is one record in the object store, changed by compare-and-swap alone. Whoever runs it holds a lease in the record and
//! renews it; where the lease has run out, any server that shares the store may claim the job and begin it again, and work that kept
//! checkpoints goes on from the last one. So a job survives the death of its server, and no two servers write its result.
//!
//! [`Jobs`] is the service; [`EmbeddedJobs`] keeps the records, and its runner does the work by a [`JobWork`] that the layer above
//! brings: calling a tool is nothing a service knows about.

mod checkpoint;
mod embedded;
mod error;
mod record;
mod runner;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::jobs::{Job, JobOrder, JobPage};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use checkpoint::Checkpoint;
pub use embedded::EmbeddedJobs;
pub use error::Error;

/// Jobs as tools see them.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Records an order; a server with a free place begins it soon. `plugin` is the plugin whose tool asked, `caller` the person or
    /// program behind it.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Limit`], and [`Error::Exists`] where the name was given before.
    async fn start(&self, order: JobOrder, plugin: &str, caller: &str) -> Result<Job, Error>;

    /// What is known of a job.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    async fn get(&self, name: &str) -> Result<Job, Error>;

    /// Jobs whose name begins with `prefix`, in the order of their names, at most `limit` (1 to 100) a page.
    ///
    /// # Errors
    /// A cursor that is none.
    async fn list(&self, prefix: &str, cursor: Option<&str>, limit: usize) -> Result<JobPage, Error>;

    /// Asks a job to stop. One that waits is stopped at once, one that runs soon; one that has ended stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    async fn stop(&self, name: &str) -> Result<Job, Error>;
}

/// How far the work of a job has come.
#[derive(Clone, Debug, PartialEq)]
pub struct JobReport {
    /// How far its present phase has come.
    pub done: f64,
    /// The whole of the phase, in the same unit.
    pub total: Option<f64>,
    /// What is being done.
    pub message: String,
    /// How long ago the phase began.
    pub elapsed: Duration,
}

/// What a running job tells, and how it learns that it shall stop.
#[derive(Clone)]
pub struct JobWatch {
    /// Takes how far the work has come. Must not block.
    pub report: Arc<dyn Fn(JobReport) + Send + Sync>,
    /// Ends the work: the job was stopped, its time is up, its server stops, or another server has taken it over.
    pub cancellation: CancellationToken,
    /// What the work keeps, to go on from after its server died.
    pub checkpoint: Arc<Checkpoint>,
}

/// Does the work of jobs; the layer above implements it.
#[async_trait]
pub trait JobWork: Send + Sync {
    /// Runs a job to its end.
    ///
    /// # Errors
    /// Whatever the tool fails with.
    async fn run(&self, job: &Job, caller: &str, watch: JobWatch) -> Result<Value, Fault>;
}
