//! Platt's method (1999): a logistic curve, by the numerically careful minimisation of Lin, Lin and Weng (2007).

use serde::{Deserialize, Serialize};

/// Newton's steps at most; a dozen are usual.
const STEPS: usize = 100;
/// A gradient below this is none, as a share of the sum of weights.
const FLAT: f64 = 1e-12;

/// The calibrated probability is 1 / (1 + exp(−(slope · log(p / (1 − p)) + intercept))), with p kept within 10⁻⁷ of 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid {
    /// What the log odds are multiplied by.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
}

impl Sigmoid {
    /// Probabilities are kept this far from 0 and 1, so that their log odds are finite.
    pub const EDGE: f64 = 1e-7;

    /// The curve that fits best. The answers are drawn in from 0 and 1, as Platt has it, so that perfectly parted classes
    /// do not ask for an infinite slope.
    pub(super) fn fit(probabilities: &[f32], is_class: &[bool], weights: Option<&[f32]>) -> Self {
        let weight = |row: usize| weights.and_then(|weights| weights.get(row)).map_or(1.0, |weight| f64::from(*weight));
        let rows: Vec<(f64, bool, f64)> = (probabilities.iter().zip(is_class).enumerate())
            .map(|(row, (probability, is_class))| (log_odds(*probability), *is_class, weight(row)))
            .filter(|(_, _, weight)| *weight > 0.0)
            .collect();
        let sum = |wanted: bool| rows.iter().filter(|row| row.1 == wanted).map(|row| row.2).sum::<f64>();
        let (inside, outside) = (sum(true), sum(false));
        let (high, low) = ((inside + 1.0) / (inside + 2.0), 1.0 / (outside + 2.0));
        let rows: Vec<(f64, f64, f64)> = rows
            .into_iter()
            .map(|(odds, is_class, weight)| (odds, if is_class { high } else { low }, weight))
            .collect();
        let mut map = Self { slope: 0.0, intercept: ((inside + 1.0) / (outside + 1.0)).ln() };
        let mut loss = map.loss(&rows);
        for _ in 0..STEPS {
            let Some(step) = map.newton_step(&rows, inside + outside) else { break };
            let Some((next, next_loss)) = map.descend(step, loss, &rows) else { break };
            (map, loss) = (next, next_loss);
        }
        map
    }

    pub(super) fn apply(&self, probability: f32) -> f64 {
        logistic(self.slope * log_odds(probability) + self.intercept)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.slope.is_finite() && self.intercept.is_finite() {
            Ok(())
        } else {
            Err("a calibration curve is not of finite numbers".to_owned())
        }
    }

    /// The cross-entropy of rows: log odds, answer, weight.
    fn loss(&self, rows: &[(f64, f64, f64)]) -> f64 {
        let of_row = |(odds, answer, weight): &(f64, f64, f64)| {
            let score = self.slope * odds + self.intercept;
            weight * (score.max(0.0) - score * answer + (-score.abs()).exp().ln_1p())
        };
        rows.iter().map(of_row).sum()
    }

    /// The step of Newton's method, and how steep the loss falls along it; none where it is flat.
    fn newton_step(&self, rows: &[(f64, f64, f64)], total: f64) -> Option<([f64; 2], f64)> {
        let (mut gradient, mut curvature) = ([0.0; 2], [FLAT * total, 0.0, FLAT * total]);
        for (odds, answer, weight) in rows {
            let share = logistic(self.slope * odds + self.intercept);
            let (slope, bend) = (weight * (share - answer), weight * share * (1.0 - share));
            gradient = [gradient[0] + slope * odds, gradient[1] + slope];
            curvature = [curvature[0] + bend * odds * odds, curvature[1] + bend * odds, curvature[2] + bend];
        }
        if gradient.iter().all(|part| part.abs() <= FLAT * total) {
            return None;
        }
        let [a, b, c] = curvature;
        let determinant = a * c - b * b;
        let [g, h] = gradient;
        let step = [-(c * g - b * h) / determinant, -(a * h - b * g) / determinant];
        let fall = g * step[0] + h * step[1];
        (fall < 0.0 && fall.is_finite()).then_some((step, fall))
    }

    /// Goes along a step as far as the loss falls by enough.
    fn descend(&self, (step, fall): ([f64; 2], f64), loss: f64, rows: &[(f64, f64, f64)]) -> Option<(Self, f64)> {
        let mut length = 1.0;
        while length > 1e-10 {
            let next = Self { slope: self.slope + length * step[0], intercept: self.intercept + length * step[1] };
            let next_loss = next.loss(rows);
            if next_loss < loss + 1e-4 * length * fall {
                return Some((next, next_loss));
            }
            length /= 2.0;
        }
        None
    }
}

fn log_odds(probability: f32) -> f64 {
    let probability = f64::from(probability).clamp(Sigmoid::EDGE, 1.0 - Sigmoid::EDGE);
    (probability / (1.0 - probability)).ln()
}

fn logistic(score: f64) -> f64 {
    if score >= 0.0 {
        1.0 / (1.0 + (-score).exp())
    } else {
        let power = score.exp();
        power / (1.0 + power)
    }
}
