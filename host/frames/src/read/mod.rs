//! Reading files: what is it, how is it packed, and then the reader for it.

mod cells;
mod csv;
mod dates;
mod detect;
mod objects;
mod pages;
mod records;
mod source;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use bytes::Bytes;
use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::{Compression, FileFormat, ReadOptions};
use polars::io::mmap::MmapBytesReader;
use polars::prelude::{DataFrame, IpcReader, ParquetReader, SerReader};

pub(crate) use dates::recognise as recognise_dates;
pub(crate) use objects::from_rows;
use source::Source;

use crate::Error;

/// Reads the file at `path`, which the caller knows as `name`.
pub(crate) fn read(path: &Path, name: &str, options: &ReadOptions, control: &dyn Control) -> Result<DataFrame, Error> {
    let source = Source::open(path, name)?;
    let head = source.head()?;
    let format = detect::format(&head, name, options.format)?;
    let frame = match format {
        FileFormat::Csv => csv::read(&source, options, control)?,
        FileFormat::Json => objects::read_array(&source, control)?,
        FileFormat::Ndjson => objects::read_lines(&source, control)?,
        FileFormat::Parquet => columnar(&source, Columnar::Parquet)?,
        FileFormat::Arrow => columnar(&source, Columnar::Arrow)?,
    };
    if control.is_cancelled() {
        return Err(Error::Cancelled);
    }
    if options.columns.is_empty() {
        return Ok(frame);
    }
    for column in &options.columns {
        if frame.get_column_index(column).is_none() {
            return Err(Error::column_not_found(
                column,
                frame.get_column_names().into_iter().map(|name| name.as_str()),
            ));
        }
    }
    Ok(frame.select(&options.columns)?)
}

/// A format that is read from its end, and that ends as it begins.
#[derive(Clone, Copy)]
enum Columnar {
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

fn columnar(source: &Source, kind: Columnar) -> Result<DataFrame, Error> {
    let magic = kind.magic();
    let tail = source.tail(magic.len())?;
    if tail != magic {
        return Err(Error::Truncated {
            name: source.name().to_owned(),
            detail: format!("a {} file ends with {:?}, this one does not", kind.name(), String::from_utf8_lossy(magic)),
        });
    }
    let bytes = match source.compression() {
        Compression::None => None,
        _ => {
            let mut bytes = Vec::new();
            source.reader()?.read_to_end(&mut bytes).map_err(|error| source.failed("read", error))?;
            Some(Bytes::from(bytes))
        }
    };
    let open = || -> Result<Box<dyn MmapBytesReader>, Error> {
        Ok(match &bytes {
            Some(bytes) => Box::new(Cursor::new(bytes.clone())),
            None => Box::new(File::open(source.path()).map_err(|error| source.failed("read", error))?),
        })
    };
    let malformed = |detail: String| Error::Malformed { name: source.name().to_owned(), format: kind.name(), detail };
    let mut frame = match kind {
        Columnar::Parquet => {
            pages::check(open()?).map_err(malformed)?;
            ParquetReader::new(open()?).finish()
        }
        Columnar::Arrow => IpcReader::new(open()?).finish(),
    }
    .map_err(|error| malformed(error.to_string()))?;
    even(&frame).map_err(malformed)?;
    frame.rechunk_mut();
    Ok(frame)
}

/// A table of one Arrow IPC file in memory.
pub(crate) fn from_arrow(bytes: &[u8]) -> Result<DataFrame, Error> {
    let malformed = |detail: String| Error::Malformed {
        name: "the Arrow bytes".to_owned(),
        format: Columnar::Arrow.name(),
        detail,
    };
    let mut frame = IpcReader::new(Cursor::new(bytes)).finish().map_err(|error| malformed(error.to_string()))?;
    even(&frame).map_err(malformed)?;
    frame.rechunk_mut();
    Ok(frame)
}

/// The engine does not look whether the columns of a file are equally long; a damaged one's are not.
fn even(frame: &DataFrame) -> Result<(), String> {
    match frame.columns().iter().find(|column| column.len() != frame.height()) {
        None => Ok(()),
        Some(column) => {
            Err(format!("column {:?} has {} values for {} rows", column.name().as_str(), column.len(), frame.height()))
        }
    }
}
