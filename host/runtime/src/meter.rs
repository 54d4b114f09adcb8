//! Processor time: how much of it a call has used.
//!
//! The epoch interrupts a guest every [`TICK`](crate::limits::TICK) of wall time. What it has used until then is read from the
//! clock of its thread, so that host functions are charged to the call that asked for them, and waiting is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// The processor time of one call.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Nanoseconds until the present poll.
    spent: AtomicU64,
    /// What the clock of the thread showed when the present poll began.
    began: AtomicU64,
    /// Whether the guest was interrupted.
    interrupted: AtomicBool,
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Polls the work of the call, on whichever thread, and counts what it uses there.
    pub(crate) fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.began.store(thread_time(), Ordering::Relaxed);
        let polled = poll();
        self.spent.fetch_add(self.present(), Ordering::Relaxed);
        polled
    }

    /// What was used so far; asked from within the work.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed) + self.present())
    }

    /// Whether the guest has computed for a whole tick.
    pub(crate) fn is_long(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Lets others run.
    pub(crate) async fn interrupt(self: Arc<Self>) {
        self.interrupted.store(true, Ordering::Relaxed);
        let mut yielded = false;
        std::future::poll_fn(|context: &mut Context<'_>| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
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
        let meter = Meter::new();
        let mut work = Box::pin(async {
            compute(Duration::from_millis(5));
            tokio::time::sleep(Duration::from_millis(300)).await;
            compute(Duration::from_millis(5));
            meter.used()
        });
        let used = std::future::poll_fn(|context| meter.poll(|| work.as_mut().poll(context))).await;
        assert!(used >= Duration::from_millis(10) && used < Duration::from_millis(250), "{used:?}");
    }

    #[tokio::test]
    async fn who_is_interrupted_is_long_from_then_on() {
        let meter = Meter::new();
        assert!(!meter.is_long());
        Arc::clone(&meter).interrupt().await;
        assert!(meter.is_long());
    }
}
