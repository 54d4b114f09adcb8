//! An environment that starts over by itself, with what one copy of it needs during a training.

use crate::error::Error;
use crate::random::Random;

use super::encoding::Encoding;
use super::environments::{Action, Environment, EnvironmentKind};
use super::monitor::streams;

/// One copy of an environment.
#[derive(Debug)]
pub(super) struct Running {
    environment: Box<dyn Environment>,
    /// Draws start states.
    starts: Random,
    observation: Vec<f32>,
    reward: f64,
    length: u64,
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
