//! Lasso and elastic net: 1 / (2 × weight) × Σ weight × error² + alpha × (l1_ratio × Σ |coefficient| + (1 − l1_ratio) / 2 ×
//! Σ coefficient²), as scikit-learn states it.
//!
//! The coordinate descent is linfa's. It would go through all rows for every coordinate, takes no row weights and leaves the
//! columns where they are, so it is given a smaller problem with the same solution: with L the factor of the normal equations,
//! Σ weight × error² = |L⁻¹ moments − Lᵀ coefficients|² + constant, which has as many rows as there are columns, whatever
//! the number of rows of data. 100,000 rows cost what 30 do.
//!
//! linfa takes numbers below 2·10⁻¹⁶ for zero. Columns and target are scaled as a whole, and the penalties with them, so that no
//! column that varies comes near that.
#![allow(clippy::indexing_slicing, reason = "square matrices are indexed below their one dimension")]

use kumiko_vocabulary::learning::Algorithm;
use linfa::Dataset;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet;
use ndarray::{Array1, Array2};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::hyperparameters::Hyperparameters;

use super::normal::Normal;

/// Passes over the coordinates at most.
const MOST_ITERATIONS: usize = 1_000_000;

struct Settings {
    intercept: bool,
    alpha: f64,
    l1_ratio: f64,
    iterations: usize,
    tolerance: f64,
}

fn read(algorithm: Algorithm, given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    let mut known = vec!["alpha", "fit_intercept", "max_iter", "tol"];
    if algorithm == Algorithm::ElasticNet {
        known.push("l1_ratio");
    }
    let mut reader = Hyperparameters::new(algorithm, given, &known)?;
    let alpha = reader.number("alpha", 1.0, |alpha| alpha >= 0.0, "a number of zero or more")?;
    let l1_ratio = if algorithm == Algorithm::ElasticNet {
        reader.number("l1_ratio", 0.5, |ratio| (0.0..=1.0).contains(&ratio), "a number from 0 to 1")?
    } else {
        1.0
    };
    let intercept = reader.flag("fit_intercept", true)?;
    let iterations = reader.whole("max_iter", 1_000, 1..=MOST_ITERATIONS)?;
    let tolerance = reader.number("tol", 1e-4, |tolerance| tolerance > 0.0, "a number above 0")?;
    Ok((Settings { intercept, alpha, l1_ratio, iterations, tolerance }, reader.used()))
}

/// Checks the hyperparameters alone.
pub(crate) fn check(algorithm: Algorithm, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(algorithm, given).map(|(_, used)| used)
}

/// Fits `lasso` or `elastic_net`.
pub(crate) fn fit(algorithm: Algorithm, problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(algorithm, given)?;
    let normal = Normal::new(problem, settings.intercept)?;
    let (coefficients, converged) = solve(&normal, &settings)?;
    let importances = normal.importances(&coefficients);
    let mut fitted = Fitted::new(Estimator::Linear(normal.model(coefficients)?), used);
    fitted.importances = importances;
    if !converged {
        fitted.notes.push(format!(
            "not converged within max_iter = {}: the coefficients are approximate; raise `max_iter` or `tol`, or scale the columns",
            settings.iterations
        ));
    }
    Ok(fitted)
}

/// The coefficients, and whether linfa came within the tolerance.
fn solve(normal: &Normal, settings: &Settings) -> Result<(Vec<f64>, bool), Error> {
    let size = normal.moments.len();
    let norms = (0..size).map(|column| normal.products[(column, column)].max(0.0).sqrt()).filter(|norm| *norm > 0.0);
    let (smallest, largest) =
        norms.fold((f64::INFINITY, 0.0_f64), |(least, most), norm| (least.min(norm), most.max(norm)));
    let factor = normal.factor(0.0);
    let target = factor.forward(&normal.moments);
    let target_norm = target.iter().map(|value| value * value).sum::<f64>().sqrt();
    if largest == 0.0 || target_norm == 0.0 {
        // Constant columns, or a target that no column goes with: nothing to learn.
        return Ok((vec![0.0; size], true));
    }
    // Scaled columns have norms of 1 and more, and the scaled target that of the longest column.
    let column_scale = 1.0 / smallest;
    let target_scale = largest * column_scale / target_norm;
    // linfa divides the squares by its number of rows, which is `size`; the statement above divides by the weight.
    let squares = normal.weight / size as f64;
    let l1 = settings.alpha * settings.l1_ratio * squares * target_scale * column_scale;
    let l2 = settings.alpha * (1.0 - settings.l1_ratio) * squares * column_scale * column_scale;
    let penalty = l1 + l2;
    let design = Array2::from_shape_fn((size, size), |(row, column)| factor.lower[(column, row)] * column_scale);
    let target: Array1<f64> = target.into_iter().map(|value| value * target_scale).collect();
    let model = ElasticNet::<f64>::params()
        .penalty(penalty)
        .l1_ratio(if penalty > 0.0 { l1 / penalty } else { 0.0 })
        .with_intercept(false)
        .max_iterations(settings.iterations as u32)
        .tolerance(settings.tolerance)
        .fit(&Dataset::new(design, target))
        .map_err(|error| Error::Numerical { what: format!("the elastic net has no solution: {error}") })?;
    let back = column_scale / target_scale;
    let coefficients = model.hyperplane().iter().map(|coefficient| coefficient * back).collect();
    Ok((coefficients, (model.n_steps() as usize) < settings.iterations))
}
