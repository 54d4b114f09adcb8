//! Trainings as jobs: started, watched, stopped, and their results.

use kumiko_sdk::jobs;
use kumiko_sdk::markdown::{Table, measures, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::jobs::{DEFAULT_ATTEMPTS, DEFAULT_JOB_SECONDS, Job, JobOrder, JobStatus};
use kumiko_sdk::vocabulary::learning::{HeadlineMetrics, LossPoint};
use kumiko_sdk::{choices, time};
use serde_json::Map;

/// Jobs of one page unless the caller chooses another number.
const DEFAULT_PAGE: u32 = 20;

/// A tool that trains.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
enum TrainingTool {
    /// Models that name a class.
    TrainSupervisedClassifier,
    /// Models that name a number.
    TrainSupervisedRegressor,
    /// Groups of rows that are alike.
    TrainUnsupervisedClustering,
    /// Few columns made of many.
    TrainUnsupervisedDimensionalityReduction,
    /// Policies.
    TrainReinforcement,
    /// A search for good hyperparameters.
    HyperparameterOptimization,
}

impl TrainingTool {
    fn name(self) -> &'static str {
        match self {
            Self::TrainSupervisedClassifier => "train_supervised_classifier",
            Self::TrainSupervisedRegressor => "train_supervised_regressor",
            Self::TrainUnsupervisedClustering => "train_unsupervised_clustering",
            Self::TrainUnsupervisedDimensionalityReduction => "train_unsupervised_dimensionality_reduction",
            Self::TrainReinforcement => "train_reinforcement",
            Self::HyperparameterOptimization => "hyperparameter_optimization",
        }
    }
}

/// What to train as a job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateArguments {
    /// What the job is called, and its model where the arguments name none. A name is given once.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"))]
    training_job_name: String,
    /// The tool that trains.
    tool: TrainingTool,
    /// What the tool is called with, as it is described there. `training_job_name` is put in where it is missing.
    arguments: Map<String, Value>,
    /// How long the job may run in all, in seconds.
    #[serde(default = "default_seconds")]
    #[schemars(range(min = 1, max = 2_419_200))]
    max_runtime_seconds: u64,
    /// How often the job is begun at most: it is begun again where the server that ran it died.
    #[serde(default = "default_attempts")]
    #[schemars(range(min = 1, max = 100))]
    max_attempts: u32,
}

fn default_seconds() -> u64 {
    DEFAULT_JOB_SECONDS
}

fn default_attempts() -> u32 {
    DEFAULT_ATTEMPTS
}

/// Which job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedJob {
    /// The job's name.
    training_job_name: String,
}

/// Where a training job stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobState {
    /// The job's name.
    training_job_name: String,
    /// Where it stands: `queued`, `running`, `stopping`, or one of the terminal states `completed`, `failed`, `stopped`.
    status: JobStatus,
    /// Whether nothing more will happen to it.
    terminal: bool,
    /// The tool that trains.
    tool: String,
    /// How often it was begun.
    attempts: u32,
    /// How far it has come, in steps of the tool's own: trees, rounds, epochs, trials.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<f64>,
    /// The number of steps, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<f64>,
    /// What is being done, with the loss or score where the algorithm tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Seconds since it was first begun, until its end or until now.
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_seconds: Option<f64>,
    /// How long it will probably still take, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<f64>,
    /// Why it failed or was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// What to do next.
    next: String,
}

/// Why a job has no result.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Failure {
    /// A stable word for the case.
    code: String,
    /// What happened.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl JobState {
    fn new(job: &Job) -> Self {
        let now = time::now().as_secs_f64();
        let name = &job.order.name;
        let next = match job.status {
            JobStatus::Completed => format!("`get_training_results` with `{name}` has the model"),
            JobStatus::Failed | JobStatus::Stopped => {
                "mend the cause and start the training under another name".to_owned()
            }
            _ => format!(
                "ask again with `monitor_training_progress`, or stop it with `stop_training_job`, both with `{name}`"
            ),
        };
        Self {
            training_job_name: name.clone(),
            status: job.status,
            terminal: job.status.is_terminal(),
            tool: job.order.tool.clone(),
            attempts: job.attempts,
            step: job.progress.as_ref().map(|progress| progress.done),
            steps: job.progress.as_ref().and_then(|progress| progress.total),
            message: job.progress.as_ref().map(|progress| progress.message.clone()),
            elapsed_seconds: job.started_at.map(|began| (job.ended_at.unwrap_or(now) - began).max(0.0)),
            seconds_left: job.seconds_left,
            failure: job.failure.as_ref().map(|fault| Failure {
                code: fault.code.clone(),
                message: fault.message.clone(),
                hint: fault.hint.clone(),
            }),
            next,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("`{}` ({}) is {}", self.training_job_name, self.tool, self.status.as_str());
        if let Some(step) = self.step {
            let of = self.steps.map(|steps| format!(" of {}", number(steps))).unwrap_or_default();
            text.push_str(&format!(", at step {}{of}", number(step)));
        }
        if let Some(message) = &self.message {
            text.push_str(&format!(": {message}"));
        }
        if let Some(left) = self.seconds_left {
            text.push_str(&format!("; about {} s left", number(left.ceil())));
        }
        if let Some(failure) = &self.failure {
            text.push_str(&format!(". {}: {}", failure.code, failure.message));
        }
        format!("{text}.\n\n{}.", self.next)
    }

    fn reply(job: &Job) -> Reply<Self> {
        let state = Self::new(job);
        let text = state.text();
        Reply::new(state).text(text)
    }
}

/// Starts a training as a job and returns at once: for trainings that take longer than one waits for.
///
/// The arguments are held against the tool's schema before the job is recorded. The job goes on when this connection ends and, after a
/// restart of the server, from where it was as far as the algorithm keeps checkpoints. Watch it with `monitor_training_progress`; its model
/// is in `get_training_results`.
#[tool(title = "Create a training job")]
pub(crate) fn create_training_job(arguments: CreateArguments) -> Result<Reply<JobState>> {
    let mut given = arguments.arguments;
    given.entry("training_job_name").or_insert_with(|| Value::from(arguments.training_job_name.as_str()));
    let order = JobOrder {
        maximum_seconds: arguments.max_runtime_seconds,
        maximum_attempts: arguments.max_attempts,
        ..JobOrder::new(arguments.training_job_name, arguments.tool.name(), given)
    };
    Ok(JobState::reply(&jobs::start(&order)?))
}

/// Where a training job stands: status, step, loss or score as far as the algorithm tells it, and the time left.
#[tool(title = "Monitor a training job", read_only, idempotent)]
pub(crate) fn monitor_training_progress(arguments: NamedJob) -> Result<Reply<JobState>> {
    Ok(JobState::reply(&jobs::get(&arguments.training_job_name)?))
}

/// Asks a training job to stop. One that waits is stopped at once, one that runs soon; one that has ended stays as it is.
#[tool(title = "Stop a training job", destructive, idempotent)]
pub(crate) fn stop_training_job(arguments: NamedJob) -> Result<Reply<JobState>> {
    Ok(JobState::reply(&jobs::stop(&arguments.training_job_name)?))
}

/// Which jobs to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListArguments {
    /// What the names begin with; all jobs without it.
    #[serde(default)]
    name_prefix: String,
    /// How many jobs at most.
    #[serde(default = "default_page")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// The `cursor` of the page before.
    cursor: Option<String>,
}

fn default_page() -> u32 {
    DEFAULT_PAGE
}

/// Jobs in the order of their names.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobList {
    /// The jobs of this page.
    jobs: Vec<JobState>,
    /// What to ask for the next page with; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Lists training jobs with their states.
#[tool(title = "List training jobs", read_only, idempotent)]
pub(crate) fn list_training_jobs(arguments: ListArguments) -> Result<Reply<JobList>> {
    let page = jobs::list(&arguments.name_prefix, arguments.cursor.as_deref(), arguments.limit)?;
    let states: Vec<JobState> = page.jobs.iter().map(JobState::new).collect();
    let mut table = Table::new(["Job", "Tool", "Status", "Step"]);
    for state in &states {
        table.push([
            state.training_job_name.clone(),
            state.tool.clone(),
            state.status.as_str().to_owned(),
            state.step.map(number).unwrap_or_default(),
        ]);
    }
    Ok(Reply::new(JobList { jobs: states, cursor: page.cursor }).text(table.to_string()))
}

/// What a training job came to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobResults {
    #[serde(flatten)]
    state: JobState,
    /// What the tool answered, as it is described there: model, metrics, figures. Absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

/// What a training job came to: the tool's whole answer with model, metrics and figures. Before it has ended, where it stands.
#[tool(title = "Get training results", read_only, idempotent)]
pub(crate) fn get_training_results(arguments: NamedJob) -> Result<Reply<JobResults>> {
    let job = jobs::get(&arguments.training_job_name)?;
    let state = JobState::new(&job);
    let text = state.text();
    Ok(Reply::new(JobResults { state, result: job.result }).text(text))
}

/// Whose metrics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsArguments {
    /// The name of a training job.
    training_job_name: Option<String>,
    /// The uri of a model.
    model_s3_uri: Option<String>,
}

/// The measures of a training.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TrainingMetrics {
    /// The model that they are of.
    model_s3_uri: String,
    /// Measures on the rows that it learnt from. They flatter it.
    training_metrics: HeadlineMetrics,
    /// Measures on the validation rows, where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_metrics: Option<HeadlineMetrics>,
    /// The loss step by step, for algorithms that go in steps.
    loss_curve: Vec<LossPoint>,
}

/// The measures of a training and its loss curve, by the job's name or the model's uri.
#[tool(title = "Get training metrics", read_only, idempotent)]
pub(crate) fn get_training_metrics(arguments: MetricsArguments) -> Result<Reply<TrainingMetrics>> {
    let uri = match (arguments.training_job_name, arguments.model_s3_uri) {
        (None, Some(uri)) => uri,
        (Some(name), None) => model_of(&jobs::get(&name)?)?,
        _ => {
            return Err(Fault::invalid(
                "model_ambiguous",
                "`training_job_name` and `model_s3_uri` were expected one without the other",
            ));
        }
    };
    let metadata = Model::load(&uri)?.metadata()?;
    let mut table = Table::new(["Metric", "Training", "Validation"]);
    let validation = metadata.validation_metrics.as_ref().map(measures).unwrap_or_default();
    for (name, value) in measures(&metadata.training_metrics) {
        let held_out = validation.iter().find(|(other, _)| *other == name).map(|(_, value)| number(*value));
        table.push([name, number(value), held_out.unwrap_or_default()]);
    }
    let metrics = TrainingMetrics {
        model_s3_uri: uri,
        training_metrics: metadata.training_metrics,
        validation_metrics: metadata.validation_metrics,
        loss_curve: metadata.loss_curve,
    };
    Ok(Reply::new(metrics).text(table.to_string()))
}

/// The model that a job made.
fn model_of(job: &Job) -> Result<String> {
    // A search has its model inside its answer.
    let places = ["/model_s3_uri", "/model/model_s3_uri"];
    let found = job.result.as_ref().and_then(|result| places.iter().find_map(|place| result.pointer(place)?.as_str()));
    found.map(str::to_owned).ok_or_else(|| {
        let message = format!("the job `{}` is {} and has no model", job.order.name, job.status.as_str());
        Fault::new(FaultKind::Conflict, "job_without_model", message)
            .hint("`monitor_training_progress` tells where it stands")
    })
}
