//! `evaluate_reinforcement`.

use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{StoredObject, segment};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::figures::{Figure, Lines, Scale, Series, SeriesPoint};
use kumiko_sdk::vocabulary::learning::{DEFAULT_SEED, ModelMetadata, ReinforcementReport, Task};

use crate::arguments::{Place, yes};
use crate::subject::ModelReference;
use crate::summary::{self, Published, REPORT_NAME};
use crate::tables;

/// Episodes unless the caller chooses another number.
const DEFAULT_EPISODES: u32 = 100;
/// The measures in the text, in this order.
const MEASURES: [&str; 8] =
    ["mean_reward", "deviation", "margin", "minimum", "median", "maximum", "success_rate", "mean_length"];

/// Which policy to try where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReinforcementArguments {
    /// The policy, as a training left it.
    model_s3_uri: String,
    /// The environment: `CartPole-v1`, `MountainCar-v0`, `Pendulum-v1` or `GridWorld`. Without it, the one that it learnt in.
    environment: Option<String>,
    /// Episodes to act in.
    #[serde(default = "default_episodes")]
    #[schemars(range(min = 1, max = 100_000))]
    episodes: u32,
    /// The seed of the episodes' start states.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw the returns of the training, where the model keeps them.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
}

fn default_episodes() -> u32 {
    DEFAULT_EPISODES
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// How well a policy does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReinforcementEvaluation {
    /// What the evaluation is called.
    evaluation_name: String,
    /// The policy.
    model: ModelReference,
    /// The measures.
    metrics: ReinforcementReport,
    /// The report in the store, as JSON.
    report: StoredObject,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know.
    notes: Vec<String>,
}

/// Lets a policy act in an environment for some episodes, without exploration: mean return with its deviation, success rate, length.
#[tool(title = "Evaluate a policy", destructive, idempotent, long_running)]
pub(crate) fn evaluate_reinforcement(arguments: ReinforcementArguments) -> Result<Reply<ReinforcementEvaluation>> {
    let model = Model::load(&arguments.model_s3_uri)?;
    let metadata = model.metadata()?;
    if metadata.task != Task::Reinforcement {
        let (name, task) = (&metadata.name, metadata.task.as_str());
        return Err(Fault::invalid("wrong_task", format!("the model `{name}` is for {task}, not for reinforcement"))
            .hint("`load_model` tells what a model is for"));
    }
    let learnt_in = metadata.reinforcement.as_ref().and_then(|training| training.environment.clone());
    let Some(environment) = arguments.environment.or(learnt_in) else {
        return Err(Fault::invalid(
            "environment_missing",
            "the policy was learnt from trajectories, without an environment",
        )
        .hint("name the `environment` to try it in"));
    };
    let default = || format!("{}-in-{}", segment(&metadata.name), segment(&environment));
    let (name, folder) = arguments.place.named(default);
    folder.file(REPORT_NAME).check()?;
    let report = model.evaluate_policy(&environment, arguments.episodes, arguments.seed)?;
    let mut notes = Vec::new();
    let figure = if arguments.generate_plots { returns(&metadata) } else { None };
    let figures = figure.map(|figure| ("training_returns", figure));
    let Published { report: stored, exhibition } =
        summary::publish(&folder, REPORT_NAME, &report, figures, &mut notes)?;
    let table = tables::metrics(&report, &MEASURES, &[]);
    let text = format!("`{}` in {environment}, {} episodes:\n\n{table}", metadata.name, report.episodes)
        + &tables::notes(&notes);
    let link = Link::from(&stored).title("The report");
    let evaluation = ReinforcementEvaluation {
        evaluation_name: name,
        model: ModelReference { uri: arguments.model_s3_uri, name: metadata.name, algorithm: metadata.algorithm },
        metrics: report,
        report: stored,
        figures: exhibition.figures(),
        notes,
    };
    Ok(exhibition.show(Reply::new(evaluation).text(text).link(link)))
}

/// The returns of the training over its time steps.
fn returns(metadata: &ModelMetadata) -> Option<Figure> {
    let training = metadata.reinforcement.as_ref()?;
    let points: Vec<SeriesPoint> = training
        .learning_curve
        .iter()
        .map(|point| SeriesPoint { x: point.timestep as f64, y: point.mean_reward, interval: None })
        .collect();
    (points.len() > 1).then(|| {
        Figure::Lines(Lines {
            title: format!("Returns of {} while it learnt", metadata.name),
            subtitle: training
                .environment
                .as_ref()
                .map(|environment| format!("{environment} · {} episodes", training.episodes)),
            x_label: "Time step".to_owned(),
            y_label: "Mean return of an episode".to_owned(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            series: vec![Series { name: "mean return".to_owned(), points }],
        })
    })
}
