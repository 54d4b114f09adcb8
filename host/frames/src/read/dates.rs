//! Text that turns out to be dates.

use polars::prelude::{Column, DataType, Int32Chunked, Int64Chunked, IntoColumn, TimeUnit, TimeZone};

use crate::iso::{Moment, parse};

/// The column as dates or moments where every value of it is one in ISO 8601 and all are of one kind; unchanged otherwise.
pub(crate) fn recognise(column: Column) -> Column {
    convert(&column).unwrap_or(column)
}

/// `None` where a value is no date, where the kinds differ, or where there is no value at all.
fn convert(column: &Column) -> Option<Column> {
    let texts = column.str().ok()?;
    let first = parse(texts.iter().flatten().next()?)?;
    let name = column.name().clone();
    // The outer option stops at the first misfit, the inner one is a missing value.
    let ticks = |wanted: fn(Moment) -> Option<i64>| -> Option<Int64Chunked> {
        texts
            .iter()
            .map(|text| match text {
                None => Some(None),
                Some(text) => parse(text).and_then(wanted).map(Some),
            })
            .collect::<Option<Vec<Option<i64>>>>()
            .map(|ticks| ticks.into_iter().collect())
    };
    let converted = match first {
        Moment::Date(_) => {
            let days = ticks(|moment| if let Moment::Date(days) = moment { Some(i64::from(days)) } else { None })?;
            let days: Int32Chunked = days.iter().map(|day| day.map(|day| day as i32)).collect();
            days.into_column().cast(&DataType::Date).ok()?
        }
        Moment::Local(_) => {
            let ticks = ticks(|moment| if let Moment::Local(ticks) = moment { Some(ticks) } else { None })?;
            ticks.into_column().cast(&DataType::Datetime(TimeUnit::Microseconds, None)).ok()?
        }
        Moment::Zoned(_) => {
            let ticks = ticks(|moment| if let Moment::Zoned(ticks) = moment { Some(ticks) } else { None })?;
            ticks.into_column().cast(&DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))).ok()?
        }
    };
    Some(converted.with_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_becomes_dates_only_when_every_value_is_one() {
        let dates = recognise(Column::new("d".into(), [Some("2024-01-02"), None]));
        assert_eq!(dates.dtype(), &DataType::Date);
        let mixed = recognise(Column::new("d".into(), ["2024-01-02", "soon"]));
        assert_eq!(mixed.dtype(), &DataType::String);
        let moments = recognise(Column::new("d".into(), ["2024-01-02T03:04:05Z"]));
        assert_eq!(moments.dtype(), &DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)));
    }
}
