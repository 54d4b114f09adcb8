//! The list of algorithms: here, and nowhere else, an [`Algorithm`] meets the code that learns, predicts and checks.
//!
//! To add one: a variant of [`Estimator`], and a line in each function here.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics, LossPoint, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::boosting::{self, Boosted};
use crate::calibration::Calibrated;
use crate::checkpoint::Checkpoint;
use crate::clustering::{self, DbscanModel, KmeansModel, Mixture};
use crate::data::Predictions;
use crate::error::Error;
use crate::forest::{self, Forest};
use crate::linear::{self, LinearModel, LogisticModel};
use crate::neural::{self, Network};
use crate::reduction::{self, AutoencoderModel, Embedding, PcaModel};
use crate::reinforcement::{self, Policy};

/// What an algorithm leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Of `random_forest`.
    Forest(Forest),
    /// Of `xgboost`.
    Boosted(Boosted),
    /// Of `neural_network`.
    Network(Network),
    /// Of `logistic_regression`.
    Logistic(LogisticModel),
    /// Of `linear`, `ridge`, `lasso` and `elastic_net`.
    Linear(LinearModel),
    /// Of `kmeans`.
    Kmeans(KmeansModel),
    /// Of `dbscan`.
    Dbscan(DbscanModel),
    /// Of `gaussian_mixture`.
    Mixture(Mixture),
    /// Of `pca`.
    Pca(PcaModel),
    /// Of `autoencoder`.
    Autoencoder(AutoencoderModel),
    /// Of `tsne`.
    Tsne(Embedding),
    /// Of `ppo`, `dqn` and `a3c`.
    Policy(Policy),
    /// Of any classifier whose probabilities were calibrated.
    Calibrated(Calibrated),
}

/// Everything that an algorithm learns from. Checked: equal lengths, finite targets, no infinite feature, weights of zero or
/// more; two classes at least, each of which occurs. The columns are in memory but for an algorithm that takes them one after the other.
pub(crate) struct Problem<'a, C = Vec<&'a [f32]>> {
    pub(crate) names: &'a [String],
    pub(crate) columns: C,
    pub(crate) answers: Answers<'a>,
    pub(crate) weights: Option<&'a [f32]>,
    pub(crate) validation: Option<Held<'a>>,
    pub(crate) seed: u64,
    pub(crate) control: &'a dyn Control,
    /// The name of this training's states, where any are kept.
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// Rows to measure on: columns in the problem's order, answers in its codes.
pub(crate) struct Held<'a> {
    pub(crate) columns: Vec<&'a [f32]>,
    pub(crate) answers: Answers<'a>,
}

/// Known answers.
#[derive(Clone, Copy)]
pub(crate) enum Answers<'a> {
    Classes {
        codes: &'a [u32],
        classes: &'a [String],
    },
    Values(&'a [f64]),
    /// There are none, as the task has it.
    None(Task),
}

impl Answers<'_> {
    pub(crate) fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::Values(_) => Task::Regression,
            Self::None(task) => *task,
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
    /// Without answers: what the model says of the training rows.
    pub(crate) training_output: Option<Predictions>,
    /// Without answers: measures on the training rows.
    pub(crate) measures: HeadlineMetrics,
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
            training_output: None,
            measures: HeadlineMetrics::default(),
        }
    }
}

/// Trains the algorithm.
pub(crate) fn fit(algorithm: Algorithm, problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    match algorithm {
        Algorithm::RandomForest => forest::fit(problem, given),
        Algorithm::Xgboost => boosting::fit(problem, given),
        Algorithm::NeuralNetwork => neural::fit(problem, given),
        Algorithm::LogisticRegression => linear::logistic::fit(problem, given),
        Algorithm::Linear | Algorithm::Ridge => linear::least_squares::fit(algorithm, problem, given),
        Algorithm::Lasso | Algorithm::ElasticNet => linear::elastic_net::fit(algorithm, problem, given),
        Algorithm::Kmeans => clustering::kmeans::fit(problem, given),
        Algorithm::Dbscan => clustering::dbscan::fit(problem, given),
        Algorithm::GaussianMixture => clustering::mixture::fit(problem, given),
        Algorithm::Pca => reduction::pca::fit(problem, given),
        Algorithm::Tsne => reduction::tsne::fit(problem, given),
        // A policy learns from an environment, not from rows with answers.
        Algorithm::Ppo | Algorithm::Dqn | Algorithm::A3c | Algorithm::Onnx => {
            Err(Error::Task { algorithm, task: problem.answers.task() })
        }
        Algorithm::Autoencoder => reduction::autoencoder::fit(problem, given),
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
        Algorithm::Xgboost => boosting::check(task, given),
        Algorithm::NeuralNetwork => neural::check(task, given),
        Algorithm::LogisticRegression => linear::logistic::check(given),
        Algorithm::Linear | Algorithm::Ridge => linear::least_squares::check(algorithm, given),
        Algorithm::Lasso | Algorithm::ElasticNet => linear::elastic_net::check(algorithm, given),
        Algorithm::Kmeans => clustering::kmeans::check(given),
        Algorithm::Dbscan => clustering::dbscan::check(given),
        Algorithm::GaussianMixture => clustering::mixture::check(given),
        Algorithm::Pca => reduction::pca::check(given),
        Algorithm::Tsne => reduction::tsne::check(given),
        Algorithm::Autoencoder => reduction::autoencoder::check(task, given),
        Algorithm::Ppo | Algorithm::Dqn | Algorithm::A3c => reinforcement::check_hyperparameters(algorithm, given),
        Algorithm::Onnx => Err(Error::Task { algorithm, task }),
    }
}

/// Whether the algorithm takes missing values as they are.
pub(crate) fn takes_missing_values(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::RandomForest | Algorithm::Xgboost => true,
        Algorithm::NeuralNetwork
        | Algorithm::LogisticRegression
        | Algorithm::Linear
        | Algorithm::Ridge
        | Algorithm::Lasso
        | Algorithm::ElasticNet
        | Algorithm::Kmeans
        | Algorithm::Dbscan
        | Algorithm::GaussianMixture
        | Algorithm::Autoencoder
        | Algorithm::Pca
        | Algorithm::Tsne
        | Algorithm::Ppo
        | Algorithm::Dqn
        | Algorithm::A3c
        | Algorithm::Onnx => false,
    }
}

/// Whether the algorithm lets rows count differently.
pub(crate) fn takes_weights(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::GaussianMixture | Algorithm::Autoencoder | Algorithm::Pca | Algorithm::Tsne)
}

impl Estimator {
    /// Predictions for rows whose columns are those of the signature, in its order.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        match self {
            Self::Forest(forest) => forest.predict(columns),
            Self::Boosted(model) => model.predict(columns),
            Self::Network(network) => network.predict(columns),
            Self::Logistic(model) => model.predict(columns),
            Self::Linear(model) => model.predict(columns),
            Self::Kmeans(model) => model.predict(columns),
            Self::Dbscan(model) => model.predict(columns),
            Self::Mixture(model) => model.predict(columns),
            Self::Pca(model) => model.predict(columns),
            Self::Autoencoder(model) => model.predict(columns),
            // Of the training rows, whatever the columns: `Model::predict` refuses other rows before it comes here.
            Self::Tsne(embedding) => embedding.output(),
            Self::Policy(policy) => policy.predict(columns),
            Self::Calibrated(model) => model.predict(columns),
        }
    }

    /// Measures of an estimator that learns without answers, on rows that it did not learn from.
    pub(crate) fn measure(&self, columns: &[&[f32]], seed: u64) -> HeadlineMetrics {
        match self {
            Self::Kmeans(model) => model.measure(columns, seed),
            Self::Dbscan(model) => model.measure(columns, seed),
            Self::Mixture(model) => model.measure(columns, seed),
            Self::Pca(model) => model.measure(columns),
            Self::Autoencoder(model) => model.measure(columns, seed),
            _ => HeadlineMetrics::default(),
        }
    }

    /// Whether an estimator read from a file fits the algorithm and signature that its header names, so that predicting cannot
    /// go astray.
    pub(crate) fn check(&self, algorithm: Algorithm, columns: usize, classes: Option<usize>) -> Result<(), String> {
        match (self, algorithm) {
            (Self::Calibrated(model), algorithm) => model.check(algorithm, columns, classes),
            (Self::Forest(forest), Algorithm::RandomForest) => forest.check(columns, classes),
            (Self::Boosted(model), Algorithm::Xgboost) => model.check(columns, classes),
            (Self::Network(network), Algorithm::NeuralNetwork) => network.check(columns, classes),
            (Self::Logistic(model), Algorithm::LogisticRegression) => model.check(columns, classes),
            (Self::Linear(model), Algorithm::Linear | Algorithm::Ridge | Algorithm::Lasso | Algorithm::ElasticNet) => {
                model.check(columns, classes)
            }
            (Self::Kmeans(model), Algorithm::Kmeans) => model.check(columns),
            (Self::Dbscan(model), Algorithm::Dbscan) => model.check(columns),
            (Self::Mixture(model), Algorithm::GaussianMixture) => model.check(columns),
            (Self::Pca(model), Algorithm::Pca) => model.check(columns),
            (Self::Autoencoder(model), Algorithm::Autoencoder) => model.check(columns),
            (Self::Tsne(embedding), Algorithm::Tsne) => embedding.check(columns),
            (Self::Policy(policy), Algorithm::Ppo | Algorithm::Dqn | Algorithm::A3c) => policy.check(columns, classes),
            _ => Err(format!("the body is not of the algorithm `{}` that the header names", algorithm.as_str())),
        }
    }
}
