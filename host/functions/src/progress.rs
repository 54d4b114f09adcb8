//! `kumiko:host/progress`: how far a call has come, and whether anybody still waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kumiko_services::jobs::Checkpoint;
use kumiko_vocabulary::Control;
use tokio_util::sync::{CancellationToken, DropGuard};
use wasmtime::component::HasData;

use crate::bindings::kumiko::host::progress as contract;

/// One report.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// How far the call has come.
    pub done: f64,
    /// The whole, in the same unit.
    pub total: Option<f64>,
    /// What is being done.
    pub message: String,
}

/// Where reports go; the protocol layer implements it.
pub trait ProgressSink: Send + Sync {
    /// Takes one report; must not block.
    fn report(&self, update: Update);
}

/// The least time between two reports: twenty a second are as many as anybody can watch.
const INTERVAL: Duration = Duration::from_millis(50);

struct Pace {
    sent: Option<Instant>,
    done: f64,
}

/// The progress and cancellation of one call, for guests through the contract and for kernels as [`Control`]. Clones share it.
#[derive(Clone)]
pub struct CallControl {
    sink: Option<Arc<dyn ProgressSink>>,
    cancellation: CancellationToken,
    pace: Arc<Mutex<Pace>>,
    /// What is kept over the death of the server, where the call is a job's.
    checkpoint: Option<Arc<Checkpoint>>,
}

impl CallControl {
    /// A control that reports to `sink`, where anybody listens.
    #[must_use]
    pub fn new(sink: Option<Arc<dyn ProgressSink>>, cancellation: CancellationToken) -> Self {
        let cancellation = cancellation.child_token();
        let pace = Arc::new(Mutex::new(Pace { sent: None, done: f64::NEG_INFINITY }));
        Self { sink, cancellation, pace, checkpoint: None }
    }

    /// The same control for a call that goes on from `checkpoint` and keeps its state there.
    #[must_use]
    pub fn with_checkpoint(self, checkpoint: Arc<Checkpoint>) -> Self {
        Self { checkpoint: Some(checkpoint), ..self }
    }

    /// Cancels this call's own token when the value goes: whatever still computes for the call stops soon. The caller's token,
    /// from which this one descends, is not touched.
    #[must_use]
    pub fn ending(&self) -> DropGuard {
        self.cancellation.clone().drop_guard()
    }

    /// The token that ends the call.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }
}

impl Control for CallControl {
    fn report(&self, done: f64, total: Option<f64>, message: &str) {
        let Some(sink) = &self.sink else { return };
        if !done.is_finite() {
            return;
        }
        {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            // The protocol demands that progress increases; the end is always told.
            let finished = total.is_some_and(|total| done >= total);
            let early = pace.sent.is_some_and(|sent| sent.elapsed() < INTERVAL);
            if done <= pace.done || (early && !finished) {
                return;
            }
            *pace = Pace { sent: Some(Instant::now()), done };
        }
        sink.report(Update {
            done,
            total: total.filter(|total| total.is_finite()),
            message: message.chars().take(500).collect(),
        });
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    fn keeps(&self) -> bool {
        self.checkpoint.is_some()
    }

    fn kept(&self, key: &str) -> Option<Vec<u8>> {
        self.checkpoint.as_ref()?.kept(key)
    }

    fn is_keeping_due(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.is_due())
    }

    fn keep(&self, key: &str, state: Vec<u8>) {
        let Some(checkpoint) = &self.checkpoint else { return };
        if let Err(fault) = checkpoint.keep(key, &state) {
            tracing::warn!(code = fault.code, "a checkpoint cannot be kept: {}", fault.message);
        }
    }
}

pub(crate) struct Progress;

impl HasData for Progress {
    type Data<'a> = ProgressView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct ProgressView<'a> {
    pub(crate) control: &'a CallControl,
}

impl contract::Host for ProgressView<'_> {
    async fn report(&mut self, done: f64, total: Option<f64>, message: String) -> wasmtime::Result<()> {
        self.control.report(done, total, &message);
        Ok(())
    }

    async fn is_cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.control.is_cancelled())
    }
}
