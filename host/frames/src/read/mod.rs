//! Reading files: what is it, how is it packed, and then the reader for it.

mod cells;
mod columnar;
mod csv;
mod dates;
mod detect;
mod objects;
mod pages;
mod records;
mod source;

use std::path::Path;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::{Compression, FileFormat, ReadOptions};
use polars::prelude::DataFrame;

use columnar::Columnar;
pub(crate) use columnar::{ColumnFile, from_arrow};
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
        FileFormat::Parquet => columnar::read(&source, Columnar::Parquet)?,
        FileFormat::Arrow => columnar::read(&source, Columnar::Arrow)?,
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

/// Refuses a file that takes more than `limit` bytes of memory as a table: by its footer where it is Parquet, else by its size on disk,
/// which is less than the table takes where it is compressed.
pub(crate) fn check_size(path: &Path, name: &str, options: &ReadOptions, limit: u64) -> Result<(), Error> {
    let source = Source::open(path, name)?;
    let bytes = match detect::format(&source.head()?, name, options.format)? {
        FileFormat::Parquet if source.compression() == Compression::None => columnar::table_bytes(&source)?,
        _ => source.size(),
    };
    if bytes > limit {
        return Err(Error::LargerThanMemory { name: name.to_owned(), bytes, limit });
    }
    Ok(())
}
