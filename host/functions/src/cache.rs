//! Frames and models that were read before and have not changed since, under one memory budget.
//!
//! The key holds the object's ETag, so a changed object is simply another key and nothing here is ever stale. What was not used
//! for longest goes first; an entry larger than the budget is not kept at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kumiko_frames::Frame;
use kumiko_modelling::AnyModel;

/// Something worth keeping.
#[derive(Clone)]
pub enum Cached {
    /// A data set as it was read.
    Frame(Frame),
    /// A model as it was loaded.
    Model(Arc<AnyModel>),
}

/// What tells one entry from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Where it was read from.
    pub(crate) uri: String,
    /// The version of the object.
    pub(crate) etag: String,
    /// How it was read: the options as text, or `model`.
    pub(crate) reading: String,
}

struct Entry {
    value: Cached,
    bytes: usize,
    used: u64,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<Key, Entry>,
    bytes: usize,
    clock: u64,
}

/// The cache; shared by all calls.
pub struct Cache {
    budget: usize,
    entries: Mutex<Entries>,
}

impl Cache {
    /// A cache that keeps at most `budget` bytes, by the entries' own estimates.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self { budget, entries: Mutex::default() }
    }

    /// What is kept, in bytes, by the entries' own estimates.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Cached> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let clock = entries.clock;
        let entry = entries.by_key.get_mut(key)?;
        entry.used = clock;
        Some(entry.value.clone())
    }

    pub(crate) fn insert(&self, key: Key, value: Cached, bytes: usize) {
        if bytes > self.budget {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let entry = Entry { value, bytes, used: entries.clock };
        entries.bytes += bytes;
        if let Some(replaced) = entries.by_key.insert(key, entry) {
            entries.bytes -= replaced.bytes;
        }
        while entries.bytes > self.budget {
            let Some(oldest) = entries.by_key.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())
            else {
                break;
            };
            if let Some(removed) = entries.by_key.remove(&oldest) {
                entries.bytes -= removed.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str) -> Key {
        Key { uri: uri.to_owned(), etag: "1".to_owned(), reading: String::new() }
    }

    fn frame() -> Cached {
        Cached::Frame(Frame::from_rows(&serde_json::json!([{ "a": 1 }])).unwrap())
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = Cache::new(100);
        cache.insert(key("a"), frame(), 40);
        cache.insert(key("b"), frame(), 40);
        assert!(cache.get(&key("a")).is_some());
        cache.insert(key("c"), frame(), 40);
        assert!(cache.get(&key("b")).is_none(), "b was used before a");
        assert!(cache.get(&key("a")).is_some() && cache.get(&key("c")).is_some());
    }

    #[test]
    fn an_entry_above_the_budget_displaces_nothing() {
        let cache = Cache::new(100);
        cache.insert(key("a"), frame(), 40);
        cache.insert(key("b"), frame(), 101);
        assert!(cache.get(&key("a")).is_some() && cache.get(&key("b")).is_none());
    }

    #[test]
    fn another_etag_is_another_entry() {
        let cache = Cache::new(100);
        cache.insert(key("a"), frame(), 40);
        assert!(cache.get(&Key { etag: "2".to_owned(), ..key("a") }).is_none());
    }
}
