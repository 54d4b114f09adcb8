//! `preprocess_supervised`: features and a target, ready for training.

use kumiko_sdk::frames::Frame;
use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::data::DataType;
use kumiko_sdk::vocabulary::preparation::{
    DEFAULT_SEED, EncodeCategorical, MissingValues, Normalize, PipelineSpecification, PreprocessingConfig, Split,
    SplitMethod, SupervisedSpecification, TargetSummary, TaskType,
};

use crate::classes;
use crate::destination::Output;
use crate::fitting::{Fitted, Prepared};
use crate::listing::cut;
use crate::source::{Reading, Source, short_form};
use crate::writer::{links, reply};

/// The number of different whole numbers up to which a target counts as a class where the caller does not say.
const MOST_INTEGER_CLASSES: u64 = 20;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"))]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// The column to predict.
    target_column: String,
    /// Whether the target is a class or a number. Without it, text, booleans, whole numbers with at most 20 different values and numbers with
    /// two are classes.
    task_type: Option<TaskType>,
    /// How the other columns become features.
    preprocessing_config: Option<PreprocessingConfig>,
    /// Short for `preprocessing_config.normalize`.
    normalize: Option<Normalize>,
    /// Short for `preprocessing_config.handle_missing`.
    handle_missing: Option<MissingValues>,
    /// Short for `preprocessing_config.encode_categorical`.
    encode_categorical: Option<EncodeCategorical>,
    /// Holds out this share of the rows, at random, stratified by a target of classes, before anything is fitted; they are prepared by
    /// what was fitted on the others. Leave it out where the data are split already.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    test_size: Option<f64>,
    /// The seed of the rows held out.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw how many rows each class has.
    #[serde(default)]
    generate_plots: bool,
    #[serde(flatten)]
    output: Output,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

impl Arguments {
    /// The configuration with the short forms in their places.
    fn configuration(&mut self) -> Result<PreprocessingConfig> {
        let unset = PreprocessingConfig::default();
        let mut config = self.preprocessing_config.take().unwrap_or_default();
        short_form(
            "normalize",
            self.normalize,
            "preprocessing_config.normalize",
            &unset.normalize,
            &mut config.normalize,
        )?;
        short_form(
            "handle_missing",
            self.handle_missing,
            "preprocessing_config.handle_missing",
            &unset.handle_missing,
            &mut config.handle_missing,
        )?;
        short_form(
            "encode_categorical",
            self.encode_categorical,
            "preprocessing_config.encode_categorical",
            &unset.encode_categorical,
            &mut config.encode_categorical,
        )?;
        Ok(config)
    }
}

/// Data ready for supervised training, and the pipeline that made them so.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PreparedSupervised {
    /// The column to predict.
    target_column: String,
    /// What it was taken for.
    task_type: TaskType,
    /// The target over the training rows: each class with its rows (the first 50 classes), or statistics of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_distribution: Option<TargetSummary>,
    #[serde(flatten)]
    prepared: Prepared,
}

/// Prepares a data set for training a classifier or a regressor: fills or drops missing values, scales numbers, encodes text, leaves the
/// target as it is. Writes the prepared rows and the fitted pipeline, and returns their uris, sample and feature counts, the target's
/// distribution, and what became of each column.
///
/// Call it on training rows (from `split_dataset`), or with `test_size` on a whole data set: only training rows are learnt from. Next:
/// `train_supervised_classifier` or `train_supervised_regressor` with `train_data_s3_uri`; `apply_preprocessing` with `pipeline_uri` on
/// validation, test and live data.
#[tool(title = "Preprocess for supervised learning", destructive, idempotent, long_running)]
pub(crate) fn preprocess_supervised(mut arguments: Arguments) -> Result<Reply<PreparedSupervised>> {
    let preprocessing_config = arguments.configuration()?;
    let Arguments {
        dataset_s3_uri, reading, target_column, task_type, test_size, seed, generate_plots, output, ..
    } = arguments;
    let source = Source::open(&dataset_s3_uri, reading)?;
    let task_type = task_type.map_or_else(|| inferred_task(&source.frame, &target_column), Ok)?;
    let split = test_size.map(|test_size| hold_out(test_size, seed, task_type, &target_column));
    let specification = PipelineSpecification::Supervised(SupervisedSpecification {
        target_column: target_column.clone(),
        task_type,
        preprocessing_config,
    });
    let place = output.place("preprocess_supervised", &source, &(&specification, &split))?;
    place.check(&Fitted::parts(split.is_some()))?;

    let fitted = match split.map(|split| source.frame.split(&split)).transpose()?.as_deref() {
        Some([train, test, ..]) => Fitted::new(train, Some(test), &specification)?,
        _ => Fitted::new(&source.frame, None, &specification)?,
    };
    let mut target_distribution = fitted.description.fit.target.clone();
    let picture = picture(target_distribution.as_ref(), generate_plots, &target_column)?;
    if let Some(TargetSummary::Classes(classes)) = &mut target_distribution {
        cut(classes);
    }
    let prepared = fitted.write(place)?;
    let mut text = prepared.in_words();
    if let Some(TargetSummary::Classes(classes)) = &target_distribution {
        text = format!("{text}\n{target_column}: {}", classes::in_words(classes));
    }
    let links = links(&prepared.written);
    let result = PreparedSupervised { target_column, task_type, target_distribution, prepared };
    let reply = reply(result, text, links);
    Ok(match picture {
        Some(png) => reply.image(png),
        None => reply,
    })
}

/// How test rows are held out: classes in equal shares.
fn hold_out(test_size: f64, seed: u64, task_type: TaskType, target_column: &str) -> Split {
    let (method, column) = match task_type {
        TaskType::Classification => (SplitMethod::Stratified, Some(target_column.to_owned())),
        TaskType::Regression => (SplitMethod::Random, None),
    };
    Split { ratios: vec![1.0 - test_size, test_size], method, column, seed }
}

/// What a target is taken for where the caller does not say. A column that is not there is left to the fitting to name.
fn inferred_task(frame: &Frame, target_column: &str) -> Result<TaskType> {
    let most_classes =
        match frame.schema()?.iter().find(|column| column.name == target_column).map(|column| column.data_type) {
            Some(DataType::Integer) => MOST_INTEGER_CLASSES,
            Some(DataType::Number) => 2,
            _ => return Ok(TaskType::Classification),
        };
    let classes = classes::distinct(frame, target_column)?;
    Ok(if classes <= most_classes { TaskType::Classification } else { TaskType::Regression })
}

/// A picture of the classes, where one is wanted and there are classes.
fn picture(target: Option<&TargetSummary>, wanted: bool, column: &str) -> Result<Option<Vec<u8>>> {
    match target {
        Some(TargetSummary::Classes(classes)) if wanted => {
            classes::draw(&format!("Training rows by {column}"), classes).map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiko_sdk::arguments::parse;
    use kumiko_sdk::vocabulary::preparation::Normalization;

    fn arguments(arguments: Value) -> Result<Arguments> {
        parse(&arguments.to_string())
    }

    #[test]
    fn the_arguments_of_the_original_become_a_configuration() {
        let mut arguments = arguments(json!({
            "s3_uri": "a.csv", "target_column": "y", "file_format": "csv", "test_size": 0.2, "normalize": false,
            "handle_missing": "drop", "encode_categorical": true, "output_s3_uri": "s3://b/out/",
        }))
        .unwrap();
        let config = arguments.configuration().unwrap();
        assert_eq!(config.normalize.method(), Normalization::None);
        assert_eq!(config.handle_missing, MissingValues::Drop);
        assert_eq!((arguments.dataset_s3_uri.as_str(), arguments.test_size), ("a.csv", Some(0.2)));
    }

    #[test]
    fn a_short_form_completes_the_configuration_and_may_not_contradict_it() {
        let config = |normalize: &str| {
            json!({ "dataset_s3_uri": "a", "target_column": "y", "normalize": normalize,
                "preprocessing_config": { "normalize": "minmax", "drop_columns": ["id"] } })
        };
        let agreed = arguments(config("minmax")).unwrap().configuration().unwrap();
        assert_eq!(agreed.drop_columns, ["id"]);
        let fault = arguments(config("robust")).unwrap().configuration().unwrap_err();
        assert_eq!(fault.code, "contradictory_arguments");
    }

    #[test]
    fn an_unknown_argument_is_refused_beside_the_shared_ones() {
        let fault = arguments(json!({ "dataset_s3_uri": "a", "target_column": "y", "normalise": true })).err().unwrap();
        assert!(fault.message.contains("unknown field `normalise`"), "{}", fault.message);
    }

    #[test]
    fn held_out_rows_keep_the_shares_of_the_classes() {
        let split = hold_out(0.25, 7, TaskType::Classification, "y");
        assert_eq!(
            (split.method, split.column.as_deref(), split.ratios),
            (SplitMethod::Stratified, Some("y"), vec![0.75, 0.25])
        );
        assert_eq!(hold_out(0.25, 7, TaskType::Regression, "y").method, SplitMethod::Random);
    }
}
