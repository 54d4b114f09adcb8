//! Choosing rows: parts of a data set, and classes in balance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFAULT_SEED, default_seed};

/// The number of nearest neighbours of the same class between which synthetic rows are made.
pub const DEFAULT_NEIGHBOURS: u32 = 5;
/// The column into which class weights are written.
pub const DEFAULT_WEIGHT_COLUMN: &str = "sample_weight";

/// How rows are dealt to the parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitMethod {
    /// At random.
    #[default]
    Random,
    /// At random within each value of `column`, so that its shares are the same in every part. A null is a value.
    Stratified,
    /// Rows with the same value of `column` stay together. A null is a value.
    Grouped,
    /// In the order of `column`: the first part is the earliest. Nulls come first.
    Time,
}

/// A division of the rows into parts that have each row exactly once. Within a part the rows keep their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The share of each part, positive, 1 in sum: `[0.7, 0.15, 0.15]`.
    pub ratios: Vec<f64>,
    /// How rows are dealt.
    #[serde(default)]
    pub method: SplitMethod,
    /// The column to stratify by, to group by, or to order by. Not used by `random`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The same seed makes the same parts.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

/// How classes are balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BalancingMethod {
    /// Synthetic rows between near neighbours of the same class (Chawla et al. 2002). Numbers are interpolated; text, booleans and
    /// dates are those of the nearer of the two rows. Features must be without missing values.
    Smote,
    /// Rows of small classes are repeated.
    #[serde(alias = "oversample", alias = "random_oversample")]
    RandomOver,
    /// Rows of large classes are left out.
    #[serde(alias = "undersample", alias = "random_undersample")]
    RandomUnder,
    /// Every row stays and a weight column is added: `rows / (classes × rows of the class)`.
    ClassWeights,
}

/// Balancing of the classes of a training set. Test data must not be balanced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Balancing {
    /// The column of the class.
    pub target_column: String,
    /// The way.
    pub method: BalancingMethod,
    /// The size of each smaller class relative to the largest after over-sampling, or of the smallest relative to each larger after
    /// under-sampling; above 0, at most 1. A class that is better off already is left as it is.
    #[serde(default = "default_ratio")]
    pub ratio: f64,
    /// SMOTE: between how many nearest neighbours synthetic rows are made. A class with fewer rows uses those it has; one with a single row is
    /// an error.
    #[serde(default = "default_neighbours")]
    pub neighbours: u32,
    /// The name of the weight column that `class_weights` adds.
    #[serde(default = "default_weight_column")]
    pub weight_column: String,
    /// The same seed makes the same rows.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Balancing {
    /// Balancing of `target_column` by `method`, everything else by default.
    #[must_use]
    pub fn new(target_column: impl Into<String>, method: BalancingMethod) -> Self {
        Self {
            target_column: target_column.into(),
            method,
            ratio: default_ratio(),
            neighbours: DEFAULT_NEIGHBOURS,
            weight_column: default_weight_column(),
            seed: DEFAULT_SEED,
        }
    }
}

fn default_ratio() -> f64 {
    1.0
}

fn default_neighbours() -> u32 {
    DEFAULT_NEIGHBOURS
}

fn default_weight_column() -> String {
    DEFAULT_WEIGHT_COLUMN.to_owned()
}
