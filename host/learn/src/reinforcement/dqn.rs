//! Deep Q-learning (Mnih and others, 2015) with an environment: act, keep the steps in a buffer, learn from draws out of it.
//!
//! Time step by time step: with probability ε a random action, otherwise the best by the online network; ε falls linearly from
//! `exploration_initial_eps` to `exploration_final_eps` over the first `exploration_fraction` of the training. The step goes into a
//! ring of `buffer_size`. From `learning_starts` on, every `train_freq` steps, `gradient_steps` batches are drawn with
//! replacement and learnt from (`values.rs`). Every `target_update_interval` steps the lagging network follows. A truncated episode has
//! a future, so only a terminated one ends the returns.
#![allow(clippy::indexing_slicing, reason = "places in the ring are drawn below its length")]

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::ReinforcementTraining;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, are_finite};
use crate::error::Error;
use crate::packed;
use crate::random::Random;

use super::encoding::Encoding;
use super::environments::EnvironmentKind;
use super::monitor::{Monitor, streams};
use super::policy::{Actions, Policy};
use super::ppo::diverged;
use super::running::Running;
use super::settings::DqnSettings;
use super::values::{Learner, Transitions};

/// Time steps between two looks at whether it is time to keep a state.
const STEPS_BETWEEN_STATES: u64 = 64;

/// A ring of past steps. Observations are kept as the environment gives them, before encoding.
#[derive(Serialize, Deserialize)]
struct Buffer {
    capacity: usize,
    /// Where the next step goes once the ring is full.
    place: usize,
    #[serde(with = "packed")]
    observations: Vec<f32>,
    #[serde(with = "packed")]
    next: Vec<f32>,
    actions: Vec<u32>,
    #[serde(with = "packed")]
    rewards: Vec<f32>,
    terminated: Vec<bool>,
}

impl Buffer {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            place: 0,
            observations: Vec::new(),
            next: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            terminated: Vec::new(),
        }
    }

    /// Whether a ring read from a state can be what one of this capacity came to, by observations of `size` numbers and
    /// so many actions.
    fn fits(&self, capacity: usize, size: usize, actions: usize) -> bool {
        let steps = self.actions.len();
        self.capacity == capacity
            && steps <= capacity
            && self.place < capacity
            && self.observations.len() == steps * size
            && self.next.len() == steps * size
            && self.rewards.len() == steps
            && self.terminated.len() == steps
            && self.actions.iter().all(|action| (*action as usize) < actions)
            && are_finite(self.observations.iter().chain(&self.next).chain(&self.rewards))
    }

    fn push(&mut self, observation: &[f32], action: u32, reward: f32, next: &[f32], terminated: bool) {
        if self.actions.len() < self.capacity {
            self.observations.extend_from_slice(observation);
            self.next.extend_from_slice(next);
            self.actions.push(action);
            self.rewards.push(reward);
            self.terminated.push(terminated);
            return;
        }
        let (place, size) = (self.place, observation.len());
        self.observations[place * size..][..size].copy_from_slice(observation);
        self.next[place * size..][..size].copy_from_slice(next);
        self.actions[place] = action;
        self.rewards[place] = reward;
        self.terminated[place] = terminated;
        self.place = (place + 1) % self.capacity;
    }

    /// Draws rows with replacement.
    fn draw(&self, rows: usize, encoding: &Encoding, random: &mut Random, into: &mut Transitions) {
        let size = encoding.observation_size();
        into.clear();
        for _ in 0..rows {
            let place = random.below(self.actions.len());
            encoding.encode(self.observations[place * size..][..size].iter().copied(), &mut into.inputs);
            encoding.encode(self.next[place * size..][..size].iter().copied(), &mut into.next);
            into.actions.push(self.actions[place]);
            into.rewards.push(self.rewards[place]);
            into.terminated.push(self.terminated[place]);
        }
    }
}

/// Where the training stands between two time steps.
#[derive(Serialize, Deserialize)]
struct Learning {
    running: Running,
    learner: Learner,
    buffer: Buffer,
    /// Draws random actions, and when to take one.
    exploration: Random,
    /// Draws from the buffer.
    order: Random,
}

/// Learns a policy. With a checkpoint the training goes on from the last time step that was kept.
pub(super) fn learn(
    kind: EnvironmentKind,
    settings: &DqnSettings,
    (encoding, actions): (&Encoding, &Actions),
    seed: u64,
    checkpoint: Option<Checkpoint>,
    control: &dyn Control,
) -> Result<(Policy, ReinforcementTraining), Error> {
    let common = &settings.values.common;
    let mut weights = Random::new(seed, streams::WEIGHTS);
    let begun = Learning {
        running: Running::new(kind, seed, 0),
        learner: Learner::new(encoding.inputs(), actions.outputs(), &settings.values, &mut weights),
        buffer: Buffer::new(settings.buffer),
        exploration: Running::random(seed, 0),
        order: Random::new(seed, streams::ORDER),
    };
    let mut monitor = Monitor::new(kind, settings.timesteps, settings.trying, seed, checkpoint, control);
    let policy = begun.learner.policy(encoding, actions);
    let mut learning = monitor.resume(begun, &policy, |kept, begun| {
        kept.running.can_follow(&begun.running)
            && kept.learner.can_follow(&begun.learner)
            && kept.buffer.fits(settings.buffer, encoding.observation_size(), actions.outputs())
    });
    let (mut inputs, mut batch, mut before) = (Vec::new(), Transitions::default(), Vec::new());
    while !monitor.is_over() {
        if monitor.steps().is_multiple_of(STEPS_BETWEEN_STATES) {
            monitor.keep(&learning);
        }
        let Learning { running, learner, buffer, exploration, order } = &mut learning;
        let choice = if exploration.uniform() < epsilon(settings, monitor.share()) {
            exploration.below(actions.outputs()) as f32
        } else {
            inputs.clear();
            running.encode(encoding, &mut inputs);
            actions.greedy(learner.values(&inputs))
        };
        before.clear();
        before.extend_from_slice(running.observation());
        let outcome = running.step(actions.action(choice))?;
        buffer.push(&before, choice as u32, outcome.reward as f32, &outcome.observation, outcome.terminated);
        if let Some((reward, length)) = outcome.ended {
            monitor.ended(reward, length);
        }
        monitor.advance(1)?;
        let step = monitor.steps() as usize;
        if step > settings.learning_starts && step.is_multiple_of(settings.train_frequency) {
            learner.set_rate(common.rate_at(monitor.share()));
            for _ in 0..settings.gradient_steps {
                monitor.look()?;
                buffer.draw(settings.values.batch, encoding, order, &mut batch);
                learner.update(&batch, &settings.values);
            }
        }
        if step.is_multiple_of(settings.values.target_interval) {
            learner.follow(settings.values.tau);
            if !learner.is_finite() {
                return Err(diverged());
            }
        }
        if monitor.good_enough(|| learner.policy(encoding, actions))? {
            break;
        }
    }
    let learner = learning.learner;
    if !learner.is_finite() {
        return Err(diverged());
    }
    monitor.finish(|| learner.policy(encoding, actions))
}

/// The probability of a random action where this share of the training is over.
fn epsilon(settings: &DqnSettings, share: f64) -> f64 {
    let progress = if settings.exploration_share > 0.0 { (share / settings.exploration_share).min(1.0) } else { 1.0 };
    settings.first_epsilon + (settings.last_epsilon - settings.first_epsilon) * progress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_forgets_its_oldest_steps() {
        let mut buffer = Buffer::new(3);
        for step in 0..5_u32 {
            buffer.push(&[step as f32], step, step as f32, &[step as f32 + 0.5], step == 4);
        }
        assert_eq!(buffer.actions, [3, 4, 2]);
        assert_eq!(buffer.observations, [3.0, 4.0, 2.0]);
        assert_eq!(buffer.next, [3.5, 4.5, 2.5]);
        let mut batch = Transitions::default();
        let encoding = Encoding::Scaled { offsets: vec![0.0], factors: vec![1.0] };
        buffer.draw(50, &encoding, &mut Random::new(1, 0), &mut batch);
        for row in 0..50 {
            let action = batch.actions[row];
            assert!((2..5).contains(&action));
            assert_eq!((batch.inputs[row], batch.rewards[row]), (action as f32, action as f32));
            assert_eq!(batch.terminated[row], action == 4);
        }
    }
}
