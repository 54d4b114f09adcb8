//! What a training answers with.

use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::markdown::{Table, measures, number};
use kumiko_sdk::objects::ObjectInfo;
use kumiko_sdk::outputs::StoredObject;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::learning::{Algorithm, FeatureImportance, HeadlineMetrics, LossPoint, ModelMetadata, Task};
use serde_json::Map;

/// Points told of a loss curve: as many as a plot resolves.
const LOSS_POINTS: usize = 100;
/// The features named in the text.
const FEATURES_IN_TEXT: usize = 5;

/// A trained model, and how well it did.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TrainingOutcome {
    /// What the model is called.
    pub(crate) training_job_name: String,
    /// Where the model is: pass it to `predict`, `evaluate_classifier` or `evaluate_regressor`.
    pub(crate) model_s3_uri: String,
    /// The model in the store, with size and digest.
    pub(crate) model: StoredObject,
    /// How the model was made.
    pub(crate) algorithm: Algorithm,
    /// Whether it names a class or a number.
    pub(crate) task: Task,
    /// The column that it predicts.
    pub(crate) target_column: String,
    /// The classes that it tells apart; absent for regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) classes: Option<Vec<String>>,
    /// The data set that it learnt from, as it stood before the training.
    pub(crate) training_data: DataReference,
    /// The number of rows that it learnt from.
    pub(crate) training_rows: u64,
    /// The number of rows that it was measured on; 0 where there were none.
    pub(crate) validation_rows: u64,
    /// The number of features after preparation.
    pub(crate) feature_count: u64,
    /// Measures on the rows that it learnt from. They flatter it.
    pub(crate) training_metrics: HeadlineMetrics,
    /// Measures on the validation rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_metrics: Option<HeadlineMetrics>,
    /// How long the training took, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) training_seconds: Option<f64>,
    /// Every hyperparameter as it was used, defaults included.
    pub(crate) hyperparameters: Map<String, Value>,
    /// The seed of everything random.
    pub(crate) seed: u64,
    /// The most important features, the first the most; the shares of all features add up to 1.
    pub(crate) feature_importances: Vec<FeatureImportance>,
    /// The loss step by step, at most 100 points of it, for algorithms that go in steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) loss_curve: Vec<LossPoint>,
    /// The figures, where they were asked for.
    pub(crate) figures: Vec<StoredFigure>,
    /// What a person should know: no convergence within the iterations allowed, a figure that could not be drawn.
    pub(crate) notes: Vec<String>,
}

/// A data set as it stood at one moment.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DataReference {
    /// Where it is.
    pub(crate) uri: String,
    /// The size in bytes.
    pub(crate) size_bytes: u64,
    /// Changes whenever the bytes do.
    pub(crate) etag: String,
}

impl From<ObjectInfo> for DataReference {
    fn from(info: ObjectInfo) -> Self {
        Self { uri: info.uri, size_bytes: info.size, etag: info.etag }
    }
}

impl TrainingOutcome {
    /// What is told of a model that was stored as `model`, with the `top` most important features.
    pub(crate) fn new(metadata: ModelMetadata, model: StoredObject, data: DataReference, top: usize) -> Self {
        Self {
            training_job_name: metadata.name,
            model_s3_uri: model.uri.clone(),
            model,
            algorithm: metadata.algorithm,
            task: metadata.task,
            target_column: metadata.signature.target.unwrap_or_default(),
            classes: metadata.signature.classes,
            training_data: data,
            training_rows: metadata.training_rows,
            validation_rows: metadata.validation_rows,
            feature_count: u64::try_from(metadata.signature.features.len()).unwrap_or(u64::MAX),
            training_metrics: metadata.training_metrics,
            validation_metrics: metadata.validation_metrics,
            training_seconds: metadata.training_seconds,
            hyperparameters: metadata.hyperparameters,
            seed: metadata.seed,
            feature_importances: metadata.feature_importances.into_iter().take(top).collect(),
            loss_curve: thin(metadata.loss_curve),
            figures: Vec::new(),
            notes: metadata.notes,
        }
    }

    /// The same for a person, as Markdown.
    pub(crate) fn text(&self) -> String {
        let seconds = self.training_seconds.map(|seconds| format!(" in {} s", number(seconds))).unwrap_or_default();
        let mut text = format!(
            "Trained `{}` ({}, {} of `{}`) on {} rows with {} features{seconds}.\n\n{}",
            self.training_job_name,
            self.algorithm.as_str(),
            self.task.as_str(),
            self.target_column,
            self.training_rows,
            self.feature_count,
            self.table(),
        );
        let important: Vec<String> = self
            .feature_importances
            .iter()
            .filter(|feature| feature.importance > 0.0)
            .take(FEATURES_IN_TEXT)
            .map(|feature| format!("`{}` {}", feature.feature, number(feature.importance)))
            .collect();
        if !important.is_empty() {
            text.push_str(&format!("\nMost important: {}.\n", important.join(", ")));
        }
        for note in &self.notes {
            text.push_str(&format!("\nNote: {note}\n"));
        }
        text.push_str(&format!("\nThe model is at {}", self.model_s3_uri));
        text
    }

    fn table(&self) -> Table {
        let validation = self.validation_metrics.as_ref().map(measures);
        let mut table = match &validation {
            Some(_) => Table::new(["Metric", "Training", "Validation"]),
            None => Table::new(["Metric", "Training"]),
        };
        for (name, value) in measures(&self.training_metrics) {
            let held_out =
                validation.iter().flatten().find(|(other, _)| *other == name).map(|(_, value)| number(*value));
            table.push([name, number(value), held_out.unwrap_or_default()]);
        }
        table
    }
}

/// At most [`LOSS_POINTS`] points, evenly spaced, the first and the last among them.
pub(crate) fn thin(curve: Vec<LossPoint>) -> Vec<LossPoint> {
    let last = curve.len().saturating_sub(1);
    if last < LOSS_POINTS {
        return curve;
    }
    let kept: Vec<usize> = (0..LOSS_POINTS).map(|point| point * last / (LOSS_POINTS - 1)).collect();
    curve
        .into_iter()
        .enumerate()
        .filter(|(index, _)| kept.binary_search(index).is_ok())
        .map(|(_, point)| point)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: u32) -> Vec<LossPoint> {
        (0..points).map(|step| LossPoint { step, training: 1.0, validation: None }).collect()
    }

    #[test]
    fn a_long_loss_curve_keeps_its_ends_and_a_hundred_points() {
        let thinned = thin(curve(10_000));
        assert_eq!(thinned.len(), LOSS_POINTS);
        assert_eq!((thinned[0].step, thinned[LOSS_POINTS - 1].step), (0, 9_999));
    }

    #[test]
    fn a_short_loss_curve_is_told_whole() {
        assert_eq!(thin(curve(100)), curve(100));
        assert_eq!(thin(Vec::new()), Vec::new());
    }
}
