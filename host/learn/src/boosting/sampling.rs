//! Rows and columns drawn at random, by the seed and by what they are drawn for alone.
#![allow(clippy::indexing_slicing, reason = "drawn positions are below the length that they are drawn from")]

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::random::Random;

use super::settings::ColumnShare;

/// Rows that one stream of random numbers decides on.
const BLOCK_ROWS: usize = 65_536;
/// What streams are for: the upper bits of their numbers.
const FOR_ROWS: u64 = 1 << 56;
const FOR_COLUMNS: u64 = 2 << 56;

/// The rows of a round: each is taken with the same probability, as xgboost does it. None where every row is taken.
pub(super) fn rows(total: usize, share: f64, seed: u64, round: usize) -> Option<Vec<u32>> {
    if share >= 1.0 {
        return None;
    }
    let bound = (share * u64::MAX as f64) as u64;
    let blocks: Vec<Vec<u32>> = (0..total.div_ceil(BLOCK_ROWS))
        .into_par_iter()
        .map(|block| {
            let mut random = Random::new(seed, FOR_ROWS | (round as u64) << 24 | block as u64);
            let rows = block * BLOCK_ROWS..total.min((block + 1) * BLOCK_ROWS);
            rows.filter(|_| random.bits() < bound).map(|row| row as u32).collect()
        })
        .collect();
    let drawn = blocks.concat();
    // A round without rows would learn nothing: it takes one.
    if drawn.is_empty() {
        let row = Random::new(seed, FOR_ROWS | (round as u64) << 24 | 0xff_ffff).below(total);
        return Some(vec![row as u32]);
    }
    Some(drawn)
}

/// The columns that the nodes of one tree may be split by: drawn for the tree, of these for each level, of these for each node.
pub(super) struct ColumnDraws {
    share: ColumnShare,
    columns: usize,
    of_tree: Vec<usize>,
    of_levels: HashMap<usize, Vec<usize>>,
    random: Random,
}

impl ColumnDraws {
    pub(super) fn new(columns: usize, share: ColumnShare, seed: u64, tree: usize) -> Self {
        let mut random = Random::new(seed, FOR_COLUMNS | tree as u64);
        let all: Vec<usize> = (0..columns).collect();
        let of_tree = draw(&all, share.tree, &mut random);
        Self { share, columns, of_tree, of_levels: HashMap::new(), random }
    }

    /// For each column whether the next node, on this level, may be split by it. None where every column may.
    pub(super) fn next(&mut self, level: usize) -> Option<Arc<[bool]>> {
        let ColumnShare { tree, level: of_level, node } = self.share;
        if tree >= 1.0 && of_level >= 1.0 && node >= 1.0 {
            return None;
        }
        let (of_tree, random) = (&self.of_tree, &mut self.random);
        let level = self.of_levels.entry(level).or_insert_with(|| draw(of_tree, of_level, random));
        let mut mask = vec![false; self.columns];
        for column in draw(level, node, random) {
            mask[column] = true;
        }
        Some(mask.into())
    }
}

/// A share of what there is, one at least.
fn draw(from: &[usize], share: f64, random: &mut Random) -> Vec<usize> {
    if share >= 1.0 {
        return from.to_vec();
    }
    let count = ((share * from.len() as f64) as usize).max(1).min(from.len());
    let mut left = from.to_vec();
    for position in 0..count {
        let other = position + random.below(left.len() - position);
        left.swap(position, other);
    }
    left.truncate(count);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_rows_is_drawn_and_differs_by_round() {
        let first = rows(200_000, 0.3, 1, 0).unwrap();
        assert!((first.len() as f64 - 60_000.0).abs() < 1_000.0, "{}", first.len());
        assert!(first.is_sorted() && first != rows(200_000, 0.3, 1, 1).unwrap());
        assert_eq!(Some(first), rows(200_000, 0.3, 1, 0));
        assert_eq!(rows(10, 1.0, 1, 0), None);
        assert_eq!(rows(3, 1e-12, 1, 0).unwrap().len(), 1);
    }

    #[test]
    fn columns_of_a_node_are_among_those_of_its_level_and_tree() {
        let share = ColumnShare { tree: 0.5, level: 0.5, node: 0.5 };
        let mut draws = ColumnDraws::new(40, share, 1, 0);
        let masks: Vec<Arc<[bool]>> = (0..20).map(|_| draws.next(3).unwrap()).collect();
        assert!(masks.iter().all(|mask| mask.iter().filter(|chosen| **chosen).count() == 5));
        let ever = (0..40).filter(|column| masks.iter().any(|mask| mask[*column])).count();
        assert_eq!(ever, 10);
    }
}
