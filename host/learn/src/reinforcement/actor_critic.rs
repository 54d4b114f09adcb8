//! Actor and critic: one network that draws actions, one that tells the return to be expected; and the gradient of their loss, which
//! `ppo` and `a3c` share.
//!
//! The loss of a batch is the mean over its rows of
//!
//! ```text
//! −A·ρ  −  ent_coef · H(π(s))  +  vf_coef · (V(s) − R)²
//! ```
//!
//! with the advantage A, the return R, the entropy H, and ρ = π(a|s) / π₀(a|s), where π₀ is the policy that acted. With clipping
//! (Schulman and others, 2017) a row gives the actor no gradient where ρ has gone past 1 ± clip in the direction in which A
//! pushes it. Where π₀ is π itself, as for `a3c`, ρ is 1 and its gradient that of log π: the plain policy gradient.
#![allow(clippy::indexing_slicing, reason = "rows of a batch are cut by the network's own number of outputs")]

use serde::{Deserialize, Serialize};

use crate::neural::activation::Activation;
use crate::neural::dense::{Dense, Workspace};
use crate::random::Random;

use super::distribution::{draw, log_normal, softmax_into};
use super::encoding::Encoding;
use super::policy::{Actions, Outputs, Policy};

/// What the last layer of an actor is multiplied by at the start, so that all actions are about equally likely.
const ACTOR_START: f32 = 0.01;

/// An actor with its critic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ActorCritic {
    pub(super) actor: Dense,
    pub(super) critic: Dense,
    /// Continuous actions: the logarithm of the deviation around the actor's mean, the same in every state, in half widths of
    /// the range.
    pub(super) log_deviation: f32,
    pub(super) continuous: bool,
}

/// A drawn choice, in the actor's own terms: a position, or a number in half widths of the range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) choice: f32,
    pub(super) log_probability: f32,
}

/// Steps to learn from: a row each.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) inputs: Vec<f32>,
    pub(super) choices: Vec<f32>,
    /// By the policy that acted.
    pub(super) log_probabilities: Vec<f32>,
    pub(super) advantages: Vec<f32>,
    pub(super) returns: Vec<f32>,
}

/// How the parts of the loss are weighed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighing {
    pub(super) clip: Option<f32>,
    pub(super) entropy: f32,
    pub(super) value: f32,
}

/// The gradient of the loss.
#[derive(Clone, Debug, Default)]
pub(super) struct Gradient {
    pub(super) actor: Vec<f32>,
    pub(super) critic: Vec<f32>,
    pub(super) log_deviation: f32,
}

/// Room to work in.
#[derive(Debug, Default)]
pub(super) struct Room {
    actor: Workspace,
    critic: Workspace,
    actor_slopes: Vec<f32>,
    critic_slopes: Vec<f32>,
    shares: Vec<f32>,
}

impl ActorCritic {
    pub(super) fn new(
        inputs: usize,
        actions: &Actions,
        hidden: &[usize],
        activation: Activation,
        log_deviation: f32,
        random: &mut Random,
    ) -> Self {
        let sizes = |outputs: usize| -> Vec<usize> {
            std::iter::once(inputs).chain(hidden.iter().copied()).chain(std::iter::once(outputs)).collect()
        };
        let mut actor = Dense::new(&sizes(actions.outputs()), activation, Activation::Identity, random).widened();
        let critic = Dense::new(&sizes(1), activation, Activation::Identity, random).widened();
        if let Some(last) = actor.layers().last() {
            actor.parameters_mut()[last.weights.clone()].iter_mut().for_each(|weight| *weight *= ACTOR_START);
        }
        Self { actor, critic, log_deviation, continuous: matches!(actions, Actions::Continuous { .. }) }
    }

    /// Draws a choice for each row, into `choices`, and the values of the rows, into `values`.
    pub(super) fn choose(
        &self,
        inputs: &[f32],
        randoms: &mut [Random],
        room: &mut Room,
        choices: &mut Vec<Choice>,
        values: &mut Vec<f32>,
    ) {
        choices.clear();
        let outputs = self.actor.forward(inputs, &mut room.actor);
        for (row, random) in outputs.chunks_exact(self.actor.outputs()).zip(randoms) {
            choices.push(if self.continuous {
                let choice = row[0] + self.log_deviation.exp() * random.normal() as f32;
                Choice { choice, log_probability: log_normal(choice, row[0], self.log_deviation) }
            } else {
                let total = softmax_into(row, &mut room.shares);
                let position = draw(&room.shares, random);
                Choice { choice: position as f32, log_probability: row[position] - total }
            });
        }
        self.values(inputs, room, values);
    }

    /// The critic's values of rows, into `values`.
    pub(super) fn values(&self, inputs: &[f32], room: &mut Room, values: &mut Vec<f32>) {
        values.clear();
        values.extend_from_slice(self.critic.forward(inputs, &mut room.critic));
    }

    /// The gradient of the batch's loss, into `gradient`. Actor and critic go side by side where `parallel` says so.
    pub(super) fn gradient(
        &self,
        batch: &Batch,
        weighing: Weighing,
        parallel: bool,
        room: &mut Room,
        gradient: &mut Gradient,
    ) {
        gradient.actor.clear();
        gradient.actor.resize(self.actor.parameters().len(), 0.0);
        gradient.critic.clear();
        gradient.critic.resize(self.critic.parameters().len(), 0.0);
        gradient.log_deviation = 0.0;
        let Gradient { actor: of_actor, critic: of_critic, log_deviation } = gradient;
        let Room { actor, critic, actor_slopes, critic_slopes, shares } = room;
        let mut actor_work = || {
            let outputs = self.actor.forward(&batch.inputs, actor);
            actor_slopes.clear();
            *log_deviation = if self.continuous {
                self.normal_slopes(outputs, batch, weighing, actor_slopes)
            } else {
                categorical_slopes(outputs, self.actor.outputs(), batch, weighing, shares, actor_slopes);
                0.0
            };
            self.actor.backward(actor, actor_slopes, of_actor);
        };
        let mut critic_work = || {
            let values = self.critic.forward(&batch.inputs, critic);
            let factor = 2.0 * weighing.value / batch.returns.len().max(1) as f32;
            critic_slopes.clear();
            critic_slopes.extend(values.iter().zip(&batch.returns).map(|(value, target)| factor * (value - target)));
            self.critic.backward(critic, critic_slopes, of_critic);
        };
        if parallel {
            rayon::join(actor_work, critic_work);
        } else {
            actor_work();
            critic_work();
        }
    }

    /// Derivatives of the actor's loss by the means, into `slopes`; gives the derivative by the logarithm of the deviation.
    fn normal_slopes(&self, means: &[f32], batch: &Batch, weighing: Weighing, slopes: &mut Vec<f32>) -> f32 {
        let share = 1.0 / batch.choices.len().max(1) as f32;
        let variance = (2.0 * self.log_deviation).exp();
        let mut of_deviation = 0.0;
        let rows = batch.choices.iter().zip(&batch.log_probabilities).zip(&batch.advantages);
        for (mean, ((choice, before), advantage)) in means.iter().zip(rows) {
            let ratio = (log_normal(*choice, *mean, self.log_deviation) - before).exp();
            let push = share * pushed(ratio, *advantage, weighing.clip);
            let distance = choice - mean;
            slopes.push(push * distance / variance);
            of_deviation += push * (distance * distance / variance - 1.0);
        }
        // The entropy of the normal distribution is log σ and a constant.
        of_deviation - weighing.entropy
    }

    /// The greedy policy of the actor.
    pub(super) fn policy(&self, encoding: &Encoding, actions: &Actions) -> Policy {
        Policy {
            encoding: encoding.clone(),
            actions: actions.clone(),
            outputs: Outputs::Policy,
            network: self.actor.clone(),
        }
    }

    /// Whether networks read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        self.actor.can_follow(&begun.actor)
            && self.critic.can_follow(&begun.critic)
            && self.log_deviation.is_finite()
            && self.continuous == begun.continuous
    }

    /// Whether every parameter is a finite number.
    pub(super) fn is_finite(&self) -> bool {
        self.log_deviation.is_finite()
            && self.actor.parameters().iter().chain(self.critic.parameters()).all(|parameter| parameter.is_finite())
    }
}

/// Derivatives of the actor's loss by the logits, into `slopes`.
///
/// ∂ log π(a) / ∂ zⱼ = [j = a] − πⱼ, and ∂ H / ∂ zⱼ = −πⱼ (log πⱼ + H).
fn categorical_slopes(
    logits: &[f32],
    actions: usize,
    batch: &Batch,
    weighing: Weighing,
    shares: &mut Vec<f32>,
    slopes: &mut Vec<f32>,
) {
    let share = 1.0 / batch.choices.len().max(1) as f32;
    let rows = batch.choices.iter().zip(&batch.log_probabilities).zip(&batch.advantages);
    for (logits, ((choice, before), advantage)) in logits.chunks_exact(actions).zip(rows) {
        let total = softmax_into(logits, shares);
        let choice = *choice as usize;
        let ratio = (logits[choice] - total - before).exp();
        let push = share * pushed(ratio, *advantage, weighing.clip);
        let entropy: f32 = logits.iter().zip(shares.iter()).map(|(logit, share)| share * (total - logit)).sum();
        for (position, (logit, probability)) in logits.iter().zip(shares.iter()).enumerate() {
            let chosen = f32::from(u8::from(position == choice));
            let of_entropy = -probability * (logit - total + entropy);
            slopes.push(push * (chosen - probability) - share * weighing.entropy * of_entropy);
        }
    }
}

/// The derivative of a row's −A·ρ by log π(a|s): −A·ρ itself, or 0 where the clipping holds it.
fn pushed(ratio: f32, advantage: f32, clip: Option<f32>) -> f32 {
    let held = clip.is_some_and(|clip| if advantage > 0.0 { ratio > 1.0 + clip } else { ratio < 1.0 - clip });
    if held { 0.0 } else { -advantage * ratio }
}

/// Generalised advantages (Schulman and others, 2016) of one actor's steps in order, into `advantages`; `next` is the value of
/// the state after the last. A step that ends its episode gets nothing from the steps after it.
pub(super) fn advantages(
    rewards: &[f32],
    values: &[f32],
    ends: &[bool],
    next: f32,
    gamma: f32,
    lambda: f32,
    advantages: &mut [f32],
) {
    let (mut next, mut advantage) = (next, 0.0);
    for step in (0..rewards.len()).rev() {
        let going_on = if ends[step] { 0.0 } else { 1.0 };
        let error = rewards[step] + gamma * going_on * next - values[step];
        advantage = error + gamma * lambda * going_on * advantage;
        advantages[step] = advantage;
        next = values[step];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Advantages and returns worked out from the definition, step by step forward.
    #[test]
    #[allow(clippy::needless_range_loop, reason = "the sums of the definition run over positions")]
    fn advantages_are_those_of_the_definition() {
        let rewards = [1.0, -0.5, 2.0, 0.25, 1.5];
        let values = [0.3, 0.1, -0.4, 0.9, 0.2];
        let ends = [false, false, true, false, false];
        let (gamma, lambda, next) = (0.9_f32, 0.8_f32, 0.7);
        let mut found = [0.0; 5];
        advantages(&rewards, &values, &ends, next, gamma, lambda, &mut found);
        for start in 0..5 {
            let mut expected = 0.0;
            for step in start..5 {
                let after = if ends[step] { 0.0 } else { values.get(step + 1).copied().unwrap_or(next) };
                expected +=
                    (gamma * lambda).powi((step - start) as i32) * (rewards[step] + gamma * after - values[step]);
                if ends[step] {
                    break;
                }
            }
            assert!((found[start] - expected).abs() < 1e-5, "{start}: {} for {expected}", found[start]);
        }
    }

    /// The loss as the module's header states it, from scratch.
    fn loss(network: &ActorCritic, batch: &Batch, weighing: Weighing) -> f64 {
        let mut workspace = Workspace::default();
        let outputs = network.actor.forward(&batch.inputs, &mut workspace).to_vec();
        let values = network.critic.forward(&batch.inputs, &mut workspace).to_vec();
        let width = network.actor.outputs();
        let mut sum = 0.0;
        for row in 0..batch.choices.len() {
            let output: Vec<f64> = outputs[row * width..][..width].iter().map(|output| f64::from(*output)).collect();
            let choice = f64::from(batch.choices[row]);
            let (log_probability, entropy) = if network.continuous {
                let deviation = f64::from(network.log_deviation);
                let distance = (choice - output[0]) / deviation.exp();
                let constant = 0.5 * (2.0 * std::f64::consts::PI).ln();
                (-0.5 * distance * distance - deviation - constant, 0.5 + constant + deviation)
            } else {
                let total = output.iter().map(|output| output.exp()).sum::<f64>().ln();
                let entropy = output.iter().map(|output| (output - total).exp() * (total - output)).sum();
                (output[choice as usize] - total, entropy)
            };
            let ratio = (log_probability - f64::from(batch.log_probabilities[row])).exp();
            let advantage = f64::from(batch.advantages[row]);
            let gain = match weighing.clip {
                Some(clip) => {
                    let clip = f64::from(clip);
                    (ratio * advantage).min(ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)
                }
                None => ratio * advantage,
            };
            let miss = f64::from(values[row]) - f64::from(batch.returns[row]);
            sum += -gain - f64::from(weighing.entropy) * entropy + f64::from(weighing.value) * miss * miss;
        }
        sum / batch.choices.len() as f64
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        for actions in [Actions::Discrete { actions: 3 }, Actions::Continuous { low: -2.0, high: 2.0 }] {
            let mut random = Random::new(5, 0);
            let mut network = ActorCritic::new(4, &actions, &[6, 5], Activation::Tanh, -0.3, &mut random);
            for parameters in [network.actor.parameters_mut(), network.critic.parameters_mut()] {
                parameters.iter_mut().for_each(|parameter| *parameter += 0.3 * random.normal() as f32);
            }
            let inputs: Vec<f32> = (0..8 * 4).map(|_| random.normal() as f32).collect();
            let mut randoms = vec![random.clone(); 8];
            let (mut room, mut choices, mut values) = (Room::default(), Vec::new(), Vec::new());
            network.choose(&inputs, &mut randoms, &mut room, &mut choices, &mut values);
            let batch = Batch {
                inputs,
                choices: choices.iter().map(|choice| choice.choice).collect(),
                log_probabilities: choices
                    .iter()
                    .map(|choice| choice.log_probability + 0.3 * random.normal() as f32)
                    .collect(),
                advantages: (0..8).map(|_| random.normal() as f32).collect(),
                returns: (0..8).map(|_| random.normal() as f32).collect(),
            };
            for clip in [None, Some(0.2)] {
                let weighing = Weighing { clip, entropy: 0.3, value: 0.4 };
                let mut gradient = Gradient::default();
                network.gradient(&batch, weighing, false, &mut room, &mut gradient);
                let mut parallel = Gradient::default();
                network.gradient(&batch, weighing, true, &mut room, &mut parallel);
                assert!(gradient.actor == parallel.actor && gradient.critic == parallel.critic);
                let step = 1e-2;
                let slope = |change: &dyn Fn(&mut ActorCritic, f32)| {
                    let at = |by: f32| {
                        let mut moved = network.clone();
                        change(&mut moved, by);
                        loss(&moved, &batch, weighing)
                    };
                    ((at(step) - at(-step)) / (2.0 * f64::from(step))) as f32
                };
                let mut most = 0.0_f32;
                for position in 0..gradient.actor.len() {
                    let expected = slope(&|network, by| network.actor.parameters_mut()[position] += by);
                    most = most.max((gradient.actor[position] - expected).abs());
                }
                for position in 0..gradient.critic.len() {
                    let expected = slope(&|network, by| network.critic.parameters_mut()[position] += by);
                    most = most.max((gradient.critic[position] - expected).abs());
                }
                if network.continuous {
                    let expected = slope(&|network, by| network.log_deviation += by);
                    most = most.max((gradient.log_deviation - expected).abs());
                }
                assert!(most < 5e-3, "{actions:?}, {clip:?}: off by {most}");
            }
        }
    }
}
