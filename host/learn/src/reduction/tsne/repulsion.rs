//! How all points of a map push one another apart, by the method of Barnes and Hut (1986): points far away act as one.
//!
//! In order: points are sorted along Morton's curve, and cells of the tree are runs of that order; each leaf's points go through the
//! tree together, and list what acts on them (a cell as one point where it is small beside its distance from all of them, else its
//! points); then each point sums over the list, several entries at once.
#![allow(clippy::indexing_slicing, reason = "cells are cut from the sorted points")]

use rayon::prelude::*;

/// Points in a leaf at most.
const LEAF: usize = 16;
/// Bits of a key for each of three components; two have as many.
const BITS: u32 = 20;
/// List entries handled side by side.
const LANES: usize = 8;

/// A cell of the tree. Its first child follows it.
struct Cell<const D: usize> {
    start: u32,
    end: u32,
    /// The position of the next cell that is not inside this one.
    after: u32,
    leaf: bool,
    centre: [f32; D],
    /// The square of the cell's side.
    side: f32,
}

/// What the points push with: for each point the sum over others of (difference) / (1 + distance²)², and over all pairs that of
/// 1 / (1 + distance²).
pub(super) struct Repulsion<const D: usize> {
    pub(super) forces: Vec<[f32; D]>,
    pub(super) total: f64,
}

/// Sums up what pushes each point. `angle` is a cell's side against its distance up to which it acts as one point: 0 is exact.
pub(super) fn repulsion<const D: usize>(points: &[[f32; D]], angle: f32) -> Repulsion<D> {
    let (mut lowest, mut highest) = ([f32::INFINITY; D], [f32::NEG_INFINITY; D]);
    for point in points {
        for component in 0..D {
            lowest[component] = lowest[component].min(point[component]);
            highest[component] = highest[component].max(point[component]);
        }
    }
    let side = (0..D).map(|component| highest[component] - lowest[component]).fold(f32::MIN_POSITIVE, f32::max);
    let mut keys: Vec<(u64, u32)> = points
        .par_iter()
        .with_min_len(4_096)
        .enumerate()
        .map(|(row, point)| (key(point, &lowest, side), row as u32))
        .collect();
    keys.par_sort_unstable();
    let sorted: Vec<[f32; D]> = keys.iter().map(|(_, row)| points[*row as usize]).collect();
    let mut cells = Vec::with_capacity(points.len() / 4 + 16);
    split(&keys, &sorted, 0..points.len(), BITS, side, &mut cells);
    let leaves: Vec<&Cell<D>> = cells.iter().filter(|cell| cell.leaf).collect();
    let pushed: Vec<(Vec<[f32; D]>, f64)> = leaves
        .par_iter()
        .with_min_len(16)
        .map_init(Acting::new, |acting, leaf| {
            let own = &sorted[leaf.start as usize..leaf.end as usize];
            acting.gather(own, &cells, &sorted, angle * angle);
            let mut total = 0.0;
            let forces = own
                .iter()
                .map(|point| {
                    let (force, sum) = acting.on(point);
                    total += f64::from(sum);
                    force
                })
                .collect();
            (forces, total)
        })
        .collect();
    let mut forces = vec![[0.0; D]; points.len()];
    // Every point has met itself, at distance 0.
    let mut total = -(points.len() as f64);
    for (leaf, (own, sum)) in leaves.iter().zip(pushed) {
        total += sum;
        for ((_, row), force) in keys[leaf.start as usize..leaf.end as usize].iter().zip(own) {
            forces[*row as usize] = force;
        }
    }
    Repulsion { forces, total: total.max(f64::MIN_POSITIVE) }
}

/// The bits of the components, by turns, highest first.
fn key<const D: usize>(point: &[f32; D], lowest: &[f32; D], side: f32) -> u64 {
    let most = (1_u32 << BITS) - 1;
    let scale = most as f32 / side;
    let places: [u32; D] =
        std::array::from_fn(|component| (((point[component] - lowest[component]) * scale) as u32).min(most));
    let mut key = 0;
    for bit in (0..BITS).rev() {
        for place in places {
            key = key << 1 | u64::from(place >> bit & 1);
        }
    }
    key
}

/// Writes the cell of a run of points, and those inside it.
fn split<const D: usize>(
    keys: &[(u64, u32)],
    points: &[[f32; D]],
    run: std::ops::Range<usize>,
    bits: u32,
    side: f32,
    cells: &mut Vec<Cell<D>>,
) {
    let mut centre = [0.0_f64; D];
    for point in &points[run.clone()] {
        for (sum, value) in centre.iter_mut().zip(point) {
            *sum += f64::from(*value);
        }
    }
    let place = cells.len();
    let leaf = run.len() <= LEAF || bits == 0;
    cells.push(Cell {
        start: run.start as u32,
        end: run.end as u32,
        after: 0,
        leaf,
        centre: centre.map(|sum| (sum / run.len().max(1) as f64) as f32),
        side: side * side,
    });
    if !leaf {
        let shift = (bits - 1) * D as u32;
        let digit = |position: usize| keys[position].0 >> shift & ((1 << D) - 1);
        let mut start = run.start;
        while start < run.end {
            let own = digit(start);
            let end = start + keys[start..run.end].partition_point(|(key, _)| key >> shift & ((1 << D) - 1) <= own);
            split(keys, points, start..end, bits - 1, side / 2.0, cells);
            start = end;
        }
    }
    cells[place].after = cells.len() as u32;
}

/// What acts on a leaf's points: places and weights, padded to whole lanes with weights of 0.
struct Acting<const D: usize> {
    places: [Vec<f32>; D],
    weights: Vec<f32>,
}

impl<const D: usize> Acting<D> {
    fn new() -> Self {
        Self { places: std::array::from_fn(|_| Vec::new()), weights: Vec::new() }
    }

    fn push(&mut self, place: &[f32; D], weight: f32) {
        for (places, value) in self.places.iter_mut().zip(place) {
            places.push(*value);
        }
        self.weights.push(weight);
    }

    fn gather(&mut self, own: &[[f32; D]], cells: &[Cell<D>], points: &[[f32; D]], angle: f32) {
        self.places.iter_mut().for_each(Vec::clear);
        self.weights.clear();
        let (mut lowest, mut highest) = ([f32::INFINITY; D], [f32::NEG_INFINITY; D]);
        for point in own {
            for component in 0..D {
                lowest[component] = lowest[component].min(point[component]);
                highest[component] = highest[component].max(point[component]);
            }
        }
        let mut next = 0;
        while let Some(cell) = cells.get(next) {
            let mut distance = 0.0;
            for component in 0..D {
                let centre = cell.centre[component];
                let gap = (lowest[component] - centre).max(centre - highest[component]).max(0.0);
                distance += gap * gap;
            }
            if cell.side < angle * distance {
                self.push(&cell.centre, (cell.end - cell.start) as f32);
                next = cell.after as usize;
            } else if cell.leaf {
                for point in &points[cell.start as usize..cell.end as usize] {
                    self.push(point, 1.0);
                }
                next = cell.after as usize;
            } else {
                next += 1;
            }
        }
        while !self.weights.len().is_multiple_of(LANES) {
            self.push(&[0.0; D], 0.0);
        }
    }

    /// Σ weight · (difference) / (1 + distance²)², and Σ weight / (1 + distance²).
    fn on(&self, point: &[f32; D]) -> ([f32; D], f32) {
        let (weights, _) = self.weights.as_chunks::<LANES>();
        let places: [&[[f32; LANES]]; D] =
            std::array::from_fn(|component| self.places[component].as_chunks::<LANES>().0);
        let mut sums = [[0.0_f32; LANES]; D];
        let mut totals = [0.0_f32; LANES];
        for (entry, weights) in weights.iter().enumerate() {
            let mut squares = [1.0_f32; LANES];
            let mut differences = [[0.0_f32; LANES]; D];
            for component in 0..D {
                let places = &places[component][entry];
                for lane in 0..LANES {
                    let difference = point[component] - places[lane];
                    differences[component][lane] = difference;
                    squares[lane] += difference * difference;
                }
            }
            let mut factors = [0.0_f32; LANES];
            for lane in 0..LANES {
                let inverse = 1.0 / squares[lane];
                let weighed = weights[lane] * inverse;
                totals[lane] += weighed;
                factors[lane] = weighed * inverse;
            }
            for component in 0..D {
                for lane in 0..LANES {
                    sums[component][lane] += factors[lane] * differences[component][lane];
                }
            }
        }
        (sums.map(|lanes| lanes.iter().sum()), totals.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn check<const D: usize>(spread: f64) {
        let mut random = Random::new(11, D as u64);
        let points: Vec<[f32; D]> = (0..700)
            .map(|_| std::array::from_fn(|_| ((random.uniform() - 0.5) * spread * random.uniform()) as f32))
            .collect();
        let mut total = 0.0;
        let mut forces = vec![[0.0_f64; D]; points.len()];
        for (row, point) in points.iter().enumerate() {
            for (other, place) in points.iter().enumerate().filter(|(other, _)| *other != row) {
                let differences: [f64; D] =
                    std::array::from_fn(|component| f64::from(point[component]) - f64::from(place[component]));
                let inverse = 1.0 / (1.0 + differences.iter().map(|value| value * value).sum::<f64>());
                total += inverse;
                for (force, difference) in forces[row].iter_mut().zip(differences) {
                    *force += inverse * inverse * difference;
                }
                assert!(other < points.len());
            }
        }
        let size = forces.iter().flatten().fold(0.0_f64, |largest, force| largest.max(force.abs()));
        for (angle, tolerance) in [(0.0, 1e-5), (0.5, 0.02)] {
            let found = repulsion(&points, angle);
            assert!((found.total / total - 1.0).abs() < tolerance, "{} {total}", found.total);
            for (own, expected) in found.forces.iter().flatten().zip(forces.iter().flatten()) {
                assert!((f64::from(*own) - expected).abs() < tolerance * size, "{own} {expected} of {size}");
            }
        }
    }

    #[test]
    fn forces_are_those_of_all_pairs_to_within_the_angle() {
        check::<2>(1e-3);
        check::<2>(60.0);
        check::<3>(60.0);
    }

    #[test]
    fn points_in_one_place_do_not_push() {
        let found = repulsion(&[[1.0_f32, 2.0]; 100], 0.5);
        assert!(found.forces.iter().flatten().all(|force| *force == 0.0));
        assert!((found.total - 9_900.0).abs() < 0.01);
    }
}
