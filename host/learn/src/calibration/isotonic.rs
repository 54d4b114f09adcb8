//! Isotonic regression: the rising function that is nearest to the answers, by pooling neighbours that fall (Ayer et al., 1955).

use serde::{Deserialize, Serialize};

/// Straight pieces between points, level beyond the first and last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// The points' probabilities, rising.
    pub from: Vec<f32>,
    /// Their calibrated probabilities, not falling.
    pub to: Vec<f64>,
}

/// Neighbouring probabilities that share a value.
struct Pool {
    first: f32,
    last: f32,
    weight: f64,
    sum: f64,
}

impl Pool {
    fn value(&self) -> f64 {
        self.sum / self.weight
    }
}

impl Isotonic {
    pub(super) fn fit(probabilities: &[f32], is_class: &[bool], weights: Option<&[f32]>) -> Self {
        let weight = |row: usize| weights.and_then(|weights| weights.get(row)).map_or(1.0, |weight| f64::from(*weight));
        let mut rows: Vec<(f32, f64, f64)> = (probabilities.iter().zip(is_class).enumerate())
            .map(|(row, (probability, is_class))| (*probability, f64::from(u8::from(*is_class)), weight(row)))
            .filter(|(_, _, weight)| *weight > 0.0)
            .collect();
        rows.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut pools: Vec<Pool> = Vec::new();
        for (probability, answer, weight) in rows {
            let sum = answer * weight;
            match pools.last_mut() {
                Some(last) if last.first == probability && last.last == probability => {
                    last.weight += weight;
                    last.sum += sum;
                }
                _ => {
                    merge_falling(&mut pools);
                    pools.push(Pool { first: probability, last: probability, weight, sum });
                }
            }
        }
        merge_falling(&mut pools);
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for pool in &pools {
            // Both ends of a level piece; where it is one point, once.
            from.push(pool.first);
            to.push(pool.value());
            if pool.last > pool.first {
                from.push(pool.last);
                to.push(pool.value());
            }
        }
        Self { from, to }
    }

    pub(super) fn apply(&self, probability: f32) -> f64 {
        let above = self.from.partition_point(|point| *point < probability);
        let point = |position: usize| Some((f64::from(*self.from.get(position)?), *self.to.get(position)?));
        match (above.checked_sub(1).and_then(point), point(above)) {
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * ((f64::from(probability) - x0) / (x1 - x0)),
            (Some((_, value)), None) | (None, Some((_, value))) => value,
            (None, None) => 0.0,
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let rises = self.from.is_sorted_by(|one, next| one < next) && self.to.is_sorted_by(|one, next| one <= next);
        let within = self.to.iter().all(|value| (0.0..=1.0).contains(value));
        if rises && within && !self.from.is_empty() && self.from.len() == self.to.len() {
            Ok(())
        } else {
            Err("a calibration line does not rise from 0 to 1 through as many points as values".to_owned())
        }
    }
}

/// Joins the last pool to those before it as long as it lies below them.
fn merge_falling(pools: &mut Vec<Pool>) {
    while let [.., before, last] = pools.as_slice()
        && before.value() >= last.value()
        && let Some(last) = pools.pop()
        && let Some(before) = pools.last_mut()
    {
        before.last = last.last;
        before.weight += last.weight;
        before.sum += last.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_fall_share_their_mean() {
        let map = Isotonic::fit(&[0.1, 0.2, 0.3, 0.4, 0.5], &[false, true, false, true, true], None);
        assert_eq!(map.from, [0.1, 0.2, 0.3, 0.4, 0.5]);
        assert_eq!(map.to, [0.0, 0.5, 0.5, 1.0, 1.0]);
        assert_eq!(
            [0.0, 0.15, 0.25, 0.35, 0.9].map(|p| (map.apply(p) * 100.0).round()),
            [0.0, 25.0, 50.0, 75.0, 100.0]
        );
    }
}
