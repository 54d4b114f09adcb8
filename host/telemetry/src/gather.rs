//! What waits for a thread, taken together: whoever hands something over does not pay for its writing, and a server under load
//! writes once in a while instead of with every call.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::Duration;

/// How long items are gathered. What a killed server loses is what it was handed within this time.
const GATHERED: Duration = Duration::from_millis(20);

/// The most items that are taken together.
const MOST_AT_ONCE: usize = 1_024;

/// What a thread is told.
pub(crate) enum Message<T> {
    /// To deal with an item.
    Item(T),
    /// To say when all before is dealt with.
    Flush(SyncSender<()>),
}

/// What was taken together.
pub(crate) struct Batch<T> {
    /// The items in their order.
    pub(crate) items: VecDeque<T>,
    /// Who waits until they are dealt with.
    pub(crate) flushes: Vec<SyncSender<()>>,
    /// False once nobody can hand over any more.
    pub(crate) open: bool,
}

/// Takes what waits, or waits for something until `patience` ends.
pub(crate) fn next<T>(queue: &Receiver<Message<T>>, patience: Duration) -> Batch<T> {
    let mut batch = Batch { items: VecDeque::new(), flushes: Vec::new(), open: true };
    let mut message = match queue.recv_timeout(patience) {
        Ok(message) => message,
        Err(RecvTimeoutError::Timeout) => return batch,
        Err(RecvTimeoutError::Disconnected) => return Batch { open: false, ..batch },
    };
    if matches!(message, Message::Item(_)) {
        std::thread::sleep(GATHERED);
    }
    loop {
        match message {
            Message::Item(item) => batch.items.push_back(item),
            Message::Flush(done) => {
                batch.flushes.push(done);
                return batch;
            }
        }
        if batch.items.len() >= MOST_AT_ONCE {
            return batch;
        }
        message = match queue.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Empty) => return batch,
            Err(TryRecvError::Disconnected) => return Batch { open: false, ..batch },
        };
    }
}
