//! Statistics of a column of numbers, over its finite values.

use kumiko_vocabulary::data::{DataType, NumericSummary};
use polars::prelude::{Column, DataType as EngineType, Float64Chunked, PlHashMap};

use crate::Error;
use crate::numbers::{finite_values, floats, texts};
use crate::types::data_type;

/// The finite values of a column, and what is not among them.
pub(crate) struct Numbers {
    /// The finite values; their order is lost once a quantile was asked for.
    values: Vec<f64>,
    /// Nulls.
    pub(crate) missing: usize,
    /// NaN.
    pub(crate) not_a_number: usize,
    /// Infinities.
    pub(crate) infinite: usize,
}

impl Numbers {
    /// Looks at a column.
    pub(crate) fn of(column: &Column) -> Result<Self, Error> {
        Ok(Self::of_floats(&floats(column)?))
    }

    /// Looks at numbers.
    pub(crate) fn of_floats(numbers: &Float64Chunked) -> Self {
        let values = finite_values(numbers);
        let missing = numbers.null_count();
        let mut not_a_number = 0;
        if values.len() + missing < numbers.len() {
            not_a_number = numbers.iter().flatten().filter(|value| value.is_nan()).count();
        }
        let infinite = numbers.len() - missing - values.len() - not_a_number;
        Self { values, missing, not_a_number, infinite }
    }

    /// Takes `value` for whatever is missing, NaN or infinite.
    pub(crate) fn fill(&mut self, value: f64) {
        let absent = self.missing + self.not_a_number + self.infinite;
        self.values.extend(std::iter::repeat_n(value, absent));
        (self.missing, self.not_a_number, self.infinite) = (0, 0, 0);
    }

    /// How many finite values there are.
    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }

    /// The arithmetic mean; `None` without values.
    pub(crate) fn mean(&self) -> Option<f64> {
        let mean = self.values.iter().sum::<f64>() / self.values.len() as f64;
        if self.values.is_empty() {
            None
        } else if mean.is_finite() {
            Some(mean)
        } else {
            // The sum of values near the largest number overflows; a running mean does not.
            Some(
                self.values
                    .iter()
                    .enumerate()
                    .fold(0.0, |mean, (index, value)| mean + (value / (index + 1) as f64 - mean / (index + 1) as f64)),
            )
        }
    }

    /// The sum of squared deviations from `mean`.
    pub(crate) fn squares(&self, mean: f64) -> f64 {
        self.values.iter().map(|value| (value - mean) * (value - mean)).sum()
    }

    /// The least and the greatest value.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        let first = *self.values.first()?;
        Some(
            self.values
                .iter()
                .fold((first, first), |(least, greatest), value| (least.min(*value), greatest.max(*value))),
        )
    }

    /// Quantiles by linear interpolation at position `share · (count - 1)`; `shares` ascend. Empty without values.
    pub(crate) fn quantiles(&mut self, shares: &[f64]) -> Vec<f64> {
        let count = self.values.len();
        if count == 0 {
            return Vec::new();
        }
        let mut quantiles = Vec::with_capacity(shares.len());
        let mut sorted_to = 0;
        for share in shares {
            let position = share.clamp(0.0, 1.0) * (count - 1) as f64;
            let below = position.floor() as usize;
            // Everything before `sorted_to` is no greater than what follows, so only the rest is partitioned.
            let lower = nth(&mut self.values, sorted_to, below);
            let fraction = position - below as f64;
            let value = if fraction > 0.0 {
                let upper = nth(&mut self.values, below + 1, below + 1);
                lower + (upper - lower) * fraction
            } else {
                lower
            };
            sorted_to = below;
            quantiles.push(value);
        }
        quantiles
    }

    /// The most frequent value, the least of several.
    pub(crate) fn mode(&mut self) -> Option<f64> {
        self.values.sort_unstable_by(f64::total_cmp);
        let mut best: Option<(f64, usize)> = None;
        for run in self.values.chunk_by(|left, right| left == right) {
            if let Some(first) = run.first()
                && best.is_none_or(|(_, count)| run.len() > count)
            {
                best = Some((*first, run.len()));
            }
        }
        best.map(|(value, _)| value)
    }

    /// All of it.
    pub(crate) fn summary(&mut self) -> NumericSummary {
        let mean = self.mean();
        let count = self.count();
        let range = self.range();
        let zeros = self.values.iter().filter(|value| **value == 0.0).count() as u64;
        let deviation = mean.filter(|_| count > 1).map(|mean| (self.squares(mean) / (count - 1) as f64).sqrt());
        let quantiles = self.quantiles(&[0.25, 0.5, 0.75]);
        NumericSummary {
            mean,
            standard_deviation: deviation.filter(|deviation| deviation.is_finite()),
            minimum: range.map(|(least, _)| least),
            lower_quartile: quantiles.first().copied(),
            median: quantiles.get(1).copied(),
            upper_quartile: quantiles.get(2).copied(),
            maximum: range.map(|(_, greatest)| greatest),
            zeros,
            not_a_number: self.not_a_number as u64,
            infinite: self.infinite as u64,
        }
    }
}

/// The value that would stand at `position` were the values sorted; those from `from` on may be moved.
fn nth(values: &mut [f64], from: usize, position: usize) -> f64 {
    let Some(rest) = values.get_mut(from..) else { return f64::NAN };
    if rest.is_empty() {
        return f64::NAN;
    }
    let index = position.saturating_sub(from).min(rest.len() - 1);
    // Finite values always compare.
    *rest.select_nth_unstable_by(index, |left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal)).1
}

/// How many different values a column of numbers, booleans or dates has, nulls left out; NaN is one value.
///
/// The engine's own count starts work on other threads and waits for it. A thread that waits takes up further columns, each of which
/// waits in turn, and with thousands of columns that overflows the stack.
pub(crate) fn distinct_numbers(column: &Column) -> Result<u64, Error> {
    let kind = data_type(column.dtype());
    if kind == DataType::Null {
        return Ok(0);
    }
    let mut bits: Vec<i64> = if kind == DataType::Number {
        // Minus zero is zero.
        floats(column)?
            .iter()
            .flatten()
            .map(|value| (if value.is_nan() { f64::NAN } else { value + 0.0 }).to_bits() as i64)
            .collect()
    } else {
        column.to_physical_repr().cast(&EngineType::Int64)?.i64()?.iter().flatten().collect()
    };
    bits.sort_unstable();
    bits.dedup();
    Ok(bits.len() as u64)
}

/// How often each text of a column occurs, the most frequent first, equal ones in the order of the text. Nulls are left out.
pub(crate) fn value_counts(column: &Column) -> Result<Vec<(String, u64)>, Error> {
    let texts = texts(column)?;
    let mut counts: PlHashMap<&str, u64> = PlHashMap::default();
    for text in texts.iter().flatten() {
        *counts.entry(text).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[Option<f64>]) -> Numbers {
        Numbers::of(&Column::new("a".into(), values)).unwrap()
    }

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        // numpy.quantile([4, 1, 3, 2, 10], [0.25, 0.5, 0.75, 0.9]) = [2, 3, 4, 7.6]
        let mut column = numbers(&[4.0, 1.0, 3.0, 2.0, 10.0].map(Some));
        let found = column.quantiles(&[0.25, 0.5, 0.75, 0.9]);
        for (found, expected) in found.iter().zip([2.0, 3.0, 4.0, 7.6]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn nan_infinities_and_nulls_are_counted_and_left_out() {
        let mut column = numbers(&[Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY), Some(3.0)]);
        let summary = column.summary();
        assert_eq!((summary.mean, summary.standard_deviation), (Some(2.0), Some(2.0_f64.sqrt())));
        assert_eq!((summary.not_a_number, summary.infinite, column.missing), (1, 1, 1));
    }

    #[test]
    fn without_values_there_are_no_statistics() {
        let summary = numbers(&[None]).summary();
        assert_eq!((summary.mean, summary.median, summary.minimum), (None, None, None));
    }

    #[test]
    fn the_mode_is_the_least_of_the_most_frequent() {
        assert_eq!(numbers(&[2.0, 1.0, 2.0, 1.0, 3.0].map(Some)).mode(), Some(1.0));
    }
}
