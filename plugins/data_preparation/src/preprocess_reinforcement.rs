//! `preprocess_reinforcement`: trajectories.

use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::preparation::{PipelineSpecification, ReinforcementSpecification};

use crate::destination::Output;
use crate::fitting::{Fitted, Prepared};
use crate::source::{Reading, Source};
use crate::writer::{links, reply};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"))]
pub(crate) struct Arguments {
    /// The data set of one row a step: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    #[serde(flatten)]
    specification: ReinforcementSpecification,
    #[serde(flatten)]
    output: Output,
}

/// Prepares recorded trajectories (one row a step: observation, action, reward, end of episode) for reinforcement learning: normalises
/// and stacks observations, numbers episodes and steps, adds discounted returns and advantages (GAE). Writes the prepared steps and the
/// fitted pipeline, and returns their uris, counts and what became of each column.
///
/// Give `done_column` or `episode_column`, so that episodes can be told apart. Next: `train_reinforcement` offline with
/// `train_data_s3_uri`; `apply_preprocessing` with `pipeline_uri` on observations to act on.
#[tool(title = "Preprocess for reinforcement learning", destructive, idempotent, long_running)]
pub(crate) fn preprocess_reinforcement(arguments: Arguments) -> Result<Reply<Prepared>> {
    let source = Source::open(&arguments.dataset_s3_uri, arguments.reading)?;
    let specification = PipelineSpecification::Reinforcement(arguments.specification);
    let place = arguments.output.place("preprocess_reinforcement", &source, &specification)?;
    place.check(&Fitted::parts(false))?;
    let prepared = Fitted::new(&source.frame, None, &specification)?.write(place)?;
    let (text, links) = (prepared.in_words(), links(&prepared.written));
    Ok(reply(prepared, text, links))
}
