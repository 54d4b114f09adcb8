//! SHAP values of linear models, with columns taken as independent: coefficient × (value − mean of the background rows), in the unit
//! of the sum (log odds for logistic regression). They are the exact interventional values.

use rayon::prelude::*;

use super::Contributions;

/// Explains Σ coefficient × column + intercept for each output. The background has a row at least.
pub(super) fn linear(
    coefficients: &[&[f64]],
    intercepts: &[f64],
    columns: &[&[f32]],
    background: &[&[f32]],
) -> Contributions {
    let means: Vec<f64> = background
        .par_iter()
        .map(|column| column.iter().map(|value| f64::from(*value)).sum::<f64>() / column.len().max(1) as f64)
        .collect();
    let rows = columns.first().map_or(0, |column| column.len());
    let values = |coefficients: &&[f64]| -> Vec<Vec<f64>> {
        (columns.par_iter().zip(*coefficients).zip(&means))
            .map(|((column, coefficient), mean)| {
                column.iter().map(|value| coefficient * (f64::from(*value) - mean)).collect()
            })
            .collect()
    };
    let predictions = |(coefficients, intercept): (&&[f64], &f64)| {
        let mut sums = vec![*intercept; rows];
        for (column, coefficient) in columns.iter().zip(*coefficients) {
            for (sum, value) in sums.iter_mut().zip(*column) {
                *sum += coefficient * f64::from(*value);
            }
        }
        sums
    };
    let base = |(coefficients, intercept): (&&[f64], &f64)| {
        intercept + coefficients.iter().zip(&means).map(|(coefficient, mean)| coefficient * mean).sum::<f64>()
    };
    Contributions {
        base_values: coefficients.iter().zip(intercepts).map(base).collect(),
        values: coefficients.iter().map(values).collect(),
        predictions: coefficients.iter().zip(intercepts).map(predictions).collect(),
        standard_errors: None,
    }
}
