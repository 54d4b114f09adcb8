//! What boosting makes small: the losses, their derivatives, what they start from.
//!
//! Scores are the sums of leaves, without the base. Numbers are learnt as their distance from the base, so that 32 bits hold
//! them wherever they lie. Definitions are xgboost's: the derivatives by the score of half the squared error, of the absolute
//! error, of the negative log likelihood for counts, two classes and more.
#![allow(clippy::indexing_slicing, reason = "blocks of scores, leaves and pairs are cut to the same number of rows")]

use std::sync::atomic::{AtomicU16, Ordering};

use kumiko_vocabulary::learning::Task;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::arithmetic::{exp, exp_negative, ln_1p_unit};

/// Rows of a piece of work.
const BLOCK_ROWS: usize = 4_096;
/// Rows worked on at once, in the nearest cache.
const STRIP: usize = 64;
/// Least second derivative of a classification: xgboost's.
const LEAST_CURVATURE: f32 = 1e-16;

/// A loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Objective {
    /// Half the squared error; predicts means.
    SquaredError,
    /// The absolute error; predicts medians.
    AbsoluteError,
    /// The negative log likelihood of counts whose logarithm is the score.
    Poisson,
    /// The negative log likelihood of two classes.
    Logistic,
    /// The negative log likelihood of three classes or more.
    Softmax,
}

impl Objective {
    /// The default of a task, and the names there are in words.
    pub(super) fn listed(task: Task) -> (&'static str, &'static str) {
        match task {
            Task::Classification => {
                ("auto", "\"auto\", \"binary:logistic\" for two classes or \"multi:softprob\" for more")
            }
            _ => ("reg:squarederror", "\"reg:squarederror\", \"reg:absoluteerror\" or \"count:poisson\""),
        }
    }

    /// The objective of a name. How many classes there are decides between the two of classification.
    pub(super) fn named(task: Task, name: &str) -> Option<Self> {
        match (task, name) {
            (Task::Classification, "auto" | "binary:logistic") => Some(Self::Logistic),
            (Task::Classification, "multi:softprob" | "multi:softmax") => Some(Self::Softmax),
            (Task::Regression, "reg:squarederror" | "squared_error") => Some(Self::SquaredError),
            (Task::Regression, "reg:absoluteerror" | "absolute_error") => Some(Self::AbsoluteError),
            (Task::Regression, "count:poisson" | "poisson") => Some(Self::Poisson),
            _ => None,
        }
    }

    /// xgboost's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SquaredError => "reg:squarederror",
            Self::AbsoluteError => "reg:absoluteerror",
            Self::Poisson => "count:poisson",
            Self::Logistic => "binary:logistic",
            Self::Softmax => "multi:softprob",
        }
    }

    /// What the scores begin with, fitted to the targets: the mean, the median, the logarithm of the mean, the log odds; of more
    /// classes the logarithms of their shares, centred. `given` is xgboost's `base_score`, before the link.
    pub(super) fn base(self, targets: &Targets, outputs: usize, given: Option<f64>) -> Vec<f64> {
        let link = |mean: f64| match self {
            Self::Logistic => (mean / (1.0 - mean)).ln(),
            Self::Poisson => mean.ln(),
            _ => mean,
        };
        if let Some(given) = given {
            return vec![link(given); outputs];
        }
        match self {
            Self::AbsoluteError => vec![targets.median()],
            Self::Softmax => {
                let mut weights = vec![0.0; outputs];
                for row in 0..targets.values.len() {
                    weights[targets.values[row] as usize] += targets.weight(row);
                }
                let total: f64 = weights.iter().sum();
                // A class whose rows count for nothing has a share all the same: its logarithm must be a number.
                let logarithms: Vec<f64> = weights.iter().map(|weight| (weight / total).max(1e-16).ln()).collect();
                let mean = logarithms.iter().sum::<f64>() / outputs as f64;
                logarithms.into_iter().map(|logarithm| logarithm - mean).collect()
            }
            Self::Logistic => vec![link(targets.mean().clamp(1e-16, 1.0 - 1e-16))],
            Self::Poisson => vec![link(targets.mean().max(1e-16))],
            Self::SquaredError => vec![targets.mean()],
        }
    }
}

/// Known answers: a class's code or a number for each row, with how much it counts.
pub(super) struct Targets {
    pub(super) values: Vec<f64>,
    pub(super) weights: Option<Vec<f32>>,
}

impl Targets {
    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]))
    }

    fn mean(&self) -> f64 {
        let total: f64 = (0..self.values.len()).map(|row| self.weight(row)).sum();
        self.values.iter().enumerate().map(|(row, value)| value * (self.weight(row) / total)).sum()
    }

    fn median(&self) -> f64 {
        let mut values: Vec<(f64, f64)> =
            self.values.iter().enumerate().map(|(row, value)| (*value, self.weight(row))).collect();
        weighted_median(&mut values)
    }
}

/// The value at which half of the weight is reached, midway to the next where it is reached exactly.
pub(super) fn weighted_median(values: &mut [(f64, f64)]) -> f64 {
    values.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mut reached = 0.0;
    for (position, (value, weight)) in values.iter().enumerate() {
        reached += weight;
        if 2.0 * reached > total {
            return *value;
        }
        if 2.0 * reached == total {
            let next = values[position + 1..].iter().find(|(_, weight)| *weight > 0.0);
            return next.map_or(*value, |(next, _)| value.midpoint(*next));
        }
    }
    0.0
}

/// First and second derivative of a row.
pub(super) type Pair = [f32; 2];

/// Rows being learnt, or measured on: targets and scores. Everything is row after row, with the outputs side by side.
pub(super) struct Scores {
    objective: Objective,
    outputs: usize,
    base: Vec<f32>,
    targets: Vec<f32>,
    weights: Option<Vec<f32>>,
    weight: f64,
    step: f32,
    scores: Vec<f32>,
    /// The leaf of the latest trees that each row came to.
    pub(super) leaves: Vec<AtomicU16>,
}

/// What a pass over the rows yields.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// The mean loss: log loss, root of the mean squared error, mean absolute error, mean negative log likelihood.
    pub(super) loss: f64,
    /// For each output the sums of absolute first derivatives and of second ones.
    pub(super) absolute: Vec<[f64; 2]>,
}

impl Scores {
    /// The scores as they stand, to be kept.
    pub(super) fn standing(&self) -> &[f32] {
        &self.scores
    }

    /// Takes up scores that were kept: as many as there are.
    pub(super) fn stand_at(&mut self, scores: Vec<f32>) {
        self.scores = scores;
    }

    /// Rows whose scores are the base.
    pub(super) fn new(objective: Objective, base: &[f64], targets: Targets, step: f64) -> Self {
        let Targets { values, weights } = targets;
        let rows = values.len();
        let outputs = base.len();
        let weight =
            weights.as_ref().map_or(rows as f64, |weights| weights.iter().map(|weight| f64::from(*weight)).sum());
        let shift = match objective {
            Objective::SquaredError | Objective::AbsoluteError => base.first().copied().unwrap_or(0.0),
            _ => 0.0,
        };
        let start = if shift == 0.0 { base.iter().map(|base| *base as f32).collect() } else { vec![0.0; outputs] };
        Self {
            objective,
            outputs,
            base: start,
            targets: values.into_iter().map(|value| (value - shift) as f32).collect(),
            weights,
            weight,
            step: step as f32,
            scores: vec![0.0; rows * outputs],
            leaves: (0..rows * outputs).map(|_| AtomicU16::new(0)).collect(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.targets.len()
    }

    /// Whether every target is a number in 32 bits.
    pub(super) fn is_finite(&self) -> bool {
        self.targets.iter().all(|target| target.is_finite())
    }

    /// What is still to be explained of a row: for absolute errors.
    pub(super) fn residual(&self, row: usize) -> (f64, f64) {
        let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]));
        (f64::from(self.targets[row]) - f64::from(self.scores[row]) - f64::from(self.base[0]), weight)
    }

    /// Adds the values of the latest trees' leaves, one list for each output, to the scores; works out the loss and, into `pairs`
    /// where it is not empty, the derivatives.
    pub(super) fn advance(&mut self, values: &[Vec<f32>], pairs: &mut [Pair]) -> Sums {
        let outputs = self.outputs;
        let length = BLOCK_ROWS * outputs;
        let context = Context { objective: self.objective, base: &self.base, step: self.step, values };
        let weights = self.weights.as_deref();
        let blocks: Vec<Sums> = if pairs.is_empty() {
            let blocks = self.scores.par_chunks_mut(length).zip(self.leaves.par_chunks(length));
            let blocks = blocks.zip(self.targets.par_chunks(BLOCK_ROWS)).enumerate();
            blocks
                .map(|(block, ((scores, leaves), targets))| {
                    let mut unused = vec![[0.0; 2]; scores.len()];
                    context.block(scores, leaves, targets, cut(weights, block), &mut unused)
                })
                .collect()
        } else {
            let blocks = self.scores.par_chunks_mut(length).zip(self.leaves.par_chunks(length));
            let blocks = blocks.zip(self.targets.par_chunks(BLOCK_ROWS)).zip(pairs.par_chunks_mut(length)).enumerate();
            blocks
                .map(|(block, (((scores, leaves), targets), pairs))| {
                    context.block(scores, leaves, targets, cut(weights, block), pairs)
                })
                .collect()
        };
        let mut sums = Sums { loss: 0.0, absolute: vec![[0.0; 2]; outputs] };
        for block in blocks {
            sums.loss += block.loss;
            for (sum, part) in sums.absolute.iter_mut().zip(block.absolute) {
                sum[0] += part[0];
                sum[1] += part[1];
            }
        }
        sums.loss /= self.weight;
        if self.objective == Objective::SquaredError {
            sums.loss = sums.loss.sqrt();
        }
        sums
    }
}

/// A block's part of the weights.
fn cut(weights: Option<&[f32]>, block: usize) -> Option<&[f32]> {
    weights.map(|weights| &weights[block * BLOCK_ROWS..weights.len().min((block + 1) * BLOCK_ROWS)])
}

struct Context<'a> {
    objective: Objective,
    base: &'a [f32],
    step: f32,
    values: &'a [Vec<f32>],
}

impl Context<'_> {
    fn block(
        &self,
        scores: &mut [f32],
        leaves: &[AtomicU16],
        targets: &[f32],
        weights: Option<&[f32]>,
        pairs: &mut [Pair],
    ) -> Sums {
        let outputs = self.base.len();
        if let [values] = self.values {
            for (score, leaf) in scores.iter_mut().zip(leaves) {
                *score += values[usize::from(leaf.load(Ordering::Relaxed))];
            }
        } else if !self.values.is_empty() {
            for (position, (score, leaf)) in scores.iter_mut().zip(leaves).enumerate() {
                *score += self.values[position % outputs][usize::from(leaf.load(Ordering::Relaxed))];
            }
        }
        let mut sums = Sums { loss: 0.0, absolute: vec![[0.0; 2]; outputs] };
        let mut losses = [0.0; STRIP];
        let strips = scores.chunks(STRIP * outputs).zip(targets.chunks(STRIP)).zip(pairs.chunks_mut(STRIP * outputs));
        for (strip, ((scores, targets), pairs)) in strips.enumerate() {
            let losses = &mut losses[..targets.len()];
            self.strip(scores, targets, pairs, losses);
            if let Some(weights) = weights {
                let weights = &weights[strip * STRIP..];
                for ((loss, weight), pairs) in losses.iter_mut().zip(weights).zip(pairs.chunks_mut(outputs)) {
                    *loss *= weight;
                    for pair in pairs {
                        *pair = [pair[0] * weight, pair[1] * weight];
                    }
                }
            }
            sums.loss += f64::from(total(losses.iter().copied()));
            if outputs == 1 {
                sums.absolute[0][0] += f64::from(total(pairs.iter().map(|pair| pair[0].abs())));
                sums.absolute[0][1] += f64::from(total(pairs.iter().map(|pair| pair[1])));
                continue;
            }
            for pairs in pairs.chunks(outputs) {
                for (sum, pair) in sums.absolute.iter_mut().zip(pairs) {
                    sum[0] += f64::from(pair[0].abs());
                    sum[1] += f64::from(pair[1]);
                }
            }
        }
        sums
    }

    /// Losses and derivatives of some rows, before they are weighted.
    #[inline]
    fn strip(&self, scores: &[f32], targets: &[f32], pairs: &mut [Pair], losses: &mut [f32]) {
        let base = self.base[0];
        let rows = scores.iter().zip(targets).zip(pairs.iter_mut().zip(losses.iter_mut()));
        match self.objective {
            Objective::Logistic => rows.for_each(|((score, target), (pair, loss))| {
                let score = base + score;
                let small = exp_negative(-score.abs());
                let part = 1.0 / (1.0 + small);
                let probability = if score >= 0.0 { part } else { small * part };
                *pair = [probability - target, (small * part * part).max(LEAST_CURVATURE)];
                *loss = score.max(0.0) - score * target + ln_1p_unit(small);
            }),
            Objective::SquaredError => rows.for_each(|((score, target), (pair, loss))| {
                let error = base + score - target;
                *pair = [error, 1.0];
                *loss = error * error;
            }),
            Objective::AbsoluteError => rows.for_each(|((score, target), (pair, loss))| {
                let error = base + score - target;
                let sign = f32::from(u8::from(error > 0.0)) - f32::from(u8::from(error < 0.0));
                *pair = [sign, 1.0];
                *loss = error.abs();
            }),
            Objective::Poisson => {
                let widening = exp(self.step);
                rows.for_each(|((score, target), (pair, loss))| {
                    let score = base + score;
                    let mean = exp(score);
                    *pair = [mean - target, mean * widening];
                    *loss = mean - target * score;
                });
            }
            Objective::Softmax => {
                let outputs = self.base.len();
                let rows = scores.chunks(outputs).zip(targets).zip(pairs.chunks_mut(outputs).zip(losses.iter_mut()));
                rows.for_each(|((scores, target), (pairs, loss))| self.classes(scores, *target as usize, pairs, loss));
            }
        }
    }

    /// One row of three classes or more.
    #[inline]
    fn classes(&self, scores: &[f32], target: usize, pairs: &mut [Pair], loss: &mut f32) {
        let score = |class: usize| scores[class] + self.base[class];
        let highest = (0..scores.len()).map(score).fold(f32::MIN, f32::max);
        let mut sum = 0.0;
        for (class, pair) in pairs.iter_mut().enumerate() {
            pair[0] = exp_negative(score(class) - highest);
            sum += pair[0];
        }
        *loss = sum.ln() + highest - score(target);
        for (class, pair) in pairs.iter_mut().enumerate() {
            let probability = pair[0] / sum;
            let first = if class == target { probability - 1.0 } else { probability };
            *pair = [first, (2.0 * probability * (1.0 - probability)).max(LEAST_CURVATURE)];
        }
    }
}

/// A sum in eight lanes, so that the compiler adds several numbers at once.
#[inline]
fn total(numbers: impl ExactSizeIterator<Item = f32>) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for (position, number) in numbers.enumerate() {
        lanes[position % 8] += number;
    }
    lanes.iter().sum()
}
