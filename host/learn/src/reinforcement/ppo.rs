//! Proximal policy optimisation (Schulman and others, 2017), with the details of Stable-Baselines3.
//!
//! Round by round: `n_envs` copies of the environment take `n_steps` steps side by side by the policy as it is; advantages follow by
//! GAE; then `n_epochs` passes over these n_envs × n_steps rows in shuffled mini-batches, each an Adam step against the clipped loss
//! (`actor_critic.rs`). Advantages are normalised in each mini-batch. A truncated episode's last reward gets γ × the value of the state it stopped
//! at, because that state has a future. Training may overshoot `total_timesteps` by less than one round.
#![allow(
    clippy::indexing_slicing,
    reason = "a round's rows are laid out copy after copy, each of n_steps, by the loop that reads them"
)]

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::ReinforcementTraining;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::neural::adam::AdamSettings;
use crate::random::Random;

use super::actor_critic::{ActorCritic, Batch, Choice, Gradient, Room, Weighing, advantages};
use super::encoding::Encoding;
use super::environments::EnvironmentKind;
use super::monitor::{Monitor, streams};
use super::optimiser::Optimiser;
use super::policy::{Actions, Policy};
use super::running::Copies;
use super::settings::{Gathering, PpoSettings};

/// Adam's epsilon as Stable-Baselines3 sets it for actor and critic.
pub(super) const EPSILON: f32 = 1e-5;
/// What keeps the quotient finite where advantages are normalised.
const SMALLEST_DEVIATION: f32 = 1e-8;

/// The steps that copies of an environment bring.
pub(super) struct Round<'a> {
    encoding: &'a Encoding,
    actions: &'a Actions,
    gathering: &'a Gathering,
    gamma: f32,
    now: Vec<f32>,
    choices: Vec<Choice>,
    values_now: Vec<f32>,
    rewards: Vec<f32>,
    values: Vec<f32>,
    ends: Vec<bool>,
    /// The episodes that ended in the round: return and length.
    pub(super) ended: Vec<(f64, u64)>,
    /// The rows of the round, copy after copy.
    pub(super) batch: Batch,
}

impl<'a> Round<'a> {
    /// Room for the steps of so many copies.
    pub(super) fn new(
        (encoding, actions): (&'a Encoding, &'a Actions),
        gathering: &'a Gathering,
        gamma: f32,
        copies: usize,
    ) -> Self {
        let rows = copies * gathering.steps;
        Self {
            encoding,
            actions,
            gathering,
            gamma,
            now: Vec::new(),
            choices: Vec::new(),
            values_now: Vec::new(),
            rewards: vec![0.0; rows],
            values: vec![0.0; rows],
            ends: vec![false; rows],
            ended: Vec::new(),
            batch: Batch {
                inputs: vec![0.0; rows * encoding.inputs()],
                choices: vec![0.0; rows],
                log_probabilities: vec![0.0; rows],
                advantages: vec![0.0; rows],
                returns: vec![0.0; rows],
            },
        }
    }

    /// Takes `n_steps` steps in every copy, and works out advantages and returns. `look` is asked at every step whether to go on.
    pub(super) fn gather(
        &mut self,
        copies: &mut Copies,
        network: &ActorCritic,
        room: &mut Room,
        look: impl Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (steps, width) = (self.gathering.steps, self.encoding.inputs());
        self.ended.clear();
        for step in 0..steps {
            look()?;
            self.see(copies);
            network.choose(&self.now, &mut copies.randoms, room, &mut self.choices, &mut self.values_now);
            for (position, copy) in copies.running.iter_mut().enumerate() {
                let row = position * steps + step;
                let Choice { choice, log_probability } = self.choices[position];
                self.batch.inputs[row * width..][..width].copy_from_slice(&self.now[position * width..][..width]);
                self.batch.choices[row] = choice;
                self.batch.log_probabilities[row] = log_probability;
                self.values[row] = self.values_now[position];
                let outcome = copy.step(self.actions.action(choice))?;
                let mut reward = outcome.reward as f32;
                if outcome.ended.is_some() && !outcome.terminated {
                    let (mut inputs, mut value) = (Vec::with_capacity(width), Vec::new());
                    self.encoding.encode(outcome.observation.iter().copied(), &mut inputs);
                    network.values(&inputs, room, &mut value);
                    reward += self.gamma * value.first().copied().unwrap_or(0.0);
                }
                self.rewards[row] = reward;
                self.ends[row] = outcome.ended.is_some();
                self.ended.extend(outcome.ended);
            }
        }
        self.see(copies);
        network.values(&self.now, room, &mut self.values_now);
        for position in 0..copies.running.len() {
            let rows = position * steps..(position + 1) * steps;
            advantages(
                &self.rewards[rows.clone()],
                &self.values[rows.clone()],
                &self.ends[rows.clone()],
                self.values_now[position],
                self.gamma,
                self.gathering.lambda,
                &mut self.batch.advantages[rows.clone()],
            );
            for row in rows {
                self.batch.returns[row] = self.batch.advantages[row] + self.values[row];
            }
        }
        Ok(())
    }

    /// What every copy sees, as inputs.
    fn see(&mut self, copies: &Copies) {
        self.now.clear();
        for copy in &copies.running {
            copy.encode(self.encoding, &mut self.now);
        }
    }
}

/// Mean 0 and deviation 1; a single entry is left alone.
pub(super) fn normalise(advantages: &mut [f32]) {
    if advantages.len() < 2 {
        return;
    }
    let count = advantages.len() as f32;
    let mean = advantages.iter().sum::<f32>() / count;
    let square = advantages.iter().map(|advantage| (advantage - mean).powi(2)).sum::<f32>() / (count - 1.0);
    let factor = (square.sqrt() + SMALLEST_DEVIATION).recip();
    advantages.iter_mut().for_each(|advantage| *advantage = (*advantage - mean) * factor);
}

/// Some rows of a batch, in the order given.
fn take(batch: &Batch, rows: &[usize], width: usize, into: &mut Batch) {
    into.inputs.clear();
    for row in rows {
        into.inputs.extend_from_slice(&batch.inputs[row * width..][..width]);
    }
    for (from, into) in [
        (&batch.choices, &mut into.choices),
        (&batch.log_probabilities, &mut into.log_probabilities),
        (&batch.advantages, &mut into.advantages),
        (&batch.returns, &mut into.returns),
    ] {
        into.clear();
        into.extend(rows.iter().map(|row| from[*row]));
    }
}

/// Where the training stands between two rounds.
#[derive(Serialize, Deserialize)]
struct Learning {
    copies: Copies,
    network: ActorCritic,
    optimiser: Optimiser,
    /// Shuffles the rows.
    order: Random,
    /// The rows of a round, as they were shuffled last.
    rows: Vec<usize>,
}

impl Learning {
    /// Whether what was read from a state can be what `begun` came to.
    fn can_follow(&self, begun: &Self) -> bool {
        self.copies.can_follow(&begun.copies)
            && self.network.can_follow(&begun.network)
            && self.optimiser.can_follow(&begun.optimiser)
            && self.rows.len() == begun.rows.len()
            && self.rows.iter().all(|row| *row < begun.rows.len())
    }
}

/// Learns a policy. With a checkpoint the training goes on from the last round that was kept.
pub(super) fn learn(
    kind: EnvironmentKind,
    settings: &PpoSettings,
    (encoding, actions): (&Encoding, &Actions),
    seed: u64,
    checkpoint: Option<Checkpoint>,
    control: &dyn Control,
) -> Result<(Policy, ReinforcementTraining), Error> {
    let PpoSettings { common, gathering, .. } = settings;
    let mut weights = Random::new(seed, streams::WEIGHTS);
    let network = ActorCritic::new(
        encoding.inputs(),
        actions,
        &common.layers,
        common.activation,
        gathering.log_deviation,
        &mut weights,
    );
    let adam = AdamSettings { rate: common.rate, epsilon: EPSILON, ..AdamSettings::default() };
    let begun = Learning {
        copies: Copies::new(kind, seed, 0..gathering.environments),
        optimiser: Optimiser::new(&network, adam, common.largest_norm),
        network,
        order: Random::new(seed, streams::ORDER),
        rows: (0..gathering.environments * gathering.steps).collect(),
    };
    let mut monitor = Monitor::new(kind, settings.timesteps, settings.trying, seed, checkpoint, control);
    let policy = begun.network.policy(encoding, actions);
    let mut learning = monitor.resume(begun, &policy, Learning::can_follow);
    let mut round = Round::new((encoding, actions), gathering, common.gamma, gathering.environments);
    let (mut room, mut gradient, mut batch) = (Room::default(), Gradient::default(), Batch::default());
    let weighing = Weighing { clip: Some(settings.clip), entropy: gathering.entropy, value: gathering.value };
    while !monitor.is_over() {
        monitor.keep(&learning);
        let Learning { copies, network, optimiser, order, rows } = &mut learning;
        optimiser.set_rate(common.rate_at(monitor.share()));
        round.gather(copies, network, &mut room, || monitor.look())?;
        for (reward, length) in &round.ended {
            monitor.ended(*reward, *length);
        }
        for _ in 0..settings.epochs {
            order.shuffle(rows);
            for rows in rows.chunks(settings.batch) {
                monitor.look()?;
                take(&round.batch, rows, encoding.inputs(), &mut batch);
                if settings.normalise {
                    normalise(&mut batch.advantages);
                }
                network.gradient(&batch, weighing, true, &mut room, &mut gradient);
                optimiser.step(network, &mut gradient);
            }
        }
        if !network.is_finite() {
            return Err(diverged());
        }
        monitor.advance(rows.len() as u64)?;
        if monitor.good_enough(|| network.policy(encoding, actions))? {
            break;
        }
    }
    monitor.finish(|| learning.network.policy(encoding, actions))
}

/// Parameters that are no numbers any more.
pub(super) fn diverged() -> Error {
    Error::Numerical { what: "the training diverged: choose a smaller `learning_rate`".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_advantages_have_mean_zero_and_deviation_one() {
        let mut advantages = [3.0, -1.0, 4.0, 1.5, -9.0];
        normalise(&mut advantages);
        let square: f32 = advantages.iter().map(|advantage| advantage * advantage).sum();
        assert!(advantages.iter().sum::<f32>().abs() < 1e-5 && (square / 4.0 - 1.0).abs() < 1e-5);
        let mut alone = [3.0];
        normalise(&mut alone);
        assert_eq!(alone, [3.0]);
    }
}
