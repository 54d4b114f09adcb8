//! Descent by mini-batches: what training a classifier, a regression and an autoencoder have in common.
//!
//! In order, for each epoch: the rows are shuffled and cut into batches of a size (each within a row of the others); each batch is
//! cut into pieces, which go forward and back side by side; the pieces' gradients are added in their order, with the penalty's;
//! the optimiser steps. Then the epoch's loss is judged: on rows held back where training stops early, else on the training rows.
//!
//! The number of pieces follows from the network and the batch, and dropout draws from a stream of each step and piece, so the
//! result does not depend on the number of threads.
#![allow(clippy::indexing_slicing, reason = "batches and pieces are cut from the order's length")]

use std::ops::Range;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::LossPoint;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::blocks::map_blocks;
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::random::Random;

use super::dense::{Dense, Workspace};
use super::loss::Examples;
use super::optimiser::{Optimiser, Solver};
use super::regularise::{Dropout, Normalisation, Regulariser};

/// Multiplications of a piece at least, one pass forward: less would not pay for handing it to a thread.
const SMALLEST_PIECE: usize = 250_000;
/// Rows of a piece at least.
const SMALLEST_PIECE_ROWS: usize = 32;
/// Pieces of a batch at most.
const MOST_PIECES: usize = 16;
/// Numbers in all pieces' gradients at most: 128 MiB. Larger networks split their matrix products instead.
const MOST_GRADIENT_NUMBERS: usize = 32 << 20;
/// Rows measured at once: their activations stay in the near cache.
const MEASURED_ROWS: usize = 512;
/// A mean loss beyond this is divergence: targets are standardised, so no network that learns anything comes near.
const LARGEST_LOSS: f64 = 1e6;
/// Steps between two reports.
const REPORT_EVERY: usize = 100;
/// Where an adaptive rate ends.
const SMALLEST_RATE: f32 = 1e-6;

/// The streams of a seed.
pub(super) const INITIAL_STREAM: u64 = 0;
pub(super) const SPLIT_STREAM: u64 = 1;
const ORDER_STREAM: u64 = 2;
/// And all above: one for each step and piece.
const DROPOUT_STREAM: u64 = 1 << 32;

/// How to descend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) solver: Solver,
    /// Whether the rate is divided by five where it would otherwise stop.
    pub(super) adaptive: bool,
    pub(super) epochs: usize,
    /// Rows of a batch at most.
    pub(super) batch: usize,
    /// What counts as progress.
    pub(super) tolerance: f64,
    /// Epochs without progress that end the descent.
    pub(super) patience: usize,
    /// Whether the rows held back decide the end, and which weights are kept.
    pub(super) early_stopping: bool,
    /// × ½ Σ weight² / rows of a batch is added to the mean loss.
    pub(super) penalty: f32,
    /// The share of activations that dropout drops.
    pub(super) dropout: f32,
    pub(super) batch_norm: bool,
}

/// What a descent came to.
pub(super) struct Descent {
    pub(super) network: Dense,
    pub(super) curve: Vec<LossPoint>,
    pub(super) end: End,
}

/// Why a descent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    NoProgress,
    OutOfEpochs,
}

/// Trains a network. `held` is measured after each epoch. With a checkpoint the descent goes on from the last epoch that was kept.
pub(super) fn descend(
    network: Dense,
    training: &Examples,
    held: Option<&Examples>,
    plan: &Plan,
    seed: u64,
    checkpoint: Option<&Checkpoint>,
    control: &dyn Control,
) -> Result<Descent, Error> {
    Descending::new(network, training, plan, seed).run(held, checkpoint, control)
}

/// Where a descent stood after an epoch.
#[derive(Serialize, Deserialize)]
struct State {
    epochs: usize,
    network: Dense,
    optimiser: Optimiser,
    second: Option<Optimiser>,
    normalisation: Option<Normalisation>,
    rate: f32,
    steps: u64,
    curve: Vec<LossPoint>,
    best: (f64, Option<Dense>),
    without_progress: usize,
}

impl State {
    /// Whether the state is one that this descent can have stood at.
    fn fits(&self, begun: &Descending<'_>) -> bool {
        fn both<T>(kept: Option<&T>, begun: Option<&T>, can_follow: impl Fn(&T, &T) -> bool) -> bool {
            match (kept, begun) {
                (Some(kept), Some(begun)) => can_follow(kept, begun),
                (None, None) => true,
                _ => false,
            }
        }
        let plan = begun.plan;
        let normalisation = begun.pieces.first().and_then(|piece| piece.regulariser.normalisation.as_ref());
        let best_fits = match &self.best {
            (loss, Some(network)) => plan.early_stopping && loss.is_finite() && network.can_follow(&begun.network),
            (loss, None) => !plan.early_stopping && loss.is_finite(),
        };
        (1..plan.epochs).contains(&self.epochs)
            && self.network.can_follow(&begun.network)
            && self.optimiser.can_follow(&begun.optimiser)
            && both(self.second.as_ref(), begun.second.as_ref(), Optimiser::can_follow)
            && both(self.normalisation.as_ref(), normalisation, Normalisation::can_follow)
            && best_fits
            && self.rate.is_finite()
            && self.steps == (self.epochs * begun.batches) as u64
            && self.curve.len() == self.epochs
            && self.without_progress < plan.patience
    }
}

struct Descending<'a> {
    network: Dense,
    training: &'a Examples,
    plan: &'a Plan,
    seed: u64,
    order: Vec<u32>,
    batches: usize,
    pieces: Vec<Piece>,
    optimiser: Optimiser,
    /// For what normalisation learns.
    second: Option<Optimiser>,
    rate: f32,
    steps: u64,
}

/// A part of a batch at work.
#[derive(Default)]
struct Piece {
    inputs: Vec<f32>,
    slopes: Vec<f32>,
    gradient: Vec<f32>,
    workspace: Workspace,
    regulariser: Regulariser,
    loss: f64,
}

impl<'a> Descending<'a> {
    fn new(network: Dense, training: &'a Examples, plan: &'a Plan, seed: u64) -> Self {
        let rows = training.rows();
        let batches = rows.div_ceil(plan.batch.max(1));
        // One row has no variance to be divided by.
        let batches = if plan.batch_norm { batches.min(rows / 2) } else { batches }.max(1);
        let batch = rows.div_ceil(batches);
        let weights: usize = network.layers().iter().map(|layer| layer.weights.len()).sum();
        let pieces = if plan.batch_norm {
            1
        } else {
            let by_work = batch.saturating_mul(weights) / SMALLEST_PIECE;
            let by_memory = MOST_GRADIENT_NUMBERS / network.parameters().len().max(1);
            by_work.min(batch / SMALLEST_PIECE_ROWS).min(by_memory).clamp(1, MOST_PIECES)
        };
        let hidden = network.layers().len().saturating_sub(1);
        let normalisation = plan.batch_norm.then(|| Normalisation::new(&network));
        let regulariser = Regulariser {
            dropout: (plan.dropout > 0.0).then(|| Dropout::new(plan.dropout, hidden)),
            normalisation: normalisation.clone(),
        };
        let count = network.parameters().len();
        Self {
            training,
            plan,
            seed,
            order: (0..rows as u32).collect(),
            batches,
            pieces: (0..pieces)
                .map(|_| Piece { gradient: vec![0.0; count], regulariser: regulariser.clone(), ..Piece::default() })
                .collect(),
            optimiser: Optimiser::new(plan.solver, count),
            second: normalisation.map(|mut own| Optimiser::new(plan.solver, own.parameters_and_gradient().0.len())),
            rate: plan.solver.rate(),
            steps: 0,
            network,
        }
    }

    fn run(
        mut self,
        held: Option<&Examples>,
        checkpoint: Option<&Checkpoint>,
        control: &dyn Control,
    ) -> Result<Descent, Error> {
        let mut random = Random::new(self.seed, ORDER_STREAM);
        let mut curve = Vec::new();
        let mut best = (f64::INFINITY, None);
        let mut without_progress = 0;
        let mut end = End::OutOfEpochs;
        let kept = checkpoint.and_then(|own| own.kept::<State>(control));
        let mut first = 0;
        // Whoever may write to the store may have written this.
        if let Some(kept) = kept.filter(|kept| kept.fits(&self)) {
            first = kept.epochs;
            // The order of an epoch follows from those before it.
            (0..first).for_each(|_| random.shuffle(&mut self.order));
            (curve, best, without_progress) = (kept.curve, kept.best, kept.without_progress);
            (self.network, self.optimiser, self.second) = (kept.network, kept.optimiser, kept.second);
            (self.rate, self.steps) = (kept.rate, kept.steps);
            if let Some(piece) = self.pieces.first_mut() {
                piece.regulariser.normalisation = kept.normalisation;
            }
        }
        for epoch in first..self.plan.epochs {
            if let Some(own) = checkpoint
                && epoch > first
            {
                let state = State {
                    epochs: epoch,
                    network: self.network,
                    optimiser: self.optimiser,
                    second: self.second,
                    normalisation: self.pieces.first().and_then(|piece| piece.regulariser.normalisation.clone()),
                    rate: self.rate,
                    steps: self.steps,
                    curve,
                    best,
                    without_progress,
                };
                own.keep(control, || &state);
                // Lent for the while: a state may be large.
                (self.network, self.optimiser, self.second) = (state.network, state.optimiser, state.second);
                (curve, best) = (state.curve, state.best);
            }
            random.shuffle(&mut self.order);
            let loss = self.epoch(epoch, control)?;
            let as_it_predicts = self.folded();
            let network = as_it_predicts.as_ref().unwrap_or(&self.network);
            let validation = held.and_then(|held| mean_loss(network, held));
            let judged = if self.plan.early_stopping { validation.unwrap_or(loss) } else { loss };
            if !judged.is_finite() {
                return Err(diverged(epoch));
            }
            curve.push(LossPoint { step: epoch as u32 + 1, training: loss, validation });
            without_progress = if judged > best.0 - self.plan.tolerance { without_progress + 1 } else { 0 };
            if judged < best.0 {
                best = (judged, self.plan.early_stopping.then(|| network.clone()));
            }
            if without_progress >= self.plan.patience {
                if !self.plan.adaptive || self.rate <= SMALLEST_RATE {
                    end = End::NoProgress;
                    break;
                }
                without_progress = 0;
                self.rate /= 5.0;
                self.optimiser.set_rate(self.rate);
                if let Some(second) = &mut self.second {
                    second.set_rate(self.rate);
                }
            }
        }
        let network = best.1.or_else(|| self.folded()).unwrap_or(self.network);
        network.check().map_err(|_| diverged(curve.len().saturating_sub(1)))?;
        Ok(Descent { network, curve, end })
    }

    /// The network as it predicts, where that is not as it learns.
    fn folded(&self) -> Option<Dense> {
        let normalisation = self.pieces.first()?.regulariser.normalisation.as_ref()?;
        Some(normalisation.folded(&self.network))
    }

    /// One pass over all rows; the mean loss on the way, with the penalty at its end.
    fn epoch(&mut self, epoch: usize, control: &dyn Control) -> Result<f64, Error> {
        let rows = self.order.len();
        let mut total = 0.0;
        for batch in 0..self.batches {
            if control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if batch % REPORT_EVERY == 0 {
                let done = epoch as f64 + batch as f64 / self.batches as f64;
                control.report(done, Some(self.plan.epochs as f64), "training the network");
            }
            total += self.step(part(rows, batch, self.batches));
        }
        let mean = total / rows as f64;
        if mean.is_nan() || mean > LARGEST_LOSS {
            return Err(diverged(epoch));
        }
        let squares: f64 = if self.plan.penalty > 0.0 {
            let parameters = self.network.parameters();
            let layers = self.network.layers();
            layers.iter().flat_map(|layer| &parameters[layer.weights.clone()]).map(|w| f64::from(w * w)).sum()
        } else {
            0.0
        };
        Ok(mean + 0.5 * f64::from(self.plan.penalty) * squares * self.batches as f64 / rows as f64)
    }

    /// One step on a stretch of the order; the sum of its rows' losses.
    fn step(&mut self, batch: Range<usize>) -> f64 {
        let (network, training, order) = (&self.network, self.training, &self.order[batch.clone()]);
        let (count, seed, steps) = (self.pieces.len(), self.seed, self.steps);
        let work = |(number, piece): (usize, &mut Piece)| {
            if let Some(dropout) = &mut piece.regulariser.dropout {
                let stream = DROPOUT_STREAM + steps * count as u64 + number as u64;
                dropout.reseed(Random::new(seed, stream));
            }
            piece.pass(network, training, &order[part(order.len(), number, count)], 1.0 / order.len() as f32);
        };
        match self.pieces.as_mut_slice() {
            [piece] => work((0, piece)),
            pieces => pieces.par_iter_mut().with_max_len(1).enumerate().for_each(work),
        }
        self.steps += 1;
        let Some((first, others)) = self.pieces.split_first_mut() else { return 0.0 };
        let mut loss = first.loss;
        for other in others {
            loss += other.loss;
            for (sum, slope) in first.gradient.iter_mut().zip(&other.gradient) {
                *sum += slope;
            }
        }
        if self.plan.penalty > 0.0 {
            let share = self.plan.penalty / batch.len().max(1) as f32;
            for layer in self.network.layers() {
                let weights = &self.network.parameters()[layer.weights.clone()];
                first.gradient[layer.weights]
                    .iter_mut()
                    .zip(weights)
                    .for_each(|(slope, weight)| *slope += share * weight);
            }
        }
        self.optimiser.step(self.network.parameters_mut(), &first.gradient);
        if let (Some(second), Some(own)) = (&mut self.second, &mut first.regulariser.normalisation) {
            let (parameters, gradient) = own.parameters_and_gradient();
            second.step(parameters, gradient);
        }
        loss
    }
}

impl Piece {
    /// Forward and back over some rows, listed; `share` is one over the rows of the batch.
    fn pass(&mut self, network: &Dense, training: &Examples, rows: &[u32], share: f32) {
        self.inputs.clear();
        for row in rows {
            self.inputs.extend_from_slice(training.row(*row as usize));
        }
        let outputs = network.forward_with(&self.inputs, &mut self.workspace, &mut self.regulariser);
        self.slopes.resize(outputs.len(), 0.0);
        self.loss = training.loss(rows.iter().map(|row| *row as usize), outputs, share, Some(&mut self.slopes));
        self.gradient.fill(0.0);
        network.backward_with(&mut self.workspace, &self.slopes, &mut self.gradient, &mut self.regulariser);
    }
}

/// Stretch number `number` of `count` even ones.
fn part(length: usize, number: usize, count: usize) -> Range<usize> {
    length * number / count..length * (number + 1) / count
}

/// The mean loss on rows, without penalty; none where there are none.
pub(super) fn mean_loss(network: &Dense, examples: &Examples) -> Option<f64> {
    let rows = examples.rows();
    let losses = map_blocks(rows, |block| {
        let mut workspace = Workspace::default();
        let mut total = 0.0;
        for start in block.clone().step_by(MEASURED_ROWS) {
            let rows = start..block.end.min(start + MEASURED_ROWS);
            let inputs = &examples.inputs[rows.start * examples.width..rows.end * examples.width];
            let outputs = network.forward(inputs, &mut workspace);
            total += examples.loss(rows, outputs, 0.0, None);
        }
        total
    });
    (rows > 0).then(|| losses.into_iter().sum::<f64>() / rows as f64)
}

fn diverged(epoch: usize) -> Error {
    Error::Diverged {
        step: epoch + 1,
        what: "the loss or a weight is no finite number, or a very large one".to_owned(),
    }
}
