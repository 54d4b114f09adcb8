//! Parts of dates, and circles for what comes round again.

use std::f64::consts::TAU;

use kumiko_vocabulary::data::DataType;
use kumiko_vocabulary::preparation::DatePart;
use polars::prelude::{Column, Float64Chunked, Int32Chunked, IntoColumn};

use super::named;
use super::numeric::mapped;
use crate::Error;
use crate::calendar::{SECONDS_A_DAY, civil_from_days, day_of_year, iso_week, weekday};
use crate::numbers::floats;
use crate::read::recognise_dates;
use crate::types::{data_type, in_words};

/// Parts of a date as integers.
pub(super) fn parts(column: &Column, parts: &[DatePart]) -> Result<Vec<Column>, Error> {
    if parts.is_empty() {
        return Err(Error::argument("parts", "at least one part was expected"));
    }
    let seconds = seconds(column)?;
    let made = parts.iter().map(|part| {
        let values: Int32Chunked = seconds.iter().map(|second| second.map(|second| of(second, *part) as i32)).collect();
        values.into_column().with_name(named(column, word(*part)))
    });
    Ok(made.collect())
}

/// Sine and cosine of a number by its period, or of a part of a date.
pub(super) fn cyclical(column: &Column, period: Option<f64>, part: Option<DatePart>) -> Result<Vec<Column>, Error> {
    let (source, period, prefix) = match (period, part) {
        (Some(period), None) if period > 0.0 && period.is_finite() => (column.clone(), period, String::new()),
        (Some(period), None) => return Err(Error::argument("period", format!("{period} is not a positive number"))),
        (None, Some(part)) => {
            let (least, count) = cycle(part).ok_or_else(|| {
                Error::argument("part", format!("{} does not come round; month, week, day, day_of_year, weekday, hour, minute, second or quarter do", word(part)))
            })?;
            let values: Float64Chunked =
                seconds(column)?.iter().map(|second| second.map(|second| (of(second, part) - least) as f64)).collect();
            (values.into_column().with_name(column.name().clone()), count, format!("{}_", word(part)))
        }
        _ => return Err(Error::argument("period", "either a period (for numbers) or a part (for dates) was expected")),
    };
    Ok(vec![
        mapped(&source, &format!("{prefix}sine"), |value| (TAU * value / period).sin())?,
        mapped(&source, &format!("{prefix}cosine"), |value| (TAU * value / period).cos())?,
    ])
}

/// Whole seconds since 1970; text in ISO 8601 is read as such.
fn seconds(column: &Column) -> Result<Vec<Option<i64>>, Error> {
    let dates = recognise_dates(column.clone());
    let kind = data_type(dates.dtype());
    if !matches!(kind, DataType::Date | DataType::Datetime | DataType::Null) {
        return Err(Error::ColumnType {
            column: column.name().to_string(),
            expected: "dates, or text in which every value is one (2024-02-29, 2024-02-29T12:30:00Z),".to_owned(),
            found: in_words(kind).to_owned(),
        });
    }
    Ok(floats(&dates)?.iter().map(|second| second.map(|second| second.floor() as i64)).collect())
}

fn of(second: i64, part: DatePart) -> i64 {
    let (days, time) = (second.div_euclid(SECONDS_A_DAY), second.rem_euclid(SECONDS_A_DAY));
    let (year, month, day) = civil_from_days(days);
    match part {
        DatePart::Year => year,
        DatePart::Quarter => (month - 1) / 3 + 1,
        DatePart::Month => month,
        DatePart::Week => iso_week(days),
        DatePart::Day => day,
        DatePart::DayOfYear => day_of_year(days),
        DatePart::Weekday => weekday(days),
        DatePart::IsWeekend => i64::from(weekday(days) > 5),
        DatePart::Hour => time / 3_600,
        DatePart::Minute => time / 60 % 60,
        DatePart::Second => time % 60,
    }
}

/// The least value of a part and after how much it comes round again, on average where that varies.
fn cycle(part: DatePart) -> Option<(i64, f64)> {
    match part {
        DatePart::Quarter => Some((1, 4.0)),
        DatePart::Month => Some((1, 12.0)),
        DatePart::Week => Some((1, 52.1775)),
        DatePart::Day => Some((1, 30.436_875)),
        DatePart::DayOfYear => Some((1, 365.2425)),
        DatePart::Weekday => Some((1, 7.0)),
        DatePart::Hour => Some((0, 24.0)),
        DatePart::Minute | DatePart::Second => Some((0, 60.0)),
        DatePart::Year | DatePart::IsWeekend => None,
    }
}

fn word(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "year",
        DatePart::Quarter => "quarter",
        DatePart::Month => "month",
        DatePart::Week => "week",
        DatePart::Day => "day",
        DatePart::DayOfYear => "day_of_year",
        DatePart::Weekday => "weekday",
        DatePart::IsWeekend => "is_weekend",
        DatePart::Hour => "hour",
        DatePart::Minute => "minute",
        DatePart::Second => "second",
    }
}
