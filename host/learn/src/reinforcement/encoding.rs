//! How a network sees observations.

use serde::{Deserialize, Serialize};

use super::environments::ObservationSpace;

/// Standardised inputs lie within ± this: what lies further out says no more than that it is far out.
const LARGEST_INPUT: f32 = 10.0;
/// States that a one-hot encoding has at most: more is no model of ours, and a network for it would fill gigabytes.
pub(super) const MOST_STATES: usize = 1 << 20;

/// From observations to a network's inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoding {
    /// One number that names a state: as many inputs as states, one of them 1. A number that names none gives zeros.
    OneHot {
        /// How many states there are.
        states: u32,
    },
    /// (value − offset) × factor, clipped to ±10.
    Scaled {
        /// One for each number of an observation.
        offsets: Vec<f32>,
        /// One for each number of an observation.
        factors: Vec<f32>,
    },
}

impl Encoding {
    /// The encoding for an environment: numbers between finite bounds go to −1 … 1, the others stay as they are.
    pub(super) fn of(space: &ObservationSpace) -> Self {
        match space {
            ObservationSpace::Discrete { states } => Self::OneHot { states: *states as u32 },
            ObservationSpace::Box { low, high } => {
                let (offsets, factors) = (low.iter().zip(high))
                    .map(|(low, high)| {
                        let half = (high - low) / 2.0;
                        if half.is_finite() { (low + half, half.recip()) } else { (0.0, 1.0) }
                    })
                    .unzip();
                Self::Scaled { offsets, factors }
            }
        }
    }

    /// The encoding that gives columns mean 0 and deviation 1.
    pub(super) fn standardising(columns: &[&[f32]]) -> Self {
        let (offsets, factors) = columns
            .iter()
            .map(|column| {
                let count = column.len().max(1) as f64;
                let mean = column.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
                let square = column.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
                let factor = square.sqrt().recip() as f32;
                (mean as f32, if factor.is_finite() { factor } else { 1.0 })
            })
            .unzip();
        Self::Scaled { offsets, factors }
    }

    /// Numbers in an observation.
    pub(super) fn observation_size(&self) -> usize {
        match self {
            Self::OneHot { .. } => 1,
            Self::Scaled { offsets, .. } => offsets.len(),
        }
    }

    /// Inputs of the network.
    pub(super) fn inputs(&self) -> usize {
        match self {
            Self::OneHot { states } => *states as usize,
            Self::Scaled { offsets, .. } => offsets.len(),
        }
    }

    /// Adds the inputs for an observation to `into`.
    pub(super) fn encode(&self, observation: impl IntoIterator<Item = f32>, into: &mut Vec<f32>) {
        match self {
            Self::OneHot { states } => {
                let start = into.len();
                into.resize(start + *states as usize, 0.0);
                let state = observation.into_iter().next().unwrap_or(-1.0);
                if state.fract() == 0.0
                    && state >= 0.0
                    && let Some(input) = into.get_mut(start..).and_then(|inputs| inputs.get_mut(state as usize))
                {
                    *input = 1.0;
                }
            }
            Self::Scaled { offsets, factors } => {
                into.extend(
                    observation.into_iter().zip(offsets.iter().zip(factors)).map(|(value, (offset, factor))| {
                        ((value - offset) * factor).clamp(-LARGEST_INPUT, LARGEST_INPUT)
                    }),
                );
            }
        }
    }

    /// Whether an encoding read from a file can be used.
    pub(super) fn check(&self) -> Result<(), String> {
        let sound = match self {
            Self::OneHot { states } => (1..=MOST_STATES).contains(&(*states as usize)),
            Self::Scaled { offsets, factors } => {
                offsets.len() == factors.len()
                    && !offsets.is_empty()
                    && offsets.iter().chain(factors).all(|number| number.is_finite())
            }
        };
        if sound { Ok(()) } else { Err("the policy's encoding of observations cannot be used".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::environments::EnvironmentKind;
    use super::*;

    #[test]
    fn bounded_numbers_fill_minus_one_to_one_and_states_are_told_apart() {
        let encode = |kind: EnvironmentKind, observation: &[f32]| {
            let mut inputs = Vec::new();
            Encoding::of(&kind.observation_space()).encode(observation.iter().copied(), &mut inputs);
            inputs
        };
        let car = encode(EnvironmentKind::MountainCar, &[0.6, -0.07]);
        assert!((car[0] - 1.0).abs() < 1e-6 && (car[1] + 1.0).abs() < 1e-6, "{car:?}");
        assert_eq!(encode(EnvironmentKind::CartPole, &[4.8, 2.5, 0.0, 99.0]), [1.0, 2.5, 0.0, 10.0]);
        let cell = encode(EnvironmentKind::GridWorld, &[7.0]);
        assert!(cell.len() == 25 && cell[7] == 1.0 && cell.iter().sum::<f32>() == 1.0);
        for nowhere in [25.0, -1.0, 0.5, f32::NAN] {
            assert_eq!(encode(EnvironmentKind::GridWorld, &[nowhere]), [0.0; 25]);
        }
    }

    #[test]
    fn standardised_columns_have_mean_zero_and_deviation_one_and_constant_ones_do_no_harm() {
        let columns: [&[f32]; 2] = [&[1.0, 3.0, 5.0, 7.0], &[4.0; 4]];
        let encoding = Encoding::standardising(&columns);
        let mut inputs = Vec::new();
        for row in 0..4 {
            encoding.encode(columns.iter().map(|column| column[row]), &mut inputs);
        }
        let first: Vec<f32> = inputs.iter().step_by(2).copied().collect();
        assert!(first.iter().sum::<f32>().abs() < 1e-5);
        assert!((first.iter().map(|value| value * value).sum::<f32>() - 4.0).abs() < 1e-5);
        assert!(inputs.iter().skip(1).step_by(2).all(|value| *value == 0.0));
    }
}
