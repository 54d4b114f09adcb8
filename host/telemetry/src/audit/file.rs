//! The file behind the audit log.
//!
//! Other servers may write to it too, so whoever appends holds the file's lock, and reads the last line again where the
//! file has grown. A last line without its end was cut short by a crash: nobody who holds the lock
//! leaves one otherwise. It is taken off, and a line says so.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use super::AuditEvent;
use super::chain::LineHash;
use super::writer::Stamped;
use crate::clock;
use crate::mask::cut_text;

/// Only the server's user reads and writes the file.
const MODE: u32 = 0o600;

/// The longest text in a line, in bytes, so that a line has 4 KiB at most in practice.
const LONGEST_TEXT: usize = 512;

/// The most lines of one write.
const LINES_AT_ONCE: usize = 64;

/// How much of the file's end is read to find the last line. No line is longer.
pub(super) const LONGEST_LINE: u64 = 64 * 1_024;

/// The open file.
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    /// The number of the last line, as far as this server knows.
    sequence: u64,
    /// The hash of that line.
    last: LineHash,
    /// The length up to which both are right.
    length: u64,
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    sequence: u64,
    previous: LineHash,
    #[serde(serialize_with = "clock::serialize")]
    timestamp: SystemTime,
    #[serde(flatten)]
    event: &'a AuditEvent,
}

impl AuditFile {
    /// Opens the file and says so in it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = Self { path: path.to_owned(), file: open(path)?, sequence: 0, last: LineHash::NONE, length: 0 };
        file.file.lock()?;
        let written = file.catch_up().and_then(|torn_bytes| file.write([&opened(torn_bytes)]));
        let unlocked = file.file.unlock();
        written.and(unlocked)?;
        Ok(file)
    }

    /// Writes these lines, and takes each from the queue once it is in the file.
    pub(super) fn append(&mut self, lines: &mut VecDeque<Stamped>) -> io::Result<()> {
        self.file.lock()?;
        let written = self.append_locked(lines);
        let unlocked = self.file.unlock();
        written.and(unlocked)
    }

    fn append_locked(&mut self, lines: &mut VecDeque<Stamped>) -> io::Result<()> {
        let torn_bytes = self.catch_up()?;
        if torn_bytes > 0 {
            self.write([&opened(torn_bytes)])?;
        }
        while !lines.is_empty() {
            let mut count = lines.len().min(LINES_AT_ONCE);
            if self.write(lines.iter().take(count)).is_err() {
                // Where the disk is full, some may still fit.
                count = 1;
                self.write(lines.iter().take(count))?;
            }
            lines.drain(..count);
        }
        self.file.sync_data()
    }

    /// Opens the file of the name again where the open one is another, as after a rotation. Numbers continue.
    pub(super) fn follow(&mut self) -> io::Result<()> {
        let open_one = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) if (named.dev(), named.ino()) == (open_one.dev(), open_one.ino()) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.file = open(&self.path)?;
        self.length = 0;
        Ok(())
    }

    /// Learns what others have written, and takes off a line that was cut short. Returns how many bytes that were.
    fn catch_up(&mut self) -> io::Result<u64> {
        let length = self.file.metadata()?.len();
        if length == self.length {
            return Ok(0);
        }
        let from = length.saturating_sub(LONGEST_LINE);
        let mut tail = Vec::new();
        self.file.seek(SeekFrom::Start(from))?;
        (&self.file).take(LONGEST_LINE).read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let torn = u64::try_from(tail.len().saturating_sub(whole)).unwrap_or(u64::MAX);
        if torn > 0 {
            self.file.set_len(length.saturating_sub(torn))?;
        }
        let last = tail.get(..whole).and_then(|lines| lines.split(|byte| *byte == b'\n').rev().nth(1));
        let sequence = last
            .and_then(|line| serde_json::from_slice::<Value>(line).ok())
            .and_then(|line| line.get("sequence")?.as_u64());
        self.sequence = sequence.unwrap_or(self.sequence);
        self.last = last.map_or(self.last, LineHash::of);
        self.length = length.saturating_sub(torn);
        Ok(torn)
    }

    /// Adds lines by one write. What a write that fails leaves behind is taken off.
    fn write<'a>(&mut self, lines: impl IntoIterator<Item = &'a Stamped>) -> io::Result<()> {
        let (mut sequence, mut last) = (self.sequence, self.last);
        let mut bytes = Vec::new();
        for stamped in lines {
            sequence = sequence.saturating_add(1);
            let line = Line { sequence, previous: last, timestamp: stamped.timestamp, event: &stamped.event };
            let mut value = serde_json::to_value(line)?;
            cut_texts(&mut value);
            let text = value.to_string();
            last = LineHash::of(text.as_bytes());
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(b'\n');
        }
        match self.file.write(&bytes) {
            Ok(count) if count == bytes.len() => {
                (self.sequence, self.last) = (sequence, last);
                self.length = self.length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                Ok(())
            }
            Ok(_) => {
                self.file.set_len(self.length)?;
                Err(io::Error::new(io::ErrorKind::StorageFull, "lines were taken in part only"))
            }
            Err(error) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
    // A file that was there before may be open to others.
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    Ok(file)
}

fn opened(torn_bytes: u64) -> Stamped {
    Stamped { timestamp: SystemTime::now(), event: AuditEvent::Opened { torn_bytes } }
}

/// Cuts the texts of a line, which come from callers and plugins.
fn cut_texts(line: &mut Value) {
    let Value::Object(fields) = line else { return };
    for value in fields.values_mut() {
        if let Value::String(text) = value {
            *text = cut_text(text, LONGEST_TEXT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{verify, verify_all};

    fn append(file: &mut AuditFile, count: u64) {
        let mut lines = (0..count).map(opened).collect();
        file.append(&mut lines).unwrap();
        assert!(lines.is_empty());
    }

    fn numbers(path: &Path) -> (u64, u64) {
        let verified = verify(path).unwrap();
        (verified.first, verified.last)
    }

    #[test]
    fn lines_go_to_a_file_of_the_old_name_after_a_rotation_and_their_numbers_continue() {
        let folder = tempfile::TempDir::new().unwrap();
        let (path, moved) = (folder.path().join("audit.log"), folder.path().join("audit.log.1"));
        let mut file = AuditFile::open(&path).unwrap();
        append(&mut file, 2);
        fs::rename(&path, &moved).unwrap();
        // Until the check, lines still go to the file that was moved.
        append(&mut file, 1);
        file.follow().unwrap();
        append(&mut file, 3);
        assert_eq!((numbers(&moved), numbers(&path)), ((1, 4), (5, 7)));
        let both = verify_all(&[moved.clone(), path.clone()], None).unwrap();
        assert_eq!((both.lines.first, both.lines.last, both.lines.lines), (1, 7, 7));
        assert!(verify_all(&[path.clone(), moved.clone()], None).is_err());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        // Nothing is opened again where nothing changed.
        let before = file.file.metadata().unwrap().ino();
        file.follow().unwrap();
        assert_eq!(file.file.metadata().unwrap().ino(), before);
    }

    #[test]
    fn numbers_continue_in_a_file_that_was_emptied_in_place() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("audit.log");
        let mut file = AuditFile::open(&path).unwrap();
        append(&mut file, 4);
        File::options().write(true).truncate(true).open(&path).unwrap();
        append(&mut file, 2);
        assert_eq!(numbers(&path), (6, 7));
    }
}
