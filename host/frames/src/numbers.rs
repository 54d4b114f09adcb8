//! Columns as numbers and as text, whatever they are stored as.

use std::borrow::Cow;

use kumiko_vocabulary::data::DataType;
use polars::prelude::{
    ChunkFullNull, Column, DataType as EngineType, Float64Chunked, PlHashMap, StringChunked, TimeUnit,
};

use crate::Error;
use crate::types::{data_type, in_words};

const SECONDS_A_DAY: f64 = 86_400.0;

/// A column as 64-bit numbers: booleans as 0 and 1, dates and moments as seconds since 1970 (UTC), times and spans as seconds.
///
/// # Errors
/// [`Error::ColumnNotNumeric`] where it holds anything else.
pub(crate) fn floats(column: &Column) -> Result<Float64Chunked, Error> {
    let engine = column.dtype();
    let kind = data_type(engine);
    let scaled = |factor: f64| -> Result<Float64Chunked, Error> {
        let physical = column.to_physical_repr().cast(&EngineType::Float64)?;
        Ok(physical.f64()? * factor)
    };
    match kind {
        DataType::Boolean | DataType::Integer | DataType::Number => {
            Ok(column.cast(&EngineType::Float64)?.f64()?.clone())
        }
        DataType::Null => Ok(Float64Chunked::full_null(column.name().clone(), column.len())),
        DataType::Date => scaled(SECONDS_A_DAY),
        DataType::Time => scaled(1e-9),
        DataType::Datetime | DataType::Duration => scaled(match engine {
            EngineType::Datetime(TimeUnit::Milliseconds, _) | EngineType::Duration(TimeUnit::Milliseconds) => 1e-3,
            EngineType::Datetime(TimeUnit::Microseconds, _) | EngineType::Duration(TimeUnit::Microseconds) => 1e-6,
            _ => 1e-9,
        }),
        _ => Err(Error::ColumnNotNumeric { column: column.name().to_string(), found: in_words(kind).to_owned() }),
    }
}

/// The values of a column of numbers; a null is NaN.
pub(crate) fn values_or_nan(numbers: &Float64Chunked) -> Vec<f64> {
    let mut values = Vec::with_capacity(numbers.len());
    for chunk in numbers.downcast_iter() {
        if chunk.validity().is_none() {
            values.extend_from_slice(chunk.values());
        } else {
            values.extend(chunk.iter().map(|value| value.copied().unwrap_or(f64::NAN)));
        }
    }
    values
}

/// The finite values of a column of numbers, in order.
pub(crate) fn finite_values(numbers: &Float64Chunked) -> Vec<f64> {
    let mut values = Vec::with_capacity(numbers.len());
    for chunk in numbers.downcast_iter() {
        if chunk.validity().is_none() {
            values.extend(chunk.values().iter().copied().filter(|value| value.is_finite()));
        } else {
            values.extend(chunk.iter().flatten().copied().filter(|value| value.is_finite()));
        }
    }
    values
}

/// A column as text: text as it is, everything else as it is written in CSV. A whole number stored with a fraction is written without:
/// `1`, not `1.0`, so that a class reads the same whether its column once had missing values or not.
pub(crate) fn texts(column: &Column) -> Result<Cow<'_, StringChunked>, Error> {
    match data_type(column.dtype()) {
        DataType::Text if matches!(column.dtype(), EngineType::String) => Ok(Cow::Borrowed(column.str()?)),
        DataType::Number => {
            let numbers = floats(column)?;
            let written = numbers.iter().map(|value| value.map(number_text));
            let mut texts: StringChunked = written.collect();
            texts.rename(column.name().clone());
            Ok(Cow::Owned(texts))
        }
        DataType::List | DataType::Record | DataType::Binary => Err(Error::ColumnType {
            column: column.name().to_string(),
            expected: "text, numbers, booleans or dates".to_owned(),
            found: in_words(data_type(column.dtype())).to_owned(),
        }),
        _ => Ok(Cow::Owned(column.cast(&EngineType::String)?.str()?.clone())),
    }
}

/// The group of each row, numbered from 0 in the order in which values first occur, and the number of groups. A null is a value.
pub(crate) fn groups(column: &Column) -> Result<(Vec<u32>, usize), Error> {
    let texts = texts(column)?;
    let mut found: PlHashMap<Option<&str>, u32> = PlHashMap::default();
    let codes = texts
        .iter()
        .map(|text| {
            let next = found.len() as u32;
            *found.entry(text).or_insert(next)
        })
        .collect();
    Ok((codes, found.len()))
}

/// Above this (2⁵³), neighbouring whole numbers cannot be told apart as 64-bit floats.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number as a person writes it.
pub(crate) fn number_text(value: f64) -> String {
    if value == 0.0 {
        // Minus zero included.
        "0".to_owned()
    } else if value.fract() == 0.0 && value.abs() <= EXACT {
        format!("{value:.0}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_moments_are_seconds_since_1970() {
        let days = Column::new("day".into(), [1_i32]).cast(&EngineType::Date).unwrap();
        assert_eq!(floats(&days).unwrap().get(0), Some(86_400.0));
        let engine = EngineType::Datetime(TimeUnit::Milliseconds, None);
        let moments = Column::new("at".into(), [1_500_i64]).cast(&engine).unwrap();
        assert_eq!(floats(&moments).unwrap().get(0), Some(1.5));
    }

    #[test]
    fn whole_numbers_are_written_without_a_fraction() {
        let column = Column::new("n".into(), [1.0, 0.5, -0.0, -10.0]);
        let texts = texts(&column).unwrap();
        assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["1", "0.5", "0", "-10"]);
    }

    #[test]
    fn text_is_refused_as_numbers_by_name() {
        let column = Column::new("city".into(), ["a"]);
        assert!(matches!(floats(&column), Err(Error::ColumnNotNumeric { column, .. }) if column == "city"));
    }
}
