//! Text cut into blocks of whole records, and blocks into cells (RFC 4180).
//!
//! A cell that begins with a quote ends with one; quotes inside it are doubled, delimiters and line ends inside it are content. A quote
//! anywhere else is an ordinary character. Lines end with LF or CR LF; blank lines are skipped.

use std::io::Read;

use memchr::{memchr, memchr2, memchr2_iter, memrchr};

use super::source::Source;
use crate::Error;

/// The longest record: beyond it, a quote that is never closed is the likely cause.
const LONGEST_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// Some whole records.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// The number of the first line, from 1.
    pub(super) line: u64,
    /// The offset of the first byte in the decompressed content.
    pub(super) offset: u64,
}

/// Cuts a file into blocks.
pub(super) struct Blocks<'a> {
    source: &'a Source,
    reader: Box<dyn Read + Send>,
    /// The quotes to mind; `None` where a line is always a record.
    delimiter: Option<u8>,
    size: usize,
    carried: Vec<u8>,
    line: u64,
    offset: u64,
    ended: bool,
}

impl<'a> Blocks<'a> {
    /// Blocks of about `size` bytes. With a delimiter, line ends within quotes do not end a record.
    pub(super) fn new(source: &'a Source, delimiter: Option<u8>, size: usize) -> Result<Self, Error> {
        Ok(Self {
            source,
            reader: source.reader()?,
            delimiter,
            size,
            carried: Vec::new(),
            line: 1,
            offset: 0,
            ended: false,
        })
    }

    /// Sets the size of the blocks that follow.
    pub(super) fn resize(&mut self, size: usize) {
        self.size = size;
    }

    /// The next block; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Block>, Error> {
        let mut bytes = std::mem::take(&mut self.carried);
        let mut wanted = self.size;
        while !self.ended {
            let missing = wanted.saturating_sub(bytes.len());
            bytes.reserve(missing);
            let read = (&mut self.reader)
                .take(missing as u64)
                .read_to_end(&mut bytes)
                .map_err(|error| self.source.failed("read", error))?;
            self.ended = read < missing;
            if self.ended {
                break;
            }
            if let Some(end) = self.last_end(&bytes) {
                self.carried = bytes.split_off(end);
                break;
            }
            if bytes.len() >= LONGEST_RECORD_BYTES {
                return Err(Error::Quoting {
                    name: self.source.name().to_owned(),
                    line: self.line,
                    detail: "the record that begins here has no end within 64 MiB; a quote is probably never closed",
                });
            }
            wanted = bytes.len() * 2;
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let block = Block { line: self.line, offset: self.offset, bytes };
        self.line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        self.offset += block.bytes.len() as u64;
        Ok(Some(block))
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        match self.delimiter {
            Some(delimiter) if memchr(b'"', bytes).is_some() => last_record_end(bytes, delimiter),
            _ => memrchr(b'\n', bytes).map(|position| position + 1),
        }
    }
}

/// Where the last whole record ends.
fn last_record_end(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let mut last = None;
    let mut start = 0;
    while let Some(end) = cell_end(bytes, start, delimiter) {
        if bytes.get(end) == Some(&b'\n') {
            last = Some(end + 1);
        }
        start = end + 1;
    }
    last
}

/// Where the cell that begins at `start` ends: at a delimiter or a line end. `None` where the bytes end first.
fn cell_end(bytes: &[u8], start: usize, delimiter: u8) -> Option<usize> {
    let from = match closing_quote(bytes, start) {
        Quotes::None => start,
        Quotes::Closed(after) => after,
        Quotes::Open => return None,
    };
    memchr2(delimiter, b'\n', bytes.get(from..)?).map(|distance| from + distance)
}

enum Quotes {
    /// The cell does not begin with a quote.
    None,
    /// The position after the closing quote.
    Closed(usize),
    /// There is no closing quote.
    Open,
}

fn closing_quote(bytes: &[u8], start: usize) -> Quotes {
    if bytes.get(start) != Some(&b'"') {
        return Quotes::None;
    }
    let mut position = start + 1;
    while let Some(distance) = bytes.get(position..).and_then(|rest| memchr(b'"', rest)) {
        position += distance + 1;
        if bytes.get(position) != Some(&b'"') {
            return Quotes::Closed(position);
        }
        position += 1;
    }
    Quotes::Open
}

/// The cells of a block, record after record: where each begins and ends, quotes included, line ends not.
pub(super) type Cells = Vec<(u32, u32)>;

/// Cuts a block into records of `columns` cells each.
///
/// # Errors
/// The line of a record with fewer or more cells, or whose quotes are not in order.
pub(super) fn split(block: &[u8], first_line: u64, columns: usize, delimiter: u8, name: &str) -> Result<Cells, Error> {
    let mut cutter = Cutter { cells: Vec::new(), columns, in_record: 0, line: first_line, name };
    let mut start = 0;
    if memchr(b'"', block).is_none() {
        for end in memchr2_iter(delimiter, b'\n', block) {
            cutter.cell(block, start, end)?;
            start = end + 1;
        }
        cutter.last(block, start)?;
        return Ok(cutter.cells);
    }
    while start < block.len() {
        let quotes = closing_quote(block, start);
        let misplaced = |detail| Error::Quoting { name: name.to_owned(), line: cutter.line, detail };
        let end = match quotes {
            Quotes::Open => return Err(misplaced("the quote that opens a cell here is never closed")),
            Quotes::Closed(after) => {
                let after_return = if block.get(after) == Some(&b'\r') { after + 1 } else { after };
                match block.get(after_return) {
                    None | Some(b'\n') => after_return,
                    Some(_) if block.get(after) == Some(&delimiter) => after,
                    Some(_) => return Err(misplaced("a cell goes on after its closing quote")),
                }
            }
            Quotes::None => block
                .get(start..)
                .and_then(|rest| memchr2(delimiter, b'\n', rest))
                .map_or(block.len(), |distance| start + distance),
        };
        if let (Quotes::Closed(_), Some(content)) = (&quotes, block.get(start..end)) {
            let inner = memchr::memchr_iter(b'\n', content).count() as u64;
            cutter.line += inner;
        }
        if end < block.len() {
            cutter.cell(block, start, end)?;
        } else {
            cutter.last(block, start)?;
            return Ok(cutter.cells);
        }
        start = end + 1;
    }
    cutter.last(block, start)?;
    Ok(cutter.cells)
}

/// Collects cells and counts them by record.
struct Cutter<'a> {
    cells: Cells,
    columns: usize,
    in_record: usize,
    line: u64,
    name: &'a str,
}

impl Cutter<'_> {
    /// A cell that ends at a delimiter or a line end.
    fn cell(&mut self, block: &[u8], start: usize, end: usize) -> Result<(), Error> {
        if block.get(end) == Some(&b'\n') {
            self.end_record(block, start, end)?;
            self.line += 1;
            return Ok(());
        }
        self.push(start, end);
        Ok(())
    }

    /// What follows the last delimiter or line end of the block.
    fn last(&mut self, block: &[u8], start: usize) -> Result<(), Error> {
        if start < block.len() || self.in_record > 0 { self.end_record(block, start, block.len()) } else { Ok(()) }
    }

    fn end_record(&mut self, block: &[u8], start: usize, end: usize) -> Result<(), Error> {
        let end = if end > start && block.get(end - 1) == Some(&b'\r') { end - 1 } else { end };
        // A blank line is a missing value where there is one column, and nothing otherwise.
        if self.in_record == 0 && start == end && self.columns != 1 {
            return Ok(());
        }
        self.push(start, end);
        if self.in_record != self.columns {
            return Err(Error::RaggedLine {
                name: self.name.to_owned(),
                line: self.line,
                expected: self.columns,
                found: self.in_record,
            });
        }
        self.in_record = 0;
        Ok(())
    }

    fn push(&mut self, start: usize, end: usize) {
        // A block is shorter than 4 GiB: see `LONGEST_RECORD_BYTES`.
        self.cells.push((start as u32, end as u32));
        self.in_record += 1;
    }
}

/// Cuts the first record, the header, off a block: its cells and where the record ends.
pub(super) fn header(block: &[u8], delimiter: u8, name: &str) -> Result<(Vec<String>, usize), Error> {
    let mut names = Vec::new();
    let mut start = 0;
    loop {
        if matches!(closing_quote(block, start), Quotes::Open) {
            return Err(Error::Quoting {
                name: name.to_owned(),
                line: 1,
                detail: "a quote in the line of column names is never closed",
            });
        }
        let end = cell_end(block, start, delimiter).unwrap_or(block.len());
        let raw = block.get(start..end).unwrap_or_default();
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let text = std::str::from_utf8(raw).map_err(|error| Error::NotUtf8 {
            name: name.to_owned(),
            offset: (start + error.valid_up_to()) as u64,
            line: 1,
        })?;
        names.push(unquoted(text).into_owned());
        if block.get(end) != Some(&delimiter) {
            return Ok((names, (end + 1).min(block.len())));
        }
        start = end + 1;
    }
}

/// The content of a cell.
pub(super) fn unquoted(cell: &str) -> std::borrow::Cow<'_, str> {
    match cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if inner.contains("\"\"") => inner.replace("\"\"", "\"").into(),
        Some(inner) => inner.into(),
        None => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, columns: usize) -> Result<Vec<String>, Error> {
        let cells = split(text.as_bytes(), 1, columns, b',', "x.csv")?;
        Ok(cells.iter().map(|(start, end)| unquoted(&text[*start as usize..*end as usize]).into_owned()).collect())
    }

    #[test]
    fn quotes_hide_delimiters_line_ends_and_doubled_quotes() {
        let cells = cut("1,\"a,\nb\"\r\n2,\"say \"\"no\"\"\"\n", 2).unwrap();
        assert_eq!(cells, ["1", "a,\nb", "2", "say \"no\""]);
        assert_eq!(cut("1,5\" pipe\n", 2).unwrap(), ["1", "5\" pipe"]);
    }

    #[test]
    fn the_last_line_needs_no_end_and_blank_lines_are_skipped() {
        assert_eq!(cut("1,2\n\n\r\n3,", 2).unwrap(), ["1", "2", "3", ""]);
        assert_eq!(cut("\"1\",\"2\"", 2).unwrap(), ["1", "2"]);
        assert_eq!(cut("1\n\n2\n", 1).unwrap(), ["1", "", "2"]);
    }

    #[test]
    fn a_ragged_line_is_named_by_its_number() {
        for text in ["1,2\n3\n", "1,2\n3,4,5\n", "\"1\",2\n3\n", "1,2\n3"] {
            let error = cut(text, 2).unwrap_err();
            assert!(matches!(error, Error::RaggedLine { line: 2, expected: 2, .. }), "{text:?}: {error}");
        }
    }

    #[test]
    fn quotes_out_of_order_are_named_by_their_line() {
        assert!(matches!(cut("1,2\n\"3,4\n", 2).unwrap_err(), Error::Quoting { line: 2, .. }));
        assert!(matches!(cut("1,\"a\"b\n", 2).unwrap_err(), Error::Quoting { line: 1, .. }));
    }

    #[test]
    fn a_record_is_never_cut_within_quotes() {
        let text = b"1,\"a\nb\"\n2,\"c\n";
        assert_eq!(last_record_end(text, b','), Some(8));
    }
}
