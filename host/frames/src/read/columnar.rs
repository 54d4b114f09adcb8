//! Parquet and Arrow: read whole, or a Parquet file column by column.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kumiko_vocabulary::data::{Compression, FileFormat};
use polars::io::mmap::MmapBytesReader;
use polars::io::parquet::metadata::FileMetadataRef;
use polars::prelude::{DataFrame, IpcReader, ParquetReader, SerReader};
use polars_parquet::parquet::schema::types::PhysicalType;

use super::source::Source;
use super::{detect, pages};
use crate::Error;

/// A format that is read from its end, and that ends as it begins.
#[derive(Clone, Copy)]
pub(super) enum Columnar {
    Parquet,
    Arrow,
}

impl Columnar {
    fn name(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Self::Parquet => b"PAR1",
            Self::Arrow => b"ARROW1",
        }
    }
}

/// Reads the whole table.
pub(super) fn read(source: &Source, kind: Columnar) -> Result<DataFrame, Error> {
    check_end(source, kind)?;
    let bytes = match source.compression() {
        Compression::None => None,
        _ => {
            let mut bytes = Vec::new();
            source.reader()?.read_to_end(&mut bytes).map_err(|error| source.failed("read", error))?;
            Some(Bytes::from(bytes))
        }
    };
    let reader = || -> Result<Box<dyn MmapBytesReader>, Error> {
        Ok(match &bytes {
            Some(bytes) => Box::new(Cursor::new(bytes.clone())),
            None => open(source)?,
        })
    };
    let malformed = |detail: String| malformed(source.name(), kind, detail);
    let mut frame = match kind {
        Columnar::Parquet => {
            pages::check(reader()?).map_err(malformed)?;
            ParquetReader::new(reader()?).finish()
        }
        Columnar::Arrow => IpcReader::new(reader()?).finish(),
    }
    .map_err(|error| malformed(error.to_string()))?;
    even(&frame, frame.height()).map_err(malformed)?;
    frame.rechunk_mut();
    Ok(frame)
}

/// What a Parquet file takes in memory as a table, in bytes, by its footer: what it takes decompressed, or more where a column repeats a
/// few values and a number for each of its rows is more.
pub(super) fn table_bytes(source: &Source) -> Result<u64, Error> {
    check_end(source, Columnar::Parquet)?;
    let metadata = metadata(source)?;
    let columns = metadata.row_groups.iter().flat_map(|group| group.parquet_columns());
    let bytes = columns.map(|column| {
        let of_value = match column.physical_type() {
            PhysicalType::Boolean => 0,
            PhysicalType::Int32 | PhysicalType::Float => 4,
            PhysicalType::Int64 | PhysicalType::Int96 | PhysicalType::Double => 8,
            PhysicalType::ByteArray => 16,
            PhysicalType::FixedLenByteArray(length) => length as u64,
        };
        let of_values = u64::try_from(column.num_values()).unwrap_or_default().saturating_mul(of_value);
        of_values.max(u64::try_from(column.uncompressed_size()).unwrap_or_default())
    });
    Ok(bytes.fold(0, u64::saturating_add))
}

/// A Parquet file whose columns are read one at a time.
pub(crate) struct ColumnFile {
    path: PathBuf,
    name: String,
    metadata: FileMetadataRef,
    /// The table without its rows.
    header: DataFrame,
}

impl ColumnFile {
    /// Looks at the footer and at every page's header.
    pub(crate) fn open(path: &Path, name: &str, stated: Option<FileFormat>) -> Result<Self, Error> {
        let source = Source::open(path, name)?;
        let format = detect::format(&source.head()?, name, stated)?;
        if format != FileFormat::Parquet || source.compression() != Compression::None {
            let packed = if source.compression() == Compression::None { "" } else { ", compressed" };
            let found = format!("{}{packed}", detect::in_words(format));
            return Err(Error::NotColumnwise { name: name.to_owned(), found });
        }
        check_end(&source, Columnar::Parquet)?;
        let malformed = |detail: String| malformed(name, Columnar::Parquet, detail);
        pages::check(open(&source)?).map_err(malformed)?;
        let metadata = metadata(&source)?;
        let mut reader = ParquetReader::new(open(&source)?);
        reader.set_metadata(FileMetadataRef::clone(&metadata));
        let header = reader.with_slice(Some((0, 0))).finish().map_err(|error| malformed(error.to_string()))?;
        Ok(Self { path: path.to_owned(), name: name.to_owned(), metadata, header })
    }

    /// The table without its rows.
    pub(crate) fn header(&self) -> &DataFrame {
        &self.header
    }

    /// The number of rows.
    pub(crate) fn height(&self) -> usize {
        self.metadata.num_rows
    }

    /// A column as a table of its own.
    pub(crate) fn column(&self, column: &str) -> Result<DataFrame, Error> {
        if self.header.get_column_index(column).is_none() {
            let names = self.header.get_column_names().into_iter().map(|name| name.as_str());
            return Err(Error::column_not_found(column, names));
        }
        let file =
            File::open(&self.path).map_err(|source| Error::Io { action: "read", name: self.name.clone(), source })?;
        let mut reader = ParquetReader::new(file);
        reader.set_metadata(FileMetadataRef::clone(&self.metadata));
        let malformed = |detail: String| malformed(&self.name, Columnar::Parquet, detail);
        let frame = reader
            .with_columns(Some(vec![column.to_owned()]))
            .finish()
            .map_err(|error| malformed(error.to_string()))?;
        even(&frame, self.height()).map_err(malformed)?;
        Ok(frame)
    }
}

fn open(source: &Source) -> Result<Box<dyn MmapBytesReader>, Error> {
    Ok(Box::new(File::open(source.path()).map_err(|error| source.failed("read", error))?))
}

fn metadata(source: &Source) -> Result<FileMetadataRef, Error> {
    let mut reader = ParquetReader::new(open(source)?);
    let metadata =
        reader.get_metadata().map_err(|error| malformed(source.name(), Columnar::Parquet, error.to_string()))?;
    Ok(FileMetadataRef::clone(metadata))
}

/// The file ends as its format has it.
fn check_end(source: &Source, kind: Columnar) -> Result<(), Error> {
    let magic = kind.magic();
    if source.tail(magic.len())? == magic {
        return Ok(());
    }
    Err(Error::Truncated {
        name: source.name().to_owned(),
        detail: format!("a {} file ends with {:?}, this one does not", kind.name(), String::from_utf8_lossy(magic)),
    })
}

fn malformed(name: &str, kind: Columnar, detail: String) -> Error {
    Error::Malformed { name: name.to_owned(), format: kind.name(), detail }
}

/// A table of one Arrow IPC file in memory.
pub(crate) fn from_arrow(bytes: &[u8]) -> Result<DataFrame, Error> {
    let malformed = |detail: String| malformed("the Arrow bytes", Columnar::Arrow, detail);
    let mut frame = IpcReader::new(Cursor::new(bytes)).finish().map_err(|error| malformed(error.to_string()))?;
    even(&frame, frame.height()).map_err(malformed)?;
    frame.rechunk_mut();
    Ok(frame)
}

/// The engine does not look whether the columns of a file are equally long; a damaged one's are not.
fn even(frame: &DataFrame, rows: usize) -> Result<(), String> {
    match frame.columns().iter().find(|column| column.len() != rows) {
        None => Ok(()),
        Some(column) => Err(format!("column {:?} has {} values for {rows} rows", column.name().as_str(), column.len())),
    }
}
