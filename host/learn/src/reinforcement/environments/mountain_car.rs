//! MountainCar-v0 of gymnasium: a car too weak for the hill has to take a run-up, after Moore (1990).
//!
//! State and observation: position (−1.2 to 0.6) and velocity (±0.07 a step). Actions: 0 accelerates to the left, 1 not at all, 2 to
//! the right. Velocity changes by 0.001 × (action − 1) − 0.0025 cos(3 × position), then position by velocity; both are clipped,
//! and the left wall takes all velocity. Every step is worth −1. The episode terminates at position 0.5 with a
//! velocity of zero or more, and is truncated after 200 steps. Start: position uniform in −0.6 to −0.4, at rest.

use super::{Action, Environment, EnvironmentKind, ObservationSpace, Step, discrete, finite_state, going_on, uniform};
use crate::error::Error;
use crate::random::Random;

const LEAST_POSITION: f64 = -1.2;
const MOST_POSITION: f64 = 0.6;
const MOST_SPEED: f64 = 0.07;
const GOAL: f64 = 0.5;
const FORCE: f64 = 0.001;
const GRAVITY: f64 = 0.0025;
const MOST_STEPS: u32 = 200;

/// A car in a valley.
#[derive(Clone, Debug, Default)]
pub struct MountainCar {
    state: [f64; 2],
    steps: u32,
}

pub(super) fn observation_space() -> ObservationSpace {
    ObservationSpace::Box {
        low: vec![LEAST_POSITION as f32, -MOST_SPEED as f32],
        high: vec![MOST_POSITION as f32, MOST_SPEED as f32],
    }
}

impl MountainCar {
    fn observation(&self) -> Vec<f32> {
        self.state.iter().map(|value| *value as f32).collect()
    }
}

impl Environment for MountainCar {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::MountainCar
    }

    fn reset(&mut self, seed: u64) -> Vec<f32> {
        self.state = [uniform(&mut Random::new(seed, 0), -0.6, -0.4), 0.0];
        self.steps = 0;
        self.observation()
    }

    fn resume(&mut self, state: &[f64], steps: u32) -> Result<Vec<f32>, Error> {
        let steps = going_on(self.kind(), steps, MOST_STEPS)?;
        (self.state, self.steps) = (finite_state(self.kind(), state)?, steps);
        Ok(self.observation())
    }

    fn step(&mut self, action: Action) -> Result<Step, Error> {
        let direction = discrete(self.kind(), action, 3)? as f64 - 1.0;
        let [position, velocity] = self.state;
        let velocity = velocity + (direction * FORCE + (3.0 * position).cos() * (-GRAVITY));
        let velocity = velocity.clamp(-MOST_SPEED, MOST_SPEED);
        let position = (position + velocity).clamp(LEAST_POSITION, MOST_POSITION);
        let at_wall = position == LEAST_POSITION && velocity < 0.0;
        self.state = [position, if at_wall { 0.0 } else { velocity }];
        self.steps += 1;
        Ok(Step {
            observation: self.observation(),
            reward: -1.0,
            terminated: self.succeeded(),
            truncated: self.steps >= MOST_STEPS,
        })
    }

    fn state(&self) -> Vec<f64> {
        self.state.to_vec()
    }

    fn succeeded(&self) -> bool {
        let [position, velocity] = self.state;
        position >= GOAL && velocity >= 0.0
    }
}
