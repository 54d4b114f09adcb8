//! Dates and moments as ISO 8601 writes them, in the Gregorian calendar.
//!
//! `2024-02-29`, `2024-02-29T12:30`, `2024-02-29 12:30:05.123456`, each moment also with `Z` or an offset such as `+09:00`.
//! Other notations, day first or month first, cannot be told apart and are left as text.

use crate::calendar::{SECONDS_A_DAY, days_from_civil, days_in_month};

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00, without a time zone.
    Local(i64),
    /// Microseconds since 1970-01-01T00:00Z.
    Zoned(i64),
}

const MICROSECONDS_A_SECOND: i64 = 1_000_000;

/// Reads a text; `None` where it is no date.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let (year, rest) = number(text.as_bytes(), 4)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if rest.is_empty() {
        return i32::try_from(days).ok().map(Moment::Date);
    }
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?;
    let (time, zone) = time_of_day(rest)?;
    let local = days * SECONDS_A_DAY * MICROSECONDS_A_SECOND + time;
    if zone.is_empty() {
        return Some(Moment::Local(local));
    }
    Some(Moment::Zoned(local - offset(zone)? * MICROSECONDS_A_SECOND))
}

/// Microseconds since midnight and what follows the time.
fn time_of_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = number(text, 2)?;
    let (minute, mut rest) = number(rest.strip_prefix(b":")?, 2)?;
    let mut second = 0;
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(b":") {
        (second, rest) = number(after, 2)?;
        if let Some(after) = rest.strip_prefix(b".") {
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || digits > 9 {
                return None;
            }
            let (value, after) = number(after, digits)?;
            // What is finer than a microsecond is cut off.
            fraction =
                if digits <= 6 { value * 10_i64.pow(6 - digits as u32) } else { value / 10_i64.pow(digits as u32 - 6) };
            rest = after;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * MICROSECONDS_A_SECOND + fraction, rest))
}

/// Seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    if zone == b"Z" || zone == b"z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = number(rest, 2)?;
    let minutes = if rest.is_empty() {
        0
    } else {
        let (minutes, rest) = number(rest.strip_prefix(b":").unwrap_or(rest), 2)?;
        if !rest.is_empty() {
            return None;
        }
        minutes
    };
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60)
}

/// The number that the first `digits` bytes write, and what follows them.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let mut value = 0_i64;
    for byte in head {
        value = value * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970_leap_years_included() {
        assert_eq!(parse("1970-01-01"), Some(Moment::Date(0)));
        assert_eq!(parse("2000-02-29"), Some(Moment::Date(11_016)));
        assert_eq!(parse("1969-12-31"), Some(Moment::Date(-1)));
        assert_eq!(parse("2100-02-29"), None);
    }

    #[test]
    fn moments_have_fractions_and_offsets() {
        assert_eq!(parse("1970-01-01T00:01"), Some(Moment::Local(60_000_000)));
        assert_eq!(parse("1970-01-01 00:00:01.5"), Some(Moment::Local(1_500_000)));
        assert_eq!(parse("1970-01-01T09:00:00+09:00"), Some(Moment::Zoned(0)));
        assert_eq!(parse("1970-01-01T00:00:00.123456789Z"), Some(Moment::Zoned(123_456)));
    }

    #[test]
    fn what_is_no_iso_date_is_left_alone() {
        for text in
            ["", "2024", "2024-1-1", "01/02/2024", "2024-13-01", "2024-01-01T25:00", "2024-01-01x", "２０２４-01-01"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
