//! No panic of the engine reaches a caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Error;

/// Runs `work`; a panic in it becomes [`Error::Internal`].
///
/// Frames are immutable and pipelines are built before they are handed out, so nothing half-changed is left behind, which is
/// what makes the assertion of unwind safety true.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "no message".to_owned());
        Err(Error::Internal { message })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let outcome = guarded::<()>(|| panic!("column {} is gone", "a"));
        assert!(matches!(outcome, Err(Error::Internal { message }) if message == "column a is gone"));
    }
}
