//! Whether an audit log is whole.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use super::file::LONGEST_LINE;
use super::file_error;
use crate::error::Error;

/// An audit log, or a part of one that was rotated away, in which no line is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The number of the first line; 0 where there is none.
    pub first: u64,
    /// The number of the last line; 0 where there is none.
    pub last: u64,
    /// How many lines there are.
    pub lines: u64,
}

/// Reads the file from its beginning: each line must be whole, and its number one more than that of the line before. A
/// part that was rotated away may begin with any number, and is whole where it ends one below the next part.
///
/// This finds lines that are missing, doubled, out of order or broken. It does not find a line whose text somebody
/// replaced while its number stayed.
///
/// # Errors
/// [`Error::AuditFile`] where the file cannot be read, [`Error::AuditDamaged`] for the first line that does not fit.
pub fn verify(path: &Path) -> Result<Verified, Error> {
    let unreadable = |source| file_error("read", path, source);
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut verified = Verified { first: 0, last: 0, lines: 0 };
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if read == 0 {
            return Ok(verified);
        }
        let line = verified.lines + 1;
        let damaged = |reason: String| Error::AuditDamaged { path: path.to_owned(), line, reason };
        let sequence = sequence(&bytes).map_err(damaged)?;
        if verified.lines == 0 {
            verified.first = sequence;
        } else if verified.last.checked_add(1) != Some(sequence) {
            return Err(damaged(format!("its number is {sequence}, and that of the line before is {}", verified.last)));
        }
        verified.last = sequence;
        verified.lines = line;
    }
}

/// The number of a line.
fn sequence(bytes: &[u8]) -> Result<u64, String> {
    let Some(line) = bytes.strip_suffix(b"\n") else {
        return Err("it has no end; the server was stopped while it wrote, or the line is too long".to_owned());
    };
    let line: Value = serde_json::from_slice(line).map_err(|error| format!("it is not JSON: {error}"))?;
    for field in ["timestamp", "event"] {
        if !line.get(field).is_some_and(Value::is_string) {
            return Err(format!("it has no `{field}`"));
        }
    }
    line.get("sequence").and_then(Value::as_u64).ok_or_else(|| "it has no `sequence`".to_owned())
}
