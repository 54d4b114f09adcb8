//! Deep Q-learning from recorded trajectories, with conservative regularisation: nothing is tried out while learning.
//!
//! `total_timesteps` batches are drawn with replacement from the recorded steps and learnt from (`values.rs`); every
//! `target_update_interval` of them the lagging network follows. Where an environment is given, observations are encoded as for it, and the
//! policy that comes out is tried there once, at the end; without one, observations are standardised by the recorded ones.
#![allow(clippy::indexing_slicing, reason = "rows drawn are rows of the trajectories")]

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::LossPoint;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, resumed};
use crate::error::Error;
use crate::random::Random;

use super::encoding::Encoding;
use super::environments::{ActionSpace, EnvironmentKind};
use super::monitor::streams;
use super::policy::{Actions, Policy};
use super::ppo::diverged;
use super::settings::ValueSettings;
use super::trajectories::Trajectories;
use super::values::{Learner, Transitions};

/// Points of the loss curve at most.
const CURVE_POINTS: u64 = 200;
/// Updates between two reports of progress.
const UPDATES_PER_REPORT: u64 = 100;

/// Where the training stands between two updates.
#[derive(Serialize, Deserialize)]
struct Learning {
    /// Updates so far.
    updates: u64,
    learner: Learner,
    /// Draws rows.
    order: Random,
    curve: Vec<LossPoint>,
    /// Of the losses since the last point of the curve: their sum and their number.
    losses: (f64, u32),
}

impl Learning {
    /// Whether what was read from a state can be what `begun` came to, by fewer than `total` updates with a point of
    /// the curve after each `stretch` of them.
    fn can_follow(&self, begun: &Self, total: u64, stretch: u64) -> bool {
        let (sum, count) = self.losses;
        self.updates < total
            && self.learner.can_follow(&begun.learner)
            && self.curve.len() as u64 == self.updates / stretch
            && self.curve.iter().all(|point| point.training.is_finite())
            && sum.is_finite()
            && u64::from(count) == self.updates % stretch
    }
}

/// Learns a policy; also gives the mean loss, stretch by stretch. With a checkpoint the training goes on from the last
/// update that was kept.
pub(super) fn learn(
    trajectories: &Trajectories<'_>,
    kind: Option<EnvironmentKind>,
    settings: &ValueSettings,
    updates: u64,
    seed: u64,
    checkpoint: Option<&Checkpoint>,
    control: &dyn Control,
) -> Result<(Policy, Vec<LossPoint>), Error> {
    let (encoding, actions) = shape(trajectories, kind)?;
    let mut weights = Random::new(seed, streams::WEIGHTS);
    let begun = Learning {
        updates: 0,
        learner: Learner::new(encoding.inputs(), actions.outputs(), settings, &mut weights),
        order: Random::new(seed, streams::ORDER),
        curve: Vec::new(),
        losses: (0.0, 0),
    };
    let mut batch = Transitions::default();
    let stretch = updates.div_ceil(CURVE_POINTS);
    let mut learning = resumed(checkpoint, control, begun, |kept, begun| kept.can_follow(begun, updates, stretch));
    for update in learning.updates + 1..=updates {
        if let Some(own) = checkpoint {
            own.keep(control, || &learning);
        }
        let Learning { updates: done, learner, order, curve, losses: (sum, count) } = &mut learning;
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        batch.clear();
        for _ in 0..settings.batch {
            let row = trajectories.rows[order.below(trajectories.rows.len())];
            encoding.encode(trajectories.observations.iter().map(|column| column[row]), &mut batch.inputs);
            encoding.encode(trajectories.next(row), &mut batch.next);
            batch.actions.push(trajectories.actions[row]);
            batch.rewards.push(trajectories.rewards[row]);
            batch.terminated.push(trajectories.terminated[row]);
        }
        learner.set_rate(settings.common.rate_at(update as f64 / updates as f64));
        *sum += f64::from(learner.update(&batch, settings));
        *count += 1;
        if update.is_multiple_of(settings.target_interval as u64) {
            learner.follow(settings.tau);
        }
        if update.is_multiple_of(stretch) || update == updates {
            if !learner.is_finite() {
                return Err(diverged());
            }
            let step = u32::try_from(update).unwrap_or(u32::MAX);
            curve.push(LossPoint { step, training: *sum / f64::from(*count), validation: None });
            (*sum, *count) = (0.0, 0);
        }
        *done = update;
        if update.is_multiple_of(UPDATES_PER_REPORT) {
            let loss = curve.last().map_or_else(String::new, |point| format!(", loss {:.4}", point.training));
            let message =
                format!("{update} of {updates} updates from {} recorded steps{loss}", trajectories.rows.len());
            control.report(update as f64, Some(updates as f64), &message);
        }
    }
    let Learning { learner, curve, .. } = learning;
    Ok((learner.policy(&encoding, &actions), curve))
}

/// How the network sees what was recorded, and what it chooses between.
fn shape(trajectories: &Trajectories<'_>, kind: Option<EnvironmentKind>) -> Result<(Encoding, Actions), Error> {
    if trajectories.rows.is_empty() {
        return Err(Error::Trajectories {
            problem: "no step has a next observation, and none terminates its episode".to_owned(),
            advice: "give episodes of two rows at least, or columns `next_observation_…`".to_owned(),
        });
    }
    let Some(kind) = kind else {
        let actions = Actions::Discrete { actions: trajectories.actions() as u32 };
        return Ok((Encoding::standardising(&trajectories.observations), actions));
    };
    let space = kind.observation_space();
    if space.size() != trajectories.observations.len() {
        return Err(Error::Trajectories {
            problem: format!(
                "they have {} columns `observation_…`; an observation of {} has {} numbers",
                trajectories.observations.len(),
                kind.id(),
                space.size()
            ),
            advice: "name the environment that they were recorded in, or none".to_owned(),
        });
    }
    match kind.action_space() {
        ActionSpace::Discrete { actions } if trajectories.actions() <= actions => {
            Ok((Encoding::of(&space), Actions::Discrete { actions: actions as u32 }))
        }
        ActionSpace::Discrete { actions } => Err(Error::Trajectories {
            problem: format!(
                "there is an action {}; {} knows 0 to {}",
                trajectories.actions() - 1,
                kind.id(),
                actions - 1
            ),
            advice: "name the environment that they were recorded in, or none".to_owned(),
        }),
        ActionSpace::Continuous { .. } => Err(super::continuous(kind)),
    }
}
