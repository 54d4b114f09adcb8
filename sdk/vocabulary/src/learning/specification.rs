//! What a training is asked to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The seed of everything random, unless the caller chooses another: the same seed gives the same bytes.
pub const DEFAULT_SEED: u64 = 42;

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of two or more classes.
    Classification,
    /// A number.
    Regression,
    /// Groups of rows that are alike; nobody knows the answers.
    Clustering,
    /// Few columns that keep what is in many.
    DimensionalityReduction,
    /// What to do next, so that most is gained in the end.
    Reinforcement,
}

impl Task {
    /// The task in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Clustering => "clustering",
            Self::DimensionalityReduction => "dimensionality_reduction",
            Self::Reinforcement => "reinforcement",
        }
    }

    /// Whether rows come with known answers: classification and regression need a target column, the others have none.
    #[must_use]
    pub fn is_supervised(self) -> bool {
        matches!(self, Self::Classification | Self::Regression)
    }
}

/// How a model is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Many deep trees on bootstrap samples, averaged. Classification and regression; takes missing values as they are.
    RandomForest,
    /// Trees grown one after the other on what the trees before them left over (histogram gradient boosting). Classification
    /// and regression; takes missing values as they are.
    Xgboost,
    /// Layers of neurons, trained by mini-batches (multilayer perceptron). Classification and regression.
    NeuralNetwork,
    /// A linear model of log odds, binary or multinomial, with an L2 penalty. Classification.
    LogisticRegression,
    /// Ordinary least squares. Regression.
    Linear,
    /// Least squares with an L2 penalty. Regression.
    Ridge,
    /// Least squares with an L1 penalty, which leaves useless features out. Regression.
    Lasso,
    /// Least squares with L1 and L2 penalties mixed. Regression.
    ElasticNet,
    /// So many centres, each row with its nearest. Clustering.
    Kmeans,
    /// Dense regions of any shape and number; rows outside of them are noise. Clustering.
    Dbscan,
    /// A mixture of normal distributions, fitted by expectation-maximisation. Clustering with probabilities.
    GaussianMixture,
    /// A neural network that squeezes rows through few numbers and restores them. Dimensionality reduction, and clustering of
    /// those few numbers.
    Autoencoder,
    /// The directions in which the rows vary most (principal component analysis). Dimensionality reduction.
    Pca,
    /// A map of the training rows in two or three dimensions that keeps neighbours together (Barnes–Hut t-SNE).
    /// Dimensionality reduction; cannot place other rows.
    Tsne,
    /// Proximal policy optimisation. Reinforcement.
    Ppo,
    /// Deep Q-learning. Reinforcement.
    Dqn,
    /// Advantage actor-critic with actors of different age. Reinforcement.
    A3c,
    /// A graph that another program wrote. It predicts and is measured; it cannot be trained here.
    Onnx,
}

impl Algorithm {
    /// Every algorithm that can be trained, in the order in which lists show them.
    pub const ALL: [Self; 17] = [
        Self::RandomForest,
        Self::Xgboost,
        Self::NeuralNetwork,
        Self::LogisticRegression,
        Self::Linear,
        Self::Ridge,
        Self::Lasso,
        Self::ElasticNet,
        Self::Kmeans,
        Self::Dbscan,
        Self::GaussianMixture,
        Self::Autoencoder,
        Self::Pca,
        Self::Tsne,
        Self::Ppo,
        Self::Dqn,
        Self::A3c,
    ];

    /// The algorithm in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RandomForest => "random_forest",
            Self::Xgboost => "xgboost",
            Self::NeuralNetwork => "neural_network",
            Self::LogisticRegression => "logistic_regression",
            Self::Linear => "linear",
            Self::Ridge => "ridge",
            Self::Lasso => "lasso",
            Self::ElasticNet => "elastic_net",
            Self::Kmeans => "kmeans",
            Self::Dbscan => "dbscan",
            Self::GaussianMixture => "gaussian_mixture",
            Self::Autoencoder => "autoencoder",
            Self::Pca => "pca",
            Self::Tsne => "tsne",
            Self::Ppo => "ppo",
            Self::Dqn => "dqn",
            Self::A3c => "a3c",
            Self::Onnx => "onnx",
        }
    }

    /// The tasks that the algorithm can do.
    #[must_use]
    pub fn tasks(self) -> &'static [Task] {
        match self {
            Self::RandomForest | Self::Xgboost | Self::NeuralNetwork => &[Task::Classification, Task::Regression],
            Self::LogisticRegression => &[Task::Classification],
            Self::Linear | Self::Ridge | Self::Lasso | Self::ElasticNet => &[Task::Regression],
            Self::Kmeans | Self::Dbscan | Self::GaussianMixture => &[Task::Clustering],
            Self::Autoencoder => &[Task::DimensionalityReduction, Task::Clustering],
            Self::Pca | Self::Tsne => &[Task::DimensionalityReduction],
            Self::Ppo | Self::Dqn | Self::A3c => &[Task::Reinforcement],
            Self::Onnx => &[],
        }
    }
}

/// How probabilities are calibrated: mapped to how often they come true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// By a logistic curve over the log odds (Platt, 1999): for little data.
    Sigmoid,
    /// By any rising line (isotonic regression): for a thousand rows or more.
    Isotonic,
}

impl Calibration {
    /// The method in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Isotonic => "isotonic",
        }
    }
}

/// What to train, and on which column, where there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingSpecification {
    /// How the model is made.
    pub algorithm: Algorithm,
    /// What the model is for.
    pub task: Task,
    /// The column to predict. Absent for clustering and dimensionality reduction, which have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_column: Option<String>,
    /// The algorithm's settings by the names of scikit-learn: `n_estimators`, `max_depth`, `C`, `alpha`, `n_clusters`, `eps` … What is not given
    /// has scikit-learn's default. An unknown name is refused.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub hyperparameters: Map<String, Value>,
    /// Whether and how the probabilities of a classifier are calibrated, on rows that models of other rows predict. The training takes
    /// about six times as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// A column of row weights, not a feature: zero or more each. Without it every row counts the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_column: Option<String>,
    /// Columns to leave out of the features: identifiers and what is not known when a prediction is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_columns: Vec<String>,
    /// The seed of everything random. The same seed on the same data gives the same bytes.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The model's name. Without it the model is named after its algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_job_name: Option<String>,
    /// Where the training rows were read from, for the model to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_data_uri: Option<String>,
}

impl TrainingSpecification {
    /// A specification with the defaults for everything else.
    pub fn new(algorithm: Algorithm, task: Task, target_column: impl Into<String>) -> Self {
        Self { target_column: Some(target_column.into()), ..Self::without_target(algorithm, task) }
    }

    /// A specification of clustering or dimensionality reduction, with the defaults for everything else.
    #[must_use]
    pub fn without_target(algorithm: Algorithm, task: Task) -> Self {
        Self {
            algorithm,
            task,
            target_column: None,
            hyperparameters: Map::new(),
            calibration: None,
            weight_column: None,
            excluded_columns: Vec::new(),
            seed: DEFAULT_SEED,
            training_job_name: None,
            training_data_uri: None,
        }
    }

    /// The same specification with one hyperparameter set.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.hyperparameters.insert(name.into(), value.into());
        self
    }
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}
