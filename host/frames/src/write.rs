//! Writing files, slice by slice, so that memory does not grow with the table and a cancelled call stops soon.

use std::fs::File;
use std::io::Write;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::{Compression, DataType, FileFormat, WriteOptions};
use polars::io::parquet::write::get_encodings;
use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::{
    Column, CompatLevel, CsvWriter, DataFrame, DataType as EngineType, IpcWriter, ParquetCompression, ParquetWriter,
    PolarsResult, SchemaExt as _, SerWriter,
};
use polars_parquet::write::{
    CompressedPage, Encoding, Page, ParquetType, StatisticsOptions, Version, WriteOptions as ParquetOptions,
    array_to_columns, compress,
};
use rayon::prelude::*;
use serde_json::Value;

use crate::types::{data_type, in_words};
use crate::{Error, json};

/// How many rows are written between two questions whether anybody still waits; also the rows of a Parquet row group.
const ROWS_A_SLICE: usize = 131_072;
/// How many rows one thread turns into JSON text at once.
const ROWS_A_JSON_PART: usize = 4_096;
/// Zstandard's own default: twice as small as gzip's fastest at several times its speed.
const ZSTD_LEVEL: i32 = 3;
/// Pages are encoded before they are compressed, and higher levels find little more in them.
const PARQUET_ZSTD_LEVEL: i32 = 1;
/// Gzip's own default.
const GZIP_LEVEL: u32 = 6;
/// How much is handed to the operating system at once.
const WRITE_BYTES: usize = 1024 * 1024;

/// Writes the frame in a format, and finishes the file.
pub(crate) fn write(
    frame: &DataFrame,
    file: &mut File,
    options: &WriteOptions,
    control: &dyn Control,
) -> Result<(), Error> {
    let delimiter = match options.delimiter.as_deref().map(str::as_bytes) {
        None => b',',
        Some(b"\\t") => b'\t',
        Some([byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => *byte,
        Some(_) => {
            return Err(Error::argument(
                "delimiter",
                "one ASCII character other than a quote or a line end was expected",
            ));
        }
    };
    let progress = Progress { control, rows: frame.height() };
    match options.format {
        FileFormat::Parquet => parquet(frame, file, options.compression, &progress),
        FileFormat::Arrow => compressed(file, options.compression, |writer| arrow(frame, writer)),
        FileFormat::Csv => {
            let frame = flat(frame)?;
            compressed(file, options.compression, |writer| csv(&frame, writer, delimiter, &progress))
        }
        FileFormat::Json => compressed(file, options.compression, |writer| objects(frame, writer, &ARRAY, &progress)),
        FileFormat::Ndjson => compressed(file, options.compression, |writer| objects(frame, writer, &LINES, &progress)),
    }
}

struct Progress<'a> {
    control: &'a dyn Control,
    rows: usize,
}

impl Progress<'_> {
    fn at(&self, row: usize) -> Result<(), Error> {
        if self.control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.control.report(row as f64, Some(self.rows as f64), "writing rows");
        Ok(())
    }

    /// Where each slice begins.
    fn slices(&self) -> impl Iterator<Item = usize> {
        (0..self.rows).step_by(ROWS_A_SLICE)
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::Io { action: "write", name: "the output".to_owned(), source }
}

fn engine_failed(error: polars::error::PolarsError) -> Error {
    match error {
        polars::error::PolarsError::IO { error, .. } => failed(std::io::Error::new(error.kind(), error.to_string())),
        other => other.into(),
    }
}

/// Lets `content` write through a compressor, and finishes it.
fn compressed(
    file: &mut File,
    compression: Option<Compression>,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut buffered = std::io::BufWriter::with_capacity(WRITE_BYTES, file);
    match compression.unwrap_or_default() {
        Compression::None => content(&mut buffered)?,
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut buffered, flate2::Compression::new(GZIP_LEVEL));
            content(&mut encoder)?;
            encoder.finish().map_err(failed)?;
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(&mut buffered, ZSTD_LEVEL).map_err(failed)?;
            content(&mut encoder)?;
            encoder.finish().map_err(failed)?;
        }
    }
    buffered.flush().map_err(failed)
}

fn csv(frame: &DataFrame, writer: &mut dyn Write, delimiter: u8, progress: &Progress<'_>) -> Result<(), Error> {
    let mut header = true;
    // A table without rows is a header, so the first slice is always written.
    for offset in progress.slices().chain((progress.rows == 0).then_some(0)) {
        progress.at(offset)?;
        CsvWriter::new(&mut *writer)
            .with_separator(delimiter)
            .include_header(header)
            .finish(&mut frame.slice(offset as i64, ROWS_A_SLICE))
            .map_err(engine_failed)?;
        header = false;
    }
    Ok(())
}

fn parquet(
    frame: &DataFrame,
    file: &mut File,
    compression: Option<Compression>,
    progress: &Progress<'_>,
) -> Result<(), Error> {
    let compression = match compression {
        Some(Compression::None) => ParquetCompression::Uncompressed,
        Some(Compression::Gzip) => ParquetCompression::Gzip(None),
        Some(Compression::Zstd) | None => ParquetCompression::Zstd(ZstdLevel::try_new(PARQUET_ZSTD_LEVEL).ok()),
    };
    let frame = without_null_type(frame)?;
    let writer = ParquetWriter::new(file).with_compression(compression);
    let mut writer = writer.batched(frame.schema()).map_err(engine_failed)?;
    let types = writer.parquet_schema().fields().to_vec();
    let encodings = get_encodings(&frame.schema().to_arrow(CompatLevel::newest()));
    let options = ParquetOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: compression.into(),
        data_page_size: None,
    };
    for offset in progress.slices() {
        progress.at(offset)?;
        let rows = frame.slice(offset as i64, ROWS_A_SLICE);
        let columns = rows.columns().par_iter().zip(&types).zip(encodings.as_ref());
        let columns: Vec<_> = columns
            .map(|((column, kind), encodings)| column_pages(column, kind, encodings, options))
            .collect::<Result<_, _>>()
            .map_err(engine_failed)?;
        let columns: Vec<Vec<CompressedPage>> = columns.into_iter().flatten().collect();
        writer.write_row_group(rows.height() as u64, &columns).map_err(engine_failed)?;
    }
    writer.finish().map_err(engine_failed)?;
    Ok(())
}

/// The compressed pages of one column, for each of its leaves. The engine's own writer encodes columns in parallel but compresses them
/// one after the other, which takes longer.
fn column_pages(
    column: &Column,
    kind: &ParquetType,
    encodings: &[Encoding],
    options: ParquetOptions,
) -> PolarsResult<Vec<Vec<CompressedPage>>> {
    let array = column.as_materialized_series().rechunk().to_arrow(0, CompatLevel::newest());
    let leaves = array_to_columns(array, kind.clone(), options, encodings)?;
    let compressed = |page: PolarsResult<Page>| Ok(compress(page?, Vec::new(), options.compression)?);
    leaves.into_iter().map(|pages| pages.map(compressed).collect()).collect()
}

fn arrow(frame: &DataFrame, writer: &mut dyn Write) -> Result<(), Error> {
    IpcWriter::new(writer).finish(&mut frame.clone()).map_err(engine_failed)
}

/// What stands before, between and after objects.
struct Layout {
    before: &'static str,
    between: &'static str,
    after: &'static str,
}

const ARRAY: Layout = Layout { before: "[\n", between: ",\n", after: "\n]\n" };
const LINES: Layout = Layout { before: "", between: "\n", after: "\n" };

fn objects(frame: &DataFrame, writer: &mut dyn Write, layout: &Layout, progress: &Progress<'_>) -> Result<(), Error> {
    let keys: Vec<String> =
        frame.columns().iter().map(|column| format!("{}:", Value::String(column.name().to_string()))).collect();
    writer.write_all(layout.before.as_bytes()).map_err(failed)?;
    for offset in progress.slices() {
        progress.at(offset)?;
        let end = (offset + ROWS_A_SLICE).min(progress.rows);
        let starts: Vec<usize> = (offset..end).step_by(ROWS_A_JSON_PART).collect();
        let parts: Vec<Result<String, Error>> = starts
            .into_par_iter()
            .map(|start| {
                let rows = start..(start + ROWS_A_JSON_PART).min(end);
                let rows: Vec<String> = rows.map(|row| object(frame, &keys, row)).collect::<Result<_, _>>()?;
                Ok(rows.join(layout.between))
            })
            .collect();
        for (index, part) in parts.into_iter().enumerate() {
            if offset + index > 0 {
                writer.write_all(layout.between.as_bytes()).map_err(failed)?;
            }
            writer.write_all(part?.as_bytes()).map_err(failed)?;
        }
    }
    let after = if progress.rows == 0 { layout.after.trim_start() } else { layout.after };
    writer.write_all(after.as_bytes()).map_err(failed)
}

fn object(frame: &DataFrame, keys: &[String], row: usize) -> Result<String, Error> {
    let mut text = String::with_capacity(keys.len() * 16);
    text.push('{');
    for (index, (column, key)) in frame.columns().iter().zip(keys).enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(key);
        text.push_str(&json::cell(column, row)?.to_string());
    }
    text.push('}');
    Ok(text)
}

/// The frame with lists and objects as their JSON text, which is all that CSV can hold.
fn flat(frame: &DataFrame) -> Result<DataFrame, Error> {
    let columns = frame.columns().iter().map(|column| match data_type(column.dtype()) {
        DataType::List | DataType::Record => {
            let texts = (0..column.len()).map(|row| {
                let cell = json::cell(column, row)?;
                Ok((!cell.is_null()).then(|| cell.to_string()))
            });
            Ok(Column::new(column.name().clone(), texts.collect::<Result<Vec<Option<String>>, Error>>()?))
        }
        DataType::Null => Ok(column.cast(&EngineType::String)?),
        kind @ DataType::Binary => Err(Error::ColumnType {
            column: column.name().to_string(),
            expected: "what CSV can hold".to_owned(),
            found: in_words(kind).to_owned(),
        }),
        _ => Ok(column.clone()),
    });
    let columns = columns.collect::<Result<Vec<_>, Error>>()?;
    Ok(DataFrame::new(frame.height(), columns)?)
}

/// The frame with columns of nothing as text, which Parquet has a type for.
fn without_null_type(frame: &DataFrame) -> Result<DataFrame, Error> {
    let columns = frame.columns().iter().map(|column| {
        if column.dtype() == &EngineType::Null { column.cast(&EngineType::String) } else { Ok(column.clone()) }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(DataFrame::new(frame.height(), columns)?)
}
