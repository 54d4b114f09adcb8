//! Gauss-Legendre quadrature on the interval from 0 to 1: `n` points integrate every polynomial of degree below `2n` exactly.

/// Newton steps at most; three bring the first guess to the last digit.
const MOST_STEPS: usize = 20;

/// The points between 0 and 1, rising, each with its weight; the weights add up to 1.
pub(super) fn gauss_legendre(points: usize) -> Vec<(f64, f64)> {
    let mut rule: Vec<(f64, f64)> = (0..points)
        .map(|index| {
            // The roots of the Legendre polynomial on −1 to 1, by Newton's method from Tricomi's guess.
            let mut root = (std::f64::consts::PI * (index as f64 + 0.75) / (points as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..MOST_STEPS {
                let (value, derivative) = legendre(points, root);
                slope = derivative;
                let step = value / derivative;
                root -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            let weight = 2.0 / ((1.0 - root * root) * slope * slope);
            ((1.0 - root) / 2.0, weight / 2.0)
        })
        .collect();
    let total: f64 = rule.iter().map(|(_, weight)| weight).sum();
    rule.iter_mut().for_each(|(_, weight)| *weight /= total);
    rule
}

/// The Legendre polynomial of a degree and its derivative, by Bonnet's recursion.
fn legendre(degree: usize, at: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, at);
    for step in 2..=degree {
        let step = step as f64;
        (before, value) = (value, ((2.0 * step - 1.0) * at * value - (step - 1.0) * before) / step);
    }
    (value, degree as f64 * (at * value - before) / (at * at - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_integrated_exactly_up_to_twice_the_number_of_points() {
        for points in [1, 2, 3, 8, 15, 64] {
            let rule = gauss_legendre(points);
            assert!(rule.windows(2).all(|pair| 0.0 < pair[0].0 && pair[0].0 < pair[1].0 && pair[1].0 < 1.0));
            for power in 0..2 * points as i32 {
                let sum: f64 = rule.iter().map(|(point, weight)| weight * point.powi(power)).sum();
                assert!((sum * f64::from(power + 1) - 1.0).abs() < 1e-12, "{points} points, power {power}: {sum}");
            }
        }
    }
}
