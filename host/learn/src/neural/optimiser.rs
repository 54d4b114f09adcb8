//! The two ways to step: Adam, and gradient descent with momentum.

use serde::{Deserialize, Serialize};

use crate::checkpoint::are_finite;

use super::adam::{Adam, AdamSettings};

/// Which way to step, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Solver {
    Adam(AdamSettings),
    /// With a share of the last step kept, looked ahead to (Nesterov) or not.
    Sgd {
        rate: f32,
        momentum: f32,
        nesterov: bool,
    },
}

impl Solver {
    pub(super) fn rate(self) -> f32 {
        match self {
            Self::Adam(settings) => settings.rate,
            Self::Sgd { rate, .. } => rate,
        }
    }
}

/// A solver at work on one vector of parameters.
#[derive(Serialize, Deserialize)]
pub(super) enum Optimiser {
    Adam(Adam),
    Sgd { rate: f32, momentum: f32, nesterov: bool, velocities: Vec<f32> },
}

impl Optimiser {
    pub(super) fn new(solver: Solver, parameters: usize) -> Self {
        match solver {
            Solver::Adam(settings) => Self::Adam(Adam::new(parameters, settings)),
            Solver::Sgd { rate, momentum, nesterov } => {
                Self::Sgd { rate, momentum, nesterov, velocities: vec![0.0; parameters] }
            }
        }
    }

    pub(super) fn set_rate(&mut self, new: f32) {
        match self {
            Self::Adam(adam) => adam.set_rate(new),
            Self::Sgd { rate, .. } => *rate = new,
        }
    }

    /// Whether a solver read from a state can be what `begun` came to; the rate may have changed on the way.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        match (self, begun) {
            (Self::Adam(own), Self::Adam(begun)) => own.can_follow(begun),
            (
                Self::Sgd { rate, momentum, nesterov, velocities },
                Self::Sgd { momentum: begun_momentum, nesterov: begun_nesterov, velocities: begun_velocities, .. },
            ) => {
                rate.is_finite()
                    && (momentum, nesterov) == (begun_momentum, begun_nesterov)
                    && velocities.len() == begun_velocities.len()
                    && are_finite(velocities)
            }
            _ => false,
        }
    }

    /// One step against the gradient.
    pub(super) fn step(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        match self {
            Self::Adam(adam) => adam.step(parameters, gradient),
            Self::Sgd { rate, momentum, nesterov, velocities } => {
                for ((parameter, slope), velocity) in parameters.iter_mut().zip(gradient).zip(velocities) {
                    *velocity = *momentum * *velocity - *rate * slope;
                    *parameter += if *nesterov { *momentum * *velocity - *rate * slope } else { *velocity };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn momentum_keeps_a_share_of_the_last_step() {
        // By hand: v₁ = −0.1, v₂ = 0.5 × −0.1 − 0.1 = −0.15.
        for (nesterov, expected) in [(false, -0.25), (true, -0.15 - 0.175)] {
            let mut optimiser = Optimiser::new(Solver::Sgd { rate: 0.1, momentum: 0.5, nesterov }, 1);
            let mut parameter = [0.0];
            optimiser.step(&mut parameter, &[1.0]);
            optimiser.step(&mut parameter, &[1.0]);
            assert!((parameter[0] - expected).abs() < 1e-6, "{parameter:?}");
        }
    }
}
