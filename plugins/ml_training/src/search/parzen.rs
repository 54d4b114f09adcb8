//! The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, 2011).
//!
//! What was measured is divided into the good, a quarter of the root of their number, and the rest. For each dimension by itself, the
//! density of the good values and that of the others are estimated by Gaussians around them, one wide one for what is not known yet among
//! them; of some values drawn from the good density the one is taken that is likeliest to be good: whose ratio of the densities is largest.

use super::draws::Draws;
use super::space::{Dimension, Point, Space, Values};

/// Points drawn at random before the densities mean anything.
pub(crate) const DRAWN_FIRST: usize = 8;
/// Values compared for each dimension of a point.
const CANDIDATES: usize = 24;
/// The most points that count as good.
const MOST_GOOD: usize = 25;

/// A point that was measured. More is better.
pub(crate) struct Seen {
    pub(crate) point: Point,
    pub(crate) worth: f64,
}

/// The point to measure next. `seen` in the order in which it was measured.
pub(crate) fn propose(space: &Space, seen: &[Seen], draws: &mut Draws) -> Point {
    if seen.len() < DRAWN_FIRST {
        return space.draw(draws);
    }
    let mut order: Vec<&Seen> = seen.iter().collect();
    order.sort_by(|one, other| other.worth.total_cmp(&one.worth));
    let good = ((0.25 * (seen.len() as f64).sqrt()).ceil() as usize).clamp(1, MOST_GOOD);
    let (good, rest) = order.split_at(good.min(order.len()));
    space
        .dimensions
        .iter()
        .enumerate()
        .map(|(position, dimension)| {
            let values = |seen: &[&Seen]| seen.iter().filter_map(|seen| seen.point.get(position)).copied().collect();
            let (good, rest): (Vec<f64>, Vec<f64>) = (values(good), values(rest));
            value(dimension, &good, &rest, draws)
        })
        .collect()
}

fn value(dimension: &Dimension, good: &[f64], rest: &[f64], draws: &mut Draws) -> f64 {
    match &dimension.values {
        Values::Choices(choices) => {
            let shares = |values: &[f64]| -> Vec<f64> {
                // One for each choice beforehand: a choice that was never seen stays possible.
                let mut counts = vec![1.0; choices.len()];
                for value in values {
                    if let Some(count) = counts.get_mut(*value as usize) {
                        *count += 1.0;
                    }
                }
                let total: f64 = counts.iter().sum();
                counts.into_iter().map(|count| count / total).collect()
            };
            let (good, rest) = (shares(good), shares(rest));
            let drawn = (0..CANDIDATES).map(|_| choose(&good, draws));
            let ratio = |choice: &usize| match (good.get(*choice), rest.get(*choice)) {
                (Some(good), Some(rest)) => good / rest,
                _ => 0.0,
            };
            drawn.max_by(|one, other| ratio(one).total_cmp(&ratio(other))).unwrap_or_default() as f64
        }
        Values::Numbers { low, high, .. } => {
            let (low, high) = dimension.widened(*low, *high);
            if high <= low {
                return low;
            }
            let (good, rest) = (Mixture::new(good, low, high), Mixture::new(rest, low, high));
            let drawn = (0..CANDIDATES).map(|_| good.draw(draws));
            let ratio = |value: &f64| good.log_density(*value) - rest.log_density(*value);
            drawn.max_by(|one, other| ratio(one).total_cmp(&ratio(other))).unwrap_or(low)
        }
    }
}

fn choose(shares: &[f64], draws: &mut Draws) -> usize {
    let mut rest = draws.unit();
    for (choice, share) in shares.iter().enumerate() {
        rest -= share;
        if rest < 0.0 {
            return choice;
        }
    }
    shares.len().saturating_sub(1)
}

/// Gaussians of equal weight over an interval, cut off at its ends.
struct Mixture {
    low: f64,
    high: f64,
    /// Centre and width of each.
    parts: Vec<(f64, f64)>,
}

impl Mixture {
    /// A Gaussian around each value, as wide as the way to the farther of its neighbours, and one over the whole interval.
    fn new(values: &[f64], low: f64, high: f64) -> Self {
        let width = high - low;
        let mut centres = values.to_vec();
        centres.push(low + width / 2.0);
        centres.sort_by(f64::total_cmp);
        // No narrower than this, or a mixture would only draw what it has seen.
        let least = width / (1.0 + centres.len() as f64).min(100.0);
        let parts = centres
            .iter()
            .enumerate()
            .map(|(position, centre)| {
                let before = position.checked_sub(1).and_then(|before| centres.get(before)).copied().unwrap_or(low);
                let after = centres.get(position + 1).copied().unwrap_or(high);
                (*centre, (centre - before).max(after - centre).clamp(least, width))
            })
            .chain([(low + width / 2.0, width)])
            .collect();
        Self { low, high, parts }
    }

    fn draw(&self, draws: &mut Draws) -> f64 {
        let (centre, width) = self.parts.get(draws.below(self.parts.len())).copied().unwrap_or((self.low, 0.0));
        // Cut off by drawing again; a Gaussian has a third of its weight inside at the worst.
        for _ in 0..64 {
            let value = centre + width * draws.normal();
            if (self.low..=self.high).contains(&value) {
                return value;
            }
        }
        centre.clamp(self.low, self.high)
    }

    fn log_density(&self, value: f64) -> f64 {
        let density: f64 = self
            .parts
            .iter()
            .map(|(centre, width)| {
                let distance = (value - centre) / width;
                let inside = cumulative((self.high - centre) / width) - cumulative((self.low - centre) / width);
                (-0.5 * distance * distance).exp() / (width * inside.max(f64::MIN_POSITIVE))
            })
            .sum();
        density.max(f64::MIN_POSITIVE).ln()
    }
}

/// The share of the standard normal distribution below `value`, to 1.5 × 10⁻⁷ (Abramowitz and Stegun, 7.1.26).
fn cumulative(value: f64) -> f64 {
    let distance = value.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * distance);
    let polynomial =
        ((((1.061_405_429 * t - 1.453_152_027) * t) + 1.421_413_741) * t - 0.284_496_736) * t + 0.254_829_592;
    let error = 1.0 - polynomial * t * (-distance * distance).exp();
    if value < 0.0 { 0.5 * (1.0 - error) } else { 0.5 * (1.0 + error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiko_sdk::prelude::*;
    use kumiko_sdk::vocabulary::learning::Algorithm;

    fn space() -> Space {
        let ranges = serde_json::from_value(json!({
            "rate": { "low": 0.0001, "high": 1.0, "log": true },
            "depth": { "low": 1, "high": 16 },
            "kind": ["a", "b", "c", "d"],
        }))
        .unwrap();
        Space::read(Some(&ranges), Algorithm::RandomForest, &serde_json::Map::new()).unwrap()
    }

    /// Best at a rate of 0.01, a depth of 6 and the kind `c`.
    fn worth(settings: &serde_json::Map<String, Value>) -> f64 {
        let rate = (settings["rate"].as_f64().unwrap().log10() + 2.0).powi(2);
        let depth = ((settings["depth"].as_f64().unwrap() - 6.0) / 5.0).powi(2);
        -(rate + depth + if settings["kind"] == "c" { 0.0 } else { 1.0 })
    }

    fn search(seed: u64, trials: usize, random: bool) -> f64 {
        let (space, mut draws) = (space(), Draws::new(seed));
        let mut seen: Vec<Seen> = Vec::new();
        for _ in 0..trials {
            let point = if random { space.draw(&mut draws) } else { propose(&space, &seen, &mut draws) };
            let worth = worth(&space.settings(&point));
            seen.push(Seen { point, worth });
        }
        seen.iter().map(|seen| seen.worth).fold(f64::MIN, f64::max)
    }

    #[test]
    fn it_comes_nearer_to_the_best_than_drawing_at_random_does() {
        let mean = |random| (0..20).map(|seed| search(seed, 60, random)).sum::<f64>() / 20.0;
        let (guided, random) = (mean(false), mean(true));
        assert!(guided > random / 2.0, "guided {guided}, random {random}");
    }

    #[test]
    fn the_same_seed_and_the_same_results_propose_the_same_point() {
        assert_eq!(search(3, 40, false).to_bits(), search(3, 40, false).to_bits());
    }

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (value, share) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (3.0, 0.998_650_1)] {
            assert!((cumulative(value) - share).abs() < 1e-6, "{value}");
        }
    }
}
