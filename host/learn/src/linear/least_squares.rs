//! Ordinary least squares and ridge regression, by the normal equations.
//!
//! Where columns depend on one another, ordinary least squares has many solutions that predict alike. This one gives a column
//! that earlier columns explain the coefficient 0, as R does, and says so in the model's notes; scikit-learn spreads the
//! effect over all of them.
#![allow(clippy::indexing_slicing, reason = "there is a name and a pivot for each column")]

use kumiko_vocabulary::learning::Algorithm;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::hyperparameters::Hyperparameters;

use super::normal::Normal;

struct Settings {
    intercept: bool,
    /// The L2 penalty: Σ weight × error² + ridge × Σ coefficient² is minimised.
    ridge: f64,
}

fn read(algorithm: Algorithm, given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    let known: &[&str] = if algorithm == Algorithm::Ridge { &["alpha", "fit_intercept"] } else { &["fit_intercept"] };
    let mut reader = Hyperparameters::new(algorithm, given, known)?;
    let ridge = if algorithm == Algorithm::Ridge {
        reader.number("alpha", 1.0, |alpha| alpha >= 0.0, "a number of zero or more")?
    } else {
        0.0
    };
    let intercept = reader.flag("fit_intercept", true)?;
    Ok((Settings { intercept, ridge }, reader.used()))
}

/// Checks the hyperparameters alone.
pub(crate) fn check(algorithm: Algorithm, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(algorithm, given).map(|(_, used)| used)
}

/// Fits `linear` or `ridge`.
pub(crate) fn fit(algorithm: Algorithm, problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(algorithm, given)?;
    let normal = Normal::new(problem, settings.intercept)?;
    let factor = normal.factor(settings.ridge);
    let coefficients = factor.backward(&factor.forward(&normal.moments));
    let importances = normal.importances(&coefficients);
    let mut fitted = Fitted::new(Estimator::Linear(normal.model(coefficients)?), used);
    fitted.importances = importances;
    for (column, name) in problem.names.iter().enumerate() {
        if normal.products[(column, column)] <= 0.0 {
            fitted.notes.push(format!("the column `{name}` is constant; its coefficient is 0"));
        } else if !factor.pivots[column] {
            fitted
                .notes
                .push(format!("the column `{name}` is a combination of the columns before it; its coefficient is 0"));
        }
    }
    Ok(fitted)
}
