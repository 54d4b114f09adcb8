//! Random forests (Breiman, 2001) on binned columns.
//!
//! In order: `settings` reads the hyperparameters; `crate::binning` turns every column into bytes, once; each tree draws its rows
//! (`fit` below) and is grown by `grow`, which asks `split` for the best split of a node on a column, judged by a `criterion`;
//! `tree` is what is left in the model, and `predict` averages the trees' leaves, as scikit-learn does.
//!
//! A tree is one task for the thread pool and depends on its number and the seed alone, so a forest is the same whatever the
//! number of threads. Missing values have a bin of their own and go to the side that the split is better with.

mod criterion;
mod grow;
mod predict;
mod settings;
mod split;
mod tree;

use std::ops::Range;
use std::sync::Mutex;

use kumiko_vocabulary::learning::{Algorithm, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::binning::Binned;
use crate::error::Error;
use crate::estimator::{Answers, Estimator, Fitted, Problem};
use crate::random::Random;
use crate::trees::{Link, TreeEnsemble, TreeView};

use criterion::{Binary, Classes, Criterion, Moments, Sample};
use grow::{Grower, Limits};
use settings::Settings;
use tree::Tree;

/// Many trees, averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    /// The number of columns that the trees ask about.
    columns: u32,
    outputs: Outputs,
    trees: Vec<Tree>,
}

/// What a leaf's value stands for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Outputs {
    /// Of two classes the share of the second; of more, a reference.
    Classes(u32),
    /// A number, `base + scale × value`: leaves hold 32 bits, and these carry the target's size.
    Values { base: f64, scale: f64 },
}

/// The rows that trees are grown on: position, weight and target of each row that counts.
struct Rows {
    samples: Vec<Sample>,
    outputs: Outputs,
}

/// Checks the hyperparameters alone.
pub(crate) fn check(task: Task, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    Settings::read(task, given).map(|(_, used)| used)
}

/// Grows a forest.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = Settings::read(problem.answers.task(), given)?;
    if problem.columns.len() > tree::MOST_COLUMNS {
        return Err(Error::Numerical { what: "a forest takes at most 2³⁰ columns".to_owned() });
    }
    let rows = rows(problem, &settings)?;
    let binned = Binned::new(&problem.columns);
    if problem.control.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let limits = settings.limits(rows.samples.len(), problem.columns.len());
    let grown = match rows.outputs {
        Outputs::Classes(2) => grow_all(problem, &settings, &binned, &rows, limits, Binary::new),
        Outputs::Classes(classes) => {
            grow_all(problem, &settings, &binned, &rows, limits, || Classes::new(classes as usize))
        }
        Outputs::Values { .. } => grow_all(problem, &settings, &binned, &rows, limits, Moments::new),
    }?;
    let mut importances = vec![0.0; problem.columns.len()];
    for tree in &grown {
        for (sum, gain) in importances.iter_mut().zip(&tree.gains) {
            *sum += gain;
        }
    }
    let (trees, bags): (Vec<Tree>, Vec<Vec<u64>>) = grown.into_iter().map(|grown| (grown.tree, grown.bag)).unzip();
    let forest = Forest { columns: problem.columns.len() as u32, outputs: rows.outputs, trees };
    let out_of_bag = if settings.out_of_bag() { forest.out_of_bag_score(problem, &bags) } else { None };
    let mut fitted = Fitted::new(Estimator::Forest(forest), used);
    fitted.importances = importances;
    if settings.out_of_bag() && out_of_bag.is_none() {
        fitted.notes.push("no out-of-bag score: every tree saw every row; grow more trees".to_owned());
    }
    fitted.out_of_bag_score = out_of_bag;
    Ok(fitted)
}

/// Weights and targets in the form that trees take them in.
fn rows(problem: &Problem<'_>, settings: &Settings) -> Result<Rows, Error> {
    let weight_of =
        |row: usize| problem.weights.and_then(|weights| weights.get(row)).map_or(1.0, |weight| f64::from(*weight));
    let (outputs, targets): (Outputs, Vec<(f64, u32)>) = match problem.answers {
        Answers::Classes { codes, classes } => {
            let class_weights =
                settings.class_weights().resolve(Algorithm::RandomForest, codes, classes, problem.weights)?;
            let weight = |code: u32| {
                class_weights.as_ref().and_then(|weights| weights.get(code as usize)).copied().unwrap_or(1.0)
            };
            let targets = codes.iter().enumerate().map(|(row, code)| (weight_of(row) * weight(*code), *code)).collect();
            (Outputs::Classes(classes.len() as u32), targets)
        }
        Answers::Values(values) => {
            let total: f64 = (0..values.len()).map(weight_of).sum();
            let base = values.iter().enumerate().map(|(row, value)| value * (weight_of(row) / total)).sum::<f64>();
            let scale = values.iter().map(|value| (value - base).abs()).fold(0.0, f64::max);
            if !scale.is_finite() {
                return Err(Error::Numerical {
                    what: "the target's values lie too far apart to be averaged".to_owned(),
                });
            }
            let scale = if scale > 0.0 { scale } else { 1.0 };
            // `+ 0.0` makes one zero of two, so that equal targets have equal bits.
            let bits = |value: f64| (((value - base) / scale) as f32 + 0.0).to_bits();
            let targets = values.iter().enumerate().map(|(row, value)| (weight_of(row), bits(*value))).collect();
            (Outputs::Values { base, scale }, targets)
        }
        Answers::None(task) => return Err(Error::Task { algorithm: Algorithm::RandomForest, task }),
    };
    let samples: Vec<Sample> = targets
        .into_iter()
        .enumerate()
        .filter(|(_, (weight, _))| *weight as f32 > 0.0)
        .map(|(row, (weight, target))| Sample { row: row as u32, weight: weight as f32, target })
        .collect();
    if samples.is_empty() { Err(Error::NoWeight) } else { Ok(Rows { samples, outputs }) }
}

/// Trees grown between two looks at whether it is time to keep a state.
const TREES_BETWEEN_STATES: usize = 32;

/// A tree with what growing it taught.
#[derive(Serialize, Deserialize)]
struct Grown {
    tree: Tree,
    /// The decrease of impurity by column.
    gains: Vec<f64>,
    /// A bit for each row that the tree saw; empty where nobody asks.
    bag: Vec<u64>,
}

/// Grows every tree, in parallel.
fn grow_all<C: Criterion>(
    problem: &Problem<'_>,
    settings: &Settings,
    binned: &Binned,
    rows: &Rows,
    limits: Limits,
    criterion: impl Fn() -> C + Sync,
) -> Result<Vec<Grown>, Error> {
    let total = settings.trees();
    let fits = |grown: &Vec<Grown>| {
        let classes = match rows.outputs {
            Outputs::Classes(classes) => Some(classes as usize),
            Outputs::Values { .. } => None,
        };
        let columns = problem.columns.len();
        let words = if settings.out_of_bag() { binned.rows.div_ceil(64) } else { 0 };
        grown.len() <= total
            && grown.iter().all(|grown| grown.gains.len() == columns && grown.bag.len() == words)
            && grown.par_iter().all(|grown| grown.tree.check(columns, classes).is_ok())
    };
    // Whoever may write to the store may have written this.
    let kept = problem.checkpoint.as_ref().and_then(|own| own.kept::<Vec<Grown>>(problem.control));
    let mut grown = kept.filter(fits).unwrap_or_default();
    let step = if problem.checkpoint.is_some() { TREES_BETWEEN_STATES } else { total.max(1) };
    let done = Mutex::new(grown.len());
    while grown.len() < total {
        let numbers = grown.len()..total.min(grown.len() + step);
        grown.extend(grow_some(numbers, total, &done, problem, settings, binned, rows, limits, &criterion)?);
        if let Some(own) = &problem.checkpoint {
            own.keep(problem.control, || &grown);
        }
    }
    Ok(grown)
}

/// Grows the trees of these numbers.
#[expect(clippy::too_many_arguments, reason = "everything that a tree is made of, and how far the forest is")]
fn grow_some<C: Criterion>(
    numbers: Range<usize>,
    total: usize,
    done: &Mutex<usize>,
    problem: &Problem<'_>,
    settings: &Settings,
    binned: &Binned,
    rows: &Rows,
    limits: Limits,
    criterion: &(impl Fn() -> C + Sync),
) -> Result<Vec<Grown>, Error> {
    numbers
        .into_par_iter()
        .with_max_len(1)
        .map_init(
            || (Grower::new(binned, limits, criterion()), Vec::new(), Vec::new()),
            |(grower, counts, samples), number| {
                if problem.control.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let mut random = Random::new(problem.seed, number as u64);
                draw(&rows.samples, settings, &mut random, counts, samples);
                let bag = if settings.out_of_bag() { bag(samples, binned.rows) } else { Vec::new() };
                let (tree, gains) = grower.grow(samples, random, problem.control)?;
                // Counted and reported under one lock, so that reports do not go back.
                if let Ok(mut done) = done.lock() {
                    *done += 1;
                    problem.control.report(*done as f64, Some(total as f64), "growing trees");
                }
                Ok(Grown { tree, gains, bag })
            },
        )
        .collect()
}

/// Draws a tree's sample: with replacement, a row drawn twice counting twice; or every row once.
fn draw(rows: &[Sample], settings: &Settings, random: &mut Random, counts: &mut Vec<u16>, samples: &mut Vec<Sample>) {
    samples.clear();
    if !settings.bootstrap() {
        samples.extend_from_slice(rows);
        return;
    }
    counts.clear();
    counts.resize(rows.len(), 0);
    for _ in 0..settings.draws(rows.len()) {
        if let Some(count) = counts.get_mut(random.below(rows.len())) {
            *count = count.saturating_add(1);
        }
    }
    samples.extend(
        rows.iter()
            .zip(counts.iter())
            .filter(|(_, count)| **count > 0)
            .map(|(row, count)| Sample { weight: row.weight * f32::from(*count), ..*row }),
    );
}

/// A bit for each row that is among the samples.
fn bag(samples: &[Sample], rows: usize) -> Vec<u64> {
    let mut bits = vec![0_u64; rows.div_ceil(64)];
    for sample in samples {
        if let Some(word) = bits.get_mut(sample.row as usize / 64) {
            *word |= 1 << (sample.row % 64);
        }
    }
    bits
}

impl Forest {
    /// Whether trees read from a file can be walked: see `Tree::check`.
    pub(crate) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        let outputs_fit = match (self.outputs, classes) {
            (Outputs::Classes(found), Some(expected)) => found as usize == expected && expected >= 2,
            (Outputs::Values { base, scale }, None) => base.is_finite() && scale.is_finite(),
            _ => false,
        };
        if !outputs_fit {
            return Err("the forest's outputs do not fit the signature".to_owned());
        }
        if self.columns as usize != columns {
            return Err(format!("the forest asks about {} columns, the signature lists {columns}", self.columns));
        }
        if self.trees.is_empty() {
            return Err("the forest has no trees".to_owned());
        }
        self.trees.par_iter().try_for_each(|tree| tree.check(columns, classes))
    }

    /// The number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The forest in plain form: each tree's leaves divided by the number of trees, so that they add up to the prediction.
    /// Nodes of a forest from before covers were kept have the cover 0.
    #[must_use]
    pub fn ensemble(&self) -> TreeEnsemble {
        let trees = self.trees.len().max(1) as f64;
        let width = self.width();
        let base = match self.outputs {
            Outputs::Values { base, .. } => base,
            Outputs::Classes(_) => 0.0,
        };
        let view = |tree: &Tree| {
            let values = |leaf| {
                let mut values = vec![0.0; width];
                tree.add(leaf, &mut values);
                for value in &mut values {
                    *value *= match self.outputs {
                        Outputs::Values { scale, .. } => scale / trees,
                        Outputs::Classes(_) => 1.0 / trees,
                    };
                }
                values
            };
            TreeView { output: (width == 1).then_some(0), nodes: tree.view(values) }
        };
        TreeEnsemble {
            columns: self.columns as usize,
            outputs: width,
            base: vec![base; width],
            link: Link::Identity,
            trees: self.trees.par_iter().map(view).collect(),
        }
    }
}
