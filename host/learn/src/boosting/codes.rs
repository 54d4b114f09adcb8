//! Where the codes are: in memory, or in a file where they are more than memory holds.
//!
//! Whoever reads codes goes from block to block. In memory all rows are one block, which is lent. In a file a block is as many rows
//! as are worth a read, and what is read is let go with the block: each step of growing reads the file once from its beginning to its
//! end, however many nodes it works for.
#![allow(clippy::indexing_slicing, reason = "ranges are cut from the rows and columns that there are")]

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use crate::binning::Binned;
use crate::columnwise::ScratchFiles;
use crate::error::Error;

/// Rows of a block that is read from a file.
pub(super) const FILE_BLOCK_ROWS: usize = 262_144;

/// Bytes, one after the other.
pub(super) enum Codes {
    Memory(Vec<u8>),
    File(CodeFile),
}

/// Bytes in a file. A read that fails yields zeros and is remembered: nobody in the middle of a histogram could do better, and
/// [`CodeFile::check`] refuses the tree that was grown on them.
pub(super) struct CodeFile {
    file: File,
    failure: OnceLock<String>,
    /// Memory that blocks were read into, for the next ones.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// Bytes that are lent, or that were read and whose memory goes back to the file.
pub(super) enum Lent<'a> {
    Memory(&'a [u8]),
    Read { codes: Vec<u8>, file: &'a CodeFile },
}

impl Deref for Lent<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Memory(codes) => codes,
            Self::Read { codes, .. } => codes,
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Self::Read { codes, file } = self {
            file.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(codes));
        }
    }
}

impl Codes {
    /// The bytes from the first to before the second position.
    pub(super) fn read(&self, range: Range<usize>) -> Lent<'_> {
        match self {
            Self::Memory(codes) => Lent::Memory(&codes[range]),
            Self::File(file) => Lent::Read { codes: file.read(range), file },
        }
    }

    /// Rows that are read at once, of `rows`.
    pub(super) fn block_rows(&self, rows: usize) -> usize {
        match self {
            Self::Memory(_) => rows.max(1),
            Self::File(_) => FILE_BLOCK_ROWS,
        }
    }

    /// Whether every read so far has succeeded.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file) => file.check(),
        }
    }
}

impl CodeFile {
    /// Begins a file.
    pub(super) fn new(files: ScratchFiles<'_>) -> Result<Self, Error> {
        let file = files().map_err(|error| scratch("created", &error))?;
        Ok(Self { file, failure: OnceLock::new(), buffers: Mutex::default() })
    }

    /// Writes bytes to their place.
    pub(super) fn write(&self, codes: &[u8], position: usize) -> Result<(), Error> {
        self.file.write_all_at(codes, position as u64).map_err(|error| scratch("written", &error))
    }

    fn read(&self, range: Range<usize>) -> Vec<u8> {
        let mut codes = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        codes.resize(range.len(), 0);
        if let Err(error) = self.file.read_exact_at(&mut codes, range.start as u64) {
            self.failure.get_or_init(|| error.to_string());
            codes.fill(0);
        }
        codes
    }

    fn check(&self) -> Result<(), Error> {
        match self.failure.get() {
            None => Ok(()),
            Some(failure) => Err(Error::Scratch { action: "read", reason: failure.clone() }),
        }
    }
}

/// The error of a scratch file.
fn scratch(action: &'static str, error: &io::Error) -> Error {
    Error::Scratch { action, reason: error.to_string() }
}

/// The codes of a table, column after column.
pub(super) struct ColumnCodes {
    pub(super) rows: usize,
    codes: Codes,
}

/// A block of some columns.
pub(super) struct Block<'a> {
    /// The row that the block begins with.
    pub(super) first: usize,
    columns: Vec<(usize, Lent<'a>)>,
}

impl From<Binned> for ColumnCodes {
    fn from(binned: Binned) -> Self {
        Self { rows: binned.rows, codes: Codes::Memory(binned.codes) }
    }
}

impl ColumnCodes {
    /// Codes of `rows` rows in a file.
    pub(super) fn new(rows: usize, file: CodeFile) -> Self {
        Self { rows, codes: Codes::File(file) }
    }

    /// Rows of a block.
    pub(super) fn block_rows(&self) -> usize {
        self.codes.block_rows(self.rows)
    }

    /// Some rows of a column.
    pub(super) fn read(&self, column: usize, rows: Range<usize>) -> Lent<'_> {
        let begins = column * self.rows;
        self.codes.read(begins + rows.start..begins + rows.end)
    }

    /// A block of the columns named, however often each is named.
    pub(super) fn block(&self, block: usize, columns: impl IntoIterator<Item = usize>) -> Block<'_> {
        let length = self.block_rows();
        let rows = block * length..self.rows.min((block + 1) * length);
        let columns = distinct(columns);
        let read = |column: usize| (column, self.read(column, rows.clone()));
        let columns = match self.codes {
            Codes::Memory(_) => columns.into_iter().map(read).collect(),
            Codes::File(_) => columns.into_par_iter().map(read).collect(),
        };
        Block { first: rows.start, columns }
    }

    /// Rows of the columns named, each once and in order.
    pub(super) fn rows(&self, rows: Range<usize>, columns: &[usize]) -> Block<'_> {
        let read = |column: &usize| (*column, self.read(*column, rows.clone()));
        Block { first: rows.start, columns: columns.iter().map(read).collect() }
    }

    /// Whether every read so far has succeeded.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.codes.check()
    }
}

/// The columns named, each once and in order.
pub(super) fn distinct(columns: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut columns: Vec<usize> = columns.into_iter().collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

impl Block<'_> {
    /// The codes of one of the block's columns, by row after the block's first.
    pub(super) fn column(&self, column: usize) -> &[u8] {
        self.columns.binary_search_by_key(&column, |(own, _)| *own).map_or(&[], |position| &self.columns[position].1)
    }
}
