//! The functions between layers, and their slopes.

use serde::{Deserialize, Serialize};

/// What a layer does to its sums, entry by entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Activation {
    /// The larger of x and 0.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Logistic,
    /// x itself.
    Identity,
}

impl Activation {
    /// The activation of a name in lower case, as scikit-learn names them; none where there is no such name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "relu" => Some(Self::Relu),
            "tanh" => Some(Self::Tanh),
            "logistic" => Some(Self::Logistic),
            "identity" => Some(Self::Identity),
            _ => None,
        }
    }

    /// Turns sums into activations, in place.
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            // A sum that is not a number stays one, so that a diverged network is noticed.
            Self::Relu => values.iter_mut().for_each(|value| *value = if *value < 0.0 { 0.0 } else { *value }),
            Self::Tanh => values.iter_mut().for_each(|value| *value = tanh(*value)),
            Self::Logistic => values.iter_mut().for_each(|value| *value = 0.5 + 0.5 * tanh(0.5 * *value)),
            Self::Identity => {}
        }
    }

    /// Multiplies `slopes` by the activation's derivative, which each activation can tell from its own value.
    pub(crate) fn multiply_by_derivative(self, values: &[f32], slopes: &mut [f32]) {
        let pairs = slopes.iter_mut().zip(values);
        match self {
            Self::Relu => pairs.for_each(|(slope, value)| *slope = if *value > 0.0 { *slope } else { 0.0 }),
            Self::Tanh => pairs.for_each(|(slope, value)| *slope *= 1.0 - value * value),
            Self::Logistic => pairs.for_each(|(slope, value)| *slope *= value * (1.0 - value)),
            Self::Identity => {}
        }
    }
}

/// The hyperbolic tangent as a quotient of polynomials, the one of Eigen's `ptanh`: a few units in the last place off, without
/// a branch, so that the compiler makes vectors of it. Beyond ±7.9 the result rounds to ±1.
fn tanh(value: f32) -> f32 {
    const LARGEST: f32 = 7.905_311;
    let x = value.clamp(-LARGEST, LARGEST);
    let square = x * x;
    let above = [2.000_188e-13, -8.604_672e-11, 5.122_297e-8, 1.485_722_4e-5, 6.372_619_3e-4, 4.893_525e-3]
        .iter()
        .fold(-2.760_768_5e-16_f32, |sum, coefficient| sum * square + coefficient);
    let below = [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3]
        .iter()
        .fold(1.198_258_4e-6_f32, |sum, coefficient| sum * square + coefficient);
    x * above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tangent_is_that_of_the_standard_library_to_single_precision() {
        let worst = (-100_000..=100_000)
            .map(|step| step as f32 * 1e-4)
            .map(|x| (f64::from(tanh(x)) - f64::from(x).tanh()).abs())
            .fold(0.0, f64::max);
        assert!(worst < 5e-7, "{worst}");
        assert!(tanh(f32::NAN).is_nan());
        assert!((tanh(f32::INFINITY) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_derivative_is_told_from_the_value() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::Logistic, Activation::Identity] {
            for x in [-2.0_f32, -0.3, 0.4, 1.7] {
                let at = |x: f32| {
                    let mut value = [x];
                    activation.apply(&mut value);
                    value[0]
                };
                let mut slope = [3.0];
                activation.multiply_by_derivative(&[at(x)], &mut slope);
                let step = 1e-2;
                let expected = 3.0 * (at(x + step) - at(x - step)) / (2.0 * step);
                assert!((slope[0] - expected).abs() < 1e-3, "{activation:?} at {x}: {} for {expected}", slope[0]);
            }
        }
    }
}
