//! The regression report.
#![allow(clippy::indexing_slicing, reason = "rows are counted below the number of rows")]

use kumiko_vocabulary::evaluation::{ConfidenceInterval, EvaluationSpecification, RegressionReport, ResidualPoint};

use crate::error::Error;
use crate::random::Random;

use super::resampling::{intervals, resample};

/// What rows are called in errors.
const TRUTH: &str = "the known answers";
/// One in so many of the residuals kept is one of the widest; the others are drawn.
const WIDEST_SHARE: usize = 10;

/// Measures predicted numbers against known ones.
pub fn regression(
    truth: &[f64],
    predicted: &[f64],
    specification: &EvaluationSpecification,
) -> Result<RegressionReport, Error> {
    check(truth, predicted)?;
    let errors = Errors::new(truth, predicted);
    let largest = errors.absolute.iter().copied().fold(0.0, f64::max);
    Ok(RegressionReport {
        rows: truth.len() as u64,
        rmse: errors.rmse(None),
        mae: errors.mae(None),
        r2: errors.r2(None),
        mape: errors.mape(None),
        median_absolute_error: errors.median(None),
        max_error: largest,
        explained_variance: errors.explained_variance(None),
        mean_error: errors.mean_error(None),
        intervals: errors.intervals(specification)?,
        residuals: residuals(truth, predicted, specification),
    })
}

/// Lengths fit, and every number is finite.
pub(super) fn check(truth: &[f64], predicted: &[f64]) -> Result<(), Error> {
    if truth.is_empty() {
        return Err(Error::Rows { what: TRUTH.to_owned(), rows: 0, expected: "one at least" });
    }
    if truth.len() != predicted.len() {
        return Err(Error::Length {
            what: "the list of predictions".to_owned(),
            expected: truth.len(),
            found: predicted.len(),
        });
    }
    for (what, values) in [(TRUTH, truth), ("the predictions", predicted)] {
        if let Some((row, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(Error::TargetNotFinite { what: what.to_owned(), row, value: *value });
        }
    }
    Ok(())
}

/// Errors row by row. Everywhere `times` says how often a row counts; without it, once.
pub(super) struct Errors<'a> {
    actual: &'a [f64],
    /// Prediction minus value.
    signed: Vec<f64>,
    pub(super) absolute: Vec<f64>,
    /// Rows by rising absolute error.
    order: Vec<u32>,
}

impl<'a> Errors<'a> {
    pub(super) fn new(actual: &'a [f64], predicted: &[f64]) -> Self {
        let signed: Vec<f64> = actual.iter().zip(predicted).map(|(actual, predicted)| predicted - actual).collect();
        let absolute: Vec<f64> = signed.iter().map(|error| error.abs()).collect();
        let mut order: Vec<u32> = (0..absolute.len() as u32).collect();
        order.sort_unstable_by(|left, right| absolute[*left as usize].total_cmp(&absolute[*right as usize]));
        Self { actual, signed, absolute, order }
    }

    /// The mean of a number of each row.
    fn mean(&self, times: Option<&[u32]>, of: impl Fn(usize) -> f64) -> f64 {
        let rows = self.signed.len();
        let sum: f64 = match times {
            None => (0..rows).map(of).sum(),
            Some(times) => times.iter().enumerate().map(|(row, times)| f64::from(*times) * of(row)).sum(),
        };
        sum / rows as f64
    }

    pub(super) fn rmse(&self, times: Option<&[u32]>) -> f64 {
        self.mean(times, |row| self.signed[row] * self.signed[row]).sqrt()
    }

    pub(super) fn mae(&self, times: Option<&[u32]>) -> f64 {
        self.mean(times, |row| self.absolute[row])
    }

    fn mean_error(&self, times: Option<&[u32]>) -> f64 {
        self.mean(times, |row| self.signed[row])
    }

    /// The variance of the values; none where it is zero.
    fn variance(&self, times: Option<&[u32]>) -> Option<f64> {
        let mean = self.mean(times, |row| self.actual[row]);
        let variance = self.mean(times, |row| (self.actual[row] - mean).powi(2));
        (variance > 0.0).then_some(variance)
    }

    pub(super) fn r2(&self, times: Option<&[u32]>) -> Option<f64> {
        let squares = self.mean(times, |row| self.signed[row] * self.signed[row]);
        Some(1.0 - squares / self.variance(times)?).filter(|share| share.is_finite())
    }

    fn explained_variance(&self, times: Option<&[u32]>) -> Option<f64> {
        let mean = self.mean_error(times);
        let spread = self.mean(times, |row| (self.signed[row] - mean).powi(2));
        Some(1.0 - spread / self.variance(times)?).filter(|share| share.is_finite())
    }

    fn mape(&self, times: Option<&[u32]>) -> Option<f64> {
        if self.actual.contains(&0.0) {
            return None;
        }
        Some(self.mean(times, |row| self.absolute[row] / self.actual[row].abs())).filter(|share| share.is_finite())
    }

    /// The median of the absolute errors; of an even number of rows, midway between the middle two.
    fn median(&self, times: Option<&[u32]>) -> f64 {
        let total = self.order.len() as u64;
        let at = |position: u64| {
            let mut passed = 0;
            for row in &self.order {
                passed += times.map_or(1, |times| u64::from(times[*row as usize]));
                if passed > position {
                    return self.absolute[*row as usize];
                }
            }
            0.0
        };
        f64::midpoint(at((total - 1) / 2), at(total / 2))
    }

    fn intervals(&self, specification: &EvaluationSpecification) -> Result<Vec<ConfidenceInterval>, Error> {
        const NAMES: [&str; 6] = ["rmse", "mae", "r2", "mape", "median_absolute_error", "explained_variance"];
        let measures = |times: Option<&[u32]>| {
            vec![
                Some(self.rmse(times)),
                Some(self.mae(times)),
                self.r2(times),
                self.mape(times),
                Some(self.median(times)),
                self.explained_variance(times),
            ]
        };
        let drawn = resample(self.signed.len(), specification.bootstrap_samples, specification.seed, |times| {
            measures(Some(times))
        })?;
        let values: Vec<(&str, Option<f64>)> = NAMES.into_iter().zip(measures(None)).collect();
        Ok(intervals(&values, &drawn))
    }
}

/// Rows for a plot: all where they are few, else the widest residuals and a random sample of the others.
fn residuals(truth: &[f64], predicted: &[f64], specification: &EvaluationSpecification) -> Vec<ResidualPoint> {
    let most = specification.residual_points as usize;
    let mut rows: Vec<usize> = (0..truth.len()).collect();
    if rows.len() > most {
        let width = |row: &usize| (truth[*row] - predicted[*row]).abs();
        rows.sort_unstable_by(|left, right| width(right).total_cmp(&width(left)).then(left.cmp(right)));
        let mut random = Random::new(specification.seed, u64::MAX);
        for position in most / WIDEST_SHARE..most {
            let other = position + random.below(rows.len() - position);
            rows.swap(position, other);
        }
        rows.truncate(most);
    }
    rows.sort_unstable_by(|left, right| predicted[*left].total_cmp(&predicted[*right]).then(left.cmp(right)));
    rows.into_iter()
        .map(|row| ResidualPoint {
            row: row as u64,
            actual: truth[row],
            predicted: predicted[row],
            residual: truth[row] - predicted[row],
        })
        .collect()
}
