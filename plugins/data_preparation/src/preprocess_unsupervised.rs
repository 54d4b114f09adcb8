//! `preprocess_unsupervised`: features without a target.

use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::preparation::{PipelineSpecification, PreprocessingConfig, UnsupervisedSpecification};

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
    /// How columns become features. Target encoding is refused, there being no target.
    preprocessing_config: Option<PreprocessingConfig>,
    /// Leaves out features whose variance, before scaling, is at most this; 0 leaves out constant ones.
    #[schemars(range(min = 0))]
    variance_threshold: Option<f64>,
    /// Leaves out each feature whose absolute correlation with an earlier, kept one is above this.
    #[schemars(range(min = 0, max = 1))]
    correlation_threshold: Option<f64>,
    #[serde(flatten)]
    output: Output,
}

/// Prepares a data set for clustering or dimensionality reduction: fills or drops missing values, scales numbers, encodes text, and, when
/// asked, leaves out features that hardly vary or repeat another. Writes the prepared rows and the fitted pipeline, and returns their
/// uris, counts and what became of each column.
///
/// Call it where there is no target; put identifiers in `preprocessing_config.drop_columns`. Next: `train_unsupervised_clustering` or
/// `train_unsupervised_dimensionality_reduction` with `train_data_s3_uri`; `apply_preprocessing` with `pipeline_uri` on further data.
#[tool(title = "Preprocess for unsupervised learning", destructive, idempotent, long_running)]
pub(crate) fn preprocess_unsupervised(arguments: Arguments) -> Result<Reply<Prepared>> {
    let source = Source::open(&arguments.dataset_s3_uri, arguments.reading)?;
    let specification = PipelineSpecification::Unsupervised(UnsupervisedSpecification {
        preprocessing_config: arguments.preprocessing_config.unwrap_or_default(),
        variance_threshold: arguments.variance_threshold,
        correlation_threshold: arguments.correlation_threshold,
    });
    let place = arguments.output.place("preprocess_unsupervised", &source, &specification)?;
    place.check(&Fitted::parts(false))?;
    let prepared = Fitted::new(&source.frame, None, &specification)?.write(place)?;
    let (text, links) = (prepared.in_words(), links(&prepared.written));
    Ok(reply(prepared, text, links))
}
