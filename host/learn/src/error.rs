//! Everything that a caller can get wrong, and what damaged files and impossible sums look like.

use kumiko_vocabulary::learning::{Algorithm, Task};
use kumiko_vocabulary::{Fault, FaultKind, control};
use serde_json::json;

/// Why a kernel gives no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The caller does not want the result any more.
    #[error("the computation was cancelled")]
    Cancelled,
    /// The algorithm has no such hyperparameter.
    #[error("`{}` has no hyperparameter `{name}`", algorithm.as_str())]
    UnknownHyperparameter {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// The name given.
        name: String,
        /// What the caller should write instead.
        advice: String,
        /// The names that the algorithm knows.
        known: Vec<String>,
    },
    /// A hyperparameter's value is of the wrong type or out of range.
    #[error("hyperparameter `{name}` of `{}` is {value}; expected {expected}", algorithm.as_str())]
    HyperparameterValue {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// The hyperparameter.
        name: String,
        /// The value given, as JSON.
        value: String,
        /// What it may be, in words.
        expected: String,
    },
    /// The algorithm cannot do the task.
    #[error("`{}` does not do {}", algorithm.as_str(), task.as_str())]
    Task {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// The task asked for.
        task: Task,
    },
    /// Classes where numbers belong, or numbers where classes belong.
    #[error("{what} holds {found}; {} needs {expected}", task.as_str())]
    TargetKind {
        /// Which data.
        what: String,
        /// The task asked for.
        task: Task,
        /// What it holds.
        found: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// There is no column to learn from.
    #[error("there is no feature column to learn from")]
    NoFeatures,
    /// Two feature columns have one name.
    #[error("two feature columns are named `{name}`")]
    DuplicateFeature {
        /// The name.
        name: String,
    },
    /// Things that belong together differ in length.
    #[error("{what} has {found} entries; expected {expected}")]
    Length {
        /// What is too short or too long.
        what: String,
        /// How long it should be.
        expected: usize,
        /// How long it is.
        found: usize,
    },
    /// Fewer rows, or more, than the work can be done on.
    #[error("{what} has {rows} rows; expected {expected}")]
    Rows {
        /// Which data.
        what: String,
        /// How many rows it has.
        rows: usize,
        /// How many it should have, in words.
        expected: &'static str,
    },
    /// The training rows are all of one class.
    #[error("all training rows are of the class `{class}`; a classifier needs rows of two classes at least")]
    OneClass {
        /// The class.
        class: String,
    },
    /// The same class is listed twice.
    #[error("the class `{class}` is listed twice")]
    DuplicateClass {
        /// The class.
        class: String,
    },
    /// A target that is no number.
    #[error("the target of {what} is {value} in row {row} (from 0); expected finite numbers")]
    TargetNotFinite {
        /// Which data.
        what: String,
        /// The first such row, from 0.
        row: usize,
        /// What it holds.
        value: f64,
    },
    /// A feature that is infinite.
    #[error(
        "the column `{column}` of {what} is infinite in row {row} (from 0); expected finite numbers or missing values"
    )]
    InfiniteFeature {
        /// Which data.
        what: String,
        /// The column.
        column: String,
        /// The first such row, from 0.
        row: usize,
    },
    /// Missing values where the algorithm takes none.
    #[error("`{}` takes no missing values; {what} has them in {}", algorithm.as_str(), listed(columns))]
    MissingValues {
        /// The algorithm.
        algorithm: Algorithm,
        /// Which data.
        what: String,
        /// The columns that have missing values.
        columns: Vec<String>,
    },
    /// A weight that is negative or no number.
    #[error("the weight in row {row} (from 0) is {value}; expected zero or more")]
    Weight {
        /// The first such row, from 0.
        row: usize,
        /// What it holds.
        value: f32,
    },
    /// Weights where every row counts the same.
    #[error("`{}` does not weigh rows", algorithm.as_str())]
    NotWeighted {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// An algorithm that has a place for its training rows alone is asked about others.
    #[error("`{}` cannot place rows that it did not learn from", algorithm.as_str())]
    OtherRows {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// No row counts.
    #[error("all weights are zero")]
    NoWeight,
    /// A column that the model needs is not there.
    #[error("the model reads {}, which the data does not have", listed(missing))]
    MissingColumns {
        /// The columns not found.
        missing: Vec<String>,
        /// The columns found that are spelt most alike: (missing, nearest).
        nearest: Vec<(String, String)>,
    },
    /// A class that the model does not know.
    #[error("{what} is of the class `{class}` in row {row} (from 0); the model knows {}", listed(known))]
    UnknownClass {
        /// Which data.
        what: String,
        /// The class.
        class: String,
        /// The first such row, from 0.
        row: usize,
        /// The classes that the model knows.
        known: Vec<String>,
    },
    /// A code without a class.
    #[error("class code {code} in row {row} (from 0) of {what}; there are {classes} classes")]
    ClassCode {
        /// Which data.
        what: String,
        /// The code.
        code: u32,
        /// The first such row, from 0.
        row: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A specification of an evaluation asks for something that is not there.
    #[error("`{name}` is {value}; expected {expected}")]
    Specification {
        /// The field.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be, in words.
        expected: String,
    },
    /// Trees that are none: see `trees`.
    #[error("tree {tree} (from 0) of the ensemble cannot be walked: {problem}")]
    Ensemble {
        /// The position of the tree.
        tree: usize,
        /// What does not fit.
        problem: String,
    },
    /// Trees that do not say how many training rows came through their nodes.
    #[error("the model's trees do not keep the weight of the training rows in each node")]
    NoCovers,
    /// There is no environment of the name.
    #[error("there is no environment `{name}`")]
    UnknownEnvironment {
        /// The name given.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
        /// The names that there are.
        known: Vec<String>,
    },
    /// An action that an environment does not have.
    #[error("{environment} does not know the action {action}; expected {expected}")]
    Action {
        /// The environment.
        environment: &'static str,
        /// The action.
        action: String,
        /// What it may be, in words.
        expected: String,
    },
    /// A state that an environment cannot be in.
    #[error("{environment} has no state {found}; expected {expected}")]
    EnvironmentState {
        /// The environment.
        environment: &'static str,
        /// What it may be, in words.
        expected: String,
        /// The state.
        found: String,
    },
    /// An algorithm that cannot act in an environment.
    #[error("`{}` cannot act in {environment}: its actions are {found}; expected {expected}", algorithm.as_str())]
    ActionSpace {
        /// The algorithm.
        algorithm: Algorithm,
        /// The environment.
        environment: &'static str,
        /// What the environment's actions are.
        found: String,
        /// What the algorithm needs, in words.
        expected: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// A policy in an environment that it was not made for.
    #[error("the policy does not fit {environment}: {problem}")]
    PolicyMisfit {
        /// The environment.
        environment: &'static str,
        /// What does not fit.
        problem: String,
    },
    /// Trajectories that cannot be learnt from.
    #[error("the trajectories cannot be learnt from: {problem}")]
    Trajectories {
        /// What is wrong, and where.
        problem: String,
        /// What to do about it.
        advice: String,
    },
    /// Numbers too large or too alike to calculate with.
    #[error("{what}")]
    Numerical {
        /// What cannot be calculated, and why.
        what: String,
    },
    /// A column could not be read from where it is.
    #[error("{}", .0.message)]
    Source(Box<Fault>),
    /// Room outside memory that does not serve.
    #[error("a scratch file cannot be {action}: {reason}")]
    Scratch {
        /// What was tried: created, written, read.
        action: &'static str,
        /// What the file system says.
        reason: String,
    },
    /// The algorithm needs all columns at once.
    #[error("`{}` needs all columns in memory at once", algorithm.as_str())]
    NotColumnwise {
        /// The algorithm asked for.
        algorithm: Algorithm,
    },
    /// A training that led away from its goal.
    #[error("the training diverged in step {step}: {what}")]
    Diverged {
        /// The step, epoch or round, from 1.
        step: usize,
        /// What is out of bounds.
        what: String,
    },
    /// The bytes are no model in the native format.
    #[error("`{name}` is no Kumiko model: {problem}")]
    NotAModel {
        /// Where the bytes came from.
        name: String,
        /// What gives it away.
        problem: String,
    },
    /// The model's file was written by a later version.
    #[error("`{name}` is in model format {found}; this server reads up to {supported}")]
    ModelTooNew {
        /// Where the bytes came from.
        name: String,
        /// The version found.
        found: u32,
        /// The highest version that can be read.
        supported: u32,
    },
    /// The model's file is cut short.
    #[error("`{name}` is cut short: {found} bytes of {expected}")]
    ModelTruncated {
        /// Where the bytes came from.
        name: String,
        /// The bytes there should be, as far as can be told.
        expected: u64,
        /// The bytes there are.
        found: u64,
    },
    /// The model's file was changed after it was written.
    #[error("`{name}` is damaged: {problem}")]
    ModelDamaged {
        /// Where the bytes came from.
        name: String,
        /// What does not fit.
        problem: String,
    },
    /// A model that cannot be written.
    #[error("the model cannot be written: {problem}")]
    ModelNotWritable {
        /// Why.
        problem: String,
    },
}

/// Up to five names in backticks, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let invalid = |code: &str, hint: &str| Self::invalid(code, message.clone()).hint(hint);
        let failed = |code: &str, hint: &str| Self::failed(code, message.clone()).hint(hint);
        match error {
            Error::Cancelled => control::cancelled(),
            Error::UnknownHyperparameter { advice, known, .. } => {
                invalid("unknown_hyperparameter", &advice).data(json!({ "known": known }))
            }
            Error::HyperparameterValue { name, .. } => {
                invalid("hyperparameter_out_of_range", &format!("change `{name}`, or leave it out for the default"))
            }
            Error::Task { task, .. } => {
                let able: Vec<&str> = Algorithm::ALL
                    .into_iter()
                    .filter(|algorithm| algorithm.tasks().contains(&task))
                    .map(Algorithm::as_str)
                    .collect();
                invalid("algorithm_not_for_task", &format!("for {} choose one of {}", task.as_str(), able.join(", ")))
            }
            Error::TargetKind { .. } => {
                invalid("target_kind", "choose the task that fits the target column, or another target column")
            }
            Error::NoFeatures => invalid(
                "no_features",
                "the data needs at least one numeric column besides the target, or a pipeline that makes one",
            ),
            Error::DuplicateFeature { .. } => invalid("duplicate_feature", "rename one of the columns"),
            Error::Length { .. } => {
                invalid("length_mismatch", "give columns, target and weights one entry for each row")
            }
            Error::Rows { .. } => invalid("row_count", "check the data set and the filters and splits it went through"),
            Error::OneClass { .. } => invalid(
                "one_class",
                "check the target column and the split: a stratified split keeps every class in each part",
            ),
            Error::DuplicateClass { .. } => invalid("duplicate_class", "list every class once"),
            Error::TargetNotFinite { .. } => {
                invalid("target_not_finite", "drop the rows without a target before training")
            }
            Error::InfiniteFeature { .. } => {
                invalid("infinite_feature", "replace infinities, for example by a missing value, before they come here")
            }
            Error::MissingValues { columns, .. } => invalid(
                "missing_values",
                "fill them in with a pipeline (`handle_missing`), or use random_forest, which takes them as they are",
            )
            .data(json!({ "columns": columns })),
            Error::Weight { .. } => invalid("weight_out_of_range", "weights are numbers of zero or more, without gaps"),
            Error::NotWeighted { .. } => invalid("weights_not_used", "leave the weights out"),
            Error::OtherRows { .. } => invalid(
                "other_rows",
                "train on all the rows that the map is to show, or use pca or autoencoder, which place new rows",
            ),
            Error::NoWeight => invalid("no_weight", "give at least one row a weight above zero"),
            Error::MissingColumns { missing, nearest } => {
                let hint = nearest.first().map_or_else(
                    || "give the data the columns of the model's signature".to_owned(),
                    |(missing, nearest)| format!("is `{nearest}` what the model calls `{missing}`? Rename it"),
                );
                invalid("column_not_found", &hint).data(json!({ "missing": missing }))
            }
            Error::UnknownClass { known, .. } => {
                invalid("unknown_class", "leave these rows out, or train on data that has the class")
                    .data(json!({ "known": known }))
            }
            Error::ClassCode { .. } => {
                invalid("class_code_out_of_range", "codes are positions in the list of classes, from 0")
            }
            Error::Specification { name, .. } => {
                invalid("specification_out_of_range", &format!("change `{name}`, or leave it out"))
            }
            Error::Ensemble { .. } => failed("ensemble_not_walkable", "train the model again, or report this"),
            Error::NoCovers => invalid(
                "no_covers",
                "choose the method `tree_interventional` and give background rows, or train the model again with this server",
            ),
            Error::UnknownEnvironment { nearest, known, .. } => {
                let hint = nearest.map_or_else(
                    || format!("choose one of {}", known.join(", ")),
                    |nearest| format!("did you mean `{nearest}`?"),
                );
                invalid("unknown_environment", &hint).data(json!({ "known": known }))
            }
            Error::Action { .. } => {
                invalid("action_out_of_range", "choose an action of the environment's action space")
            }
            Error::EnvironmentState { .. } => {
                invalid("state_out_of_range", "give a state as the environment gives them")
            }
            Error::ActionSpace { advice, .. } => invalid("action_space", advice),
            Error::PolicyMisfit { .. } => {
                invalid("policy_misfit", "try the policy in the environment that it has learnt in")
            }
            Error::Trajectories { advice, .. } => invalid("trajectories", &advice),
            Error::Source(fault) => *fault,
            Error::Scratch { .. } => failed(
                "scratch_failed",
                "a training on data that memory does not hold keeps about two bytes for each value in the server's data folder: make room there",
            ),
            Error::NotColumnwise { .. } => invalid(
                "algorithm_needs_memory",
                "train `xgboost` without `calibration`, which reads one column after the other, or train on fewer rows or columns",
            ),
            Error::Numerical { .. } => {
                failed("numerical_failure", "scale the features, or drop constant and repeated columns")
            }
            Error::Diverged { .. } => failed("training_diverged", "lower `learning_rate_init`"),
            Error::NotAModel { .. } => invalid(
                "not_a_model",
                "give the uri of a model that this server has written; other formats are for `extract_model_metadata`",
            ),
            Error::ModelTooNew { .. } => Self::new(FaultKind::InvalidArguments, "model_too_new", message)
                .hint("update the server, or train the model again with this one"),
            Error::ModelTruncated { .. } => failed("model_truncated", "copy the file again from where it is whole"),
            Error::ModelDamaged { .. } => failed("model_damaged", "copy the file again from where it is whole"),
            Error::ModelNotWritable { .. } => failed("model_not_writable", "report this with the server's version"),
        }
    }
}
