//! Randomness that nobody can predict: for identifiers and the like. What must come out the same twice takes a seed
//! instead.

use crate::host::{self, Host};

/// `length` random bytes.
#[must_use]
pub fn bytes(length: u64) -> Vec<u8> {
    host::call(|host| Host::random_bytes(host, length))
}

/// A random number, every value equally likely.
#[must_use]
pub fn number() -> u64 {
    host::call(Host::random_number)
}
