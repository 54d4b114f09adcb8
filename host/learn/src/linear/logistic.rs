//! Logistic regression, binary and multinomial: minimises C × Σ weight × log loss + ½ × Σ coefficient², as scikit-learn states it
//! (the intercepts go free of the penalty).
//!
//! The minimiser works on columns about their means and in units in which all directions are about equally steep; the coefficients
//! are brought back to the columns' own units at the end. That changes the way, not the goal.
#![allow(
    clippy::indexing_slicing,
    reason = "parameters are laid out by class and column; blocks are cut from the columns' length"
)]

use std::ops::Range;

use kumiko_vocabulary::learning::{Algorithm, LossPoint};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::blocks::{map_blocks, sum_blocks};
use crate::class_weights::ClassWeights;
use crate::data::Predictions;
use crate::error::Error;
use crate::estimator::{Answers, Estimator, Fitted, Problem};
use crate::hyperparameters::Hyperparameters;

use super::lbfgs::{End, minimise};
use super::{add_products, dot};

/// Rows worked on at once: their sums and the columns' pieces stay in the near cache.
const ROWS_AT_ONCE: usize = 512;
/// Iterations at most.
const MOST_ITERATIONS: usize = 1_000_000;

/// Log odds for each class that has coefficients: of two classes the second alone, of more each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticModel {
    /// For each class the coefficients of the columns.
    pub coefficients: Vec<Vec<f64>>,
    /// For each class the log odds where every column is zero.
    pub intercepts: Vec<f64>,
}

impl LogisticModel {
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let rows = columns.first().map_or(0, |column| column.len());
        let blocks = map_blocks(rows, |rows| {
            let mut scores = self.scores(columns, rows);
            probabilities(&mut scores);
            scores
        });
        let classes = self.intercepts.len().max(2);
        let mut columns = vec![Vec::with_capacity(rows); classes];
        for block in blocks {
            if let [second] = block.as_slice() {
                columns[0].extend(second.iter().map(|probability| (1.0 - probability) as f32));
                columns[1].extend(second.iter().map(|probability| *probability as f32));
            } else {
                for (column, part) in columns.iter_mut().zip(block) {
                    column.extend(part.into_iter().map(|probability| probability as f32));
                }
            }
        }
        Predictions::from_probabilities(columns)
    }

    pub(crate) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        let outputs = classes.map(|classes| if classes == 2 { 1 } else { classes });
        let fits = outputs == Some(self.intercepts.len())
            && self.coefficients.len() == self.intercepts.len()
            && self.coefficients.iter().all(|coefficients| coefficients.len() == columns);
        if !fits {
            return Err("the coefficients do not fit the signature".to_owned());
        }
        if self.coefficients.iter().flatten().chain(&self.intercepts).all(|number| number.is_finite()) {
            Ok(())
        } else {
            Err("a coefficient is no finite number".to_owned())
        }
    }

    /// For each class with coefficients the log odds of some rows.
    fn scores(&self, columns: &[&[f32]], rows: Range<usize>) -> Vec<Vec<f64>> {
        self.coefficients
            .iter()
            .zip(&self.intercepts)
            .map(|(coefficients, intercept)| {
                let mut sums = vec![*intercept; rows.len()];
                add_products(columns, coefficients, rows.start, &mut sums);
                sums
            })
            .collect()
    }
}

struct Settings {
    penalty: f64,
    intercept: bool,
    iterations: usize,
    tolerance: f64,
    class_weights: ClassWeights,
}

fn read(given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    const KNOWN: [&str; 5] = ["C", "fit_intercept", "max_iter", "tol", "class_weight"];
    let mut reader = Hyperparameters::new(Algorithm::LogisticRegression, given, &KNOWN)?;
    let inverse = reader.number("C", 1.0, |c| c > 0.0, "a number above 0: the smaller, the stronger the penalty")?;
    let intercept = reader.flag("fit_intercept", true)?;
    let iterations = reader.whole("max_iter", 100, 1..=MOST_ITERATIONS)?;
    let tolerance = reader.number("tol", 1e-4, |tolerance| tolerance > 0.0, "a number above 0")?;
    let class_weights = ClassWeights::read(&mut reader)?;
    Ok((Settings { penalty: 1.0 / inverse, intercept, iterations, tolerance, class_weights }, reader.used()))
}

/// Checks the hyperparameters alone.
pub(crate) fn check(given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(given).map(|(_, used)| used)
}

/// Fits the model.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(given)?;
    let Answers::Classes { codes, classes } = problem.answers else {
        return Err(Error::Numerical { what: "logistic regression needs classes, not numbers".to_owned() });
    };
    let class_weights =
        settings.class_weights.resolve(Algorithm::LogisticRegression, codes, classes, problem.weights)?;
    let weights: Option<Vec<f64>> = (class_weights.is_some() || problem.weights.is_some()).then(|| {
        let of_class = |code: u32| class_weights.as_ref().map_or(1.0, |weights| weights[code as usize]);
        let of_row = |row: usize| problem.weights.map_or(1.0, |weights| f64::from(weights[row]));
        codes.iter().enumerate().map(|(row, code)| of_row(row) * of_class(*code)).collect()
    });
    let loss = Loss::new(problem, codes, classes.len(), weights, &settings)?;
    let mut curve = Vec::new();
    let (point, end) = minimise(
        vec![0.0; loss.outputs * (problem.columns.len() + 1)],
        settings.tolerance,
        settings.iterations,
        |position| loss.evaluate(position),
        |iteration, point| {
            if problem.control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            problem.control.report(iteration as f64, None, "minimising the loss");
            let validation = problem.validation.as_ref().and_then(|held| match held.answers {
                Answers::Classes { codes, .. } => mean_loss(&loss.model(&point.position), &held.columns, codes),
                Answers::Values(_) | Answers::None(_) => None,
            });
            curve.push(LossPoint { step: iteration as u32, training: point.value, validation });
            Ok(())
        },
    )?;
    let model = loss.model(&point.position);
    model.check(problem.columns.len(), Some(classes.len())).map_err(|_| Error::Numerical {
        what: "the coefficients do not fit 64-bit numbers: the columns' values are too large".to_owned(),
    })?;
    let importances = (0..problem.columns.len())
        .map(|column| model.coefficients.iter().map(|of_class| of_class[column].abs() * loss.deviations[column]).sum())
        .collect();
    let mut fitted = Fitted::new(Estimator::Logistic(model), used);
    fitted.importances = importances;
    fitted.loss_curve = curve;
    if end == End::OutOfIterations {
        fitted.notes.push(format!(
            "not converged within max_iter = {}: the coefficients are approximate; raise `max_iter` or `tol`",
            settings.iterations
        ));
    }
    Ok(fitted)
}

/// The function to be minimised: mean weighted log loss + penalty / (2 × weight) × Σ coefficient². Parameters are, for each
/// output, one for each column and one for the intercept, all in the minimiser's units.
struct Loss<'a> {
    columns: &'a [&'a [f32]],
    codes: &'a [u32],
    weights: Option<Vec<f64>>,
    weight: f64,
    penalty: f64,
    /// Sums per row: one for two classes, else one for each class.
    outputs: usize,
    intercept: bool,
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// What a column's parameter is multiplied by to give its coefficient; the last is the intercept's.
    scales: Vec<f64>,
}

impl<'a> Loss<'a> {
    fn new(
        problem: &'a Problem<'_>,
        codes: &'a [u32],
        classes: usize,
        weights: Option<Vec<f64>>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let weight_of = |row: usize| weights.as_ref().map_or(1.0, |weights| weights[row]);
        let weight: f64 = (0..codes.len()).map(weight_of).sum();
        if weight <= 0.0 {
            return Err(Error::NoWeight);
        }
        let (means, deviations): (Vec<f64>, Vec<f64>) = problem
            .columns
            .par_iter()
            .map(|column| {
                let sum = |term: &dyn Fn(f64) -> f64| {
                    column.iter().enumerate().map(|(row, value)| weight_of(row) * term(f64::from(*value))).sum::<f64>()
                        / weight
                };
                let mean = if settings.intercept { sum(&|value| value) } else { 0.0 };
                (mean, sum(&|value| (value - mean) * (value - mean)).sqrt())
            })
            .unzip();
        // The curvature of the log loss where all classes are equally likely, times a column's variance, plus the penalty's.
        let share = 1.0 / classes as f64;
        let curvature = share * (1.0 - share);
        let scales = deviations
            .iter()
            .map(|deviation| (curvature * deviation * deviation + settings.penalty / weight).sqrt().recip())
            .chain([curvature.sqrt().recip()])
            .collect();
        Ok(Self {
            columns: &problem.columns,
            codes,
            weights,
            weight,
            penalty: settings.penalty,
            outputs: if classes == 2 { 1 } else { classes },
            intercept: settings.intercept,
            means,
            deviations,
            scales,
        })
    }

    /// The model that a position stands for.
    fn model(&self, position: &[f64]) -> LogisticModel {
        let width = self.columns.len() + 1;
        let (mut coefficients, mut intercepts) = (Vec::new(), Vec::new());
        for parameters in position.chunks_exact(width) {
            let own: Vec<f64> =
                parameters.iter().zip(&self.scales).map(|(parameter, scale)| parameter * scale).collect();
            let (of_columns, intercept) = own.split_at(width - 1);
            let shift: f64 = of_columns.iter().zip(&self.means).map(|(coefficient, mean)| coefficient * mean).sum();
            intercepts.push(if self.intercept { intercept[0] - shift } else { 0.0 });
            coefficients.push(of_columns.to_vec());
        }
        LogisticModel { coefficients, intercepts }
    }

    /// Value and gradient.
    fn evaluate(&self, position: &[f64]) -> (f64, Vec<f64>) {
        let model = self.model(position);
        let width = self.columns.len() + 1;
        // Σ weight × loss, then for each output the sums over rows of residual × column and of the residual.
        let sums = sum_blocks(self.codes.len(), 1 + self.outputs * width, |rows| self.block(&model, rows));
        let mut value = sums[0] / self.weight;
        let mut gradient = Vec::with_capacity(self.outputs * width);
        for (coefficients, sums) in model.coefficients.iter().zip(sums[1..].chunks_exact(width)) {
            let of_intercept = sums[width - 1] / self.weight;
            for (column, coefficient) in coefficients.iter().enumerate() {
                let shrink = self.penalty / self.weight * coefficient;
                value += 0.5 * shrink * coefficient;
                let slope = sums[column] / self.weight - self.means[column] * of_intercept + shrink;
                gradient.push(slope * self.scales[column]);
            }
            gradient.push(if self.intercept { of_intercept * self.scales[width - 1] } else { 0.0 });
        }
        (value, gradient)
    }

    fn block(&self, model: &LogisticModel, rows: Range<usize>) -> Vec<f64> {
        let width = self.columns.len() + 1;
        let mut sums = vec![0.0; 1 + self.outputs * width];
        for start in rows.clone().step_by(ROWS_AT_ONCE) {
            let rows = start..rows.end.min(start + ROWS_AT_ONCE);
            let mut scores = model.scores(self.columns, rows.clone());
            sums[0] += self.residuals(&mut scores, rows.clone());
            for (residuals, sums) in scores.iter().zip(sums[1..].chunks_exact_mut(width)) {
                for (sum, column) in sums.iter_mut().zip(self.columns) {
                    *sum += dot(residuals, &column[rows.clone()]);
                }
                sums[width - 1] += residuals.iter().sum::<f64>();
            }
        }
        sums
    }

    /// Turns scores into weight × (probability − truth); returns Σ weight × log loss.
    fn residuals(&self, scores: &mut [Vec<f64>], rows: Range<usize>) -> f64 {
        let losses = row_losses(scores, &self.codes[rows.clone()]);
        probabilities(scores);
        let mut total = 0.0;
        for (position, (row, loss)) in rows.zip(losses).enumerate() {
            let weight = self.weights.as_ref().map_or(1.0, |weights| weights[row]);
            let code = self.codes[row] as usize;
            total += weight * loss;
            if let [second] = scores {
                second[position] = weight * (second[position] - code as f64);
            } else {
                for (class, probabilities) in scores.iter_mut().enumerate() {
                    let truth = if class == code { 1.0 } else { 0.0 };
                    probabilities[position] = weight * (probabilities[position] - truth);
                }
            }
        }
        total
    }
}

/// The log loss of each row from the scores, without a detour over probabilities, which round to 0 and 1.
fn row_losses(scores: &[Vec<f64>], codes: &[u32]) -> Vec<f64> {
    if let [second] = scores {
        let softplus = |score: f64| score.max(0.0) + (-score.abs()).exp().ln_1p();
        return second
            .iter()
            .zip(codes)
            .map(|(score, code)| softplus(if *code == 1 { -score } else { *score }))
            .collect();
    }
    (codes.iter().enumerate())
        .map(|(row, code)| {
            let most = scores.iter().map(|of_class| of_class[row]).fold(f64::MIN, f64::max);
            let sum: f64 = scores.iter().map(|of_class| (of_class[row] - most).exp()).sum();
            sum.ln() + most - scores[*code as usize][row]
        })
        .collect()
}

/// Turns scores into probabilities: the logistic function of one score, or the softmax of several.
fn probabilities(scores: &mut [Vec<f64>]) {
    if let [second] = scores {
        for score in second {
            *score = 1.0 / (1.0 + (-*score).exp());
        }
        return;
    }
    let rows = scores.first().map_or(0, Vec::len);
    for row in 0..rows {
        let most = scores.iter().map(|of_class| of_class[row]).fold(f64::MIN, f64::max);
        let mut sum = 0.0;
        for of_class in scores.iter_mut() {
            of_class[row] = (of_class[row] - most).exp();
            sum += of_class[row];
        }
        for of_class in scores.iter_mut() {
            of_class[row] /= sum;
        }
    }
}

/// The mean log loss on other rows, without penalty; none where there are none.
fn mean_loss(model: &LogisticModel, columns: &[&[f32]], codes: &[u32]) -> Option<f64> {
    let sums = sum_blocks(codes.len(), 1, |rows| {
        vec![row_losses(&model.scores(columns, rows.clone()), &codes[rows]).into_iter().sum()]
    });
    (!codes.is_empty()).then(|| sums[0] / codes.len() as f64)
}
