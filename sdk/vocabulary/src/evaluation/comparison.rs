//! Several models on the same rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learning::{HeadlineMetrics, Task};

use super::DEFAULT_BOOTSTRAP_SAMPLES;
use super::specification::{default_bootstrap_samples, default_seed};

/// The share of coincidences called significant, unless the caller chooses another.
const DEFAULT_SIGNIFICANCE_LEVEL: f64 = 0.05;

/// How to compare models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonSpecification {
    /// The column with the known answers. Without it, the column that the first model was trained to predict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_column: Option<String>,
    /// The measure to rank by. Without it, `roc_auc` for classification (`accuracy` where it is absent) and `rmse` for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<ComparisonMetric>,
    /// Of two classes, the one that F1 and ROC are about. Without it, the second one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_class: Option<String>,
    /// A difference is significant where its adjusted p-value is below this; between 0 and 1.
    #[serde(default = "default_significance_level")]
    pub significance_level: f64,
    /// Resamplings behind the interval of each difference; 0 leaves the intervals out. At most 10,000.
    #[serde(default = "default_bootstrap_samples")]
    pub bootstrap_samples: u32,
    /// The seed of the resampling.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Default for ComparisonSpecification {
    fn default() -> Self {
        Self {
            target_column: None,
            metric: None,
            positive_class: None,
            significance_level: DEFAULT_SIGNIFICANCE_LEVEL,
            bootstrap_samples: DEFAULT_BOOTSTRAP_SAMPLES,
            seed: default_seed(),
        }
    }
}

fn default_significance_level() -> f64 {
    DEFAULT_SIGNIFICANCE_LEVEL
}

/// A measure that models are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonMetric {
    /// Classification: the share of rows whose class is right. More is better.
    Accuracy,
    /// Classification: F1. More is better.
    F1,
    /// Classification: mean negative log likelihood. Less is better.
    LogLoss,
    /// Classification: area under the ROC curve. More is better.
    RocAuc,
    /// Regression: root of the mean squared error. Less is better.
    Rmse,
    /// Regression: mean absolute error. Less is better.
    Mae,
    /// Regression: the share of variance explained. More is better.
    R2,
}

impl ComparisonMetric {
    /// The measure in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::LogLoss => "log_loss",
            Self::RocAuc => "roc_auc",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::R2 => "r2",
        }
    }

    /// The measure among those of a model, where it is there.
    #[must_use]
    pub fn of(self, measures: &HeadlineMetrics) -> Option<f64> {
        match self {
            Self::Accuracy => measures.accuracy,
            Self::F1 => measures.f1,
            Self::LogLoss => measures.log_loss,
            Self::RocAuc => measures.roc_auc,
            Self::Rmse => measures.rmse,
            Self::Mae => measures.mae,
            Self::R2 => measures.r2,
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        !matches!(self, Self::LogLoss | Self::Rmse | Self::Mae)
    }

    /// The task that it measures.
    #[must_use]
    pub fn task(self) -> Task {
        match self {
            Self::Accuracy | Self::F1 | Self::LogLoss | Self::RocAuc => Task::Classification,
            Self::Rmse | Self::Mae | Self::R2 => Task::Regression,
        }
    }
}

/// Models ranked on the same rows, and which differences are more than chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What the models do.
    pub task: Task,
    /// The number of rows compared on.
    pub rows: u64,
    /// The measure ranked by.
    pub metric: ComparisonMetric,
    /// The models, best first.
    pub ranking: Vec<ComparedModel>,
    /// Every pair of models, tested row by row.
    pub pairs: Vec<PairedComparison>,
}

/// One model among others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparedModel {
    /// Its place, from 1; equal values share a place.
    pub rank: u32,
    /// The model's name.
    pub name: String,
    /// Its value of the measure ranked by.
    pub value: f64,
    /// All its measures.
    pub metrics: HeadlineMetrics,
}

/// Two models compared row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairedComparison {
    /// One model; the better-ranked of the two.
    pub first: String,
    /// The other.
    pub second: String,
    /// The first's value of the measure minus the second's.
    pub difference: f64,
    /// The 2.5 % point of the difference by paired bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// The 97.5 % point of the difference by paired bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// The test used.
    pub test: SignificanceTest,
    /// The test's statistic.
    pub statistic: f64,
    /// How often chance alone would part two equal models this far.
    pub p_value: f64,
    /// The p-value after Holm's correction for the number of pairs.
    pub adjusted_p_value: f64,
    /// Whether the adjusted p-value is below the significance level.
    pub significant: bool,
}

/// A test of two models on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignificanceTest {
    /// Classification, fewer than 25 rows on which one is right and the other wrong: McNemar's test by the binomial distribution.
    McnemarExact,
    /// Classification: McNemar's test with continuity correction.
    Mcnemar,
    /// Regression: Wilcoxon's signed-rank test of the absolute errors, by the normal distribution with ties corrected.
    Wilcoxon,
}
