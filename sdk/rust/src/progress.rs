//! How far a call has come, and whether anybody still waits for it.

use crate::Result;
use crate::host::{self, Host};
use crate::vocabulary::control::{Control, cancelled};

/// Tells the client how far the call has come. `total` is in the same unit, where it is known. With another `total` a new phase
/// begins; within a phase `done` only grows.
///
/// A loop may report on every turn: the host merges reports that come faster than a client can use.
pub fn report(done: f64, total: Option<f64>, message: &str) {
    host::call(|host| Host::progress_report(host, done, total, message));
}

/// True once the client cancelled the call or went away.
#[must_use]
pub fn is_cancelled() -> bool {
    host::call(Host::progress_is_cancelled)
}

/// Ends a cancelled call: `progress::check()?` in a loop.
///
/// # Errors
/// `cancelled`, once nobody waits for the call any more.
pub fn check() -> Result<()> {
    if is_cancelled() { Err(cancelled()) } else { Ok(()) }
}

/// The caller as a [`Control`], for numerical code that reports and asks through one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller;

impl Control for Caller {
    fn report(&self, done: f64, total: Option<f64>, message: &str) {
        report(done, total, message);
    }

    fn is_cancelled(&self) -> bool {
        is_cancelled()
    }
}
