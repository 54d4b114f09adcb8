//! The headers of a Parquet file's pages, looked at before the engine sees them.
//!
//! The engine takes the sizes in them at their word: a damaged one makes it ask for more memory than there is, which ends the whole
//! process. So every header is compared with what the file's footer says.

use std::io::{BufReader, Read, Seek, SeekFrom};

use polars::io::mmap::MmapBytesReader;
use polars::io::parquet::metadata::FileMetadata;
use polars::prelude::{ParquetReader, SerReader};
use polars_parquet_format::PageHeader;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

/// The largest page header: statistics of long text make it large.
const LARGEST_HEADER_BYTES: usize = 16 * 1024 * 1024;

/// Reads the headers of all pages; what does not fit is told in words.
pub(super) fn check(mut reader: Box<dyn MmapBytesReader>) -> Result<(), String> {
    let size = reader.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
    let metadata = ParquetReader::new(&mut reader).get_metadata().map_err(|error| error.to_string())?.clone();
    let mut reader = BufReader::new(reader);
    columns(&mut reader, &metadata, size)
}

fn columns<R: Read + Seek>(reader: &mut BufReader<R>, metadata: &FileMetadata, size: u64) -> Result<(), String> {
    let rows: usize = metadata.row_groups.iter().map(|group| group.num_rows()).sum();
    if rows != metadata.num_rows {
        return Err(format!("its footer counts {} rows, its row groups {rows}", metadata.num_rows));
    }
    for (group_number, group) in metadata.row_groups.iter().enumerate() {
        for column in group.parquet_columns() {
            let name = column.descriptor().path_in_schema.join(".");
            let place = || format!("column {name:?} in row group {group_number}");
            let values = usize::try_from(column.num_values())
                .map_err(|_| format!("{} counts {} values", place(), column.num_values()))?;
            if column.descriptor().descriptor.max_rep_level == 0 && values != group.num_rows() {
                return Err(format!("{} has {values} values for {} rows", place(), group.num_rows()));
            }
            let range = column.byte_range();
            if range.start > range.end || range.end > size {
                return Err(format!("{} lies beyond the end of the file", place()));
            }
            let largest = u64::try_from(column.uncompressed_size()).unwrap_or_default();
            let counted = pages(reader, range, values, largest).map_err(|detail| format!("{}: {detail}", place()))?;
            if counted != values {
                return Err(format!("{}: its pages have {counted} values, {values} were expected", place()));
            }
        }
    }
    Ok(())
}

/// Walks over the pages of one column and counts their values.
fn pages<R: Read + Seek>(
    reader: &mut BufReader<R>,
    range: std::ops::Range<u64>,
    values: usize,
    largest: u64,
) -> Result<usize, String> {
    let mut position = range.start;
    let mut counted = 0_usize;
    reader.seek(SeekFrom::Start(position)).map_err(|error| error.to_string())?;
    while counted < values && position < range.end {
        let header = {
            let mut protocol = TCompactInputProtocol::new(&mut *reader, LARGEST_HEADER_BYTES);
            PageHeader::read_from_in_protocol(&mut protocol)
                .map_err(|error| format!("a page header is damaged: {error}"))?
        };
        let begins = reader.stream_position().map_err(|error| error.to_string())?;
        let compressed =
            u64::try_from(header.compressed_page_size).map_err(|_| "a page has a negative size".to_owned())?;
        let uncompressed =
            u64::try_from(header.uncompressed_page_size).map_err(|_| "a page has a negative size".to_owned())?;
        if begins + compressed > range.end || uncompressed > largest {
            return Err(format!("a page of {compressed} bytes ({uncompressed} decompressed) does not fit its column"));
        }
        counted = counted.saturating_add(counts(&header, uncompressed)?);
        position = begins + compressed;
        let distance = i64::try_from(compressed).map_err(|error| error.to_string())?;
        reader.seek_relative(distance).map_err(|error| error.to_string())?;
    }
    Ok(counted)
}

/// The values of a page; 0 for a dictionary. Nothing in its header may be negative, and no part of a page larger than the page.
fn counts(header: &PageHeader, uncompressed: u64) -> Result<usize, String> {
    let number = |number: i32| usize::try_from(number).map_err(|_| format!("a page counts {number} values"));
    if let Some(data) = &header.data_page_header {
        return number(data.num_values);
    }
    if let Some(data) = &header.data_page_header_v2 {
        let levels =
            number(data.definition_levels_byte_length)?.saturating_add(number(data.repetition_levels_byte_length)?);
        if number(data.num_nulls)? > number(data.num_values)? || levels as u64 > uncompressed {
            return Err("a page header contradicts itself".to_owned());
        }
        return number(data.num_values);
    }
    if let Some(dictionary) = &header.dictionary_page_header {
        // An entry takes a byte at least, but for a single empty text.
        if number(dictionary.num_values)? as u64 > uncompressed.saturating_mul(8).max(1) {
            return Err(format!("a dictionary of {uncompressed} bytes counts {} entries", dictionary.num_values));
        }
    }
    Ok(0)
}
