//! Processor time: how much of it a call has used, and turns among the calls that use much of it.
//!
//! The epoch interrupts a guest every [`TICK`](crate::limits::TICK) of wall time. What it has used until then is read from the
//! clock of its thread, so that host functions are charged to the call that asked for them, and waiting is not.
//!
//! A guest that computes for longer than a tick takes turns with others like it. There is one turn less than there are threads, so
//! however many guests loop, a call that needs a millisecond finds a thread.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all calls.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// The processor time of one call, and its turn.
#[derive(Debug)]
pub(crate) struct Meter {
    turns: Turns,
    turn: Mutex<Option<OwnedSemaphorePermit>>,
    /// Nanoseconds until the present poll.
    spent: AtomicU64,
    /// What the clock of the thread showed when the present poll began.
    began: AtomicU64,
}

impl Turns {
    /// Turns for the threads of the async runtime that this is called in.
    pub(crate) fn new() -> Self {
        let threads = tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
        Self(Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))))
    }
}

impl Meter {
    pub(crate) fn new(turns: &Turns) -> Arc<Self> {
        let (spent, began) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { turns: turns.clone(), turn: Mutex::default(), spent, began })
    }

    /// Runs `work`, on whichever threads, and counts what it uses there.
    pub(crate) async fn count<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            self.began.store(thread_time(), Ordering::Relaxed);
            let polled = work.as_mut().poll(context);
            self.spent.fetch_add(self.present(), Ordering::Relaxed);
            // Whoever waits, for its turn or for the host, holds none.
            self.end_turn();
            polled
        })
        .await
    }

    /// What was used so far; asked from within the work.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed) + self.present())
    }

    /// Lets others run, and waits for the next turn.
    pub(crate) async fn next_turn(self: Arc<Self>) {
        self.end_turn();
        tokio::task::yield_now().await;
        // The semaphore is never closed; without a turn the guest would merely run on.
        let turn = Arc::clone(&self.turns.0).acquire_owned().await.ok();
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    fn end_turn(&self) {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Nanoseconds of the present poll.
    fn present(&self) -> u64 {
        thread_time().saturating_sub(self.began.load(Ordering::Relaxed))
    }
}

/// The processor time that this thread has used, in nanoseconds.
#[cfg(unix)]
fn thread_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or_default() * 1_000_000_000 + nanoseconds.unwrap_or_default()
}

/// Where threads have no clock of their own, the time that passes while they run counts.
#[cfg(not(unix))]
fn thread_time() -> u64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(time: Duration) {
        let until = thread_time() + u64::try_from(time.as_nanos()).unwrap();
        while thread_time() < until {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn computing_counts_and_waiting_does_not() {
        let meter = Meter::new(&Turns::new());
        let work = async {
            compute(Duration::from_millis(5));
            tokio::time::sleep(Duration::from_millis(300)).await;
            compute(Duration::from_millis(5));
            meter.used()
        };
        let used = meter.count(work).await;
        assert!(used >= Duration::from_millis(10) && used < Duration::from_millis(250), "{used:?}");
    }

    #[tokio::test]
    async fn a_turn_ends_where_its_holder_waits() {
        let turns = Turns::new();
        let (first, second) = (Meter::new(&turns), Meter::new(&turns));
        let waits = async {
            Arc::clone(&first).next_turn().await;
            std::future::pending::<()>().await;
        };
        let computes = async {
            Arc::clone(&second).next_turn().await;
            second.used()
        };
        tokio::select! {
            () = first.count(waits) => panic!("it waits for ever"),
            _ = second.count(computes) => {}
        }
    }
}
