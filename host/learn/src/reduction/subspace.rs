//! The leading eigenvectors of a large covariance, without the covariance: random directions, multiplied by XᵀX again and again,
//! turn into the subspace of the largest eigenvalues (Halko, Martinsson and Tropp, 2011).
#![allow(clippy::indexing_slicing, reason = "blocks are cut from the columns' length")]

use kumiko_vocabulary::Control;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};

use crate::blocks::sum_blocks;
use crate::eigen::symmetric;
use crate::error::Error;
use crate::matrix::Scaling;
use crate::random::Random;

/// Directions beyond those asked for: they take up what would otherwise disturb the last ones.
const SPARE: usize = 10;
/// Multiplications at least and at most.
const FEWEST: usize = 4;
/// See [`FEWEST`].
const MOST: usize = 40;
/// The change of the explained variance, as a share of it, that ends the multiplications.
const TOLERANCE: f64 = 1e-7;
/// Rows multiplied at once.
const ROWS_AT_ONCE: usize = 256;

/// Eigenvalues of XᵀX with eigenvectors, the largest first.
#[allow(clippy::type_complexity, reason = "values and vectors, as the caller takes them apart")]
pub(super) fn subspace(
    columns: &[&[f32]],
    scaling: &Scaling,
    asked: usize,
    seed: u64,
    control: &dyn Control,
) -> Result<Option<(Vec<f64>, Vec<Vec<f64>>)>, Error> {
    let (rows, width) = (columns.first().map_or(0, |column| column.len()), columns.len());
    let many = (asked + SPARE).min(rows).min(width);
    let mut random = Random::new(seed, 0);
    let mut directions = Array2::from_shape_fn((width, many), |_| random.uniform() - 0.5);
    orthonormalise(&mut directions);
    let mut before = 0.0;
    for step in 0..MOST {
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        control.report(step as f64, None, "searching the subspace");
        let product = product(columns, scaling, rows, &directions);
        let Some(eigen) = symmetric(directions.t().dot(&product), many) else { return Ok(None) };
        let explained: f64 = eigen.values.iter().take(asked).sum();
        let done = step >= FEWEST && (explained - before).abs() <= TOLERANCE * explained;
        if done || step + 1 == MOST {
            let turn = Array2::from_shape_fn((many, asked), |(row, column)| eigen.vectors[column][row]);
            let components = directions.dot(&turn);
            let vectors = components.columns().into_iter().map(|column| column.to_vec()).collect();
            return Ok(Some((eigen.values.into_iter().take(asked).collect(), vectors)));
        }
        before = explained;
        directions = product;
        orthonormalise(&mut directions);
    }
    Ok(None)
}

/// XᵀX · directions, in one pass over the rows.
fn product(columns: &[&[f32]], scaling: &Scaling, rows: usize, directions: &Array2<f64>) -> Array2<f64> {
    let (width, many) = directions.dim();
    let sums = sum_blocks(rows, width * many, |block| {
        let mut sums = Array2::zeros((width, many));
        let mut values = Vec::new();
        for start in block.clone().step_by(ROWS_AT_ONCE) {
            scaling.write_rows(columns, start..block.end.min(start + ROWS_AT_ONCE), &mut values);
            if let Ok(values) = ArrayView2::from_shape((values.len() / width, width), values.as_slice()) {
                let scores = values.dot(directions);
                general_mat_mul(1.0, &values.t(), &scores, 1.0, &mut sums);
            }
        }
        sums.into_raw_vec_and_offset().0
    });
    // The length is the product of the dimensions.
    Array2::from_shape_vec((width, many), sums).unwrap_or_else(|_| Array2::zeros((width, many)))
}

/// Makes the columns orthonormal, one after the other, twice over for the sake of rounding (Gram and Schmidt). A column that has
/// nothing of its own becomes zero.
fn orthonormalise(matrix: &mut Array2<f64>) {
    let mut vectors: Vec<Vec<f64>> = matrix.columns().into_iter().map(|column| column.to_vec()).collect();
    for position in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(position);
        let Some(vector) = rest.first_mut() else { break };
        let start = crate::eigen::dot(vector, vector).sqrt();
        for _ in 0..2 {
            for other in before.iter() {
                let along = crate::eigen::dot(vector, other);
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = crate::eigen::dot(vector, vector).sqrt();
        let factor = if length > 1e-12 * start { length.recip() } else { 0.0 };
        vector.iter_mut().for_each(|value| *value *= factor);
    }
    for (mut column, vector) in matrix.columns_mut().into_iter().zip(vectors) {
        column.iter_mut().zip(vector).for_each(|(entry, value)| *entry = value);
    }
}
