//! Columns of numbers as columns of bytes: each value's bin, by edges at quantiles.
//!
//! A column with at most 255 different values keeps them all apart; its edges lie midway between neighbours. A column with more
//! gets edges at equal counts of rows. Bin `b` holds the values above edge `b` − 1 and up to edge `b`. The last code,
//! [`MISSING`], is for NaN alone. A column of categories has no edges: a category's number is its code.
#![allow(clippy::indexing_slicing, reason = "positions come from partition points and counts of the same slice")]

use rayon::prelude::*;

use crate::ranks::Ranks;

/// The code of a missing value.
pub(crate) const MISSING: u8 = 255;
/// Bins for values: codes 0 to 254.
pub(crate) const MOST_BINS: usize = 255;
/// Values looked at to place the edges of a column: quantiles of a sample this large are off by a thousandth at most.
const SAMPLED_VALUES: usize = 262_144;

/// A table of codes, with what leads back to values.
pub(crate) struct Binned {
    /// The number of rows.
    pub(crate) rows: usize,
    /// The codes, column after column.
    pub(crate) codes: Vec<u8>,
    /// For each column its edges, rising.
    pub(crate) edges: Vec<Vec<f32>>,
}

impl Binned {
    /// Bins every column, in parallel.
    pub(crate) fn new(columns: &[&[f32]]) -> Self {
        Self::by_edges(columns, Self::edges(columns, MOST_BINS, &[]), &[])
    }

    /// The edges of every column's bins, `most` bins at most, found in parallel. Where `categorical` holds for a column, its values are
    /// whole numbers from 0 to 254 and their own codes, and there are none.
    pub(crate) fn edges(columns: &[&[f32]], most: usize, categorical: &[bool]) -> Vec<Vec<f32>> {
        columns
            .par_iter()
            .enumerate()
            .map(|(position, column)| match categorical.get(position) {
                Some(true) => Vec::new(),
                _ => edges(column, most),
            })
            .collect()
    }

    /// Bins every column by edges that are known, in parallel.
    pub(crate) fn by_edges(columns: &[&[f32]], edges: Vec<Vec<f32>>, categorical: &[bool]) -> Self {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut codes = vec![0; rows * columns.len()];
        codes.par_chunks_mut(rows.max(1)).zip(columns).zip(&edges).enumerate().for_each(
            |(position, ((codes, column), edges))| {
                encode(column, edges, categorical.get(position) == Some(&true), codes);
            },
        );
        Self { rows, codes, edges }
    }

    /// The codes of a column.
    pub(crate) fn column(&self, column: usize) -> &[u8] {
        &self.codes[column * self.rows..(column + 1) * self.rows]
    }

    /// The value that parts bin `low` from bin `high` of a column, midway between the edges that enclose the gap: a value is
    /// in `low` or below exactly where it is at most this, if it is not in between.
    pub(crate) fn threshold(&self, column: usize, low: u8, high: u8) -> f32 {
        let edges = &self.edges[column];
        if high == MISSING {
            return f32::INFINITY;
        }
        midpoint(edges[usize::from(low)], edges[usize::from(high) - 1])
    }
}

/// The bins of values by the edges of their column, or the values themselves where they are categories.
pub(crate) fn encode(values: &[f32], edges: &[f32], categorical: bool, codes: &mut [u8]) {
    if categorical {
        codes.iter_mut().zip(values).for_each(|(code, value)| *code = *value as u8);
    } else {
        Ranks::new(edges).of(values, codes, |edge, value| edge < value);
    }
    for (code, value) in codes.iter_mut().zip(values) {
        if value.is_nan() {
            *code = MISSING;
        }
    }
}

/// The edges of a column's bins, `most` of them at most: none where it has one value at most.
pub(crate) fn edges(column: &[f32], most: usize) -> Vec<f32> {
    let most = most.clamp(1, MOST_BINS);
    let step = column.len().div_ceil(SAMPLED_VALUES).max(1);
    // As integers in the same order as the numbers: integers sort faster.
    let mut keys: Vec<u32> =
        column.iter().step_by(step).filter(|value| !value.is_nan()).map(|value| ordered(*value)).collect();
    keys.sort_unstable();
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for key in keys.iter().copied() {
        let value = number(key);
        match distinct.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => distinct.push((value, 1)),
        }
    }
    let between = |position: usize| edge_between(distinct[position].0, distinct[position + 1].0);
    if distinct.len() <= most {
        return (0..distinct.len().saturating_sub(1)).map(between).collect();
    }
    // Fill bins evenly: a value that is more frequent than a bin's share has a bin to itself, and what is left is shared by
    // the bins that are left.
    let mut edges = Vec::with_capacity(most - 1);
    let mut left = keys.len();
    let mut filled = 0;
    for (position, (_, count)) in distinct.iter().enumerate() {
        filled += count;
        let bins_left = most - edges.len();
        if bins_left == 1 || position + 1 == distinct.len() {
            break;
        }
        let next = distinct[position + 1].1;
        // Close the bin where that comes nearer to an even share than taking the next value in as well.
        if (2 * filled + next) * bins_left >= 2 * left {
            edges.push(between(position));
            left -= filled;
            filled = 0;
        }
    }
    edges
}

/// A number that parts two neighbours: at least the lower, below the upper.
fn edge_between(lower: f32, upper: f32) -> f32 {
    let middle = midpoint(lower, upper);
    if middle < upper { middle } else { lower }
}

/// The mean of two numbers, without overflow.
fn midpoint(lower: f32, upper: f32) -> f32 {
    (f64::from(lower).midpoint(f64::from(upper))) as f32
}

/// Bits that order as the number does; both zeros are one.
fn ordered(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 0x8000_0000 } else { !bits }
}

/// The number behind [`ordered`].
fn number(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7fff_ffff } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_different_values_keep_a_bin_each_with_edges_midway() {
        let column = [3.0, 1.0, f32::NAN, 2.0, 1.0, -0.0, 0.0];
        let binned = Binned::new(&[&column]);
        assert_eq!(binned.edges, vec![vec![0.5, 1.5, 2.5]]);
        assert_eq!(binned.codes, vec![3, 1, MISSING, 2, 1, 0, 0]);
    }

    #[test]
    fn many_different_values_fill_255_bins_evenly() {
        let column: Vec<f32> = (0..25_500_u32).map(|row| (row * 7_919 % 25_500) as f32).collect();
        let binned = Binned::new(&[&column]);
        assert_eq!(binned.edges[0].len(), 254);
        let mut counts = [0; 256];
        for code in &binned.codes {
            counts[usize::from(*code)] += 1;
        }
        assert!(counts[..255].iter().all(|count| (95..=105).contains(count)), "{counts:?}");
        assert_eq!(counts[255], 0);
    }

    #[test]
    fn a_value_that_fills_half_the_column_leaves_the_other_bins_to_the_rest() {
        let column: Vec<f32> = (0..20_000).map(|row| if row % 2 == 0 { 0.0 } else { row as f32 }).collect();
        let binned = Binned::new(&[&column]);
        assert_eq!(binned.edges[0].len(), 254);
    }

    #[test]
    fn neighbouring_numbers_are_parted() {
        let lower = 1.0_f32;
        let upper = f32::from_bits(lower.to_bits() + 1);
        let binned = Binned::new(&[&[upper, lower, f32::MAX, f32::MIN]]);
        assert_eq!(binned.codes, vec![2, 1, 3, 0]);
    }

    #[test]
    fn a_column_without_values_has_no_edges() {
        let binned = Binned::new(&[&[f32::NAN, f32::NAN]]);
        assert!(binned.edges[0].is_empty());
        assert_eq!(binned.codes, vec![MISSING, MISSING]);
    }
}
