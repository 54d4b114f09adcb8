//! What a forest says of rows: the mean over its trees of the leaf that a row comes to.
//!
//! Rows are taken in blocks, copied row after row; each tree is walked for a whole block before the next, so that a tree's nodes
//! stay in the near cache. Blocks run in parallel, each summing the trees in their order.
#![allow(
    clippy::indexing_slicing,
    reason = "blocks are cut from the columns' length; references of leaves are checked with the tree"
)]

use std::ops::Range;

use rayon::prelude::*;

use crate::data::Predictions;
use crate::estimator::{Answers, Problem};

use super::tree::Tree;
use super::{Forest, Outputs};

/// Rows in a block: with tens of columns they fit the near cache beside a tree.
const BLOCK_ROWS: usize = 1_024;
/// Rows that walk down a tree side by side.
const ROWS_ABREAST: usize = 16;

impl Forest {
    /// Predictions for rows that have the columns of the forest, in its order.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let sums = self.sums(columns, |_, _| true);
        let rows = columns.first().map_or(0, |column| column.len());
        match self.outputs {
            Outputs::Values { base, scale } => Predictions::Values(
                sums.into_iter()
                    .flat_map(|block| block.sums)
                    .map(|sum| base + scale * sum / self.trees.len() as f64)
                    .collect(),
            ),
            Outputs::Classes(classes) => {
                let width = self.width();
                let mut probabilities = vec![Vec::with_capacity(rows); classes as usize];
                for row in sums.iter().flat_map(|block| block.sums.chunks_exact(width)) {
                    let share = |sum: f64| (sum / self.trees.len() as f64) as f32;
                    if let ([second], [first_column, second_column]) = (row, probabilities.as_mut_slice()) {
                        first_column.push(1.0 - share(*second));
                        second_column.push(share(*second));
                        continue;
                    }
                    for (column, sum) in probabilities.iter_mut().zip(row) {
                        column.push(share(*sum));
                    }
                }
                Predictions::from_probabilities(probabilities)
            }
        }
    }

    /// Accuracy or R² on each training row by the trees that did not see it; none where there is no such row.
    pub(super) fn out_of_bag_score(&self, problem: &Problem<'_>, bags: &[Vec<u64>]) -> Option<f64> {
        let unseen = |tree: usize, row: usize| bags[tree][row / 64] >> (row % 64) & 1 == 0;
        let width = self.width();
        let blocks = self.sums(&problem.columns, unseen);
        let judged = blocks.iter().flat_map(|block| block.sums.chunks_exact(width).zip(&block.trees)).enumerate();
        let judged = judged.filter(|(_, (_, trees))| **trees > 0);
        match (problem.answers, self.outputs) {
            (Answers::Classes { codes, .. }, _) => {
                let (mut right, mut total) = (0_u64, 0_u64);
                for (row, (sums, trees)) in judged {
                    right += u64::from(likeliest(sums, *trees) == codes[row] as usize);
                    total += 1;
                }
                (total > 0).then(|| right as f64 / total as f64)
            }
            (Answers::Values(values), Outputs::Values { base, scale }) => {
                let (actual, predicted): (Vec<f64>, Vec<f64>) = judged
                    .map(|(row, (sums, trees))| (values[row], base + scale * sums[0] / f64::from(*trees)))
                    .unzip();
                crate::metrics::r2(&actual, &predicted)
            }
            (Answers::Values(_), Outputs::Classes(_)) | (Answers::None(_), _) => None,
        }
    }

    /// Numbers that a leaf brings: of two classes the second's share is enough.
    pub(super) fn width(&self) -> usize {
        match self.outputs {
            Outputs::Classes(classes) if classes > 2 => classes as usize,
            _ => 1,
        }
    }

    /// For each block of rows the sums over the trees that `counts` (tree, row) holds for.
    fn sums(&self, columns: &[&[f32]], counts: impl Fn(usize, usize) -> bool + Sync) -> Vec<Block> {
        let rows = columns.first().map_or(0, |column| column.len());
        (0..rows.div_ceil(BLOCK_ROWS))
            .into_par_iter()
            .map(|block| self.block(columns, block * BLOCK_ROWS..rows.min((block + 1) * BLOCK_ROWS), &counts))
            .collect()
    }

    fn block(&self, columns: &[&[f32]], rows: Range<usize>, counts: &impl Fn(usize, usize) -> bool) -> Block {
        let width = self.width();
        let mut values = vec![0.0; rows.len() * columns.len()];
        for (position, column) in columns.iter().enumerate() {
            for (row, value) in column[rows.clone()].iter().enumerate() {
                values[row * columns.len() + position] = *value;
            }
        }
        let mut block = Block { sums: vec![0.0; rows.len() * width], trees: vec![0; rows.len()] };
        let width_of_row = columns.len();
        for (number, tree) in self.trees.iter().enumerate() {
            let mut take = |position: usize, leaf: (f32, u32)| {
                if counts(number, rows.start + position) {
                    tree.add(leaf, &mut block.sums[position * width..(position + 1) * width]);
                    block.trees[position] += 1;
                }
            };
            let row = |position: usize| &values[position * width_of_row..(position + 1) * width_of_row];
            let abreast = rows.len() - rows.len() % ROWS_ABREAST;
            for first in (0..abreast).step_by(ROWS_ABREAST) {
                let leaves = tree.leaves::<ROWS_ABREAST>(std::array::from_fn(|offset| row(first + offset)));
                for (offset, leaf) in leaves.into_iter().enumerate() {
                    take(first + offset, leaf);
                }
            }
            for position in abreast..rows.len() {
                let [leaf] = tree.leaves([row(position)]);
                take(position, leaf);
            }
        }
        block
    }
}

struct Block {
    /// For each row its sums.
    sums: Vec<f64>,
    /// For each row the number of trees in them.
    trees: Vec<u32>,
}

impl Tree {
    /// Adds what a leaf says of a row: a number, or a share for each class.
    #[inline]
    pub(super) fn add(&self, (value, reference): (f32, u32), sums: &mut [f64]) {
        if let [sum] = sums {
            *sum += f64::from(value);
            return;
        }
        let classes = sums.len();
        let reference = reference as usize;
        if reference < classes {
            sums[reference] += 1.0;
            return;
        }
        let start = (reference - classes) * classes;
        for (sum, share) in sums.iter_mut().zip(&self.distributions[start..start + classes]) {
            *sum += f64::from(*share);
        }
    }
}

/// The class with the largest sum, the first of equals.
fn likeliest(sums: &[f64], trees: u32) -> usize {
    match sums {
        [second] => usize::from(*second > f64::from(trees) / 2.0),
        _ => {
            sums.iter()
                .enumerate()
                .fold((0, f64::MIN), |best, (class, sum)| if *sum > best.1 { (class, *sum) } else { best })
                .0
        }
    }
}
