//! Columns that give the target away.
//!
//! A feature that all but equals the answer is usually made from it, or is known only afterwards. Association is measured so that it is 1
//! for a perfect one and near 0 for chance, whatever the types: Pearson and Spearman for two numbers, the bias-corrected
//! correlation ratio for a number and groups, bias-corrected Cramér's V (Bergsma 2013) for two groupings. Corrected, because a column
//! of identifiers separates anything.

use kumiko_vocabulary::data::{DataType, Rule, Severity, ValidationRules, Violation};
use polars::prelude::{Column, DataFrame};
use rayon::prelude::*;

use super::finding;
use crate::Error;
use crate::numbers::{floats, groups, values_or_nan};
use crate::summary::distinct;
use crate::types::{data_type, is_numeric};

/// A target of whole numbers with at most this many values names classes.
const CLASSES: u64 = 20;
/// Association is measured on at most this many rows, evenly spread.
const ROWS: usize = 100_000;

/// Measures every column against the target. A target that is absent is told by another rule.
pub(super) fn check(frame: &DataFrame, target: &str, rules: &ValidationRules) -> Result<Vec<Violation>, Error> {
    let step = frame.height().div_ceil(ROWS).max(1);
    let sample = if step > 1 {
        let rows = (0..frame.height() as u32).step_by(step).collect();
        crate::frame::take(frame, rows)?
    } else {
        frame.clone()
    };
    let Some(target) = sample.get_column_index(target).and_then(|index| sample.columns().get(index)) else {
        return Ok(Vec::new());
    };
    if target.null_count() == target.len() || nested(target) {
        return Ok(Vec::new());
    }
    let answer = Side::of(target)?;
    let suspects: Vec<Option<Violation>> = sample
        .columns()
        .par_iter()
        .filter(|column| column.name() != target.name() && column.null_count() < column.len() && !nested(column))
        .map(|column| {
            let association = association(&Side::of(column)?, &answer);
            let message = format!(
                "column {:?} is associated with the target {:?} by {association:.4}; it may have been made from it",
                column.name().as_str(),
                target.name().as_str()
            );
            let suspect = association >= rules.leakage_threshold;
            Ok(suspect.then(|| finding(Rule::Leakage, Severity::Warning, Some(column.name()), message)))
        })
        .collect::<Result<_, Error>>()?;
    Ok(suspects.into_iter().flatten().collect())
}

fn nested(column: &Column) -> bool {
    matches!(data_type(column.dtype()), DataType::List | DataType::Record | DataType::Binary)
}

/// A column as association sees it.
enum Side {
    Numbers(Vec<f64>),
    Groups { codes: Vec<Option<u32>>, count: usize },
}

impl Side {
    fn of(column: &Column) -> Result<Self, Error> {
        let kind = data_type(column.dtype());
        let names_classes = match kind {
            DataType::Integer => distinct(column)? <= CLASSES,
            _ => !is_numeric(kind) || kind == DataType::Boolean,
        };
        if !names_classes {
            return Ok(Self::Numbers(values_or_nan(&floats(column)?)));
        }
        let (codes, count) = groups(column)?;
        let present = column.is_not_null();
        let codes =
            codes.into_iter().zip(present.iter()).map(|(code, present)| (present == Some(true)).then_some(code));
        Ok(Self::Groups { codes: codes.collect(), count })
    }
}

fn association(feature: &Side, target: &Side) -> f64 {
    match (feature, target) {
        (Side::Numbers(left), Side::Numbers(right)) => {
            let pairs: Vec<(f64, f64)> = left
                .iter()
                .copied()
                .zip(right.iter().copied())
                .filter(|(left, right)| left.is_finite() && right.is_finite())
                .collect();
            let (left, right): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            pearson(&left, &right).abs().max(pearson(&ranks(&left), &ranks(&right)).abs())
        }
        (Side::Numbers(numbers), Side::Groups { codes, count })
        | (Side::Groups { codes, count }, Side::Numbers(numbers)) => correlation_ratio(numbers, codes, *count),
        (Side::Groups { codes: left, count: rows }, Side::Groups { codes: right, count: columns }) => {
            cramers_v(left, right, *rows, *columns)
        }
    }
}

fn pearson(left: &[f64], right: &[f64]) -> f64 {
    let count = left.len() as f64;
    let (mean_left, mean_right) = (left.iter().sum::<f64>() / count, right.iter().sum::<f64>() / count);
    let (mut both, mut squares_left, mut squares_right) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(right) {
        both += (left - mean_left) * (right - mean_right);
        squares_left += (left - mean_left).powi(2);
        squares_right += (right - mean_right).powi(2);
    }
    let scale = (squares_left * squares_right).sqrt();
    // Two points always lie on a line.
    if left.len() > 2 && scale > 0.0 { both / scale } else { 0.0 }
}

/// The rank of each value, equal ones sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for run in order.chunk_by(|left, right| left.0 == right.0) {
        let mean = start as f64 + (run.len() - 1) as f64 / 2.0;
        for (_, position) in run {
            if let Some(rank) = ranks.get_mut(*position) {
                *rank = mean;
            }
        }
        start += run.len();
    }
    ranks
}

/// The root of ε² = 1 - (1 - η²) (n - 1) / (n - k) (Kelley 1935).
fn correlation_ratio(numbers: &[f64], codes: &[Option<u32>], groups: usize) -> f64 {
    let mut sums = vec![(0.0, 0.0); groups];
    let (mut total, mut count) = (0.0, 0.0);
    let pairs = || {
        numbers
            .iter()
            .zip(codes)
            .filter_map(|(number, code)| Some((*number, (*code)? as usize)))
            .filter(|(number, _)| number.is_finite())
    };
    for (number, code) in pairs() {
        total += number;
        count += 1.0;
        if let Some((sum, rows)) = sums.get_mut(code) {
            *sum += number;
            *rows += 1.0;
        }
    }
    let mean = total / count;
    let whole: f64 = pairs().map(|(number, _)| (number - mean).powi(2)).sum();
    let between: f64 =
        sums.iter().filter(|(_, rows)| *rows > 0.0).map(|(sum, rows)| rows * (sum / rows - mean).powi(2)).sum();
    let used = sums.iter().filter(|(_, rows)| *rows > 0.0).count() as f64;
    if whole <= 0.0 || count <= used || used < 2.0 {
        return 0.0;
    }
    (1.0 - (1.0 - between / whole) * (count - 1.0) / (count - used)).max(0.0).sqrt()
}

fn cramers_v(left: &[Option<u32>], right: &[Option<u32>], rows: usize, columns: usize) -> f64 {
    use std::collections::HashMap;
    let mut cells: HashMap<(u32, u32), f64> = HashMap::new();
    let (mut of_row, mut of_column, mut count) = (vec![0.0; rows], vec![0.0; columns], 0.0);
    for (left, right) in left.iter().zip(right).filter_map(|(left, right)| Some(((*left)?, (*right)?))) {
        *cells.entry((left, right)).or_default() += 1.0;
        count += 1.0;
        if let (Some(row), Some(column)) = (of_row.get_mut(left as usize), of_column.get_mut(right as usize)) {
            *row += 1.0;
            *column += 1.0;
        }
    }
    // χ² / n = Σ o² / (r c) - 1, the sum going over cells that occur.
    let squared: f64 = cells
        .iter()
        .filter_map(|((row, column), observed)| {
            Some(observed * observed / (of_row.get(*row as usize)? * of_column.get(*column as usize)?))
        })
        .sum::<f64>()
        - 1.0;
    let used = |margins: &[f64]| margins.iter().filter(|margin| **margin > 0.0).count() as f64;
    let (rows, columns) = (used(&of_row), used(&of_column));
    if count < 2.0 || rows < 2.0 || columns < 2.0 {
        return 0.0;
    }
    let corrected = (squared - (rows - 1.0) * (columns - 1.0) / (count - 1.0)).max(0.0);
    let rows = rows - (rows - 1.0).powi(2) / (count - 1.0);
    let columns = columns - (columns - 1.0).powi(2) / (count - 1.0);
    let least = rows.min(columns) - 1.0;
    if least > 0.0 { (corrected / least).sqrt().min(1.0) } else { 0.0 }
}
