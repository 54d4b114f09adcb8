//! `apply_preprocessing`: a fitted pipeline on further data.

use kumiko_sdk::frames::Pipeline;
use kumiko_sdk::objects;
use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::data::Column;

use crate::destination::{Output, Part};
use crate::listing::{counted, cut};
use crate::naming;
use crate::source::{Reading, Source};
use crate::writer::{WrittenObject, links, reply};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"), transform = SecondName("pipeline_uri", "pipeline_s3_uri"))]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// The fitted pipeline: the `pipeline_uri` that a preprocessing tool or `feature_engineering` returned.
    #[serde(alias = "pipeline_s3_uri")]
    pipeline_uri: String,
    #[serde(flatten)]
    output: Output,
}

/// Data prepared by a pipeline that was fitted before.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Applied {
    /// The prepared rows: for the evaluation tools, or as validation data of the training tools.
    data_s3_uri: String,
    /// The rows given.
    rows_given: u64,
    /// The rows written.
    num_samples: u64,
    /// The columns written, in order; the first 50.
    columns: Vec<Column>,
    /// How many columns are not listed.
    columns_not_listed: u64,
    /// What was written.
    written: Vec<WrittenObject>,
}

/// Prepares further data exactly as training data were prepared: applies a saved pipeline unchanged and learns nothing. Writes the
/// prepared rows and returns their uri, counts and columns. A column that the pipeline needs and the data lack is named.
///
/// Call it on validation, test or live data after `preprocess_supervised`, `preprocess_unsupervised`, `preprocess_reinforcement` or
/// `feature_engineering` was called on the training rows. Next: `evaluate_classifier` or `evaluate_regressor` with `data_s3_uri`.
#[tool(title = "Apply a fitted pipeline", destructive, idempotent, long_running)]
pub(crate) fn apply_preprocessing(arguments: Arguments) -> Result<Reply<Applied>> {
    let source = Source::open(&arguments.dataset_s3_uri, arguments.reading)?;
    let recipe = objects::head(&arguments.pipeline_uri)?;
    let place = arguments.output.place("apply_preprocessing", &source, &(recipe.uri, recipe.etag))?;
    let part = Part::Only(naming::part(&source.info.uri).unwrap_or("data"));
    place.check(&[part])?;
    let applied = Pipeline::load(&arguments.pipeline_uri)?.apply(&source.frame)?;
    let (rows_given, num_samples, mut columns) = (source.frame.height()?, applied.height()?, applied.schema()?);
    let mut writer = place.writer();
    let data_s3_uri = writer.data(part, &applied)?;
    let written = writer.finish();
    let links = links(&written);

    let width = columns.len() as u64;
    let columns_not_listed = cut(&mut columns);
    let text = format!(
        "Prepared {} of {} in {}: {data_s3_uri}",
        num_samples,
        counted(rows_given, "row"),
        counted(width, "column")
    );
    let applied = Applied { data_s3_uri, rows_given, num_samples, columns, columns_not_listed, written };
    Ok(reply(applied, text, links))
}
