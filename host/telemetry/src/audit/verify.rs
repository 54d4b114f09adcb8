//! Whether an audit log is whole.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chain::LineHash;
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

/// Parts of an audit log that follow on each other, in which no line is missing and none was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    /// Their lines.
    pub lines: Verified,
    /// The hash of the last line in hexadecimal; absent where there is none. Whoever keeps it elsewhere can tell later that nothing up to
    /// this line has been changed since.
    pub last_hash: Option<String>,
    /// Whether a line has the hash that was looked for.
    pub found: bool,
}

/// Reads the file from its beginning: each line must be whole, its number one more than that of the line before, and it must carry the
/// hash of the line before. A part that was rotated away may begin with any number, and is whole where the next part follows on it.
///
/// This finds lines that are missing, doubled, out of order, broken or changed. It does not find that the last lines are gone or
/// that the last one was changed: nothing in the file follows on them.
///
/// # Errors
/// [`Error::AuditFile`] where the file cannot be read, [`Error::AuditDamaged`] for the first line that does not fit.
pub fn verify(path: &Path) -> Result<Verified, Error> {
    let mut chain = Chain::default();
    chain.follow(path, &mut |_| ())?;
    Ok(chain.verified)
}

/// The same for the parts of a log, given from the oldest to the youngest. `wanted` is a hash to look for among those of the lines.
///
/// # Errors
/// Those of [`verify`].
pub fn verify_all(paths: &[PathBuf], wanted: Option<&str>) -> Result<VerifiedChain, Error> {
    let (mut chain, mut found) = (Chain::default(), false);
    for path in paths {
        chain.follow(path, &mut |hash| found |= wanted.is_some_and(|wanted| hash.to_string() == wanted))?;
    }
    Ok(VerifiedChain { lines: chain.verified, last_hash: chain.previous.map(|hash| hash.to_string()), found })
}

/// The lines that were read so far.
struct Chain {
    verified: Verified,
    /// The hash of the last one, where there is one.
    previous: Option<LineHash>,
}

impl Default for Chain {
    fn default() -> Self {
        Self { verified: Verified { first: 0, last: 0, lines: 0 }, previous: None }
    }
}

impl Chain {
    /// Reads another part.
    fn follow(&mut self, path: &Path, each: &mut dyn FnMut(LineHash)) -> Result<(), Error> {
        let unreadable = |source| file_error("read", path, source);
        let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
        let (mut bytes, mut line) = (Vec::new(), 0);
        loop {
            bytes.clear();
            let read = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(unreadable)?;
            if read == 0 {
                return Ok(());
            }
            line += 1;
            let damaged = |reason: String| Error::AuditDamaged { path: path.to_owned(), line, reason };
            let hash = self.add(&bytes).map_err(damaged)?;
            each(hash);
        }
    }

    /// Adds a line where it follows on the one before.
    fn add(&mut self, bytes: &[u8]) -> Result<LineHash, String> {
        let Some(line) = bytes.strip_suffix(b"\n") else {
            return Err("it has no end; the server was stopped while it wrote, or the line is too long".to_owned());
        };
        let (sequence, previous) = fields(line)?;
        match self.previous {
            None => self.verified.first = sequence,
            Some(_) if self.verified.last.checked_add(1) != Some(sequence) => {
                let before = self.verified.last;
                return Err(format!("its number is {sequence}, and that of the line before is {before}"));
            }
            Some(before) if before.to_string() != previous => {
                return Err("it was written after another line than the one before it".to_owned());
            }
            Some(_) => {}
        }
        let hash = LineHash::of(line);
        self.previous = Some(hash);
        self.verified = Verified { last: sequence, lines: self.verified.lines + 1, ..self.verified };
        Ok(hash)
    }
}

/// The number of a line, and the hash of the one before it as it carries it.
fn fields(line: &[u8]) -> Result<(u64, String), String> {
    let line: Value = serde_json::from_slice(line).map_err(|error| format!("it is not JSON: {error}"))?;
    let text = |field: &str| {
        line.get(field).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("it has no `{field}`"))
    };
    text("timestamp")?;
    text("event")?;
    let previous = text("previous")?;
    let sequence = line.get("sequence").and_then(Value::as_u64).ok_or_else(|| "it has no `sequence`".to_owned())?;
    Ok((sequence, previous))
}
