//! Dense neural networks: the algorithm `neural_network`, and what else in this crate is made of layers.
//!
//! The core is good for anything that learns by gradients: `dense` (layers, forward and back), `activation`, `adam`, over the
//! products of `matrix`. On it, `descent` trains by mini-batches, with an `optimiser`, what is to be learnt by `loss`, and what
//! stands between layers meanwhile by `regularise`. `settings` reads the hyperparameters, `scaling` standardises columns,
//! `fit` and `predict` make a model of it; `autoencoder` learns columns from themselves.
//!
//! A model's order of evaluation: each column about its training mean, in units of its training deviation, and no further out than
//! 100,000 of them (a column that was constant is 0); the layers; then for classes the logistic function of the one score or the
//! softmax of several, and for numbers the target's mean plus its deviation × the output. All in single precision but the first
//! and the last step.

pub(crate) mod activation;
pub(crate) mod adam;
pub(crate) mod autoencoder;
pub(crate) mod dense;
mod descent;
mod fit;
mod loss;
mod matrix;
mod optimiser;
mod predict;
mod regularise;
mod scaling;
mod settings;
mod view;

use kumiko_vocabulary::learning::Task;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;

use dense::Dense;
use scaling::Scaling;
use settings::Settings;

pub(crate) use fit::fit;
pub use view::{LayerView, NetworkOutput, NetworkView};

/// What `neural_network` leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    scaling: Scaling,
    layers: Dense,
    outputs: Outputs,
}

/// What the last layer's outputs stand for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Outputs {
    /// Of two classes the log odds of the second; of more, what the softmax is taken of.
    Classes(u32),
    /// A number, `mean + deviation × output`.
    Values { mean: f64, deviation: f64 },
}

/// Checks the hyperparameters alone.
pub(crate) fn check(task: Task, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    Settings::read(task, given).map(|(_, used)| used)
}
