//! Figures about classes: how often each was confused, how well scores rank and how well they match frequencies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Point, number};

/// Counts of true against predicted classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfusionMatrix {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Class names, in the order of the rows and columns of `counts`.
    pub classes: Vec<String>,
    /// Number of rows of data: `counts[t][p]` have the true class `t` and the predicted class `p`. Square.
    pub counts: Vec<Vec<u64>>,
}

/// Receiver operating characteristic: true positive rate (`y`) over false positive rate (`x`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RocCurve {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// One curve for each model or class.
    pub curves: Vec<ScoredCurve>,
}

/// Precision (`y`) over recall (`x`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionRecallCurve {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// One curve for each model or class; `area` is the average precision.
    pub curves: Vec<ScoredCurve>,
    /// Share of positive rows, 0 to 1: the precision of guessing, drawn as a reference line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prevalence: Option<f64>,
}

/// A curve inside the unit square with the area under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoredCurve {
    /// Model or class that the curve belongs to.
    pub name: String,
    /// Area under the curve, 0 to 1.
    #[serde(deserialize_with = "number")]
    pub area: f64,
    /// Points in the order of the threshold; both coordinates from 0 to 1.
    pub points: Vec<Point>,
}

/// Observed frequency over predicted probability (reliability diagram).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// One curve for each model or class.
    pub curves: Vec<CalibrationCurve>,
}

/// The bins of one model's probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationCurve {
    /// Model or class that the curve belongs to.
    pub name: String,
    /// Brier score: mean squared distance of probability and outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brier: Option<f64>,
    /// Bins that hold at least one row, by rising `predicted`.
    pub bins: Vec<CalibrationBin>,
}

/// One bin of predicted probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBin {
    /// Mean predicted probability of the bin, 0 to 1.
    #[serde(deserialize_with = "number")]
    pub predicted: f64,
    /// Share of positive rows in the bin, 0 to 1.
    #[serde(deserialize_with = "number")]
    pub observed: f64,
    /// Rows in the bin.
    pub count: u64,
}

/// How many rows each class has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// The classes, drawn in this order.
    pub classes: Vec<ClassCount>,
}

/// One class and its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassCount {
    /// Name of the class.
    pub name: String,
    /// Rows that have it.
    pub count: u64,
}
