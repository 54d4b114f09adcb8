//! Exponentials and logarithms over many rows: 32 bits, without branches, so that the compiler works on several rows at once; and
//! the same on every machine, which the platform's mathematics library is not.

/// ln 2, split so that a multiple of the first part is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding this rounds to a whole number in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;
/// e to the power of this is the smallest number worth having.
const LEAST: f32 = -87.0;

/// e to the power of a number of zero or less, within 2 units in the last place; below −87 that of −87.
#[inline(always)]
pub(super) fn exp_negative(x: f32) -> f32 {
    let x = x.max(LEAST);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let whole = rounded - ROUNDING;
    let rest = x - whole * LN_2_HIGH - whole * LN_2_LOW;
    // The Taylor series up to the sixth power: |rest| is at most ln 2 / 2.
    let series = 1.0
        + rest
            * (1.0
                + rest
                    * (0.5 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * (1.0 / 120.0 + rest * (1.0 / 720.0))))));
    let exponent = (rounded.to_bits() as i32).wrapping_sub(ROUNDING.to_bits() as i32);
    series * f32::from_bits(((exponent + 127) << 23) as u32)
}

/// e to the power of a number, within −87 and 87.
#[inline]
pub(super) fn exp(x: f32) -> f32 {
    let small = exp_negative(-x.abs());
    if x <= 0.0 { small } else { 1.0 / small }
}

/// ln(1 + x) for x from 0 to 1, within 3 units in the last place.
#[inline(always)]
pub(super) fn ln_1p_unit(x: f32) -> f32 {
    // ln(1 + x) = 2 artanh(x / (2 + x)), whose argument is at most a third.
    let z = x / (2.0 + x);
    let square = z * z;
    let series = 1.0
        + square
            * (1.0 / 3.0
                + square * (0.2 + square * (1.0 / 7.0 + square * (1.0 / 9.0 + square * (1.0 / 11.0 + square / 13.0)))));
    2.0 * z * series
}

/// 1 / (1 + e to the power of −x).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let small = exp_negative(-x.abs());
    let part = 1.0 / (1.0 + small);
    if x >= 0.0 { part } else { small * part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_and_logarithms_agree_with_the_exact_ones() {
        for step in 0..=8_600 {
            let x = -(step as f32) / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp_negative(x)) - exact).abs() <= 3e-7 * exact, "{x}");
            assert!((f64::from(exp(-x)) * exact - 1.0).abs() <= 4e-7, "{x}");
            let exact = 1.0 / (1.0 + f64::from(-x).exp());
            assert!((f64::from(sigmoid(x)) - exact).abs() <= 4e-7 * exact, "{x}");
        }
        for step in 0..=1_000 {
            let x = step as f32 / 1_000.0;
            let exact = f64::from(x).ln_1p();
            assert!((f64::from(ln_1p_unit(x)) - exact).abs() <= 4e-7 * exact, "{x}");
        }
        assert!(exp_negative(-1e30) < 1e-37 && sigmoid(-1e30) < 1e-37);
        assert!(sigmoid(1e30) == 1.0 && sigmoid(0.0) == 0.5);
    }
}
