//! An environment that starts over by itself, with what one copy of it needs during a training.

use std::ops::Range;

use serde::{Deserialize, Serialize, Serializer};

use crate::error::Error;
use crate::random::Random;

use super::encoding::Encoding;
use super::environments::{Action, Environment, EnvironmentKind};
use super::monitor::streams;

/// One copy of an environment.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Kept")]
pub(super) struct Running {
    environment: Box<dyn Environment>,
    /// Draws start states.
    starts: Random,
    observation: Vec<f32>,
    reward: f64,
    length: u64,
}

/// What is kept of a copy: what it sees follows from its state.
#[derive(Serialize, Deserialize)]
struct Kept {
    environment: String,
    state: Vec<f64>,
    starts: Random,
    reward: f64,
    length: u64,
}

impl Serialize for Running {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { environment, starts, reward, length, .. } = self;
        Kept {
            environment: environment.kind().id().to_owned(),
            state: environment.state(),
            starts: starts.clone(),
            reward: *reward,
            length: *length,
        }
        .serialize(serializer)
    }
}

impl TryFrom<Kept> for Running {
    type Error = Error;

    fn try_from(kept: Kept) -> Result<Self, Error> {
        let Kept { environment, state, starts, reward, length } = kept;
        if !reward.is_finite() {
            return Err(Error::Numerical { what: "the rewards of an episode do not add up to a number".to_owned() });
        }
        let mut environment = EnvironmentKind::from_name(&environment)?.make();
        let observation = environment.resume(&state, u32::try_from(length).unwrap_or(u32::MAX))?;
        Ok(Self { environment, starts, observation, reward, length })
    }
}

/// What came of an action.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) reward: f64,
    /// What is seen after it, in the episode it belongs to.
    pub(super) observation: Vec<f32>,
    pub(super) terminated: bool,
    /// The return and the length of the episode, where it has ended.
    pub(super) ended: Option<(f64, u64)>,
}

impl Running {
    /// Copy number `position` of an environment.
    pub(super) fn new(kind: EnvironmentKind, seed: u64, position: usize) -> Self {
        let mut environment = kind.make();
        let mut starts = Random::new(seed, streams::ENVIRONMENTS + 2 * position as u64);
        let observation = environment.reset(starts.bits());
        Self { environment, starts, observation, reward: 0.0, length: 0 }
    }

    /// Whether a copy read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        self.environment.kind() == begun.environment.kind()
    }

    /// The stream from which actions in copy number `position` are drawn.
    pub(super) fn random(seed: u64, position: usize) -> Random {
        Random::new(seed, streams::ENVIRONMENTS + 2 * position as u64 + 1)
    }

    pub(super) fn observation(&self) -> &[f32] {
        &self.observation
    }

    /// Adds the network's inputs for what is seen.
    pub(super) fn encode(&self, encoding: &Encoding, into: &mut Vec<f32>) {
        encoding.encode(self.observation.iter().copied(), into);
    }

    /// Acts, and begins the next episode where this one ends.
    pub(super) fn step(&mut self, action: Action) -> Result<Outcome, Error> {
        let step = self.environment.step(action)?;
        self.reward += step.reward;
        self.length += 1;
        let over = step.terminated || step.truncated;
        let ended = over.then_some((self.reward, self.length));
        if over {
            self.observation = self.environment.reset(self.starts.bits());
            (self.reward, self.length) = (0.0, 0);
        } else {
            self.observation.clone_from(&step.observation);
        }
        Ok(Outcome { reward: step.reward, observation: step.observation, terminated: step.terminated, ended })
    }
}

/// Copies of an environment side by side, each with the stream that its actions are drawn from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Copies {
    pub(super) running: Vec<Running>,
    pub(super) randoms: Vec<Random>,
}

impl Copies {
    /// The copies of these numbers.
    pub(super) fn new(kind: EnvironmentKind, seed: u64, positions: Range<usize>) -> Self {
        Self {
            running: positions.clone().map(|position| Running::new(kind, seed, position)).collect(),
            randoms: positions.map(|position| Running::random(seed, position)).collect(),
        }
    }

    /// Whether copies read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        self.running.len() == begun.running.len()
            && self.randoms.len() == begun.randoms.len()
            && self.running.iter().zip(&begun.running).all(|(own, begun)| own.can_follow(begun))
    }
}
