//! The bounded pool for work that computes: reading, transforming, training, drawing.
//!
//! Kernels use all cores by themselves, so more than a few at once only compete for memory. The semaphore hands out places in
//! the order of asking, which is what keeps one caller from starving the others.

use std::num::NonZeroUsize;
use std::sync::Arc;

use kumiko_vocabulary::{Fault, FaultKind};
use tokio::sync::Semaphore;

/// A handle to the pool; clones share it.
#[derive(Clone, Debug)]
pub struct Compute {
    places: Arc<Semaphore>,
}

impl Compute {
    /// A pool that runs at most `places` pieces of work at once.
    #[must_use]
    pub fn new(places: NonZeroUsize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.get())) }
    }

    /// Runs `work` on a thread where blocking is allowed, once there is a place. A panic in it becomes a fault.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        E: Into<Fault> + Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| {
            Fault::new(FaultKind::Unavailable, "shutting_down", "the server is stopping and takes no more work")
        })?;
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
}
