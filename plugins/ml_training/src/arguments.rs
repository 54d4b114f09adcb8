//! What a training takes.

use kumiko_sdk::choices;
use kumiko_sdk::outputs::{Destination, data_name, fingerprint};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::FileFormat;
use kumiko_sdk::vocabulary::learning::{Algorithm, Calibration, DEFAULT_SEED, Task, TrainingSpecification};
use serde_json::Map;

use crate::outcome::DataReference;

/// The column to predict where the caller names none.
const DEFAULT_TARGET: &str = "target";
/// The features told in the answer: as many as a figure shows without scrolling.
const DEFAULT_TOP_FEATURES: u32 = 20;

/// The digits of a fingerprint that a name ends in: enough to tell a few thousand trainings on one data set apart.
const FINGERPRINT_DIGITS: usize = 8;

/// The algorithms of one task.
pub(crate) trait Choice: Copy + Default {
    /// The task of all of them.
    const TASK: Task;

    /// The algorithm as the host knows it.
    fn algorithm(self) -> Algorithm;
}

/// What to train on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(bound = "A: JsonSchema + Default + Serialize")]
pub(crate) struct TrainingArguments<A: Default> {
    /// How the model is made.
    #[serde(default)]
    pub(crate) algorithm: A,
    /// The data set to learn from: `s3://bucket/key`, or a path in an allowed folder. CSV, Parquet, JSON or NDJSON, also
    /// compressed. Columns of text and missing values are prepared by a pipeline that is fitted on these rows and kept in the
    /// model, unless `pipeline_s3_uri` names one. `xgboost` also learns from a Parquet file of numbers that is larger than memory.
    pub(crate) train_data_s3_uri: String,
    /// The column to predict.
    #[serde(default = "default_target")]
    pub(crate) target_column: String,
    /// A data set to measure on after training. The model does not learn from it.
    pub(crate) validation_data_s3_uri: Option<String>,
    /// The format of the data sets. Found out from their names and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    pub(crate) file_format: Option<FileFormat>,
    /// The algorithm's settings by the names and with the defaults of scikit-learn. `random_forest`: `n_estimators`,
    /// `max_depth`, `min_samples_split`, `min_samples_leaf`, `max_features`, `bootstrap`, `max_samples`, `oob_score`,
    /// `criterion`, and `class_weight` for classes. `xgboost` by the names of xgboost: `n_estimators`, `learning_rate`, `max_depth`, `max_leaves`,
    /// `grow_policy`, `subsample`, `colsample_bytree`, `reg_lambda`, `reg_alpha`, `min_child_weight`, `early_stopping_rounds`,
    /// `monotone_constraints`, `categorical_features` …; `neural_network`: `hidden_layer_sizes`, `activation`, `alpha`, `batch_size`,
    /// `learning_rate_init`, `max_iter`, `early_stopping`, `dropout`, `batch_norm` … `logistic_regression`: `C`, `fit_intercept`, `max_iter`, `tol`,
    /// `class_weight`. `linear`: `fit_intercept`. `ridge`: `alpha`, `fit_intercept`. `lasso` and `elastic_net`: `alpha`,
    /// `fit_intercept`, `max_iter`, `tol`; `elastic_net` also `l1_ratio`. An unknown name or a value out of range is refused.
    #[serde(default)]
    pub(crate) hyperparameters: Option<Map<String, Value>>,
    /// For classifiers: whether their probabilities are calibrated, so that of the rows that are given 0.8 eight in ten are of the class.
    /// `sigmoid` for little data, `isotonic` for a thousand rows or more. It is learnt from rows that models of other rows predict: the
    /// training takes about six times as long.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<Calibration>")]
    pub(crate) calibration: Option<Calibration>,
    /// What the model is called, and the folder that it is kept in: letters, digits, `.`, `_` and `-`. A training of the same
    /// name replaces the model. Without it, a name of this training's own, made of the data's name, the algorithm and a
    /// fingerprint of data and settings.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"))]
    pub(crate) training_job_name: Option<String>,
    /// Where the model goes. Without it, `models/<training_job_name>/model.kumiko` in the server's own bucket.
    pub(crate) model_output_s3_uri: Option<String>,
    /// Whether to replace what is at `model_output_s3_uri`.
    #[serde(default)]
    pub(crate) overwrite: bool,
    /// A fitted pipeline, as `preprocess_supervised` saves it. The data sets are prepared by it, and so is whatever the model
    /// predicts on later: give unprepared data with it.
    pub(crate) pipeline_s3_uri: Option<String>,
    /// A column of row weights, zero or more each; not a feature. Without it every row counts the same.
    pub(crate) weight_column: Option<String>,
    /// Columns that are no features: identifiers, and what is not known when a prediction is made.
    #[serde(default)]
    pub(crate) excluded_columns: Vec<String>,
    /// The seed of everything random. The same seed on the same data gives the same model, byte for byte.
    #[serde(default = "default_seed")]
    pub(crate) seed: u64,
    /// Whether to draw the feature importances, and the loss curve where the algorithm has one.
    #[serde(default = "yes")]
    pub(crate) generate_plots: bool,
    /// How many features to list by importance.
    #[serde(default = "default_top_features")]
    #[schemars(range(min = 0, max = 100))]
    pub(crate) top_features: u32,
}

impl<A: Choice> TrainingArguments<A> {
    /// What the model is called. A name that nobody chose tells trainings apart that differ in anything that decides the model.
    pub(crate) fn name(&self, data: &DataReference) -> String {
        if let Some(name) = &self.training_job_name {
            return name.clone();
        }
        let recipe = json!([self.specification(None), self.pipeline_s3_uri, self.validation_data_s3_uri]).to_string();
        let fingerprint = fingerprint(&[&data.uri, &data.etag, &recipe]);
        let digits = fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(&fingerprint);
        format!("{}-{}-{digits}", data_name(&data.uri), self.algorithm.algorithm().as_str())
    }

    /// Where the model called `name` goes.
    pub(crate) fn destination(&self, name: &str) -> Destination {
        Destination::new(self.model_output_s3_uri.as_deref(), self.overwrite, &format!("models/{name}/model.kumiko"))
    }

    /// What the host is asked to train.
    pub(crate) fn specification(&self, name: Option<&str>) -> TrainingSpecification {
        TrainingSpecification {
            hyperparameters: self.hyperparameters.clone().unwrap_or_default(),
            calibration: self.calibration,
            weight_column: self.weight_column.clone(),
            excluded_columns: self.excluded_columns.clone(),
            seed: self.seed,
            training_job_name: name.map(str::to_owned),
            training_data_uri: Some(self.train_data_s3_uri.clone()),
            ..TrainingSpecification::new(self.algorithm.algorithm(), A::TASK, self.target_column.as_str())
        }
    }
}

fn default_target() -> String {
    DEFAULT_TARGET.to_owned()
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

fn default_top_features() -> u32 {
    DEFAULT_TOP_FEATURES
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train_supervised_classifier::ClassifierAlgorithm;

    fn arguments(arguments: Value) -> TrainingArguments<ClassifierAlgorithm> {
        serde_json::from_value(arguments).unwrap()
    }

    fn data(etag: &str) -> DataReference {
        DataReference { uri: "s3://data/churn train.csv.gz".to_owned(), size_bytes: 1, etag: etag.to_owned() }
    }

    #[test]
    fn a_training_without_a_name_is_called_after_its_data_its_algorithm_and_what_decides_it() {
        let name =
            |seed: u64, etag: &str| arguments(json!({ "train_data_s3_uri": "x", "seed": seed })).name(&data(etag));
        assert!(name(1, "a").starts_with("churn-train-random_forest-"), "{}", name(1, "a"));
        assert_eq!(name(1, "a"), name(1, "a"));
        assert_ne!(name(1, "a"), name(2, "a"));
        assert_ne!(name(1, "a"), name(1, "b"));
    }

    #[test]
    fn a_named_training_is_kept_under_its_name_and_predicts_the_target() {
        let arguments = arguments(json!({ "train_data_s3_uri": "x", "training_job_name": "churn" }));
        assert_eq!(arguments.name(&data("a")), "churn");
        assert!(arguments.destination("churn").uri().ends_with("/models/churn/model.kumiko"));
        assert_eq!(arguments.specification(None).target_column.as_deref(), Some("target"));
    }

    #[test]
    fn hyperparameters_may_be_null_as_the_older_callers_send_them() {
        let arguments =
            arguments(json!({ "train_data_s3_uri": "a.csv", "hyperparameters": null, "model_output_s3_uri": null }));
        assert!(arguments.specification(None).hyperparameters.is_empty());
    }
}
