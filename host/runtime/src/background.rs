//! Where guests go on that compute for long: threads of their own, which the system runs as long as nobody else wants the processor.
//!
//! ```text
//! a call's own task ─ polls the guest ─┬─ it ends, or waits for the host: as any future
//!                                      └─ it is interrupted by a tick: ─► the line ─► one of the threads, tick by tick in turn
//! ```
//!
//! The threads give way ([`priority`]), so however many guests loop, a call that needs a millisecond finds a processor at once; and the
//! guests have all processors that nobody else needs. Whoever awaits the work may give it up at any time: it is dropped at once where it
//! waits, and at its next interruption where it runs.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::{Error, priority};

/// The threads, as long as somebody holds them. Clones share them.
#[derive(Clone)]
pub(crate) struct Background(Arc<Threads>);

/// What the threads serve; they end with it.
struct Threads(Arc<Line>);

/// The work that can go on, first come first served.
#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Arc<Job>>,
    closed: bool,
}

/// A piece of work, which stands in line no more than once and runs on no more than one thread.
struct Job {
    work: Mutex<Option<BoxFuture<'static, ()>>>,
    /// One of [`RESTS`], [`WAITS`], [`RUNS`] and [`RUNS_AGAIN`].
    state: AtomicU8,
    /// Set once nobody awaits it any more.
    given_up: AtomicBool,
    line: Weak<Line>,
    /// The timers and sockets that it was begun with.
    runtime: Handle,
}

/// Nothing woke it.
const RESTS: u8 = 0;
/// It stands in line.
const WAITS: u8 = 1;
/// A thread polls it.
const RUNS: u8 = 2;
/// The same, and something woke it meanwhile.
const RUNS_AGAIN: u8 = 3;

impl Background {
    /// Starts a thread for each processor.
    pub(crate) fn start() -> Result<Self, Error> {
        let line = Arc::new(Line::default());
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let line = Arc::clone(&line);
            let spawned = thread::Builder::new().name("long-guests".to_owned()).spawn(move || {
                priority::give_way();
                while let Some(job) = line.next() {
                    job.run();
                }
            });
            spawned.map_err(|error| Error::Engine { reason: error.to_string() })?;
        }
        Ok(Self(Arc::new(Threads(line))))
    }

    /// Runs `work` to its end: in the task that awaits this, until `is_long` holds after a poll, and from then on in the background.
    /// `None` where the threads have ended.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + Unpin + 'static,
        is_long: impl Fn() -> bool,
    ) -> Option<T> {
        let mut work = Some(work);
        let ended = poll_fn(|context| {
            let polled = work.as_mut().map(|work| Pin::new(work).poll(context));
            match polled {
                Some(Poll::Ready(ended)) => Poll::Ready(Some(ended)),
                Some(Poll::Pending) if !is_long() => Poll::Pending,
                Some(Poll::Pending) | None => Poll::Ready(None),
            }
        })
        .await;
        if ended.is_some() {
            return ended;
        }
        let work = work?.instrument(tracing::Span::current());
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // Whoever awaits it may have given it up.
        let work: BoxFuture<'static, ()> = Box::pin(async move { drop(sender.send(work.await)) });
        let job = Arc::new(Job {
            work: Mutex::new(Some(work)),
            state: AtomicU8::new(RESTS),
            given_up: AtomicBool::new(false),
            line: Arc::downgrade(&self.0.0),
            runtime: Handle::current(),
        });
        let _awaited = Awaited(Arc::clone(&job));
        job.wake();
        receiver.await.ok()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        let jobs = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        self.0.came.notify_all();
        // Outside of the lock: what goes with them may wake others.
        drop(jobs);
    }
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, job: Arc<Job>) {
        let mut waiting = self.waiting();
        if waiting.closed {
            drop(waiting);
            drop(job);
            return;
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.came.notify_one();
    }

    /// The first in line; `None` once there will be no more.
    fn next(&self) -> Option<Arc<Job>> {
        let mut waiting = self.waiting();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Job {
    /// Polls it once, for a thread that took it out of the line.
    fn run(self: Arc<Self>) {
        self.state.store(RUNS, Ordering::SeqCst);
        let ended = {
            let _within = self.runtime.enter();
            let waker = Waker::from(Arc::clone(&self));
            let mut work = self.work();
            // Work that panics is caught where it runs; here a thread is kept from what its remains may do.
            let polled = catch_unwind(AssertUnwindSafe(|| match work.as_mut() {
                Some(work) => work.as_mut().poll(&mut Context::from_waker(&waker)),
                None => Poll::Ready(()),
            }));
            let ended = !matches!(polled, Ok(Poll::Pending));
            if ended || self.given_up.load(Ordering::SeqCst) {
                forget(work.take());
            }
            ended
        };
        // It may have been given up between the last look and the end of the lock.
        if ended || self.given_up.load(Ordering::SeqCst) {
            self.clear();
            return;
        }
        if self.state.compare_exchange(RUNS, RESTS, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            self.state.store(WAITS, Ordering::SeqCst);
            if let Some(line) = self.line.upgrade() {
                line.add(self);
            }
        }
    }

    fn work(&self) -> MutexGuard<'_, Option<BoxFuture<'static, ()>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the work, unless a thread polls it.
    fn clear(&self) {
        let work = self.work.try_lock().ok().and_then(|mut work| work.take());
        let _within = self.runtime.enter();
        forget(work);
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        let woken = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| match state {
            RESTS => Some(WAITS),
            RUNS => Some(RUNS_AGAIN),
            _ => None,
        });
        if woken == Ok(RESTS)
            && let Some(line) = self.line.upgrade()
        {
            line.add(self);
        }
    }
}

/// Drops work that may not go without a panic.
fn forget(work: Option<BoxFuture<'static, ()>>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
}

/// Somebody awaits a job; dropped, nobody does.
struct Awaited(Arc<Job>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::SeqCst);
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn long() -> bool {
        true
    }

    /// Is polled so many times, and says on which threads.
    async fn polled(times: usize) -> Vec<String> {
        let mut threads = Vec::new();
        for _ in 0..times {
            threads.push(thread::current().name().unwrap_or_default().to_owned());
            tokio::task::yield_now().await;
        }
        threads
    }

    #[tokio::test]
    async fn work_goes_on_in_the_background_once_it_is_long() {
        let background = Background::start().unwrap();
        let here = background.run(Box::pin(polled(3)), || false).await.unwrap();
        assert!(here.iter().all(|thread| thread != "long-guests"), "{here:?}");
        let there = background.run(Box::pin(polled(3)), long).await.unwrap();
        assert!(there[0] != "long-guests" && there[1..].iter().all(|thread| thread == "long-guests"), "{there:?}");
    }

    #[tokio::test]
    async fn timers_of_the_runtime_go_on() {
        let background = Background::start().unwrap();
        let began = Instant::now();
        let work = Box::pin(async {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(30)).await;
            tokio::spawn(async { 7 }).await.unwrap()
        });
        assert_eq!(background.run(work, long).await, Some(7));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }

    /// Says when it is dropped.
    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn what_nobody_awaits_is_dropped_whether_it_waits_or_runs() {
        let background = Background::start().unwrap();
        for computes in [false, true] {
            let gone = Arc::new(AtomicBool::new(false));
            let held = Dropped(Arc::clone(&gone));
            let work = Box::pin(async move {
                let _held = held;
                loop {
                    tokio::task::yield_now().await;
                    if computes {
                        thread::sleep(Duration::from_millis(2));
                    } else {
                        std::future::pending::<()>().await;
                    }
                }
            });
            let given_up = tokio::time::timeout(Duration::from_millis(50), background.run(work, long)).await;
            assert!(given_up.is_err());
            let began = Instant::now();
            while !gone.load(Ordering::SeqCst) {
                assert!(began.elapsed() < Duration::from_secs(5), "it is still there, computes: {computes}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    #[tokio::test]
    async fn many_at_once_all_end() {
        let background = Background::start().unwrap();
        let all = (0..200).map(|number| {
            let background = background.clone();
            tokio::spawn(async move { background.run(Box::pin(polled(number % 7 + 1)), long).await.unwrap().len() })
        });
        for (number, ended) in all.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(ended.await.unwrap(), number % 7 + 1);
        }
    }

    #[tokio::test]
    async fn work_that_panics_costs_no_thread() {
        let background = Background::start().unwrap();
        for _ in 0..2 * thread::available_parallelism().unwrap().get() {
            let work = Box::pin(async {
                tokio::task::yield_now().await;
                assert!(!long(), "it panics");
            });
            assert_eq!(background.run(work, long).await, None);
        }
        assert_eq!(background.run(Box::pin(polled(2)), long).await.unwrap().len(), 2);
    }
}
