//! Derivatives as whole numbers: both of a row in 64 bits, so that one addition adds both, and sums are exact.
//!
//! The first derivative is the upper half, signed; the second the lower half, never negative, so nothing is carried between them
//! that does not belong there. Each is scaled by the largest power of two with which the sum over all rows stays below 2³¹. A sum of
//! whole numbers does not depend on the order of addition: histograms may be built in any number of pieces, and a sibling's is the
//! parent's minus the other's, to the bit.
#![allow(clippy::indexing_slicing, reason = "blocks of pairs hold all outputs of their rows")]

use rayon::prelude::*;

use super::objective::Pair;

/// Rows at most: rounding adds half a unit a row, and a sum has 31 bits.
pub(super) const MOST_ROWS: usize = 1 << 30;
/// Rows of a piece of work.
const BLOCK_ROWS: usize = 8_192;
/// Adding this leaves a number's whole part in the lowest bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// A sum of both derivatives as whole numbers.
pub(super) type Packed = u64;

/// The sum of first derivatives in a packed sum.
#[inline(always)]
pub(super) fn first(packed: Packed) -> i32 {
    (packed >> 32) as i32
}

/// The sum of second derivatives in a packed sum.
#[inline(always)]
pub(super) fn second(packed: Packed) -> i32 {
    packed as i32
}

/// What the whole numbers are worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// First derivatives are multiplied by this.
    pub(super) first: f64,
    /// Second derivatives are multiplied by this.
    pub(super) second: f64,
}

impl Scale {
    /// The scale for sums of absolute derivatives over `rows` rows.
    pub(super) fn new([first, second]: [f64; 2], rows: usize) -> Self {
        let room = f64::from(i32::MAX) - 1.0 - rows as f64 / 2.0;
        let power = |sum: f64| if sum > 0.0 { (room / sum).log2().floor().clamp(-120.0, 120.0).exp2() } else { 1.0 };
        Self { first: power(first), second: power(second) }
    }

    /// Both sums in their own units.
    pub(super) fn unpack(self, packed: Packed) -> (f64, f64) {
        (f64::from(first(packed)) / self.first, f64::from(second(packed)) / self.second)
    }

    #[inline(always)]
    fn pack(self, [first, second]: Pair) -> Packed {
        let whole = |number: f64| (number + ROUNDING).to_bits() as u32;
        let upper = whole(f64::from(first) * self.first);
        let lower = whole(f64::from(second) * self.second);
        u64::from(upper) << 32 | u64::from(lower)
    }

    /// Packs one output's derivatives of every row.
    pub(super) fn pack_all(self, pairs: &[Pair], outputs: usize, output: usize, packed: &mut [Packed]) {
        let blocks = packed.par_chunks_mut(BLOCK_ROWS).zip(pairs.par_chunks(BLOCK_ROWS * outputs));
        blocks.for_each(|(packed, pairs)| {
            if outputs == 1 {
                for (packed, pair) in packed.iter_mut().zip(pairs) {
                    *packed = self.pack(*pair);
                }
            } else {
                for (packed, pairs) in packed.iter_mut().zip(pairs.chunks_exact(outputs)) {
                    *packed = self.pack(pairs[output]);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_packed_derivatives_are_those_of_the_derivatives() {
        let pairs: Vec<Pair> =
            (0..1_000).map(|row| [((row * 37 % 101) as f32 - 60.0) / 7.0, (row % 5) as f32]).collect();
        let absolute =
            pairs.iter().fold([0.0, 0.0], |sum, pair| [sum[0] + f64::from(pair[0].abs()), sum[1] + f64::from(pair[1])]);
        let scale = Scale::new(absolute, pairs.len());
        let mut packed = vec![0; pairs.len()];
        scale.pack_all(&pairs, 1, 0, &mut packed);
        let sum = |range: std::ops::Range<usize>| packed[range].iter().fold(0, |sum: u64, one| sum.wrapping_add(*one));
        let (first, second) = scale.unpack(sum(0..1_000));
        let exact: f64 = pairs.iter().map(|pair| f64::from(pair[0])).sum();
        assert!((first - exact).abs() < 1e-3 && second == 2_000.0, "{first} {exact} {second}");
        assert_eq!(sum(0..1_000).wrapping_sub(sum(0..400)), sum(400..1_000));
    }
}
