//! Columns as one matrix, row after row, about their means and in common units: what methods that measure distances work on.
//!
//! Standardised columns have mean 0 and standard deviation 1 (of all rows, not of a sample), as scikit-learn's `StandardScaler` has
//! them; a constant column becomes zero. Without standardising the columns keep their proportions: they are centred, and where their
//! values are very large or very small all of them are multiplied by one power of two, which costs no digit.
#![allow(clippy::indexing_slicing, reason = "rows are cut from the columns' common length")]

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows written at once: so many of tens of columns stay in the near cache.
const ROWS_AT_ONCE: usize = 512;
/// A deviation below this share of the largest value is rounding: the column is constant.
const LEAST_DEVIATION: f64 = 1e-13;
/// Deviations between these need no common unit: their squares fit 32-bit numbers.
const ORDINARY: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

/// How columns are brought to common units: (value − mean) / deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Scaling {
    /// Learns means and deviations. Without `standardize` all columns have one deviation, [`Scaling::unit`].
    pub(crate) fn new(columns: &[&[f32]], standardize: bool) -> Self {
        let (means, deviations): (Vec<f64>, Vec<f64>) = columns.par_iter().map(|column| moments(column)).unzip();
        let deviations = if standardize {
            deviations.into_iter().map(|deviation| if deviation > 0.0 { deviation } else { 1.0 }).collect()
        } else {
            let largest = deviations.iter().copied().fold(0.0, f64::max);
            let unit = if largest == 0.0 || ORDINARY.contains(&largest) { 1.0 } else { largest.log2().round().exp2() };
            vec![unit; deviations.len()]
        };
        Self { means, deviations }
    }

    /// Leaves columns as they are.
    pub(crate) fn none(width: usize) -> Self {
        Self { means: vec![0.0; width], deviations: vec![1.0; width] }
    }

    /// The common deviation of columns that are not standardised: what distances are to be multiplied by.
    pub(crate) fn unit(&self, standardize: bool) -> f64 {
        if standardize { 1.0 } else { self.deviations.first().copied().unwrap_or(1.0) }
    }

    pub(crate) fn width(&self) -> usize {
        self.means.len()
    }

    /// The rows in common units, with 32 bits, row after row.
    pub(crate) fn rows(&self, columns: &[&[f32]]) -> Vec<f32> {
        self.fill(columns, |value| value as f32)
    }

    /// The rows in common units, with 64 bits, row after row.
    pub(crate) fn wide_rows(&self, columns: &[&[f32]]) -> Vec<f64> {
        self.fill(columns, |value| value)
    }

    /// Some rows in common units, with 64 bits, row after row, in place of what `values` holds.
    pub(crate) fn write_rows(&self, columns: &[&[f32]], rows: Range<usize>, values: &mut Vec<f64>) {
        let width = columns.len();
        values.clear();
        values.resize(rows.len() * width, 0.0);
        for (position, (column, (mean, deviation))) in
            columns.iter().zip(self.means.iter().zip(&self.deviations)).enumerate()
        {
            let factor = deviation.recip();
            for (row, value) in values.chunks_exact_mut(width).zip(&column[rows.clone()]) {
                row[position] = (f64::from(*value) - mean) * factor;
            }
        }
    }

    /// Rows given row after row, in common units.
    pub(crate) fn scaled(&self, rows: &[f32]) -> Vec<f64> {
        let units = self.means.iter().zip(&self.deviations).cycle();
        rows.iter()
            .zip(units)
            .map(|(value, (mean, deviation))| (f64::from(*value) - mean) * deviation.recip())
            .collect()
    }

    fn fill<T: Copy + Default + Send>(&self, columns: &[&[f32]], number: impl Fn(f64) -> T + Sync) -> Vec<T> {
        let width = columns.len().max(1);
        let rows = columns.first().map_or(0, |column| column.len());
        let mut matrix = vec![T::default(); rows * width];
        matrix.par_chunks_mut(ROWS_AT_ONCE * width).enumerate().for_each(|(piece, part)| {
            let start = piece * ROWS_AT_ONCE;
            for (position, (column, (mean, deviation))) in
                columns.iter().zip(self.means.iter().zip(&self.deviations)).enumerate()
            {
                let factor = deviation.recip();
                for (row, value) in part.chunks_exact_mut(width).zip(&column[start..]) {
                    row[position] = number((f64::from(*value) - mean) * factor);
                }
            }
        });
        matrix
    }

    /// A point in the columns' own units.
    pub(crate) fn restored(&self, point: impl Iterator<Item = f64>) -> Vec<f64> {
        point
            .zip(self.means.iter().zip(&self.deviations))
            .map(|(value, (mean, deviation))| value * deviation + mean)
            .collect()
    }

    /// Whether a scaling read from a file can be used on so many columns.
    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        let sound = self.means.len() == columns
            && self.deviations.len() == columns
            && self.means.iter().all(|mean| mean.is_finite())
            && self.deviations.iter().all(|deviation| deviation.is_finite() && *deviation > 0.0);
        if sound { Ok(()) } else { Err("the scaling does not fit the signature".to_owned()) }
    }
}

/// Mean and standard deviation; the deviation of a column that does not vary is 0.
fn moments(column: &[f32]) -> (f64, f64) {
    let rows = column.len().max(1) as f64;
    let mean = lanes(column, f64::from) / rows;
    let variance = lanes(column, |value| {
        let difference = f64::from(value) - mean;
        difference * difference
    }) / rows;
    let deviation = variance.sqrt();
    if deviation > LEAST_DEVIATION * mean.abs() {
        return (mean, deviation);
    }
    (column.first().copied().map_or(0.0, f64::from), 0.0)
}

/// The sum of a term of each value, in eight lanes that the processor adds side by side.
fn lanes(column: &[f32], term: impl Fn(f32) -> f64) -> f64 {
    let (chunks, rest) = column.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| term(*value)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_columns_have_mean_zero_and_deviation_one_and_come_back() {
        let columns: Vec<Vec<f32>> = vec![vec![1.0, 2.0, 3.0, 6.0], vec![0.1; 4], vec![1e30, -1e30, 3e30, 0.0]];
        let columns: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
        let scaling = Scaling::new(&columns, true);
        let rows = scaling.wide_rows(&columns);
        for position in [0, 2] {
            let values: Vec<f64> = rows.chunks_exact(3).map(|row| row[position]).collect();
            assert!(values.iter().sum::<f64>().abs() < 1e-12);
            assert!((values.iter().map(|value| value * value).sum::<f64>() - 4.0).abs() < 1e-12);
        }
        assert!(rows.chunks_exact(3).all(|row| row[1] == 0.0));
        let restored = scaling.restored(rows[6..9].iter().copied());
        assert!((restored[0] - 3.0).abs() < 1e-12 && (restored[2] / 3e30 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn without_standardising_only_a_power_of_two_is_taken_out() {
        let columns: Vec<Vec<f32>> = vec![vec![1e30, -1e30], vec![0.0, 3e20]];
        let columns: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
        let scaling = Scaling::new(&columns, false);
        assert_eq!(scaling.unit(false).log2().fract(), 0.0);
        assert!(scaling.rows(&columns).iter().all(|value| value.abs() <= 2.0));
        assert_eq!(Scaling::new(&[&[1.0, 2.0]], false).unit(false), 1.0);
    }
}
