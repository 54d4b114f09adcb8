//! Numbers over the calls: how many, how fast, how often they fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kumiko_telemetry::{CallObserver, CallRecord, Outcome};

/// Minutes that are shown.
const MINUTES: usize = 60;

/// Calls that quantiles are taken of: enough for the hundredth part, few enough to sort at each look.
const DURATIONS: usize = 1_000;

/// The numbers since the server started.
pub struct Tally {
    started: Instant,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    calls: u64,
    errors: u64,
    by_capability: BTreeMap<String, (u64, u64)>,
    /// Calls by minute since the start, the last one the minute that runs.
    minutes: VecDeque<(u64, u64)>,
    durations: VecDeque<Duration>,
}

/// The numbers at one moment.
pub(super) struct Numbers {
    pub(super) calls: u64,
    pub(super) errors: u64,
    /// Calls in each of the last sixty minutes, the oldest first.
    pub(super) by_minute: Vec<u64>,
    pub(super) median: Option<Duration>,
    pub(super) slowest_hundredth: Option<Duration>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { started: Instant::now(), counts: Mutex::default() }
    }
}

impl Tally {
    /// Calls of one capability, and how many of them failed.
    pub(super) fn of(&self, capability: &str) -> (u64, u64) {
        self.lock().by_capability.get(capability).copied().unwrap_or_default()
    }

    /// The numbers over all calls.
    pub(super) fn numbers(&self) -> Numbers {
        let minute = self.minute();
        let counts = self.lock();
        let mut by_minute = vec![0; MINUTES];
        for (at, calls) in &counts.minutes {
            let place = usize::try_from(minute - at).ok().and_then(|ago| (MINUTES - 1).checked_sub(ago));
            if let Some(slot) = place.and_then(|place| by_minute.get_mut(place)) {
                *slot = *calls;
            }
        }
        let mut durations: Vec<Duration> = counts.durations.iter().copied().collect();
        durations.sort_unstable();
        let at =
            |share: f64| durations.get((durations.len().saturating_sub(1) as f64 * share).round() as usize).copied();
        Numbers { calls: counts.calls, errors: counts.errors, by_minute, median: at(0.5), slowest_hundredth: at(0.99) }
    }

    fn minute(&self) -> u64 {
        self.started.elapsed().as_secs() / 60
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallObserver for Tally {
    fn ended(&self, record: &CallRecord) {
        let minute = self.minute();
        let failed = u64::from(matches!(record.outcome, Outcome::Error { .. }));
        let mut counts = self.lock();
        counts.calls += 1;
        counts.errors += failed;
        let own = counts.by_capability.entry(record.capability.clone()).or_default();
        *own = (own.0 + 1, own.1 + failed);
        match counts.minutes.back_mut() {
            Some((at, calls)) if *at == minute => *calls += 1,
            _ => counts.minutes.push_back((minute, 1)),
        }
        if counts.minutes.len() > MINUTES {
            counts.minutes.pop_front();
        }
        if counts.durations.len() >= DURATIONS {
            counts.durations.pop_front();
        }
        counts.durations.push_back(record.duration);
    }
}
