//! Paired tests of two models, and Holm's correction for testing many pairs.
#![allow(clippy::indexing_slicing, reason = "positions come from orders of the same slice")]

use kumiko_vocabulary::evaluation::SignificanceTest;

/// Fewer disagreements than this are tested by the binomial distribution itself.
const FEWEST_FOR_APPROXIMATION: u64 = 25;

/// What a test came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) test: SignificanceTest,
    pub(super) statistic: f64,
    pub(super) p_value: f64,
}

/// McNemar's test (1947) of rows on which one model is right and the other wrong: `first` and `second` count who was right.
pub(super) fn mcnemar(first: u64, second: u64) -> Outcome {
    let disagreements = first + second;
    if disagreements < FEWEST_FOR_APPROXIMATION {
        let fewer = first.min(second);
        // Σ binomial(n, k) / 2ⁿ for k up to the fewer, on both sides.
        let (mut term, mut sum) = (0.5_f64.powi(disagreements as i32), 0.0);
        for count in 0..=fewer {
            sum += term;
            term *= (disagreements - count) as f64 / (count + 1) as f64;
        }
        return Outcome {
            test: SignificanceTest::McnemarExact,
            statistic: fewer as f64,
            p_value: (2.0 * sum).min(1.0),
        };
    }
    let distance = (first.abs_diff(second) as f64 - 1.0).max(0.0);
    let statistic = distance * distance / disagreements as f64;
    Outcome { test: SignificanceTest::Mcnemar, statistic, p_value: complementary_error((statistic / 2.0).sqrt()) }
}

/// Wilcoxon's signed-rank test (1945) of paired numbers, by the normal distribution with ties corrected; rows without a difference
/// are left out.
pub(super) fn wilcoxon(first: &[f64], second: &[f64]) -> Outcome {
    let mut differences: Vec<f64> = first
        .iter()
        .zip(second)
        .map(|(first, second)| first - second)
        .filter(|difference| *difference != 0.0)
        .collect();
    differences.sort_unstable_by(|left, right| left.abs().total_cmp(&right.abs()));
    let count = differences.len() as f64;
    let (mut positive, mut negative, mut ties) = (0.0, 0.0, 0.0);
    let mut start = 0;
    while start < differences.len() {
        let end =
            start + differences[start..].iter().take_while(|other| other.abs() == differences[start].abs()).count();
        let rank = (start + 1 + end) as f64 / 2.0;
        for difference in &differences[start..end] {
            if *difference > 0.0 {
                positive += rank;
            } else {
                negative += rank;
            }
        }
        let run = (end - start) as f64;
        ties += run * run * run - run;
        start = end;
    }
    let statistic = f64::min(positive, negative);
    let mean = count * (count + 1.0) / 4.0;
    let deviation = ((count * (count + 1.0) * (2.0 * count + 1.0) - ties / 2.0) / 24.0).sqrt();
    let p_value = if deviation > 0.0 {
        complementary_error((mean - statistic) / deviation / std::f64::consts::SQRT_2)
    } else {
        1.0
    };
    Outcome { test: SignificanceTest::Wilcoxon, statistic, p_value: p_value.min(1.0) }
}

/// Holm's step-down correction (1979).
pub(super) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_unstable_by(|left, right| p_values[*left].total_cmp(&p_values[*right]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut highest = 0.0_f64;
    for (position, pair) in order.into_iter().enumerate() {
        highest = highest.max((p_values[pair] * (p_values.len() - position) as f64).min(1.0));
        adjusted[pair] = highest;
    }
    adjusted
}

/// erfc(x) for x ≥ 0: the series of erf near zero, Lentz's continued fraction further out (Abramowitz and Stegun 7.1.6, 7.1.14).
fn complementary_error(x: f64) -> f64 {
    const NEAR: f64 = 2.0;
    const STEPS: u32 = 500;
    let root_of_pi = std::f64::consts::PI.sqrt();
    if x < NEAR {
        let (mut term, mut sum) = (x, x);
        for step in 1..STEPS {
            term *= 2.0 * x * x / f64::from(2 * step + 1);
            sum += term;
            if term < f64::EPSILON * sum {
                break;
            }
        }
        return 1.0 - 2.0 / root_of_pi * (-x * x).exp() * sum;
    }
    // erfc(x) = exp(−x²) / √π / (x + ½ / (x + 1 / (x + 3⁄2 / …))), evaluated from far enough inside.
    let mut fraction = x;
    for step in (1..=STEPS).rev() {
        fraction = x + f64::from(step) / 2.0 / fraction;
    }
    (-x * x).exp() / root_of_pi / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-10 * expected.abs(), "{found} {expected}");
    }

    #[test]
    fn the_error_function_agrees_with_scipy_1_17() {
        close(complementary_error(0.0), 1.0);
        close(complementary_error(0.5), 0.479_500_122_186_953_5);
        close(complementary_error(1.999), 0.004_698_443_348_629_487);
        close(complementary_error(2.0), 0.004_677_734_981_047_266);
        close(complementary_error(10.0), 2.088_487_583_762_544_7e-45);
    }

    #[test]
    fn holm_steps_down_and_never_falls() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), vec![0.03, 0.06, 0.06, 0.02]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}
