//! Learning to act: what is asked for, what a training came to, and how well a policy does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Algorithm, DEFAULT_SEED};

/// How a policy is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReinforcementAlgorithm {
    /// Proximal policy optimisation: several environments side by side, several passes over what they brought. Discrete and
    /// continuous actions.
    Ppo,
    /// Deep Q-learning from a buffer of past steps, or offline from recorded trajectories. Discrete actions; continuous ones in
    /// levels, with `action_bins`.
    Dqn,
    /// Advantage actor-critic with actors that work on parameters of their own age. Discrete and continuous actions.
    A3c,
}

impl From<ReinforcementAlgorithm> for Algorithm {
    fn from(algorithm: ReinforcementAlgorithm) -> Self {
        match algorithm {
            ReinforcementAlgorithm::Ppo => Self::Ppo,
            ReinforcementAlgorithm::Dqn => Self::Dqn,
            ReinforcementAlgorithm::A3c => Self::A3c,
        }
    }
}

/// What to learn, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinforcementSpecification {
    /// How the policy is learnt. From trajectories: `dqn`.
    pub algorithm: ReinforcementAlgorithm,
    /// Where: `CartPole-v1`, `MountainCar-v0`, `Pendulum-v1` or `GridWorld`. Needed unless trajectories are given; with
    /// trajectories it is where the policy is tried out after the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The algorithm's settings by the names of Stable-Baselines3: `learning_rate`, `gamma`, `n_steps`, `clip_range`,
    /// `buffer_size`, `exploration_fraction` …, and `stop_at_mean_reward`: the mean return from which the training ends early (default:
    /// the one from which the environment counts as solved; null for never). What is not given has a default that suits the
    /// environment. An unknown name is refused.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub hyperparameters: Map<String, Value>,
    /// Steps in the environment at most, all copies together; from trajectories: updates of the network. Without it as many as the
    /// algorithm commonly needs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_timesteps: Option<u64>,
    /// The seed of everything random. The same seed gives the same bytes.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The model's name. Without it the model is named after its algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_job_name: Option<String>,
}

impl ReinforcementSpecification {
    /// A specification with the defaults for everything else.
    pub fn new(algorithm: ReinforcementAlgorithm, environment: impl Into<String>) -> Self {
        Self {
            algorithm,
            environment: Some(environment.into()),
            hyperparameters: Map::new(),
            total_timesteps: None,
            seed: DEFAULT_SEED,
            training_job_name: None,
        }
    }

    /// The same specification with one hyperparameter set.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.hyperparameters.insert(name.into(), value.into());
        self
    }
}

/// How a training of a policy went: part of the model's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinforcementTraining {
    /// Where it was learnt, or tried out after learning from trajectories; absent where it was neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Steps taken in the environment, all copies together; from trajectories, the steps that were learnt from.
    pub timesteps: u64,
    /// Episodes that ended during the training; from trajectories, the episodes in them.
    pub episodes: u64,
    /// The time step at which the training ended early, because the policy had reached `stop_at_mean_reward`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved_at: Option<u64>,
    /// Returns of the episodes of the training, in order of time: they hold exploration, so the policy does better than they say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learning_curve: Vec<ReturnPoint>,
    /// The policy that came out, in 100 episodes that it has not seen. Absent without an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReinforcementReport>,
}

/// The episodes of one stretch of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnPoint {
    /// Steps taken in the environment when the stretch ended.
    pub timestep: u64,
    /// Episodes that ended in it: one at least.
    pub episodes: u64,
    /// Their mean return: the sum of rewards, not discounted.
    pub mean_reward: f64,
    /// Their mean number of steps.
    pub mean_length: f64,
}

/// How a policy does over whole episodes, acting greedily: no exploration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinforcementReport {
    /// Where.
    pub environment: String,
    /// How many episodes.
    pub episodes: u64,
    /// The seed of their start states.
    pub seed: u64,
    /// Mean return of an episode: the sum of its rewards, not discounted.
    pub mean_reward: f64,
    /// Standard deviation of the return, with n − 1; 0 for one episode.
    pub deviation: f64,
    /// Half the width of the 95 % confidence interval of the mean, by the normal approximation.
    pub margin: f64,
    /// The least return.
    pub minimum: f64,
    /// The median return.
    pub median: f64,
    /// The greatest return.
    pub maximum: f64,
    /// The share of episodes that were a success.
    pub success_rate: f64,
    /// What counts as success.
    pub success: String,
    /// Mean number of steps of an episode.
    pub mean_length: f64,
    /// The mean return from which the environment counts as solved, where there is such a figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Whether the mean return reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// The return of each episode, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<f64>,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}
