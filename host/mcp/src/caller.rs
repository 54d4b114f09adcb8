//! Who is on the other end, as far as the transport could find out.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The capabilities that a connection shows and may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every one that is loaded.
    #[default]
    All,
    /// Those named, by the capability's name or an alias of it.
    Only(Arc<BTreeSet<String>>),
}

impl Selection {
    /// Those that both selections name.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, other) => other.clone(),
            (some, Self::All) => some.clone(),
            (Self::Only(some), Self::Only(others)) => {
                Self::Only(Arc::new(some.intersection(others).cloned().collect()))
            }
        }
    }

    /// Whether a capability of these names is among them.
    pub fn has<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(selected) => names.any(|name| selected.contains(name)),
        }
    }
}

/// Whom a request comes from. A transport puts it among the request's extensions; without one it is the person at the other end of
/// standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key or the subject of the token; empty on standard input.
    pub name: Arc<str>,
    /// What it may see and call.
    pub capabilities: Selection,
    /// Whether only the three tools that find and call the others are listed.
    pub compact: bool,
}
