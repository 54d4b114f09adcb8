//! Making data ready for learning: what is to be done, and what was learnt in doing it.
//!
//! A [`PipelineSpecification`] says what to do. Fitting it on the training rows learns whatever it needs (fill values,
//! categories, scales, bin edges) and the result is applied unchanged to other rows. [`Split`] and [`Balancing`] choose rows and
//! learn nothing.

mod description;
mod features;
mod rows;

pub use description::{ColumnDescription, ColumnRole, FitReport, PipelineDescription, TargetSummary};
pub use features::{
    AggregateFunction, BinningMethod, DatePart, FeatureEngineering, FeatureStep, PowerMethod, RollingFunction,
};
pub use rows::{Balancing, BalancingMethod, DEFAULT_NEIGHBOURS, DEFAULT_WEIGHT_COLUMN, Split, SplitMethod};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The seed of everything random that is not given another.
pub const DEFAULT_SEED: u64 = 42;
/// The number of categories up to which `encode_categorical: true` makes a column for each; above it, categories are numbered.
pub const DEFAULT_ONE_HOT_LIMIT: u32 = 20;
/// How many rows of its own weigh as much as the overall mean when a category is encoded by its target mean.
pub const DEFAULT_TARGET_SMOOTHING: f64 = 10.0;
/// The number of parts in which target encoding of the fitted rows goes out of fold.
pub const DEFAULT_TARGET_FOLDS: u32 = 5;
/// The discount of a reward one step away.
pub const DEFAULT_GAMMA: f64 = 0.99;
/// The decay of generalised advantage estimation.
pub const DEFAULT_GAE_LAMBDA: f64 = 0.95;

/// What a pipeline is to learn and do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PipelineSpecification {
    /// Features and a target.
    Supervised(SupervisedSpecification),
    /// Features alone.
    Unsupervised(UnsupervisedSpecification),
    /// Trajectories.
    Reinforcement(ReinforcementSpecification),
    /// Further columns made from those there are.
    Features(FeatureEngineering),
}

/// What is learnt from a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    /// The target names a class.
    Classification,
    /// The target is a number.
    Regression,
}

/// Preparation for learning a target.
///
/// Rows without a target are left out when fitting and counted. The target passes through: a class keeps its label, a number is not
/// scaled. When the pipeline is applied to rows without a target column, the result has none either.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SupervisedSpecification {
    /// The column to predict.
    pub target_column: String,
    /// What it is.
    pub task_type: TaskType,
    /// How the other columns are treated.
    #[serde(default)]
    pub preprocessing_config: PreprocessingConfig,
}

/// Preparation for learning without a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsupervisedSpecification {
    /// How the columns are treated. Target encoding is refused, there being no target.
    #[serde(default)]
    pub preprocessing_config: PreprocessingConfig,
    /// Leaves out features whose variance, before scaling, is at most this. 0 leaves out constant ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_threshold: Option<f64>,
    /// Leaves out each feature whose absolute Pearson correlation with an earlier, kept one is above this (0 to 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_threshold: Option<f64>,
}

/// How columns become features.
///
/// Numbers are filled and scaled. Booleans become 0 and 1, dates and times seconds since 1970 (UTC), which are filled and scaled like
/// numbers; booleans and encoded categories are not scaled. Text is encoded. NaN and infinities count as missing.
/// A category not seen when fitting becomes zeros in one-hot columns, -1 in ordinal ones, the overall mean in target ones and 0 in
/// frequency ones. Columns that are null throughout, and lists, objects and bytes, are left out and named in the description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreprocessingConfig {
    /// What becomes of missing values.
    #[serde(default)]
    pub handle_missing: MissingValues,
    /// `handle_missing: constant`: the value that numbers are filled with; 0 by default. Text is filled with it too where it is
    /// text, and with `missing` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill_value: Option<Value>,
    /// How numbers are scaled: `true` is `standard`, `false` is `none`.
    #[serde(default)]
    pub normalize: Normalize,
    /// How text is encoded: `true` is `one_hot` up to `one_hot_limit` categories and `ordinal` above, `false` is `none`.
    #[serde(default)]
    pub encode_categorical: EncodeCategorical,
    /// The number of categories up to which `encode_categorical: true` makes a column for each.
    #[serde(default = "default_one_hot_limit")]
    pub one_hot_limit: u32,
    /// Target encoding: how many rows of its own weigh as much as the overall mean.
    #[serde(default = "default_target_smoothing")]
    pub target_smoothing: f64,
    /// Columns of numbers that are to be treated as categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categorical_columns: Vec<String>,
    /// Columns that pass through untouched: identifiers, weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passthrough_columns: Vec<String>,
    /// Columns that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_columns: Vec<String>,
    /// The seed of the folds of target encoding.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Default for PreprocessingConfig {
    fn default() -> Self {
        Self {
            handle_missing: MissingValues::default(),
            fill_value: None,
            normalize: Normalize::default(),
            encode_categorical: EncodeCategorical::default(),
            one_hot_limit: DEFAULT_ONE_HOT_LIMIT,
            target_smoothing: DEFAULT_TARGET_SMOOTHING,
            categorical_columns: Vec::new(),
            passthrough_columns: Vec::new(),
            drop_columns: Vec::new(),
            seed: DEFAULT_SEED,
        }
    }
}

/// What becomes of missing values. Text is filled with its most frequent value where numbers get a mean or a median.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingValues {
    /// Rows with a missing value in a feature are left out.
    Drop,
    /// The mean of the fitted rows.
    Mean,
    /// The median of the fitted rows.
    #[default]
    Median,
    /// The most frequent value of the fitted rows; the least of several.
    Mode,
    /// `fill_value`.
    Constant,
}

/// How numbers are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// `(x - mean) / standard deviation`, the deviation with n as in scikit-learn.
    Standard,
    /// `(x - minimum) / (maximum - minimum)`.
    Minmax,
    /// `(x - median) / interquartile range`.
    Robust,
    /// Not at all.
    None,
}

/// How text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CategoricalEncoding {
    /// A column of 0 and 1 for each category, named `<column>_<category>`. At most 1,000 categories a column.
    OneHot,
    /// The category's number in sorted order, from 0.
    Ordinal,
    /// The mean target of the category, drawn to the overall mean. With several classes, a column for each but the first. The fitted rows
    /// are encoded out of fold, so that no row sees its own target.
    Target,
    /// The category's share of the fitted rows.
    Frequency,
    /// Not at all: text passes through.
    None,
}

/// A way to scale, or whether to scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Normalize {
    /// `true`: `standard`; `false`: `none`.
    Switch(bool),
    /// The way.
    Method(Normalization),
}

impl Default for Normalize {
    fn default() -> Self {
        Self::Switch(true)
    }
}

impl Normalize {
    /// The way that is meant.
    #[must_use]
    pub fn method(self) -> Normalization {
        match self {
            Self::Switch(true) => Normalization::Standard,
            Self::Switch(false) => Normalization::None,
            Self::Method(method) => method,
        }
    }
}

/// A way to encode, or whether to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EncodeCategorical {
    /// `true`: `one_hot` or `ordinal` by the number of categories; `false`: `none`.
    Switch(bool),
    /// The way.
    Method(CategoricalEncoding),
}

impl Default for EncodeCategorical {
    fn default() -> Self {
        Self::Switch(true)
    }
}

impl EncodeCategorical {
    /// The way that is meant for a column with this many categories.
    #[must_use]
    pub fn method(self, categories: usize, one_hot_limit: u32) -> CategoricalEncoding {
        match self {
            Self::Switch(true) if categories <= one_hot_limit as usize => CategoricalEncoding::OneHot,
            Self::Switch(true) => CategoricalEncoding::Ordinal,
            Self::Switch(false) => CategoricalEncoding::None,
            Self::Method(method) => method,
        }
    }
}

/// Preparation of trajectories for reinforcement learning.
///
/// The result has, in order: `episode` (from 0), `step` (from 0 within the episode), the observations (normalised; stacked ones as
/// `<column>_previous_1` …), and, where the frame has them, the action, the reward, `done`, `discounted_return` and `advantage`. An episode ends
/// where `done_column` is true, where `episode_column` changes, and at the last row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinforcementSpecification {
    /// The columns of the observation, numbers all.
    pub observation_columns: Vec<String>,
    /// The column of the action; it passes through.
    pub action_column: String,
    /// The column of the reward.
    pub reward_column: String,
    /// The column that is true (or not 0) in the last step of an episode. One of this and `episode_column` is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_column: Option<String>,
    /// The column that names the episode; the rows of an episode stand together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_column: Option<String>,
    /// The column of a critic's value of the observation. Without it, the value is a linear function of the normalised observation and
    /// the step, fitted to the discounted returns of the fitted rows (Duan et al. 2016, linear feature baseline).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_column: Option<String>,
    /// The discount of a reward one step away, 0 to 1.
    #[serde(default = "default_gamma")]
    pub gamma: f64,
    /// The decay of generalised advantage estimation (Schulman et al. 2016), 0 to 1. The step after an episode's last counts as worth 0.
    #[serde(default = "default_gae_lambda")]
    pub gae_lambda: f64,
    /// How many observations make one: the present one and those before it in the episode, the first repeated at its start. 1 to 64.
    #[serde(default = "default_frame_stack")]
    pub frame_stack: u32,
    /// How observations are scaled.
    #[serde(default)]
    pub normalize: Normalize,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

fn default_one_hot_limit() -> u32 {
    DEFAULT_ONE_HOT_LIMIT
}

fn default_target_smoothing() -> f64 {
    DEFAULT_TARGET_SMOOTHING
}

fn default_gamma() -> f64 {
    DEFAULT_GAMMA
}

fn default_gae_lambda() -> f64 {
    DEFAULT_GAE_LAMBDA
}

fn default_frame_stack() -> u32 {
    1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(document: Value) -> Result<PipelineSpecification, serde_json::Error> {
        serde_json::from_value(document)
    }

    #[test]
    fn the_switches_and_the_words_of_a_configuration_are_both_understood() {
        let supervised = parse(json!({
            "kind": "supervised", "target_column": "y", "task_type": "regression",
            "preprocessing_config": {"normalize": true, "encode_categorical": "target", "handle_missing": "drop"},
        }));
        let PipelineSpecification::Supervised(supervised) = supervised.unwrap() else { unreachable!() };
        let config = supervised.preprocessing_config;
        assert_eq!(config.normalize.method(), Normalization::Standard);
        assert_eq!(config.encode_categorical.method(3, 20), CategoricalEncoding::Target);
        assert_eq!(EncodeCategorical::Switch(true).method(20, 20), CategoricalEncoding::OneHot);
        assert_eq!(EncodeCategorical::Switch(true).method(21, 20), CategoricalEncoding::Ordinal);
    }

    #[test]
    fn an_unknown_field_is_refused_at_every_level() {
        let refused = [
            json!({"kind": "supervised", "target_column": "y", "task_type": "regression", "normalise": true}),
            json!({"kind": "unsupervised", "preprocessing_config": {"normalise": true}}),
            json!({"kind": "features", "steps": [{"step": "polynomial", "columns": ["a"], "degrees": 2}]}),
        ];
        for document in refused {
            let message = parse(document).unwrap_err().to_string();
            assert!(message.contains("unknown field"), "{message}");
        }
    }

    #[test]
    fn a_specification_survives_the_way_through_json() {
        let specification = PipelineSpecification::Features(FeatureEngineering {
            steps: vec![FeatureStep::Binning { columns: vec!["a".into()], bins: 4, method: BinningMethod::Uniform }],
        });
        let text = serde_json::to_string(&specification).unwrap();
        assert_eq!(serde_json::from_str::<PipelineSpecification>(&text).unwrap(), specification);
    }

    #[test]
    fn the_schema_of_a_specification_names_the_kinds_and_closes_their_objects() {
        let schema = serde_json::to_value(schemars::schema_for!(PipelineSpecification)).unwrap();
        let kinds: Vec<_> =
            schema["oneOf"].as_array().unwrap().iter().map(|kind| &kind["properties"]["kind"]["const"]).collect();
        assert_eq!(kinds, ["supervised", "unsupervised", "reinforcement", "features"]);
        assert!(schema["oneOf"].as_array().unwrap().iter().all(|kind| kind["additionalProperties"] == false));
    }
}
