//! The codes once more, row after row, for histograms.
//!
//! A tile holds up to sixteen columns: the codes of a row lie side by side, and the tile's histograms (256 sums of eight bytes a
//! column) fit the nearest cache. Columns that cannot be split are in no tile.
#![allow(
    clippy::indexing_slicing,
    reason = "rows are below the number of rows that every tile has; histograms are cut by the tiles' widths"
)]

use rayon::prelude::*;

use crate::binning::{Binned, MISSING};

use super::quantise::Packed;

/// Sums of a column's histogram: one for each code.
pub(super) const BINS: usize = 256;
/// Rows that are rearranged at once.
const BLOCK_ROWS: usize = 8_192;

/// Every tile.
pub(super) struct Tiles {
    pub(super) tiles: Vec<Tile>,
}

/// Some columns, row after row.
pub(super) struct Tile {
    /// For each of the tile's columns its position in the table and the number of its bins; less than the width where the last
    /// ones are padding.
    pub(super) columns: Vec<(usize, usize)>,
    pub(super) width: usize,
    codes: Vec<u8>,
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
}

impl Tiles {
    /// Rearranges the columns that have two bins at least, or one and missing values.
    pub(super) fn new(binned: &Binned, bins: &[usize]) -> Self {
        let splittable =
            |column: &usize| bins[*column] > 1 || (bins[*column] == 1 && binned.column(*column).contains(&MISSING));
        let columns: Vec<usize> = (0..bins.len()).into_par_iter().filter(splittable).collect();
        let mut tiles = Vec::new();
        let mut rest = columns.as_slice();
        while !rest.is_empty() {
            let width = match rest.len() {
                0..=4 => 4,
                5..=12 => 8,
                _ => 16,
            };
            let (columns, after) = rest.split_at(width.min(rest.len()));
            rest = after;
            tiles.push(Tile::new(binned, columns.iter().map(|column| (*column, bins[*column])).collect(), width));
        }
        Self { tiles }
    }

    /// Sums of a node's histograms.
    pub(super) fn histogram_length(&self) -> usize {
        self.tiles.iter().map(|tile| tile.width * BINS).sum()
    }
}

impl Tile {
    fn new(binned: &Binned, columns: Vec<(usize, usize)>, width: usize) -> Self {
        let mut codes = vec![0; binned.rows * width];
        codes.par_chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(block, codes)| {
            for (position, (column, _)) in columns.iter().enumerate() {
                let column = &binned.column(*column)[block * BLOCK_ROWS..];
                for (row, code) in codes.chunks_exact_mut(width).zip(column) {
                    row[position] = *code;
                }
            }
        });
        Self { columns, width, codes }
    }

    /// Adds the derivatives of rows to the tile's histograms, column after column.
    pub(super) fn add(&self, rows: Rows<'_>, packed: &[Packed], histograms: &mut [Packed]) {
        match self.width {
            4 => add::<4>(&self.codes, rows, packed, histograms),
            8 => add::<8>(&self.codes, rows, packed, histograms),
            _ => add::<16>(&self.codes, rows, packed, histograms),
        }
    }
}

fn add<const WIDTH: usize>(codes: &[u8], rows: Rows<'_>, packed: &[Packed], histograms: &mut [Packed]) {
    let (codes, _) = codes.as_chunks::<WIDTH>();
    let (histograms, _) = histograms.as_chunks_mut::<BINS>();
    let Some(histograms) = histograms.first_chunk_mut::<WIDTH>() else { return };
    match rows {
        Rows::Range(start, end) => {
            for (codes, packed) in codes[start..end].iter().zip(&packed[start..end]) {
                add_row(codes, *packed, histograms);
            }
        }
        Rows::Listed(rows) => {
            for row in rows {
                add_row(&codes[*row as usize], packed[*row as usize], histograms);
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
