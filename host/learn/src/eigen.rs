//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! In order: reflections bring the matrix to three diagonals (Householder); rotations bring those to one (implicit QL with Wilkinson's
//! shifts); the eigenvectors of the three diagonals, which the same rotations make of the unit matrix, are reflected back. Rotations
//! are written down in batches and then applied to strips of columns, each of which stays in the cache, in parallel.
#![allow(clippy::indexing_slicing, reason = "square matrices are indexed below their one dimension")]

use ndarray::Array2;
use rayon::prelude::*;

/// Rotations for one eigenvalue at most; three are usual.
const MOST_SWEEPS: usize = 60;
/// Rotations kept before they are applied.
const BATCH: usize = 16_384;
/// Columns in a strip.
const STRIP: usize = 64;
/// Matrices from this size on are worth sharing among threads.
const PARALLEL: usize = 192;

/// Eigenvalues, largest first, and eigenvectors of length 1 beside them.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Vec<Vec<f64>>,
}

/// A rotation of the rows `row` and `row + 1`.
struct Rotation {
    row: u32,
    sine: f64,
    cosine: f64,
}

/// Decomposes a symmetric matrix; the `most` largest eigenvalues. None where it has an entry that is no finite number.
pub(crate) fn symmetric(matrix: Array2<f64>, most: usize) -> Option<Eigen> {
    let size = matrix.nrows();
    if size != matrix.ncols() || !matrix.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut rows = matrix.into_raw_vec_and_offset().0;
    let reflections = tridiagonal(&mut rows, size);
    let mut diagonal: Vec<f64> = (0..size).map(|row| rows[row * size + row]).collect();
    let mut beside: Vec<f64> = (1..size).map(|row| rows[(row - 1) * size + row]).chain([0.0]).collect();
    let strips = diagonalise(&mut diagonal, &mut beside)?;
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|left, right| diagonal[*right].total_cmp(&diagonal[*left]));
    order.truncate(most);
    let vectors = order
        .par_iter()
        .map(|row| {
            let mut vector: Vec<f64> = strips.iter().flat_map(|strip| strip.row(*row)).copied().collect();
            for (step, reflection) in reflections.iter().enumerate().rev() {
                reflect(&mut vector[step + 1..], reflection);
            }
            vector
        })
        .collect();
    Some(Eigen { values: order.into_iter().map(|row| diagonal[row]).collect(), vectors })
}

/// x − v (v·x), for a v of length √2 or 0.
fn reflect(part: &mut [f64], reflection: &[f64]) {
    let along = dot(part, reflection);
    if along != 0.0 {
        for (value, direction) in part.iter_mut().zip(reflection) {
            *value -= along * direction;
        }
    }
}

/// Σ a b, in eight lanes that the processor adds side by side.
pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (left_chunks, left_rest) = left.as_chunks::<8>();
    let (right_chunks, right_rest) = right.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f64>() + rest
}

/// Leaves the diagonal and the one above it in the matrix, and returns the reflections that led there: number k is of the
/// entries after k.
fn tridiagonal(matrix: &mut [f64], size: usize) -> Vec<Vec<f64>> {
    let mut reflections = Vec::with_capacity(size.saturating_sub(2));
    for step in 0..size.saturating_sub(2) {
        let mut direction = matrix[step * size + step + 1..(step + 1) * size].to_vec();
        let largest = direction[1..].iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest == 0.0 {
            reflections.push(vec![0.0; direction.len()]);
            continue;
        }
        // In units of the largest entry, so that squares neither vanish nor overflow.
        let scale = largest.max(direction[0].abs());
        for value in &mut direction {
            *value /= scale;
        }
        let length = dot(&direction, &direction).sqrt();
        let end = if direction[0] > 0.0 { -length } else { length };
        direction[0] -= end;
        let factor = (2.0 / dot(&direction, &direction)).sqrt();
        for value in &mut direction {
            *value *= factor;
        }
        matrix[step * size + step + 1] = end * scale;
        // A − v wᵀ − w vᵀ with w = A v − ½ (v·A v) v.
        let left = size - step - 1;
        let (_, below) = matrix.split_at_mut((step + 1) * size);
        let share = if left >= PARALLEL { left.div_ceil(8) } else { left };
        let product = |row: &[f64]| dot(&row[step + 1..], &direction);
        let mut other: Vec<f64> = if left >= PARALLEL {
            below.par_chunks(size).with_min_len(share).map(product).collect()
        } else {
            below.chunks(size).map(product).collect()
        };
        let half = 0.5 * dot(&other, &direction);
        for (other, direction) in other.iter_mut().zip(&direction) {
            *other -= half * direction;
        }
        let update = |(row, (own, own_other)): (&mut [f64], (&f64, &f64))| {
            for ((value, direction), other) in row[step + 1..].iter_mut().zip(&direction).zip(&other) {
                *value -= own * other + own_other * direction;
            }
        };
        if left >= PARALLEL {
            below.par_chunks_mut(size).with_min_len(share).zip(direction.par_iter().zip(&other)).for_each(update);
        } else {
            below.chunks_mut(size).zip(direction.iter().zip(&other)).for_each(update);
        }
        reflections.push(direction);
    }
    reflections
}

/// Some columns of the matrix of eigenvectors, row after row: an eigenvector is a row.
struct Strip {
    width: usize,
    values: Vec<f64>,
}

impl Strip {
    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    fn rotate(&mut self, rotations: &[Rotation]) {
        for Rotation { row, sine, cosine } in rotations {
            let start = *row as usize * self.width;
            let (upper, lower) = self.values[start..start + 2 * self.width].split_at_mut(self.width);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let before = *lower;
                *lower = sine * *upper + cosine * before;
                *upper = cosine * *upper - sine * before;
            }
        }
    }
}

/// Turns three diagonals into eigenvalues; the eigenvectors as rows in strips of columns. None where it does not converge.
fn diagonalise(diagonal: &mut [f64], beside: &mut [f64]) -> Option<Vec<Strip>> {
    let size = diagonal.len();
    let mut strips: Vec<Strip> = (0..size)
        .step_by(STRIP)
        .map(|start| {
            let width = STRIP.min(size - start);
            let mut values = vec![0.0; size * width];
            for column in 0..width {
                values[(start + column) * width + column] = 1.0;
            }
            Strip { width, values }
        })
        .collect();
    let mut batch = Vec::with_capacity(BATCH + size);
    for first in 0..size {
        for sweep in 0.. {
            let last = (first..size - 1)
                .find(|row| beside[*row].abs() <= f64::EPSILON * (diagonal[*row].abs() + diagonal[row + 1].abs()))
                .unwrap_or(size - 1);
            if last == first {
                break;
            }
            if sweep == MOST_SWEEPS {
                return None;
            }
            self::sweep(diagonal, beside, first, last, &mut batch);
            if batch.len() >= BATCH {
                apply(&mut strips, &mut batch);
            }
        }
    }
    apply(&mut strips, &mut batch);
    Some(strips)
}

fn apply(strips: &mut [Strip], batch: &mut Vec<Rotation>) {
    strips.par_iter_mut().for_each(|strip| strip.rotate(batch));
    batch.clear();
}

/// One implicit QL step on the rows from `first` to `last` (Press and others, "Numerical Recipes", `tqli`).
fn sweep(diagonal: &mut [f64], beside: &mut [f64], first: usize, last: usize, batch: &mut Vec<Rotation>) {
    let ratio = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
    let root = ratio.hypot(1.0);
    let mut g = diagonal[last] - diagonal[first] + beside[first] / (ratio + root.copysign(ratio));
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for row in (first..last).rev() {
        let (f, b) = (sine * beside[row], cosine * beside[row]);
        let length = f.hypot(g);
        beside[row + 1] = length;
        if length == 0.0 {
            diagonal[row + 1] -= shift;
            beside[last] = 0.0;
            return;
        }
        sine = f / length;
        cosine = g / length;
        g = diagonal[row + 1] - shift;
        let turned = (diagonal[row] - g) * sine + 2.0 * cosine * b;
        shift = sine * turned;
        diagonal[row + 1] = g + shift;
        g = cosine * turned - b;
        batch.push(Rotation { row: row as u32, sine, cosine });
    }
    diagonal[first] -= shift;
    beside[first] = g;
    beside[last] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Whether A v = λ v, the vectors are orthonormal, and the values fall.
    fn check(matrix: &Array2<f64>) {
        let size = matrix.nrows();
        let eigen = symmetric(matrix.clone(), size).unwrap();
        let scale = matrix.iter().fold(1e-300_f64, |largest, value| largest.max(value.abs())) * size as f64;
        assert!(eigen.values.windows(2).all(|pair| pair[0] >= pair[1]));
        for (value, vector) in eigen.values.iter().zip(&eigen.vectors) {
            for row in 0..size {
                let product: f64 = (0..size).map(|column| matrix[(row, column)] * vector[column]).sum();
                assert!((product - value * vector[row]).abs() < 1e-13 * scale, "{product} {}", value * vector[row]);
            }
        }
        for (position, left) in eigen.vectors.iter().enumerate() {
            for (other, right) in eigen.vectors.iter().enumerate() {
                let expected = if position == other { 1.0 } else { 0.0 };
                assert!((dot(left, right) - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn random_graded_repeated_and_empty_matrices_are_decomposed() {
        let mut random = Random::new(1, 1);
        for size in [1, 2, 3, 17, 70, 230] {
            let half = Array2::from_shape_fn((size, size), |_| random.uniform() - 0.5);
            check(&(&half + &half.t()));
            // Rank 2, and columns of very different size.
            let narrow = half.slice(ndarray::s![.., ..size.min(2)]).to_owned();
            check(&narrow.dot(&narrow.t()));
            let graded = Array2::from_shape_fn((size, size), |(row, column)| {
                half[(row, column)] * 10_f64.powi(-(column as i32 % 13))
            });
            check(&graded.t().dot(&graded));
        }
        check(&Array2::zeros((9, 9)));
        check(&Array2::eye(12));
        assert!(symmetric(Array2::from_elem((2, 2), f64::NAN), 2).is_none());
    }
}
