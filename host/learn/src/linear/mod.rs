//! Linear models: a weighted sum of the columns, or the log odds that such sums stand for.
//!
//! `normal` brings least squares down to a matrix of the columns' products, from which `least_squares` (ordinary and ridge) and
//! `elastic_net` (with lasso) work; `logistic` minimises its own loss with `lbfgs`. All of them weigh 32-bit features with 64-bit
//! sums, and none takes missing values.

pub(crate) mod elastic_net;
mod lbfgs;
pub(crate) mod least_squares;
pub(crate) mod logistic;
mod normal;

use serde::{Deserialize, Serialize};

use crate::blocks::map_blocks;
use crate::data::Predictions;

pub use logistic::LogisticModel;

/// A number for each row: intercept + Σ coefficient × feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearModel {
    /// One for each column, in the target's unit per unit of the column.
    pub coefficients: Vec<f64>,
    /// The value where every column is zero.
    pub intercept: f64,
}

impl LinearModel {
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let rows = columns.first().map_or(0, |column| column.len());
        Predictions::Values(
            map_blocks(rows, |rows| {
                let mut sums = vec![self.intercept; rows.len()];
                add_products(columns, &self.coefficients, rows.start, &mut sums);
                sums
            })
            .concat(),
        )
    }

    pub(crate) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        if classes.is_some() || self.coefficients.len() != columns {
            return Err("the coefficients do not fit the signature".to_owned());
        }
        if self.coefficients.iter().chain([&self.intercept]).all(|number| number.is_finite()) {
            Ok(())
        } else {
            Err("a coefficient is no finite number".to_owned())
        }
    }
}

/// Adds Σ coefficient × feature to the sums, which belong to the rows from `start`.
fn add_products(columns: &[&[f32]], coefficients: &[f64], start: usize, sums: &mut [f64]) {
    for (column, coefficient) in columns.iter().zip(coefficients) {
        if *coefficient != 0.0 {
            for (sum, value) in sums.iter_mut().zip(column.iter().skip(start)) {
                *sum += coefficient * f64::from(*value);
            }
        }
    }
}

/// Σ factor × feature over some rows, in eight lanes that the processor adds side by side.
fn dot(factors: &[f64], values: &[f32]) -> f64 {
    let (factor_lanes, factor_rest) = factors.as_chunks::<8>();
    let (value_lanes, value_rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (factors, values) in factor_lanes.iter().zip(value_lanes) {
        for ((lane, factor), value) in lanes.iter_mut().zip(factors).zip(values) {
            *lane += factor * f64::from(*value);
        }
    }
    let rest: f64 = factor_rest.iter().zip(value_rest).map(|(factor, value)| factor * f64::from(*value)).sum();
    lanes.iter().sum::<f64>() + rest
}
