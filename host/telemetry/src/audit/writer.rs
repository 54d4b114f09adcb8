//! The thread that writes the audit log.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use super::AuditEvent;
use super::file::AuditFile;
use crate::gather::{self, Message};

/// How often the file's name is compared with the open file.
const ROTATION_CHECK: Duration = Duration::from_secs(60);

/// How long to wait before a failed write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How often a write is tried where the server ends meanwhile, so that one whose disk is full can end.
const LAST_ATTEMPTS: u32 = 3;

/// An event and its time.
pub(super) struct Stamped {
    pub(super) timestamp: SystemTime,
    pub(super) event: AuditEvent,
}

/// Writes until everybody who could record is gone. `closing` says that this is about to be.
pub(super) fn run(mut file: AuditFile, queue: &Receiver<Message<Stamped>>, closing: &AtomicBool) {
    let mut checked = Instant::now();
    loop {
        let mut batch = gather::next(queue, ROTATION_CHECK.saturating_sub(checked.elapsed()));
        if checked.elapsed() >= ROTATION_CHECK {
            checked = Instant::now();
            report("opening it again", file.follow());
        }
        write(&mut file, &mut batch.items, closing);
        for flushed in batch.flushes {
            let _ = flushed.send(());
        }
        if !batch.open {
            return;
        }
    }
}

/// Writes the lines, again and again until the disk takes them. While it does not, the queue fills behind them.
fn write(file: &mut AuditFile, lines: &mut VecDeque<Stamped>, closing: &AtomicBool) {
    let mut failures = 0;
    while !lines.is_empty() {
        if report("writing to it", file.append(lines)) {
            continue;
        }
        failures += 1;
        if failures >= LAST_ATTEMPTS && closing.load(Ordering::SeqCst) {
            tracing::error!(target: "kumiko::audit", lost = lines.len(), "lines of the audit log are lost");
            lines.clear();
        } else {
            std::thread::sleep(RETRY);
            report("opening it again", file.follow());
        }
    }
}

/// Whether it went well; where not, the log says so.
fn report(action: &str, result: io::Result<()>) -> bool {
    if let Err(error) = &result {
        tracing::error!(target: "kumiko::audit", "{action}, the audit log failed: {error}");
    }
    result.is_ok()
}
