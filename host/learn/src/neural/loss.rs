//! What a network is to learn: targets, the loss of its outputs, and the loss's derivative.
//!
//! Outputs are scores without bounds. Two classes have one, the log odds of the second; more classes have one each, of which the
//! softmax is the probability; numbers have one; a reconstruction has one for each input.
#![allow(
    clippy::indexing_slicing,
    reason = "targets are made with the examples, an entry for each row, and codes below the classes"
)]

/// The known answers of examples.
pub(super) enum Targets {
    /// Of two classes the position, 0 or 1.
    Binary(Vec<u32>),
    /// Of more classes the position.
    Classes(Vec<u32>),
    /// A number each.
    Values(Vec<f32>),
    /// The inputs themselves.
    Inputs,
}

/// Rows to learn from or to measure on.
pub(super) struct Examples {
    /// Standardised, row after row.
    pub(super) inputs: Vec<f32>,
    pub(super) width: usize,
    pub(super) targets: Targets,
    /// 1 in the mean; absent where all are 1.
    pub(super) weights: Option<Vec<f32>>,
}

impl Examples {
    pub(super) fn rows(&self) -> usize {
        self.inputs.len() / self.width.max(1)
    }

    /// One row's inputs.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.inputs[row * self.width..][..self.width]
    }

    /// The sum over rows of weight × loss. `outputs` and `slopes` hold a stretch for each row; where there are slopes, they become
    /// `scale` × weight × the loss's derivative by the outputs.
    ///
    /// The loss of a class is −log of its probability, that of a number half the squared error, that of a reconstruction the mean
    /// of the squared errors.
    pub(super) fn loss(
        &self,
        rows: impl Iterator<Item = usize>,
        outputs: &[f32],
        scale: f32,
        mut slopes: Option<&mut [f32]>,
    ) -> f64 {
        let size = match &self.targets {
            Targets::Binary(_) | Targets::Values(_) => 1,
            Targets::Classes(_) => outputs.len() / rows.size_hint().0.max(1),
            Targets::Inputs => self.width,
        };
        let mut total = 0.0;
        for ((position, row), outputs) in rows.enumerate().zip(outputs.chunks_exact(size.max(1))) {
            let weight = self.weights.as_ref().map_or(1.0, |weights| weights[row]);
            let slopes = slopes.as_deref_mut().map(|slopes| &mut slopes[position * size..][..size]);
            let slope = scale * weight;
            let loss = match &self.targets {
                Targets::Binary(codes) => binary(outputs[0], codes[row], slope, slopes),
                Targets::Classes(codes) => softmax(outputs, codes[row] as usize, slope, slopes),
                Targets::Values(values) => {
                    let error = outputs[0] - values[row];
                    if let Some(slopes) = slopes {
                        slopes[0] = slope * error;
                    }
                    0.5 * error * error
                }
                Targets::Inputs => reconstruction(outputs, self.row(row), slope, slopes),
            };
            total += f64::from(weight) * f64::from(loss);
        }
        total
    }
}

fn binary(score: f32, code: u32, scale: f32, slopes: Option<&mut [f32]>) -> f32 {
    // e to the score's size, never above 1: nothing overflows, and both the loss and the probability come from it.
    let small = (-score.abs()).exp();
    if let Some(slopes) = slopes {
        let probability = if score >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
        slopes[0] = scale * (probability - code as f32);
    }
    let wrong = if code == 1 { -score } else { score };
    // `max` would lose a score that is not a number.
    (if wrong < 0.0 { 0.0 } else { wrong }) + small.ln_1p()
}

fn softmax(scores: &[f32], code: usize, scale: f32, slopes: Option<&mut [f32]>) -> f32 {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = scores.iter().map(|score| (score - most).exp()).sum();
    if let Some(slopes) = slopes {
        for (slope, score) in slopes.iter_mut().zip(scores) {
            *slope = scale * (score - most).exp() / sum;
        }
        slopes[code] -= scale;
    }
    sum.ln() + most - scores[code]
}

fn reconstruction(outputs: &[f32], inputs: &[f32], scale: f32, slopes: Option<&mut [f32]>) -> f32 {
    let share = 1.0 / inputs.len().max(1) as f32;
    if let Some(slopes) = slopes {
        for ((slope, output), input) in slopes.iter_mut().zip(outputs).zip(inputs) {
            *slope = scale * 2.0 * share * (output - input);
        }
    }
    share * outputs.iter().zip(inputs).map(|(output, input)| (output - input) * (output - input)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_the_derivatives_of_the_loss() {
        let inputs = vec![0.3, -1.0, 0.5, 2.0, 0.0, -0.7];
        for (targets, size) in [
            (Targets::Binary(vec![1, 0]), 1),
            (Targets::Classes(vec![2, 0]), 3),
            (Targets::Values(vec![0.7, -3.0]), 1),
            (Targets::Inputs, 3),
        ] {
            let examples = Examples { inputs: inputs.clone(), width: 3, targets, weights: Some(vec![0.5, 1.5]) };
            let outputs: Vec<f32> = [0.4, -1.2, 0.9, 0.1, 2.5, -0.6].into_iter().take(2 * size).collect();
            let mut slopes = vec![0.0; outputs.len()];
            examples.loss(0..2, &outputs, 3.0, Some(&mut slopes));
            for position in 0..outputs.len() {
                let at = |change: f32| {
                    let mut moved = outputs.clone();
                    moved[position] += change;
                    examples.loss(0..2, &moved, 1.0, None)
                };
                let expected = 3.0 * (at(1e-2) - at(-1e-2)) / 2e-2;
                assert!(
                    (f64::from(slopes[position]) - expected).abs() < 1e-3,
                    "{size}: {} {expected}",
                    slopes[position]
                );
            }
        }
    }

    #[test]
    fn a_sure_and_wrong_score_has_a_finite_loss_and_no_number_has_none() {
        assert!((binary(200.0, 0, 1.0, None) - 200.0).abs() < 1e-3);
        assert!((softmax(&[200.0, 0.0, 0.0], 1, 1.0, None) - 200.0).abs() < 1e-3);
        assert!(binary(f32::NAN, 1, 1.0, None).is_nan());
        assert!(softmax(&[f32::NAN, 0.0, 1.0], 1, 1.0, None).is_nan());
    }
}
