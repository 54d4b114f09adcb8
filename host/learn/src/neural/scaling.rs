//! Standardisation: columns about their weighted means, in units of their deviations. Networks learn at one rate for all inputs,
//! so inputs of a size come first.
#![allow(clippy::indexing_slicing, reason = "a value's place in the matrix follows from its row and column")]

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Deviations from the mean at most, either way. No training row of equal weights lies further out while there are fewer than
/// 10¹⁰; a row that does must not overflow single precision on its way.
pub(super) const FURTHEST: f32 = 1e5;
/// Rows that a thread turns at once.
const BLOCK_ROWS: usize = 1_024;

/// What each column is moved and divided by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scaling {
    means: Vec<f64>,
    /// 0 for a column of equal values, which becomes 0 everywhere.
    deviations: Vec<f64>,
}

impl Scaling {
    /// The means and deviations of the rows that count. `weights` has an entry for each of `rows`, or is absent.
    pub(super) fn new(columns: &[&[f32]], rows: &[u32], weights: Option<&[f32]>) -> Self {
        let (means, deviations) = columns
            .par_iter()
            .map(|column| moments(rows.iter().map(|row| f64::from(column[*row as usize])), weights))
            .unzip();
        Self { means, deviations }
    }

    /// Whether a scaling read from a file can be applied.
    pub(super) fn check(&self, columns: usize) -> Result<(), String> {
        if self.means.len() != columns || self.deviations.len() != columns {
            return Err("the means and deviations do not fit the signature".to_owned());
        }
        let sound = |deviation: &f64| *deviation == 0.0 || (deviation.is_normal() && *deviation > 0.0);
        if self.means.iter().all(|mean| mean.is_finite()) && self.deviations.iter().all(sound) {
            Ok(())
        } else {
            Err("a mean or deviation is no finite number, or a deviation is negative".to_owned())
        }
    }

    /// Some rows, standardised and row after row, onto the end of `matrix`.
    pub(super) fn append(&self, columns: &[&[f32]], rows: Range<usize>, matrix: &mut Vec<f32>) {
        let start = matrix.len();
        matrix.resize(start + rows.len() * columns.len(), 0.0);
        self.fill(columns, rows.len(), |position| rows.start + position, &mut matrix[start..]);
    }

    /// The rows listed, standardised and row after row.
    pub(super) fn matrix(&self, columns: &[&[f32]], rows: &[u32]) -> Vec<f32> {
        let mut matrix = vec![0.0; rows.len() * columns.len()];
        matrix.par_chunks_mut((BLOCK_ROWS * columns.len()).max(1)).enumerate().for_each(|(block, matrix)| {
            let rows = &rows[block * BLOCK_ROWS..];
            self.fill(columns, matrix.len() / columns.len().max(1), |position| rows[position] as usize, matrix);
        });
        matrix
    }

    fn fill(&self, columns: &[&[f32]], rows: usize, row: impl Fn(usize) -> usize, matrix: &mut [f32]) {
        for (number, column) in columns.iter().enumerate() {
            let (mean, deviation) = (self.means[number], self.deviations[number]);
            if deviation == 0.0 {
                continue;
            }
            let inverse = 1.0 / deviation;
            for position in 0..rows {
                let value = ((f64::from(column[row(position)]) - mean) * inverse) as f32;
                matrix[position * columns.len() + number] = value.clamp(-FURTHEST, FURTHEST);
            }
        }
    }

    /// The means and the deviations.
    pub(super) fn parts(&self) -> (&[f64], &[f64]) {
        (&self.means, &self.deviations)
    }

    /// Values in a column's own units, of standardised ones.
    pub(super) fn deviation(&self, column: usize) -> f64 {
        self.deviations.get(column).copied().unwrap_or(0.0)
    }
}

/// The weighted mean and deviation, in two passes; the deviation is exactly 0 where all values are equal.
pub(super) fn moments(values: impl Iterator<Item = f64> + Clone, weights: Option<&[f32]>) -> (f64, f64) {
    let weighted = || {
        let weight = |position: usize| weights.map_or(1.0, |weights| f64::from(weights[position]));
        values.clone().enumerate().map(move |(position, value)| (weight(position), value))
    };
    let total: f64 = weighted().map(|(weight, _)| weight).sum();
    let first = values.clone().next().unwrap_or(0.0);
    if values.clone().all(|value| value == first) || total <= 0.0 {
        return (first, 0.0);
    }
    let mean = first + weighted().map(|(weight, value)| weight / total * (value - first)).sum::<f64>();
    let square = weighted().map(|(weight, value)| weight / total * (value - mean) * (value - mean)).sum::<f64>();
    (mean, square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_columns_have_mean_0_and_deviation_1_and_constant_ones_are_0() {
        let far: Vec<f32> = (0..3_000).map(|row| 1e6 + (row % 7) as f32).collect();
        let columns: Vec<&[f32]> = vec![&far, &[0.1; 3_000]];
        let rows: Vec<u32> = (0..3_000).collect();
        let scaling = Scaling::new(&columns, &rows, None);
        let matrix = scaling.matrix(&columns, &rows);
        let (mean, deviation) = moments(matrix.iter().step_by(2).map(|value| f64::from(*value)), None);
        assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean}, {deviation}");
        assert!(matrix.iter().skip(1).step_by(2).all(|value| *value == 0.0));
        let mut appended = vec![9.0];
        scaling.append(&columns, 2..3_000, &mut appended);
        assert_eq!(appended[1..], matrix[4..]);
    }

    #[test]
    fn a_row_counts_by_its_weight() {
        let twice = moments([1.0, 5.0, 5.0].into_iter(), None);
        let weighted = moments([1.0, 5.0].into_iter(), Some(&[0.5, 1.0]));
        assert!((twice.0 - weighted.0).abs() < 1e-12 && (twice.1 - weighted.1).abs() < 1e-12);
    }
}
