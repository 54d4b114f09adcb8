//! `train_supervised_classifier`.

use kumiko_sdk::choices;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::learning::{Algorithm, Task};

use crate::arguments::{Choice, TrainingArguments};
use crate::outcome::TrainingOutcome;
use crate::train::train;

/// An algorithm that tells classes apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum ClassifierAlgorithm {
    /// Many deep trees, averaged: good without tuning, takes missing values as they are.
    #[default]
    RandomForest,
    /// Trees grown one after the other on what those before left over (histogram gradient boosting): the best on most tables, takes
    /// missing values as they are.
    Xgboost,
    /// Layers of neurons (multilayer perceptron): for smooth relations of many columns.
    NeuralNetwork,
    /// A linear model of log odds: fast, its coefficients can be read.
    LogisticRegression,
}

impl Choice for ClassifierAlgorithm {
    const TASK: Task = Task::Classification;

    fn algorithm(self) -> Algorithm {
        match self {
            Self::RandomForest => Algorithm::RandomForest,
            Self::Xgboost => Algorithm::Xgboost,
            Self::NeuralNetwork => Algorithm::NeuralNetwork,
            Self::LogisticRegression => Algorithm::LogisticRegression,
        }
    }
}

/// Trains a model that tells classes apart, on a data set with a column of known classes, and keeps it in the store.
///
/// Answers with accuracy, F1, log loss and ROC-AUC on the training rows and, where validation data is given, on those; with the
/// feature importances, the loss curve where there is one, and the model's uri for `evaluate_classifier` and `predict`. Judge the
/// model by data that it has not seen: pass `validation_data_s3_uri`, or evaluate it on a test set. For a column of numbers use
/// `train_supervised_regressor`.
#[tool(title = "Train a classifier", destructive, idempotent, long_running, aliases = ["train_classification"])]
pub(crate) fn train_supervised_classifier(
    arguments: TrainingArguments<ClassifierAlgorithm>,
) -> Result<Reply<TrainingOutcome>> {
    train(&arguments)
}
