//! Learning to act: `ppo`, `dqn` and `a3c` on built-in environments, and `dqn` from recorded trajectories.
//!
//! The way through it: [`train`] reads the specification strictly (`settings.rs`), lets one algorithm (`ppo.rs`, `dqn.rs`, `a3c.rs`)
//! act in copies of the environment (`environments/`) under the eyes of a monitor (`monitor.rs`), and tries the [`Policy`] that
//! comes out in 100 episodes that it has not seen. [`train_offline`] learns from columns of steps instead. The model is a
//! [`Model`] like any other: it predicts the greedy action for rows of observations, and turns into bytes and back.
//! [`Policy::evaluate`] lets it act.
//!
//! The same specification gives the same bytes, whatever the number of threads.

mod a3c;
mod actor_critic;
mod distribution;
mod dqn;
mod encoding;
pub mod environments;
mod monitor;
mod offline;
mod optimiser;
mod policy;
mod ppo;
mod running;
mod settings;
mod trajectories;
mod values;

mod evaluation;

use std::time::Instant;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{
    Algorithm, FeatureSignature, FeatureType, HeadlineMetrics, LossPoint, MODEL_FORMAT_VERSION, ModelMetadata,
    ModelSignature, ReinforcementAlgorithm, ReinforcementReport, ReinforcementSpecification, ReinforcementTraining,
    Task,
};
use serde_json::{Map, Value};

use crate::checkpoint::Checkpoint;
use crate::data::Features;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::model::Model;
use crate::threads;

use encoding::Encoding;
use environments::{ActionSpace, EnvironmentKind};
use policy::Actions;
use settings::{A3cSettings, DqnSettings, PpoSettings, ValueSettings};
use trajectories::Trajectories;

pub use policy::Policy;

/// Trains a policy in the environment of the specification.
///
/// Everything wrong with the specification is a typed [`Error`]; cancelling through `control` ends in [`Error::Cancelled`]. Progress
/// is told in time steps, with the mean return of the last episodes.
pub fn train(specification: &ReinforcementSpecification, control: &dyn Control) -> Result<Model, Error> {
    threads::own(|| learn_online(specification, control))
}

fn learn_online(specification: &ReinforcementSpecification, control: &dyn Control) -> Result<Model, Error> {
    let began = Instant::now();
    let kind = environment(specification)?.ok_or_else(|| Error::Specification {
        name: "environment",
        value: "absent".to_owned(),
        expected: "the name of an environment, unless there are trajectories to learn from".to_owned(),
    })?;
    let encoding = Encoding::of(&kind.observation_space());
    let (seed, total, given) = (specification.seed, specification.total_timesteps, &specification.hyperparameters);
    let checkpoint = Checkpoint::of_policy(specification, None, control);
    let (policy, training, hyperparameters) = match specification.algorithm {
        ReinforcementAlgorithm::Ppo => {
            let (settings, used) = PpoSettings::read(kind, given, total)?;
            let space = (&encoding, &plain_actions(kind));
            let (policy, training) = ppo::learn(kind, &settings, space, seed, checkpoint, control)?;
            (policy, training, used)
        }
        ReinforcementAlgorithm::A3c => {
            let (settings, used) = A3cSettings::read(kind, given, total)?;
            let space = (&encoding, &plain_actions(kind));
            let (policy, training) = a3c::learn(kind, &settings, space, seed, checkpoint, control)?;
            (policy, training, used)
        }
        ReinforcementAlgorithm::Dqn => {
            let (settings, used) = DqnSettings::read(kind, given, total)?;
            let actions = separate_actions(kind, settings.levels)?;
            let (policy, training) = dqn::learn(kind, &settings, (&encoding, &actions), seed, checkpoint, control)?;
            (policy, training, used)
        }
    };
    let learnt = Learnt { policy, training, hyperparameters, loss_curve: Vec::new(), notes: Vec::new() };
    Ok(model(specification, learnt, began))
}

/// Trains a policy from recorded trajectories, by `dqn`: columns `observation_0` …, `action`, `reward`, and `terminated` or `done`,
/// one row for each step, in the order in which they happened; `truncated`, `episode` and `next_observation_0` … may be there too.
/// An episode whose end is not in the rows, or that was truncated, gives one step less than it has rows, unless `next_observation_…` is there.
///
/// With an environment in the specification the policy is tried out there afterwards; it is not acted in before.
pub fn train_offline(
    trajectories: &Features,
    specification: &ReinforcementSpecification,
    control: &dyn Control,
) -> Result<Model, Error> {
    threads::own(|| learn_offline(trajectories, specification, control))
}

fn learn_offline(
    trajectories: &Features,
    specification: &ReinforcementSpecification,
    control: &dyn Control,
) -> Result<Model, Error> {
    let began = Instant::now();
    if specification.algorithm != ReinforcementAlgorithm::Dqn {
        return Err(Error::Specification {
            name: "algorithm",
            value: Algorithm::from(specification.algorithm).as_str().to_owned(),
            expected: "dqn: the others learn from what they try out themselves".to_owned(),
        });
    }
    let kind = environment(specification)?;
    let seed = specification.seed;
    let (settings, updates, hyperparameters) =
        ValueSettings::offline(&specification.hyperparameters, specification.total_timesteps)?;
    let checkpoint = Checkpoint::of_policy(specification, Some(trajectories), control);
    let trajectories = Trajectories::read(trajectories)?;
    let (policy, loss_curve) =
        offline::learn(&trajectories, kind, &settings, updates, seed, checkpoint.as_ref(), control)?;
    let report = kind.map(|kind| policy.evaluate(kind, 100, seed, control)).transpose()?;
    let left_out = trajectories.actions.len() - trajectories.rows.len();
    let notes = if left_out > 0 {
        vec![format!("{left_out} steps were left out: their episodes were cut off, and what came next is not known")]
    } else {
        Vec::new()
    };
    let training = ReinforcementTraining {
        environment: kind.map(|kind| kind.id().to_owned()),
        timesteps: trajectories.rows.len() as u64,
        episodes: trajectories.episodes as u64,
        solved_at: None,
        learning_curve: Vec::new(),
        report,
    };
    Ok(model(specification, Learnt { policy, training, hyperparameters, loss_curve, notes }, began))
}

/// Lets a model's policy act in an environment, by its name, for some episodes: see [`Policy::evaluate`]. A model that is no policy
/// is [`Error::Task`].
pub fn evaluate(
    model: &Model,
    environment: &str,
    episodes: usize,
    seed: u64,
    control: &dyn Control,
) -> Result<ReinforcementReport, Error> {
    let kind = EnvironmentKind::from_name(environment)?;
    match &model.estimator {
        Estimator::Policy(policy) => policy.evaluate(kind, episodes, seed, control),
        _ => Err(Error::Task { algorithm: model.algorithm(), task: Task::Reinforcement }),
    }
}

/// Checks a specification without training: every hyperparameter as it would be used, defaults included, or why not. `offline`
/// says whether there are trajectories to learn from.
pub fn check(specification: &ReinforcementSpecification, offline: bool) -> Result<Map<String, Value>, Error> {
    let kind = environment(specification)?;
    let (total, given) = (specification.total_timesteps, &specification.hyperparameters);
    if offline {
        return ValueSettings::offline(given, total).map(|(_, _, used)| used);
    }
    read(specification.algorithm.into(), kind.unwrap_or(EnvironmentKind::CartPole), given, total)
}

/// [`check`] for CartPole-v1, by the algorithm alone.
pub(crate) fn check_hyperparameters(
    algorithm: Algorithm,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    read(algorithm, EnvironmentKind::CartPole, given, None)
}

fn read(
    algorithm: Algorithm,
    kind: EnvironmentKind,
    given: &Map<String, Value>,
    total: Option<u64>,
) -> Result<Map<String, Value>, Error> {
    match algorithm {
        Algorithm::Ppo => PpoSettings::read(kind, given, total).map(|(_, used)| used),
        Algorithm::A3c => A3cSettings::read(kind, given, total).map(|(_, used)| used),
        Algorithm::Dqn => {
            let (settings, used) = DqnSettings::read(kind, given, total)?;
            separate_actions(kind, settings.levels).map(|_| used)
        }
        _ => Err(Error::Task { algorithm, task: Task::Reinforcement }),
    }
}

fn environment(specification: &ReinforcementSpecification) -> Result<Option<EnvironmentKind>, Error> {
    specification.environment.as_deref().map(EnvironmentKind::from_name).transpose()
}

/// The environment's actions as they are.
fn plain_actions(kind: EnvironmentKind) -> Actions {
    match kind.action_space() {
        ActionSpace::Discrete { actions } => Actions::Discrete { actions: actions as u32 },
        ActionSpace::Continuous { low, high } => Actions::Continuous { low, high },
    }
}

/// The environment's actions as separate ones: a continuous action in levels, where their number is given.
fn separate_actions(kind: EnvironmentKind, levels: Option<usize>) -> Result<Actions, Error> {
    match (kind.action_space(), levels) {
        (ActionSpace::Discrete { actions }, None) => Ok(Actions::Discrete { actions: actions as u32 }),
        (ActionSpace::Continuous { low, high }, Some(levels)) => {
            Ok(Actions::Levels { low, high, levels: levels as u32 })
        }
        (ActionSpace::Continuous { .. }, None) => Err(continuous(kind)),
        (ActionSpace::Discrete { actions }, Some(levels)) => Err(Error::HyperparameterValue {
            algorithm: Algorithm::Dqn,
            name: "action_bins".to_owned(),
            value: levels.to_string(),
            expected: format!("null: {} has {actions} separate actions already", kind.id()),
        }),
    }
}

/// The refusal of continuous actions.
fn continuous(kind: EnvironmentKind) -> Error {
    Error::ActionSpace {
        algorithm: Algorithm::Dqn,
        environment: kind.id(),
        found: "numbers of a range".to_owned(),
        expected: "separate actions",
        advice: "use ppo or a3c, or set `action_bins` to cut the range into levels",
    }
}

/// What a training came to.
struct Learnt {
    policy: Policy,
    training: ReinforcementTraining,
    hyperparameters: Map<String, Value>,
    loss_curve: Vec<LossPoint>,
    notes: Vec<String>,
}

fn model(specification: &ReinforcementSpecification, learnt: Learnt, began: Instant) -> Model {
    let algorithm = Algorithm::from(specification.algorithm);
    let classes = match learnt.policy.actions {
        Actions::Discrete { actions } => Some((0..actions).map(|action| action.to_string()).collect()),
        Actions::Levels { .. } | Actions::Continuous { .. } => None,
    };
    let features = (0..learnt.policy.observation_size())
        .map(|position| FeatureSignature {
            name: format!("observation_{position}"),
            feature_type: FeatureType::Number,
            nullable: false,
        })
        .collect();
    let metadata = ModelMetadata {
        format_version: MODEL_FORMAT_VERSION,
        name: specification.training_job_name.clone().unwrap_or_else(|| algorithm.as_str().to_owned()),
        algorithm,
        task: Task::Reinforcement,
        signature: ModelSignature { features, target: Some("action".to_owned()), classes },
        hyperparameters: learnt.hyperparameters,
        seed: specification.seed,
        training_metrics: HeadlineMetrics::default(),
        validation_metrics: None,
        feature_importances: Vec::new(),
        training_rows: learnt.training.timesteps,
        validation_rows: 0,
        training_data: None,
        server_version: None,
        training_seconds: Some(began.elapsed().as_secs_f64()),
        loss_curve: learnt.loss_curve,
        reinforcement: Some(learnt.training),
        notes: learnt.notes,
    };
    Model { metadata, estimator: Estimator::Policy(learnt.policy), preprocessing: None, training_output: None }
}
