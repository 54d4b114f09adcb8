//! The two distributions that actions are drawn from, with what their gradients need.

use std::f32::consts::PI;

use crate::random::Random;

/// Shares from logarithms of them, up to a constant.
pub(super) fn softmax(logits: &[f32]) -> Vec<f32> {
    let mut shares = Vec::with_capacity(logits.len());
    softmax_into(logits, &mut shares);
    shares
}

/// [`softmax`] into a buffer; gives the logarithm of the sum of exponentials.
pub(super) fn softmax_into(logits: &[f32], shares: &mut Vec<f32>) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    shares.clear();
    shares.extend(logits.iter().map(|logit| (logit - largest).exp()));
    let sum: f32 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    largest + sum.ln()
}

/// A position drawn with the shares' probabilities.
pub(super) fn draw(shares: &[f32], random: &mut Random) -> usize {
    let mut left = random.uniform_f32();
    for (position, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return position;
        }
    }
    // Rounding may leave a little over: it belongs to the last that can be drawn.
    shares.iter().rposition(|share| *share > 0.0).unwrap_or(0)
}

/// The logarithm of the normal density.
pub(super) fn log_normal(value: f32, mean: f32, log_deviation: f32) -> f32 {
    let distance = (value - mean) * (-log_deviation).exp();
    -0.5 * distance * distance - log_deviation - 0.5 * (2.0 * PI).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_shares_frequencies() {
        let shares = softmax(&[1000.0, 1000.0 + 3.0_f32.ln(), f32::NEG_INFINITY]);
        assert!((shares[1] - 0.75).abs() < 1e-4 && shares[2] == 0.0, "{shares:?}");
        let mut random = Random::new(1, 0);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[draw(&shares, &mut random)] += 1;
        }
        assert!((7_300..7_700).contains(&counts[1]) && counts[2] == 0, "{counts:?}");
    }

    #[test]
    fn the_normal_density_is_the_textbooks() {
        // python -c "import math; print(math.log(math.exp(-.5*(.7/2)**2)/(2*math.sqrt(2*math.pi))))"
        assert!((log_normal(1.0, 0.3, 2.0_f32.ln()) + 1.673_335_7).abs() < 1e-5);
    }
}
