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
    /// Whether they ascend.
    sorted: bool,
    /// Nulls.
    pub(crate) missing: usize,
    /// NaN.
    pub(crate) not_a_number: usize,
    /// Infinities of either sign.
    pub(crate) infinite: usize,
    /// How many of the infinities are positive.
    positive_infinite: usize,
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
        let (mut not_a_number, mut positive_infinite) = (0, 0);
        if values.len() + missing < numbers.len() {
            not_a_number = numbers.iter().flatten().filter(|value| value.is_nan()).count();
            positive_infinite = numbers.iter().flatten().filter(|value| *value == f64::INFINITY).count();
        }
        let infinite = numbers.len() - missing - values.len() - not_a_number;
        Self { values, sorted: false, missing, not_a_number, infinite, positive_infinite }
    }

    /// Takes `value` for whatever is missing, NaN or infinite.
    pub(crate) fn fill(&mut self, value: f64) {
        let absent = self.missing + self.not_a_number + self.infinite;
        self.values.extend(std::iter::repeat_n(value, absent));
        self.sorted = false;
        (self.missing, self.not_a_number, self.infinite, self.positive_infinite) = (0, 0, 0, 0);
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

    /// Sorts the values. Worth it where more than quantiles is read off them: distinct values, frequencies.
    pub(crate) fn sort(&mut self) {
        if !self.sorted {
            self.values = ascending(std::mem::take(&mut self.values));
            self.sorted = true;
        }
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
            let lower = self.nth(sorted_to, below);
            let fraction = position - below as f64;
            let value = if fraction > 0.0 {
                let upper = self.nth(below + 1, below + 1);
                lower + (upper - lower) * fraction
            } else {
                lower
            };
            sorted_to = below;
            quantiles.push(value);
        }
        quantiles
    }

    /// The value that would stand at `position` were the values sorted; those from `from` on may be moved.
    fn nth(&mut self, from: usize, position: usize) -> f64 {
        if self.sorted {
            return self.values.get(position).or(self.values.last()).copied().unwrap_or(f64::NAN);
        }
        let Some(rest) = self.values.get_mut(from..).filter(|rest| !rest.is_empty()) else { return f64::NAN };
        let index = position.saturating_sub(from).min(rest.len() - 1);
        *rest.select_nth_unstable_by(index, f64::total_cmp).1
    }

    /// Each different finite value with the number of times it occurs, ascending. Minus zero is zero.
    fn runs(&mut self) -> impl Iterator<Item = (f64, u64)> {
        self.sort();
        let runs = self.values.chunk_by(|left, right| left == right);
        runs.filter_map(|run| Some((*run.first()?, run.len() as u64)))
    }

    /// The most frequent value, the least of several.
    pub(crate) fn mode(&mut self) -> Option<f64> {
        let most_frequent = |best: (f64, u64), run: (f64, u64)| if run.1 > best.1 { run } else { best };
        self.runs().reduce(most_frequent).map(|(value, _)| value)
    }

    /// How many different values there are, NaN and each infinity among them.
    pub(crate) fn distinct(&mut self) -> u64 {
        let other = self.beyond().filter(|(_, count)| *count > 0).count();
        (self.runs().count() + other) as u64
    }

    /// Each different value with the number of times it occurs, NaN and the infinities among them.
    pub(crate) fn frequencies(&mut self) -> Vec<(f64, u64)> {
        let other = self.beyond();
        self.runs().chain(other).filter(|(_, count)| *count > 0).collect()
    }

    /// How often what is not finite occurs.
    fn beyond(&self) -> impl Iterator<Item = (f64, u64)> + use<> {
        [
            (f64::NAN, self.not_a_number as u64),
            (f64::INFINITY, self.positive_infinite as u64),
            (f64::NEG_INFINITY, (self.infinite - self.positive_infinite) as u64),
        ]
        .into_iter()
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

/// Sorts numbers in the order of [`f64::total_cmp`], digit by digit from the least: a radix sort, since a column of a million
/// numbers is sorted in each description of a data set, and comparing takes twice as long.
fn ascending(values: Vec<f64>) -> Vec<f64> {
    const BITS: u32 = 11;
    const DIGITS: usize = u64::BITS.div_ceil(BITS) as usize;
    const BUCKETS: usize = 1 << BITS;
    /// Below this, clearing the buckets costs more than comparing.
    const FEW: usize = 4_096;
    if values.len() < FEW {
        let mut values = values;
        values.sort_unstable_by(f64::total_cmp);
        return values;
    }
    const SIGN: u64 = 1 << (u64::BITS - 1);
    let digit = |key: u64, index: usize| (key >> (index as u32 * BITS)) as usize & (BUCKETS - 1);
    // Keys whose order as whole numbers is that of the numbers: negative ones are turned round, positive ones lie above them.
    let mut keys: Vec<u64> = values
        .into_iter()
        .map(|value| {
            let bits = value.to_bits();
            if bits & SIGN == 0 { bits | SIGN } else { !bits }
        })
        .collect();
    let mut counts = vec![[0_usize; BUCKETS]; DIGITS];
    for key in &keys {
        for (index, counts) in counts.iter_mut().enumerate() {
            if let Some(count) = counts.get_mut(digit(*key, index)) {
                *count += 1;
            }
        }
    }
    let mut other = vec![0_u64; keys.len()];
    for (index, counts) in counts.iter_mut().enumerate() {
        if counts.contains(&keys.len()) {
            // All keys have the same digit.
            continue;
        }
        let mut position = 0;
        for count in counts.iter_mut() {
            position += std::mem::replace(count, position);
        }
        for key in &keys {
            if let Some(next) = counts.get_mut(digit(*key, index)) {
                if let Some(slot) = other.get_mut(*next) {
                    *slot = *key;
                }
                *next += 1;
            }
        }
        std::mem::swap(&mut keys, &mut other);
    }
    keys.into_iter().map(|key| f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })).collect()
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
    most_frequent_first(&mut counts);
    Ok(counts)
}

/// The most frequent first, equal ones in the order of the text.
pub(crate) fn most_frequent_first(counts: &mut [(String, u64)]) {
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
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
    fn every_value_counts_once_however_it_is_stored() {
        let mut column =
            numbers(&[2.0, -0.0, f64::NAN, 2.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(Some));
        assert_eq!(column.distinct(), 5);
        let frequencies = column.frequencies();
        assert_eq!(frequencies.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 2, 2, 1, 1]);
        assert_eq!(
            frequencies.iter().map(|(value, _)| value.to_string()).collect::<Vec<_>>(),
            ["-0", "2", "NaN", "inf", "-inf"]
        );
    }

    #[test]
    fn quantiles_of_sorted_values_are_the_same() {
        let values: Vec<Option<f64>> = (0..101).map(|index| Some(f64::from(index * 37 % 101))).collect();
        let (mut selected, mut sorted) = (numbers(&values), numbers(&values));
        sorted.sort();
        let shares = [0.0, 0.013, 0.25, 0.5, 0.75, 0.999, 1.0];
        assert_eq!(selected.quantiles(&shares), sorted.quantiles(&shares));
    }

    #[test]
    fn sorting_agrees_with_comparing() {
        let mut state = 3_u64;
        let mut values: Vec<f64> = (0..20_000)
            .map(|index| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let any = f64::from_bits(state);
                if index % 3 == 0 || !any.is_finite() { (state >> 54) as f64 - 512.0 } else { any }
            })
            .chain([0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -f64::MIN_POSITIVE])
            .collect();
        let sorted = ascending(values.clone());
        values.sort_by(f64::total_cmp);
        assert!(sorted.iter().zip(&values).all(|(left, right)| left.to_bits() == right.to_bits()));
        assert_eq!(sorted.len(), values.len());
        assert_eq!(ascending(vec![1.5; 5_000]), vec![1.5; 5_000]);
    }

    #[test]
    fn the_mode_is_the_least_of_the_most_frequent() {
        assert_eq!(numbers(&[2.0, 1.0, 2.0, 1.0, 3.0].map(Some)).mode(), Some(1.0));
    }
}
