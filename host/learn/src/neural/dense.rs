//! Dense networks: layers of sums with an activation after each. Forward, backward, and nothing about what they are for.
//!
//! All parameters lie in one vector, layer after layer: the weights, one row for each input of the layer, then the biases. So an
//! optimiser steps over one slice, and a copy of a network is a copy of a slice.
//!
//! ```text
//! let mut network = Dense::new(&[4, 64, 2], Activation::Tanh, Activation::Identity, &mut random);
//! let mut workspace = Workspace::default();           // buffers, kept from call to call
//! let outputs = network.forward(&inputs, &mut workspace);          // rows × 4 in, rows × 2 out, both row-major
//! network.backward(&mut workspace, &output_gradient, &mut gradient); // after a forward; adds to the gradient
//! let slopes = network.backward_to_inputs(&mut workspace, &output_gradient, &mut gradient); // rows × 4
//! adam.step(network.parameters_mut(), &gradient);
//! ```
//!
//! One row takes a path without matrix products; no call allocates once the workspace has grown to the largest number of rows.
//! Slices of lengths that do not fit are a mistake of the caller's inside this crate: a missing row counts as absent, and
//! nothing panics.
#![allow(
    clippy::indexing_slicing,
    reason = "the workspace has a buffer for each layer, made by the loop that indexes it; parameters are cut by the sizes that \
              made them"
)]

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::packed;
use crate::random::Random;

use super::activation::Activation;
use super::matrix::{self, Shape};

/// A stack of dense layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dense {
    /// Inputs, then the outputs of each layer.
    sizes: Vec<u32>,
    /// After each layer.
    activations: Vec<Activation>,
    #[serde(with = "packed")]
    parameters: Vec<f32>,
}

/// Where one layer's parameters lie.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Inputs × outputs, row-major.
    pub(crate) weights: Range<usize>,
    /// One for each output.
    pub(crate) biases: Range<usize>,
}

/// What a pass leaves behind for the way back, and room to work in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    rows: usize,
    /// The inputs, then the activations of each layer.
    values: Vec<Vec<f32>>,
    slopes: Vec<f32>,
    next: Vec<f32>,
}

/// What happens between the sums of a hidden layer and the next layer, besides the activation. `layer` counts hidden layers from
/// 0; slices are rows × the layer's outputs. The ways back mirror the ways forward, and are called in the reverse order.
pub(crate) trait Between {
    /// Changes sums before the activation.
    fn sums(&mut self, _layer: usize, _rows: usize, _sums: &mut [f32]) {}
    /// Changes activations.
    fn activations(&mut self, _layer: usize, _rows: usize, _values: &mut [f32]) {}
    /// Turns slopes by changed activations into slopes by activations, and `values` back into what they were wherever a slope
    /// is not zero.
    fn back_from_activations(&mut self, _layer: usize, _rows: usize, _values: &mut [f32], _slopes: &mut [f32]) {}
    /// Turns slopes by changed sums into slopes by sums.
    fn back_from_sums(&mut self, _layer: usize, _rows: usize, _slopes: &mut [f32]) {}
}

/// Nothing between the layers.
impl Between for () {}

impl Dense {
    /// A network with random weights. `sizes` are the inputs, then the outputs of each layer: two numbers at least, none of
    /// them 0. Weights are uniform within ±√(6 / (inputs + outputs)) (Glorot and Bengio, 2010), before rectifiers too: there
    /// the wider ±√(6 / inputs) of He and others (2015) ends at a higher loss on the data of the bench `neural`. Biases are 0.
    pub(crate) fn new(sizes: &[usize], hidden: Activation, output: Activation, random: &mut Random) -> Self {
        let layers = sizes.len().saturating_sub(1);
        let activations = (1..=layers).map(|layer| if layer == layers { output } else { hidden }).collect();
        Self::with_activations(sizes, activations, random)
    }

    /// [`Dense::new`], with an activation for each layer: one fewer than there are sizes.
    pub(crate) fn with_activations(sizes: &[usize], activations: Vec<Activation>, random: &mut Random) -> Self {
        let sizes = sizes.iter().map(|size| u32::try_from(*size).unwrap_or(u32::MAX)).collect();
        let mut network = Self { sizes, activations, parameters: Vec::new() };
        for layer in network.layers() {
            let fan = layer.inputs + layer.outputs;
            let bound = (6.0 / fan.max(1) as f32).sqrt();
            let weights = layer.inputs * layer.outputs;
            network.parameters.extend((0..weights).map(|_| bound * (2.0 * random.uniform_f32() - 1.0)));
            network.parameters.extend(std::iter::repeat_n(0.0, layer.outputs));
        }
        network
    }

    /// The same network with weights before rectifiers as wide as ±√(6 / inputs) (He and others, 2015): what a policy and its values
    /// start from, since so many of their inputs lie near zero.
    pub(crate) fn widened(mut self) -> Self {
        for (layer, activation) in self.layers().into_iter().zip(&self.activations) {
            if *activation == Activation::Relu {
                let factor = ((layer.inputs + layer.outputs) as f32 / layer.inputs.max(1) as f32).sqrt();
                self.parameters[layer.weights].iter_mut().for_each(|weight| *weight *= factor);
            }
        }
        self
    }

    /// Some of the layers, by their positions from 0, as a network of their own.
    pub(crate) fn part(&self, layers: Range<usize>) -> Self {
        let own = self.layers();
        let start = own.get(layers.start).map_or(self.parameters.len(), |layer| layer.weights.start);
        let end = own.get(..layers.end).and_then(<[Layer]>::last).map_or(start, |layer| layer.biases.end).max(start);
        Self {
            sizes: self.sizes.get(layers.start..layers.end + 1).unwrap_or_default().to_vec(),
            activations: self.activations.get(layers).unwrap_or_default().to_vec(),
            parameters: self.parameters[start..end].to_vec(),
        }
    }

    /// The number of inputs of a row.
    pub(crate) fn inputs(&self) -> usize {
        self.sizes.first().map_or(0, |size| *size as usize)
    }

    /// The number of outputs of a row.
    pub(crate) fn outputs(&self) -> usize {
        self.sizes.last().map_or(0, |size| *size as usize)
    }

    /// After each layer its activation.
    pub(crate) fn activations(&self) -> &[Activation] {
        &self.activations
    }

    /// Every parameter, in the order that the module's header gives.
    pub(crate) fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// The same, to be changed.
    pub(crate) fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    /// Where each layer's parameters lie.
    pub(crate) fn layers(&self) -> Vec<Layer> {
        let mut start = 0;
        self.sizes
            .windows(2)
            .map(|sizes| {
                let layer = self.layer_at(sizes[0] as usize, sizes[1] as usize, start);
                start = layer.biases.end;
                layer
            })
            .collect()
    }

    fn layer_at(&self, inputs: usize, outputs: usize, start: usize) -> Layer {
        let weights = start..start + inputs * outputs;
        let biases = weights.end..weights.end + outputs;
        Layer { inputs, outputs, weights, biases }
    }

    /// The outputs of rows, rows × outputs, until the workspace is used again.
    pub(crate) fn forward<'w>(&self, inputs: &[f32], workspace: &'w mut Workspace) -> &'w [f32] {
        self.forward_with(inputs, workspace, &mut ())
    }

    /// [`Dense::forward`], with something between the layers.
    pub(crate) fn forward_with<'w>(
        &self,
        inputs: &[f32],
        workspace: &'w mut Workspace,
        between: &mut impl Between,
    ) -> &'w [f32] {
        let rows = inputs.len() / self.inputs().max(1);
        workspace.rows = rows;
        workspace.values.resize_with(self.sizes.len().max(1), Vec::new);
        workspace.values[0].clear();
        workspace.values[0].extend_from_slice(&inputs[..rows * self.inputs()]);
        let last = self.sizes.len().saturating_sub(2);
        let mut start = 0;
        for position in 0..self.sizes.len().saturating_sub(1) {
            let layer = self.layer_at(self.sizes[position] as usize, self.sizes[position + 1] as usize, start);
            start = layer.biases.end;
            let (before, after) = workspace.values.split_at_mut(position + 1);
            let values = &mut after[0];
            values.clear();
            for _ in 0..rows {
                values.extend_from_slice(&self.parameters[layer.biases.clone()]);
            }
            let weights = &self.parameters[layer.weights.clone()];
            if rows == 1 {
                add_row(&before[position], weights, values);
            } else {
                let shape = Shape { rows, width: layer.inputs, outputs: layer.outputs };
                matrix::forward(&before[position], weights, 1.0, values, shape);
            }
            if position < last {
                between.sums(position, rows, values);
                self.activations[position].apply(values);
                between.activations(position, rows, values);
            } else {
                self.activations[position].apply(values);
            }
        }
        workspace.values.last().map_or(&[], Vec::as_slice)
    }

    /// After a forward pass with the same workspace: adds to `gradient` (as long as the parameters) the derivative by each
    /// parameter of a loss whose derivative by the outputs (rows × outputs) is given.
    pub(crate) fn backward(&self, workspace: &mut Workspace, output_gradient: &[f32], gradient: &mut [f32]) {
        self.back(workspace, output_gradient, gradient, false, &mut ());
    }

    /// [`Dense::backward`], with something between the layers.
    pub(crate) fn backward_with(
        &self,
        workspace: &mut Workspace,
        output_gradient: &[f32],
        gradient: &mut [f32],
        between: &mut impl Between,
    ) {
        self.back(workspace, output_gradient, gradient, false, between);
    }

    /// [`Dense::backward`], and the loss's derivative by the inputs, rows × inputs, until the workspace is used again.
    pub(crate) fn backward_to_inputs<'w>(
        &self,
        workspace: &'w mut Workspace,
        output_gradient: &[f32],
        gradient: &mut [f32],
    ) -> &'w [f32] {
        self.back(workspace, output_gradient, gradient, true, &mut ());
        &workspace.slopes
    }

    fn back(
        &self,
        workspace: &mut Workspace,
        output_gradient: &[f32],
        gradient: &mut [f32],
        to_inputs: bool,
        between: &mut impl Between,
    ) {
        let Workspace { rows, values, slopes, next } = workspace;
        let rows = *rows;
        let fits = output_gradient.len() == rows * self.outputs() && gradient.len() == self.parameters.len();
        debug_assert!(fits, "slices that a backward pass is given fit the forward pass");
        if !fits || values.len() != self.sizes.len() {
            return;
        }
        slopes.clear();
        slopes.extend_from_slice(output_gradient);
        let mut end = self.parameters.len();
        for position in (0..self.sizes.len().saturating_sub(1)).rev() {
            let (inputs, outputs) = (self.sizes[position] as usize, self.sizes[position + 1] as usize);
            let start = end - (inputs + 1) * outputs;
            let layer = self.layer_at(inputs, outputs, start);
            end = start;
            if position + 2 == self.sizes.len() {
                self.activations[position].multiply_by_derivative(&values[position + 1], slopes);
            } else {
                between.back_from_activations(position, rows, &mut values[position + 1], slopes);
                self.activations[position].multiply_by_derivative(&values[position + 1], slopes);
                between.back_from_sums(position, rows, slopes);
            }
            let shape = Shape { rows, width: inputs, outputs };
            matrix::to_weights(&values[position], slopes, &mut gradient[layer.weights.clone()], shape);
            let of_biases = &mut gradient[layer.biases];
            for slopes in slopes.chunks_exact(outputs.max(1)) {
                for (sum, slope) in of_biases.iter_mut().zip(slopes) {
                    *sum += slope;
                }
            }
            if position > 0 || to_inputs {
                next.resize(rows * inputs, 0.0);
                matrix::to_inputs(slopes, &self.parameters[layer.weights], next, shape);
                std::mem::swap(slopes, next);
            }
        }
    }

    /// The largest that any output can be for inputs within ±`largest`, rounding apart: infinite or no number where sums may
    /// overflow on the way.
    pub(crate) fn reach(&self, largest: f32) -> f32 {
        let mut reach = f64::from(largest);
        for (layer, activation) in self.layers().into_iter().zip(&self.activations) {
            let mut sums: Vec<f64> = self.parameters[layer.biases].iter().map(|bias| f64::from(bias.abs())).collect();
            for weights in self.parameters[layer.weights].chunks_exact(layer.outputs.max(1)) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += reach * f64::from(weight.abs());
                }
            }
            // NaN must not be lost in a maximum.
            let sum = sums.into_iter().fold(0.0, |most: f64, sum| if sum > most || sum.is_nan() { sum } else { most });
            if sum.is_nan() || sum > f64::from(f32::MAX) {
                return f32::INFINITY;
            }
            reach = match activation {
                Activation::Relu | Activation::Identity => sum,
                Activation::Tanh | Activation::Logistic => 1.0,
            };
        }
        reach as f32
    }

    /// Whether another network has the same layers.
    fn has_shape_of(&self, other: &Self) -> bool {
        self.sizes == other.sizes && self.activations == other.activations
    }

    /// Whether a network read from a state can be what training `begun` came to.
    pub(crate) fn can_follow(&self, begun: &Self) -> bool {
        self.has_shape_of(begun) && self.check().is_ok()
    }

    /// Whether a network read from a file can be run: sizes that agree with the number of parameters, and finite parameters.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.sizes.len() < 2 || self.sizes.contains(&0) {
            return Err("the network has no layers, or an empty one".to_owned());
        }
        if self.activations.len() + 1 != self.sizes.len() {
            return Err("the network's layers and activations differ in number".to_owned());
        }
        let count = self.sizes.windows(2).try_fold(0_u64, |sum, sizes| {
            let (inputs, outputs) = (u64::from(sizes[0]), u64::from(sizes[1]));
            inputs.checked_add(1)?.checked_mul(outputs)?.checked_add(sum)
        });
        if count != Some(self.parameters.len() as u64) {
            return Err("the network's sizes and the number of its parameters disagree".to_owned());
        }
        if self.parameters.iter().all(|parameter| parameter.is_finite()) {
            Ok(())
        } else {
            Err("a parameter of the network is no finite number".to_owned())
        }
    }
}

/// `sums` += `inputs` · `weights` for one row.
fn add_row(inputs: &[f32], weights: &[f32], sums: &mut [f32]) {
    for (input, weights) in inputs.iter().zip(weights.chunks_exact(sums.len().max(1))) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += input * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(hidden: Activation, output: Activation) -> Dense {
        let mut network = Dense::new(&[5, 7, 6, 3], hidden, output, &mut Random::new(3, 0));
        let mut random = Random::new(4, 0);
        // Biases off zero, so that their derivatives are tried as well.
        network.parameters_mut().iter_mut().for_each(|parameter| *parameter += 0.1 * random.normal() as f32);
        network
    }

    fn draws(count: usize, stream: u64) -> Vec<f32> {
        let mut random = Random::new(9, stream);
        (0..count).map(|_| random.normal() as f32).collect()
    }

    /// The loss Σ output × factor, in double precision over the outputs.
    fn loss(network: &Dense, inputs: &[f32], factors: &[f32]) -> f64 {
        let mut workspace = Workspace::default();
        let outputs = network.forward(inputs, &mut workspace);
        outputs.iter().zip(factors).map(|(output, factor)| f64::from(*output) * f64::from(*factor)).sum()
    }

    #[test]
    fn gradients_by_parameters_and_inputs_are_those_of_finite_differences() {
        for (hidden, output) in [
            (Activation::Tanh, Activation::Identity),
            (Activation::Logistic, Activation::Tanh),
            (Activation::Identity, Activation::Logistic),
            (Activation::Relu, Activation::Identity),
        ] {
            let network = network(hidden, output);
            let (inputs, factors) = (draws(4 * 5, 1), draws(4 * 3, 2));
            let mut workspace = Workspace::default();
            network.forward(&inputs, &mut workspace);
            // The gradient adds to what is there.
            let mut gradient = vec![1.0; network.parameters().len()];
            let by_inputs = network.backward_to_inputs(&mut workspace, &factors, &mut gradient).to_vec();
            let step = 1e-3;
            let mut off = 0;
            for (parameter, found) in gradient.iter().enumerate() {
                let at = |change: f32| {
                    let mut moved = network.clone();
                    moved.parameters_mut()[parameter] += change;
                    loss(&moved, &inputs, &factors)
                };
                let expected = (at(step) - at(-step)) / (2.0 * f64::from(step));
                off += usize::from((f64::from(*found) - 1.0 - expected).abs() > 4e-3);
            }
            for input in 0..inputs.len() {
                let at = |change: f32| {
                    let mut moved = inputs.clone();
                    moved[input] += change;
                    loss(&network, &moved, &factors)
                };
                let expected = (at(step) - at(-step)) / (2.0 * f64::from(step));
                off += usize::from((f64::from(by_inputs[input]) - expected).abs() > 4e-3);
            }
            // A rectifier's kink may lie within a step.
            let allowed = if hidden == Activation::Relu { 2 } else { 0 };
            assert!(off <= allowed, "{hidden:?}, {output:?}: {off} derivatives are off");
        }
    }

    #[test]
    fn one_row_alone_gives_what_it_gives_among_others() {
        let network = network(Activation::Relu, Activation::Identity);
        let inputs = draws(9 * 5, 1);
        let mut workspace = Workspace::default();
        let together = network.forward(&inputs, &mut workspace).to_vec();
        for row in 0..9 {
            let alone = network.forward(&inputs[row * 5..][..5], &mut workspace);
            for (alone, together) in alone.iter().zip(&together[row * 3..][..3]) {
                assert!((alone - together).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_large_network_gives_the_same_on_one_thread_and_on_two() {
        let network = Dense::new(&[300, 400, 10], Activation::Relu, Activation::Identity, &mut Random::new(1, 0));
        let (inputs, factors) = (draws(500 * 300, 1), draws(500 * 10, 2));
        let run = |threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let mut workspace = Workspace::default();
                let outputs = network.forward(&inputs, &mut workspace).to_vec();
                let mut gradient = vec![0.0; network.parameters().len()];
                network.backward(&mut workspace, &factors, &mut gradient);
                (outputs, gradient)
            })
        };
        assert!(run(1) == run(2));
    }

    #[test]
    fn weights_begin_within_their_bounds_and_fill_them() {
        let network = Dense::new(&[50, 40, 1], Activation::Relu, Activation::Identity, &mut Random::new(1, 0));
        for (layer, bound) in network.layers().iter().zip([(6.0_f32 / 90.0).sqrt(), (6.0_f32 / 41.0).sqrt()]) {
            let largest =
                network.parameters()[layer.weights.clone()].iter().fold(0.0, |most: f32, w| most.max(w.abs()));
            assert!(largest <= bound && largest > 0.8 * bound, "{largest} for {bound}");
            assert!(network.parameters()[layer.biases.clone()].iter().all(|bias| *bias == 0.0));
        }
    }

    #[test]
    fn a_network_run_in_two_parts_is_the_network() {
        let network = network(Activation::Tanh, Activation::Identity);
        let inputs = draws(4 * 5, 1);
        let mut workspaces = [(); 3].map(|()| Workspace::default());
        let [whole, first, second] = &mut workspaces;
        let between = network.part(0..2).forward(&inputs, first).to_vec();
        assert_eq!(between.len(), 4 * 6);
        assert_eq!(network.part(2..3).forward(&between, second), network.forward(&inputs, whole));
        assert_eq!(network.part(0..2).check(), Ok(()));
        assert!(network.part(3..3).check().is_err());
    }

    #[test]
    fn no_output_reaches_further_than_promised() {
        let network = network(Activation::Relu, Activation::Identity);
        let reach = network.reach(4.0);
        let inputs: Vec<f32> = draws(100 * 5, 1).into_iter().map(|value| value.clamp(-1.0, 1.0) * 4.0).collect();
        let mut workspace = Workspace::default();
        let largest =
            network.forward(&inputs, &mut workspace).iter().fold(0.0, |most: f32, output| most.max(output.abs()));
        assert!(largest > 0.01 * reach && largest <= reach, "{largest} of {reach}");
        let mut large = network;
        large.parameters_mut().iter_mut().for_each(|parameter| *parameter *= 1e20);
        assert!(large.reach(4.0).is_infinite());
    }

    #[test]
    fn sizes_that_do_not_fit_the_parameters_are_refused() {
        let good = network(Activation::Tanh, Activation::Identity);
        assert_eq!(good.check(), Ok(()));
        for sizes in [vec![], vec![5], vec![5, 7, 6, 4], vec![5, 0, 6, 3], vec![u32::MAX, u32::MAX, u32::MAX, 3]] {
            assert!(Dense { sizes: sizes.clone(), ..good.clone() }.check().is_err(), "{sizes:?}");
        }
        let mut bad = good;
        bad.parameters[8] = f32::NAN;
        assert!(bad.check().is_err());
    }
}
