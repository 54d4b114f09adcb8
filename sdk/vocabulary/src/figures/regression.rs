//! Figures about predicted quantities: how far off each prediction is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number;

/// Residuals over predictions, with their histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residuals {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Unit of the target, shown on the axes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// One point for each row of data, or a sample of them.
    pub points: Vec<ResidualPoint>,
}

/// One row of data: its prediction and how far off it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualPoint {
    /// Predicted value.
    #[serde(deserialize_with = "number")]
    pub predicted: f64,
    /// Actual minus predicted value.
    #[serde(deserialize_with = "number")]
    pub residual: f64,
}

/// Predictions over actual values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictedActual {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Unit of the target, shown on the axes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// One point for each row of data, or a sample of them.
    pub points: Vec<PredictedActualPoint>,
}

/// One row of data: what was and what was predicted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictedActualPoint {
    /// Actual value.
    #[serde(deserialize_with = "number")]
    pub actual: f64,
    /// Predicted value.
    #[serde(deserialize_with = "number")]
    pub predicted: f64,
}
