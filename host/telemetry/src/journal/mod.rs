//! The journal: what runs, what ran last, and one line of the log for each call.

mod line;
mod scribe;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

pub use line::{CALL_TARGET, Form};

use crate::call::{Call, CallObserver, CallRecord, Outcome};
use crate::mask::masked;
use scribe::Scribe;

/// The calls that stay in memory after their end. At 8 KiB of arguments each, 4 MiB at most.
pub const RECENT_CALLS: usize = 500;

/// What runs and what ran last.
#[derive(Default)]
pub struct Journal {
    state: Mutex<State>,
    observers: Vec<Arc<dyn CallObserver>>,
    /// Who writes the lines, where that is not the call itself.
    scribe: Option<Scribe>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<u64, RunningCall>,
    recent: VecDeque<Arc<CallRecord>>,
    /// Calls that have begun.
    begun: u64,
    /// Calls that have ended.
    ended: u64,
}

/// A call that runs.
#[derive(Clone, Debug)]
pub struct RunningCall {
    /// Its place in the order of beginning, from 1.
    pub id: u64,
    /// When it began.
    pub timestamp: SystemTime,
    /// What it is, its arguments masked and cut.
    pub call: Arc<Call>,
    began: Instant,
}

impl RunningCall {
    /// How long it has run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Journal {
    /// An empty journal that tells these of each call.
    #[must_use]
    pub fn new(observers: Vec<Arc<dyn CallObserver>>) -> Arc<Self> {
        Arc::new(Self { observers, ..Self::default() })
    }

    /// The same, with the lines of calls written by a thread of their own, some milliseconds after the calls end.
    #[must_use]
    pub fn with_scribe(observers: Vec<Arc<dyn CallObserver>>) -> Arc<Self> {
        Arc::new(Self { observers, scribe: Scribe::start(), ..Self::default() })
    }

    /// Waits until the lines of all calls that have ended are written.
    pub fn flush(&self) {
        if let Some(scribe) = &self.scribe {
            scribe.flush();
        }
    }

    /// Records that a call begins. It is recorded as cancelled where the guard is dropped before [`Running::end`], as
    /// happens when the future that carries the call is dropped.
    pub fn begin(self: &Arc<Self>, mut call: Call) -> Running {
        call.arguments = masked(&call.arguments);
        for observer in &self.observers {
            observer.began(&call);
        }
        let mut state = self.state();
        state.begun += 1;
        let id = state.begun;
        let running = RunningCall { id, timestamp: SystemTime::now(), call: Arc::new(call), began: Instant::now() };
        state.running.insert(id, running);
        Running { journal: Arc::clone(self), id: Some(id) }
    }

    /// The calls that run, the oldest first.
    #[must_use]
    pub fn running(&self) -> Vec<RunningCall> {
        self.state().running.values().cloned().collect()
    }

    /// The calls that ended after the one with this id, in the order of ending; all that are kept where `after` is 0.
    /// Of more than [`RECENT_CALLS`], the last are kept.
    #[must_use]
    pub fn recent(&self, after: u64) -> Vec<Arc<CallRecord>> {
        self.state().recent.iter().filter(|record| record.id > after).cloned().collect()
    }

    fn end(&self, id: u64, outcome: Outcome) -> Option<Arc<CallRecord>> {
        let record = self.state().end(id, outcome)?;
        match &self.scribe {
            Some(scribe) => scribe.write(&record),
            None => line::write(&record),
        }
        for observer in &self.observers {
            observer.ended(&record);
        }
        Some(record)
    }

    /// Nothing that may panic runs under this lock, and what it guards is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, id: u64, outcome: Outcome) -> Option<Arc<CallRecord>> {
        let RunningCall { timestamp, call, began, .. } = self.running.remove(&id)?;
        let call = Arc::unwrap_or_clone(call);
        self.ended += 1;
        let record = Arc::new(CallRecord {
            id: self.ended,
            timestamp,
            request_id: call.request_id,
            caller: call.caller,
            capability: call.capability,
            version: call.version,
            digest: call.digest,
            tool: call.tool,
            arguments: call.arguments,
            duration: began.elapsed(),
            outcome,
            trace: call.trace,
        });
        if self.recent.len() >= RECENT_CALLS {
            self.recent.pop_front();
        }
        self.recent.push_back(Arc::clone(&record));
        Some(record)
    }
}

/// A call that runs; dropped, it was cancelled.
#[must_use = "a call whose guard is dropped is recorded as cancelled"]
pub struct Running {
    journal: Arc<Journal>,
    /// Absent once the end is recorded.
    id: Option<u64>,
}

impl Running {
    /// Records how the call ended. The record is absent only where the end was recorded before.
    pub fn end(mut self, outcome: Outcome) -> Option<Arc<CallRecord>> {
        self.finish(outcome)
    }

    fn finish(&mut self, outcome: Outcome) -> Option<Arc<CallRecord>> {
        self.journal.end(self.id.take()?, outcome)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled);
    }
}
