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
    /// How far the present phase has come: bytes read, then trials done.
    pub done: f64,
    /// The whole of the phase, in the same unit.
    pub total: Option<f64>,
    /// What is being done.
    pub message: String,
    /// How long ago the phase began.
    pub elapsed: Duration,
    /// What the phases before it came to, for listeners that want one number that only grows.
    pub before: f64,
}

/// Where reports go; the protocol layer implements it.
pub trait ProgressSink: Send + Sync {
    /// Takes one report; must not block.
    fn report(&self, update: Update);
}

/// The least time between two reports: twenty a second are as many as anybody can watch.
const INTERVAL: Duration = Duration::from_millis(50);

/// What was told last.
#[derive(Default)]
struct Told {
    at: Option<Instant>,
    /// When the phase began.
    since: Option<Instant>,
    done: f64,
    total: Option<f64>,
    /// See [`Update::before`].
    before: f64,
}

impl Told {
    /// What is to be told of a report, if anything: a phase only goes forward, and its end is always told. A new phase begins with another
    /// total, or after the end of the last one.
    fn next(&self, done: f64, total: Option<f64>) -> Option<Self> {
        let finishes = |done: f64, total: Option<f64>| total.is_some_and(|total| done >= total);
        let finished = finishes(done, total);
        let at = Some(Instant::now());
        let Some(last) = self.at else { return Some(Self { at, since: at, done, total, before: 0.0 }) };
        if last.elapsed() < INTERVAL && !finished {
            return None;
        }
        if total != self.total || (finishes(self.done, self.total) && !finished) {
            // Strictly more than was told, even where the phase begins at nothing.
            return Some(Self { at, since: at, done, total, before: self.before + self.done + 1.0 });
        }
        (done > self.done).then_some(Self { at, since: self.since, done, total, before: self.before })
    }
}

/// The progress and cancellation of one call, for guests through the contract and for kernels as [`Control`]. Clones share it.
#[derive(Clone)]
pub struct CallControl {
    sink: Option<Arc<dyn ProgressSink>>,
    cancellation: CancellationToken,
    told: Arc<Mutex<Told>>,
    /// What is kept over the death of the server, where the call is a job's.
    checkpoint: Option<Arc<Checkpoint>>,
}

impl CallControl {
    /// A control that reports to `sink`, where anybody listens.
    #[must_use]
    pub fn new(sink: Option<Arc<dyn ProgressSink>>, cancellation: CancellationToken) -> Self {
        let cancellation = cancellation.child_token();
        Self { sink, cancellation, told: Arc::default(), checkpoint: None }
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
        if !done.is_finite() || done < 0.0 {
            return;
        }
        let total = total.filter(|total| total.is_finite());
        let (elapsed, before) = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(next) = told.next(done, total) else { return };
            *told = next;
            (told.since.map(|since| since.elapsed()).unwrap_or_default(), told.before)
        };
        sink.report(Update { done, total, message: message.chars().take(500).collect(), elapsed, before });
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of reports that come at leisure: the number of the protocol and the steps of the phase.
    fn told(reports: &[(f64, Option<f64>)]) -> Vec<(f64, f64)> {
        let mut told = Told::default();
        let mut heard = Vec::new();
        for (done, total) in reports {
            if let Some(next) = told.next(*done, *total) {
                heard.push((next.before + next.done, next.done));
                told = Told { at: next.at.and_then(|at| at.checked_sub(INTERVAL)), ..next };
            }
        }
        heard
    }

    #[test]
    fn a_phase_goes_forward_only() {
        let trials = Some(10.0);
        assert_eq!(
            told(&[(1.0, trials), (3.0, trials), (2.0, trials), (4.0, trials)]),
            [(1.0, 1.0), (3.0, 3.0), (4.0, 4.0)]
        );
    }

    #[test]
    fn a_new_phase_begins_anew_and_its_number_still_grows() {
        let heard =
            told(&[(500.0, Some(900.0)), (1.0, Some(24.0)), (24.0, Some(24.0)), (0.0, Some(24.0)), (7.0, None)]);
        let steps: Vec<f64> = heard.iter().map(|(_, done)| *done).collect();
        assert_eq!(steps, [500.0, 1.0, 24.0, 0.0, 7.0]);
        assert!(heard.is_sorted_by(|one, next| one.0 < next.0), "{heard:?}");
    }

    #[test]
    fn reports_in_haste_are_merged_and_the_end_is_told() {
        let first = Told::default().next(1.0, Some(9.0)).unwrap();
        assert!(first.next(2.0, Some(9.0)).is_none());
        assert!(first.next(9.0, Some(9.0)).is_some());
    }
}
