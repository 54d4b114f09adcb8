//! Adam (Kingma and Ba, 2015), with decoupled weight decay (Loshchilov and Hutter, 2019) and clipping of the gradient by its norm.
//!
//! ```text
//! let mut adam = Adam::new(network.parameters().len(), AdamSettings { rate: 3e-4, ..AdamSettings::default() });
//! adam.step(network.parameters_mut(), &gradient);
//! ```

use serde::{Deserialize, Serialize};

use crate::checkpoint::are_finite;
use crate::packed;

/// Steps at most: up to here they are counted exactly in double precision.
const MOST_STEPS: u64 = 1 << 53;

/// How Adam steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdamSettings {
    /// The step's size, above 0.
    pub(crate) rate: f32,
    /// How much of the mean gradient is kept from step to step, from 0 to below 1.
    pub(crate) first_beta: f32,
    /// How much of the mean squared gradient is kept, from 0 to below 1.
    pub(crate) second_beta: f32,
    /// What keeps the quotient finite, above 0.
    pub(crate) epsilon: f32,
    /// The share of each parameter that a step at rate 1 takes off; 0 takes nothing.
    pub(crate) weight_decay: f32,
    /// Gradients longer than this (Euclidean norm) are shortened to it.
    pub(crate) largest_norm: Option<f32>,
}

impl Default for AdamSettings {
    fn default() -> Self {
        Self { rate: 1e-3, first_beta: 0.9, second_beta: 0.999, epsilon: 1e-8, weight_decay: 0.0, largest_norm: None }
    }
}

/// An optimiser for one vector of parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adam {
    settings: AdamSettings,
    steps: u64,
    #[serde(with = "packed")]
    means: Vec<f32>,
    #[serde(with = "packed")]
    squares: Vec<f32>,
}

impl Adam {
    /// An optimiser that has not stepped yet, for so many parameters.
    pub(crate) fn new(parameters: usize, settings: AdamSettings) -> Self {
        Self { settings, steps: 0, means: vec![0.0; parameters], squares: vec![0.0; parameters] }
    }

    /// Changes the step's size from here on.
    pub(crate) fn set_rate(&mut self, rate: f32) {
        self.settings.rate = rate;
    }

    /// Whether an optimiser read from a state can be what `begun` came to; the rate may have changed on the way.
    pub(crate) fn can_follow(&self, begun: &Self) -> bool {
        let rate = self.settings.rate;
        self.settings == AdamSettings { rate, ..begun.settings }
            && rate.is_finite()
            && self.steps < MOST_STEPS
            && self.means.len() == begun.means.len()
            && self.squares.len() == begun.squares.len()
            && are_finite(&self.means)
            && self.squares.iter().all(|square| square.is_finite() && *square >= 0.0)
    }

    /// One step against the gradient. Entries beyond the shortest of the vectors are left alone.
    pub(crate) fn step(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        let AdamSettings { rate, first_beta, second_beta, epsilon, weight_decay, largest_norm } = self.settings;
        self.steps += 1;
        let scale = largest_norm.map_or(1.0, |largest| clipping(norm(gradient), largest));
        // The means begin at 0; dividing by these undoes that. Folded into the step's size, and for the second into epsilon, as
        // the paper's section 2 ends.
        let steps = self.steps as f64;
        let first = 1.0 - f64::from(first_beta).powf(steps);
        let second = (1.0 - f64::from(second_beta).powf(steps)).sqrt();
        let size = (f64::from(rate) * second / first) as f32;
        let epsilon = epsilon * second as f32;
        let kept = 1.0 - rate * weight_decay;
        let state = self.means.iter_mut().zip(&mut self.squares);
        for ((parameter, slope), (mean, square)) in parameters.iter_mut().zip(gradient).zip(state) {
            let slope = slope * scale;
            *mean = first_beta * *mean + (1.0 - first_beta) * slope;
            *square = second_beta * *square + (1.0 - second_beta) * slope * slope;
            *parameter = kept * *parameter - size * *mean / (square.sqrt() + epsilon);
        }
    }
}

/// The Euclidean norm.
pub(crate) fn norm(gradient: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0.0_f64; LANES];
    let (chunks, rest) = gradient.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, slope) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*slope) * f64::from(*slope);
        }
    }
    let rest: f64 = rest.iter().map(|slope| f64::from(*slope) * f64::from(*slope)).sum();
    (lanes.iter().sum::<f64>() + rest).sqrt() as f32
}

/// What a gradient of a norm is multiplied by so that it is no longer than `largest`.
pub(crate) fn clipping(norm: f32, largest: f32) -> f32 {
    if norm > largest { largest / norm } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// torch.optim.AdamW states the same rule; these are its steps worked out by hand in double precision.
    fn by_hand(settings: AdamSettings, gradients: &[f64], mut parameter: f64) -> f64 {
        let [rate, first, second, epsilon, decay] =
            [settings.rate, settings.first_beta, settings.second_beta, settings.epsilon, settings.weight_decay]
                .map(f64::from);
        let (mut mean, mut square) = (0.0, 0.0);
        for (step, slope) in (1..).zip(gradients) {
            mean = first * mean + (1.0 - first) * slope;
            square = second * square + (1.0 - second) * slope * slope;
            let (mean, square) = (mean / (1.0 - first.powi(step)), square / (1.0 - second.powi(step)));
            parameter -= rate * decay * parameter;
            parameter -= rate * mean / (square.sqrt() + epsilon);
        }
        parameter
    }

    #[test]
    fn steps_are_those_of_the_paper() {
        let settings = AdamSettings { rate: 0.05, weight_decay: 0.1, ..AdamSettings::default() };
        let gradients = [0.3, -0.2, 1e-4, 5.0, 0.0, -3.0];
        let mut adam = Adam::new(2, settings);
        let mut parameters = [1.0, -2.0];
        for slope in gradients {
            adam.step(&mut parameters, &[slope as f32, -2.0 * slope as f32]);
        }
        let doubled: Vec<f64> = gradients.iter().map(|slope| -2.0 * slope).collect();
        assert!((f64::from(parameters[0]) - by_hand(settings, &gradients, 1.0)).abs() < 1e-5);
        assert!((f64::from(parameters[1]) - by_hand(settings, &doubled, -2.0)).abs() < 1e-5);
    }

    #[test]
    fn a_long_gradient_is_shortened_and_a_short_one_left() {
        let gradient: Vec<f32> = (0..19).map(|entry| entry as f32).collect();
        let length = (0..19).map(|entry| f64::from(entry * entry)).sum::<f64>().sqrt() as f32;
        assert!((norm(&gradient) - length).abs() < 1e-4);
        assert!((clipping(10.0, 2.5) - 0.25).abs() < 1e-7);
        assert!((clipping(2.0, 2.5) - 1.0).abs() < 1e-7);
        // Adam's first step is as long whatever the gradient's size; the second tells how they compare.
        let step = |largest_norm, second: f32| {
            let mut adam = Adam::new(1, AdamSettings { largest_norm, ..AdamSettings::default() });
            let mut parameter = [0.0];
            adam.step(&mut parameter, &[1.0]);
            adam.step(&mut parameter, &[second]);
            parameter[0]
        };
        assert!((step(Some(1.0), 100.0) - step(None, 1.0)).abs() < 1e-9);
        assert!((step(None, 100.0) - step(None, 1.0)).abs() > 1e-5);
    }
}
