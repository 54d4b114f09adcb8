//! How well a regressor does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfidenceInterval;

/// Measures of a regressor on rows with known values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegressionReport {
    /// The number of rows measured.
    pub rows: u64,
    /// Root of the mean squared error, in the target's unit.
    pub rmse: f64,
    /// Mean absolute error, in the target's unit.
    pub mae: f64,
    /// The share of variance explained; at most 1, below 0 for a model worse than the mean. Absent where the values do not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// Mean absolute error as a fraction of the value (0.1 is 10 %). Absent where a value is zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mape: Option<f64>,
    /// The error that half of the rows exceed, in the target's unit.
    pub median_absolute_error: f64,
    /// The largest absolute error, in the target's unit.
    pub max_error: f64,
    /// Like `r2`, but blind to a constant offset. Absent where the values do not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_variance: Option<f64>,
    /// Mean of prediction minus value, in the target's unit: the constant offset.
    pub mean_error: f64,
    /// 95 % intervals of the headline measures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<ConfidenceInterval>,
    /// Rows for a residual plot, ordered by prediction: the widest residuals and a fair sample of the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residuals: Vec<ResidualPoint>,
}

/// One row in a residual plot, in the target's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualPoint {
    /// The row, from 0.
    pub row: u64,
    /// The known value.
    pub actual: f64,
    /// What the model says.
    pub predicted: f64,
    /// The value minus the prediction.
    pub residual: f64,
}
