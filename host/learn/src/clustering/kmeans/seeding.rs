//! First centres: by k-means++ (Arthur and Vassilvitskii, 2007) in its greedy form, or rows drawn at random.
//!
//! Each step draws a few candidates, a row the likelier the farther it is from the centres so far, and keeps the one that leaves
//! the least sum of squared distances. A row whose centre is so near that no candidate can be nearer (by the triangle
//! inequality) is not measured against the candidates.
#![allow(clippy::indexing_slicing, reason = "rows, centres and candidates are counted below their numbers")]

use rayon::prelude::*;

use crate::blocks::block_size;
use crate::distances::{ROWS_AT_ONCE, Rows, partial_distances, slack, squared_distance};
use crate::random::Random;

/// Rows drawn at random, all different; of those that weigh something where enough of them do.
pub(super) fn random(rows: &Rows, weights: Option<&[f32]>, clusters: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..rows.len()).filter(|row| weights.is_none_or(|weights| weights[*row] > 0.0)).collect();
    if order.len() < clusters {
        order = (0..rows.len()).collect();
    }
    for position in 0..clusters {
        let other = position + random.below(order.len() - position);
        order.swap(position, other);
    }
    order.truncate(clusters);
    order
}

/// Rows chosen by greedy k-means++.
pub(super) fn plus_plus(rows: &Rows, weights: Option<&[f32]>, clusters: usize, random: &mut Random) -> Vec<usize> {
    let trials = 2 + (clusters as f64).ln() as usize;
    let mut seeds = Seeds::new(rows, weights);
    seeds.add(&[seeds.draw_first(random)]);
    while seeds.chosen.len() < clusters {
        let candidates: Vec<usize> = (0..trials).map(|_| seeds.draw(random)).collect();
        seeds.add(&candidates);
    }
    seeds.chosen
}

/// The seeds so far, and how far each row is from the nearest.
struct Seeds<'a> {
    rows: &'a Rows,
    weights: Option<&'a [f32]>,
    chosen: Vec<usize>,
    /// The squared distance of each row to its seed.
    distances: Vec<f32>,
    /// The position of each row's seed.
    owners: Vec<u32>,
    /// Σ weight × squared distance, by block.
    potentials: Vec<f64>,
    block: usize,
}

/// A block's rows that were measured against the candidates: positions in the block, and distances to each candidate.
struct Measured {
    rows: Vec<u32>,
    distances: Vec<f32>,
    /// Σ weight × what would be left of the squared distance, by candidate.
    potentials: Vec<f64>,
}

impl<'a> Seeds<'a> {
    fn new(rows: &'a Rows, weights: Option<&'a [f32]>) -> Self {
        Self {
            rows,
            weights,
            chosen: Vec::new(),
            distances: vec![f32::INFINITY; rows.len()],
            owners: vec![0; rows.len()],
            potentials: Vec::new(),
            block: block_size(rows.len()),
        }
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// A row, the likelier the more it weighs.
    fn draw_first(&self, random: &mut Random) -> usize {
        let Some(weights) = self.weights else { return random.below(self.rows.len()) };
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let mut left = random.uniform() * total;
        for (row, weight) in weights.iter().enumerate() {
            left -= f64::from(*weight);
            if left < 0.0 {
                return row;
            }
        }
        self.rows.len() - 1
    }

    /// A row, the likelier the more its squared distance weighs. Any row where all are on seeds.
    fn draw(&self, random: &mut Random) -> usize {
        let total: f64 = self.potentials.iter().sum();
        let mut left = random.uniform() * total;
        if total <= 0.0 {
            return random.below(self.rows.len());
        }
        let mut last = 0;
        for (block, potential) in self.potentials.iter().enumerate() {
            if left >= *potential && block + 1 < self.potentials.len() {
                left -= potential;
                continue;
            }
            let start = block * self.block;
            for row in start..self.rows.len().min(start + self.block) {
                let share = self.weight(row) * f64::from(self.distances[row]);
                if share > 0.0 {
                    last = row;
                    left -= share;
                    if left < 0.0 {
                        return row;
                    }
                }
            }
        }
        last
    }

    /// Adds the candidate that leaves the least potential, the first of equals.
    fn add(&mut self, candidates: &[usize]) {
        let width = self.rows.width;
        let values = candidates.iter().flat_map(|row| self.rows.row(*row)).copied().collect();
        let points = Rows::new(values, width);
        // A row nearer to its seed than half the way from there to the nearest candidate stays with it.
        let reach: Vec<f32> = self
            .chosen
            .iter()
            .map(|seed| {
                let seed = self.rows.row(*seed);
                let nearest = (0..points.len()).map(|point| squared_distance(seed, points.row(point)));
                nearest.fold(f32::INFINITY, f32::min) * 0.25 * (1.0 - 1e-5)
            })
            .collect();
        let measured: Vec<Measured> = self
            .distances
            .par_chunks(self.block)
            .enumerate()
            .map(|(block, _)| self.measure(block * self.block, &points, &reach))
            .collect();
        let potential = |candidate: usize| measured.iter().map(|block| block.potentials[candidate]).sum::<f64>();
        let best = (0..candidates.len())
            .min_by(|left, right| potential(*left).total_cmp(&potential(*right)))
            .unwrap_or_default();
        let seed = self.chosen.len() as u32;
        self.chosen.push(candidates[best]);
        let many = candidates.len();
        self.distances.par_chunks_mut(self.block).zip(self.owners.par_chunks_mut(self.block)).zip(&measured).for_each(
            |((distances, owners), measured)| {
                for (row, found) in measured.rows.iter().zip(measured.distances.chunks_exact(many)) {
                    let row = *row as usize;
                    if found[best] < distances[row] {
                        distances[row] = found[best];
                        owners[row] = seed;
                    }
                }
            },
        );
        self.distances[candidates[best]] = 0.0;
        self.potentials = measured.iter().map(|block| block.potentials[best]).collect();
    }

    fn measure(&self, start: usize, points: &Rows, reach: &[f32]) -> Measured {
        let end = self.rows.len().min(start + self.block);
        let many = points.len();
        let (mut kept, mut rows, mut distances, mut potentials) = (0.0, Vec::new(), Vec::new(), vec![0.0; many]);
        for row in start..end {
            let distance = self.distances[row];
            if reach.get(self.owners[row] as usize).is_none_or(|reach| distance > *reach) {
                rows.push((row - start) as u32);
            } else {
                kept += self.weight(row) * f64::from(distance);
            }
        }
        let (mut gathered, mut products) = (Vec::with_capacity(ROWS_AT_ONCE * points.width), Vec::new());
        for piece in rows.chunks(ROWS_AT_ONCE) {
            gathered.clear();
            for row in piece {
                gathered.extend_from_slice(self.rows.row(start + *row as usize));
            }
            partial_distances(&gathered, points, &mut products);
            for (row, products) in piece.iter().zip(products.chunks_exact_mut(many)) {
                let row = start + *row as usize;
                let (norm, distance) = (self.rows.norms[row], self.distances[row]);
                let weight = self.weight(row);
                for ((product, potential), point) in products.iter_mut().zip(&mut potentials).zip(&points.norms) {
                    let found = *product + norm;
                    // Below what rounding leaves, the row is the point.
                    *product = if found > slack(norm, *point) { found } else { 0.0 };
                    *potential += weight * f64::from(product.min(distance));
                }
            }
            distances.extend_from_slice(&products);
        }
        for potential in &mut potentials {
            *potential += kept;
        }
        Measured { rows, distances, potentials }
    }
}
