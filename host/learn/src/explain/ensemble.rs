//! SHAP values of whole ensembles: trees are prepared some at a time, and every block of rows takes them in their order.
#![allow(
    clippy::indexing_slicing,
    reason = "blocks are cut from the columns' length and laid out by row, output and column"
)]

use std::ops::Range;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::evaluation::ExplanationOutput;
use rayon::prelude::*;

use crate::error::Error;
use crate::trees::{Link, TreeEnsemble};

use super::Contributions;
use super::interventional::{self, Coefficients, Size};
use super::path_dependent::{Prepared, Scratch};
use super::tree::Tree;

/// Rows in a block at most: with tens of columns, rows and sums fit the near cache beside a tree.
const BLOCK_ROWS: usize = 64;
/// Blocks that few rows are cut into.
const LEAST_BLOCKS: usize = 16;
/// What background rows are called in errors.
pub(super) const BACKGROUND: &str = "the background data";
/// Trees prepared at once: enough for every core, few enough to be held.
const TREES_AT_ONCE: usize = 32;

/// Rows, row after row, and what has been summed of them.
pub(super) struct Block {
    /// For each row its columns.
    pub(super) rows: Vec<f32>,
    /// For each row and output a number for each column.
    pub(super) sums: Vec<f64>,
    /// For each row what each output gives.
    pub(super) predictions: Vec<f64>,
}

/// Cuts columns into blocks of rows.
pub(super) fn blocks(columns: &[&[f32]], outputs: usize, base: &[f64]) -> Vec<Block> {
    let rows = columns.first().map_or(0, |column| column.len());
    let size = rows.div_ceil(LEAST_BLOCKS).clamp(1, BLOCK_ROWS);
    (0..rows.div_ceil(size))
        .into_par_iter()
        .map(|number| {
            let range = number * size..rows.min((number + 1) * size);
            Block {
                sums: vec![0.0; range.len() * outputs * columns.len()],
                predictions: base.repeat(range.len()),
                rows: by_row(columns, range),
            }
        })
        .collect()
}

/// Some rows, row after row.
pub(super) fn by_row(columns: &[&[f32]], range: Range<usize>) -> Vec<f32> {
    let mut rows = vec![0.0; range.len() * columns.len()];
    for (position, column) in columns.iter().enumerate() {
        for (row, value) in column[range.clone()].iter().enumerate() {
            rows[row * columns.len() + position] = *value;
        }
    }
    rows
}

/// Puts blocks together. Every sum is multiplied by `scale`.
pub(super) fn contributions(blocks: &[Block], columns: usize, base_values: Vec<f64>, scale: f64) -> Contributions {
    let outputs = base_values.len();
    let rows: usize = blocks.iter().map(|block| block.predictions.len() / outputs.max(1)).sum();
    let value = |output: usize, column: usize| {
        let mut values = Vec::with_capacity(rows);
        for block in blocks {
            let sums = block.sums.chunks_exact(columns * outputs);
            values.extend(sums.map(|sums| sums[output * columns + column] * scale));
        }
        values
    };
    Contributions {
        values: (0..outputs)
            .map(|output| (0..columns).into_par_iter().map(|column| value(output, column)).collect())
            .collect(),
        predictions: (0..outputs)
            .map(|output| {
                let rows = blocks.iter().flat_map(|block| block.predictions.chunks_exact(outputs));
                rows.map(|predictions| predictions[output]).collect()
            })
            .collect(),
        base_values,
        standard_errors: None,
    }
}

/// Whether there are the ensemble's columns, all of one length, and a base for each output.
pub(super) fn check(ensemble: &TreeEnsemble, columns: &[&[f32]], what: &str) -> Result<(), Error> {
    let length = |what: String, expected: usize, found: usize| {
        if expected == found { Ok(()) } else { Err(Error::Length { what, expected, found }) }
    };
    if ensemble.columns == 0 {
        return Err(Error::NoFeatures);
    }
    length(format!("the list of columns of {what}"), ensemble.columns, columns.len())?;
    length("the list of base values of the ensemble".to_owned(), ensemble.outputs, ensemble.base.len())?;
    let rows = columns.first().map_or(0, |column| column.len());
    for (position, column) in columns.iter().enumerate() {
        length(format!("the column {position} of {what}"), rows, column.len())?;
    }
    Ok(())
}

/// Adds to every block what its rows come to in a tree.
pub(super) fn predict(tree: &Tree, block: &mut Block, columns: usize, outputs: usize) {
    for (row, predictions) in block.rows.chunks_exact(columns).zip(block.predictions.chunks_exact_mut(outputs)) {
        for (prediction, value) in predictions[tree.output..].iter_mut().zip(tree.values(tree.leaf(row))) {
            *prediction += value;
        }
    }
}

/// The exact path-dependent SHAP values of rows: a column that is not known is averaged over by the shares of training rows that
/// went each way. `columns` are those of the ensemble, in its order; values are in the unit of the ensemble's sums (before
/// any link). An ensemble without covers is [`Error::NoCovers`].
pub fn tree_path_dependent(
    ensemble: &TreeEnsemble,
    columns: &[&[f32]],
    control: &dyn Control,
) -> Result<Contributions, Error> {
    check(ensemble, columns, "the rows to be explained")?;
    let (width, outputs) = (columns.len(), ensemble.outputs);
    let mut base_values = ensemble.base.clone();
    let mut blocks = blocks(columns, outputs, &ensemble.base);
    for first in (0..ensemble.trees.len()).step_by(TREES_AT_ONCE) {
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let trees = first..ensemble.trees.len().min(first + TREES_AT_ONCE);
        let prepared: Vec<Prepared> = trees
            .into_par_iter()
            .map(|position| {
                let tree = Tree::new(ensemble, position)?;
                if tree.covered { Ok(Prepared::new(tree)) } else { Err(Error::NoCovers) }
            })
            .collect::<Result<_, _>>()?;
        for tree in &prepared {
            for (base, expectation) in base_values[tree.tree.output..].iter_mut().zip(&tree.expectation) {
                *base += expectation;
            }
        }
        blocks.par_iter_mut().for_each_init(Scratch::default, |scratch, block| {
            for tree in &prepared {
                tree.add(&block.rows, width, outputs, scratch, &mut block.sums);
                predict(&tree.tree, block, width, outputs);
            }
        });
        let done = (first + prepared.len()) as f64;
        control.report(done, Some(ensemble.trees.len() as f64), "explaining trees");
    }
    Ok(contributions(&blocks, width, base_values, 1.0))
}

/// The exact interventional SHAP values of rows: a column that is not known is taken from a background row, and the values are
/// means over these. `columns` and `background` are those of the ensemble, in its order.
///
/// With [`ExplanationOutput::Raw`], values are in the unit of the ensemble's sums. With [`ExplanationOutput::Probability`] and
/// [`Link::Logistic`], each pair's values are scaled so that they add up to the difference of the pair's
/// probabilities, as `shap` does; with [`Link::Softmax`] and
/// [`Link::Exponential`] there is no such scale or no probability, and it is refused.
pub fn tree_interventional(
    ensemble: &TreeEnsemble,
    columns: &[&[f32]],
    background: &[&[f32]],
    output: ExplanationOutput,
    control: &dyn Control,
) -> Result<Contributions, Error> {
    check(ensemble, columns, "the rows to be explained")?;
    check(ensemble, background, BACKGROUND)?;
    let logistic = match (output, ensemble.link) {
        (ExplanationOutput::Raw, _) | (ExplanationOutput::Probability, Link::Identity) => false,
        (ExplanationOutput::Probability, Link::Logistic) => true,
        (ExplanationOutput::Probability, Link::Softmax | Link::Exponential) => {
            return Err(Error::Specification {
                name: "output",
                value: "`probability`".to_owned(),
                expected: "`raw`, or the method `permutation`, for trees of three classes or more, or of numbers"
                    .to_owned(),
            });
        }
    };
    let others = background.first().map_or(0, |column| column.len());
    if others == 0 {
        return Err(Error::Rows { what: BACKGROUND.to_owned(), rows: 0, expected: "one at least" });
    }
    let (width, outputs) = (columns.len(), ensemble.outputs);
    let size = Size { columns: width, outputs };
    let mut blocks = blocks(columns, outputs, &ensemble.base);
    let rows: usize = blocks.iter().map(|block| block.predictions.len() / outputs.max(1)).sum();
    let mut known =
        Block { rows: by_row(background, 0..others), sums: Vec::new(), predictions: ensemble.base.repeat(others) };
    if logistic {
        // A pair's scale needs both of its sums over all trees before the first tree is explained.
        for position in 0..ensemble.trees.len() {
            let tree = Tree::new(ensemble, position)?;
            blocks.par_iter_mut().for_each(|block| predict(&tree, block, width, outputs));
            predict(&tree, &mut known, width, outputs);
        }
    }
    for first in (0..ensemble.trees.len()).step_by(TREES_AT_ONCE) {
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let trees = first..ensemble.trees.len().min(first + TREES_AT_ONCE);
        let prepared: Vec<interventional::Prepared> = trees
            .into_par_iter()
            .map(|position| {
                Ok(interventional::Prepared::new(Tree::new(ensemble, position)?, rows, &known.rows, width, logistic))
            })
            .collect::<Result<_, Error>>()?;
        let order = prepared.iter().map(|tree| tree.tree.order).max().unwrap_or(0);
        let coefficients = Coefficients::new(order);
        if !logistic {
            prepared.iter().for_each(|tree| predict(&tree.tree, &mut known, width, outputs));
        }
        blocks.par_iter_mut().for_each_init(interventional::Scratch::default, |scratch, block| {
            for tree in &prepared {
                if !logistic {
                    predict(&tree.tree, block, width, outputs);
                }
                let scale = |row: usize, other: usize| {
                    scale(block.predictions[row * outputs], known.predictions[other * outputs])
                };
                let scale: Option<&dyn Fn(usize, usize) -> f64> = if logistic { Some(&scale) } else { None };
                tree.add(&block.rows, &known.rows, size, &coefficients, scratch, scale, &mut block.sums);
            }
        });
        let done = (first + prepared.len()) as f64;
        control.report(done, Some(ensemble.trees.len() as f64), "explaining trees");
    }
    if logistic {
        known.predictions.iter_mut().for_each(|sum| *sum = logistic_of(*sum));
        blocks.iter_mut().flat_map(|block| &mut block.predictions).for_each(|sum| *sum = logistic_of(*sum));
    }
    let mean = |output: usize| known.predictions.iter().skip(output).step_by(outputs).sum::<f64>() / others as f64;
    Ok(contributions(&blocks, width, (0..outputs).map(mean).collect(), 1.0 / others as f64))
}

/// What a pair's values in log odds are multiplied by to be shares of a probability.
fn scale(sum: f64, other: f64) -> f64 {
    if sum == other { 1.0 } else { (logistic_of(sum) - logistic_of(other)) / (sum - other) }
}

/// The probability behind log odds.
pub(super) fn logistic_of(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
