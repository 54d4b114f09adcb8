//! What long work says on its way and how it learns that nobody waits for it any more.

/// The caller's side of long work. Kernels ask and report through it; they know nothing of protocols or tasks.
pub trait Control: Send + Sync {
    /// Tells how far the work has come, in a unit of its own; `total` in the same unit where it is known.
    fn report(&self, done: f64, total: Option<f64>, message: &str);

    /// True once the work's result is no longer wanted: return soon with [`cancelled`].
    fn is_cancelled(&self) -> bool;

    /// Whether what is kept outlives this attempt: where not, no work need be done to name or keep a state.
    fn keeps(&self) -> bool {
        false
    }

    /// What an earlier attempt at the same work kept last, where it was cut off. `key` tells pieces of work apart: the same data,
    /// settings and version have the same key, and only they.
    fn kept(&self, key: &str) -> Option<Vec<u8>> {
        let _ = key;
        None
    }

    /// Whether it is time to keep what was done so far: making the state costs, so work asks first.
    fn is_keeping_due(&self) -> bool {
        false
    }

    /// Keeps a state from which the work can go on. It replaces what was kept before. That it cannot be kept is no reason to stop.
    fn keep(&self, key: &str, state: Vec<u8>) {
        let _ = (key, state);
    }
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
