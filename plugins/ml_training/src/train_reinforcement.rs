//! `train_reinforcement`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::{Exhibition, Gallery, StoredFigure};
use kumiko_sdk::frames::Frame;
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{Destination, StoredObject, fingerprint, segment};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, ReadOptions};
use kumiko_sdk::vocabulary::figures::{Figure, Lines, Scale, Series, SeriesPoint};
use kumiko_sdk::vocabulary::learning::{
    DEFAULT_SEED, ModelMetadata, ReinforcementAlgorithm, ReinforcementSpecification, ReinforcementTraining,
};
use serde_json::Map;

/// The digits of a fingerprint that a name ends in.
const FINGERPRINT_DIGITS: usize = 8;

/// What to learn, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReinforcementArguments {
    /// How the policy is learnt. From trajectories: `dqn`.
    #[schemars(schema_with = "choices::one_of::<ReinforcementAlgorithm>")]
    algorithm: ReinforcementAlgorithm,
    /// Where: `CartPole-v1`, `MountainCar-v0`, `Pendulum-v1` or `GridWorld`. With trajectories it is where the policy is tried out afterwards, and
    /// may be left out.
    environment: Option<String>,
    /// A data set of recorded steps to learn from instead of acting: columns `observation_0` …, `action`, `reward`, and `terminated` or `done`, a
    /// row for each step in the order in which they happened; `truncated`, `episode` and `next_observation_0` … may be there too.
    trajectories_s3_uri: Option<String>,
    /// The format of the data set. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// The algorithm's settings by the names of Stable-Baselines3: `learning_rate`, `gamma`, `n_steps`, `clip_range`, `buffer_size` …, and
    /// `stop_at_mean_reward`. What is not given has a default that suits the environment. An unknown name is refused.
    #[serde(default)]
    hyperparameters: Option<Map<String, Value>>,
    /// Steps in the environment at most; from trajectories: updates of the network. Without it as many as the algorithm commonly needs there.
    #[schemars(range(min = 1))]
    total_timesteps: Option<u64>,
    /// What the model is called, and the folder that it is kept in. A training of the same name replaces the model.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"))]
    training_job_name: Option<String>,
    /// Where the model goes. Without it, `models/<training_job_name>/model.kumiko` in the server's own bucket.
    model_output_s3_uri: Option<String>,
    /// Whether to replace what is at `model_output_s3_uri`.
    #[serde(default)]
    overwrite: bool,
    /// The seed of everything random. The same seed gives the same model, byte for byte.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw the returns while it learnt.
    #[serde(default = "yes")]
    generate_plots: bool,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

fn yes() -> bool {
    true
}

/// A trained policy, and how well it does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReinforcementOutcome {
    /// What the model is called.
    training_job_name: String,
    /// Where the model is: pass it to `evaluate_reinforcement`, or to `predict` with rows of observations.
    model_s3_uri: String,
    /// The model in the store, with size and digest.
    model: StoredObject,
    /// How the training went, and how the policy does in episodes that it has not seen.
    training: Option<ReinforcementTraining>,
    /// How long the training took, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    training_seconds: Option<f64>,
    /// Every hyperparameter as it was used, defaults included.
    hyperparameters: Map<String, Value>,
    /// The seed of everything random.
    seed: u64,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know.
    notes: Vec<String>,
}

/// Learns a policy by PPO, DQN or A3C in a built-in environment with the standard dynamics, or by DQN from recorded trajectories, and keeps it
/// in the store.
///
/// Answers with the mean return over 100 episodes that the policy has not seen, and the returns while it learnt. Training ends early once the
/// environment is solved. For long trainings start it as a job with `create_training_job`.
#[tool(title = "Train a policy", destructive, idempotent, long_running)]
pub(crate) fn train_reinforcement(arguments: ReinforcementArguments) -> Result<Reply<ReinforcementOutcome>> {
    let mut specification = ReinforcementSpecification {
        algorithm: arguments.algorithm,
        environment: arguments.environment,
        hyperparameters: arguments.hyperparameters.unwrap_or_default(),
        total_timesteps: arguments.total_timesteps,
        seed: arguments.seed,
        training_job_name: None,
    };
    let name = arguments.training_job_name.unwrap_or_else(|| {
        let recipe = json!([specification, arguments.trajectories_s3_uri]).to_string();
        let fingerprint = fingerprint(&[&recipe]);
        let digits = fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(&fingerprint);
        let place = specification.environment.as_deref().unwrap_or("trajectories");
        format!("{}-{digits}", segment(place))
    });
    specification.training_job_name = Some(name.clone());
    let destination = Destination::new(
        arguments.model_output_s3_uri.as_deref(),
        arguments.overwrite,
        &format!("models/{name}/model.kumiko"),
    );
    destination.check()?;
    let options = ReadOptions { format: arguments.file_format, ..ReadOptions::default() };
    let trajectories = arguments.trajectories_s3_uri.as_deref().map(|uri| Frame::open(uri, &options)).transpose()?;
    let model = Model::train_policy(&specification, trajectories.as_ref())?;
    let metadata = model.metadata()?;

    let mut notes = metadata.notes.clone();
    let mut gallery = Gallery::default();
    if let Some(figure) = returns(&metadata).filter(|_| arguments.generate_plots)
        && let Err(fault) = gallery.draw("training_returns", &figure)
    {
        notes.push(format!("the figure was not drawn: {}", fault.message));
    }
    let folder = destination.folder("figures");
    gallery.check(&folder)?;
    let written = StoredObject::from(&model.save(destination.uri(), destination.precondition())?);
    let exhibition = gallery.store(&folder).unwrap_or_else(|fault| {
        notes.push(format!("the figures were not stored: {}", fault.message));
        Exhibition::default()
    });
    let link = Link::from(&written).title(format!("Model {name}"));
    let outcome = ReinforcementOutcome {
        training_job_name: name,
        model_s3_uri: written.uri.clone(),
        model: written,
        training: metadata.reinforcement,
        training_seconds: metadata.training_seconds,
        hyperparameters: metadata.hyperparameters,
        seed: metadata.seed,
        figures: exhibition.figures(),
        notes,
    };
    let text = outcome.text();
    Ok(exhibition.show(Reply::new(outcome).text(text).link(link)))
}

/// The returns over the time steps of the training.
fn returns(metadata: &ModelMetadata) -> Option<Figure> {
    let training = metadata.reinforcement.as_ref()?;
    let points: Vec<SeriesPoint> = training
        .learning_curve
        .iter()
        .map(|point| SeriesPoint { x: point.timestep as f64, y: point.mean_reward, interval: None })
        .collect();
    let place = training.environment.as_deref().unwrap_or("trajectories");
    (points.len() > 1).then(|| {
        Figure::Lines(Lines {
            title: format!("Returns of {} while it learnt", metadata.name),
            subtitle: Some(format!("{place} · {} steps, {} episodes", training.timesteps, training.episodes)),
            x_label: "Time step".to_owned(),
            y_label: "Mean return of an episode".to_owned(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            series: vec![Series { name: "mean return".to_owned(), points }],
        })
    })
}

impl ReinforcementOutcome {
    fn text(&self) -> String {
        let seconds = self.training_seconds.map(|seconds| format!(" in {} s", number(seconds))).unwrap_or_default();
        let mut text = format!("Trained `{}`{seconds}.\n", self.training_job_name);
        if let Some(training) = &self.training {
            let solved = training.solved_at.map(|step| format!(", solved at step {step}")).unwrap_or_default();
            text.push_str(&format!("{} steps, {} episodes{solved}.\n", training.timesteps, training.episodes));
            if let Some(report) = &training.report {
                let mut table = Table::new(["Over episodes that it has not seen", "Value"]);
                for (measure, value) in [
                    ("mean return", report.mean_reward),
                    ("deviation", report.deviation),
                    ("least", report.minimum),
                    ("greatest", report.maximum),
                    ("mean length", report.mean_length),
                ] {
                    table.push([measure.to_owned(), number(value)]);
                }
                text.push_str(&format!("\n{table}"));
            }
        }
        for note in &self.notes {
            text.push_str(&format!("\nNote: {note}\n"));
        }
        text.push_str(&format!("\nThe model is at {}", self.model_s3_uri));
        text
    }
}
