//! How near rows are to one another in the data, as probabilities: around each row a normal distribution, so wide that the row has
//! as many neighbours as the perplexity says, over its nearest rows alone.
#![allow(clippy::indexing_slicing, reason = "rows are counted below their number")]

use rayon::prelude::*;

use crate::distances::Rows;
use crate::nearest_rows::nearest_rows;

/// Halvings of the interval of widths at most.
const STEPS: usize = 100;
/// How near the logarithm of the perplexity must come.
const TOLERANCE: f64 = 1e-5;

/// A symmetric sparse matrix of probabilities that add up to 1.
pub(super) struct Affinities {
    /// Where each row's entries begin; one more for the end.
    pub(super) starts: Vec<usize>,
    /// The other row of each entry, rising within a row.
    pub(super) others: Vec<u32>,
    pub(super) values: Vec<f32>,
}

impl Affinities {
    pub(super) fn new(rows: &Rows, perplexity: f64) -> Self {
        let count = rows.len();
        let neighbours = (count - 1).min((3.0 * perplexity + 1.0) as usize);
        let queries: Vec<usize> = (0..count).collect();
        let near = nearest_rows(rows, &queries, neighbours);
        let shares: Vec<Vec<f64>> = near.par_iter().map(|near| conditional(near, perplexity)).collect();
        // Each entry as it is and turned round, row by row.
        let mut entries: Vec<Vec<(u32, f64)>> = near
            .iter()
            .zip(&shares)
            .map(|(near, shares)| near.iter().map(|near| near.1).zip(shares.iter().copied()).collect())
            .collect();
        for (row, (near, shares)) in near.iter().zip(&shares).enumerate() {
            for ((_, other), share) in near.iter().zip(shares) {
                entries[*other as usize].push((row as u32, *share));
            }
        }
        let scale = 1.0 / (2.0 * count as f64);
        entries.par_iter_mut().for_each(|entries| {
            entries.sort_unstable_by_key(|(other, _)| *other);
            // At most two entries are of one pair, and the order of two terms does not change their sum.
            entries.dedup_by(|second, first| {
                let same = second.0 == first.0;
                if same {
                    first.1 += second.1;
                }
                same
            });
        });
        let mut starts = vec![0];
        let (mut others, mut values) = (Vec::new(), Vec::new());
        for entries in entries {
            for (other, share) in entries {
                others.push(other);
                values.push((share * scale) as f32);
            }
            starts.push(others.len());
        }
        Self { starts, others, values }
    }
}

/// The probability of each of a row's neighbours: exp(−β distance²), with the β that gives the perplexity.
fn conditional(near: &[(f32, u32)], perplexity: f64) -> Vec<f64> {
    // Taken from all distances, the least changes nothing but the size of the exponents.
    let least = near.first().map_or(0.0, |near| f64::from(near.0));
    let distances: Vec<f64> = near.iter().map(|(distance, _)| f64::from(*distance) - least).collect();
    let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
    let goal = perplexity.ln();
    let (mut lowest, mut highest) = (0.0, f64::INFINITY);
    let mut beta = if mean > 0.0 { mean.recip() } else { 1.0 };
    let mut shares = vec![0.0; distances.len()];
    for _ in 0..STEPS {
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (share, distance) in shares.iter_mut().zip(&distances) {
            *share = (-beta * distance).exp();
            sum += *share;
            weighted += *share * distance;
        }
        for share in &mut shares {
            *share /= sum;
        }
        // Entropy in nats: ln Σ + β Σ p distance².
        let entropy = sum.ln() + beta * weighted / sum;
        if (entropy - goal).abs() <= TOLERANCE {
            break;
        }
        if entropy > goal {
            lowest = beta;
            beta = if highest.is_finite() { f64::midpoint(lowest, highest) } else { 2.0 * beta };
        } else {
            highest = beta;
            beta = f64::midpoint(lowest, highest);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn affinities_are_symmetric_add_up_to_one_and_have_the_perplexity() {
        let mut random = Random::new(5, 5);
        let rows = Rows::new((0..600).map(|_| random.uniform() as f32).collect(), 3);
        let affinities = Affinities::new(&rows, 12.0);
        let total: f64 = affinities.values.iter().map(|value| f64::from(*value)).sum();
        assert!((total - 1.0).abs() < 1e-5);
        let entry = |row: usize, other: u32| {
            let range = affinities.starts[row]..affinities.starts[row + 1];
            affinities.others[range.clone()].binary_search(&other).ok().map(|at| affinities.values[range.start + at])
        };
        for row in 0..200 {
            for other in &affinities.others[affinities.starts[row]..affinities.starts[row + 1]] {
                assert_eq!(entry(row, *other), entry(*other as usize, row as u32));
            }
        }
        let near = nearest_rows(&rows, &[7], 37);
        let entropy: f64 =
            conditional(&near[0], 12.0).iter().filter(|share| **share > 0.0).map(|share| -share * share.ln()).sum();
        assert!((entropy.exp() - 12.0).abs() < 1e-3);
    }
}
