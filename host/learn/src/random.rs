//! Random numbers that are the same everywhere: xoshiro256++ (Blackman and Vigna, 2019), seeded by splitmix64.

use serde::{Deserialize, Serialize};

/// A stream of random numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "[u64; 4]", try_from = "[u64; 4]")]
pub(crate) struct Random {
    state: [u64; 4],
}

impl From<Random> for [u64; 4] {
    fn from(random: Random) -> Self {
        random.state
    }
}

impl TryFrom<[u64; 4]> for Random {
    type Error = &'static str;

    fn try_from(state: [u64; 4]) -> Result<Self, Self::Error> {
        // The one state that is left for no other: every draw would be 0, and some loops draw until it is not.
        if state == [0; 4] { Err("a stream of random numbers stands at zero") } else { Ok(Self { state }) }
    }
}

impl Random {
    /// Stream number `stream` of a seed. Streams of one seed do not overlap in practice: each starts at a hashed state.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut mixer = seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95).rotate_left(17);
        Self { state: [(); 4].map(|()| splitmix(&mut mixer)) }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A whole number from 0 to `bound` − 1; 0 where `bound` is 0. The bias of the multiplication is below 2⁻³² for bounds that
    /// fit 32 bits.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// A number from 0 to below 1, one of 2⁵³ that are equally likely.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from 0 to below 1, one of 2²⁴ that are equally likely.
    pub(crate) fn uniform_f32(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// A number of the standard normal distribution: Marsaglia's polar method (1964), the second number of each pair left.
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Puts the entries into random order, every order equally likely (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, entries: &mut [T]) {
        for length in (2..=entries.len()).rev() {
            entries.swap(length - 1, self.below(length));
        }
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_two_streams_differ() {
        let draw = |stream| {
            let mut random = Random::new(42, stream);
            (0..8).map(|_| random.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }

    #[test]
    fn whole_numbers_stay_below_their_bound_and_reach_every_value() {
        let mut random = Random::new(1, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[random.below(7)] += 1;
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn uniform_and_normal_draws_have_their_means_and_variances() {
        let mut random = Random::new(5, 0);
        let moments = |mut draw: Box<dyn FnMut() -> f64 + '_>| {
            let draws: Vec<f64> = (0..100_000).map(|_| draw()).collect();
            let mean = draws.iter().sum::<f64>() / 1e5;
            (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 1e5)
        };
        let close = |(mean, variance): (f64, f64), expected: (f64, f64)| {
            assert!((mean - expected.0).abs() < 0.01 && (variance - expected.1).abs() < 0.02, "{mean}, {variance}");
        };
        close(moments(Box::new(|| random.uniform())), (0.5, 1.0 / 12.0));
        close(moments(Box::new(|| f64::from(random.uniform_f32()))), (0.5, 1.0 / 12.0));
        close(moments(Box::new(|| random.normal())), (0.0, 1.0));
    }

    #[test]
    fn a_shuffle_reaches_every_order_about_as_often() {
        let mut random = Random::new(6, 0);
        let mut seen = std::collections::HashMap::new();
        for _ in 0..6_000 {
            let mut entries = [0, 1, 2];
            random.shuffle(&mut entries);
            *seen.entry(entries).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (850..1_150).contains(count)), "{seen:?}");
    }
}
