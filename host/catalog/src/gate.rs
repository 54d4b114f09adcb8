//! What stands before a plugin's calls: how many at once, how many a minute, and whether it has been trapping.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kumiko_runtime::limits::CONCURRENT_CALLS;
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls of one plugin at once where the operator says nothing: three quarters of what the host allows, so that no plugin keeps
/// all others out.
const PLACES: usize = CONCURRENT_CALLS as usize / 4 * 3;

/// So many traps within [`WINDOW`] hold a plugin off.
const TRAPS: usize = 5;
/// The time over which traps are counted.
const WINDOW: Duration = Duration::from_secs(30);
/// How long a plugin is held off at first; twice as long each further time, up to [`LONGEST_HOLD`].
const FIRST_HOLD: Duration = Duration::from_secs(5);
/// The longest a plugin is held off.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// What an operator set for a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateSettings {
    /// Calls at once; [`PLACES`] where absent.
    pub concurrent_calls: Option<usize>,
    /// Calls a minute, evenly refilled; without bound where absent.
    pub calls_per_minute: Option<u32>,
}

/// The gate of one loaded version. A successor begins with a gate of its own.
pub(crate) struct Gate {
    plugin: String,
    places: Arc<Semaphore>,
    rate: Option<Mutex<Rate>>,
    breaker: Mutex<Breaker>,
}

/// A bucket of calls that refills evenly; full, it holds a minute's worth.
struct Rate {
    a_minute: f64,
    left: f64,
    at: Instant,
}

#[derive(Default)]
struct Breaker {
    traps: VecDeque<Instant>,
    held_until: Option<Instant>,
    hold: Duration,
}

impl Gate {
    pub(crate) fn new(plugin: &str, settings: GateSettings) -> Self {
        let rate = settings.calls_per_minute.map(|calls| {
            let a_minute = f64::from(calls);
            Mutex::new(Rate { a_minute, left: a_minute, at: Instant::now() })
        });
        Self {
            plugin: plugin.to_owned(),
            places: Arc::new(Semaphore::new(settings.concurrent_calls.unwrap_or(PLACES).max(1))),
            rate,
            breaker: Mutex::default(),
        }
    }

    /// Lets a call in, waiting for a place where all are taken.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let now = Instant::now();
        self.admit(now)?;
        Arc::clone(&self.places).acquire_owned().await.map_err(|_| {
            Fault::new(FaultKind::Unavailable, "shutting_down", "the server is stopping and takes no more calls")
        })
    }

    /// Whether a call may come in at this moment, but for a place.
    fn admit(&self, now: Instant) -> Result<(), Fault> {
        if let Some(wait) = self.held_at(now) {
            let message = format!("the plugin `{}` broke off {TRAPS} times in a row and is held off", self.plugin);
            return Err(later("plugin_held_off", message, wait));
        }
        if let Some(rate) = &self.rate {
            rate.lock().unwrap_or_else(PoisonError::into_inner).take(now).map_err(|wait| {
                later(
                    "plugin_rate_limit",
                    format!("the plugin `{}` takes no more calls this minute", self.plugin),
                    wait,
                )
            })?;
        }
        Ok(())
    }

    /// For how much longer the plugin is held off.
    pub(crate) fn held(&self) -> Option<Duration> {
        self.held_at(Instant::now())
    }

    fn held_at(&self, now: Instant) -> Option<Duration> {
        let breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.held_until?.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Records that a call ended in a trap; true where that holds the plugin off.
    pub(crate) fn trapped(&self) -> bool {
        self.trapped_at(Instant::now())
    }

    fn trapped_at(&self, now: Instant) -> bool {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.traps.push_back(now);
        while breaker.traps.front().is_some_and(|trap| now.duration_since(*trap) > WINDOW) {
            breaker.traps.pop_front();
        }
        if breaker.traps.len() < TRAPS || breaker.held_until.is_some_and(|until| until > now) {
            return false;
        }
        // Soon after the last time it is the same defect; later, another one.
        let again = breaker.held_until.is_some_and(|until| now.duration_since(until) <= LONGEST_HOLD);
        breaker.hold = if again { (breaker.hold * 2).min(LONGEST_HOLD) } else { FIRST_HOLD };
        breaker.held_until = Some(now + breaker.hold);
        breaker.traps.clear();
        true
    }
}

impl Rate {
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let refilled = now.duration_since(self.at).as_secs_f64() * self.a_minute / 60.0;
        (self.left, self.at) = ((self.left + refilled).min(self.a_minute), now);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) * 60.0 / self.a_minute))
    }
}

fn later(code: &str, message: String, wait: Duration) -> Fault {
    let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    Fault::new(FaultKind::Unavailable, code, message)
        .hint(format!("repeat the call in {:.0} seconds", wait.as_secs_f64().ceil()))
        .data(json!({ "retry_after_milliseconds": milliseconds }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(settings: GateSettings) -> Gate {
        Gate::new("sample", settings)
    }

    #[test]
    fn five_traps_in_half_a_minute_hold_a_plugin_off_each_time_for_longer() {
        let gate = gate(GateSettings::default());
        let (mut now, mut holds) = (Instant::now(), Vec::new());
        for _ in 0..6 {
            for trap in 1..=TRAPS {
                assert!(gate.admit(now).is_ok());
                assert_eq!(gate.trapped_at(now), trap == TRAPS);
            }
            assert_eq!(gate.admit(now).unwrap_err().code, "plugin_held_off");
            let held = gate.held_at(now).unwrap();
            holds.push(held.as_secs());
            now += held;
        }
        assert_eq!(holds, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn traps_far_apart_hold_nothing_off() {
        let gate = gate(GateSettings::default());
        let mut now = Instant::now();
        for _ in 0..20 {
            assert!(!gate.trapped_at(now));
            now += Duration::from_secs(8);
        }
        assert!(gate.admit(now).is_ok());
    }

    #[test]
    fn a_minutes_calls_are_refilled_evenly() {
        let gate = gate(GateSettings { calls_per_minute: Some(6), ..GateSettings::default() });
        let now = Instant::now();
        for _ in 0..6 {
            assert!(gate.admit(now).is_ok());
        }
        assert_eq!(gate.admit(now).unwrap_err().code, "plugin_rate_limit");
        let later = now + Duration::from_secs(10);
        assert!(gate.admit(later).is_ok());
        assert!(gate.admit(later).is_err());
    }

    #[tokio::test]
    async fn a_call_beyond_the_places_waits_for_one() {
        let gate = gate(GateSettings { concurrent_calls: Some(1), ..GateSettings::default() });
        let first = gate.enter().await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), gate.enter()).await.is_err());
        drop(first);
        assert!(gate.enter().await.is_ok());
    }
}
