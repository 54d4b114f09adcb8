//! What stands between hidden layers while a network learns, and not after: dropout (Srivastava and others, 2014) and batch
//! normalisation (Ioffe and Szegedy, 2015).
//!
//! Normalisation comes before the activation, dropout after it. Dropout scales what it keeps, so that nothing is left to do when
//! predicting. Normalisation by running moments is a product and a sum for each entry, which [`Normalisation::folded`] puts into
//! the layer's weights and biases: a trained network is a plain [`Dense`].
#![allow(clippy::indexing_slicing, reason = "vectors are made for the layers of one network, an entry for each output")]

use serde::{Deserialize, Serialize};

use crate::checkpoint::are_finite;
use crate::random::Random;

use super::dense::{Between, Dense};

/// How much of the running moments a step keeps.
const KEPT: f32 = 0.9;
/// Added to variances, so that a constant sum has a quotient.
const EPSILON: f32 = 1e-5;

/// Dropout and normalisation of one network, or neither.
#[derive(Clone, Debug, Default)]
pub(super) struct Regulariser {
    pub(super) dropout: Option<Dropout>,
    pub(super) normalisation: Option<Normalisation>,
}

impl Between for Regulariser {
    fn sums(&mut self, layer: usize, rows: usize, sums: &mut [f32]) {
        if let Some(normalisation) = &mut self.normalisation {
            normalisation.forward(layer, rows, sums);
        }
    }

    fn activations(&mut self, layer: usize, _rows: usize, values: &mut [f32]) {
        if let Some(dropout) = &mut self.dropout {
            dropout.forward(layer, values);
        }
    }

    fn back_from_activations(&mut self, layer: usize, _rows: usize, values: &mut [f32], slopes: &mut [f32]) {
        if let Some(dropout) = &self.dropout {
            dropout.back(layer, values, slopes);
        }
    }

    fn back_from_sums(&mut self, layer: usize, rows: usize, slopes: &mut [f32]) {
        if let Some(normalisation) = &mut self.normalisation {
            normalisation.back(layer, rows, slopes);
        }
    }
}

/// Sets random activations to 0, and divides the others by the share that is kept.
#[derive(Clone, Debug)]
pub(super) struct Dropout {
    kept: f32,
    random: Random,
    /// For each hidden layer what its activations were multiplied by.
    factors: Vec<Vec<f32>>,
}

impl Dropout {
    /// Dropout of a share of the activations, at least 0 and below 1, after each of some hidden layers.
    pub(super) fn new(share: f32, layers: usize) -> Self {
        Self { kept: 1.0 - share, random: Random::new(0, 0), factors: vec![Vec::new(); layers] }
    }

    /// Where the next pass draws from.
    pub(super) fn reseed(&mut self, random: Random) {
        self.random = random;
    }

    fn forward(&mut self, layer: usize, values: &mut [f32]) {
        // Sixteen bits decide an entry: the share is right to 2⁻¹⁶.
        let threshold = (self.kept * 65_536.0) as u16;
        let scale = 1.0 / self.kept;
        let factors = &mut self.factors[layer];
        factors.resize(values.len(), 0.0);
        for (values, factors) in values.chunks_mut(4).zip(factors.chunks_mut(4)) {
            let mut bits = self.random.bits();
            for (value, factor) in values.iter_mut().zip(factors) {
                *factor = if (bits as u16) < threshold { scale } else { 0.0 };
                *value *= *factor;
                bits >>= 16;
            }
        }
    }

    fn back(&self, layer: usize, values: &mut [f32], slopes: &mut [f32]) {
        for ((value, slope), factor) in values.iter_mut().zip(slopes).zip(&self.factors[layer]) {
            *value *= self.kept;
            *slope *= factor;
        }
    }
}

/// Brings each hidden layer's sums to mean 0 and variance 1 over the batch, then to a deviation and a mean that are learnt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Normalisation {
    layers: Vec<Normalised>,
    /// For each layer the deviations, then the means, layer after layer.
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    begun: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Normalised {
    start: usize,
    outputs: usize,
    running_means: Vec<f32>,
    running_variances: Vec<f32>,
    /// Of the last batch: 1 / deviation for each output, and the normalised sums.
    inverses: Vec<f32>,
    sums: Vec<f32>,
}

impl Normalisation {
    /// Normalisation after each hidden layer of a network.
    pub(super) fn new(network: &Dense) -> Self {
        let all = network.layers();
        let hidden = &all[..all.len().saturating_sub(1)];
        let (mut layers, mut parameters) = (Vec::new(), Vec::new());
        for layer in hidden {
            let outputs = layer.outputs;
            layers.push(Normalised {
                start: parameters.len(),
                outputs,
                running_means: vec![0.0; outputs],
                running_variances: vec![1.0; outputs],
                inverses: vec![1.0; outputs],
                sums: Vec::new(),
            });
            parameters.extend(std::iter::repeat_n(1.0, outputs));
            parameters.extend(std::iter::repeat_n(0.0, outputs));
        }
        let gradient = vec![0.0; parameters.len()];
        Self { layers, parameters, gradient, begun: false }
    }

    /// Whether a normalisation read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        let same = |(own, begun): (&Normalised, &Normalised)| {
            let outputs = begun.outputs;
            let moments = [&own.running_means, &own.running_variances, &own.inverses];
            (own.start, own.outputs) == (begun.start, outputs)
                && moments.iter().all(|numbers| numbers.len() == outputs && are_finite(*numbers))
        };
        self.layers.len() == begun.layers.len()
            && self.layers.iter().zip(&begun.layers).all(same)
            && self.parameters.len() == begun.parameters.len()
            && self.gradient.len() == begun.gradient.len()
            && are_finite(&self.parameters)
    }

    /// The learnt deviations and means, and the loss's derivative by them since the last pass back.
    pub(super) fn parameters_and_gradient(&mut self) -> (&mut [f32], &[f32]) {
        (&mut self.parameters, &self.gradient)
    }

    /// The network that does by its weights alone what `network` does with this normalisation by running moments.
    pub(super) fn folded(&self, network: &Dense) -> Dense {
        let mut folded = network.clone();
        for (layer, own) in network.layers().into_iter().zip(&self.layers) {
            let (deviations, means) = self.parameters[own.start..].split_at(own.outputs);
            let factors: Vec<f32> = own
                .running_variances
                .iter()
                .zip(deviations)
                .map(|(variance, deviation)| deviation / (variance + EPSILON).sqrt())
                .collect();
            let parameters = folded.parameters_mut();
            for weights in parameters[layer.weights].chunks_exact_mut(own.outputs.max(1)) {
                weights.iter_mut().zip(&factors).for_each(|(weight, factor)| *weight *= factor);
            }
            for (output, bias) in parameters[layer.biases].iter_mut().enumerate() {
                *bias = (*bias - own.running_means[output]) * factors[output] + means[output];
            }
        }
        folded
    }

    fn forward(&mut self, layer: usize, rows: usize, sums: &mut [f32]) {
        // The first batch's moments are the running ones; later ones are blended in.
        let kept = if self.begun { KEPT } else { 0.0 };
        self.begun |= layer + 1 == self.layers.len();
        let own = &mut self.layers[layer];
        let outputs = own.outputs.max(1);
        let share = 1.0 / rows.max(1) as f32;
        let mut means = vec![0.0_f32; outputs];
        for sums in sums.chunks_exact(outputs) {
            means.iter_mut().zip(sums).for_each(|(mean, sum)| *mean += share * sum);
        }
        let mut variances = vec![0.0_f32; outputs];
        for sums in sums.chunks_exact(outputs) {
            for ((variance, mean), sum) in variances.iter_mut().zip(&means).zip(sums) {
                *variance += share * (sum - mean) * (sum - mean);
            }
        }
        let unbiased = rows as f32 / rows.saturating_sub(1).max(1) as f32;
        for output in 0..own.outputs {
            own.inverses[output] = 1.0 / (variances[output] + EPSILON).sqrt();
            let (mean, variance) = (means[output], unbiased * variances[output]);
            own.running_means[output] = kept * own.running_means[output] + (1.0 - kept) * mean;
            own.running_variances[output] = kept * own.running_variances[output] + (1.0 - kept) * variance;
        }
        let (deviations, shifts) = self.parameters[own.start..].split_at(own.outputs);
        own.sums.resize(sums.len(), 0.0);
        for (sums, normalised) in sums.chunks_exact_mut(outputs).zip(own.sums.chunks_exact_mut(outputs)) {
            for output in 0..outputs {
                normalised[output] = (sums[output] - means[output]) * own.inverses[output];
                sums[output] = deviations[output] * normalised[output] + shifts[output];
            }
        }
    }

    fn back(&mut self, layer: usize, rows: usize, slopes: &mut [f32]) {
        let own = &self.layers[layer];
        let outputs = own.outputs.max(1);
        let (by_deviations, rest) = self.gradient[own.start..].split_at_mut(own.outputs);
        let by_means = &mut rest[..own.outputs];
        by_deviations.fill(0.0);
        by_means.fill(0.0);
        for (slopes, normalised) in slopes.chunks_exact(outputs).zip(own.sums.chunks_exact(outputs)) {
            for output in 0..outputs {
                by_deviations[output] += slopes[output] * normalised[output];
                by_means[output] += slopes[output];
            }
        }
        // The batch's mean and variance depend on every row: what they pass on is taken off each row's own slope.
        let share = 1.0 / rows.max(1) as f32;
        let deviations = &self.parameters[own.start..][..own.outputs];
        for (slopes, normalised) in slopes.chunks_exact_mut(outputs).zip(own.sums.chunks_exact(outputs)) {
            for output in 0..outputs {
                let passed = share * (by_means[output] + normalised[output] * by_deviations[output]);
                slopes[output] = deviations[output] * own.inverses[output] * (slopes[output] - passed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::activation::Activation;
    use crate::neural::dense::Workspace;

    fn draws(count: usize, stream: u64) -> Vec<f32> {
        let mut random = Random::new(9, stream);
        (0..count).map(|_| random.normal() as f32).collect()
    }

    /// Derivatives by parameters, with the same draws each time, against finite differences of Σ output × factor.
    fn check(prepare: impl Fn(&Dense) -> Regulariser) {
        let network = Dense::new(&[4, 6, 5, 2], Activation::Tanh, Activation::Identity, &mut Random::new(3, 0));
        let (inputs, factors) = (draws(8 * 4, 1), draws(8 * 2, 2));
        let mut workspace = Workspace::default();
        let mut regulariser = prepare(&network);
        network.forward_with(&inputs, &mut workspace, &mut regulariser);
        let mut gradient = vec![0.0; network.parameters().len()];
        network.backward_with(&mut workspace, &factors, &mut gradient, &mut regulariser);
        let loss = |network: &Dense, mut regulariser: Regulariser| {
            let mut workspace = Workspace::default();
            let outputs = network.forward_with(&inputs, &mut workspace, &mut regulariser);
            outputs.iter().zip(&factors).map(|(output, factor)| f64::from(*output) * f64::from(*factor)).sum::<f64>()
        };
        let step = 2e-3;
        for (parameter, found) in gradient.iter().enumerate() {
            let at = |change: f32| {
                let mut moved = network.clone();
                moved.parameters_mut()[parameter] += change;
                loss(&moved, prepare(&network))
            };
            let expected = (at(step) - at(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(*found) - expected).abs() < 6e-3, "{found} for {expected}");
        }
        let Some(mut own) = regulariser.normalisation else { return };
        let (_, gradient) = own.parameters_and_gradient();
        for (parameter, found) in gradient.iter().enumerate() {
            let at = |change: f32| {
                let mut moved = prepare(&network);
                moved.normalisation.as_mut().unwrap().parameters[parameter] += change;
                loss(&network, moved)
            };
            let expected = (at(step) - at(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(*found) - expected).abs() < 6e-3, "{found} for {expected}");
        }
    }

    fn dropout() -> Dropout {
        let mut dropout = Dropout::new(0.4, 2);
        dropout.reseed(Random::new(5, 5));
        dropout
    }

    #[test]
    fn gradients_through_dropout_and_normalisation_are_those_of_finite_differences() {
        check(|_| Regulariser { dropout: Some(dropout()), normalisation: None });
        check(|network| Regulariser { dropout: None, normalisation: Some(Normalisation::new(network)) });
        check(|network| Regulariser { dropout: Some(dropout()), normalisation: Some(Normalisation::new(network)) });
    }

    #[test]
    fn dropout_drops_its_share_and_keeps_the_mean() {
        let mut dropout = dropout();
        let mut values = vec![1.0; 100_001];
        dropout.forward(1, &mut values);
        let dropped = values.iter().filter(|value| **value == 0.0).count() as f32 / 100_001.0;
        let mean = values.iter().sum::<f32>() / 100_001.0;
        assert!((dropped - 0.4).abs() < 0.01 && (mean - 1.0).abs() < 0.02, "{dropped}, {mean}");
    }

    #[test]
    fn a_folded_network_gives_what_the_batch_gave() {
        let network = Dense::new(&[4, 6, 5, 2], Activation::Tanh, Activation::Identity, &mut Random::new(3, 0));
        let inputs = draws(4_000 * 4, 1);
        let mut regulariser = Regulariser { dropout: None, normalisation: Some(Normalisation::new(&network)) };
        let normalisation = regulariser.normalisation.as_mut().unwrap();
        normalisation.parameters = draws(normalisation.parameters.len(), 7);
        let mut workspace = Workspace::default();
        let expected = network.forward_with(&inputs, &mut workspace, &mut regulariser).to_vec();
        let folded = regulariser.normalisation.unwrap().folded(&network);
        let found = folded.forward(&inputs, &mut workspace);
        assert!(found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 5e-3));
    }
}
