//! Learning action values: the network Q(s, a), its lagging copy, and one step of it on a batch. Shared by `dqn` with an
//! environment and from trajectories.
//!
//! The loss of a batch is the mean over its rows of
//!
//! ```text
//! huber(Q(s, a) − y)  +  cql_alpha · (log Σₐ′ exp Q(s, a′) − Q(s, a))
//! y = r + γ · Q̄(s′, argmaxₐ′ Q(s′, a′))        r alone where the episode terminates
//! ```
//!
//! with the lagging network Q̄ (Mnih and others, 2015). The next action is the online network's choice (double Q-learning, van
//! Hasselt and others, 2016) or, with `double_q` false, Q̄'s own. The second term (conservative Q-learning, Kumar and others, 2020)
//! holds down the values of actions that the data does not have: without an environment nothing else corrects them.
#![allow(
    clippy::indexing_slicing,
    reason = "rows are cut by the network's own number of outputs; actions are checked against it"
)]

use serde::{Deserialize, Serialize};

use crate::neural::activation::Activation;
use crate::neural::adam::{Adam, AdamSettings};
use crate::neural::dense::{Dense, Workspace};
use crate::random::Random;

use super::distribution::softmax_into;
use super::encoding::Encoding;
use super::policy::{Actions, Outputs, Policy, greatest};
use super::settings::ValueSettings;

/// Steps to learn from: a row each.
#[derive(Clone, Debug, Default)]
pub(super) struct Transitions {
    pub(super) inputs: Vec<f32>,
    pub(super) actions: Vec<u32>,
    pub(super) rewards: Vec<f32>,
    pub(super) next: Vec<f32>,
    pub(super) terminated: Vec<bool>,
}

impl Transitions {
    pub(super) fn clear(&mut self) {
        self.inputs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.next.clear();
        self.terminated.clear();
    }
}

/// A network of action values that learns.
#[derive(Serialize, Deserialize)]
pub(super) struct Learner {
    online: Dense,
    lagging: Dense,
    adam: Adam,
    #[serde(skip)]
    room: Room,
}

/// Room to work in.
#[derive(Default)]
struct Room {
    workspace: Workspace,
    next: Workspace,
    next_online: Workspace,
    slopes: Vec<f32>,
    shares: Vec<f32>,
    targets: Vec<f32>,
    gradient: Vec<f32>,
}

impl Learner {
    pub(super) fn new(inputs: usize, actions: usize, settings: &ValueSettings, random: &mut Random) -> Self {
        let common = &settings.common;
        let sizes: Vec<usize> =
            std::iter::once(inputs).chain(common.layers.iter().copied()).chain(std::iter::once(actions)).collect();
        let online = Dense::new(&sizes, common.activation, Activation::Identity, random).widened();
        let adam =
            AdamSettings { rate: common.rate, largest_norm: Some(common.largest_norm), ..AdamSettings::default() };
        let count = online.parameters().len();
        Self { lagging: online.clone(), online, adam: Adam::new(count, adam), room: Room::default() }
    }

    /// Whether a learner read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        self.online.can_follow(&begun.online)
            && self.lagging.can_follow(&begun.lagging)
            && self.adam.can_follow(&begun.adam)
    }

    /// The values of each action for rows of inputs.
    pub(super) fn values(&mut self, inputs: &[f32]) -> &[f32] {
        self.online.forward(inputs, &mut self.room.workspace)
    }

    pub(super) fn set_rate(&mut self, rate: f32) {
        self.adam.set_rate(rate);
    }

    /// One step against the loss of a batch; gives the loss.
    pub(super) fn update(&mut self, batch: &Transitions, settings: &ValueSettings) -> f32 {
        let loss = self.slopes(batch, settings);
        let Room { workspace, slopes, gradient, .. } = &mut self.room;
        gradient.clear();
        gradient.resize(self.online.parameters().len(), 0.0);
        self.online.backward(workspace, slopes, gradient);
        self.adam.step(self.online.parameters_mut(), gradient);
        loss
    }

    /// The loss, with its derivatives by the outputs left in `slopes`.
    fn slopes(&mut self, batch: &Transitions, settings: &ValueSettings) -> f32 {
        let actions = self.online.outputs();
        let gamma = settings.common.gamma;
        let Self { online, lagging, room, .. } = self;
        let Room { workspace, next, next_online, slopes, shares, targets, .. } = room;
        let (lagging, chosen) = if settings.double {
            rayon::join(|| lagging.forward(&batch.next, next), || Some(online.forward(&batch.next, next_online)))
        } else {
            (lagging.forward(&batch.next, next), None)
        };
        targets.clear();
        for (row, values) in lagging.chunks_exact(actions).enumerate() {
            let best = chosen.map_or_else(|| greatest(values), |chosen| greatest(&chosen[row * actions..][..actions]));
            let after = if batch.terminated[row] { 0.0 } else { gamma * values[best] };
            targets.push(batch.rewards[row] + after);
        }
        let share = 1.0 / batch.actions.len().max(1) as f32;
        let conservatism = settings.conservatism;
        slopes.clear();
        let mut loss = 0.0;
        for (row, values) in online.forward(&batch.inputs, workspace).chunks_exact(actions).enumerate() {
            let action = batch.actions[row] as usize;
            let miss = values[action] - targets[row];
            let start = slopes.len();
            loss += if miss.abs() <= 1.0 { 0.5 * miss * miss } else { miss.abs() - 0.5 };
            if conservatism > 0.0 {
                loss += conservatism * (softmax_into(values, shares) - values[action]);
                slopes.extend(shares.iter().map(|probability| share * conservatism * probability));
            } else {
                slopes.resize(start + actions, 0.0);
            }
            slopes[start + action] += share * (miss.clamp(-1.0, 1.0) - conservatism);
        }
        loss * share
    }

    /// Moves the lagging network towards the online one: onto it with `tau` 1.
    pub(super) fn follow(&mut self, tau: f32) {
        for (lagging, online) in self.lagging.parameters_mut().iter_mut().zip(self.online.parameters()) {
            *lagging += tau * (online - *lagging);
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.online.parameters().iter().all(|parameter| parameter.is_finite())
    }

    /// The greedy policy of the online network.
    pub(super) fn policy(&self, encoding: &Encoding, actions: &Actions) -> Policy {
        Policy {
            encoding: encoding.clone(),
            actions: actions.clone(),
            outputs: Outputs::Values,
            network: self.online.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn batch() -> Transitions {
        let mut random = Random::new(8, 0);
        let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| random.normal() as f32).collect() };
        Transitions {
            inputs: draw(6 * 3),
            next: draw(6 * 3),
            rewards: draw(6),
            actions: vec![0, 1, 3, 2, 2, 0],
            terminated: vec![false, false, true, false, true, false],
        }
    }

    #[test]
    #[allow(clippy::needless_range_loop, reason = "parameters and gradient are walked by position")]
    fn the_gradient_is_that_of_finite_differences_of_the_loss() {
        for (alpha, double) in [(0.0, true), (0.7, true), (0.7, false)] {
            let given = json!({ "net_arch": [5], "activation_fn": "tanh", "cql_alpha": alpha, "double_q": double });
            let given: Map<_, _> = given.as_object().unwrap().clone();
            let (settings, _, _) = ValueSettings::offline(&given, None).unwrap();
            let mut learner = Learner::new(3, 4, &settings, &mut Random::new(2, 0));
            learner.lagging.parameters_mut().iter_mut().for_each(|parameter| *parameter *= 1.5);
            let batch = batch();
            let loss = learner.slopes(&batch, &settings);
            let mut gradient = vec![0.0; learner.online.parameters().len()];
            learner.online.backward(&mut learner.room.workspace, &learner.room.slopes, &mut gradient);
            let targets = learner.room.targets.clone();
            // Targets do not move with the online network: that is what makes the gradient a half one.
            let at = |network: &Dense| {
                let mut workspace = Workspace::default();
                let values = network.forward(&batch.inputs, &mut workspace);
                let mut sum = 0.0_f64;
                for (row, values) in values.chunks_exact(4).enumerate() {
                    let value = f64::from(values[batch.actions[row] as usize]);
                    let miss = (value - f64::from(targets[row])).abs();
                    sum += if miss <= 1.0 { 0.5 * miss * miss } else { miss - 0.5 };
                    let total: f64 = values.iter().map(|value| f64::from(*value).exp()).sum();
                    sum += alpha * (total.ln() - value);
                }
                sum / 6.0
            };
            assert!((at(&learner.online) - f64::from(loss)).abs() < 1e-5);
            let mut most = 0.0_f64;
            for position in 0..gradient.len() {
                let moved = |by: f32| {
                    let mut network = learner.online.clone();
                    network.parameters_mut()[position] += by;
                    at(&network)
                };
                let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                most = most.max((f64::from(gradient[position]) - expected).abs());
            }
            assert!(most < 2e-3, "off by {most}");
        }
    }

    #[test]
    fn targets_are_rewards_and_what_the_lagging_network_expects_of_the_online_ones_choice() {
        let given = json!({ "net_arch": [], "gamma": 0.5, "cql_alpha": 0.0 });
        let (settings, _, _) = ValueSettings::offline(given.as_object().unwrap(), None).unwrap();
        let mut learner = Learner::new(1, 2, &settings, &mut Random::new(2, 0));
        // Weights, then biases: the online network prefers action 1, the lagging one values it at 3.
        learner.online.parameters_mut().copy_from_slice(&[0.0, 0.0, 1.0, 2.0]);
        learner.lagging.parameters_mut().copy_from_slice(&[0.0, 0.0, 7.0, 3.0]);
        let batch = Transitions {
            inputs: vec![0.0; 2],
            next: vec![0.0; 2],
            rewards: vec![1.0, 1.0],
            actions: vec![0, 1],
            terminated: vec![false, true],
        };
        learner.slopes(&batch, &settings);
        assert_eq!(learner.room.targets, [1.0 + 0.5 * 3.0, 1.0]);
        // Misses of −1.5, clipped, and 1.
        assert_eq!(learner.room.slopes, [-0.5, 0.0, 0.0, 0.5]);
    }
}
