//! CartPole-v1 of gymnasium: a pole hinged on a cart, after Barto, Sutton and Anderson (1983).
//!
//! State and observation: position of the cart (m), its velocity (m/s), angle of the pole from upright (rad), its angular velocity
//! (rad/s). Actions: 0 pushes left with 10 N, 1 pushes right. Each step is 0.02 s by Euler's method, positions by the velocities
//! before the step. Every step is worth 1. The episode terminates where the cart leaves ±2.4 m or the pole ±12°, and
//! is truncated after 500 steps. Start: each of the four uniform in ±0.05.

use super::{Action, Environment, EnvironmentKind, ObservationSpace, Step, discrete, finite_state, going_on, uniform};
use crate::error::Error;
use crate::random::Random;

const GRAVITY: f64 = 9.8;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = 0.1 + 1.0;
/// Half the pole's length in metres.
const LENGTH: f64 = 0.5;
const POLE_MASS_LENGTH: f64 = POLE_MASS * LENGTH;
const FORCE: f64 = 10.0;
const SECONDS: f64 = 0.02;
const ANGLE_LIMIT: f64 = 12.0 * 2.0 * std::f64::consts::PI / 360.0;
const POSITION_LIMIT: f64 = 2.4;
const MOST_STEPS: u32 = 500;
const START: f64 = 0.05;

/// A pole on a cart.
#[derive(Clone, Debug, Default)]
pub struct CartPole {
    state: [f64; 4],
    steps: u32,
}

pub(super) fn observation_space() -> ObservationSpace {
    let high = vec![(2.0 * POSITION_LIMIT) as f32, f32::INFINITY, (2.0 * ANGLE_LIMIT) as f32, f32::INFINITY];
    ObservationSpace::Box { low: high.iter().map(|bound| -bound).collect(), high }
}

impl CartPole {
    fn observation(&self) -> Vec<f32> {
        self.state.iter().map(|value| *value as f32).collect()
    }

    fn fallen(&self) -> bool {
        let [position, _, angle, _] = self.state;
        position.abs() > POSITION_LIMIT || angle.abs() > ANGLE_LIMIT
    }
}

impl Environment for CartPole {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::CartPole
    }

    fn reset(&mut self, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed, 0);
        self.state = [(); 4].map(|()| uniform(&mut random, -START, START));
        self.steps = 0;
        self.observation()
    }

    fn resume(&mut self, state: &[f64], steps: u32) -> Result<Vec<f32>, Error> {
        let steps = going_on(self.kind(), steps, MOST_STEPS)?;
        (self.state, self.steps) = (finite_state(self.kind(), state)?, steps);
        Ok(self.observation())
    }

    fn step(&mut self, action: Action) -> Result<Step, Error> {
        let force = if discrete(self.kind(), action, 2)? == 1 { FORCE } else { -FORCE };
        let [position, velocity, angle, angular_velocity] = self.state;
        let (sine, cosine) = (angle.sin(), angle.cos());
        let push = (force + POLE_MASS_LENGTH * (angular_velocity * angular_velocity) * sine) / TOTAL_MASS;
        let angular_acceleration =
            (GRAVITY * sine - cosine * push) / (LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / TOTAL_MASS));
        let acceleration = push - POLE_MASS_LENGTH * angular_acceleration * cosine / TOTAL_MASS;
        self.state = [
            position + SECONDS * velocity,
            velocity + SECONDS * acceleration,
            angle + SECONDS * angular_velocity,
            angular_velocity + SECONDS * angular_acceleration,
        ];
        self.steps += 1;
        Ok(Step {
            observation: self.observation(),
            reward: 1.0,
            terminated: self.fallen(),
            truncated: self.steps >= MOST_STEPS,
        })
    }

    fn state(&self) -> Vec<f64> {
        self.state.to_vec()
    }

    fn succeeded(&self) -> bool {
        self.steps >= MOST_STEPS && !self.fallen()
    }
}
