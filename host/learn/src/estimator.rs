//! The list of algorithms: here, and nowhere else, an [`Algorithm`] meets the code that learns, predicts and checks.
//!
//! To add one: a variant of [`Estimator`], and a line in each function here.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{Algorithm, LossPoint, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::Predictions;
use crate::error::Error;
use crate::forest::{self, Forest};
use crate::linear::{self, LinearModel, LogisticModel};

/// What an algorithm leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Of `random_forest`.
    Forest(Forest),
    /// Of `logistic_regression`.
    Logistic(LogisticModel),
    /// Of `linear`, `ridge`, `lasso` and `elastic_net`.
    Linear(LinearModel),
}

/// Everything that an algorithm learns from. Checked: equal lengths, finite targets, no infinite feature, weights of zero or
/// more; two classes at least, each of which occurs.
pub(crate) struct Problem<'a> {
    pub(crate) names: &'a [String],
    pub(crate) columns: Vec<&'a [f32]>,
    pub(crate) answers: Answers<'a>,
    pub(crate) weights: Option<&'a [f32]>,
    pub(crate) validation: Option<Held<'a>>,
    pub(crate) seed: u64,
    pub(crate) control: &'a dyn Control,
}

/// Rows to measure on: columns in the problem's order, answers in its codes.
pub(crate) struct Held<'a> {
    pub(crate) columns: Vec<&'a [f32]>,
    pub(crate) answers: Answers<'a>,
}

/// Known answers.
#[derive(Clone, Copy)]
pub(crate) enum Answers<'a> {
    Classes { codes: &'a [u32], classes: &'a [String] },
    Values(&'a [f64]),
}

impl Answers<'_> {
    pub(crate) fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::Values(_) => Task::Regression,
        }
    }
}

/// What a training came to.
pub(crate) struct Fitted {
    pub(crate) estimator: Estimator,
    /// Every hyperparameter as it was used.
    pub(crate) hyperparameters: Map<String, Value>,
    /// A number of zero or more for each column; only their proportions matter.
    pub(crate) importances: Vec<f64>,
    pub(crate) loss_curve: Vec<LossPoint>,
    pub(crate) notes: Vec<String>,
    pub(crate) out_of_bag_score: Option<f64>,
}

impl Fitted {
    pub(crate) fn new(estimator: Estimator, hyperparameters: Map<String, Value>) -> Self {
        Self {
            estimator,
            hyperparameters,
            importances: Vec::new(),
            loss_curve: Vec::new(),
            notes: Vec::new(),
            out_of_bag_score: None,
        }
    }
}

/// Trains the algorithm.
pub(crate) fn fit(algorithm: Algorithm, problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    match algorithm {
        Algorithm::RandomForest => forest::fit(problem, given),
        Algorithm::LogisticRegression => linear::logistic::fit(problem, given),
        Algorithm::Linear | Algorithm::Ridge => linear::least_squares::fit(algorithm, problem, given),
        Algorithm::Lasso | Algorithm::ElasticNet => linear::elastic_net::fit(algorithm, problem, given),
    }
}

/// Checks hyperparameters without training: every one as it would be used, defaults included, or why not.
pub fn check_hyperparameters(
    algorithm: Algorithm,
    task: Task,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    if !algorithm.tasks().contains(&task) {
        return Err(Error::Task { algorithm, task });
    }
    match algorithm {
        Algorithm::RandomForest => forest::check(task, given),
        Algorithm::LogisticRegression => linear::logistic::check(given),
        Algorithm::Linear | Algorithm::Ridge => linear::least_squares::check(algorithm, given),
        Algorithm::Lasso | Algorithm::ElasticNet => linear::elastic_net::check(algorithm, given),
    }
}

/// Whether the algorithm takes missing values as they are.
pub(crate) fn takes_missing_values(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::RandomForest => true,
        Algorithm::LogisticRegression
        | Algorithm::Linear
        | Algorithm::Ridge
        | Algorithm::Lasso
        | Algorithm::ElasticNet => false,
    }
}

impl Estimator {
    /// Predictions for rows whose columns are those of the signature, in its order.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        match self {
            Self::Forest(forest) => forest.predict(columns),
            Self::Logistic(model) => model.predict(columns),
            Self::Linear(model) => model.predict(columns),
        }
    }

    /// Whether an estimator read from a file fits the algorithm and signature that its header names, so that predicting cannot
    /// go astray.
    pub(crate) fn check(&self, algorithm: Algorithm, columns: usize, classes: Option<usize>) -> Result<(), String> {
        match (self, algorithm) {
            (Self::Forest(forest), Algorithm::RandomForest) => forest.check(columns, classes),
            (Self::Logistic(model), Algorithm::LogisticRegression) => model.check(columns, classes),
            (Self::Linear(model), Algorithm::Linear | Algorithm::Ridge | Algorithm::Lasso | Algorithm::ElasticNet) => {
                model.check(columns, classes)
            }
            _ => Err(format!("the body is not of the algorithm `{}` that the header names", algorithm.as_str())),
        }
    }
}
