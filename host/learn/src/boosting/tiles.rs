//! The codes once more, row after row, for histograms.
//!
//! A tile holds up to sixteen columns: the codes of a row lie side by side, and the tile's histograms (256 sums of eight bytes a
//! column) fit the nearest cache. Columns that cannot be split are in no tile.
#![allow(
    clippy::indexing_slicing,
    reason = "rows are below the number of rows that every tile has; histograms are cut by the tiles' widths"
)]

use rayon::prelude::*;

use crate::columnwise::ScratchFiles;
use crate::error::Error;
use crate::prefetch::prefetch;

use super::codes::{CodeFile, Codes, ColumnCodes, FILE_BLOCK_ROWS, Lent};
use super::quantise::Packed;

/// Sums of a column's histogram: one for each code.
pub(super) const BINS: usize = 256;
/// How many rows ahead of the one that is added a row is fetched.
const FETCHED_AHEAD: usize = 24;
/// Rows that are rearranged at once.
const BLOCK_ROWS: usize = 8_192;

/// Every tile.
pub(super) struct Tiles {
    pub(super) tiles: Vec<Tile>,
}

/// What is to be known of a column of codes.
pub(super) struct Column {
    /// Codes of values: those below this number may occur.
    pub(super) bins: usize,
    pub(super) has_missing: bool,
}

/// Some columns, row after row.
pub(super) struct Tile {
    /// For each of the tile's columns its position in the table and the number of its bins; less than the width where the last
    /// ones are padding.
    pub(super) columns: Vec<(usize, usize)>,
    pub(super) width: usize,
    codes: Codes,
}

/// Rows of a node.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// From the first to before the second.
    Range(usize, usize),
    Listed(&'a [u32]),
}

impl Rows<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Range(start, end) => end - start,
            Self::Listed(rows) => rows.len(),
        }
    }

    /// Some of the rows, by their position among them.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        match self {
            Self::Range(first, _) => Self::Range(first + start, first + end),
            Self::Listed(rows) => Self::Listed(&rows[start..end]),
        }
    }

    /// The first row.
    pub(super) fn first(&self) -> usize {
        match self {
            Self::Range(start, _) => *start,
            Self::Listed(rows) => rows[0] as usize,
        }
    }

    /// How many of the rows, which rise, are before `row`.
    pub(super) fn before(&self, row: usize) -> usize {
        match self {
            Self::Range(start, end) => row.clamp(*start, *end) - start,
            // Mostly all of them are.
            Self::Listed(rows) if rows.last().is_none_or(|last| (*last as usize) < row) => rows.len(),
            Self::Listed(rows) => rows.partition_point(|own| (*own as usize) < row),
        }
    }

    pub(super) fn for_each(&self, mut work: impl FnMut(usize)) {
        match self {
            Self::Range(start, end) => (*start..*end).for_each(work),
            Self::Listed(rows) => rows.iter().for_each(|row| work(*row as usize)),
        }
    }
}

impl Tiles {
    /// Rearranges the columns that have two bins at least, or one and missing values; in memory, or in files that are asked for.
    pub(super) fn new(codes: &ColumnCodes, columns: &[Column], files: Option<ScratchFiles<'_>>) -> Result<Self, Error> {
        let splittable: Vec<(usize, usize)> = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.bins > 1 || (column.bins == 1 && column.has_missing))
            .map(|(position, column)| (position, column.bins))
            .collect();
        let mut tiles = Vec::new();
        let mut rest = splittable.as_slice();
        while !rest.is_empty() {
            let width = match rest.len() {
                0..=4 => 4,
                5..=12 => 8,
                _ => 16,
            };
            let (columns, after) = rest.split_at(width.min(rest.len()));
            rest = after;
            tiles.push(Tile::new(codes, columns.to_vec(), width, files)?);
        }
        Ok(Self { tiles })
    }

    /// Sums of a node's histograms.
    pub(super) fn histogram_length(&self) -> usize {
        self.tiles.iter().map(|tile| tile.width * BINS).sum()
    }

    /// A node's histograms, tile by tile.
    pub(super) fn cut<'a>(&'a self, mut sums: &'a mut [Packed]) -> impl Iterator<Item = (&'a Tile, &'a mut [Packed])> {
        self.tiles.iter().map(move |tile| {
            let (own, after) = std::mem::take(&mut sums).split_at_mut(tile.width * BINS);
            sums = after;
            (tile, own)
        })
    }

    /// Whether the codes are in files.
    pub(super) fn are_in_files(&self) -> bool {
        self.tiles.iter().any(|tile| matches!(tile.codes, Codes::File(_)))
    }

    /// Whether every read so far has succeeded.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.tiles.iter().try_for_each(|tile| tile.codes.check())
    }
}

impl Tile {
    fn new(
        columns: &ColumnCodes,
        placed: Vec<(usize, usize)>,
        width: usize,
        files: Option<ScratchFiles<'_>>,
    ) -> Result<Self, Error> {
        let rearrange = |begins: usize, codes: &mut [u8]| {
            codes.par_chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(block, codes)| {
                let first = begins + block * BLOCK_ROWS;
                for (position, (column, _)) in placed.iter().enumerate() {
                    let column = columns.read(*column, first..first + codes.len() / width);
                    for (row, code) in codes.chunks_exact_mut(width).zip(&*column) {
                        row[position] = *code;
                    }
                }
            });
        };
        let codes = match files {
            None => {
                let mut codes = vec![0; columns.rows * width];
                rearrange(0, &mut codes);
                Codes::Memory(codes)
            }
            Some(files) => {
                let file = CodeFile::new(files)?;
                let mut codes = vec![0; FILE_BLOCK_ROWS.min(columns.rows) * width];
                for begins in (0..columns.rows).step_by(FILE_BLOCK_ROWS) {
                    codes.truncate((columns.rows - begins).min(FILE_BLOCK_ROWS) * width);
                    rearrange(begins, &mut codes);
                    file.write(&codes, begins * width)?;
                }
                Codes::File(file)
            }
        };
        Ok(Self { columns: placed, width, codes })
    }

    /// The codes of rows, row after row.
    pub(super) fn read(&self, rows: std::ops::Range<usize>) -> Lent<'_> {
        self.codes.read(rows.start * self.width..rows.end * self.width)
    }

    /// Adds the derivatives of rows to the tile's histograms, column after column. The codes begin with those of the row `first`.
    pub(super) fn add(&self, codes: &[u8], first: usize, rows: Rows<'_>, packed: &[Packed], histograms: &mut [Packed]) {
        match self.width {
            4 => add::<4>(codes, first, rows, packed, histograms),
            8 => add::<8>(codes, first, rows, packed, histograms),
            _ => add::<16>(codes, first, rows, packed, histograms),
        }
    }
}

fn add<const WIDTH: usize>(codes: &[u8], first: usize, rows: Rows<'_>, packed: &[Packed], histograms: &mut [Packed]) {
    let (codes, _) = codes.as_chunks::<WIDTH>();
    let (histograms, _) = histograms.as_chunks_mut::<BINS>();
    let Some(histograms) = histograms.first_chunk_mut::<WIDTH>() else { return };
    match rows {
        Rows::Range(start, end) => {
            for (codes, packed) in codes[start - first..end - first].iter().zip(&packed[start..end]) {
                add_row(codes, *packed, histograms);
            }
        }
        Rows::Listed(rows) => {
            // Rows that are listed lie apart: each is fetched while those before it are added.
            let (now, last) = rows.split_at(rows.len().saturating_sub(FETCHED_AHEAD));
            for (row, ahead) in now.iter().zip(&rows[rows.len() - now.len()..]) {
                prefetch(&codes[*ahead as usize - first]);
                prefetch(&packed[*ahead as usize]);
                add_row(&codes[*row as usize - first], packed[*row as usize], histograms);
            }
            for row in last {
                add_row(&codes[*row as usize - first], packed[*row as usize], histograms);
            }
        }
    }
}

#[inline(always)]
fn add_row<const WIDTH: usize>(codes: &[u8; WIDTH], packed: Packed, histograms: &mut [[Packed; BINS]; WIDTH]) {
    for (histogram, code) in histograms.iter_mut().zip(codes) {
        let sum = &mut histogram[usize::from(*code)];
        *sum = sum.wrapping_add(packed);
    }
}
