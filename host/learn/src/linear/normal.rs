//! The normal equations of least squares: sums of products of the columns with one another and with the target.
//!
//! With an intercept, columns and target are taken about their means, which keeps the sums accurate for columns far from zero;
//! the intercept follows from the means. The sums are symmetric and positive semidefinite, so a Cholesky factor exists; a column
//! that others explain to within 10⁻¹¹ of its variance (features have 24 bits) gets no pivot and no coefficient.
#![allow(
    clippy::indexing_slicing,
    reason = "square matrices are indexed below their one dimension; blocks are cut from the columns' length"
)]

use ndarray::{Array2, ArrayView2, linalg::general_mat_mul};
use rayon::prelude::*;

use crate::blocks::sum_blocks;
use crate::error::Error;
use crate::estimator::{Answers, Problem};

use super::LinearModel;

/// Rows multiplied at once: a block of tens of columns fits the near cache.
const ROWS_AT_ONCE: usize = 256;
/// The share of a column's variance that others must leave unexplained for it to have a coefficient of its own.
const LEAST_SHARE: f64 = 1e-11;

/// Sums over the weighted rows.
pub(super) struct Normal {
    /// Σ weight × column × column, about the means. Row-major, square.
    pub(super) products: Array2<f64>,
    /// Σ weight × column × target, about the means.
    pub(super) moments: Vec<f64>,
    /// Σ weight.
    pub(super) weight: f64,
    means: Vec<f64>,
    target_mean: f64,
}

/// A lower triangular factor L with L Lᵀ = matrix; rows and columns without a pivot are zero but for what earlier pivots put
/// into the row.
pub(super) struct Factor {
    pub(super) lower: Array2<f64>,
    /// Whether the column has a pivot.
    pub(super) pivots: Vec<bool>,
}

impl Normal {
    /// Sums over the problem's rows. The problem's answers are values.
    pub(super) fn new(problem: &Problem<'_>, intercept: bool) -> Result<Self, Error> {
        let Answers::Values(target) = problem.answers else {
            return Err(Error::Numerical { what: "least squares needs numbers to fit, not classes".to_owned() });
        };
        let columns = &problem.columns;
        let weight_of = |row: usize| problem.weights.map_or(1.0, |weights| f64::from(weights[row]));
        let weight: f64 = (0..target.len()).map(weight_of).sum();
        let (means, target_mean) = if intercept {
            let mean = |column: &&[f32]| {
                column.iter().enumerate().map(|(row, value)| weight_of(row) * f64::from(*value)).sum::<f64>() / weight
            };
            let target_mean =
                target.iter().enumerate().map(|(row, value)| weight_of(row) * value).sum::<f64>() / weight;
            (columns.par_iter().map(mean).collect(), target_mean)
        } else {
            (vec![0.0; columns.len()], 0.0)
        };
        // One matrix for columns and target: the target is the last column.
        let width = columns.len() + 1;
        let sums = sum_blocks(target.len(), width * width, |rows| {
            let mut sums = Array2::zeros((width, width));
            let mut block = vec![0.0; ROWS_AT_ONCE * width];
            for start in rows.clone().step_by(ROWS_AT_ONCE) {
                let count = ROWS_AT_ONCE.min(rows.end - start);
                for (position, (column, mean)) in columns.iter().zip(&means).enumerate() {
                    for (row, value) in column[start..start + count].iter().enumerate() {
                        block[row * width + position] = f64::from(*value) - mean;
                    }
                }
                for (row, value) in target[start..start + count].iter().enumerate() {
                    block[row * width + width - 1] = value - target_mean;
                }
                if problem.weights.is_some() {
                    for (row, numbers) in block.chunks_exact_mut(width).take(count).enumerate() {
                        let root = weight_of(start + row).sqrt();
                        numbers.iter_mut().for_each(|number| *number *= root);
                    }
                }
                if let Ok(block) = ArrayView2::from_shape((count, width), &block[..count * width]) {
                    general_mat_mul(1.0, &block.t(), &block, 1.0, &mut sums);
                }
            }
            sums.into_raw_vec_and_offset().0
        });
        if problem.control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if sums.iter().any(|sum| !sum.is_finite()) {
            return Err(Error::Numerical {
                what: "the columns' values are too large to be squared and summed in 64 bits".to_owned(),
            });
        }
        let products = Array2::from_shape_fn((width - 1, width - 1), |(row, column)| sums[row * width + column]);
        let moments = (0..width - 1).map(|row| sums[row * width + width - 1]).collect();
        Ok(Self { products, moments, weight, means, target_mean })
    }

    /// The factor of `products` with `ridge` added to the diagonal.
    pub(super) fn factor(&self, ridge: f64) -> Factor {
        let size = self.moments.len();
        let mut lower = Array2::<f64>::zeros((size, size));
        let mut pivots = vec![false; size];
        for column in 0..size {
            let diagonal = self.products[(column, column)] + ridge;
            let left =
                diagonal - (0..column).map(|earlier| lower[(column, earlier)] * lower[(column, earlier)]).sum::<f64>();
            if left <= LEAST_SHARE * diagonal || left <= 0.0 {
                continue;
            }
            pivots[column] = true;
            let pivot = left.sqrt();
            lower[(column, column)] = pivot;
            for row in column + 1..size {
                let explained: f64 = (0..column).map(|earlier| lower[(row, earlier)] * lower[(column, earlier)]).sum();
                lower[(row, column)] = (self.products[(row, column)] - explained) / pivot;
            }
        }
        Factor { lower, pivots }
    }

    /// A model with these coefficients, and the intercept that goes with them.
    pub(super) fn model(&self, coefficients: Vec<f64>) -> Result<LinearModel, Error> {
        let intercept = self.target_mean
            - coefficients.iter().zip(&self.means).map(|(coefficient, mean)| coefficient * mean).sum::<f64>();
        let model = LinearModel { coefficients, intercept };
        model
            .check(self.moments.len(), None)
            .map_err(|_| Error::Numerical { what: "the coefficients do not fit 64-bit numbers".to_owned() })?;
        Ok(model)
    }

    /// |coefficient| × standard deviation of the column: how far each column moves the prediction.
    pub(super) fn importances(&self, coefficients: &[f64]) -> Vec<f64> {
        coefficients
            .iter()
            .enumerate()
            .map(|(column, coefficient)| coefficient.abs() * (self.products[(column, column)] / self.weight).sqrt())
            .collect()
    }
}

impl Factor {
    /// The z with L z = right; 0 where there is no pivot.
    pub(super) fn forward(&self, right: &[f64]) -> Vec<f64> {
        let mut solved = vec![0.0; right.len()];
        for row in 0..right.len() {
            if self.pivots[row] {
                let known: f64 = (0..row).map(|column| self.lower[(row, column)] * solved[column]).sum();
                solved[row] = (right[row] - known) / self.lower[(row, row)];
            }
        }
        solved
    }

    /// The x with Lᵀ x = right; 0 where there is no pivot.
    pub(super) fn backward(&self, right: &[f64]) -> Vec<f64> {
        let mut solved = vec![0.0; right.len()];
        for row in (0..right.len()).rev() {
            if self.pivots[row] {
                let known: f64 = (row + 1..right.len()).map(|below| self.lower[(below, row)] * solved[below]).sum();
                solved[row] = (right[row] - known) / self.lower[(row, row)];
            }
        }
        solved
    }
}
