//! `feature_engineering`: columns made from columns.

use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::preparation::{FeatureEngineering, FeatureStep, PipelineSpecification};

use crate::destination::Output;
use crate::fitting::{Fitted, Prepared};
use crate::source::{Reading, Source};
use crate::writer::{links, reply};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"))]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// What to add, in order; a step sees what the steps before it added.
    #[schemars(length(min = 1))]
    steps: Vec<FeatureStep>,
    #[serde(flatten)]
    output: Output,
}

/// Adds columns made from others: powers and products of numbers, parts and cycles of dates, bins, logarithms and power transforms,
/// statistics of groups, lags and rolling windows, hashed text, or whatever one SQL query selects from the table `data`. Writes the
/// widened rows and a fitted pipeline (bin edges, exponents and group statistics are learnt), and returns their uris and columns.
///
/// Call it on training rows, before `preprocess_supervised` or `preprocess_unsupervised`, and `apply_preprocessing` with `pipeline_uri`
/// on the other parts, so that both get the same columns.
#[tool(title = "Engineer features", destructive, idempotent, long_running)]
pub(crate) fn feature_engineering(arguments: Arguments) -> Result<Reply<Prepared>> {
    let source = Source::open(&arguments.dataset_s3_uri, arguments.reading)?;
    let specification = PipelineSpecification::Features(FeatureEngineering { steps: arguments.steps });
    let place = arguments.output.place("feature_engineering", &source, &specification)?;
    place.check(&Fitted::parts(false))?;
    let prepared = Fitted::new(&source.frame, None, &specification)?.write(place)?;
    let (text, links) = (prepared.in_words(), links(&prepared.written));
    Ok(reply(prepared, text, links))
}
