//! The value of a secret.

use std::fmt;
use std::sync::Arc;

use crate::MASK;

/// A secret's value. It is shown as `***` by whatever formats it; clones share one copy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretValue(Arc<str>);

impl SecretValue {
    /// Takes a value.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the wire and for the masker.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_shown() {
        let value = SecretValue::new("canary-3f9a");
        assert_eq!(format!("{value:?} {:#?}", Some(&value)), "*** Some(\n    ***,\n)");
        assert_eq!(value.expose(), "canary-3f9a");
    }
}
