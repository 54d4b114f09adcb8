//! A network's hyperparameters, by the names and defaults of scikit-learn's `MLPClassifier` and `MLPRegressor`; `dropout`,
//! `batch_norm` and `class_weight` are named as elsewhere in the field.

use kumiko_vocabulary::learning::{Algorithm, Task};
use serde_json::{Map, Value};

use crate::class_weights::ClassWeights;
use crate::error::Error;
use crate::hyperparameters::{Hyperparameters, as_whole};

use super::activation::Activation;
use super::adam::AdamSettings;
use super::descent::Plan;
use super::optimiser::Solver;

/// Outputs of a hidden layer at most.
const WIDEST_LAYER: usize = 16_384;
/// Hidden layers at most.
const MOST_LAYERS: usize = 64;
/// Epochs at most.
const MOST_EPOCHS: usize = 1_000_000;
/// Rows of a batch where nobody says how many.
const AUTOMATIC_BATCH: usize = 200;
/// Rows of a batch at most.
const LARGEST_BATCH: usize = 1 << 24;
/// Parameters at most: a GiB in a file, several while training.
pub(super) const MOST_PARAMETERS: usize = 1 << 28;

/// What a network is trained by.
pub(super) struct Settings {
    pub(super) hidden: Vec<usize>,
    pub(super) activation: Activation,
    pub(super) plan: Plan,
    /// Rows of a batch; none where the rows decide.
    pub(super) batch: Option<usize>,
    pub(super) validation_fraction: f64,
    pub(super) class_weights: ClassWeights,
}

impl Settings {
    /// Reads the hyperparameters; also gives them as they are used.
    pub(super) fn read(task: Task, given: &Map<String, Value>) -> Result<(Self, Map<String, Value>), Error> {
        let mut known = vec![
            "hidden_layer_sizes",
            "activation",
            "solver",
            "alpha",
            "batch_size",
            "learning_rate",
            "learning_rate_init",
            "max_iter",
            "tol",
            "momentum",
            "nesterovs_momentum",
            "early_stopping",
            "validation_fraction",
            "beta_1",
            "beta_2",
            "epsilon",
            "n_iter_no_change",
            "dropout",
            "batch_norm",
        ];
        if task == Task::Classification {
            known.push("class_weight");
        }
        let mut reader = Hyperparameters::new(Algorithm::NeuralNetwork, given, &known)?;
        let hidden = hidden_layers(&mut reader, &[100])?;
        let activation = activation(&mut reader)?;
        let solver = solver(&mut reader)?;
        let penalty = reader.number("alpha", 1e-4, |alpha| alpha >= 0.0, "a number of zero or more")? as f32;
        let batch = batch_size(&mut reader)?;
        let adaptive = reader.own(
            "learning_rate",
            Value::from("constant"),
            |value| match value.as_str()? {
                "constant" => Some(false),
                "adaptive" => Some(true),
                _ => None,
            },
            "\"constant\" or \"adaptive\"",
        )?;
        let epochs = reader.whole("max_iter", 200, 1..=MOST_EPOCHS)?;
        let tolerance = reader.number("tol", 1e-4, |tolerance| tolerance >= 0.0, "a number of zero or more")?;
        let early_stopping = reader.flag("early_stopping", false)?;
        let validation_fraction = fraction(&mut reader, "validation_fraction", 0.1)?;
        let patience = reader.whole("n_iter_no_change", 10, 1..=MOST_EPOCHS)?;
        let dropout =
            reader.number("dropout", 0.0, |share| (0.0..=0.99).contains(&share), "a number from 0 to 0.99")? as f32;
        let batch_norm = reader.flag("batch_norm", false)?;
        if batch_norm && batch == Some(1) {
            return Err(reader.refuse("batch_size", "2 at least where `batch_norm` is true".to_owned()));
        }
        let class_weights =
            if task == Task::Classification { ClassWeights::read(&mut reader)? } else { ClassWeights::Even };
        let plan = Plan {
            solver,
            adaptive,
            epochs,
            batch: AUTOMATIC_BATCH,
            tolerance,
            patience,
            early_stopping,
            penalty,
            dropout,
            batch_norm,
        };
        Ok((Self { hidden, activation, plan, batch, validation_fraction, class_weights }, reader.used()))
    }
}

/// `batch_size`: rows of a batch, or none for "auto".
pub(super) fn batch_size(reader: &mut Hyperparameters<'_>) -> Result<Option<usize>, Error> {
    reader.own(
        "batch_size",
        Value::from("auto"),
        |value| match value {
            Value::String(text) if text == "auto" => Some(None),
            value => as_whole(value).filter(|rows| (1..=LARGEST_BATCH).contains(rows)).map(Some),
        },
        "\"auto\" for the smaller of 200 and the number of rows, or a whole number from 1 to 16777216",
    )
}

/// Rows of a batch, of so many rows: no more than there are.
pub(super) fn batch_rows(batch: Option<usize>, rows: usize) -> usize {
    batch.unwrap_or(AUTOMATIC_BATCH).min(rows).max(1)
}

/// `hidden_layer_sizes`: outputs of each hidden layer, as a list or as a number for one.
pub(super) fn hidden_layers(reader: &mut Hyperparameters<'_>, default: &[usize]) -> Result<Vec<usize>, Error> {
    let size = |value: &Value| as_whole(value).filter(|size| (1..=WIDEST_LAYER).contains(size));
    reader.own(
        "hidden_layer_sizes",
        Value::from(default),
        |value| match value {
            Value::Array(sizes) if sizes.len() <= MOST_LAYERS => sizes.iter().map(size).collect(),
            Value::Array(_) => None,
            value => Some(vec![size(value)?]),
        },
        &format!("a list of up to {MOST_LAYERS} whole numbers from 1 to {WIDEST_LAYER}"),
    )
}

/// `activation`.
pub(super) fn activation(reader: &mut Hyperparameters<'_>) -> Result<Activation, Error> {
    reader.own(
        "activation",
        Value::from("relu"),
        |value| value.as_str().and_then(Activation::named),
        "\"relu\", \"tanh\", \"logistic\" or \"identity\"",
    )
}

/// `learning_rate_init`.
pub(super) fn rate(reader: &mut Hyperparameters<'_>) -> Result<f32, Error> {
    let expected = "a number above 0 and up to 10^30";
    // What single precision rounds to 0 is no rate.
    let holds = |rate: f64| rate as f32 > 0.0 && rate <= 1e30;
    reader.number("learning_rate_init", 1e-3, holds, expected).map(|rate| rate as f32)
}

/// A share above 0 and below 1.
pub(super) fn fraction(reader: &mut Hyperparameters<'_>, name: &str, default: f64) -> Result<f64, Error> {
    reader.number(name, default, |share| share > 0.0 && share < 1.0, "a number above 0 and below 1")
}

fn solver(reader: &mut Hyperparameters<'_>) -> Result<Solver, Error> {
    let adam = reader.own(
        "solver",
        Value::from("adam"),
        |value| match value.as_str()? {
            "adam" => Some(true),
            "sgd" => Some(false),
            _ => None,
        },
        "\"adam\" or \"sgd\"",
    )?;
    let rate = rate(reader)?;
    let below_one = |value: f64| value >= 0.0 && (value as f32) < 1.0;
    let expected = "a number from 0 to below 1";
    let momentum = reader.number("momentum", 0.9, below_one, expected)? as f32;
    let nesterov = reader.flag("nesterovs_momentum", true)?;
    let first_beta = reader.number("beta_1", 0.9, below_one, expected)? as f32;
    let second_beta = reader.number("beta_2", 0.999, below_one, expected)? as f32;
    let epsilon =
        reader.number("epsilon", 1e-8, |value| value as f32 > 0.0 && value <= 1.0, "a number above 0 and up to 1")?;
    Ok(if adam {
        let settings =
            AdamSettings { rate, first_beta, second_beta, epsilon: epsilon as f32, ..AdamSettings::default() };
        Solver::Adam(settings)
    } else {
        Solver::Sgd { rate, momentum, nesterov }
    })
}
