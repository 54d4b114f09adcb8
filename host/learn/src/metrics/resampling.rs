//! Percentile bootstrap (Efron, 1979): rows are drawn with replacement many times, and a measure's spread over the drawings is
//! taken for its uncertainty.

use kumiko_vocabulary::evaluation::{ConfidenceInterval, MAXIMUM_BOOTSTRAP_SAMPLES};
use rayon::prelude::*;

use crate::error::Error;
use crate::random::Random;

/// Sets the resampling apart from the training: with one seed for both, a resample would draw the very rows of a tree's bag.
const RESAMPLING: u64 = 0x5245_5341_4d50_4c45;

/// The ends of a 95 % interval.
const ENDS: [f64; 2] = [0.025, 0.975];

/// What `measure` gives for each of `samples` drawings of rows; it is told how often each row was drawn.
pub(super) fn resample<T: Send>(
    rows: usize,
    samples: u32,
    seed: u64,
    measure: impl Fn(&[u32]) -> T + Sync + Send,
) -> Result<Vec<T>, Error> {
    if samples > MAXIMUM_BOOTSTRAP_SAMPLES {
        return Err(Error::Specification {
            name: "bootstrap_samples",
            value: samples.to_string(),
            expected: format!("at most {MAXIMUM_BOOTSTRAP_SAMPLES}; 0 for none"),
        });
    }
    Ok((0..u64::from(samples))
        .into_par_iter()
        .map_init(
            || vec![0_u32; rows],
            |times, sample| {
                let mut random = Random::new(seed ^ RESAMPLING, sample);
                times.fill(0);
                for _ in 0..rows {
                    if let Some(times) = times.get_mut(random.below(rows)) {
                        *times += 1;
                    }
                }
                measure(times)
            },
        )
        .collect())
}

/// Intervals of several measures. `values` are those on all rows; in `drawn` each drawing has them in the same order. A measure
/// that is absent on all rows, or in most drawings, has no interval.
pub(super) fn intervals(values: &[(&str, Option<f64>)], drawn: &[Vec<Option<f64>>]) -> Vec<ConfidenceInterval> {
    values
        .iter()
        .enumerate()
        .filter_map(|(position, (metric, value))| {
            let measures: Vec<f64> = drawn.iter().filter_map(|measures| *measures.get(position)?).collect();
            if measures.is_empty() || 2 * measures.len() < drawn.len() {
                return None;
            }
            let (lower, upper) = interval(measures)?;
            Some(ConfidenceInterval { metric: (*metric).to_owned(), value: (*value)?, lower, upper })
        })
        .collect()
}

/// The 2.5 % and 97.5 % points, between neighbours in proportion, as numpy does.
pub(super) fn interval(mut measures: Vec<f64>) -> Option<(f64, f64)> {
    measures.sort_unstable_by(f64::total_cmp);
    let [lower, upper] = ENDS.map(|share| {
        let position = share * (measures.len().max(1) - 1) as f64;
        let below = measures.get(position.floor() as usize)?;
        let above = measures.get(position.ceil() as usize)?;
        Some(below + (above - below) * position.fract())
    });
    Some((lower?, upper?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_has_the_width_that_theory_says() {
        let rows = 2_000;
        let means = resample(rows, 1_000, 7, |times| {
            times.iter().enumerate().map(|(row, times)| f64::from(*times) * (row % 2) as f64).sum::<f64>() / rows as f64
        });
        let (lower, upper) = interval(means.unwrap()).unwrap();
        // The deviation of a share of one half over 2,000 rows is 0.01118.
        assert!((upper - lower - 2.0 * 1.96 * 0.01118).abs() < 0.005, "{lower} {upper}");
    }

    #[test]
    fn more_resamplings_than_the_limit_are_refused() {
        let error = resample(10, MAXIMUM_BOOTSTRAP_SAMPLES + 1, 0, |_| ()).unwrap_err();
        assert!(error.to_string().contains("10000"), "{error}");
    }
}
