//! Hyperparameters by the names of Stable-Baselines3, with defaults that suit the environment.
//!
//! The defaults for an environment are in one table for each algorithm, below. With them CartPole-v1 and GridWorld are solved by
//! all three, MountainCar-v0 by `dqn` (`ppo` and `a3c` seldom meet the flag by chance, and do not learn it), Pendulum-v1 is
//! learnt by `ppo`, and by `dqn` with 5 levels of torque.
//!
//! Hyperparameters that Stable-Baselines3 does not have:
//!
//! - `net_arch`: the widths of the hidden layers, of each network; `activation_fn`: `tanh` or `relu`.
//! - `learning_rate_schedule`: `constant`, or `linear`, which falls to 0 over `total_timesteps`.
//! - `stop_at_mean_reward`: the training ends once the greedy policy reaches this mean return (`monitor.rs` has the rule); by
//!   default the environment's threshold, null for never. `eval_freq` and `n_eval_episodes`: how often, in time steps, and by
//!   how many episodes it is tried.
//! - `double_q` (`dqn`): the online network chooses the next action, the target network values it (van Hasselt and others, 2016).
//! - `action_bins` (`dqn`): cuts a continuous action into so many evenly spread levels.
//! - `cql_alpha` (`dqn` from trajectories): the weight of the conservative term; 0 is plain Q-learning. What it holds down
//!   is measured in units of return: choose it well below the difference in return that matters.

use kumiko_vocabulary::learning::Algorithm;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::hyperparameters::{Hyperparameters, as_whole};
use crate::neural::activation::Activation;

use super::environments::EnvironmentKind;

/// Hidden layers at most.
const MOST_LAYERS: usize = 8;
/// Neurons in a layer at most.
const MOST_WIDTH: usize = 4_096;
/// Steps, rows and updates of one kind at most, so that products of them fit.
const MOST: usize = 100_000_000;
/// Environments side by side at most.
const MOST_ENVIRONMENTS: usize = 1_024;
/// Levels of a continuous action at most.
const MOST_LEVELS: usize = 1_001;

/// What every algorithm has.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) rate: f32,
    pub(super) linear: bool,
    pub(super) gamma: f32,
    pub(super) layers: Vec<usize>,
    pub(super) activation: Activation,
    pub(super) largest_norm: f32,
}

impl Common {
    /// The learning rate where this share, 0 to 1, of the training is over.
    pub(super) fn rate_at(&self, share: f64) -> f32 {
        if self.linear { self.rate * (1.0 - share).max(0.0) as f32 } else { self.rate }
    }
}

/// When the policy is tried, and when it is good enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trying {
    pub(super) every: u64,
    pub(super) episodes: usize,
    pub(super) stop_at: Option<f64>,
}

/// What `ppo` and `a3c` share.
#[derive(Clone, Debug)]
pub(super) struct Gathering {
    pub(super) environments: usize,
    pub(super) steps: usize,
    pub(super) lambda: f32,
    pub(super) entropy: f32,
    pub(super) value: f32,
    pub(super) log_deviation: f32,
}

#[derive(Clone, Debug)]
pub(super) struct PpoSettings {
    pub(super) common: Common,
    pub(super) trying: Trying,
    pub(super) gathering: Gathering,
    pub(super) batch: usize,
    pub(super) epochs: usize,
    pub(super) clip: f32,
    pub(super) normalise: bool,
    pub(super) timesteps: u64,
}

#[derive(Clone, Debug)]
pub(super) struct A3cSettings {
    pub(super) common: Common,
    pub(super) trying: Trying,
    pub(super) gathering: Gathering,
    pub(super) normalise: bool,
    pub(super) timesteps: u64,
}

/// What learning action values takes, with an environment and without.
#[derive(Clone, Debug)]
pub(super) struct ValueSettings {
    pub(super) common: Common,
    pub(super) batch: usize,
    pub(super) tau: f32,
    pub(super) target_interval: usize,
    pub(super) double: bool,
    pub(super) conservatism: f32,
}

#[derive(Clone, Debug)]
pub(super) struct DqnSettings {
    pub(super) values: ValueSettings,
    pub(super) trying: Trying,
    pub(super) buffer: usize,
    pub(super) learning_starts: usize,
    pub(super) train_frequency: usize,
    pub(super) gradient_steps: usize,
    pub(super) exploration_share: f64,
    pub(super) first_epsilon: f64,
    pub(super) last_epsilon: f64,
    pub(super) levels: Option<usize>,
    pub(super) timesteps: u64,
}

/// The defaults of the common hyperparameters.
struct CommonDefaults {
    rate: f64,
    schedule: &'static str,
    gamma: f64,
    layers: &'static [usize],
    activation: &'static str,
    largest_norm: f64,
}

const COMMON: [&str; 6] =
    ["learning_rate", "learning_rate_schedule", "gamma", "net_arch", "activation_fn", "max_grad_norm"];
const TRYING: [&str; 3] = ["stop_at_mean_reward", "eval_freq", "n_eval_episodes"];
const GATHERING: [&str; 7] =
    ["n_envs", "n_steps", "gae_lambda", "ent_coef", "vf_coef", "log_std_init", "normalize_advantage"];
const VALUES: [&str; 4] = ["batch_size", "tau", "target_update_interval", "double_q"];
const FROM_ZERO: &str = "a number of zero or more";
const ABOVE_ZERO: &str = "a number above 0";
const SHARE: &str = "a number from 0 to 1";

fn is_share(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

fn common(reader: &mut Hyperparameters<'_>, defaults: &CommonDefaults) -> Result<Common, Error> {
    let rate = reader.number(
        "learning_rate",
        defaults.rate,
        |rate| rate > 0.0 && rate <= 1.0,
        "a number above 0 and up to 1",
    )?;
    let linear = reader.own(
        "learning_rate_schedule",
        Value::from(defaults.schedule),
        |value| match value.as_str() {
            Some("constant") => Some(false),
            Some("linear") => Some(true),
            _ => None,
        },
        "\"constant\" or \"linear\"",
    )?;
    let gamma = reader.number("gamma", defaults.gamma, is_share, SHARE)?;
    let layers = reader.own(
        "net_arch",
        json!(defaults.layers),
        |value| {
            let widths = value.as_array()?.iter().map(as_whole).collect::<Option<Vec<usize>>>()?;
            let sound = widths.len() <= MOST_LAYERS && widths.iter().all(|width| (1..=MOST_WIDTH).contains(width));
            sound.then_some(widths)
        },
        "a list of up to 8 whole numbers from 1 to 4096",
    )?;
    let activation = reader.own(
        "activation_fn",
        Value::from(defaults.activation),
        |value| match value.as_str() {
            Some("tanh") => Some(Activation::Tanh),
            Some("relu") => Some(Activation::Relu),
            _ => None,
        },
        "\"tanh\" or \"relu\"",
    )?;
    let largest_norm = reader.number("max_grad_norm", defaults.largest_norm, |norm| norm > 0.0, ABOVE_ZERO)?;
    Ok(Common { rate: rate as f32, linear, gamma: gamma as f32, layers, activation, largest_norm: largest_norm as f32 })
}

fn trying(reader: &mut Hyperparameters<'_>, kind: EnvironmentKind, every: usize) -> Result<Trying, Error> {
    let threshold = kind.threshold().map_or(Value::Null, Value::from);
    let stop_at = reader.own(
        "stop_at_mean_reward",
        threshold,
        |value| if value.is_null() { Some(None) } else { value.as_f64().filter(|number| number.is_finite()).map(Some) },
        "a finite number, or null for never",
    )?;
    let every = reader.whole("eval_freq", every, 1..=MOST)? as u64;
    let episodes = reader.whole("n_eval_episodes", 20, 1..=super::evaluation::MOST_EPISODES)?;
    Ok(Trying { every, episodes, stop_at })
}

fn timesteps(given: Option<u64>, default: u64) -> Result<u64, Error> {
    match given {
        None => Ok(default),
        Some(steps) if (1..=MOST as u64 * 100).contains(&steps) => Ok(steps),
        Some(steps) => Err(Error::Specification {
            name: "total_timesteps",
            value: steps.to_string(),
            expected: format!("a whole number from 1 to {}", MOST as u64 * 100),
        }),
    }
}

fn gathering(reader: &mut Hyperparameters<'_>, defaults: [f64; 5]) -> Result<Gathering, Error> {
    let [environments, steps, lambda, entropy, value] = defaults;
    Ok(Gathering {
        environments: reader.whole("n_envs", environments as usize, 1..=MOST_ENVIRONMENTS)?,
        steps: reader.whole("n_steps", steps as usize, 1..=1_000_000)?,
        lambda: reader.number("gae_lambda", lambda, is_share, SHARE)? as f32,
        entropy: reader.number("ent_coef", entropy, |number| number >= 0.0, FROM_ZERO)? as f32,
        value: reader.number("vf_coef", value, |number| number >= 0.0, FROM_ZERO)? as f32,
        log_deviation: reader.number("log_std_init", 0.0, |number| number.abs() <= 10.0, "a number from -10 to 10")?
            as f32,
    })
}

impl PpoSettings {
    pub(super) fn read(
        kind: EnvironmentKind,
        given: &Map<String, Value>,
        total: Option<u64>,
    ) -> Result<(Self, Map<String, Value>), Error> {
        let known: Vec<&str> = [&COMMON[..], &TRYING, &GATHERING, &["batch_size", "n_epochs", "clip_range"]].concat();
        let mut reader = Hyperparameters::new(Algorithm::Ppo, given, &known)?;
        // Learning rate, schedule, gamma; environments, steps, lambda, entropy, value; batch, epochs; time steps.
        let (rate, schedule, gamma, gather, batch, epochs, steps) = match kind {
            EnvironmentKind::CartPole => (1e-3, "linear", 0.98, [8.0, 32.0, 0.8, 0.0, 0.5], 256, 20, 200_000),
            EnvironmentKind::MountainCar => (3e-4, "constant", 0.99, [16.0, 16.0, 0.98, 0.0, 0.5], 64, 4, 1_000_000),
            EnvironmentKind::Pendulum => (1e-3, "constant", 0.9, [4.0, 1024.0, 0.95, 0.0, 0.5], 64, 10, 200_000),
            EnvironmentKind::GridWorld => (3e-3, "constant", 0.99, [8.0, 32.0, 0.95, 0.01, 0.5], 64, 8, 50_000),
        };
        let defaults =
            CommonDefaults { rate, schedule, gamma, layers: &[64, 64], activation: "tanh", largest_norm: 0.5 };
        let common = common(&mut reader, &defaults)?;
        let trying = trying(&mut reader, kind, (steps / 50) as usize)?;
        let gathering = gathering(&mut reader, gather)?;
        let rows = gathering.environments * gathering.steps;
        let batch = reader.whole("batch_size", batch.min(rows), 1..=MOST)?;
        if batch > rows {
            return Err(reader.refuse("batch_size", format!("at most n_envs × n_steps, which is {rows}")));
        }
        let settings = Self {
            common,
            trying,
            gathering,
            batch,
            epochs: reader.whole("n_epochs", epochs, 1..=1_000)?,
            clip: reader.number("clip_range", 0.2, |clip| clip > 0.0, ABOVE_ZERO)? as f32,
            normalise: reader.flag("normalize_advantage", true)?,
            timesteps: timesteps(total, steps)?,
        };
        Ok((settings, reader.used()))
    }
}

impl A3cSettings {
    pub(super) fn read(
        kind: EnvironmentKind,
        given: &Map<String, Value>,
        total: Option<u64>,
    ) -> Result<(Self, Map<String, Value>), Error> {
        let known: Vec<&str> = [&COMMON[..], &TRYING, &GATHERING].concat();
        let mut reader = Hyperparameters::new(Algorithm::A3c, given, &known)?;
        let (rate, schedule, gamma, gather, steps) = match kind {
            EnvironmentKind::CartPole => (5e-4, "linear", 0.99, [8.0, 16.0, 0.95, 0.0, 0.5], 500_000),
            EnvironmentKind::MountainCar => (7e-4, "linear", 0.99, [16.0, 16.0, 1.0, 0.01, 0.5], 1_000_000),
            EnvironmentKind::Pendulum => (7e-4, "linear", 0.9, [8.0, 32.0, 0.9, 0.0, 0.5], 1_000_000),
            EnvironmentKind::GridWorld => (3e-3, "constant", 0.99, [8.0, 16.0, 0.95, 0.01, 0.5], 100_000),
        };
        let defaults =
            CommonDefaults { rate, schedule, gamma, layers: &[64, 64], activation: "tanh", largest_norm: 0.5 };
        let settings = Self {
            common: common(&mut reader, &defaults)?,
            trying: trying(&mut reader, kind, (steps / 100) as usize)?,
            gathering: gathering(&mut reader, gather)?,
            normalise: reader.flag("normalize_advantage", false)?,
            timesteps: timesteps(total, steps)?,
        };
        Ok((settings, reader.used()))
    }
}

fn values(
    reader: &mut Hyperparameters<'_>,
    defaults: &CommonDefaults,
    batch: usize,
    target_interval: usize,
) -> Result<ValueSettings, Error> {
    Ok(ValueSettings {
        common: common(reader, defaults)?,
        batch: reader.whole("batch_size", batch, 1..=1_000_000)?,
        tau: reader.number("tau", 1.0, |tau| tau > 0.0 && tau <= 1.0, "a number above 0 and up to 1")? as f32,
        target_interval: reader.whole("target_update_interval", target_interval, 1..=MOST)?,
        double: reader.flag("double_q", true)?,
        conservatism: 0.0,
    })
}

/// The defaults of `dqn` for an environment.
struct DqnDefaults {
    common: CommonDefaults,
    batch: usize,
    target_interval: usize,
    buffer: usize,
    learning_starts: usize,
    train_frequency: usize,
    gradient_steps: usize,
    exploration_share: f64,
    last_epsilon: f64,
    timesteps: u64,
}

impl DqnDefaults {
    fn of(kind: EnvironmentKind) -> Self {
        let common = |rate: f64, gamma: f64, layers: &'static [usize]| CommonDefaults {
            rate,
            gamma,
            layers,
            schedule: "constant",
            activation: "relu",
            largest_norm: 10.0,
        };
        let cart_pole = Self {
            common: common(2.3e-3, 0.99, &[64, 64]),
            batch: 64,
            target_interval: 10,
            buffer: 50_000,
            learning_starts: 1_000,
            train_frequency: 64,
            gradient_steps: 32,
            exploration_share: 0.16,
            last_epsilon: 0.04,
            timesteps: 100_000,
        };
        match kind {
            EnvironmentKind::CartPole => cart_pole,
            EnvironmentKind::MountainCar => Self {
                common: common(4e-3, 0.98, &[64, 64]),
                target_interval: 600,
                train_frequency: 16,
                gradient_steps: 8,
                buffer: 10_000,
                exploration_share: 0.2,
                last_epsilon: 0.07,
                timesteps: 200_000,
                ..cart_pole
            },
            EnvironmentKind::Pendulum => Self {
                common: common(1e-3, 0.98, &[64, 64]),
                target_interval: 500,
                train_frequency: 1,
                gradient_steps: 1,
                exploration_share: 0.2,
                last_epsilon: 0.05,
                timesteps: 50_000,
                ..cart_pole
            },
            EnvironmentKind::GridWorld => Self {
                common: common(2e-3, 0.99, &[64]),
                batch: 32,
                target_interval: 100,
                buffer: 10_000,
                learning_starts: 200,
                train_frequency: 1,
                gradient_steps: 1,
                exploration_share: 0.3,
                last_epsilon: 0.05,
                timesteps: 20_000,
            },
        }
    }
}

impl DqnSettings {
    pub(super) fn read(
        kind: EnvironmentKind,
        given: &Map<String, Value>,
        total: Option<u64>,
    ) -> Result<(Self, Map<String, Value>), Error> {
        let own = [
            "buffer_size",
            "learning_starts",
            "train_freq",
            "gradient_steps",
            "exploration_fraction",
            "exploration_initial_eps",
            "exploration_final_eps",
            "action_bins",
        ];
        let known: Vec<&str> = [&COMMON[..], &TRYING, &VALUES, &own].concat();
        let mut reader = Hyperparameters::new(Algorithm::Dqn, given, &known)?;
        let defaults = DqnDefaults::of(kind);
        let values = values(&mut reader, &defaults.common, defaults.batch, defaults.target_interval)?;
        let trying = trying(&mut reader, kind, (defaults.timesteps / 100) as usize)?;
        let settings = Self {
            values,
            trying,
            buffer: reader.whole("buffer_size", defaults.buffer, 1..=10_000_000)?,
            learning_starts: reader.whole("learning_starts", defaults.learning_starts, 0..=MOST)?,
            train_frequency: reader.whole("train_freq", defaults.train_frequency, 1..=MOST)?,
            gradient_steps: reader.whole("gradient_steps", defaults.gradient_steps, 1..=MOST)?,
            exploration_share: reader.number("exploration_fraction", defaults.exploration_share, is_share, SHARE)?,
            first_epsilon: reader.number("exploration_initial_eps", 1.0, is_share, SHARE)?,
            last_epsilon: reader.number("exploration_final_eps", defaults.last_epsilon, is_share, SHARE)?,
            levels: reader.optional_whole("action_bins", 2..=MOST_LEVELS)?,
            timesteps: timesteps(total, defaults.timesteps)?,
        };
        Ok((settings, reader.used()))
    }
}

impl ValueSettings {
    /// Learning from trajectories; also gives the number of updates.
    pub(super) fn offline(
        given: &Map<String, Value>,
        total: Option<u64>,
    ) -> Result<(Self, u64, Map<String, Value>), Error> {
        let known: Vec<&str> = [&COMMON[..], &VALUES, &["cql_alpha"]].concat();
        let mut reader = Hyperparameters::new(Algorithm::Dqn, given, &known)?;
        let defaults = CommonDefaults {
            rate: 5e-4,
            schedule: "constant",
            gamma: 0.99,
            layers: &[64, 64],
            activation: "relu",
            largest_norm: 10.0,
        };
        let mut settings = values(&mut reader, &defaults, 64, 500)?;
        settings.conservatism = reader.number("cql_alpha", 1.0, |number| number >= 0.0, FROM_ZERO)? as f32;
        let updates = timesteps(total, 20_000)?;
        Ok((settings, updates, reader.used()))
    }
}
