//! Cells and rows as JSON.

use polars::prelude::{AnyValue, Column, DataFrame, TimeUnit};
use serde_json::{Map, Number, Value};

use crate::Error;
use crate::calendar::civil_from_days;

/// The rows from `offset`, up to `count` of them, as objects with every column as a key.
pub(crate) fn rows(frame: &DataFrame, offset: usize, count: usize) -> Result<Vec<Map<String, Value>>, Error> {
    let offset = offset.min(frame.height());
    let count = count.min(frame.height() - offset);
    let mut rows = vec![Map::with_capacity(frame.width()); count];
    for column in frame.columns() {
        for (position, row) in rows.iter_mut().enumerate() {
            row.insert(column.name().to_string(), cell(column, offset + position)?);
        }
    }
    Ok(rows)
}

/// One cell: numbers, text and booleans as they are, dates and times in ISO 8601, NaN and infinities as null, bytes as their number.
pub(crate) fn cell(column: &Column, row: usize) -> Result<Value, Error> {
    Ok(value(column.get(row)?))
}

/// A finite number, whole where it is; null otherwise.
pub(crate) fn number(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn value(any: AnyValue<'_>) -> Value {
    match any {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::Bool(value),
        AnyValue::String(text) => Value::String(text.to_owned()),
        AnyValue::StringOwned(text) => Value::String(text.to_string()),
        AnyValue::UInt8(value) => value.into(),
        AnyValue::UInt16(value) => value.into(),
        AnyValue::UInt32(value) => value.into(),
        AnyValue::UInt64(value) => value.into(),
        AnyValue::Int8(value) => value.into(),
        AnyValue::Int16(value) => value.into(),
        AnyValue::Int32(value) => value.into(),
        AnyValue::Int64(value) => value.into(),
        AnyValue::Float32(value) => number(f64::from(value)),
        AnyValue::Float64(value) => number(value),
        AnyValue::Date(days) => Value::String(date(i64::from(days))),
        AnyValue::Datetime(ticks, unit, zone) => Value::String(moment(ticks, unit, zone.is_some())),
        AnyValue::DatetimeOwned(ticks, unit, zone) => Value::String(moment(ticks, unit, zone.is_some())),
        AnyValue::Duration(ticks, unit) => number(ticks as f64 / ticks_a_second(unit) as f64),
        AnyValue::List(series) => Value::Array(series.iter().map(value).collect()),
        AnyValue::Struct(_, _, fields) => {
            let names: Vec<String> = fields.iter().map(|field| field.name().to_string()).collect();
            let mut cells = Vec::new();
            any._materialize_struct_av(&mut cells);
            Value::Object(names.into_iter().zip(cells.into_iter().map(value)).collect())
        }
        AnyValue::StructOwned(content) => {
            let (cells, fields) = *content;
            Value::Object(
                fields.iter().map(|field| field.name().to_string()).zip(cells.into_iter().map(value)).collect(),
            )
        }
        AnyValue::Binary(bytes) => bytes.len().into(),
        AnyValue::BinaryOwned(bytes) => bytes.len().into(),
        other => other.extract::<f64>().map_or_else(|| Value::String(other.to_string()), number),
    }
}

fn ticks_a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => 1_000_000_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Milliseconds => 1_000,
    }
}

/// The day this many days after 1970-01-01.
pub(crate) fn date(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

fn moment(ticks: i64, unit: TimeUnit, zoned: bool) -> String {
    let second = ticks_a_second(unit);
    let seconds = ticks.div_euclid(second);
    let fraction = ticks.rem_euclid(second);
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut text = format!("{}T{:02}:{:02}:{:02}", date(days), time / 3_600, time / 60 % 60, time % 60);
    if fraction != 0 {
        let digits = second.ilog10() as usize;
        text.push_str(format!(".{fraction:0digits$}").trim_end_matches('0'));
    }
    if zoned {
        text.push('Z');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_iso_8601() {
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(moment(-1, TimeUnit::Milliseconds, false), "1969-12-31T23:59:59.999");
        assert_eq!(moment(1_500_000, TimeUnit::Microseconds, true), "1970-01-01T00:00:01.5Z");
    }

    #[test]
    fn numbers_that_json_lacks_are_null() {
        assert_eq!(number(f64::NAN), Value::Null);
        assert_eq!(number(f64::INFINITY), Value::Null);
        assert_eq!(number(1.5), serde_json::json!(1.5));
    }
}
