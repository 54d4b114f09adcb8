//! Frames kept in memory so that the second tool on a data set does not read it again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::Frame;

/// What a frame was read from, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameKey {
    /// Where the data is.
    pub uri: String,
    /// The version of it: another ETag is another key.
    pub etag: String,
    /// The read options as JSON text.
    pub options: String,
}

/// Frames under a budget of bytes; the one unused for longest goes first.
#[derive(Debug)]
pub struct FrameCache {
    budget: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    frames: HashMap<FrameKey, Entry>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    frame: Frame,
    bytes: usize,
    used: u64,
}

impl FrameCache {
    /// An empty cache that keeps at most `budget` bytes of frames.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self { budget, kept: Mutex::default() }
    }

    /// The frame that was kept under this key.
    #[must_use]
    pub fn get(&self, key: &FrameKey) -> Option<Frame> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let entry = kept.frames.get_mut(key)?;
        entry.used = clock;
        Some(entry.frame.clone())
    }

    /// Keeps a frame, letting go of those unused for longest until it fits. A frame above the budget is not kept, and neither are
    /// earlier versions of the same data.
    pub fn insert(&self, key: FrameKey, frame: Frame) {
        let bytes = frame.estimated_size();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let outdated: Vec<FrameKey> = kept
            .frames
            .keys()
            .filter(|other| other.uri == key.uri && (other.etag != key.etag || **other == key))
            .cloned()
            .collect();
        for other in outdated {
            kept.remove(&other);
        }
        if bytes > self.budget {
            return;
        }
        while kept.bytes + bytes > self.budget {
            let oldest = kept.frames.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            match oldest {
                Some(oldest) => kept.remove(&oldest),
                None => break,
            }
        }
        kept.clock += 1;
        let used = kept.clock;
        kept.bytes += bytes;
        kept.frames.insert(key, Entry { frame, bytes, used });
    }

    /// How many bytes are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}

impl Kept {
    fn remove(&mut self, key: &FrameKey) {
        if let Some(entry) = self.frames.remove(key) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnData;

    fn frame(rows: usize) -> Frame {
        Frame::from_columns(vec![("a".into(), ColumnData::Numbers(vec![0.0; rows]))]).unwrap()
    }

    fn key(uri: &str, etag: &str) -> FrameKey {
        FrameKey { uri: uri.into(), etag: etag.into(), options: "{}".into() }
    }

    #[test]
    fn the_frame_unused_for_longest_goes_first() {
        let cache = FrameCache::new(2_000);
        cache.insert(key("a", "1"), frame(100));
        cache.insert(key("b", "1"), frame(100));
        assert!(cache.get(&key("a", "1")).is_some());
        cache.insert(key("c", "1"), frame(100));
        assert!(cache.get(&key("b", "1")).is_none());
        assert!(cache.get(&key("a", "1")).is_some() && cache.get(&key("c", "1")).is_some());
        assert_eq!(cache.bytes(), 1_600);
    }

    #[test]
    fn a_frame_above_the_budget_is_not_kept_and_ousts_nothing() {
        let cache = FrameCache::new(1_000);
        cache.insert(key("a", "1"), frame(100));
        cache.insert(key("b", "1"), frame(200));
        assert!(cache.get(&key("a", "1")).is_some());
        assert!(cache.get(&key("b", "1")).is_none());
    }

    #[test]
    fn a_later_version_takes_the_place_of_an_earlier_one() {
        let cache = FrameCache::new(10_000);
        cache.insert(key("a", "1"), frame(100));
        cache.insert(key("a", "2"), frame(100));
        assert!(cache.get(&key("a", "1")).is_none());
        assert_eq!(cache.bytes(), 800);
    }
}
