//! What is remembered of one connection of the older era: how much of the log it wants, and which resources it watches. Requests of
//! 2026-07-28 carry all of that themselves.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use kumiko_catalog::Level;

/// The most resources one connection watches.
const MAXIMUM_SUBSCRIPTIONS: usize = 1_000;

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    level: Mutex<Option<Level>>,
    subscriptions: Mutex<HashSet<String>>,
}

impl Session {
    /// The least level of lines that the client is sent: what it asked for, or [`Level::Info`].
    pub(crate) fn level(&self) -> Level {
        self.level.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(Level::Info)
    }

    pub(crate) fn set_level(&self, level: Level) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// Watches a resource; false where there are too many.
    pub(crate) fn subscribe(&self, uri: String) -> bool {
        let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        subscriptions.contains(&uri) || (subscriptions.len() < MAXIMUM_SUBSCRIPTIONS && subscriptions.insert(uri))
    }

    pub(crate) fn unsubscribe(&self, uri: &str) {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }

    pub(crate) fn watches(&self, uri: &str) -> bool {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).contains(uri)
    }
}
