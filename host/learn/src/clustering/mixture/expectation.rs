//! What each row is to each component, and the sums over rows that the next components are made of.
//!
//! Blocks of rows are handled at once: differences from a mean times the factor of its covariance, by matrix multiplication;
//! the logarithm of the sum over components; and products of the differences, weighed, for the covariances.
#![allow(clippy::indexing_slicing, reason = "blocks, components and columns are counted below their numbers")]

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::blocks::map_blocks;
use crate::eigen::dot;
use crate::random::Random;

use super::components::{Components, Covariance, Sums};

/// Rows worked on at once: their differences stay in the near cache.
const ROWS_AT_ONCE: usize = 256;

/// Responsibilities and sums under the components, and the mean log likelihood of a row.
pub(super) fn pass(rows: &[f64], components: &Components) -> (Sums, f64) {
    let width = components.means.first().map_or(1, Vec::len);
    let many = components.weights.len();
    let count = rows.len() / width;
    let density = Density::new(components);
    let parts = map_blocks(count, |block| {
        let mut part = Partial::new(many, width, components.covariance);
        let mut shares = vec![0.0; ROWS_AT_ONCE * many];
        let mut likelihood = 0.0;
        let mut buffers = Buffers::default();
        for piece in pieces(block) {
            let rows = &rows[piece.start * width..piece.end * width];
            let shares = &mut shares[..piece.len() * many];
            likelihood += density.shares(rows, shares, &mut buffers);
            part.add(rows, shares, &components.means, &mut buffers);
        }
        (part, likelihood)
    });
    let (parts, likelihoods): (Vec<Partial>, Vec<f64>) = parts.into_iter().unzip();
    let sums = Partial::together(parts, many, width, components.covariance).sums(components.means.clone());
    (sums, likelihoods.iter().sum::<f64>() / count.max(1) as f64)
}

/// The probability of each row by component, and the mean log likelihood of a row.
pub(super) fn probabilities(rows: &[f64], components: &Components) -> (Vec<Vec<f32>>, f64) {
    let width = components.means.first().map_or(1, Vec::len);
    let many = components.weights.len();
    let count = rows.len() / width;
    let density = Density::new(components);
    let blocks = map_blocks(count, |block| {
        let mut shares = vec![0.0; block.len() * many];
        let (mut likelihood, mut buffers) = (0.0, Buffers::default());
        let pieces = shares.chunks_mut(ROWS_AT_ONCE * many);
        for (shares, rows) in pieces.zip(rows[block.start * width..block.end * width].chunks(ROWS_AT_ONCE * width)) {
            likelihood += density.shares(rows, shares, &mut buffers);
        }
        (shares, likelihood)
    });
    let mut probabilities = vec![Vec::with_capacity(count); many];
    let mut likelihood = 0.0;
    for (shares, own) in blocks {
        likelihood += own;
        for (component, probabilities) in probabilities.iter_mut().enumerate() {
            probabilities.extend(shares.iter().skip(component).step_by(many).map(|share| *share as f32));
        }
    }
    (probabilities, likelihood / count.max(1) as f64)
}

/// Sums where every row belongs to one component.
pub(super) fn of_labels(rows: &[f64], width: usize, labels: &[u32], many: usize, covariance: Covariance) -> Sums {
    given(rows, width, many, covariance, |row, shares| {
        shares.fill(0.0);
        shares[labels[row] as usize] = 1.0;
    })
}

/// Sums where rows belong to components at random.
pub(super) fn of_random(rows: &[f64], width: usize, many: usize, covariance: Covariance, random: &mut Random) -> Sums {
    let seed = random.bits();
    given(rows, width, many, covariance, |row, shares| {
        let mut random = Random::new(seed, row as u64);
        shares.iter_mut().for_each(|share| *share = random.uniform() + f64::EPSILON);
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= total);
    })
}

/// Sums where `share` says what each row is to each component; about zero, where the rows' mean is.
fn given(
    rows: &[f64],
    width: usize,
    many: usize,
    covariance: Covariance,
    share: impl Fn(usize, &mut [f64]) + Sync + Send,
) -> Sums {
    let centres = vec![vec![0.0; width]; many];
    let parts = map_blocks(rows.len() / width.max(1), |block| {
        let mut part = Partial::new(many, width, covariance);
        let mut buffers = Buffers::default();
        let mut shares = vec![0.0; ROWS_AT_ONCE * many];
        for piece in pieces(block) {
            for (row, shares) in piece.clone().zip(shares.chunks_exact_mut(many)) {
                share(row, shares);
            }
            let own = &rows[piece.start * width..piece.end * width];
            part.add(own, &shares[..piece.len() * many], &centres, &mut buffers);
        }
        part
    });
    Partial::together(parts, many, width, covariance).sums(centres)
}

fn pieces(block: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    block.clone().step_by(ROWS_AT_ONCE).map(move |start| start..block.end.min(start + ROWS_AT_ONCE))
}

/// Room for differences and their products, kept between pieces.
#[derive(Default)]
struct Buffers {
    differences: Vec<f64>,
    products: Vec<f64>,
}

/// The components with what of their densities does not depend on rows.
struct Density<'a> {
    components: &'a Components,
    constants: Vec<f64>,
}

impl<'a> Density<'a> {
    fn new(components: &'a Components) -> Self {
        let constants = (0..components.weights.len()).map(|component| components.constant(component)).collect();
        Self { components, constants }
    }

    /// Fills in the responsibilities of some rows, row after row; Σ log likelihood.
    fn shares(&self, rows: &[f64], shares: &mut [f64], buffers: &mut Buffers) -> f64 {
        let many = self.constants.len();
        for (component, (mean, constant)) in self.components.means.iter().zip(&self.constants).enumerate() {
            let width = mean.len();
            buffers.differences.clear();
            for row in rows.chunks_exact(width) {
                buffers.differences.extend(row.iter().zip(mean).map(|(value, mean)| value - mean));
            }
            let factor = self.components.factor(component);
            let scaled = if self.components.covariance.is_matrix() {
                buffers.products.clear();
                buffers.products.resize(rows.len(), 0.0);
                multiply(&buffers.differences, factor, width, &mut buffers.products);
                &buffers.products
            } else {
                for row in buffers.differences.chunks_exact_mut(width) {
                    row.iter_mut().zip(factor).for_each(|(value, factor)| *value *= factor);
                }
                &buffers.differences
            };
            for (shares, row) in shares.chunks_exact_mut(many).zip(scaled.chunks_exact(width)) {
                shares[component] = constant - 0.5 * dot(row, row);
            }
        }
        let mut total = 0.0;
        for shares in shares.chunks_exact_mut(many) {
            let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mut sum = 0.0;
            for share in shares.iter_mut() {
                *share = (*share - most).exp();
                sum += *share;
            }
            shares.iter_mut().for_each(|share| *share /= sum);
            total += most + sum.ln();
        }
        total
    }
}

/// rows · factor, for a square factor.
fn multiply(rows: &[f64], factor: &[f64], width: usize, products: &mut [f64]) {
    let count = rows.len() / width;
    let rows = ArrayView2::from_shape((count, width), rows);
    let factor = ArrayView2::from_shape((width, width), factor);
    let products = ArrayViewMut2::from_shape((count, width), products);
    // The shapes are made from the lengths.
    if let (Ok(rows), Ok(factor), Ok(mut products)) = (rows, factor, products) {
        general_mat_mul(1.0, &rows, &factor, 0.0, &mut products);
    }
}

/// A block's share of the sums, component after component.
struct Partial {
    matrix: bool,
    width: usize,
    covariance: Covariance,
    weights: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Partial {
    fn new(many: usize, width: usize, covariance: Covariance) -> Self {
        let matrix = covariance.is_matrix();
        let entries = if matrix { width * width } else { width };
        Self {
            matrix,
            width,
            covariance,
            weights: vec![0.0; many],
            first: vec![0.0; many * width],
            second: vec![0.0; many * entries],
        }
    }

    fn together(parts: Vec<Self>, many: usize, width: usize, covariance: Covariance) -> Self {
        let mut total = Self::new(many, width, covariance);
        for part in parts {
            for (sums, own) in
                [(&mut total.weights, part.weights), (&mut total.first, part.first), (&mut total.second, part.second)]
            {
                sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
        total
    }

    fn sums(self, centres: Vec<Vec<f64>>) -> Sums {
        let entries = self.second.len() / self.weights.len().max(1);
        Sums {
            covariance: self.covariance,
            centres,
            weights: self.weights,
            first: self.first.chunks(self.width).map(<[f64]>::to_vec).collect(),
            second: self.second.chunks(entries.max(1)).map(<[f64]>::to_vec).collect(),
        }
    }

    fn add(&mut self, rows: &[f64], shares: &[f64], centres: &[Vec<f64>], buffers: &mut Buffers) {
        let (many, width) = (centres.len(), self.width);
        let entries = if self.matrix { width * width } else { width };
        for (component, centre) in centres.iter().enumerate() {
            let first = &mut self.first[component * width..][..width];
            let second = &mut self.second[component * entries..][..entries];
            buffers.differences.clear();
            for (row, shares) in rows.chunks_exact(width).zip(shares.chunks_exact(many)) {
                let share = shares[component];
                // A share this small moves no sum, but takes as long.
                if share < f64::MIN_POSITIVE {
                    continue;
                }
                self.weights[component] += share;
                let root = share.sqrt();
                for ((value, centre), sum) in row.iter().zip(centre).zip(first.iter_mut()) {
                    let difference = value - centre;
                    *sum += share * difference;
                    buffers.differences.push(root * difference);
                }
            }
            if self.matrix {
                let differences =
                    ArrayView2::from_shape((buffers.differences.len() / width, width), &buffers.differences);
                let sums = ArrayViewMut2::from_shape((width, width), second);
                if let (Ok(differences), Ok(mut sums)) = (differences, sums) {
                    general_mat_mul(1.0, &differences.t(), &differences, 1.0, &mut sums);
                }
            } else {
                for row in buffers.differences.chunks_exact(width) {
                    second.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * value);
                }
            }
        }
    }
}
