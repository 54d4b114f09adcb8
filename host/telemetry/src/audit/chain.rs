//! What ties a line of the audit log to the one before it.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineHash([u8; 32]);

impl LineHash {
    /// Stands before the first line.
    pub(super) const NONE: Self = Self([0; 32]);

    /// The hash of a line, given without its end.
    pub(super) fn of(line: &[u8]) -> Self {
        Self(Sha256::digest(line).into())
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Serialize for LineHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_as_its_digits() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(LineHash::of(b"").to_string(), empty);
        assert_eq!(serde_json::to_value(LineHash::NONE).unwrap(), "0".repeat(64));
    }
}
