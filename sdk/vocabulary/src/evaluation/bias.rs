//! Bias: whether data, or a model, treats one group of rows unlike the rest.
//!
//! A facet parts the rows in two: those with the named values, called the facet or `d`, for which a disadvantage is looked for, and the
//! rest, called `a`. The measures are those of Amazon SageMaker Clarify by its published definitions; [`BiasMeasure`] lists them.

mod measure;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use measure::{BiasMeasure, BiasStage};

use super::specification::{default_bootstrap_samples, default_seed};

/// How to look for bias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BiasSpecification {
    /// The facets, each measured for itself.
    pub facets: Vec<BiasFacet>,
    /// The column with the known labels. Without it, the column that the model was trained to predict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// The labels that are the positive, wished-for outcome. Without them, and without a threshold, of two labels the second one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positive_labels: Vec<CellValue>,
    /// For labels that are numbers: those above it are positive. It takes the place of `positive_labels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_threshold: Option<f64>,
    /// The column with predicted labels, where they come from elsewhere than a model of this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_label_column: Option<String>,
    /// The column whose values part the rows into groups for CDDL and CDDPL. Without it these two are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_column: Option<String>,
    /// The columns of numbers by which FT finds a row's nearest neighbours. Without them, all columns of numbers besides facet,
    /// labels and predictions. They are taken as they are, so those of wide range weigh most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flip_test_columns: Vec<String>,
    /// Resamplings of the rows behind the 95 % intervals; 0 leaves the intervals out. At most 10,000.
    #[serde(default = "default_bootstrap_samples")]
    pub bootstrap_samples: u32,
    /// The seed of the resampling.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl BiasSpecification {
    /// A specification with the defaults for everything else.
    #[must_use]
    pub fn new(facets: Vec<BiasFacet>) -> Self {
        Self {
            facets,
            label_column: None,
            positive_labels: Vec::new(),
            label_threshold: None,
            predicted_label_column: None,
            group_column: None,
            flip_test_columns: Vec::new(),
            bootstrap_samples: default_bootstrap_samples(),
            seed: default_seed(),
        }
    }
}

/// A column by which rows are told apart, and which of its values make the facet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BiasFacet {
    /// The column.
    pub column: String,
    /// The values for whose rows a disadvantage is looked for. Without them, and without a threshold, each value in turn against
    /// all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<CellValue>,
    /// For a column of numbers: the rows above it are the facet. It takes the place of `values`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// A value of a column: a text, a number, or true or false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CellValue {
    /// True or false.
    Flag(bool),
    /// A number; 1 and 1.0 are the same.
    Number(f64),
    /// A text, compared as it stands.
    Text(String),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BiasReport {
    /// The number of rows read.
    pub rows: u64,
    /// The column with the known labels.
    pub label_column: String,
    /// What counts as positive, in words: `approved`, `above 3.5`.
    pub positive: String,
    /// Where the predictions come from: a model or a column. Absent where there are none, and with them the measures after training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<String>,
    /// The column of the groups for CDDL and CDDPL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_column: Option<String>,
    /// Each facet.
    pub facets: Vec<FacetBias>,
    /// What a reader should know: rows left out, columns left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One facet against the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FacetBias {
    /// The column.
    pub column: String,
    /// The facet in words: `sex = female`, `age above 40`.
    pub facet: String,
    /// The rows of the facet, `d`.
    pub rows: u64,
    /// The rows of the rest, `a`.
    pub rest: u64,
    /// Measures of the data alone.
    pub pre_training: Vec<BiasMetric>,
    /// Measures of the predictions; empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_training: Vec<BiasMetric>,
}

/// One measure of one facet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BiasMetric {
    /// The measure.
    pub measure: BiasMeasure,
    /// Its name in full.
    pub title: String,
    /// Its value. Where it is undefined it is absent, and `absent` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The 2.5 % point by percentile bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// The 97.5 % point by percentile bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// The lowest value there can be; absent where there is no lowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The highest value there can be; absent where there is no highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The value that says even.
    pub even: f64,
    /// How the value is read.
    pub reading: String,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// What to know of the value: where 0 of 0 was counted as 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
