//! The matrix products that a dense layer needs, over row-major slices: forward, back to the inputs, and onto the weights.
//!
//! Where a layer has one output the products are sums over rows, without the packing that a matrix product begins with. Elsewhere
//! each is one call of ndarray's general product, or where there is much to do several calls in parallel, one for each block of
//! the result's rows. An entry of the result is summed in the same order either way, and the blocks follow from the sizes alone,
//! so the result does not depend on the number of threads.

#![allow(clippy::indexing_slicing, reason = "lanes are counted by the constant that makes them")]

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Multiplications from which on a product is worth handing to several threads.
const PARALLEL_FROM: usize = 4 << 20;
/// Rows of the result that a thread takes at once.
const BLOCK_ROWS: usize = 64;

/// `result` (rows × outputs) = `inputs` (rows × width) · `weights` (width × outputs) + `kept` × `result`.
pub(super) fn forward(inputs: &[f32], weights: &[f32], kept: f32, result: &mut [f32], shape: Shape) {
    let Shape { rows, width, outputs } = shape;
    if outputs == 1 && width > 0 {
        for (inputs, sum) in inputs.chunks_exact(width).zip(result) {
            *sum = kept * *sum + dot(inputs, weights);
        }
        return;
    }
    let views = (
        ArrayView2::from_shape((rows, width), inputs),
        ArrayView2::from_shape((width, outputs), weights),
        ArrayViewMut2::from_shape((rows, outputs), result),
    );
    if let (Ok(inputs), Ok(weights), Ok(result)) = views {
        multiply(inputs, weights, kept, result);
    }
}

/// `result` (rows × width) = `slopes` (rows × outputs) · `weights`ᵀ, where `weights` is width × outputs.
pub(super) fn to_inputs(slopes: &[f32], weights: &[f32], result: &mut [f32], shape: Shape) {
    let Shape { rows, width, outputs } = shape;
    if outputs == 1 && width > 0 {
        for (result, slope) in result.chunks_exact_mut(width).zip(slopes) {
            for (result, weight) in result.iter_mut().zip(weights) {
                *result = slope * weight;
            }
        }
        return;
    }
    let views = (
        ArrayView2::from_shape((rows, outputs), slopes),
        ArrayView2::from_shape((width, outputs), weights),
        ArrayViewMut2::from_shape((rows, width), result),
    );
    if let (Ok(slopes), Ok(weights), Ok(result)) = views {
        multiply(slopes, weights.reversed_axes(), 0.0, result);
    }
}

/// `result` (width × outputs) += `inputs`ᵀ · `slopes`, where `inputs` is rows × width and `slopes` rows × outputs.
pub(super) fn to_weights(inputs: &[f32], slopes: &[f32], result: &mut [f32], shape: Shape) {
    let Shape { rows, width, outputs } = shape;
    if outputs == 1 && width > 0 {
        for (inputs, slope) in inputs.chunks_exact(width).zip(slopes) {
            for (sum, input) in result.iter_mut().zip(inputs) {
                *sum += slope * input;
            }
        }
        return;
    }
    let views = (
        ArrayView2::from_shape((rows, width), inputs),
        ArrayView2::from_shape((rows, outputs), slopes),
        ArrayViewMut2::from_shape((width, outputs), result),
    );
    if let (Ok(inputs), Ok(slopes), Ok(result)) = views {
        multiply(inputs.reversed_axes(), slopes, 1.0, result);
    }
}

/// The size of a layer at work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) outputs: usize,
}

/// The sum of products, in eight sums side by side, which is what the processor's vectors hold.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0.0_f32; LANES];
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            lanes[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    lanes.iter().sum::<f32>() + rest
}

fn multiply(left: ArrayView2<'_, f32>, right: ArrayView2<'_, f32>, kept: f32, mut result: ArrayViewMut2<'_, f32>) {
    let (rows, inner) = left.dim();
    if rows < 2 * BLOCK_ROWS || rows.saturating_mul(inner).saturating_mul(right.ncols()) < PARALLEL_FROM {
        general_mat_mul(1.0, &left, &right, kept, &mut result);
        return;
    }
    let blocks: Vec<_> =
        left.axis_chunks_iter(Axis(0), BLOCK_ROWS).zip(result.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)).collect();
    blocks.into_par_iter().for_each(|(left, mut result)| general_mat_mul(1.0, &left, &right, kept, &mut result));
}
