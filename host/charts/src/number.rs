//! Numbers as people read them: thousands apart, a true minus sign, no more digits than mean something.

/// From here on ticks are written with a letter for the power of a thousand.
const LETTERED: f64 = 1e6;
/// From here on, and below the inverse of ten thousand, numbers are written with a power of ten.
const SCIENTIFIC: f64 = 1e15;

/// A label for a tick of an axis whose ticks are `step` apart: as many decimals as the step needs. `largest` is the
/// greatest magnitude on the axis and decides the form, so that all labels of an axis look alike.
pub(crate) fn tick(value: f64, step: f64, largest: f64) -> String {
    // Zero may come out of the arithmetic as a tiny remainder.
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if largest >= SCIENTIFIC || (largest > 0.0 && largest < 1e-4) {
        return if value == 0.0 { "0".to_owned() } else { scientific(value, 3) };
    }
    let (divisor, letter) = if largest >= LETTERED { lettered(largest) } else { (1.0, "") };
    let text = grouped(&format!("{:.*}", decimals(step / divisor), value / divisor));
    if value == 0.0 { text } else { format!("{text}{letter}") }
}

/// Decimals that tell apart numbers that are `step` apart.
fn decimals(step: f64) -> usize {
    (0..10)
        .find(|places| {
            let scaled = step * 10_f64.powi(*places);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1e-3) && scaled.round() >= 1.0
        })
        .unwrap_or(10) as usize
}

fn lettered(value: f64) -> (f64, &'static str) {
    match value.abs() {
        size if size >= 1e12 => (1e12, "T"),
        size if size >= 1e9 => (1e9, "B"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// A value with `digits` significant digits: `0.0123`, `12.3`, `12,345`, `1.23e−9`.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..LETTERED).contains(&size) {
        return if (LETTERED..SCIENTIFIC).contains(&size) { compact(value) } else { scientific(value, digits) };
    }
    let before = size.log10().floor() as i64 + 1;
    let places = usize::try_from(digits as i64 - before).unwrap_or(0);
    grouped(&format!("{value:.places$}"))
}

/// A value with the decimals that give `largest` three significant digits, so that values in one figure line up; more
/// where the value would be written as zero and is not.
pub(crate) fn aligned(value: f64, largest: f64) -> String {
    let largest = largest.abs();
    if !(1e-4..LETTERED).contains(&largest) {
        return significant(value, 3);
    }
    let places = usize::try_from(2 - largest.log10().floor() as i64).unwrap_or(0);
    if value == 0.0 || value.abs() >= 0.5 * 10_f64.powi(-(places as i32)) {
        grouped(&format!("{value:.places$}"))
    } else {
        significant(value, 1)
    }
}

/// A whole number with its thousands apart.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A number in at most five characters or so: `847`, `12.3k`, `4.57M`, `1.8e19`.
pub(crate) fn compact(value: f64) -> String {
    if value.abs() >= SCIENTIFIC {
        return scientific(value, 2);
    }
    let (divisor, letter) = lettered(value);
    let scaled = value / divisor;
    let places = match scaled.abs() {
        _ if letter.is_empty() => 0,
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    grouped(&format!("{scaled:.places$}{letter}"))
}

/// A share as a percentage that says 0 % and 100 % only when it means none and all.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0%".to_owned(),
        100.0 => "100%".to_owned(),
        small if small < 0.1 => "<0.1%".to_owned(),
        large if large > 99.9 => ">99.9%".to_owned(),
        other => format!("{other:.1}%"),
    }
}

fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    format!("{mantissa}e{exponent}").replace('-', "−")
}

/// Commas between the thousands of a decimal number and a true minus sign before it.
fn grouped(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) if rest.chars().any(|digit| ('1'..='9').contains(&digit)) => ("−", rest),
        Some(rest) => ("", rest),
        None => ("", text),
    };
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (whole, fraction) = rest.split_at(end);
    let mut spaced = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            spaced.push(',');
        }
        spaced.push(digit);
    }
    spaced.push_str(fraction);
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_have_the_decimals_of_their_step() {
        assert_eq!(tick(0.5, 0.25, 1.0), "0.50");
        assert_eq!(tick(-2.0, 1.0, 5.0), "−2");
        assert_eq!(tick(12_500.0, 2_500.0, 20_000.0), "12,500");
        assert_eq!(tick(1_500_000.0, 500_000.0, 3_000_000.0), "1.5M");
        assert_eq!(tick(1e-17, 0.1, 1.0), "0.0");
        assert_eq!(tick(2e-7, 1e-7, 5e-7), "2e−7");
    }

    #[test]
    fn values_keep_their_significant_digits() {
        assert_eq!(significant(0.012_345, 3), "0.0123");
        assert_eq!(significant(12_345.6, 3), "12,346");
        assert_eq!(significant(-0.5, 3), "−0.500");
        assert_eq!(significant(1.234e-9, 3), "1.23e−9");
        assert_eq!(significant(2_500_000.0, 3), "2.50M");
        assert_eq!(significant(0.0, 3), "0");
    }

    #[test]
    fn values_of_one_figure_have_the_same_decimals() {
        assert_eq!(aligned(1.0, 0.912), "1.000");
        assert_eq!(aligned(0.012_34, 0.309), "0.012");
        assert_eq!(aligned(-0.000_04, 0.309), "−4e−5");
        assert_eq!(aligned(-0.000_4, 0.309), "−0.0004");
        assert_eq!(aligned(12.0, 3456.0), "12");
    }

    #[test]
    fn counts_are_grouped_and_compacted() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(compact(847.0), "847");
        assert_eq!(compact(12_345.0), "12.3k");
        assert_eq!(compact(9_999.0), "10.0k");
        assert_eq!(compact(1.84e19), "1.8e19");
    }

    #[test]
    fn only_none_and_all_are_written_as_0_and_100_percent() {
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.000_2), "<0.1%");
        assert_eq!(percent(0.999_8), ">99.9%");
        assert_eq!(percent(0.125), "12.5%");
    }

    #[test]
    fn a_negative_number_that_rounds_to_zero_has_no_sign() {
        assert_eq!(grouped("-0.00"), "0.00");
    }
}
