//! The way down: gradient descent with momentum and a gain for each coordinate, as van der Maaten (2014) and scikit-learn have it.
#![allow(clippy::indexing_slicing, reason = "every row has a point; entries are cut by their starts")]

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::LossPoint;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, are_finite, resumed};
use crate::error::Error;
use crate::packed;

use super::affinities::Affinities;
use super::repulsion::repulsion;
use super::settings::Settings;

/// Iterations in which attraction is exaggerated, so that clusters find themselves.
const EXPLORATION: usize = 250;
/// Iterations between two looks at the divergence.
const CHECK: usize = 50;
/// The learning rate is this at least, as in scikit-learn.
const LEAST_RATE: f64 = 50.0;
/// A gain is this at least.
const LEAST_GAIN: f32 = 0.01;
/// Entries of a row handled side by side.
const LANES: usize = 8;
/// Rows handed to a thread at least.
const ROWS_AT_ONCE: usize = 256;

/// Where the points end.
pub(super) struct Outcome<const D: usize> {
    pub(super) points: Vec<[f32; D]>,
    pub(super) divergence: f64,
    pub(super) curve: Vec<LossPoint>,
}

/// Where the points stand before a step.
#[derive(Serialize, Deserialize)]
struct State<const D: usize> {
    step: usize,
    #[serde(with = "packed::points")]
    points: Vec<[f32; D]>,
    /// The last step of each point.
    #[serde(with = "packed::points")]
    moves: Vec<[f32; D]>,
    #[serde(with = "packed::points")]
    gains: Vec<[f32; D]>,
    curve: Vec<LossPoint>,
    /// The least divergence, and the step that had it.
    best: (f64, usize),
}

impl<const D: usize> State<D> {
    fn new(points: Vec<[f32; D]>) -> Self {
        let count = points.len();
        Self {
            step: 0,
            points,
            moves: vec![[0.0; D]; count],
            gains: vec![[1.0; D]; count],
            curve: Vec::new(),
            best: (f64::INFINITY, 0),
        }
    }

    /// Whether a state that was read is one that the way down from `begun` can have come to.
    fn can_follow(&self, begun: &Self, iterations: usize) -> bool {
        let (best, best_step) = self.best;
        let all = [&self.points, &self.moves, &self.gains];
        self.step < iterations
            && all.iter().all(|numbers| numbers.len() == begun.points.len() && are_finite(numbers.as_flattened()))
            && self.curve.len() == self.step / CHECK
            && self.curve.iter().all(|point| point.training.is_finite())
            && best_step <= self.step
            && !best.is_nan()
    }
}

/// Moves the points until the iterations are used up, or nothing gets better. With a checkpoint they go on from where
/// they stood when a state was kept last.
pub(super) fn descend<const D: usize>(
    affinities: &Affinities,
    points: Vec<[f32; D]>,
    settings: &Settings,
    checkpoint: Option<&Checkpoint>,
    control: &dyn Control,
) -> Result<Outcome<D>, Error> {
    let count = points.len();
    let automatic = (count as f64 / settings.exaggeration / 4.0).max(LEAST_RATE);
    let rate = settings.rate.unwrap_or(automatic) as f32;
    let mut state =
        resumed(checkpoint, control, State::new(points), |kept, begun| kept.can_follow(begun, settings.iterations));
    for step in state.step..settings.iterations {
        state.step = step;
        if let Some(own) = checkpoint {
            own.keep(control, || &state);
        }
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let State { points, moves, gains, curve, best: (best, best_step), .. } = &mut state;
        let exploring = step < EXPLORATION;
        let (exaggeration, momentum) = if exploring { (settings.exaggeration as f32, 0.5) } else { (1.0, 0.8) };
        if step == EXPLORATION {
            // Both are of another way down.
            moves.fill([0.0; D]);
            gains.fill([1.0; D]);
            (*best, *best_step) = (f64::INFINITY, step);
        }
        let check = (step + 1) % CHECK == 0 || step + 1 == settings.iterations;
        let pushed = repulsion(points, settings.angle as f32);
        let scale = (1.0 / pushed.total) as f32;
        let gradient: Vec<[f32; D]> = (0..count)
            .into_par_iter()
            .with_min_len(ROWS_AT_ONCE)
            .map(|row| {
                let pulled = attraction(affinities, points, row);
                std::array::from_fn(|component| {
                    4.0 * (exaggeration * pulled[component] - scale * pushed.forces[row][component])
                })
            })
            .collect();
        if check {
            control.report(step as f64, Some(settings.iterations as f64), "arranging the map");
            let divergence = divergence(affinities, points, pushed.total);
            curve.push(LossPoint { step: step as u32, training: divergence, validation: None });
            let norm = gradient.iter().flatten().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            if !(divergence.is_finite() && norm.is_finite()) {
                return Err(Error::Numerical {
                    what: "the map flew apart: lower `learning_rate` or leave it at \"auto\"".to_owned(),
                });
            }
            if divergence < *best {
                (*best, *best_step) = (divergence, step);
            } else if !exploring && step - *best_step > settings.patience {
                break;
            }
            if !exploring && norm <= settings.least_gradient {
                break;
            }
        }
        points.par_iter_mut().with_min_len(ROWS_AT_ONCE).zip(moves.par_iter_mut().zip(gains)).zip(&gradient).for_each(
            |((point, (moved, gain)), slope)| {
                for component in 0..D {
                    let gain = &mut gain[component];
                    let against = moved[component] * slope[component] < 0.0;
                    *gain = if against { *gain + 0.2 } else { (*gain * 0.8).max(LEAST_GAIN) };
                    moved[component] = momentum * moved[component] - rate * *gain * slope[component];
                    point[component] += moved[component];
                }
            },
        );
    }
    let State { points, curve, .. } = state;
    let pushed = repulsion(&points, settings.angle as f32);
    let divergence = divergence(affinities, &points, pushed.total);
    Ok(Outcome { points, divergence, curve })
}

/// Σ affinity · (difference) / (1 + distance²) over a row's entries.
fn attraction<const D: usize>(affinities: &Affinities, points: &[[f32; D]], row: usize) -> [f32; D] {
    let range = affinities.starts[row]..affinities.starts[row + 1];
    let own = points[row];
    let (others, rest) = affinities.others[range.clone()].as_chunks::<LANES>();
    let (values, value_rest) = affinities.values[range].as_chunks::<LANES>();
    let mut sums = [[0.0_f32; LANES]; D];
    for (others, values) in others.iter().zip(values) {
        let mut differences = [[0.0_f32; LANES]; D];
        let mut squares = [1.0_f32; LANES];
        for lane in 0..LANES {
            let other = &points[others[lane] as usize];
            for component in 0..D {
                differences[component][lane] = own[component] - other[component];
            }
        }
        for difference in &differences {
            for lane in 0..LANES {
                squares[lane] += difference[lane] * difference[lane];
            }
        }
        for lane in 0..LANES {
            squares[lane] = values[lane] / squares[lane];
        }
        for (sums, difference) in sums.iter_mut().zip(&differences) {
            for lane in 0..LANES {
                sums[lane] += squares[lane] * difference[lane];
            }
        }
    }
    let mut total = sums.map(|lanes| lanes.iter().sum::<f32>());
    for (other, value) in rest.iter().zip(value_rest) {
        let other = &points[*other as usize];
        let square = own.iter().zip(other).map(|(own, other)| (own - other) * (own - other)).sum::<f32>();
        for component in 0..D {
            total[component] += value / (1.0 + square) * (own[component] - other[component]);
        }
    }
    total
}

/// Σ p ln(p / q), where q = 1 / (1 + distance²) / total.
fn divergence<const D: usize>(affinities: &Affinities, points: &[[f32; D]], total: f64) -> f64 {
    let rows: Vec<f64> = (0..points.len())
        .into_par_iter()
        .with_min_len(ROWS_AT_ONCE)
        .map(|row| {
            let own = points[row];
            let range = affinities.starts[row]..affinities.starts[row + 1];
            let entries = affinities.others[range.clone()].iter().zip(&affinities.values[range]);
            entries
                .filter(|(_, value)| **value > 0.0)
                .map(|(other, value)| {
                    let other = &points[*other as usize];
                    let square = own.iter().zip(other).map(|(own, other)| f64::from(own - other).powi(2)).sum::<f64>();
                    f64::from(*value) * (f64::from(*value) * (1.0 + square) * total).ln()
                })
                .sum::<f64>()
        })
        .collect();
    rows.iter().sum()
}
