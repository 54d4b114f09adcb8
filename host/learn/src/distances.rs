//! Squared distances between many rows and few points, by matrix multiplication: ‖x − c‖² = ‖x‖² − 2 x·c + ‖c‖².
//!
//! Rows and points should lie about the origin: the sum loses the digits that ‖x‖² and ‖x − c‖² differ in. What it may be off by
//! is [`slack`].
#![allow(clippy::indexing_slicing, reason = "rows are cut from a matrix whose length is a multiple of its width")]

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

/// Rows multiplied at once: with tens of columns and points they stay in the near cache.
pub(crate) const ROWS_AT_ONCE: usize = 256;
/// Rounding of a squared distance, as a share of the squared norms that it is made of.
const ROUNDING: f32 = 2e-6;

/// Rows of a matrix with their squared norms.
pub(crate) struct Rows {
    /// Row after row.
    pub(crate) values: Vec<f32>,
    /// Numbers in a row.
    pub(crate) width: usize,
    /// ‖x‖² of each row.
    pub(crate) norms: Vec<f32>,
}

impl Rows {
    pub(crate) fn new(values: Vec<f32>, width: usize) -> Self {
        let norms = values.par_chunks_exact(width.max(1)).map(square).collect();
        Self { values, width, norms }
    }

    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..][..self.width]
    }
}

/// What a squared distance may be off by, from the squared norms of both ends.
pub(crate) fn slack(norm: f32, other: f32) -> f32 {
    ROUNDING * (norm + other)
}

/// ‖x‖².
pub(crate) fn square(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

/// ‖x − c‖², term by term: no digits are lost.
pub(crate) fn squared_distance(row: &[f32], point: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<4>();
    let (others, other_rest) = point.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (chunk, other) in chunks.iter().zip(others) {
        for ((sum, value), other) in sums.iter_mut().zip(chunk).zip(other) {
            *sum += (value - other) * (value - other);
        }
    }
    let rest: f32 = rest.iter().zip(other_rest).map(|(value, other)| (value - other) * (value - other)).sum();
    sums.iter().sum::<f32>() + rest
}

/// ‖c‖² − 2 x·c for each row and point, into `products` (row after row, one number for each point): the squared distance but
/// for ‖x‖², which does not matter where points are compared.
pub(crate) fn partial_distances(rows: &[f32], points: &Rows, products: &mut Vec<f32>) {
    let width = points.width.max(1);
    let (count, many) = (rows.len() / width, points.len());
    products.clear();
    for _ in 0..count {
        products.extend_from_slice(&points.norms);
    }
    let rows = ArrayView2::from_shape((count, width), rows);
    let others = ArrayView2::from_shape((many, width), points.values.as_slice());
    let sums = ArrayViewMut2::from_shape((count, many), products.as_mut_slice());
    // The shapes are made from the lengths.
    if let (Ok(rows), Ok(others), Ok(mut sums)) = (rows, others, sums) {
        general_mat_mul(-2.0, &rows, &others.t(), 1.0, &mut sums);
    }
}

/// The nearest point of each row, the first of equals, by the partial distances.
pub(crate) fn nearest(rows: &Rows, points: &Rows) -> Vec<u32> {
    let mut labels = vec![0_u32; rows.len()];
    labels.par_chunks_mut(ROWS_AT_ONCE).zip(rows.values.par_chunks(ROWS_AT_ONCE * rows.width.max(1))).for_each_init(
        Vec::new,
        |products, (labels, rows)| {
            partial_distances(rows, points, products);
            for (label, distances) in labels.iter_mut().zip(products.chunks_exact(points.len().max(1))) {
                let mut least = f32::INFINITY;
                for (point, distance) in distances.iter().enumerate() {
                    if *distance < least {
                        least = *distance;
                        *label = point as u32;
                    }
                }
            }
        },
    );
    labels
}
