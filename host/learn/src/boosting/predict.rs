//! What boosted trees say of rows: the base plus the leaf of each tree, through the link.
//!
//! Many rows are taken in blocks, column after column as they come; trees of few levels are laid out in full, so that a step down
//! is a comparison and a doubling, without a branch. Every tree is walked for a whole block before the next, and blocks run in
//! parallel. Few rows walk the trees as they are stored. Either way the leaves of a row are added in the order of the trees.
#![allow(
    clippy::neg_cmp_op_on_partial_ord,
    clippy::needless_range_loop,
    reason = "what is not below goes right, a missing value too; several columns are read at one row"
)]
#![allow(
    clippy::indexing_slicing,
    reason = "blocks are cut from the columns' length; trees are checked; full trees have a node at every position below their leaves"
)]

use std::ops::Range;

use rayon::prelude::*;

use crate::data::Predictions;

use super::Boosted;
use super::arithmetic::{exp, exp_negative, sigmoid};
use super::objective::Objective;
use super::tree::{Kind, Tree};

/// Rows in a block: with tens of columns they fit the near cache beside a tree.
const BLOCK_ROWS: usize = 256;
/// Rows that walk down a tree side by side.
const ROWS_ABREAST: usize = 16;
/// Levels of a tree that is laid out in full at most: 255 nodes.
const FULL_LEVELS: usize = 8;
/// Levels at the top that a block of rows passes together, question by question, without looking anything up.
const TOP_LEVELS: usize = 3;
/// Rows whose scores are linked as one piece of work.
const ROWS_FOR_THREADS: usize = 16_384;
/// Rows that laying trees out is worth it for.
const ROWS_FOR_LAYOUT: usize = 512;
/// Set in a place that sends missing values left.
const MISSING_LEFT: u32 = 1 << 31;
/// Columns at most whose blocks' places fit 31 bits.
const MOST_FULL_COLUMNS: usize = (1 << 31) / BLOCK_ROWS;

/// A node of a tree that is laid out in full.
#[derive(Clone, Copy, Default)]
struct Place {
    threshold: f32,
    /// Where the column begins in a block, and [`MISSING_LEFT`].
    column: u32,
}

/// A tree with every level complete: the children of node `n` are 2n + 1 and 2n + 2.
struct Full {
    levels: usize,
    places: Box<[Place; 1 << FULL_LEVELS]>,
    leaves: Box<[f32; 1 << FULL_LEVELS]>,
}

/// A tree in the form that it is walked in.
enum Walk<'a> {
    Full(Full),
    Stored(&'a Tree),
}

impl Full {
    /// Lays out a tree; none where it has too many levels, or asks about categories.
    fn new(tree: &Tree, columns: usize) -> Option<Self> {
        let levels = tree.depth().max(TOP_LEVELS);
        if levels > FULL_LEVELS || !tree.sets.is_empty() || columns > MOST_FULL_COLUMNS {
            return None;
        }
        let mut full = Self {
            levels,
            places: Box::new([Place::default(); 1 << FULL_LEVELS]),
            leaves: Box::new([0.0; 1 << FULL_LEVELS]),
        };
        let mut pending = vec![(0, 0, 0)];
        while let Some((position, place, level)) = pending.pop() {
            match tree.nodes[position].kind() {
                Kind::Leaf(value) => {
                    // Below a leaf every way leads to it.
                    let width = 1 << (levels - level);
                    let first = (place + 1) * width - (1 << levels);
                    full.leaves[first..first + width].fill(value);
                }
                Kind::Below { column, threshold, missing_left, right } => {
                    let mark = if missing_left { MISSING_LEFT } else { 0 };
                    full.places[place] = Place { threshold, column: (column * BLOCK_ROWS) as u32 | mark };
                    pending.push((position + 1, 2 * place + 1, level + 1));
                    pending.push((right, 2 * place + 2, level + 1));
                }
                Kind::NoneOf { .. } => return None,
            }
        }
        Some(full)
    }

    /// Adds the leaf of each row of a block.
    fn add<const MISSING: bool>(&self, values: &[f32], sums: &mut [f64], stride: usize, offset: usize) {
        let rows = sums.len() / stride;
        let last = (1 << self.levels) - 1;
        let mut places = [0_u32; BLOCK_ROWS];
        let passed = if MISSING { 0 } else { self.pass_top(values, &mut places) };
        for (first, places) in (0..rows).step_by(ROWS_ABREAST).zip(places.chunks_exact(ROWS_ABREAST)) {
            let mut places: [usize; ROWS_ABREAST] = std::array::from_fn(|row| places[row] as usize);
            for _ in passed..self.levels {
                for (row, place) in places.iter_mut().enumerate() {
                    let node = self.places[*place & ((1 << FULL_LEVELS) - 1)];
                    let value = values[(node.column & !MISSING_LEFT) as usize + first + row];
                    let mut right = !(value < node.threshold);
                    if MISSING {
                        right &= !(value.is_nan() & (node.column & MISSING_LEFT != 0));
                    }
                    *place = 2 * *place + 1 + usize::from(right);
                }
            }
            for (row, place) in places.iter().enumerate().take(rows - first) {
                let leaf = self.leaves[(place - last) & ((1 << FULL_LEVELS) - 1)];
                sums[(first + row) * stride + offset] += f64::from(leaf);
            }
        }
    }

    /// Sends a block's rows, which miss nothing, through the top levels: all seven questions are asked of every row, several rows
    /// at once, which is quicker than finding out which three are needed. Returns the number of levels.
    fn pass_top(&self, values: &[f32], places: &mut [u32; BLOCK_ROWS]) -> usize {
        let places_of_top: [(f32, &[f32; BLOCK_ROWS]); 7] = std::array::from_fn(|place| {
            let node = self.places[place];
            let start = (node.column & !MISSING_LEFT) as usize;
            (node.threshold, values[start..].first_chunk().unwrap_or(&[0.0; BLOCK_ROWS]))
        });
        let right = |place: usize, row: usize| {
            let (threshold, column) = places_of_top[place];
            // All bits set, or none.
            u32::from(!(column[row] < threshold)).wrapping_neg()
        };
        for row in 0..BLOCK_ROWS {
            let choose = |mask: u32, right: u32, left: u32| (mask & right) | (!mask & left);
            let first = right(0, row);
            let second = choose(first, right(2, row), right(1, row));
            let below_left = choose(second, right(4, row), right(3, row));
            let below_right = choose(second, right(6, row), right(5, row));
            let third = choose(first, below_right, below_left);
            places[row] = 7 + (first & 4) + (second & 2) + (third & 1);
        }
        TOP_LEVELS
    }
}

impl Boosted {
    /// Predictions for rows that have the columns of the model, in its order.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let rows = columns.first().map_or(0, |column| column.len());
        let outputs = self.base.len();
        let mut scores = vec![0.0; rows * outputs];
        if rows < ROWS_FOR_LAYOUT {
            let walks: Vec<Walk<'_>> = self.trees.iter().map(Walk::Stored).collect();
            self.blocks(columns, &walks, &mut scores);
        } else {
            let walk = |tree| Full::new(tree, columns.len()).map_or(Walk::Stored(tree), Walk::Full);
            let walks: Vec<Walk<'_>> = self.trees.iter().map(walk).collect();
            self.blocks(columns, &walks, &mut scores);
        }
        self.link(scores)
    }

    /// The scores of every row, base included.
    fn blocks(&self, columns: &[&[f32]], walks: &[Walk<'_>], scores: &mut [f64]) {
        let outputs = self.base.len();
        let block = |(block, scores): (usize, &mut [f64])| {
            let start = block * BLOCK_ROWS;
            let rows = start..start + scores.len() / outputs;
            if walks.iter().any(|walk| matches!(walk, Walk::Full(_))) {
                self.full(columns, walks, rows.clone(), scores);
            } else {
                self.stored(columns, walks, rows.clone(), scores);
            }
            for row in scores.chunks_exact_mut(outputs) {
                for (score, base) in row.iter_mut().zip(&self.base) {
                    *score += base;
                }
            }
        };
        if scores.len() <= BLOCK_ROWS * outputs {
            // One block is done sooner than a thread wakes up.
            scores.chunks_mut(BLOCK_ROWS * outputs).enumerate().for_each(block);
        } else {
            scores.par_chunks_mut(BLOCK_ROWS * outputs).enumerate().for_each(block);
        }
    }

    fn full(&self, columns: &[&[f32]], walks: &[Walk<'_>], rows: Range<usize>, scores: &mut [f64]) {
        let outputs = self.base.len();
        let mut values = vec![0.0; columns.len() * BLOCK_ROWS];
        for (block, column) in values.chunks_exact_mut(BLOCK_ROWS).zip(columns) {
            block[..rows.len()].copy_from_slice(&column[rows.clone()]);
        }
        let missing = values.iter().fold(false, |missing, value| missing | value.is_nan());
        let mut by_row = Vec::new();
        for (tree, walk) in self.trees.iter().zip(walks) {
            let output = tree.output as usize;
            match walk {
                Walk::Full(full) if missing => full.add::<true>(&values, scores, outputs, output),
                Walk::Full(full) => full.add::<false>(&values, scores, outputs, output),
                Walk::Stored(tree) => {
                    if by_row.is_empty() {
                        by_row = rows_of(columns, rows.clone());
                    }
                    walk_stored(tree, &by_row, columns.len(), scores, outputs);
                }
            }
        }
    }

    fn stored(&self, columns: &[&[f32]], walks: &[Walk<'_>], rows: Range<usize>, scores: &mut [f64]) {
        let by_row = rows_of(columns, rows);
        for walk in walks {
            if let Walk::Stored(tree) = walk {
                walk_stored(tree, &by_row, columns.len(), scores, self.base.len());
            }
        }
    }

    fn link(&self, scores: Vec<f64>) -> Predictions {
        let outputs = self.base.len();
        match self.objective {
            Objective::SquaredError | Objective::AbsoluteError => Predictions::Values(scores),
            Objective::Poisson => {
                Predictions::Values(scores.into_iter().map(|score| f64::from(exp(score as f32))).collect())
            }
            Objective::Logistic => two_classes(&scores),
            Objective::Softmax => {
                let mut probabilities = vec![Vec::with_capacity(scores.len() / outputs); outputs];
                let mut row = vec![0.0; outputs];
                for scores in scores.chunks_exact(outputs) {
                    let highest = scores.iter().copied().fold(f64::MIN, f64::max);
                    for (power, score) in row.iter_mut().zip(scores) {
                        *power = exp_negative((score - highest) as f32);
                    }
                    let sum: f32 = row.iter().sum();
                    for (column, power) in probabilities.iter_mut().zip(&row) {
                        column.push(power / sum);
                    }
                }
                Predictions::from_probabilities(probabilities)
            }
        }
    }
}

/// The likelier of two classes, the first of equals, and the probabilities of both.
fn two_classes(scores: &[f64]) -> Predictions {
    let mut codes = vec![0; scores.len()];
    let mut probabilities = vec![vec![0.0; scores.len()], vec![0.0; scores.len()]];
    let [first, second] = probabilities.as_mut_slice() else { return Predictions::Classes { codes, probabilities } };
    let rows = codes.par_iter_mut().zip(first).zip(second).zip(scores).with_min_len(ROWS_FOR_THREADS);
    let link = |(((code, first), second), score): (((&mut u32, &mut f32), &mut f32), &f64)| {
        *second = sigmoid(*score as f32);
        *first = 1.0 - *second;
        *code = u32::from(*second > *first);
    };
    rows.for_each(link);
    Predictions::Classes { codes, probabilities }
}

/// Rows, each with its values side by side.
fn rows_of(columns: &[&[f32]], rows: Range<usize>) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * columns.len()];
    for (position, column) in columns.iter().enumerate() {
        for (row, value) in values.chunks_exact_mut(columns.len()).zip(&column[rows.clone()]) {
            row[position] = *value;
        }
    }
    values
}

fn walk_stored(tree: &Tree, by_row: &[f32], columns: usize, scores: &mut [f64], outputs: usize) {
    let rows = scores.len() / outputs;
    let row = |row: usize| &by_row[row * columns..(row + 1) * columns];
    let output = tree.output as usize;
    let abreast = rows - rows % ROWS_ABREAST;
    for first in (0..abreast).step_by(ROWS_ABREAST) {
        let leaves = tree.leaves::<ROWS_ABREAST>(std::array::from_fn(|offset| row(first + offset)));
        for (offset, leaf) in leaves.into_iter().enumerate() {
            scores[(first + offset) * outputs + output] += f64::from(leaf);
        }
    }
    for position in abreast..rows {
        let [leaf] = tree.leaves([row(position)]);
        scores[position * outputs + output] += f64::from(leaf);
    }
}
