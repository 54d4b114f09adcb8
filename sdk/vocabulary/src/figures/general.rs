//! Figures for any numbers: bars, lines, histograms, models side by side, contributions of features to all predictions or to one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Interval, number, numbers};

/// Horizontal bars, one for each name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bars {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Title of the value axis, with its unit.
    pub value_label: String,
    /// Order from top to bottom.
    #[serde(default)]
    pub order: BarOrder,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// Order of bars from top to bottom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarOrder {
    /// The largest value first; equal values keep their order.
    #[default]
    LargestFirst,
    /// The largest distance from zero first; equal distances keep their order.
    MagnitudeFirst,
    /// As the document has them.
    Given,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bar {
    /// What the bar stands for.
    pub name: String,
    /// Length of the bar; may be negative.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// Uncertainty of the value, drawn as a whisker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Named series over a numeric axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Title of the horizontal axis, with its unit.
    pub x_label: String,
    /// Title of the vertical axis, with its unit.
    pub y_label: String,
    /// Scale of the horizontal axis.
    #[serde(default)]
    pub x_scale: Scale,
    /// Scale of the vertical axis.
    #[serde(default)]
    pub y_scale: Scale,
    /// The series, in the order of the legend.
    pub series: Vec<Series>,
}

/// How an axis maps values to places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal distances for equal differences.
    #[default]
    Linear,
    /// Equal distances for equal ratios; every value must be above zero.
    Logarithmic,
}

/// One named line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What the line stands for.
    pub name: String,
    /// Points in the order in which they are joined.
    pub points: Vec<SeriesPoint>,
}

/// One point of a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesPoint {
    /// Horizontal position.
    #[serde(deserialize_with = "number")]
    pub x: f64,
    /// Vertical position.
    #[serde(deserialize_with = "number")]
    pub y: f64,
    /// Uncertainty of `y`, drawn as a band. A band needs it on every point of the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Frequencies over the intervals of a numeric axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Title of the horizontal axis, with its unit.
    pub x_label: String,
    /// Title of the vertical axis: `Count`, `Share of rows`.
    #[serde(default = "count_label")]
    pub y_label: String,
    /// Edges of the intervals, strictly rising: one more than there are intervals.
    #[serde(deserialize_with = "numbers")]
    pub edges: Vec<f64>,
    /// One series, or several that share the edges and are laid over each other (two samples compared, for example).
    pub series: Vec<HistogramSeries>,
}

/// The frequencies of one sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramSeries {
    /// Which sample; drawn where there are several.
    pub name: String,
    /// Frequency in each interval, zero or above: counts, shares or densities.
    #[serde(deserialize_with = "numbers")]
    pub values: Vec<f64>,
}

/// Several models side by side on several metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Title of the value axis, with its unit.
    #[serde(default = "score_label")]
    pub value_label: String,
    /// Names of the models, in the order of `values`.
    pub models: Vec<String>,
    /// One group of bars for each metric. All share one axis: put together what has one range.
    pub metrics: Vec<ComparedMetric>,
}

/// One metric of every model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparedMetric {
    /// Name of the metric.
    pub name: String,
    /// Its value for each model; null where a model has none.
    pub values: Vec<Option<f64>>,
}

/// Contributions of each feature to each prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beeswarm {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Title of the value axis, with its unit.
    #[serde(default = "contribution_label")]
    pub value_label: String,
    /// The features, drawn by falling mean magnitude of their contributions.
    pub features: Vec<FeatureContributions>,
}

/// What one feature contributed to each prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureContributions {
    /// Name of the feature.
    pub name: String,
    /// One entry for each row of data, or for a sample of them.
    pub points: Vec<Contribution>,
}

/// What a feature contributed to one prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contribution {
    /// Contribution, in the unit of the model's output.
    #[serde(deserialize_with = "number")]
    pub contribution: f64,
    /// The feature's value in that row, for the colour; null where it is missing or not a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// How one prediction comes about: from the base value, by one step for each feature, to the prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waterfall {
    /// Heading of the figure.
    pub title: String,
    /// A second line under the title: data set, number of rows, main metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Title of the value axis: what is predicted, with its unit.
    pub value_label: String,
    /// Where the steps begin: what the model gives on average.
    #[serde(deserialize_with = "number")]
    pub base_value: f64,
    /// Where the steps end: the base value plus all contributions.
    #[serde(deserialize_with = "number")]
    pub prediction: f64,
    /// The steps, drawn by falling magnitude; what is small beside the others is drawn as one.
    pub steps: Vec<WaterfallStep>,
}

/// What one feature adds to one prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaterfallStep {
    /// Name of the feature.
    pub name: String,
    /// The feature's value in that row, as it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Contribution, in the unit of the model's output.
    #[serde(deserialize_with = "number")]
    pub contribution: f64,
}

/// Default title of a histogram's vertical axis.
pub const COUNT_LABEL: &str = "Count";
/// Default title of a comparison's value axis.
pub const SCORE_LABEL: &str = "Score";
/// Default title of a beeswarm's value axis.
pub const CONTRIBUTION_LABEL: &str = "Contribution to the model's output (SHAP value)";

fn count_label() -> String {
    COUNT_LABEL.to_owned()
}

fn score_label() -> String {
    SCORE_LABEL.to_owned()
}

fn contribution_label() -> String {
    CONTRIBUTION_LABEL.to_owned()
}
