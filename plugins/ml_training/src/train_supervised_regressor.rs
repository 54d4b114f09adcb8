//! `train_supervised_regressor`.

use kumiko_sdk::choices;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::learning::{Algorithm, Task};

use crate::arguments::{Choice, TrainingArguments};
use crate::outcome::TrainingOutcome;
use crate::train::train;

/// An algorithm that predicts a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum RegressorAlgorithm {
    /// Many deep trees, averaged: good without tuning, takes missing values as they are.
    #[default]
    RandomForest,
    /// Trees grown one after the other on what those before left over (histogram gradient boosting): the best on most tables, takes
    /// missing values as they are.
    Xgboost,
    /// Layers of neurons (multilayer perceptron): for smooth relations of many columns.
    NeuralNetwork,
    /// Ordinary least squares.
    Linear,
    /// Least squares with an L2 penalty: steadier where features are correlated.
    Ridge,
    /// Least squares with an L1 penalty: leaves useless features out.
    Lasso,
    /// Least squares with L1 and L2 penalties mixed.
    ElasticNet,
}

impl Choice for RegressorAlgorithm {
    const TASK: Task = Task::Regression;

    fn algorithm(self) -> Algorithm {
        match self {
            Self::RandomForest => Algorithm::RandomForest,
            Self::Xgboost => Algorithm::Xgboost,
            Self::NeuralNetwork => Algorithm::NeuralNetwork,
            Self::Linear => Algorithm::Linear,
            Self::Ridge => Algorithm::Ridge,
            Self::Lasso => Algorithm::Lasso,
            Self::ElasticNet => Algorithm::ElasticNet,
        }
    }
}

/// Trains a model that predicts a number, on a data set with a column of known numbers, and keeps it in the store.
///
/// Answers with RMSE, MAE and R² on the training rows and, where validation data is given, on those; with the feature
/// importances, the loss curve where there is one, and the model's uri for `evaluate_regressor` and `predict`. Judge the model by
/// data that it has not seen: pass `validation_data_s3_uri`, or evaluate it on a test set. For a column of classes use
/// `train_supervised_classifier`.
#[tool(title = "Train a regressor", destructive, idempotent, long_running, aliases = ["train_regression"])]
pub(crate) fn train_supervised_regressor(
    arguments: TrainingArguments<RegressorAlgorithm>,
) -> Result<Reply<TrainingOutcome>> {
    train(&arguments)
}
