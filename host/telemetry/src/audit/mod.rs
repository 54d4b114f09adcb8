//! The audit log: who may have done what, line by line, in a file that only grows.
//!
//! ```text
//! record() ─► queue of 1,024 ─► one thread ─► gather 20 ms ─► lock the file ─► one write a line ─► sync ─► unlock
//! ```
//!
//! - Each line carries a number, one more than the line before, and the hash of that line. [`verify`] finds lines that are
//!   missing, doubled, broken or changed.
//! - Lines go to the end of `audit.log`, which the server's user alone may read. Several servers on one data folder
//!   take turns by a lock on the file, and number their lines together.
//! - No line is dropped: where the disk does not take them, the queue fills and then whoever records waits.
//! - A program that rotates logs may move the file away at any time. Within a minute, the lines go to a file of the old
//!   name again, and their numbers continue.

mod chain;
mod file;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

use serde::Serialize;

use crate::call::{CallObserver, CallRecord};
use crate::error::Error;
use crate::gather::Message;
use file::AuditFile;
pub use verify::{Verified, VerifiedChain, verify, verify_all};
use writer::Stamped;

/// The file's name in the data folder.
const FILE_NAME: &str = "audit.log";

/// The lines that may wait to be written. At most 4 KiB each, 4 MiB.
const QUEUE: usize = 1_024;

/// What the audit log keeps. Nothing here holds the arguments or the result of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// A server began to write the file.
    Opened {
        /// Bytes of a last line that was cut short, as by a power failure, and that were taken off.
        torn_bytes: u64,
    },
    /// A plugin serves.
    PluginLoaded {
        /// The plugin's name.
        capability: String,
        /// Its version.
        version: String,
        /// The digest of its bytes.
        digest: String,
        /// Where it came from.
        source: String,
    },
    /// A plugin does not serve.
    PluginRefused {
        /// Where it came from.
        source: String,
        /// The digest of its bytes, where they could be read.
        digest: Option<String>,
        /// The stable word for the case.
        code: String,
        /// Why.
        reason: String,
    },
    /// A plugin was taken away.
    PluginRemoved {
        /// The plugin's name.
        capability: String,
        /// Its version.
        version: String,
        /// The digest of its bytes.
        digest: String,
    },
    /// A plugin was granted something.
    Granted {
        /// The plugin's name.
        capability: String,
        /// What it may do, as the grants file words it.
        grant: String,
    },
    /// A grant was taken back.
    Revoked {
        /// The plugin's name.
        capability: String,
        /// What it may no longer do.
        grant: String,
    },
    /// A call ended.
    Called {
        /// The number of the request in the log.
        request_id: String,
        /// The name of the caller's key.
        caller: Option<String>,
        /// The plugin's name.
        capability: String,
        /// Its version.
        version: String,
        /// The digest of its bytes.
        digest: Option<String>,
        /// The tool's name.
        tool: String,
        /// `success`, `error`, `input_required` or `cancelled`.
        status: String,
        /// The stable word for an error.
        code: Option<String>,
    },
    /// Somebody was not let in.
    AuthenticationFailed {
        /// The address of the client.
        address: String,
        /// The name of the key, where one is known.
        key: Option<String>,
        /// Why.
        reason: String,
    },
}

/// The audit log of one data folder. Dropped, it writes what waits and closes the file.
pub struct Audit {
    queue: Option<SyncSender<Message<Stamped>>>,
    writer: Option<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
    path: PathBuf,
}

impl Audit {
    /// Opens `audit.log` in the data folder, and makes it where there is none.
    ///
    /// # Errors
    /// [`Error::AuditFile`] where the file cannot be opened or its end cannot be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE_NAME);
        let file = AuditFile::open(&path).map_err(|source| file_error("open", &path, source))?;
        let (queue, waiting) = sync_channel(QUEUE);
        let closing = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&closing);
        let writer = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer::run(file, &waiting, &told))
            .map_err(|source| file_error("start the writer of", &path, source))?;
        Ok(Self { queue: Some(queue), writer: Some(writer), closing, path })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line. Returns once it is in the queue; where that is full it blocks the thread until the disk has caught
    /// up.
    pub fn record(&self, event: AuditEvent) {
        let stamped = Stamped { timestamp: SystemTime::now(), event };
        if self.send(Message::Item(stamped)).is_err() {
            tracing::error!(target: "kumiko::audit", "a line of the audit log is lost, because its writer has ended");
        }
    }

    /// Waits until all that was recorded before is in the file.
    ///
    /// # Errors
    /// [`Error::AuditClosed`] where it is not and never will be.
    pub fn flush(&self) -> Result<(), Error> {
        let (done, written) = sync_channel(1);
        self.send(Message::Flush(done))?;
        written.recv().map_err(|_| Error::AuditClosed)
    }

    fn send(&self, message: Message<Stamped>) -> Result<(), Error> {
        self.queue.as_ref().ok_or(Error::AuditClosed)?.send(message).map_err(|_| Error::AuditClosed)
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl CallObserver for Audit {
    fn ended(&self, record: &CallRecord) {
        self.record(AuditEvent::Called {
            request_id: record.request_id.clone(),
            caller: record.caller.clone(),
            capability: record.capability.clone(),
            version: record.version.clone(),
            digest: record.digest.clone(),
            tool: record.tool.clone(),
            status: record.outcome.status().to_owned(),
            code: record.outcome.code().map(str::to_owned),
        });
    }
}

fn file_error(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::AuditFile { action, path: path.to_owned(), source }
}
