//! What several tools take.

use kumiko_sdk::choices;
use kumiko_sdk::outputs::{Folder, segment};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::FileFormat;
use kumiko_sdk::vocabulary::evaluation::{DEFAULT_BOOTSTRAP_SAMPLES, MAXIMUM_BOOTSTRAP_SAMPLES};
use kumiko_sdk::vocabulary::learning::DEFAULT_SEED;

/// One model and the rows to measure it on.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ModelAndData {
    /// The model, as a training left it.
    pub(crate) model_s3_uri: String,
    /// Rows that the model has not learnt from, with the known answers: `s3://bucket/key`, or a path in an allowed folder.
    pub(crate) test_data_s3_uri: String,
    /// The column with the known answers. Without it, the column that the model was trained to predict.
    pub(crate) target_column: Option<String>,
    /// The format of the test data. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    pub(crate) file_format: Option<FileFormat>,
}

/// How 95 % intervals are made.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Resampling {
    /// Resamplings of the rows behind the 95 % intervals; 0 leaves the intervals out.
    #[serde(default = "default_bootstrap_samples")]
    #[schemars(range(max = MAXIMUM_BOOTSTRAP_SAMPLES))]
    pub(crate) bootstrap_samples: u32,
    /// The seed of the resampling.
    #[serde(default = "default_seed")]
    pub(crate) seed: u64,
}

/// Where reports and figures go.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Place {
    /// What the result is called. Without it, after model and data: `churn-on-test`. A result of the same name is replaced.
    pub(crate) evaluation_name: Option<String>,
    /// The folder for everything that is written. Without it, `evaluations/<evaluation_name>/` in the server's own bucket.
    pub(crate) output_s3_uri: Option<String>,
    /// Whether to replace what is in `output_s3_uri`.
    #[serde(default)]
    pub(crate) overwrite: bool,
}

impl Place {
    /// What the result is called, and its folder.
    pub(crate) fn named(&self, default: impl FnOnce() -> String) -> (String, Folder) {
        let name = self.evaluation_name.clone().unwrap_or_else(default);
        let folder = format!("evaluations/{}/", segment(&name));
        let folder = Folder::new(self.output_s3_uri.as_deref(), self.overwrite, &folder);
        (name, folder)
    }
}

/// How much of a result is in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum Detail {
    /// What one reads: without the points of curves, and of many classes the largest.
    #[default]
    Summary,
    /// Everything.
    Full,
}

pub(crate) fn yes() -> bool {
    true
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

fn default_bootstrap_samples() -> u32 {
    DEFAULT_BOOTSTRAP_SAMPLES
}
