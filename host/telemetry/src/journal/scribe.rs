//! The thread that writes the lines of calls: no call waits for the log, and a log under load is written once in a while.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::line;
use crate::call::CallRecord;
use crate::gather::{self, Message};

/// The calls whose lines may wait. Where the log takes no more, calls wait with it: no line is dropped.
const QUEUE: usize = 4_096;

/// How long the thread sleeps where nothing comes.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The thread. Dropped, it writes what waits.
pub(super) struct Scribe {
    queue: Option<SyncSender<Message<Arc<CallRecord>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Scribe {
    /// Starts the thread; `None` where the system has none to give, and lines are then written where calls end.
    pub(super) fn start() -> Option<Self> {
        let (queue, waiting) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("call-log".to_owned()).spawn(move || run(&waiting)).ok()?;
        Some(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Has the line of a call written.
    pub(super) fn write(&self, record: &Arc<CallRecord>) {
        let sent = self.queue.as_ref().map(|queue| queue.send(Message::Item(Arc::clone(record))));
        if !matches!(sent, Some(Ok(()))) {
            line::write(record);
        }
    }

    /// Waits until the lines of all calls before are written.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.queue.as_ref().is_some_and(|queue| queue.send(Message::Flush(done)).is_ok()) {
            let _ = written.recv();
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(waiting: &Receiver<Message<Arc<CallRecord>>>) {
    loop {
        let batch = gather::next(waiting, PATIENCE);
        for record in &batch.items {
            line::write(record);
        }
        for flushed in batch.flushes {
            let _ = flushed.send(());
        }
        if !batch.open {
            return;
        }
    }
}
