//! How well a classifier does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Average, ConfidenceInterval};

/// Measures of a classifier on rows with known classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassificationReport {
    /// The number of rows measured.
    pub rows: u64,
    /// The classes, in the order of the confusion matrix.
    pub classes: Vec<String>,
    /// Of two classes, the one that the binary measures are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_class: Option<String>,
    /// The share of rows whose class is right.
    pub accuracy: f64,
    /// The mean of the classes' recall; classes that never occur are left out.
    pub balanced_accuracy: f64,
    /// How `precision`, `recall` and `f1` are made of the classes' numbers.
    pub average: Average,
    /// Of the rows called a class, the share that is.
    pub precision: f64,
    /// Of the rows of a class, the share called so.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// Precision under every average.
    pub precision_averages: MetricAverages,
    /// Recall under every average.
    pub recall_averages: MetricAverages,
    /// F1 under every average.
    pub f1_averages: MetricAverages,
    /// Area under the ROC curve: of the positive class where there are two, else one class against the rest, macro. Absent
    /// where a class never occurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc_auc: Option<f64>,
    /// Area under the ROC curve, one class against the rest, under every average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc_auc_averages: Option<AreaAverages>,
    /// Average precision, the area under the precision-recall curve by steps: of the positive class, else macro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_auc: Option<f64>,
    /// Average precision, one class against the rest, under every average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_auc_averages: Option<AreaAverages>,
    /// Mean negative log likelihood of the true class, in nats; probabilities are kept away from 0 by 1.2e-7, the resolution of a
    /// 32-bit number.
    pub log_loss: f64,
    /// Mean squared distance of probability and truth: of the positive class where there are two, summed over the classes otherwise.
    pub brier: f64,
    /// Matthews correlation coefficient, −1 to 1; 0 where one class alone occurs or is predicted.
    pub mcc: f64,
    /// Each class for itself.
    pub per_class: Vec<ClassMetrics>,
    /// Row counts: a line for each true class, a column for each predicted one.
    pub confusion_matrix: Vec<Vec<u64>>,
    /// 95 % intervals of the headline measures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<ConfidenceInterval>,
    /// ROC curves: of the positive class where there are two, else of each class against the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roc_curves: Vec<RocCurve>,
    /// Precision-recall curves, of the same classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precision_recall_curves: Vec<PrecisionRecallCurve>,
    /// Whether probabilities are as high as the classes are frequent, for the same classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<ClassCalibration>,
}

/// One measure under every way of averaging it over classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricAverages {
    /// That of the positive class, where there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<f64>,
    /// The mean of the classes.
    pub macro_average: f64,
    /// The mean of the classes weighted by support.
    pub weighted_average: f64,
    /// Over all decisions together.
    pub micro_average: f64,
}

/// An area under a curve, averaged over classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaAverages {
    /// That of the positive class, where there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<f64>,
    /// The mean of the classes.
    pub macro_average: f64,
    /// The mean of the classes weighted by support.
    pub weighted_average: f64,
}

/// One class for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassMetrics {
    /// The class.
    pub class: String,
    /// How many rows are of it.
    pub support: u64,
    /// How many rows were called it.
    pub predicted: u64,
    /// Of the rows called it, the share that is; 0 where none was.
    pub precision: f64,
    /// Of its rows, the share called so; 0 where there are none.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// Area under the ROC curve against the rest; absent where the class, or the rest, never occurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc_auc: Option<f64>,
    /// Average precision against the rest; absent where the class never occurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_auc: Option<f64>,
}

/// The ROC curve of one class against the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RocCurve {
    /// The class.
    pub class: String,
    /// The area under the curve with all its points.
    pub area: f64,
    /// From (0, 0) to (1, 1), thinned.
    pub points: Vec<RocPoint>,
}

/// One point of a ROC curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RocPoint {
    /// Of the rows of other classes, the share called this one.
    pub false_positive_rate: f64,
    /// Of the rows of this class, the share called so.
    pub true_positive_rate: f64,
    /// Rows with at least this probability are called the class; absent at (0, 0), where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// The precision-recall curve of one class against the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionRecallCurve {
    /// The class.
    pub class: String,
    /// Average precision of the curve with all its points.
    pub area: f64,
    /// The class's share of the rows: the precision of guessing.
    pub baseline: f64,
    /// From recall 0 to recall 1, thinned.
    pub points: Vec<PrecisionRecallPoint>,
}

/// One point of a precision-recall curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionRecallPoint {
    /// Of the rows of the class, the share called so.
    pub recall: f64,
    /// Of the rows called the class, the share that is.
    pub precision: f64,
    /// Rows with at least this probability are called the class; absent at recall 0, where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// How the probabilities of one class compare with how often it is true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassCalibration {
    /// The class.
    pub class: String,
    /// The mean distance of probability and frequency over the bins, weighted by their rows; 0 to 1, 0 is perfect.
    pub expected_calibration_error: f64,
    /// The bins that hold rows, of equal width, by rising probability.
    pub bins: Vec<CalibrationBin>,
}

/// Rows whose probabilities are close to one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBin {
    /// The mean of their probabilities.
    pub predicted: f64,
    /// The share of them that is of the class.
    pub observed: f64,
    /// Their number.
    pub rows: u64,
}
