//! Probabilities that can be taken at their word: of the rows that are given 0.8, eight in ten are of the class.
//!
//! A map from probability to probability is learnt for each class, against all others, from what models say of rows that they have not
//! learnt from: the rows are parted into folds of equal shares of the classes, and each fold is predicted by a model of the others. The
//! model itself learns from all rows; its probabilities go through the maps, and are divided by their sum.

mod isotonic;
mod sigmoid;

use kumiko_vocabulary::learning::{Algorithm, Calibration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::Predictions;
use crate::error::Error;
use crate::estimator::{self, Answers, Estimator, Fitted, Held, Problem};
use crate::random::Random;

pub use isotonic::Isotonic;
pub use sigmoid::Sigmoid;

/// Folds, unless the rarest class has fewer rows.
const FOLDS: usize = 5;
/// The stream of random numbers that parts the rows.
const STREAM: u64 = 0x0063_616c_6962;

/// A classifier whose probabilities are mapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// What gives the probabilities.
    pub estimator: Box<Estimator>,
    /// A map for each class; of two classes one, of the second.
    pub maps: Vec<CalibrationMap>,
}

/// From a probability to a calibrated one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMap {
    /// A logistic curve over the log odds.
    Sigmoid(Sigmoid),
    /// A rising line of straight pieces.
    Isotonic(Isotonic),
}

impl CalibrationMap {
    fn fit(method: Calibration, probabilities: &[f32], is_class: &[bool], weights: Option<&[f32]>) -> Self {
        match method {
            Calibration::Sigmoid => Self::Sigmoid(Sigmoid::fit(probabilities, is_class, weights)),
            Calibration::Isotonic => Self::Isotonic(Isotonic::fit(probabilities, is_class, weights)),
        }
    }

    fn apply(&self, probability: f32) -> f64 {
        match self {
            Self::Sigmoid(map) => map.apply(probability),
            Self::Isotonic(map) => map.apply(probability),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Sigmoid(map) => map.check(),
            Self::Isotonic(map) => map.check(),
        }
    }
}

impl Calibrated {
    /// Predictions for rows whose columns are those of the signature.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        match self.estimator.predict(columns) {
            Predictions::Classes { probabilities, .. } => {
                Predictions::from_probabilities(mapped(&self.maps, &probabilities))
            }
            other => other,
        }
    }

    /// Whether one that was read from a file can predict.
    pub(crate) fn check(&self, algorithm: Algorithm, columns: usize, classes: Option<usize>) -> Result<(), String> {
        if matches!(*self.estimator, Estimator::Calibrated(_)) {
            return Err("a calibrated model is calibrated again".to_owned());
        }
        self.estimator.check(algorithm, columns, classes)?;
        let expected = match classes {
            Some(2) => 1,
            Some(classes) if classes > 2 => classes,
            _ => return Err("a model without classes is calibrated".to_owned()),
        };
        if self.maps.len() != expected {
            return Err(format!("{} maps of probabilities where {expected} were expected", self.maps.len()));
        }
        self.maps.iter().try_for_each(CalibrationMap::check)
    }
}

/// The probabilities through the maps; each row's add up to 1. Where every map of a row gives 0, all classes are equally likely.
fn mapped(maps: &[CalibrationMap], probabilities: &[Vec<f32>]) -> Vec<Vec<f32>> {
    if let ([map], [_, second]) = (maps, probabilities) {
        let second: Vec<f32> = second.iter().map(|probability| map.apply(*probability) as f32).collect();
        return vec![second.iter().map(|probability| 1.0 - probability).collect(), second];
    }
    let mut columns: Vec<Vec<f64>> = (maps.iter().zip(probabilities))
        .map(|(map, column)| column.iter().map(|probability| map.apply(*probability)).collect())
        .collect();
    let rows = columns.first().map_or(0, Vec::len);
    let mut sums = vec![0.0; rows];
    for column in &columns {
        sums.iter_mut().zip(column).for_each(|(sum, share)| *sum += share);
    }
    let even = 1.0 / columns.len().max(1) as f64;
    for column in &mut columns {
        for (share, sum) in column.iter_mut().zip(&sums) {
            *share = if *sum > 0.0 { *share / sum } else { even };
        }
    }
    columns.into_iter().map(|column| column.into_iter().map(|share| share as f32).collect()).collect()
}

/// Calibrates what was fitted on the problem.
pub(crate) fn calibrate(
    method: Calibration,
    algorithm: Algorithm,
    problem: &Problem<'_>,
    given: &Map<String, Value>,
    fitted: Fitted,
) -> Result<Fitted, Error> {
    let Answers::Classes { codes, classes } = problem.answers else {
        return Err(refused(method, "absent: only the probabilities of classes can be calibrated".to_owned()));
    };
    let mut counts = vec![0_usize; classes.len()];
    for code in codes {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let rarest = counts.iter().zip(classes).min_by_key(|(count, _)| **count);
    let Some((rows, _)) = rarest.filter(|(rows, _)| **rows >= 2) else {
        let class = rarest.map_or("", |(_, class)| class);
        return Err(refused(
            method,
            format!("absent where a class has one row, as `{class}`: calibrating takes two of each"),
        ));
    };
    let folds = folds(codes, classes.len(), FOLDS.min(*rows), problem.seed);
    let mut probabilities = vec![vec![0.0_f32; codes.len()]; classes.len()];
    for fold in 0..=folds.iter().copied().max().unwrap_or(0) {
        if problem.control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let rows = |inside: bool| -> Vec<usize> {
            (0..codes.len()).filter(|row| (folds.get(*row) == Some(&fold)) == inside).collect()
        };
        predict_fold(algorithm, problem, given, (&rows(false), &rows(true)), &mut probabilities)?;
    }
    let map = |class: usize| {
        let is_class: Vec<bool> = codes.iter().map(|code| *code as usize == class).collect();
        let column = probabilities.get(class).map_or(&[][..], Vec::as_slice);
        CalibrationMap::fit(method, column, &is_class, problem.weights)
    };
    let maps = if classes.len() == 2 { vec![map(1)] } else { (0..classes.len()).map(map).collect() };
    let estimator = Estimator::Calibrated(Calibrated { estimator: Box::new(fitted.estimator), maps });
    Ok(Fitted { estimator, ..fitted })
}

/// Trains on some rows and notes what the model says of others.
fn predict_fold(
    algorithm: Algorithm,
    problem: &Problem<'_>,
    given: &Map<String, Value>,
    (learnt, predicted): (&[usize], &[usize]),
    probabilities: &mut [Vec<f32>],
) -> Result<(), Error> {
    let Answers::Classes { codes, classes } = problem.answers else { return Ok(()) };
    let gathered = |rows: &[usize]| -> Vec<Vec<f32>> {
        problem.columns.iter().map(|column| rows.iter().filter_map(|row| column.get(*row).copied()).collect()).collect()
    };
    let columns = gathered(learnt);
    let codes: Vec<u32> = learnt.iter().filter_map(|row| codes.get(*row).copied()).collect();
    let weights: Option<Vec<f32>> =
        problem.weights.map(|weights| learnt.iter().filter_map(|row| weights.get(*row).copied()).collect());
    let part = Problem {
        names: problem.names,
        columns: columns.iter().map(Vec::as_slice).collect(),
        answers: Answers::Classes { codes: &codes, classes },
        weights: weights.as_deref(),
        validation: problem
            .validation
            .as_ref()
            .map(|held| Held { columns: held.columns.clone(), answers: held.answers }),
        seed: problem.seed,
        control: problem.control,
        checkpoint: None,
    };
    let fitted = estimator::fit(algorithm, &part, given)?;
    let columns = gathered(predicted);
    let columns: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
    if let Predictions::Classes { probabilities: of_fold, .. } = fitted.estimator.predict(&columns) {
        for (all, of_fold) in probabilities.iter_mut().zip(of_fold) {
            for (row, probability) in predicted.iter().zip(of_fold) {
                if let Some(place) = all.get_mut(*row) {
                    *place = probability;
                }
            }
        }
    }
    Ok(())
}

/// The fold of each row: every class is spread over the folds as evenly as can be, in random order.
fn folds(codes: &[u32], classes: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut folds = vec![0; codes.len()];
    let mut random = Random::new(seed, STREAM);
    let mut next = 0;
    for class in 0..classes {
        let mut rows: Vec<usize> =
            codes.iter().enumerate().filter(|(_, code)| **code as usize == class).map(|(row, _)| row).collect();
        random.shuffle(&mut rows);
        for row in rows {
            if let Some(fold) = folds.get_mut(row) {
                *fold = next % count.max(1);
            }
            next += 1;
        }
    }
    folds
}

fn refused(method: Calibration, expected: String) -> Error {
    Error::Specification { name: "calibration", value: method.as_str().to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_have_even_shares_of_every_class() {
        let codes: Vec<u32> = (0..103).map(|row| u32::from(row % 10 == 0)).collect();
        let folds = folds(&codes, 2, 5, 1);
        for fold in 0..5 {
            let count = |class: u32| (0..103).filter(|row| folds[*row] == fold && codes[*row] == class).count();
            assert!((18..=19).contains(&count(0)) && (2..=3).contains(&count(1)), "{} {}", count(0), count(1));
        }
    }

    /// Forty probabilities, whether they came true, and weights of 1 to 3.
    fn forty() -> (Vec<f32>, Vec<bool>, Vec<f32>) {
        let probabilities: Vec<f32> = (0..40).map(|row| ((f64::from(row * 37 % 41) + 0.5) / 41.0) as f32).collect();
        let came_true =
            (0..40).zip(&probabilities).map(|(row, p)| f64::from((row * row * 7 + row) % 11) < 11.0 * f64::from(*p));
        (probabilities.clone(), came_true.collect(), (0..40).map(|row| (1 + row % 3) as f32).collect())
    }

    /// The figures are those of scikit-learn 1.9.1: `_SigmoidCalibration` on the log odds, `IsotonicRegression`.
    #[test]
    fn maps_are_those_of_scikit_learn() {
        let (probabilities, came_true, weights) = forty();
        for (weights, slope, intercept) in
            [(None, 0.875_807, 0.087_995), (Some(weights.as_slice()), 1.342_817, -0.104_392)]
        {
            let map = Sigmoid::fit(&probabilities, &came_true, weights);
            assert!((map.slope - slope).abs() < 1e-4 && (map.intercept - intercept).abs() < 1e-4, "{map:?}");
        }
        let points = [0.0, 0.1, 0.33, 0.5, 0.61, 0.9, 1.0];
        let (seventh, half) = (1.0 / 14.0, 1.0 / 28.0);
        let plain = [seventh, seventh, seventh, 2.0 / 3.0, 2.0 / 3.0, 1.0, 1.0];
        for (weights, expected) in
            [(None, plain), (Some(weights.as_slice()), [half, half, half, 2.0 / 3.0, 2.0 / 3.0, 1.0, 1.0])]
        {
            let map = Isotonic::fit(&probabilities, &came_true, weights);
            for (point, expected) in points.iter().zip(expected) {
                assert!((map.apply(*point) - expected).abs() < 1e-6, "{point}: {} {expected}", map.apply(*point));
            }
        }
    }

    #[test]
    fn rows_that_every_map_gives_nothing_are_shared_evenly() {
        let zero = || CalibrationMap::Isotonic(Isotonic { from: vec![0.5, 0.6], to: vec![0.0, 1.0] });
        let columns = mapped(&[zero(), zero(), zero()], &[vec![0.2, 0.6], vec![0.3, 0.5], vec![0.5, 0.0]]);
        assert_eq!(columns, [[1.0 / 3.0, 1.0], [1.0 / 3.0, 0.0], [1.0 / 3.0, 0.0]]);
    }
}
