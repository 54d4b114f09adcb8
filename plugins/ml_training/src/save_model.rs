//! `save_model`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::models::{self, Model};
use kumiko_sdk::objects;
use kumiko_sdk::outputs::{Destination, StoredObject};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::learning::Algorithm;

/// The form of a saved model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum ModelFormat {
    /// The server's own: everything that the model knows of itself, its preparation of data included.
    #[default]
    Native,
    /// XGBoost's JSON, which Python's xgboost loads: boosted trees that read plain numbers.
    XgboostJson,
    /// One ONNX graph, which onnxruntime and others run: classifiers and regressors, the preparation of their data included.
    Onnx,
}

/// Which model to save where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveArguments {
    /// The model, as a training left it.
    model_s3_uri: String,
    /// Where it goes.
    output_s3_uri: String,
    /// The form in which it goes there.
    #[serde(default)]
    format: ModelFormat,
    /// Whether to replace what is at `output_s3_uri`.
    #[serde(default)]
    overwrite: bool,
}

/// A model that was saved.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SavedModel {
    /// Where it was.
    source_s3_uri: String,
    /// Where it is.
    model_s3_uri: String,
    /// It in the store, with size and digest.
    model: StoredObject,
    /// The form in which it is there.
    format: ModelFormat,
    /// What the model is called.
    name: String,
    /// How it was made.
    algorithm: Algorithm,
}

/// Copies a trained model to another place, byte for byte, after making sure that it is one; or converts it to a format that others read.
///
/// Use it to keep a model beyond the next training of the same name, or to hand it to somebody: as XGBoost's JSON to Python's xgboost, as
/// ONNX to onnxruntime.
#[tool(title = "Save a model", destructive, idempotent)]
pub(crate) fn save_model(arguments: SaveArguments) -> Result<Reply<SavedModel>> {
    let destination = Destination::new(Some(&arguments.output_s3_uri), arguments.overwrite, "");
    destination.check()?;
    let loaded = Model::load(&arguments.model_s3_uri)?;
    let metadata = loaded.metadata()?;
    let export = |format| loaded.save_as(format, destination.uri(), destination.precondition());
    let model = match arguments.format {
        ModelFormat::Native => {
            StoredObject::from(&objects::copy(&arguments.model_s3_uri, destination.uri(), destination.precondition())?)
        }
        ModelFormat::XgboostJson => StoredObject::from(&export(models::ModelFormat::XgboostJson)?),
        ModelFormat::Onnx => StoredObject::from(&export(models::ModelFormat::Onnx)?),
    };
    let text = format!(
        "Saved `{}` ({}) to {} ({} bytes, sha256 {}).",
        metadata.name,
        metadata.algorithm.as_str(),
        model.uri,
        model.size_bytes,
        model.sha256
    );
    let link = Link::from(&model).title(format!("Model {}", metadata.name));
    let saved = SavedModel {
        source_s3_uri: arguments.model_s3_uri,
        model_s3_uri: model.uri.clone(),
        model,
        format: arguments.format,
        name: metadata.name,
        algorithm: metadata.algorithm,
    };
    Ok(Reply::new(saved).text(text).link(link))
}
