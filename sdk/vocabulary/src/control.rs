//! What long work says on its way and how it learns that nobody waits for it any more.

/// The caller's side of long work. Kernels ask and report through it; they know nothing of protocols or tasks.
pub trait Control: Send + Sync {
    /// Tells how far the work has come, in a unit of its own; `total` in the same unit where it is known.
    fn report(&self, done: f64, total: Option<f64>, message: &str);

    /// True once the work's result is no longer wanted: return soon with [`cancelled`].
    fn is_cancelled(&self) -> bool;
}

/// For work that nobody watches and nobody stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Control for Unattended {
    fn report(&self, _done: f64, _total: Option<f64>, _message: &str) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// The fault with which cancelled work ends.
#[must_use]
pub fn cancelled() -> crate::Fault {
    crate::Fault::new(
        crate::FaultKind::Stopped,
        "cancelled",
        "the call was cancelled before it finished; nothing was written",
    )
}
