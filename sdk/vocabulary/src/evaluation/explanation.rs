//! Why a model says what it says: what is asked for, and what each feature adds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::specification::default_seed;

/// Background rows that stand in for what is not known of a row, unless the caller chooses another number.
pub const DEFAULT_BACKGROUND_ROWS: u32 = 100;
/// Orders of the features that are tried for each background row, unless the caller chooses another number.
pub const DEFAULT_PERMUTATIONS: u32 = 4;
/// The most background rows that can be asked for: the work grows with them, the accuracy with their root.
pub const MAXIMUM_BACKGROUND_ROWS: u32 = 10_000;
/// The most permutations that can be asked for.
pub const MAXIMUM_PERMUTATIONS: u32 = 1_000;

/// How to explain a model's predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplanationSpecification {
    /// How the SHAP values are calculated.
    #[serde(default)]
    pub method: ExplanationMethod,
    /// What the values add up to. Without it, `raw` for boosted trees, logistic regression and numbers, `probability` for other
    /// classifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<ExplanationOutput>,
    /// The class to explain. Without it, of two classes the second one, of more each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Rows drawn from the background data to stand in for what is not known of a row; from 1 to 10,000.
    #[serde(default = "default_background_rows")]
    pub background_rows: u32,
    /// Method `permutation`: random orders of the features tried for each background row, each forwards and backwards; from 1 to
    /// 1,000. More make the standard errors smaller.
    #[serde(default = "default_permutations")]
    pub permutations: u32,
    /// Rows whose own values are kept in the report, from the first; 0 leaves them out.
    #[serde(default)]
    pub row_values: u32,
    /// The seed of the background rows and permutations drawn.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Default for ExplanationSpecification {
    fn default() -> Self {
        Self {
            method: ExplanationMethod::default(),
            output: None,
            class: None,
            background_rows: DEFAULT_BACKGROUND_ROWS,
            permutations: DEFAULT_PERMUTATIONS,
            row_values: 0,
            seed: default_seed(),
        }
    }
}

fn default_background_rows() -> u32 {
    DEFAULT_BACKGROUND_ROWS
}

fn default_permutations() -> u32 {
    DEFAULT_PERMUTATIONS
}

/// How SHAP values are calculated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExplanationMethod {
    /// The exact method that fits the model and the output, `permutation` where there is none.
    #[default]
    Auto,
    /// Trees, exact: what is not known is weighted as the training rows went. Needs no background rows.
    TreePathDependent,
    /// Trees, exact: what is not known is taken from background rows.
    TreeInterventional,
    /// Linear and logistic models, exact: coefficient × distance from the background's mean.
    Linear,
    /// Any model: what is not known is taken from background rows. Exact where there are few features and rows, else the mean
    /// over random orders of the features, with a standard error.
    Permutation,
}

impl ExplanationMethod {
    /// The method in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::TreePathDependent => "tree_path_dependent",
            Self::TreeInterventional => "tree_interventional",
            Self::Linear => "linear",
            Self::Permutation => "permutation",
        }
    }
}

/// What SHAP values add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExplanationOutput {
    /// The sum that the model makes its prediction of: log odds of boosted trees and logistic regression, the logarithm of a
    /// Poisson rate; otherwise, and by `permutation`, the prediction itself.
    Raw,
    /// The probability of a class.
    Probability,
}

impl ExplanationOutput {
    /// The output in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Probability => "probability",
        }
    }
}

/// What each feature adds to a model's predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplanationReport {
    /// The method used.
    pub method: ExplanationMethod,
    /// What the values add up to.
    pub output: ExplanationOutput,
    /// The number of rows explained.
    pub rows: u64,
    /// The number of background rows; absent where the method needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_rows: Option<u64>,
    /// One entry for a number and for two classes, else one for each class.
    pub outputs: Vec<ExplainedOutput>,
    /// The greatest distance of a row's prediction from the base value plus the row's values.
    pub additivity_error: f64,
    /// What a reader should know of how this came about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What each feature adds to one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainedOutput {
    /// The class whose probability or log odds this is; absent for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What the values add up to, in words: `Probability of yes`, `Log odds of yes`.
    pub unit: String,
    /// What the model gives on average: a row's prediction is this plus the row's values.
    pub base_value: f64,
    /// The mean prediction of the rows explained; absent where there are no rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_prediction: Option<f64>,
    /// The features, by falling mean magnitude of their values.
    pub features: Vec<FeatureExplanation>,
    /// The first rows, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row_values: Vec<RowExplanation>,
}

/// What one feature adds over all rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureExplanation {
    /// The feature.
    pub feature: String,
    /// The mean magnitude of its SHAP values: how much it matters.
    pub mean_absolute: f64,
    /// The mean of its SHAP values.
    pub mean: f64,
    /// Pearson's correlation of its values with its SHAP values, −1 to 1: above 0, more of it means more of the output. Absent
    /// where either does not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<f64>,
    /// The mean standard error of its SHAP values, where they are estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

/// One row's prediction, taken apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowExplanation {
    /// The row, from 0.
    pub row: u64,
    /// What the model gives for it.
    pub prediction: f64,
    /// The features' SHAP values, in the order of `features`.
    pub values: Vec<f64>,
}
