//! A network as other formats see it: its parameters in plain form.

use super::activation::Activation;
use super::scaling::FURTHEST;
use super::{Network, Outputs};

/// What a network does to a row, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkView {
    /// What is taken from each column first.
    pub means: Vec<f64>,
    /// What the rest is divided by; 0 for a column that becomes 0.
    pub deviations: Vec<f64>,
    /// How far from 0 the quotient, rounded to single precision, may lie, either way.
    pub furthest: f32,
    /// The layers.
    pub layers: Vec<LayerView>,
    /// What the last layer's outputs stand for.
    pub output: NetworkOutput,
}

/// One layer: activation(weights · inputs + biases).
#[derive(Clone, Debug, PartialEq)]
pub struct LayerView {
    /// The number of inputs.
    pub inputs: usize,
    /// The number of outputs.
    pub outputs: usize,
    /// Inputs × outputs, row after row.
    pub weights: Vec<f32>,
    /// One for each output.
    pub biases: Vec<f32>,
    /// `relu`, `tanh`, `logistic` or `identity`.
    pub activation: &'static str,
}

/// What a network's last layer stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NetworkOutput {
    /// Of two classes the log odds of the second; of more, for each what the softmax is taken of.
    Classes(u32),
    /// A number, mean + deviation × output.
    Values {
        /// The target's mean.
        mean: f64,
        /// The target's deviation.
        deviation: f64,
    },
}

impl Network {
    /// The network in plain form.
    #[must_use]
    pub fn view(&self) -> NetworkView {
        let parameters = self.layers.parameters();
        let part = |range: std::ops::Range<usize>| parameters.get(range).unwrap_or_default().to_vec();
        let (means, deviations) = self.scaling.parts();
        let layers = self.layers.layers().into_iter().zip(self.layers.activations());
        NetworkView {
            means: means.to_vec(),
            deviations: deviations.to_vec(),
            furthest: FURTHEST,
            layers: layers
                .map(|(layer, activation)| LayerView {
                    inputs: layer.inputs,
                    outputs: layer.outputs,
                    weights: part(layer.weights),
                    biases: part(layer.biases),
                    activation: match activation {
                        Activation::Relu => "relu",
                        Activation::Tanh => "tanh",
                        Activation::Logistic => "logistic",
                        Activation::Identity => "identity",
                    },
                })
                .collect(),
            output: match self.outputs {
                Outputs::Classes(classes) => NetworkOutput::Classes(classes),
                Outputs::Values { mean, deviation } => NetworkOutput::Values { mean, deviation },
            },
        }
    }
}
