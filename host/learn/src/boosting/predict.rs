//! What boosted trees say of rows: the base plus the leaf of each tree, through the link.
//!
//! Many rows are taken in blocks, which are coded and then asked everything at once ([`super::coded`]); blocks run in parallel. Few
//! rows walk the trees as they are stored. Either way the leaves of a row are added in the order of the trees.

use rayon::prelude::*;

use crate::data::Predictions;

use super::Boosted;
use super::arithmetic::{exp, exp_negative, sigmoid};
use super::coded::{self, BLOCK_ROWS, Block};
use super::objective::Objective;
use super::tree::rows_of;

/// Rows whose scores are linked as one piece of work.
const ROWS_FOR_THREADS: usize = 16_384;
/// Rows that coding is worth it for.
const ROWS_FOR_CODES: usize = 512;

impl Boosted {
    /// Predictions for rows that have the columns of the model, in its order.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let rows = columns.first().map_or(0, |column| column.len());
        let outputs = self.base.len();
        let mut scores = vec![0.0; rows * outputs];
        let add_base = |scores: &mut [f64]| {
            for row in scores.chunks_exact_mut(outputs) {
                row.iter_mut().zip(&self.base).for_each(|(score, base)| *score += base);
            }
        };
        if rows < ROWS_FOR_CODES {
            // So few are done sooner than a thread wakes up.
            let by_row = rows_of(columns, 0..rows);
            self.trees.iter().for_each(|tree| tree.add_leaves(&by_row, &mut scores, outputs));
            add_base(&mut scores);
        } else {
            let groups = coded::groups(&self.trees);
            scores.par_chunks_mut(BLOCK_ROWS * outputs).enumerate().for_each(|(block, scores)| {
                // Written before it is read, a page of new memory is there at once; read first, it would be mapped twice.
                scores.fill(0.0);
                let start = block * BLOCK_ROWS;
                let mut block = Block::new(columns, start..start + scores.len() / outputs);
                groups.iter().for_each(|group| group.add(&mut block, scores, outputs));
                add_base(scores);
            });
        }
        self.link(scores)
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
