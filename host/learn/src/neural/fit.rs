//! Training a network on a problem: which rows count and which are held back, targets in the network's units, the descent, and
//! what came out in words.
//!
//! Numbers to be predicted are standardised by the training rows, as the columns are, so the loss curve of a regression is in
//! squares of the target's deviation.
#![allow(
    clippy::indexing_slicing,
    reason = "rows are positions below the number of rows, which every column and target has"
)]

use kumiko_vocabulary::learning::{Algorithm, LossPoint};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::estimator::{Answers, Estimator, Fitted, Problem};
use crate::random::Random;

use super::activation::Activation;
use super::dense::{Dense, Workspace};
use super::descent::{Descent, End, INITIAL_STREAM, Plan, SPLIT_STREAM, descend};
use super::loss::{Examples, Targets};
use super::scaling::{FURTHEST, Scaling, moments};
use super::settings::{MOST_PARAMETERS, Settings, batch_rows};
use super::{Network, Outputs};

/// Rows × outputs that importances are taken on at most.
const SENSITIVITY_PASSES: usize = 2_000;

/// Trains a network.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = Settings::read(problem.answers.task(), given)?;
    let weights = row_weights(problem, &settings)?;
    let rows = problem.columns.first().map_or(0, |column| column.len());
    let counted: Vec<u32> =
        (0..rows as u32).filter(|row| weights.as_ref().is_none_or(|weights| weights[*row as usize] > 0.0)).collect();
    if counted.is_empty() {
        return Err(Error::NoWeight);
    }
    let (rows, held_back) = if settings.plan.early_stopping && problem.validation.is_none() {
        split(&counted, problem, settings.validation_fraction)?
    } else {
        (counted, Vec::new())
    };
    let of_rows = |rows: &[u32]| weights.as_ref().map(|weights| normalised(rows, weights));
    let row_weights = of_rows(&rows);
    let scaling = Scaling::new(&problem.columns, &rows, row_weights.as_deref());
    let outputs = outputs(problem.answers, &rows, row_weights.as_deref())?;
    let examples = |columns: &[&[f32]], rows: &[u32], answers: Answers<'_>, weights| Examples {
        inputs: scaling.matrix(columns, rows),
        width: columns.len(),
        targets: targets(answers, rows, outputs),
        weights,
    };
    let training = examples(&problem.columns, &rows, problem.answers, row_weights);
    let held = match &problem.validation {
        Some(held) => {
            let rows: Vec<u32> = (0..held.columns.first().map_or(0, |column| column.len()) as u32).collect();
            Some(examples(&held.columns, &rows, held.answers, None))
        }
        None if held_back.is_empty() => None,
        None => Some(examples(&problem.columns, &held_back, problem.answers, of_rows(&held_back))),
    };
    let plan = Plan { batch: batch_rows(settings.batch, rows.len()), ..settings.plan };
    let network = initial(problem, &settings, outputs)?;
    let Descent { network, curve, end } =
        descend(network, &training, held.as_ref(), &plan, problem.seed, problem.checkpoint.as_ref(), problem.control)?;
    let importances = sensitivities(&network, &training, &scaling);
    let model = Network { scaling, layers: network, outputs };
    model.check(problem.columns.len(), classes(outputs)).map_err(|what| Error::Diverged { step: curve.len(), what })?;
    let notes = notes(&curve, end, &plan, settings.batch, rows.len(), held_back.len());
    let mut fitted = Fitted::new(Estimator::Network(model), used);
    fitted.importances = importances;
    fitted.loss_curve = curve;
    fitted.notes = notes;
    Ok(fitted)
}

fn classes(outputs: Outputs) -> Option<usize> {
    match outputs {
        Outputs::Classes(classes) => Some(classes as usize),
        Outputs::Values { .. } => None,
    }
}

/// How much each row counts, its class's weight included; none where all count the same.
fn row_weights(problem: &Problem<'_>, settings: &Settings) -> Result<Option<Vec<f64>>, Error> {
    let of_classes = match problem.answers {
        Answers::Classes { codes, classes } => settings
            .class_weights
            .resolve(Algorithm::NeuralNetwork, codes, classes, problem.weights)?
            .map(|weights| (codes, weights)),
        Answers::Values(_) | Answers::None(_) => None,
    };
    if of_classes.is_none() && problem.weights.is_none() {
        return Ok(None);
    }
    let rows = problem.columns.first().map_or(0, |column| column.len());
    let weight = |row: usize| {
        let of_row = problem.weights.map_or(1.0, |weights| f64::from(weights[row]));
        of_row * of_classes.as_ref().map_or(1.0, |(codes, weights)| weights[codes[row] as usize])
    };
    Ok(Some((0..rows).map(weight).collect()))
}

/// The weights of some rows, 1 in the mean.
fn normalised(rows: &[u32], weights: &[f64]) -> Vec<f32> {
    let mean = rows.iter().map(|row| weights[*row as usize] / rows.len().max(1) as f64).sum::<f64>();
    rows.iter().map(|row| (weights[*row as usize] / mean) as f32).collect()
}

/// Rows to learn from, and rows held back: of each class about the share, and one row at least is left to learn from.
fn split(rows: &[u32], problem: &Problem<'_>, share: f64) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let mut random = Random::new(problem.seed, SPLIT_STREAM);
    let groups: Vec<Vec<u32>> = match problem.answers {
        Answers::Values(_) | Answers::None(_) => vec![rows.to_vec()],
        Answers::Classes { codes, classes } => {
            let mut groups = vec![Vec::new(); classes.len()];
            rows.iter().for_each(|row| groups[codes[*row as usize] as usize].push(*row));
            groups
        }
    };
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for mut group in groups {
        random.shuffle(&mut group);
        let count = ((group.len() as f64 * share).round() as usize).min(group.len().saturating_sub(1));
        held.extend_from_slice(&group[..count]);
        kept.extend_from_slice(&group[count..]);
    }
    if held.is_empty() {
        return Err(Error::Rows {
            what: "the training data".to_owned(),
            rows: rows.len(),
            expected: "enough of a class for `early_stopping` to hold `validation_fraction` of them back; give validation \
                       data, or leave `early_stopping` out",
        });
    }
    kept.sort_unstable();
    held.sort_unstable();
    Ok((kept, held))
}

fn outputs(answers: Answers<'_>, rows: &[u32], weights: Option<&[f32]>) -> Result<Outputs, Error> {
    match answers {
        Answers::None(task) => Err(Error::Task { algorithm: Algorithm::NeuralNetwork, task }),
        Answers::Classes { classes, .. } => Ok(Outputs::Classes(classes.len() as u32)),
        Answers::Values(values) => {
            let (mean, deviation) = moments(rows.iter().map(|row| values[*row as usize]), weights);
            if !(mean.is_finite() && deviation.is_finite()) {
                return Err(Error::Numerical {
                    what: "the target's values lie too far apart to be standardised".to_owned(),
                });
            }
            Ok(Outputs::Values { mean, deviation: if deviation.is_normal() { deviation } else { 1.0 } })
        }
    }
}

fn targets(answers: Answers<'_>, rows: &[u32], outputs: Outputs) -> Targets {
    match (answers, outputs) {
        (Answers::Classes { codes, .. }, Outputs::Classes(classes)) => {
            let codes = rows.iter().map(|row| codes[*row as usize]).collect();
            if classes == 2 { Targets::Binary(codes) } else { Targets::Classes(codes) }
        }
        (Answers::Values(values), Outputs::Values { mean, deviation }) => {
            Targets::Values(rows.iter().map(|row| ((values[*row as usize] - mean) / deviation) as f32).collect())
        }
        // Answers of two kinds do not come out of one problem's checks.
        _ => Targets::Values(vec![0.0; rows.len()]),
    }
}

/// The network before training.
fn initial(problem: &Problem<'_>, settings: &Settings, outputs: Outputs) -> Result<Dense, Error> {
    let last = match outputs {
        Outputs::Classes(classes) if classes > 2 => classes as usize,
        _ => 1,
    };
    let sizes: Vec<usize> =
        [problem.columns.len()].into_iter().chain(settings.hidden.iter().copied()).chain([last]).collect();
    let parameters: u128 = sizes.windows(2).map(|sizes| (sizes[0] as u128 + 1) * sizes[1] as u128).sum();
    if parameters > MOST_PARAMETERS as u128 {
        return Err(Error::HyperparameterValue {
            algorithm: Algorithm::NeuralNetwork,
            name: "hidden_layer_sizes".to_owned(),
            value: format!("{:?}", settings.hidden),
            expected: format!(
                "layers that make at most {MOST_PARAMETERS} parameters; with {} columns and {last} outputs these make \
                 {parameters}",
                problem.columns.len()
            ),
        });
    }
    let mut random = Random::new(problem.seed, INITIAL_STREAM);
    Ok(Dense::new(&sizes, settings.activation, Activation::Identity, &mut random))
}

/// For each column the mean over rows and outputs of |∂ output / ∂ standardised input|: how far the outputs move with a small
/// step of the column, in units of its deviation. Taken on evenly spread training rows. It says what the network reacts to, not
/// what its quality depends on.
fn sensitivities(network: &Dense, training: &Examples, scaling: &Scaling) -> Vec<f64> {
    let outputs = network.outputs().max(1);
    let step = training.rows().div_ceil((SENSITIVITY_PASSES / outputs).max(1)).max(1);
    let rows: Vec<usize> = (0..training.rows()).step_by(step).collect();
    let inputs: Vec<f32> = rows.iter().flat_map(|row| training.row(*row)).copied().collect();
    let mut workspace = Workspace::default();
    network.forward(&inputs, &mut workspace);
    let mut sums = vec![0.0; training.width];
    let mut unused = vec![0.0; network.parameters().len()];
    for output in 0..outputs {
        let mut one = vec![0.0; rows.len() * outputs];
        one.iter_mut().skip(output).step_by(outputs).for_each(|slope| *slope = 1.0);
        let slopes = network.backward_to_inputs(&mut workspace, &one, &mut unused);
        for slopes in slopes.chunks_exact(training.width.max(1)) {
            sums.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += f64::from(slope.abs()));
        }
    }
    // A column that never varied has weights that nothing trained.
    sums.iter().enumerate().map(|(column, sum)| if scaling.deviation(column) > 0.0 { *sum } else { 0.0 }).collect()
}

fn notes(
    curve: &[LossPoint],
    end: End,
    plan: &Plan,
    batch: Option<usize>,
    rows: usize,
    held_back: usize,
) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(batch) = batch.filter(|batch| *batch > rows) {
        notes.push(format!("batch_size = {batch} is more than there are rows: every batch is all {rows} rows"));
    }
    if plan.early_stopping {
        let best = curve.iter().min_by(|left, right| {
            let loss = |point: &LossPoint| point.validation.unwrap_or(f64::INFINITY);
            loss(left).total_cmp(&loss(right))
        });
        let epoch = best.map_or(0, |point| point.step);
        let on = if held_back > 0 {
            format!("{held_back} training rows held back")
        } else {
            "the validation data, whose measures are therefore a little too good".to_owned()
        };
        notes.push(format!("the weights are those of epoch {epoch}, which had the lowest loss on {on}"));
    }
    if end == End::OutOfEpochs {
        notes.push(format!("not converged within max_iter = {}: raise `max_iter`, or `tol`", plan.epochs));
    }
    notes
}

impl Network {
    /// Whether a model read from a file fits its signature, so that predicting cannot go astray: every number finite, and no sum
    /// on the way out of single precision's range, whatever row comes.
    pub(crate) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        let outputs = match (self.outputs, classes) {
            (Outputs::Classes(found), Some(expected)) if found as usize == expected && expected >= 2 => {
                if expected == 2 { 1 } else { expected }
            }
            (Outputs::Values { mean, deviation }, None) if (mean + deviation * 1e3).is_finite() && deviation > 0.0 => 1,
            _ => return Err("the network's outputs do not fit the signature".to_owned()),
        };
        self.scaling.check(columns)?;
        self.layers.check()?;
        if self.layers.inputs() != columns || self.layers.outputs() != outputs {
            return Err("the network's layers do not fit the signature".to_owned());
        }
        let reach = f64::from(self.layers.reach(FURTHEST));
        let reaches = match self.outputs {
            Outputs::Classes(_) => reach,
            Outputs::Values { mean, deviation } => mean.abs() + deviation * reach,
        };
        if reaches.is_finite() { Ok(()) } else { Err("the network's weights are too large to predict with".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(outputs: Outputs) -> Network {
        let columns: [&[f32]; 2] = [&[1.0, 2.0, 4.0], &[3.0, 3.0, 9.0]];
        let scaling = Scaling::new(&columns, &[0, 1, 2], None);
        let last = if outputs == Outputs::Classes(3) { 3 } else { 1 };
        let layers = Dense::new(&[2, 4, last], Activation::Relu, Activation::Identity, &mut Random::new(1, 0));
        Network { scaling, layers, outputs }
    }

    #[test]
    fn a_network_that_does_not_fit_its_signature_is_refused() {
        let values = Outputs::Values { mean: 2.0, deviation: 3.0 };
        assert_eq!(network(values).check(2, None), Ok(()));
        assert_eq!(network(Outputs::Classes(2)).check(2, Some(2)), Ok(()));
        assert_eq!(network(Outputs::Classes(3)).check(2, Some(3)), Ok(()));
        assert!(network(values).check(3, None).is_err());
        assert!(network(values).check(2, Some(2)).is_err());
        assert!(network(Outputs::Classes(3)).check(2, Some(2)).is_err());
        assert!(network(Outputs::Classes(4)).check(2, Some(4)).is_err());
        for (mean, deviation) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (0.0, -1.0), (0.0, f64::MAX)] {
            assert!(network(Outputs::Values { mean, deviation }).check(2, None).is_err(), "{mean} {deviation}");
        }
        let mut large = network(values);
        large.layers.parameters_mut().iter_mut().for_each(|weight| *weight *= 1e18);
        assert!(large.check(2, None).unwrap_err().contains("too large"));
    }
}
