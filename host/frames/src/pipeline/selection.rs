//! Features that say too little or nothing of their own, left out.

use kumiko_vocabulary::preparation::UnsupervisedSpecification;
use polars::prelude::DataFrame;
use rayon::prelude::*;

use super::table::TablePlan;
use super::treatment::Treatment;
use crate::Error;
use crate::frame::column;
use crate::numbers::{floats, values_or_nan};
use crate::statistics::Numbers;
use crate::types::{data_type, is_numeric};

/// Correlations are taken of at most this many features: every two of them are compared.
const MAXIMUM_FEATURES: usize = 2_000;
/// Correlations are taken over at most this many rows, evenly spread.
const ROWS: usize = 100_000;

/// Marks the outputs that the thresholds leave out.
pub(super) fn select(
    plan: &mut TablePlan,
    transformed: &DataFrame,
    specification: &UnsupervisedSpecification,
) -> Result<(), Error> {
    if let Some(threshold) = specification.variance_threshold {
        if !(threshold >= 0.0 && threshold.is_finite()) {
            return Err(Error::argument("variance_threshold", format!("{threshold} is not 0 or more")));
        }
        let variances = features(plan, transformed)
            .into_par_iter()
            .map(|(name, factor)| Ok((variance(transformed, &name)? / (factor * factor), name)))
            .collect::<Result<Vec<_>, Error>>()?;
        for (variance, name) in variances.into_iter().filter(|(variance, _)| *variance <= threshold) {
            leave_out(plan, &name, format!("its variance is {variance}, not above {threshold}"));
        }
    }
    if let Some(threshold) = specification.correlation_threshold {
        if !(0.0..=1.0).contains(&threshold) {
            return Err(Error::argument("correlation_threshold", format!("{threshold} is not from 0 to 1")));
        }
        correlated(plan, transformed, threshold)?;
    }
    Ok(())
}

/// The outputs that are still in and are numbers, each with the factor it was scaled by.
fn features(plan: &TablePlan, transformed: &DataFrame) -> Vec<(String, f64)> {
    let mut features = Vec::new();
    for column in plan.columns.iter().filter(|column| column.treatment != Treatment::Passthrough) {
        let factor = if let Treatment::Number { factor, .. } = &column.treatment { factor.0 } else { 1.0 };
        let numeric =
            |name: &&String| transformed.column(name).is_ok_and(|column| is_numeric(data_type(column.dtype())));
        let kept = column.outputs.iter().filter(|output| !column.left_out.iter().any(|(name, _)| name == *output));
        features.extend(kept.filter(numeric).map(|output| (output.clone(), factor)));
    }
    features
}

fn leave_out(plan: &mut TablePlan, output: &str, reason: String) {
    if let Some(column) = plan.columns.iter_mut().find(|column| column.outputs.iter().any(|name| name == output)) {
        column.left_out.push((output.to_owned(), reason));
    }
}

/// The variance with n.
fn variance(frame: &DataFrame, name: &str) -> Result<f64, Error> {
    let numbers = Numbers::of(column(frame, name)?)?;
    Ok(numbers.mean().map_or(0.0, |mean| numbers.squares(mean) / numbers.count() as f64))
}

fn correlated(plan: &mut TablePlan, transformed: &DataFrame, threshold: f64) -> Result<(), Error> {
    let features = features(plan, transformed);
    if features.len() > MAXIMUM_FEATURES {
        let detail =
            format!("{} features are too many to compare every two of; at most {MAXIMUM_FEATURES} are", features.len());
        return Err(Error::argument("correlation_threshold", detail));
    }
    let step = transformed.height().div_ceil(ROWS).max(1);
    let standardised = features
        .into_par_iter()
        .map(|(name, _)| {
            let values = values_or_nan(&floats(column(transformed, &name)?)?);
            Ok((name, unit_vector(values.into_iter().step_by(step).collect())))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut kept: Vec<&(String, Vec<f64>)> = Vec::new();
    for feature in &standardised {
        let twin = kept
            .par_iter()
            .map(|other| (correlation(&feature.1, &other.1), &other.0))
            .find_first(|(correlation, _)| correlation.abs() > threshold);
        match twin {
            Some((correlation, other)) => {
                let reason = format!("its correlation with {other:?} is {correlation:.4}, beyond {threshold}");
                leave_out(plan, &feature.0, reason);
            }
            None => kept.push(feature),
        }
    }
    Ok(())
}

/// The values less their mean, divided by their length, so that a product of two is their correlation; all 0 where they do not vary.
fn unit_vector(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|value| *value -= mean);
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
    values.iter_mut().for_each(|value| *value *= factor);
    values
}

fn correlation(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}
