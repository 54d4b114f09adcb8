//! A table that stays in its file.

use std::path::Path;

use kumiko_vocabulary::data::{Column as ColumnDocument, FileFormat};

use crate::guard::guarded;
use crate::read::ColumnFile;
use crate::types::column_document;
use crate::{Error, Frame};

/// A Parquet file whose columns are read one at a time: for tables larger than memory.
pub struct StoredFrame {
    file: ColumnFile,
}

impl StoredFrame {
    /// Opens a local file. `name` is what the caller calls it; `format` what it is, where its name and first bytes do not tell.
    ///
    /// # Errors
    /// [`Error::NotColumnwise`] for other formats, and everything that can be wrong with a Parquet file.
    pub fn open(path: &Path, name: &str, format: Option<FileFormat>) -> Result<Self, Error> {
        guarded(|| Ok(Self { file: ColumnFile::open(path, name, format)? }))
    }

    /// The columns, in order.
    #[must_use]
    pub fn schema(&self) -> Vec<ColumnDocument> {
        self.file.header().columns().iter().map(column_document).collect()
    }

    /// The number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.file.height()
    }

    /// One column, as a frame of its own.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`]; [`Error::Malformed`] where the pages do not hold what the footer says.
    pub fn column(&self, name: &str) -> Result<Frame, Error> {
        guarded(|| self.file.column(name).map(Frame::from))
    }
}
