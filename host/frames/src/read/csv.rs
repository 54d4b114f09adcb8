//! CSV: blocks of whole records, read in parallel, put together in order.
//!
//! One pass is enough for nearly every file. Where a column turns out to be text after other blocks of it were read as numbers or
//! booleans, the file is read a second time with that column as text, because `007` cannot be had back from 7.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, sync_channel};

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::ReadOptions;
use polars::prelude::DataFrame;
use rayon::prelude::*;

use super::cells::{Growing, Kind, Missing, Piece, piece};
use super::records::{self, Block, Blocks};
use super::source::Source;
use super::{dates, detect};
use crate::Error;

/// The size of a block: small enough that cells and their positions stay in the processor's cache.
const BLOCK_BYTES: usize = 1024 * 1024;
/// What a block grows by for each column, so that very wide files do not fall into columns of a few values.
const BLOCK_BYTES_A_COLUMN: usize = 1024;
/// How many blocks each thread has before it when a batch is read.
const BLOCKS_A_THREAD: usize = 2;

/// Reads a CSV file.
pub(super) fn read(source: &Source, options: &ReadOptions, control: &dyn Control) -> Result<DataFrame, Error> {
    let reading = Reading {
        source,
        delimiter: delimiter(options, source.name())?,
        header: options.header,
        missing: Missing::new(&options.null_values),
        parse_dates: options.parse_dates,
        asked_for: &options.columns,
        wanted: options.columns.iter().map(String::as_str).collect(),
        control,
    };
    match reading.pass(&HashSet::new())? {
        Pass::Whole(frame) => Ok(frame),
        Pass::Mixed(columns) => match reading.pass(&columns)? {
            Pass::Whole(frame) => Ok(frame),
            Pass::Mixed(_) => Err(Error::Malformed {
                name: source.name().to_owned(),
                format: "CSV",
                detail: "it changed while it was read".to_owned(),
            }),
        },
    }
}

fn delimiter(options: &ReadOptions, name: &str) -> Result<u8, Error> {
    let Some(text) = &options.delimiter else { return Ok(detect::delimiter(name)) };
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(Error::argument(
            "delimiter",
            format!("{text:?} is not one ASCII character other than a quote or a line end"),
        )),
    }
}

struct Reading<'a> {
    source: &'a Source,
    delimiter: u8,
    header: bool,
    missing: Missing,
    parse_dates: bool,
    /// The columns asked for, in the order asked for.
    asked_for: &'a [String],
    /// The same for looking up; all where empty.
    wanted: HashSet<&'a str>,
    control: &'a dyn Control,
}

enum Pass {
    Whole(DataFrame),
    /// The columns that have to be read as text.
    Mixed(HashSet<usize>),
}

impl Reading<'_> {
    fn pass(&self, as_text: &HashSet<usize>) -> Result<Pass, Error> {
        let mut blocks = Blocks::new(self.source, Some(self.delimiter), BLOCK_BYTES)?;
        let mut first = self.first_block(&mut blocks)?;
        let (names, start) = self.names(&first)?;
        if let Some(unknown) = self.asked_for.iter().find(|wanted| !names.contains(wanted)) {
            return Err(Error::column_not_found(unknown, names.iter().map(String::as_str)));
        }
        first.line += memchr::memchr_iter(b'\n', first.bytes.get(..start).unwrap_or_default()).count() as u64;
        first.offset += start as u64;
        first.bytes.drain(..start);
        blocks.resize(BLOCK_BYTES.max(names.len() * BLOCK_BYTES_A_COLUMN));

        let read: Vec<bool> =
            names.iter().map(|name| self.wanted.is_empty() || self.wanted.contains(name.as_str())).collect();
        let mut columns: Vec<Growing> = names.iter().map(|_| Growing::new()).collect();
        let batch = rayon::current_num_threads() * BLOCKS_A_THREAD;
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(batch);
            scope.spawn(move || {
                let mut next = Ok(Some(first));
                while let Some(block) = next.transpose() {
                    let failed = block.is_err();
                    // A receiver that is gone has met an error of its own.
                    if sender.send(block).is_err() || failed {
                        return;
                    }
                    next = blocks.next();
                }
            });
            self.collect(receiver, batch, &read, as_text, &mut columns)
        })?;

        let mixed: HashSet<usize> =
            columns.iter().enumerate().filter(|(_, column)| column.is_mixed()).map(|(index, _)| index).collect();
        if !mixed.is_empty() {
            return Ok(Pass::Mixed(mixed));
        }
        let finished: Vec<_> = columns
            .into_par_iter()
            .zip(&names)
            .zip(&read)
            .filter(|(_, read)| **read)
            .map(|((column, name), _)| {
                let column = column.finish(name);
                if self.parse_dates { dates::recognise(column) } else { column }
            })
            .collect();
        Ok(Pass::Whole(DataFrame::new_infer_height(finished)?))
    }

    /// The first block that has more than blank lines, without its byte order mark.
    fn first_block(&self, blocks: &mut Blocks<'_>) -> Result<Block, Error> {
        while let Some(mut block) = blocks.next()? {
            let mark = if block.offset == 0 && block.bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            let blank = block.bytes.iter().skip(mark).take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if mark + blank < block.bytes.len() {
                let skipped: Vec<u8> = block.bytes.drain(..mark + blank).collect();
                block.line += memchr::memchr_iter(b'\n', &skipped).count() as u64;
                block.offset += skipped.len() as u64;
                return Ok(block);
            }
        }
        Err(Error::EmptyFile { name: self.source.name().to_owned() })
    }

    /// The columns' names and where the data begins.
    fn names(&self, block: &Block) -> Result<(Vec<String>, usize), Error> {
        let (cells, end) = records::header(&block.bytes, self.delimiter, self.source.name())?;
        let numbered = |index: usize| format!("column_{}", index + 1);
        if !self.header {
            return Ok(((0..cells.len()).map(numbered).collect(), 0));
        }
        let names: Vec<String> = cells
            .into_iter()
            .enumerate()
            .map(|(index, name)| if name.is_empty() { numbered(index) } else { name })
            .collect();
        let mut seen = HashSet::new();
        let mut repeated: Vec<String> = names.iter().filter(|name| !seen.insert(name.as_str())).cloned().collect();
        repeated.dedup();
        if !repeated.is_empty() {
            return Err(Error::DuplicateColumns { name: self.source.name().to_owned(), columns: repeated });
        }
        Ok((names, end))
    }

    /// Takes blocks as they come, reads a batch of them in parallel and adds their columns in order.
    fn collect(
        &self,
        blocks: Receiver<Result<Block, Error>>,
        batch: usize,
        read: &[bool],
        as_text: &HashSet<usize>,
        columns: &mut [Growing],
    ) -> Result<(), Error> {
        loop {
            let waiting: Vec<Block> = blocks.iter().take(batch).collect::<Result<_, _>>()?;
            if waiting.is_empty() {
                return Ok(());
            }
            if self.control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let hints: Vec<Kind> = columns
                .iter()
                .enumerate()
                .map(|(index, column)| if as_text.contains(&index) { Kind::Text } else { column.kind() })
                .collect();
            // All outcomes are kept, so that of several errors it is the first in the file that is told.
            let outcomes: Vec<Result<Vec<Piece>, Error>> =
                waiting.par_iter().map(|block| self.pieces(block, &hints, read)).collect();
            drop(waiting);
            let mut by_column: Vec<Vec<Piece>> = columns.iter().map(|_| Vec::new()).collect();
            for outcome in outcomes {
                for (pieces, piece) in by_column.iter_mut().zip(outcome?) {
                    pieces.push(piece);
                }
            }
            columns
                .par_iter_mut()
                .zip(by_column)
                .try_for_each(|(column, pieces)| pieces.into_iter().try_for_each(|piece| column.push(piece)))?;
            let name = self.source.name();
            self.control.report(
                self.source.consumed() as f64,
                Some(self.source.size() as f64),
                &format!("reading {name}"),
            );
        }
    }

    /// The columns of one block.
    fn pieces(&self, block: &Block, hints: &[Kind], read: &[bool]) -> Result<Vec<Piece>, Error> {
        let name = self.source.name();
        let text = std::str::from_utf8(&block.bytes).map_err(|error| {
            let valid = block.bytes.get(..error.valid_up_to()).unwrap_or_default();
            Error::NotUtf8 {
                name: name.to_owned(),
                offset: block.offset + valid.len() as u64,
                line: block.line + memchr::memchr_iter(b'\n', valid).count() as u64,
            }
        })?;
        let width = hints.len();
        let cells = records::split(&block.bytes, block.line, width, self.delimiter, name)?;
        let rows = cells.len() / width.max(1);
        let pieces = hints.iter().zip(read).enumerate().map(|(index, (hint, read))| {
            if !read {
                return Piece::Nothing(rows);
            }
            let column = cells.iter().skip(index).step_by(width);
            // Cells are cut at ASCII characters, so every one is a slice of the text.
            let column = column.map(|(start, end)| text.get(*start as usize..*end as usize).unwrap_or_default());
            piece(column, rows, &self.missing, *hint)
        });
        Ok(pieces.collect())
    }
}
