//! An explanation summed up: which features matter, which way, and how well it all adds up.
#![allow(clippy::indexing_slicing, reason = "values are laid out by output, feature and row")]

use kumiko_vocabulary::evaluation::{ExplainedOutput, ExplanationReport, FeatureExplanation, RowExplanation};
use rayon::prelude::*;

use super::Explanation;

impl Explanation {
    /// The number of rows explained.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.predictions.first().map_or(0, Vec::len)
    }

    /// The greatest distance of a row's prediction from the base value plus the row's values.
    #[must_use]
    pub fn additivity_error(&self) -> f64 {
        let mut worst = 0.0_f64;
        for (output, predictions) in self.predictions.iter().enumerate() {
            let mut sums = vec![self.base_values[output]; predictions.len()];
            for values in &self.values[output] {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            worst = sums.iter().zip(predictions).map(|(sum, found)| (sum - found).abs()).fold(worst, f64::max);
        }
        worst
    }

    /// The features of an output by falling mean magnitude of their values, with it; equals keep their order.
    #[must_use]
    pub fn ranking(&self, output: usize) -> Vec<(usize, f64)> {
        let mean = |values: &Vec<f64>| values.iter().map(|value| value.abs()).sum::<f64>() / values.len().max(1) as f64;
        let mut ranking: Vec<(usize, f64)> =
            self.values.get(output).into_iter().flatten().map(mean).enumerate().collect();
        ranking.sort_by(|left, right| right.1.total_cmp(&left.1));
        ranking
    }

    /// The report, with the values of the first `row_values` rows.
    #[must_use]
    pub fn report(&self, row_values: u32) -> ExplanationReport {
        ExplanationReport {
            method: self.method,
            output: self.output,
            rows: self.rows() as u64,
            background_rows: self.background_rows.map(|rows| rows as u64),
            outputs: (0..self.values.len()).map(|output| self.explained(output, row_values as usize)).collect(),
            additivity_error: self.additivity_error(),
            notes: self.notes.clone(),
        }
    }

    fn explained(&self, output: usize, row_values: usize) -> ExplainedOutput {
        let ranking = self.ranking(output);
        let rows = self.rows();
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
        let features = ranking.par_iter().map(|(feature, mean_absolute)| FeatureExplanation {
            feature: self.features[*feature].clone(),
            mean_absolute: *mean_absolute,
            mean: mean(&self.values[output][*feature]),
            direction: self.directions[output][*feature],
            standard_error: self.standard_errors.as_ref().map(|errors| mean(&errors[output][*feature])),
        });
        let row = |row: usize| RowExplanation {
            row: row as u64,
            prediction: self.predictions[output][row],
            values: ranking.iter().map(|(feature, _)| self.values[output][*feature][row]).collect(),
        };
        ExplainedOutput {
            class: self.classes[output].clone(),
            unit: self.units[output].clone(),
            base_value: self.base_values[output],
            mean_prediction: (rows > 0).then(|| mean(&self.predictions[output])),
            features: features.collect(),
            row_values: (0..rows.min(row_values)).map(row).collect(),
        }
    }
}

/// Pearson's correlation of a column with its SHAP values, over the rows where it is not missing; none where either does not vary.
pub(super) fn direction(column: &[f32], values: &[f64]) -> Option<f64> {
    let pairs = || column.iter().zip(values).filter(|(value, _)| !value.is_nan()).map(|(x, y)| (f64::from(*x), *y));
    let count = pairs().count() as f64;
    let (sum_x, sum_y) = pairs().fold((0.0, 0.0), |(left, right), (x, y)| (left + x, right + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut squares_x, mut squares_y, mut products) = (0.0, 0.0, 0.0);
    for (x, y) in pairs() {
        let (x, y) = (x - mean_x, y - mean_y);
        squares_x += x * x;
        squares_y += y * y;
        products += x * y;
    }
    // What is left of a constant by rounding is no spread.
    let varies = |squares: f64, mean: f64| squares > count * (mean * 1e-12).powi(2) && squares > f64::MIN_POSITIVE;
    (varies(squares_x, mean_x) && varies(squares_y, mean_y))
        .then(|| (products / (squares_x.sqrt() * squares_y.sqrt())).clamp(-1.0, 1.0))
        .filter(|correlation| correlation.is_finite())
}
