//! What a training is asked to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The seed of everything random, unless the caller chooses another: the same seed gives the same bytes.
pub const DEFAULT_SEED: u64 = 42;

/// Whether a model names a class or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of two or more classes.
    Classification,
    /// A number.
    Regression,
}

impl Task {
    /// The task in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
        }
    }
}

/// How a model is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Many deep trees on bootstrap samples, averaged. Classification and regression; takes missing values as they are.
    RandomForest,
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
}

impl Algorithm {
    /// Every algorithm, in the order in which lists show them.
    pub const ALL: [Self; 6] =
        [Self::RandomForest, Self::LogisticRegression, Self::Linear, Self::Ridge, Self::Lasso, Self::ElasticNet];

    /// The algorithm in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RandomForest => "random_forest",
            Self::LogisticRegression => "logistic_regression",
            Self::Linear => "linear",
            Self::Ridge => "ridge",
            Self::Lasso => "lasso",
            Self::ElasticNet => "elastic_net",
        }
    }

    /// The tasks that the algorithm can do.
    #[must_use]
    pub fn tasks(self) -> &'static [Task] {
        match self {
            Self::RandomForest => &[Task::Classification, Task::Regression],
            Self::LogisticRegression => &[Task::Classification],
            Self::Linear | Self::Ridge | Self::Lasso | Self::ElasticNet => &[Task::Regression],
        }
    }
}

/// What to train, and on which column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingSpecification {
    /// How the model is made.
    pub algorithm: Algorithm,
    /// Whether the target is a class or a number.
    pub task: Task,
    /// The column to predict.
    pub target_column: String,
    /// The algorithm's settings by the names of scikit-learn: `n_estimators`, `max_depth`, `C`, `alpha` … What is not given
    /// has scikit-learn's default. An unknown name is refused.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub hyperparameters: Map<String, Value>,
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
        Self {
            algorithm,
            task,
            target_column: target_column.into(),
            hyperparameters: Map::new(),
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
