//! Power transforms that make a column more like a normal distribution.
//!
//! Box and Cox (1964): `(x^λ - 1) / λ`, and `ln x` for λ = 0. Yeo and Johnson (2000) for every sign. The exponent λ is the one of greatest
//! likelihood under normality, searched between -5 and 5.

use kumiko_vocabulary::preparation::PowerMethod;
use polars::prelude::Column;

use super::numeric::mapped;
use crate::Error;
use crate::numbers::{finite_values, floats};

const LEAST: f64 = -5.0;
const GREATEST: f64 = 5.0;
/// The width at which the search ends.
const PRECISION: f64 = 1e-6;
/// Exponents nearer to 0 than this are 0: the difference quotient loses its digits there.
const NEAR_ZERO: f64 = 1e-9;

/// The exponent of greatest likelihood; 1 for a column that does not vary.
pub(super) fn exponent(column: &Column, method: PowerMethod) -> Result<f64, Error> {
    let values = finite_values(&floats(column)?);
    if values.is_empty() {
        return Err(Error::NothingInColumn { column: column.name().to_string(), rows: column.len() });
    }
    if method == PowerMethod::BoxCox {
        let not_positive = values.iter().filter(|value| **value <= 0.0).count();
        if not_positive > 0 {
            let detail = format!(
                "column {:?} has {not_positive} values that are not positive; yeo_johnson takes those",
                column.name().as_str()
            );
            return Err(Error::argument("method", detail));
        }
    }
    let log_jacobian: f64 = match method {
        PowerMethod::BoxCox => values.iter().map(|value| value.ln()).sum(),
        PowerMethod::YeoJohnson => values.iter().map(|value| value.signum() * value.abs().ln_1p()).sum(),
    };
    let likelihood = |exponent: f64| {
        let count = values.len() as f64;
        let transformed = || values.iter().map(|value| of(*value, exponent, method));
        let mean = transformed().sum::<f64>() / count;
        let variance = transformed().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        let likelihood = (exponent - 1.0) * log_jacobian - count / 2.0 * variance.ln();
        if variance > 0.0 && likelihood.is_finite() { likelihood } else { f64::NEG_INFINITY }
    };
    let best = greatest(likelihood);
    Ok(if likelihood(best) > f64::NEG_INFINITY { best } else { 1.0 })
}

/// The transformed column.
pub(super) fn transform(column: &Column, exponent: f64, method: PowerMethod) -> Result<Column, Error> {
    mapped(column, "power", |value| of(value, exponent, method))
}

fn of(value: f64, exponent: f64, method: PowerMethod) -> f64 {
    match method {
        PowerMethod::BoxCox if value <= 0.0 => f64::NAN,
        PowerMethod::BoxCox => raised(value.ln(), exponent),
        PowerMethod::YeoJohnson if value >= 0.0 => raised(value.ln_1p(), exponent),
        PowerMethod::YeoJohnson => -raised((-value).ln_1p(), 2.0 - exponent),
    }
}

/// `(e^(λ l) - 1) / λ`, and its limit `l` for λ = 0.
fn raised(logarithm: f64, exponent: f64) -> f64 {
    if exponent.abs() < NEAR_ZERO { logarithm } else { (exponent * logarithm).exp_m1() / exponent }
}

/// Where a function with one peak is greatest (golden-section search).
fn greatest(function: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (LEAST, GREATEST);
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (function(left), function(right));
    while high - low > PRECISION {
        if at_left >= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = function(right);
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponents_are_those_of_scipy() {
        let near = |values: &[f64], method, expected: f64| {
            let found = exponent(&Column::new("a".into(), values), method).unwrap();
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        };
        // scipy.stats.boxcox(…)[1] and scipy.stats.yeojohnson(…)[1], scipy 1.17.
        near(&[1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0], PowerMethod::BoxCox, 0.038_675_957);
        near(&[-3.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0], PowerMethod::YeoJohnson, 0.746_539_385);
    }

    #[test]
    fn yeo_johnson_is_continuous_at_zero_and_the_identity_at_one() {
        for value in [-2.0, -0.5, 0.0, 0.5, 2.0] {
            assert!((of(value, 1.0, PowerMethod::YeoJohnson) - value).abs() < 1e-12);
        }
        assert!((of(1e-9, 0.3, PowerMethod::YeoJohnson) - of(-1e-9, 0.3, PowerMethod::YeoJohnson)).abs() < 1e-8);
    }

    #[test]
    fn box_cox_refuses_what_is_not_positive_and_names_the_other() {
        let column = Column::new("a".into(), [0.0, 1.0]);
        let error = exponent(&column, PowerMethod::BoxCox).unwrap_err().to_string();
        assert!(error.contains("yeo_johnson"), "{error}");
    }
}
