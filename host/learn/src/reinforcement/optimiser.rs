//! The optimiser of an actor with its critic, which `ppo` and `a3c` share.

use serde::{Deserialize, Serialize};

use crate::neural::adam::{Adam, AdamSettings, clipping, norm};

use super::actor_critic::{ActorCritic, Gradient};

/// Steps over actor, critic and deviation as if they were one vector of parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Optimiser {
    actor: Adam,
    critic: Adam,
    deviation: Adam,
    largest_norm: f32,
}

impl Optimiser {
    pub(super) fn new(network: &ActorCritic, settings: AdamSettings, largest_norm: f32) -> Self {
        Self {
            actor: Adam::new(network.actor.parameters().len(), settings),
            critic: Adam::new(network.critic.parameters().len(), settings),
            deviation: Adam::new(1, settings),
            largest_norm,
        }
    }

    pub(super) fn set_rate(&mut self, rate: f32) {
        for adam in [&mut self.actor, &mut self.critic, &mut self.deviation] {
            adam.set_rate(rate);
        }
    }

    /// Whether an optimiser read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        self.actor.can_follow(&begun.actor)
            && self.critic.can_follow(&begun.critic)
            && self.deviation.can_follow(&begun.deviation)
            && self.largest_norm.to_bits() == begun.largest_norm.to_bits()
    }

    /// One step against the gradient, which is shortened to the largest norm first, all parts together.
    pub(super) fn step(&mut self, network: &mut ActorCritic, gradient: &mut Gradient) {
        let whole = norm(&[norm(&gradient.actor), norm(&gradient.critic), gradient.log_deviation]);
        let scale = clipping(whole, self.largest_norm);
        if scale < 1.0 {
            gradient.actor.iter_mut().chain(&mut gradient.critic).for_each(|slope| *slope *= scale);
            gradient.log_deviation *= scale;
        }
        self.actor.step(network.actor.parameters_mut(), &gradient.actor);
        self.critic.step(network.critic.parameters_mut(), &gradient.critic);
        if network.continuous {
            let mut deviation = [network.log_deviation];
            self.deviation.step(&mut deviation, &[gradient.log_deviation]);
            [network.log_deviation] = deviation;
        }
    }
}
