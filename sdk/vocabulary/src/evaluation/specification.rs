//! What an evaluation is asked for, and the parts that both kinds of report share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learning::DEFAULT_SEED;

/// Resamplings behind a confidence interval: enough for two digits of the 2.5 % and 97.5 % points.
pub const DEFAULT_BOOTSTRAP_SAMPLES: u32 = 200;
/// The most resamplings that can be asked for: the next digit would cost a hundred times the work.
pub const MAXIMUM_BOOTSTRAP_SAMPLES: u32 = 10_000;
/// Points kept of a curve: more than a screen shows.
pub const DEFAULT_CURVE_POINTS: u32 = 200;
/// Bins of predicted probabilities behind a calibration curve: what scikit-learn's users choose for a few hundred rows and more.
pub const DEFAULT_CALIBRATION_BINS: u32 = 10;
/// The most bins that can be asked for.
pub const MAXIMUM_CALIBRATION_BINS: u32 = 1_000;
/// Residuals kept for a plot.
pub const DEFAULT_RESIDUAL_POINTS: u32 = 500;

/// How to measure a model on rows with known answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSpecification {
    /// The column with the known answers. Without it, the column that the model was trained to predict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_column: Option<String>,
    /// Of two classes, the one that precision, recall, ROC and the rest are about. Without it, the second one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_class: Option<String>,
    /// How the report's one precision, recall and F1 are made of the classes'. The others are in the report as well.
    #[serde(default)]
    pub average: Average,
    /// Resamplings of the rows behind the 95 % confidence intervals; 0 leaves the intervals out. At most 10,000.
    #[serde(default = "default_bootstrap_samples")]
    pub bootstrap_samples: u32,
    /// Points kept of each curve, at least 2; 0 leaves the curves out.
    #[serde(default = "default_curve_points")]
    pub curve_points: u32,
    /// Bins of predicted probabilities behind the calibration; 0 leaves it out. At most 1,000.
    #[serde(default = "default_calibration_bins")]
    pub calibration_bins: u32,
    /// Residuals kept for a plot; 0 leaves them out.
    #[serde(default = "default_residual_points")]
    pub residual_points: u32,
    /// The seed of the resampling and thinning.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Default for EvaluationSpecification {
    fn default() -> Self {
        Self {
            target_column: None,
            positive_class: None,
            average: Average::default(),
            bootstrap_samples: DEFAULT_BOOTSTRAP_SAMPLES,
            curve_points: DEFAULT_CURVE_POINTS,
            calibration_bins: DEFAULT_CALIBRATION_BINS,
            residual_points: DEFAULT_RESIDUAL_POINTS,
            seed: DEFAULT_SEED,
        }
    }
}

/// How one number is made of the classes' numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// That of the positive class; two classes only.
    Binary,
    /// The mean of the classes.
    Macro,
    /// The mean of the classes weighted by how often each is true.
    #[default]
    Weighted,
    /// Over all decisions together.
    Micro,
}

/// A measure with the range that holds its true value in 95 of 100 samples of rows: percentile bootstrap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceInterval {
    /// The report's field that this is about.
    pub metric: String,
    /// The measure on all rows.
    pub value: f64,
    /// The 2.5 % point.
    pub lower: f64,
    /// The 97.5 % point.
    pub upper: f64,
}

pub(super) fn default_bootstrap_samples() -> u32 {
    DEFAULT_BOOTSTRAP_SAMPLES
}

fn default_curve_points() -> u32 {
    DEFAULT_CURVE_POINTS
}

fn default_calibration_bins() -> u32 {
    DEFAULT_CALIBRATION_BINS
}

fn default_residual_points() -> u32 {
    DEFAULT_RESIDUAL_POINTS
}

pub(super) fn default_seed() -> u64 {
    DEFAULT_SEED
}
