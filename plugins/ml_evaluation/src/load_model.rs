//! `load_model`.

use kumiko_sdk::content::Link;
use kumiko_sdk::markdown::{Table, measures, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::objects;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::learning::ModelMetadata;

use crate::arguments::Detail;

/// Features and their importances told in a summary.
const FEATURES_TOLD: usize = 50;

/// Which model to look at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadArguments {
    /// The model, as a training left it.
    model_s3_uri: String,
    /// How much to tell: `full` has every feature of wide data and the loss curve.
    #[serde(default)]
    detail: Detail,
}

/// A model and what it tells about itself.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LoadedModel {
    /// Where it is.
    model_s3_uri: String,
    /// The size in bytes.
    size_bytes: u64,
    /// Changes whenever the bytes do.
    etag: String,
    /// Name, algorithm, signature, hyperparameters, measures.
    metadata: ModelMetadata,
    /// The number of features that the estimator reads.
    feature_count: u64,
    /// Whether the answer leaves features or the loss curve out: `detail: full` has all.
    shortened: bool,
}

/// Reads a model and tells what it is: algorithm, hyperparameters, the columns that it expects, the classes that it tells apart,
/// the measures of its training.
///
/// Use it before `predict`, to see which columns the data must have, and to check that a file is a model at all.
#[tool(title = "Look at a model", read_only, idempotent)]
pub(crate) fn load_model(arguments: LoadArguments) -> Result<Reply<LoadedModel>> {
    let info = objects::head(&arguments.model_s3_uri)?;
    let mut metadata = Model::load(&arguments.model_s3_uri)?.metadata()?;
    let feature_count = metadata.signature.features.len();
    let mut shortened = false;
    if arguments.detail == Detail::Summary {
        shortened = feature_count > FEATURES_TOLD || !metadata.loss_curve.is_empty();
        metadata.signature.features.truncate(FEATURES_TOLD);
        metadata.feature_importances.truncate(FEATURES_TOLD);
        metadata.loss_curve.clear();
    }
    let text = text(&metadata, feature_count);
    let link = Link::from(&info).title(format!("Model {}", metadata.name));
    let loaded = LoadedModel {
        model_s3_uri: info.uri,
        size_bytes: info.size,
        etag: info.etag,
        metadata,
        feature_count: u64::try_from(feature_count).unwrap_or(u64::MAX),
        shortened,
    };
    Ok(Reply::new(loaded).text(text).link(link))
}

fn text(metadata: &ModelMetadata, feature_count: usize) -> String {
    let classes =
        metadata.signature.classes.as_ref().map(|classes| format!(", {} classes", classes.len())).unwrap_or_default();
    let validation = metadata.validation_metrics.as_ref().map(measures).unwrap_or_default();
    let mut table = Table::new(["Metric", "Training", "Validation"]);
    for (name, value) in measures(&metadata.training_metrics) {
        let held_out = validation.iter().find(|(other, _)| *other == name).map(|(_, value)| number(*value));
        table.push([name, number(value), held_out.unwrap_or_default()]);
    }
    let target = metadata.signature.target.as_ref().map(|target| format!(" of `{target}`")).unwrap_or_default();
    format!(
        "`{}` is a {} for {}{target}{classes}. It reads {feature_count} features and learnt from {} rows.\n\n{table}",
        metadata.name,
        metadata.algorithm.as_str(),
        metadata.task.as_str(),
        metadata.training_rows,
    )
}
