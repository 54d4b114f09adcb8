//! Autoencoders: columns learnt from themselves through a narrow layer.
//!
//! The encoder leads from the standardised columns over hidden layers to a few latent numbers, the decoder back over the same
//! layers in reverse; what is trained is the mean squared error of the way there and back. The latent numbers and the outputs have
//! no activation. Latent numbers place rows that are alike near each other; a row that comes back badly is unlike the rest.
//!
//! ```text
//! let settings = AutoencoderSettings::read(&mut reader)?;       // names: AutoencoderSettings::NAMES
//! let learnt = autoencoder::fit(&columns, &settings, seed, checkpoint, control)?;
//! let latent = learnt.autoencoder.encode(&columns)?;             // latent columns, each as long as a column
//! let errors = learnt.autoencoder.reconstruction_error(&columns)?; // one for each row
//! ```
//!
//! An [`Autoencoder`] read from a file is to be asked [`Autoencoder::check`] before anything else.
#![allow(clippy::indexing_slicing, reason = "outputs are cut to a row's length by the sizes that made them")]

use std::ops::Range;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::LossPoint;
use serde::{Deserialize, Serialize};

use crate::blocks::map_blocks;
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::hyperparameters::Hyperparameters;
use crate::random::Random;

use super::activation::Activation;
use super::adam::AdamSettings;
use super::dense::{Dense, Workspace};
use super::descent::{Descent, End, INITIAL_STREAM, Plan, SPLIT_STREAM, descend};
use super::loss::{Examples, Targets};
use super::optimiser::Solver;
use super::scaling::{FURTHEST, Scaling};
use super::settings::{self, MOST_PARAMETERS};

/// Latent numbers at most.
const MOST_LATENT: usize = 4_096;
/// Epochs at most.
const MOST_EPOCHS: usize = 1_000_000;
/// Rows that go through the layers at once.
const ROWS_AT_ONCE: usize = 256;
/// What the rows are called in errors.
const DATA: &str = "the data";

/// How an autoencoder is trained.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AutoencoderSettings {
    /// Outputs of the encoder's hidden layers; the decoder's are these in reverse.
    pub(crate) hidden: Vec<usize>,
    /// Latent numbers of a row.
    pub(crate) latent: usize,
    /// Of the hidden layers.
    pub(crate) activation: Activation,
    /// Epochs at most.
    pub(crate) epochs: usize,
    /// Rows of a batch; none for the smaller of 200 and all.
    pub(crate) batch: Option<usize>,
    /// Adam's rate.
    pub(crate) rate: f32,
    /// The decrease of the loss that counts as progress.
    pub(crate) tolerance: f64,
    /// Epochs without progress that end the training.
    pub(crate) patience: usize,
    /// Whether rows held back decide the end, and which epoch's weights are kept.
    pub(crate) early_stopping: bool,
    /// The share of rows held back.
    pub(crate) validation_fraction: f64,
}

impl Default for AutoencoderSettings {
    fn default() -> Self {
        Self {
            hidden: vec![64, 32],
            latent: 2,
            activation: Activation::Relu,
            epochs: 200,
            batch: None,
            rate: 1e-3,
            tolerance: 1e-4,
            patience: 10,
            early_stopping: false,
            validation_fraction: 0.1,
        }
    }
}

impl AutoencoderSettings {
    /// The hyperparameters that [`AutoencoderSettings::read`] reads.
    pub(crate) const NAMES: [&str; 10] = [
        "hidden_layer_sizes",
        "latent_dimensions",
        "activation",
        "max_iter",
        "batch_size",
        "learning_rate_init",
        "tol",
        "n_iter_no_change",
        "early_stopping",
        "validation_fraction",
    ];

    /// Reads the hyperparameters, with the defaults of [`AutoencoderSettings::default`].
    pub(crate) fn read(reader: &mut Hyperparameters<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            hidden: settings::hidden_layers(reader, &default.hidden)?,
            latent: reader.whole("latent_dimensions", default.latent, 1..=MOST_LATENT)?,
            activation: settings::activation(reader)?,
            epochs: reader.whole("max_iter", default.epochs, 1..=MOST_EPOCHS)?,
            batch: settings::batch_size(reader)?,
            rate: settings::rate(reader)?,
            tolerance: reader.number("tol", default.tolerance, |tol| tol >= 0.0, "a number of zero or more")?,
            patience: reader.whole("n_iter_no_change", default.patience, 1..=MOST_EPOCHS)?,
            early_stopping: reader.flag("early_stopping", default.early_stopping)?,
            validation_fraction: settings::fraction(reader, "validation_fraction", default.validation_fraction)?,
        })
    }
}

/// An encoder and its decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Autoencoder {
    scaling: Scaling,
    encoder: Dense,
    decoder: Dense,
}

/// What a training came to.
#[derive(Clone, Debug)]
pub(crate) struct Learnt {
    pub(crate) autoencoder: Autoencoder,
    /// After each epoch the mean squared error of standardised columns, on the rows learnt from and on those held back.
    pub(crate) curve: Vec<LossPoint>,
    /// Whether the training ended before it was done, in words.
    pub(crate) notes: Vec<String>,
}

/// Trains an autoencoder on columns of equal length, two rows at least. A missing or infinite value is an error, and so is a
/// network too large to hold; cancelling ends in [`Error::Cancelled`]. With a checkpoint the training goes on from the
/// last epoch that was kept.
pub(crate) fn fit(
    columns: &[&[f32]],
    settings: &AutoencoderSettings,
    seed: u64,
    checkpoint: Option<&Checkpoint>,
    control: &dyn Control,
) -> Result<Learnt, Error> {
    let count = check_columns(columns)?;
    let few = |expected| Error::Rows { what: DATA.to_owned(), rows: count, expected };
    if count < 2 {
        return Err(few("two at least"));
    }
    let mut rows: Vec<u32> = (0..count as u32).collect();
    let mut held_back = Vec::new();
    if settings.early_stopping {
        Random::new(seed, SPLIT_STREAM).shuffle(&mut rows);
        let held = ((count as f64 * settings.validation_fraction).round() as usize).clamp(1, count - 1);
        held_back = rows.split_off(count - held);
        rows.sort_unstable();
    }
    let scaling = Scaling::new(columns, &rows, None);
    let examples = |rows: &[u32]| Examples {
        inputs: scaling.matrix(columns, rows),
        width: columns.len(),
        targets: Targets::Inputs,
        weights: None,
    };
    let (training, held) = (examples(&rows), settings.early_stopping.then(|| examples(&held_back)));
    let plan = Plan {
        solver: Solver::Adam(AdamSettings { rate: settings.rate, ..AdamSettings::default() }),
        adaptive: false,
        epochs: settings.epochs,
        batch: settings::batch_rows(settings.batch, rows.len()),
        tolerance: settings.tolerance,
        patience: settings.patience,
        early_stopping: settings.early_stopping,
        penalty: 0.0,
        dropout: 0.0,
        batch_norm: false,
    };
    let network = initial(columns.len(), settings, seed)?;
    let Descent { network, curve, end } = descend(network, &training, held.as_ref(), &plan, seed, checkpoint, control)?;
    let encoder_layers = settings.hidden.len() + 1;
    let autoencoder = Autoencoder {
        scaling,
        encoder: network.part(0..encoder_layers),
        decoder: network.part(encoder_layers..2 * encoder_layers),
    };
    autoencoder.check(columns.len()).map_err(|what| Error::Diverged { step: curve.len(), what })?;
    let notes = if end == End::OutOfEpochs {
        vec![format!("not converged within max_iter = {}: raise `max_iter`, or `tol`", settings.epochs)]
    } else {
        Vec::new()
    };
    Ok(Learnt { autoencoder, curve, notes })
}

/// Encoder and decoder in one, before training.
fn initial(columns: usize, settings: &AutoencoderSettings, seed: u64) -> Result<Dense, Error> {
    let encoder: Vec<usize> =
        [columns].into_iter().chain(settings.hidden.iter().copied()).chain([settings.latent]).collect();
    let sizes: Vec<usize> = encoder.iter().chain(encoder.iter().rev().skip(1)).copied().collect();
    let parameters: u128 = sizes.windows(2).map(|sizes| (sizes[0] as u128 + 1) * sizes[1] as u128).sum();
    if parameters > MOST_PARAMETERS as u128 {
        return Err(Error::Numerical {
            what: format!(
                "`hidden_layer_sizes` make {parameters} parameters with {columns} columns; expected at most \
                 {MOST_PARAMETERS}"
            ),
        });
    }
    let layers = sizes.len() - 1;
    let linear = |layer: usize| layer == layers / 2 || layer == layers;
    let activations =
        (1..=layers).map(|layer| if linear(layer) { Activation::Identity } else { settings.activation }).collect();
    Ok(Dense::with_activations(&sizes, activations, &mut Random::new(seed, INITIAL_STREAM)))
}

/// The number of rows of columns that are equally long and finite.
fn check_columns(columns: &[&[f32]]) -> Result<usize, Error> {
    let rows = columns.first().ok_or(Error::NoFeatures)?.len();
    for (number, column) in columns.iter().enumerate() {
        if column.len() != rows {
            return Err(Error::Length { what: format!("column {number}"), expected: rows, found: column.len() });
        }
        if let Some(row) = column.iter().position(|value| !value.is_finite()) {
            return Err(Error::Numerical {
                what: format!("column {number} (from 0) is missing or infinite in row {row} (from 0)"),
            });
        }
    }
    Ok(rows)
}

impl Autoencoder {
    /// The latent numbers of rows: as many columns as there are latent dimensions. The columns are those of the training, in its
    /// order; no missing or infinite value.
    pub(crate) fn encode(&self, columns: &[&[f32]]) -> Result<Vec<Vec<f32>>, Error> {
        let rows = self.check_rows(columns)?;
        let size = self.encoder.outputs();
        let blocks = map_blocks(rows, |block| {
            let (mut workspace, mut latent) = (Workspace::default(), Vec::new());
            self.each(columns, block, |inputs| latent.extend_from_slice(self.encoder.forward(inputs, &mut workspace)));
            latent
        });
        let mut encoded = vec![Vec::with_capacity(rows); size];
        for numbers in blocks.iter().flat_map(|block| block.chunks_exact(size.max(1))) {
            encoded.iter_mut().zip(numbers).for_each(|(column, number)| column.push(*number));
        }
        Ok(encoded)
    }

    /// For each row the mean over columns of (standardised value − what came back)². A column that was constant counts as
    /// its mean, whatever it holds. The columns are those of the training, in its order; no missing or infinite value.
    pub(crate) fn reconstruction_error(&self, columns: &[&[f32]]) -> Result<Vec<f32>, Error> {
        let rows = self.check_rows(columns)?;
        let width = columns.len();
        Ok(map_blocks(rows, |block| {
            let (mut there, mut back, mut errors) = (Workspace::default(), Workspace::default(), Vec::new());
            self.each(columns, block, |inputs| {
                let outputs = self.decoder.forward(self.encoder.forward(inputs, &mut there), &mut back);
                let rows = inputs.chunks_exact(width).zip(outputs.chunks_exact(width));
                errors.extend(rows.map(|(inputs, outputs)| {
                    let square = |(input, output): (&f32, &f32)| f64::from(input - output).powi(2);
                    // What single precision cannot hold is as far off as it can say.
                    let mean = inputs.iter().zip(outputs).map(square).sum::<f64>() / width as f64;
                    mean.min(f64::from(f32::MAX)) as f32
                }));
            });
            errors
        })
        .concat())
    }

    /// The number of latent dimensions.
    pub(crate) fn latent_dimensions(&self) -> usize {
        self.encoder.outputs()
    }

    /// Whether an autoencoder read from a file fits its columns and can be run, whatever row comes.
    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        self.scaling.check(columns)?;
        self.encoder.check()?;
        self.decoder.check()?;
        let fits = self.encoder.inputs() == columns
            && self.decoder.outputs() == columns
            && self.encoder.outputs() == self.decoder.inputs();
        if !fits {
            return Err("the autoencoder's layers do not fit its columns or each other".to_owned());
        }
        if self.decoder.reach(self.encoder.reach(FURTHEST)).is_finite() {
            Ok(())
        } else {
            Err("the autoencoder's weights are too large to run it".to_owned())
        }
    }

    fn check_rows(&self, columns: &[&[f32]]) -> Result<usize, Error> {
        if columns.len() != self.encoder.inputs() {
            return Err(Error::Length {
                what: "the list of columns".to_owned(),
                expected: self.encoder.inputs(),
                found: columns.len(),
            });
        }
        check_columns(columns)
    }

    /// Hands the standardised rows of a block on, a few hundred at a time.
    fn each(&self, columns: &[&[f32]], block: Range<usize>, mut work: impl FnMut(&[f32])) {
        let mut inputs = Vec::new();
        for start in block.clone().step_by(ROWS_AT_ONCE) {
            inputs.clear();
            self.scaling.append(columns, start..block.end.min(start + ROWS_AT_ONCE), &mut inputs);
            work(&inputs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiko_vocabulary::control::Unattended;
    use kumiko_vocabulary::learning::Algorithm;
    use serde_json::json;

    /// Eight columns that follow from two hidden numbers, on scales of their own.
    fn columns(rows: usize) -> Vec<Vec<f32>> {
        let mut random = Random::new(1, 0);
        let mut columns = vec![Vec::new(); 8];
        for _ in 0..rows {
            let (x, y) = (random.normal(), random.normal());
            let values = [x, y, x + y, x - y, x * y, (2.0 * x).sin(), x * x, 0.5];
            for (number, (column, value)) in columns.iter_mut().zip(values).enumerate() {
                column.push(
                    ((value + 0.01 * random.normal() * f64::from(number < 7)) * 10_f64.powi(number as i32)) as f32,
                );
            }
        }
        columns
    }

    fn views(columns: &[Vec<f32>]) -> Vec<&[f32]> {
        columns.iter().map(Vec::as_slice).collect()
    }

    fn settings() -> AutoencoderSettings {
        AutoencoderSettings { epochs: 60, activation: Activation::Tanh, ..AutoencoderSettings::default() }
    }

    #[test]
    fn two_latent_numbers_hold_what_eight_columns_say_and_more_than_a_line_does() {
        let columns = columns(2_000);
        let columns = views(&columns);
        let learnt = fit(&columns, &settings(), 7, None, &Unattended).unwrap();
        let errors = learnt.autoencoder.reconstruction_error(&columns).unwrap();
        let mean = errors.iter().map(|error| f64::from(*error)).sum::<f64>() / 2_000.0;
        // The best plane, by python:
        // x, y = numpy.random.default_rng(0).normal(size=(2, 100_000))
        // X = StandardScaler().fit_transform(numpy.c_[x, y, x + y, x - y, x * y, numpy.sin(2 * x), x * x])
        // 7 / 8 * (1 - PCA(2).fit(X).explained_variance_ratio_.sum())  # 0.345
        assert!(mean < 0.1, "{mean}");
        let last = learnt.curve.last().unwrap();
        assert!((last.training - mean).abs() < 0.05, "{last:?} {mean}");
        let latent = learnt.autoencoder.encode(&columns).unwrap();
        assert_eq!((latent.len(), latent[0].len(), learnt.autoencoder.latent_dimensions()), (2, 2_000, 2));
    }

    #[test]
    fn a_row_unlike_the_others_comes_back_worse_than_they_do() {
        let mut columns = columns(1_000);
        let autoencoder = fit(&views(&columns), &settings(), 7, None, &Unattended).unwrap().autoencoder;
        let before = autoencoder.reconstruction_error(&views(&columns)).unwrap();
        // Values that are ordinary each, and a sum that is not theirs.
        let row = (0..1_000).find(|row| (columns[0][*row] - 1.0).abs() < 0.2 && (columns[1][*row] - 10.0).abs() < 2.0);
        let row = row.unwrap();
        columns[2][row] = -200.0;
        let after = autoencoder.reconstruction_error(&views(&columns)).unwrap();
        let worse = before.iter().filter(|error| **error > after[row]).count();
        assert!(worse < 30 && after[row] > 10.0 * before[row], "{worse} rows above {} {}", after[row], before[row]);
        assert!((0..1_000).all(|other| other == row || before[other] == after[other]));
    }

    #[test]
    fn the_same_seed_gives_the_same_on_one_thread_and_on_two() {
        let columns = columns(500);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let wide = AutoencoderSettings { hidden: vec![256], epochs: 3, ..settings() };
            pool.install(|| fit(&views(&columns), &wide, 7, None, &Unattended).unwrap().autoencoder)
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn it_comes_back_from_its_bytes_and_a_changed_one_is_refused() {
        let columns = columns(100);
        let columns = views(&columns);
        let learnt = fit(&columns, &AutoencoderSettings { epochs: 2, ..settings() }, 7, None, &Unattended).unwrap();
        assert!(learnt.notes[0].contains("max_iter = 2"));
        let bytes = rmp_serde::to_vec_named(&learnt.autoencoder).unwrap();
        let back: Autoencoder = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(back, learnt.autoencoder);
        assert_eq!(back.check(8), Ok(()));
        assert!(back.check(7).is_err());
        let mut other = back.clone();
        other.decoder = other.encoder.clone();
        assert!(other.check(8).is_err());
        let mut other = back;
        other.encoder.parameters_mut().iter_mut().for_each(|parameter| *parameter *= 1e35);
        assert!(other.check(8).is_err());
    }

    #[test]
    fn early_stopping_holds_rows_back_and_keeps_the_best_epoch() {
        let columns = columns(400);
        let early = AutoencoderSettings { early_stopping: true, epochs: 300, patience: 5, rate: 0.02, ..settings() };
        let learnt = fit(&views(&columns), &early, 7, None, &Unattended).unwrap();
        let losses: Vec<f64> = learnt.curve.iter().map(|point| point.validation.unwrap()).collect();
        let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(losses.len() < 300 && best < 0.2 && best < losses[0], "{losses:?}");
        let kept =
            fit(&views(&columns), &AutoencoderSettings { epochs: losses.len() - 5, ..early }, 7, None, &Unattended);
        assert_eq!(kept.unwrap().autoencoder, learnt.autoencoder);
    }

    #[test]
    fn bad_columns_and_settings_are_refused_in_words() {
        let fit =
            |columns: &[&[f32]]| fit(columns, &settings(), 7, None, &Unattended).map(|_| ()).unwrap_err().to_string();
        assert!(fit(&[]).contains("no feature column"));
        assert!(fit(&[&[1.0]]).contains("1 rows"));
        assert!(fit(&[&[1.0, 2.0], &[1.0]]).contains("expected 2"));
        assert!(fit(&[&[1.0, f32::NAN]]).contains("row 1"));
        let given = json!({ "latent_dimensions": 0 });
        let names = AutoencoderSettings::NAMES;
        let mut reader = Hyperparameters::new(Algorithm::NeuralNetwork, given.as_object().unwrap(), &names).unwrap();
        assert!(AutoencoderSettings::read(&mut reader).unwrap_err().to_string().contains("latent_dimensions"));
        let empty = serde_json::Map::new();
        let mut reader = Hyperparameters::new(Algorithm::NeuralNetwork, &empty, &names).unwrap();
        assert_eq!(AutoencoderSettings::read(&mut reader).unwrap(), AutoencoderSettings::default());
        assert_eq!(reader.used().len(), names.len());
    }
}
