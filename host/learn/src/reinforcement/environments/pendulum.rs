//! Pendulum-v1 of gymnasium: swing a pendulum up with a motor too weak to lift it, and hold it there.
//!
//! State: angle from upright (rad) and angular velocity (rad/s). Observation: cosine and sine of the angle, angular velocity. The
//! action is a torque, clipped to ±2 N m. A step is 0.05 s: velocity changes by (15 sin θ + 3 torque) × 0.05 and is clipped
//! to ±8, then the angle by the new velocity. A step is worth −(θ² + 0.1 ω² + 0.001 torque²) of the state before it, with θ
//! brought to −π … π. No episode terminates; it is truncated after 200 steps. Start: angle uniform in ±π, velocity in ±1.

use std::f64::consts::PI;

use super::{Action, Environment, EnvironmentKind, ObservationSpace, Step, finite_state, going_on, uniform};
use crate::error::Error;
use crate::random::Random;

/// The strongest torque in newton metres.
pub(super) const MAX_TORQUE: f32 = 2.0;
const MAX_SPEED: f64 = 8.0;
const SECONDS: f64 = 0.05;
const GRAVITY: f64 = 10.0;
const MOST_STEPS: u32 = 200;
/// Radians from upright that count as upright.
const UPRIGHT: f64 = 0.2;

/// A pendulum with a weak motor.
#[derive(Clone, Debug, Default)]
pub struct Pendulum {
    state: [f64; 2],
    steps: u32,
}

pub(super) fn observation_space() -> ObservationSpace {
    let high = vec![1.0, 1.0, MAX_SPEED as f32];
    ObservationSpace::Box { low: high.iter().map(|bound| -bound).collect(), high }
}

/// The angle between −π and π.
fn normalised(angle: f64) -> f64 {
    (angle + PI).rem_euclid(2.0 * PI) - PI
}

impl Pendulum {
    fn observation(&self) -> Vec<f32> {
        let [angle, velocity] = self.state;
        vec![angle.cos() as f32, angle.sin() as f32, velocity as f32]
    }
}

impl Environment for Pendulum {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Pendulum
    }

    fn reset(&mut self, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed, 0);
        self.state = [uniform(&mut random, -PI, PI), uniform(&mut random, -1.0, 1.0)];
        self.steps = 0;
        self.observation()
    }

    fn resume(&mut self, state: &[f64], steps: u32) -> Result<Vec<f32>, Error> {
        let steps = going_on(self.kind(), steps, MOST_STEPS)?;
        (self.state, self.steps) = (finite_state(self.kind(), state)?, steps);
        Ok(self.observation())
    }

    fn step(&mut self, action: Action) -> Result<Step, Error> {
        let torque = match action {
            Action::Continuous(torque) if !torque.is_nan() => torque.clamp(-MAX_TORQUE, MAX_TORQUE),
            _ => {
                return Err(Error::Action {
                    environment: self.kind().id(),
                    action: format!("{action:?}"),
                    expected: "a number from -2 to 2".to_owned(),
                });
            }
        };
        let [angle, velocity] = self.state;
        // gymnasium keeps the torque, its square and three times it in 32 bits.
        let cost = normalised(angle).powi(2) + 0.1 * (velocity * velocity) + f64::from(0.001_f32 * (torque * torque));
        let gain = 3.0 * GRAVITY / 2.0 * angle.sin() + f64::from(3.0 * torque);
        let velocity = (velocity + gain * SECONDS).clamp(-MAX_SPEED, MAX_SPEED);
        self.state = [angle + velocity * SECONDS, velocity];
        self.steps += 1;
        Ok(Step {
            observation: self.observation(),
            reward: -cost,
            terminated: false,
            truncated: self.steps >= MOST_STEPS,
        })
    }

    fn state(&self) -> Vec<f64> {
        self.state.to_vec()
    }

    fn succeeded(&self) -> bool {
        let [angle, _] = self.state;
        normalised(angle).abs() <= UPRIGHT
    }
}
