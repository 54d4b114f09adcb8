//! What is in a data set, column by column.

use kumiko_vocabulary::data::{ColumnSummary, DataType, DatasetSummary, TextSummary, ValueCount};
use polars::prelude::{Column, DataFrame};
use rayon::prelude::*;
use serde_json::Value;

use crate::Error;
use crate::json;
use crate::numbers::{EXACT, number_text};
use crate::statistics::{Numbers, distinct_numbers, most_frequent_first, value_counts};
use crate::types::data_type;

/// How many of the most frequent values are listed.
const TOP_VALUES: usize = 10;
/// A column of numbers with at most this many different values has its most frequent ones listed.
const FEW_VALUES: u64 = 20;

/// Statistics of every column, and the first rows.
pub(crate) fn summarise(frame: &DataFrame, sample: usize) -> Result<DatasetSummary, Error> {
    let columns = frame.columns().par_iter().map(column_summary).collect::<Result<Vec<_>, _>>()?;
    Ok(DatasetSummary {
        rows: frame.height() as u64,
        missing_values: columns.iter().map(|column| column.missing).sum(),
        columns,
        memory_bytes: frame.estimated_size() as u64,
        sample: json::rows(frame, 0, sample)?,
    })
}

fn column_summary(column: &Column) -> Result<ColumnSummary, Error> {
    let data_type = data_type(column.dtype());
    let missing = column.null_count() as u64;
    let rows = column.len() as u64;
    let mut summary = ColumnSummary {
        name: column.name().to_string(),
        data_type,
        missing,
        missing_ratio: if rows == 0 { 0.0 } else { missing as f64 / rows as f64 },
        distinct: None,
        numeric: None,
        text: None,
        earliest: None,
        latest: None,
        top_values: Vec::new(),
    };
    match data_type {
        DataType::Integer | DataType::Number => {
            let mut numbers = Numbers::of(column)?;
            // Sorted once, all that follows is read off.
            numbers.sort();
            summary.numeric = Some(numbers.summary());
            let told_apart = numbers.range().is_none_or(|(least, greatest)| least.abs().max(greatest.abs()) < EXACT);
            let distinct =
                if told_apart || data_type == DataType::Number { numbers.distinct() } else { distinct(column)? };
            summary.distinct = Some(distinct);
            if distinct <= FEW_VALUES {
                let frequencies = numbers.frequencies().into_iter();
                let mut counts: Vec<_> = frequencies.map(|(value, count)| (number_text(value), count)).collect();
                most_frequent_first(&mut counts);
                summary.top_values = listed(counts, |text| text.parse().map_or(Value::Null, number));
            }
        }
        DataType::Text => {
            let (top_values, distinct) = top(column, |text| Value::String(text.to_owned()))?;
            (summary.top_values, summary.distinct) = (top_values, Some(distinct));
            summary.text = lengths(column)?;
        }
        DataType::Boolean => {
            let (top_values, distinct) = top(column, |text| Value::Bool(text == "true"))?;
            (summary.top_values, summary.distinct) = (top_values, Some(distinct));
        }
        DataType::Date | DataType::Datetime | DataType::Time | DataType::Duration => {
            summary.distinct = Some(distinct(column)?);
            let series = column.as_materialized_series();
            let text = |scalar: polars::prelude::Scalar| -> Result<Option<String>, Error> {
                let cell = Column::new_scalar("".into(), scalar, 1);
                Ok(json::cell(&cell, 0)?.as_str().map(str::to_owned))
            };
            summary.earliest = text(series.min_reduce()?)?;
            summary.latest = text(series.max_reduce()?)?;
        }
        DataType::Null => summary.distinct = Some(0),
        DataType::List | DataType::Record | DataType::Binary => {}
    }
    Ok(summary)
}

/// A number as JSON, whole where it is written whole.
fn number(value: f64) -> Value {
    number_text(value).parse::<i64>().map_or_else(|_| json::number(value), Value::from)
}

/// How many different values a column has, nulls left out. Not for lists and objects.
pub(crate) fn distinct(column: &Column) -> Result<u64, Error> {
    if data_type(column.dtype()) == DataType::Text {
        let texts = crate::numbers::texts(column)?;
        return Ok(texts.iter().flatten().collect::<polars::prelude::PlHashSet<_>>().len() as u64);
    }
    distinct_numbers(column)
}

/// The most frequent values and how many different ones there are.
fn top(column: &Column, value: impl Fn(&str) -> Value) -> Result<(Vec<ValueCount>, u64), Error> {
    let counts = value_counts(column)?;
    let distinct = counts.len() as u64;
    Ok((listed(counts, value), distinct))
}

/// The first of the counts, as they are listed.
fn listed(counts: Vec<(String, u64)>, value: impl Fn(&str) -> Value) -> Vec<ValueCount> {
    counts.into_iter().take(TOP_VALUES).map(|(text, count)| ValueCount { value: value(&text), count }).collect()
}

fn lengths(column: &Column) -> Result<Option<TextSummary>, Error> {
    let texts = crate::numbers::texts(column)?;
    let mut lengths = texts.iter().flatten().map(|text| text.chars().count() as u64);
    let Some(first) = lengths.next() else { return Ok(None) };
    let (mut shortest, mut longest, mut total, mut count) = (first, first, first, 1_u64);
    for length in lengths {
        shortest = shortest.min(length);
        longest = longest.max(length);
        total += length;
        count += 1;
    }
    Ok(Some(TextSummary { shortest, longest, mean_length: total as f64 / count as f64 }))
}
