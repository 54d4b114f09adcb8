//! `hyperparameter_optimization`: settings proposed here, measured in the host.
//!
//! In order: `space` reads what is searched; `trials` decides which settings are tried on how many rows, `parzen` among them which are
//! likely to be good; `ledger` has each measured by cross-validation, once, and keeps it; `importance` says what mattered; `outcome` is what
//! the tool answers. At the end the best settings are trained on all rows.

mod draws;
mod importance;
mod ledger;
mod outcome;
mod parzen;
mod space;
mod trials;

use std::collections::BTreeMap;

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::{Exhibition, Gallery};
use kumiko_sdk::frames::Frame;
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects;
use kumiko_sdk::outputs::{Destination, StoredObject, data_name, fingerprint};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, ReadOptions};
use kumiko_sdk::vocabulary::evaluation::ComparisonMetric;
use kumiko_sdk::vocabulary::learning::{
    Algorithm, CrossValidation, DEFAULT_FOLDS, DEFAULT_SEED, FoldMethod, Task, TrainingSpecification,
};
use serde_json::Map;

use crate::outcome::{DataReference, TrainingOutcome};
use ledger::Ledger;
use outcome::{Findings, SearchOutcome};
use space::{Range, Space};
use trials::{EarlyStopping, Plan, Strategy, search};

/// Trials unless the caller chooses another number.
const DEFAULT_TRIALS: u32 = 30;
/// Trials measured side by side unless the caller chooses another number: more keeps all cores busy on small data, fewer learns more
/// from each trial.
const DEFAULT_SIDE_BY_SIDE: u32 = 2;
/// Features told of the best model.
const TOP_FEATURES: usize = 20;
/// The digits of a fingerprint that a name ends in.
const FINGERPRINT_DIGITS: usize = 8;

/// What kind of column is predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum TaskType {
    /// A class.
    #[default]
    Classification,
    /// A number.
    Regression,
}

/// An algorithm whose settings can be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum SearchedAlgorithm {
    /// Classes and numbers.
    RandomForest,
    /// Classes and numbers.
    #[default]
    Xgboost,
    /// Classes and numbers.
    NeuralNetwork,
    /// Classes.
    LogisticRegression,
    /// Numbers.
    Ridge,
    /// Numbers.
    Lasso,
    /// Numbers.
    ElasticNet,
}

impl SearchedAlgorithm {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::RandomForest => Algorithm::RandomForest,
            Self::Xgboost => Algorithm::Xgboost,
            Self::NeuralNetwork => Algorithm::NeuralNetwork,
            Self::LogisticRegression => Algorithm::LogisticRegression,
            Self::Ridge => Algorithm::Ridge,
            Self::Lasso => Algorithm::Lasso,
            Self::ElasticNet => Algorithm::ElasticNet,
        }
    }
}

/// What to search on what.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchArguments {
    /// How models are made.
    #[serde(default)]
    algorithm: SearchedAlgorithm,
    /// What kind of column is predicted.
    #[serde(default)]
    task_type: TaskType,
    /// The data set: `s3://bucket/key`, or a path in an allowed folder. Text and missing values are prepared by a pipeline that is fitted
    /// anew on the rows learnt from in each part.
    train_data_s3_uri: String,
    /// The column to predict.
    #[serde(default = "default_target")]
    target_column: String,
    /// The format of the data set. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// The hyperparameters to search, by name: a list of values, or an interval `{"low": 0.01, "high": 0.3, "log": true}`. An interval
    /// whose ends are written as whole numbers has whole numbers alone. Without it, what is usually searched for the algorithm.
    #[serde(default)]
    search_space: Option<BTreeMap<String, Range>>,
    /// Hyperparameters that stay as they are in every trial.
    #[serde(default)]
    hyperparameters: Option<Map<String, Value>>,
    /// How settings are chosen.
    #[serde(default)]
    strategy: Strategy,
    /// How many settings are tried. A grid with more is refused.
    #[serde(default = "default_trials")]
    #[schemars(range(min = 1, max = 1000))]
    max_trials: u32,
    /// Whether settings that do badly are dropped early.
    #[serde(default)]
    early_stopping: EarlyStopping,
    /// The parts that are predicted, each from the others.
    #[serde(default = "default_folds")]
    #[schemars(range(min = 2, max = 50))]
    n_folds: u32,
    /// How rows are dealt to the parts.
    #[serde(default)]
    #[schemars(schema_with = "choices::one_of::<FoldMethod>")]
    fold_method: FoldMethod,
    /// The column to group by (`grouped`) or to order by (`time`).
    fold_column: Option<String>,
    /// The measure to be best at. Without it, `roc_auc` for classes and `rmse` for numbers.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<ComparisonMetric>")]
    metric: Option<ComparisonMetric>,
    /// Trials measured side by side. More is faster on small data; fewer lets the Bayesian strategy learn more from each.
    #[serde(default = "default_side_by_side")]
    #[schemars(range(min = 1, max = 16))]
    parallel_trials: u32,
    /// A column of row weights; not a feature.
    weight_column: Option<String>,
    /// Columns that are no features.
    #[serde(default)]
    excluded_columns: Vec<String>,
    /// What the search and its model are called, and the folder that both are kept in. A search of the same name on the same data with
    /// the same settings goes on where it was cut off, and one with more trials adds to them.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"))]
    training_job_name: Option<String>,
    /// Where the best model goes. Without it, `models/<training_job_name>/model.kumiko` in the server's own bucket.
    model_output_s3_uri: Option<String>,
    /// Whether to replace what is at `model_output_s3_uri`.
    #[serde(default)]
    overwrite: bool,
    /// The seed of everything random.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw the course of the search and the importance of the hyperparameters.
    #[serde(default = "yes")]
    generate_plots: bool,
}

fn default_target() -> String {
    "target".to_owned()
}

fn default_trials() -> u32 {
    DEFAULT_TRIALS
}

fn default_folds() -> u32 {
    DEFAULT_FOLDS
}

fn default_side_by_side() -> u32 {
    DEFAULT_SIDE_BY_SIDE
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

fn yes() -> bool {
    true
}

impl SearchArguments {
    fn task(&self) -> Task {
        match self.task_type {
            TaskType::Classification => Task::Classification,
            TaskType::Regression => Task::Regression,
        }
    }

    fn specification(&self) -> TrainingSpecification {
        TrainingSpecification {
            hyperparameters: self.hyperparameters.clone().unwrap_or_default(),
            weight_column: self.weight_column.clone(),
            excluded_columns: self.excluded_columns.clone(),
            seed: self.seed,
            training_data_uri: Some(self.train_data_s3_uri.clone()),
            ..TrainingSpecification::new(self.algorithm.algorithm(), self.task(), self.target_column.as_str())
        }
    }

    fn validation(&self) -> CrossValidation {
        CrossValidation {
            folds: self.n_folds,
            method: self.fold_method,
            column: self.fold_column.clone(),
            metric: self.metric,
            row_share: 1.0,
            seed: self.seed,
        }
    }

    /// What decides the results of trials, so that a ledger may be gone on with: the data and how it is measured, not how many trials
    /// there are or which settings are proposed.
    fn recipe(&self, data: &DataReference) -> String {
        let decisive = json!([self.specification(), self.validation()]).to_string();
        fingerprint(&[&data.uri, &data.etag, &decisive])
    }

    fn name(&self, recipe: &str) -> String {
        self.training_job_name.clone().unwrap_or_else(|| {
            let digits = recipe.get(..FINGERPRINT_DIGITS).unwrap_or(recipe);
            format!("{}-{}-search-{digits}", data_name(&self.train_data_s3_uri), self.algorithm.algorithm().as_str())
        })
    }
}

/// Finds good hyperparameters: tries settings by grid, at random or by a Bayesian strategy (TPE), measures each by cross-validation, and
/// trains the best on all rows.
///
/// Answers with the table of trials, the best settings with the mean and deviation of their score, how much each hyperparameter mattered, and
/// the model's uri. The best score flatters the model a little, because it was chosen by it: judge the model by data that no trial has seen. A
/// search that was cut off goes on where it was when it is called again in the same way. For a long search, start it as a job with
/// `create_training_job`.
#[tool(title = "Search hyperparameters", destructive, idempotent, long_running)]
pub(crate) fn hyperparameter_optimization(arguments: SearchArguments) -> Result<Reply<SearchOutcome>> {
    let fixed = arguments.hyperparameters.clone().unwrap_or_default();
    let algorithm = arguments.algorithm.algorithm();
    if !algorithm.tasks().contains(&arguments.task()) {
        let message = format!("`{}` does not do {}", algorithm.as_str(), arguments.task().as_str());
        return Err(Fault::invalid("task_unsupported", message).hint("choose another `algorithm` or `task_type`"));
    }
    let space = Space::read(arguments.search_space.as_ref(), algorithm, &fixed)?;
    let plan = plan(&arguments, &space)?;
    let data = DataReference::from(objects::head(&arguments.train_data_s3_uri)?);
    let recipe = arguments.recipe(&data);
    let name = arguments.name(&recipe);
    let destination = Destination::new(
        arguments.model_output_s3_uri.as_deref(),
        arguments.overwrite,
        &format!("models/{name}/model.kumiko"),
    );
    destination.check()?;

    let options = ReadOptions { format: arguments.file_format, ..ReadOptions::default() };
    let frame = Frame::open(&arguments.train_data_s3_uri, &options)?;
    let place = Destination::new(None, true, &format!("models/{name}/trials.json"));
    let mut ledger = Ledger::open(&frame, arguments.specification(), arguments.validation(), place, recipe);
    let trials = search(&plan, &space, &mut ledger)?;
    let reason = trials.iter().find_map(|trial| trial.failure.clone()).unwrap_or_default();
    let Some(findings) = Findings::new(&name, plan.strategy, &space, trials, &ledger) else {
        return Err(Fault::failed("no_trial_succeeded", format!("no trial could be trained: {reason}"))
            .hint("look at the ranges of `search_space` and at `hyperparameters`"));
    };

    progress::report(plan.trials as f64, Some(plan.trials as f64), "training the best on all rows");
    let specification = TrainingSpecification {
        hyperparameters: findings.best_hyperparameters.clone(),
        training_job_name: Some(name.clone()),
        ..arguments.specification()
    };
    let model = Model::train(&frame, &specification, TrainingInputs::default())?;
    let metadata = model.metadata()?;
    let mut notes = findings.notes(plan.trials);
    let gallery = if arguments.generate_plots { findings.draw(&mut notes) } else { Gallery::default() };
    let folder = destination.folder("figures");
    gallery.check(&folder)?;
    let written = model.save(destination.uri(), destination.precondition())?;
    let exhibition = gallery.store(&folder).unwrap_or_else(|fault| {
        notes.push(format!("the figures were not stored: {}", fault.message));
        Exhibition::default()
    });
    let model = TrainingOutcome::new(metadata, StoredObject::from(&written), data, TOP_FEATURES);
    let link = Link::from(&model.model).title(format!("Model {name}"));
    let outcome = SearchOutcome::new(findings, model, exhibition.figures(), notes);
    let text = outcome.text();
    Ok(exhibition.show(Reply::new(outcome).text(text).link(link)))
}

fn plan(arguments: &SearchArguments, space: &Space) -> Result<Plan> {
    let trials = arguments.max_trials as usize;
    if arguments.strategy == Strategy::Grid && space.grid_size().is_none_or(|size| size > trials) {
        let size = space
            .grid_size()
            .map_or_else(|| "more combinations than can be counted".to_owned(), |size| size.to_string());
        return Err(Fault::invalid("grid_too_large", format!("the grid has {size} points; `max_trials` is {trials}"))
            .hint("raise `max_trials`, take values out of `search_space`, or use another `strategy`"));
    }
    let trials = match arguments.strategy {
        Strategy::Grid => space.grid_size().unwrap_or(trials),
        _ => trials,
    };
    Ok(Plan {
        strategy: arguments.strategy,
        early_stopping: arguments.early_stopping,
        trials,
        side_by_side: arguments.parallel_trials as usize,
        seed: arguments.seed,
    })
}
