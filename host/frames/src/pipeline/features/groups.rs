//! Statistics of a column within groups, learnt on the fitted rows.

use std::collections::HashMap;

use kumiko_vocabulary::preparation::AggregateFunction;
use polars::prelude::{Column, DataFrame, Float64Chunked, IntoColumn};
use serde::{Deserialize, Serialize};

use super::Exact;
use crate::Error;
use crate::frame::column;
use crate::numbers::{floats, texts, values_or_nan};
use crate::statistics::Numbers;

/// What tells a group: the values of the columns that it goes by.
type Key = Vec<Option<String>>;
/// For each column, each function in turn.
type Statistics = Vec<Option<Exact>>;

/// The statistics of each group, and of all rows for groups that were not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupStatistics {
    groups: Vec<(Key, Statistics)>,
    overall: Statistics,
}

/// Learns the statistics of every group.
pub(super) fn learn(
    frame: &DataFrame,
    by: &[String],
    columns: &[String],
    functions: &[AggregateFunction],
) -> Result<GroupStatistics, Error> {
    if by.is_empty() || columns.is_empty() || functions.is_empty() {
        return Err(Error::argument("group_aggregates", "by, columns and functions each need at least one entry"));
    }
    let mut members: HashMap<Key, Vec<usize>> = HashMap::new();
    for (row, key) in keys(frame, by)?.into_iter().enumerate() {
        members.entry(key).or_default().push(row);
    }
    let values = columns
        .iter()
        .map(|name| Ok(values_or_nan(&floats(column(frame, name)?)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let statistics = |rows: Option<&[usize]>| -> Statistics {
        let of_column = |values: &Vec<f64>| {
            let values: Vec<f64> = match rows {
                Some(rows) => rows.iter().filter_map(|row| values.get(*row).copied()).collect(),
                None => values.clone(),
            };
            let mut numbers = Numbers::of_floats(&Float64Chunked::from_vec("".into(), values));
            functions.iter().map(|function| statistic(&mut numbers, *function).map(Exact)).collect::<Vec<_>>()
        };
        values.iter().flat_map(of_column).collect()
    };
    let mut groups: Vec<_> = members.into_iter().map(|(key, rows)| (key, statistics(Some(&rows)))).collect();
    groups.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(GroupStatistics { groups, overall: statistics(None) })
}

/// Looks up each row's group.
pub(super) fn apply(
    frame: &DataFrame,
    by: &[String],
    columns: &[String],
    functions: &[AggregateFunction],
    learnt: &GroupStatistics,
) -> Result<Vec<Column>, Error> {
    let of_group: HashMap<&Key, &Statistics> = learnt.groups.iter().map(|(key, values)| (key, values)).collect();
    let keys = keys(frame, by)?;
    let rows: Vec<&Statistics> = keys.iter().map(|key| of_group.get(key).copied().unwrap_or(&learnt.overall)).collect();
    let names = columns.iter().flat_map(|name| {
        functions.iter().map(move |function| format!("{name}_{}_by_{}", word(*function), by.join("_")))
    });
    let made = names.enumerate().map(|(position, name)| {
        let values: Float64Chunked =
            rows.iter().map(|values| values.get(position).copied().flatten().map(|value| value.0)).collect();
        values.into_column().with_name(name.into())
    });
    Ok(made.collect())
}

/// The group of each row. A null is a value.
fn keys(frame: &DataFrame, by: &[String]) -> Result<Vec<Key>, Error> {
    let mut keys = vec![Vec::with_capacity(by.len()); frame.height()];
    for name in by {
        let texts = texts(column(frame, name)?)?;
        for (key, text) in keys.iter_mut().zip(texts.iter()) {
            key.push(text.map(str::to_owned));
        }
    }
    Ok(keys)
}

fn statistic(numbers: &mut Numbers, function: AggregateFunction) -> Option<f64> {
    let count = numbers.count();
    match function {
        AggregateFunction::Count => Some(count as f64),
        AggregateFunction::Sum => Some(numbers.mean().map_or(0.0, |mean| mean * count as f64)),
        AggregateFunction::Mean => numbers.mean(),
        AggregateFunction::Minimum => numbers.range().map(|(least, _)| least),
        AggregateFunction::Maximum => numbers.range().map(|(_, greatest)| greatest),
        AggregateFunction::Median => numbers.quantiles(&[0.5]).first().copied(),
        AggregateFunction::StandardDeviation => {
            numbers.mean().filter(|_| count > 1).map(|mean| (numbers.squares(mean) / (count - 1) as f64).sqrt())
        }
    }
}

fn word(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Mean => "mean",
        AggregateFunction::Minimum => "minimum",
        AggregateFunction::Maximum => "maximum",
        AggregateFunction::Median => "median",
        AggregateFunction::StandardDeviation => "standard_deviation",
    }
}
