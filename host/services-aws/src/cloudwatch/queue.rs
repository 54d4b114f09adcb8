//! Log lines that wait to be sent, within a bound.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::batches::{Line, MOST_BYTES, MOST_LINES};

/// The most lines that wait.
const BOUND_LINES: usize = 5 * MOST_LINES;

/// The most bytes that wait.
const BOUND_BYTES: usize = 16 * MOST_BYTES;

/// The lines, and what the task that sends them is told.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
    closed: AtomicBool,
    /// Told when a request is full, and when there will be no more.
    pub(super) full: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Queue {
    /// Adds a line; the oldest go where there is no room.
    pub(super) fn push(&self, line: Line) {
        let mut waiting = self.waiting();
        waiting.bytes = waiting.bytes.saturating_add(line.size());
        waiting.lines.push_back(line);
        while waiting.lines.len() > BOUND_LINES || waiting.bytes > BOUND_BYTES {
            let Some(oldest) = waiting.lines.pop_front() else { break };
            waiting.bytes = waiting.bytes.saturating_sub(oldest.size());
            self.count_dropped(1);
        }
        if waiting.lines.len() >= MOST_LINES || waiting.bytes >= MOST_BYTES {
            self.full.notify_one();
        }
    }

    /// Takes all lines.
    pub(super) fn take(&self) -> Vec<Line> {
        let mut waiting = self.waiting();
        waiting.bytes = 0;
        std::mem::take(&mut waiting.lines).into()
    }

    /// Counts lines that are lost.
    pub(super) fn count_dropped(&self, lines: usize) {
        self.dropped.fetch_add(u64::try_from(lines).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The lines that were lost.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Says that there will be no more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.full.notify_one();
    }

    /// Whether there will be no more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_where_there_is_no_room_and_are_counted() {
        let queue = Queue::default();
        for timestamp in 0..i64::try_from(BOUND_LINES).unwrap() + 7 {
            queue.push(Line { timestamp, message: "x".to_owned() });
        }
        assert_eq!(queue.dropped(), 7);
        let taken = queue.take();
        assert_eq!((taken.len(), taken[0].timestamp), (BOUND_LINES, 7));
        for _ in 0..20 {
            queue.push(Line { timestamp: 0, message: "x".repeat(MOST_BYTES) });
        }
        assert_eq!((queue.dropped(), queue.take().len()), (12, 15));
    }
}
