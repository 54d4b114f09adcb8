//! Settings measured by cross-validation: each is trained on some rows and measured on the others, several times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFAULT_SEED, HeadlineMetrics};
use crate::Fault;
use crate::evaluation::ComparisonMetric;

/// Parts of the rows unless the caller chooses another number.
pub const DEFAULT_FOLDS: u32 = 5;
/// The most parts.
pub const MAXIMUM_FOLDS: u32 = 50;

/// How rows are dealt to the parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoldMethod {
    /// Stratified where the target is a class, at random where it is a number.
    #[default]
    Automatic,
    /// At random.
    Random,
    /// At random within each class of the target, so that its shares are the same in every part.
    Stratified,
    /// Rows with the same value of `column` stay together: several rows of one person, for example.
    Grouped,
    /// In the order of `column`: each part is predicted from the parts before it, never from later ones.
    Time,
}

/// How settings are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossValidation {
    /// The number of parts that are predicted, each from others; 2 to 50.
    #[serde(default = "default_folds")]
    pub folds: u32,
    /// How rows are dealt to the parts.
    #[serde(default)]
    pub method: FoldMethod,
    /// The column to group by or to order by. It is no feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The measure that the score is. Without it, `roc_auc` for classification (`accuracy` where there is none) and `rmse` for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<ComparisonMetric>,
    /// The share of the training rows that is learnt from, drawn at random; above 0, at most 1. Less than 1 tells bad settings early and
    /// cheaply. What is predicted is always the whole part.
    #[serde(default = "whole")]
    pub row_share: f64,
    /// The seed of the parts and of the drawing.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self {
            folds: DEFAULT_FOLDS,
            method: FoldMethod::default(),
            column: None,
            metric: None,
            row_share: 1.0,
            seed: DEFAULT_SEED,
        }
    }
}

fn default_folds() -> u32 {
    DEFAULT_FOLDS
}

fn whole() -> f64 {
    1.0
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// What the cross-validation of one training specification came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossValidationReport {
    /// The measure that the scores are.
    pub metric: ComparisonMetric,
    /// The score of each part; none where the settings could not be trained.
    pub scores: Vec<f64>,
    /// The mean of the scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// The standard deviation of the scores (divided by their number less one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// The mean of every measure over the parts.
    pub measures: HeadlineMetrics,
    /// Rows learnt from in a part, on average.
    pub training_rows: u64,
    /// The time of all trainings together, in seconds.
    pub training_seconds: f64,
    /// Why these settings could not be trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Fault>,
}
