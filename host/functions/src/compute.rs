//! The bounded pool for work that computes: reading, transforming, training, drawing.
//!
//! Kernels use all cores by themselves, so more than a few at once only compete for memory. Who has to wait stands in the line of
//! their caller, and the lines take turns: somebody who asks for a hundred trainings delays somebody who asks for one by one
//! training, not by a hundred.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kumiko_vocabulary::{Fault, FaultKind};
use tokio::sync::oneshot;

/// A handle to the pool; clones share it.
#[derive(Clone)]
pub struct Compute {
    turns: Arc<Mutex<Turns>>,
}

/// Who computes and who waits.
struct Turns {
    free: usize,
    /// The lines in the order in which they take turns; none is empty.
    lines: VecDeque<Line>,
}

/// Those who wait for one caller, first come first served.
struct Line {
    caller: Arc<str>,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// The right to compute; given back when dropped.
struct Place {
    turns: Arc<Mutex<Turns>>,
    given_back: bool,
}

impl Compute {
    /// A pool that runs at most `places` pieces of work at once.
    #[must_use]
    pub fn new(places: NonZeroUsize) -> Self {
        Self { turns: Arc::new(Mutex::new(Turns { free: places.get(), lines: VecDeque::new() })) }
    }

    /// How many pieces of work wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.turns).lines.iter().map(|line| line.waiting.len()).sum()
    }

    /// Runs `work` for `caller` on a thread where blocking is allowed, once it is its turn. A panic in it becomes a fault.
    ///
    /// # Errors
    /// What the work fails with, and `internal` for a panic.
    pub async fn run<T, E, F>(&self, caller: &Arc<str>, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        E: Into<Fault> + Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let place = self.place(caller).await?;
        let done = tokio::task::spawn_blocking(move || {
            // The place is free again when the work ends, even where nobody waits for it any more.
            let _place = place;
            work()
        });
        match done.await {
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(Fault::failed(
                "internal",
                "the host ran into a defect of its own while computing; its log has the details",
            )
            .hint("the server goes on; please report this with the call that caused it")),
        }
    }

    async fn place(&self, caller: &Arc<str>) -> Result<Place, Fault> {
        let receiver = {
            let mut turns = lock(&self.turns);
            if turns.free > 0 {
                turns.free -= 1;
                return Ok(Place { turns: Arc::clone(&self.turns), given_back: false });
            }
            let (sender, receiver) = oneshot::channel();
            match turns.lines.iter_mut().find(|line| line.caller == *caller) {
                Some(line) => line.waiting.push_back(sender),
                None => turns.lines.push_back(Line { caller: Arc::clone(caller), waiting: VecDeque::from([sender]) }),
            }
            receiver
        };
        receiver.await.map_err(|_| {
            Fault::new(FaultKind::Unavailable, "shutting_down", "the server is stopping and takes no more work")
        })
    }
}

impl Turns {
    /// Takes the next who waits: the first of the line whose turn it is, which goes to the end of the lines.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let mut line = self.lines.pop_front()?;
        let next = line.waiting.pop_front();
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        next
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.given_back {
            return;
        }
        self.given_back = true;
        loop {
            let mut turns = lock(&self.turns);
            let Some(next) = turns.next() else {
                turns.free += 1;
                return;
            };
            drop(turns);
            let place = Self { turns: Arc::clone(&self.turns), given_back: false };
            match next.send(place) {
                Ok(()) => return,
                // Nobody waits there any more: the place comes back and goes to the one behind.
                Err(mut refused) => refused.given_back = true,
            }
        }
    }
}

fn lock(turns: &Mutex<Turns>) -> MutexGuard<'_, Turns> {
    turns.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn started(compute: &Compute, waiting: usize) {
        while compute.waiting() < waiting {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn callers_take_turns_however_much_each_asks_for() {
        let compute = Compute::new(NonZeroUsize::MIN);
        let order = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run(&"first".into(), move || gate.recv().map_err(|_| Fault::failed("gate", ""))).await }
        });
        while lock(&compute.turns).free > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut others = Vec::new();
        for (index, caller) in ["greedy", "greedy", "greedy", "modest"].into_iter().enumerate() {
            let (compute_of, order) = (compute.clone(), Arc::clone(&order));
            others.push(tokio::spawn(async move {
                let told = move || {
                    order.lock().unwrap().push(caller);
                    Ok::<(), Fault>(())
                };
                compute_of.run(&caller.into(), told).await
            }));
            started(&compute, index + 1).await;
        }
        open.send(()).unwrap();
        first.await.unwrap().unwrap();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["greedy", "modest", "greedy", "greedy"]);
    }

    #[tokio::test]
    async fn a_place_outlives_whoever_gave_up_waiting_for_it() {
        let compute = Compute::new(NonZeroUsize::MIN);
        let place = compute.place(&"a".into()).await.unwrap();
        let waiting = tokio::spawn({
            let compute = compute.clone();
            async move { compute.place(&"b".into()).await.map(|_| ()) }
        });
        started(&compute, 1).await;
        waiting.abort();
        let _ = waiting.await;
        drop(place);
        tokio::time::timeout(Duration::from_secs(10), compute.place(&"c".into())).await.unwrap().unwrap();
    }
}
