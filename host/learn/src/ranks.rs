//! Where values are among a few numbers that rise, many values at a time.
//!
//! The range of the numbers is cut into even buckets, and a value's bucket says which numbers it can be between: a search begins there
//! and has few halvings left. A bucket follows from a value by a subtraction and a multiplication, which keep order however they are
//! rounded; so numbers of lower buckets are below the value, those of higher ones above it, and what is found is exact.
#![allow(
    clippy::indexing_slicing,
    reason = "buckets are clamped; positions are taken modulo the length of the numbers"
)]

use std::hint::select_unpredictable;

/// 2²³.
const WHOLE: f32 = 8_388_608.0;
/// Buckets of a range.
const BUCKETS: usize = 1_024;
/// Numbers at most: what is found is a byte.
const MOST_NUMBERS: usize = 255;
/// Places of the numbers and of those that a search may look at beyond.
const PLACES: usize = 512;

/// Numbers that rise, ready for [`Ranks::of`].
pub(crate) struct Ranks {
    /// The numbers, and NaN after them, which nothing reaches.
    numbers: Box<[f32; PLACES]>,
    lowest: f32,
    buckets_per_unit: f32,
    /// For each bucket the numbers of those before.
    before: Box<[u8; BUCKETS]>,
    /// Halvings that find the place within a bucket.
    halvings: u32,
}

impl Ranks {
    /// For numbers that rise, 255 at most.
    pub(crate) fn new(rising: &[f32]) -> Self {
        let mut numbers = Box::new([f32::NAN; PLACES]);
        for (place, number) in numbers[..MOST_NUMBERS].iter_mut().zip(rising) {
            *place = *number;
        }
        let finite = || rising.iter().filter(|number| number.is_finite());
        let lowest = finite().next().copied().unwrap_or(0.0);
        let range = finite().next_back().map_or(0.0, |highest| highest - lowest);
        let buckets_per_unit = BUCKETS as f32 / range;
        let mut ranks = Self {
            numbers,
            lowest,
            // A range that is nothing or beyond all numbers is one bucket.
            buckets_per_unit: if buckets_per_unit.is_normal() { buckets_per_unit } else { 0.0 },
            before: Box::new([0; BUCKETS]),
            halvings: 0,
        };
        let mut counts = [0_u8; BUCKETS];
        rising.iter().for_each(|number| counts[ranks.bucket(*number)] += 1);
        let mut sum = 0;
        for (before, count) in ranks.before.iter_mut().zip(counts) {
            *before = sum;
            sum += count;
            ranks.halvings = ranks.halvings.max(u8::BITS - count.leading_zeros());
        }
        ranks
    }

    /// The bucket of a value, rounded to the nearest: NaN is in the first.
    #[inline(always)]
    fn bucket(&self, value: f32) -> usize {
        let bucket = ((value - self.lowest) * self.buckets_per_unit).max(0.0).min((BUCKETS - 1) as f32);
        // A float of this size has a whole number in its lowest bits.
        (bucket + WHOLE).to_bits() as usize % BUCKETS
    }

    /// Puts down for each value how many of the numbers `is_reached` says that it reaches: those below it, or also those equal to it.
    /// NaN reaches none. A value must reach every number below it and none above.
    #[inline(always)]
    pub(crate) fn of(&self, values: &[f32], ranks: &mut [u8], is_reached: impl Fn(f32, f32) -> bool) {
        let first_half = (1 << self.halvings) >> 1;
        for (rank, value) in ranks.iter_mut().zip(values) {
            let mut reached = usize::from(self.before[self.bucket(*value)]);
            let mut half = first_half;
            while half > 0 {
                // Numbers beyond the bucket are not reached, so the search may look at them.
                let number = self.numbers[(reached + half - 1) % PLACES];
                // Whether a number is reached is as good as random: a branch would be guessed wrongly half of the time.
                reached = select_unpredictable(is_reached(number, *value), reached + half, reached);
                half /= 2;
            }
            *rank = reached as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn check(numbers: &[f32], values: &[f32]) {
        let ranks = Ranks::new(numbers);
        let mut found = vec![0; values.len()];
        let counted = |is_reached: fn(f32, f32) -> bool| -> Vec<u8> {
            let count = |value: &f32| numbers.iter().filter(|number| is_reached(**number, *value)).count() as u8;
            values.iter().map(count).collect()
        };
        ranks.of(values, &mut found, |number, value| number < value);
        assert_eq!(found, counted(|number, value| number < value));
        ranks.of(values, &mut found, |number, value| number <= value);
        assert_eq!(found, counted(|number, value| number <= value));
    }

    #[test]
    fn a_rank_is_the_number_of_those_below() {
        let mut random = Random::new(3, 0);
        let special = [f32::NAN, -0.0, 0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, -1e-45, 1.0];
        for count in [0, 1, 2, 3, 7, 8, 100, 254, 255] {
            for spread in [1e-42, 1.0, 1e3, 3e38] {
                let number = |random: &mut Random| (random.below(2_001) as f32 / 1_000.0 - 1.0) * spread;
                // Even, and crowded at one end.
                for power in [1, 5] {
                    let mut numbers: Vec<f32> =
                        (0..count).map(|_| (number(&mut random) / spread).powi(power) * spread).collect();
                    numbers.sort_by(f32::total_cmp);
                    numbers.dedup();
                    let mut values: Vec<f32> = (0..500).map(|_| number(&mut random)).collect();
                    values.extend(&numbers);
                    values.extend(numbers.iter().flat_map(|number| [number.next_up(), number.next_down()]));
                    values.extend(special);
                    values.retain(|value| !value.is_infinite());
                    check(&numbers, &values);
                }
            }
        }
    }

    #[test]
    fn infinite_numbers_are_beyond_all_values() {
        let values = [f32::MIN, -1.0, 0.0, 0.5, 2.0, f32::MAX, f32::NAN];
        check(&[f32::NEG_INFINITY, 0.0, 1.0, f32::INFINITY], &values);
        check(&[f32::NEG_INFINITY, f32::INFINITY], &values);
        check(&[f32::NEG_INFINITY, f32::MIN, f32::MAX, f32::INFINITY], &values);
    }
}
