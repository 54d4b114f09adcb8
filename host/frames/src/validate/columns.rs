//! Rules about one column at a time.

use kumiko_vocabulary::data::{ColumnRule, DataType, OutlierMethod, Rule, Severity, ValidationRules, Violation};
use kumiko_vocabulary::data::{DEFAULT_INTERQUARTILE_FACTOR, DEFAULT_STANDARD_SCORE};
use polars::prelude::{Column, Float64Chunked, StringNameSpaceImpl};
use serde_json::Value;

use super::{Offenders, finding};
use crate::Error;
use crate::numbers::{floats, number_text, texts};
use crate::statistics::Numbers;
use crate::summary::distinct;
use crate::types::{data_type, in_words};

/// Checks one column against its own rule, where it has one, and against the rules for all.
pub(super) fn check(column: &Column, rules: &ValidationRules) -> Result<Vec<Violation>, Error> {
    let rule = rules.columns.iter().find(|rule| column.name() == rule.name.as_str());
    let mut violations = Vec::new();
    violations.extend(missing(column, rule, rules)?);
    let kind = data_type(column.dtype());
    if matches!(kind, DataType::Integer | DataType::Number) {
        let numbers = floats(column)?;
        violations.extend(numeric(column, &numbers, rule, rules)?);
    }
    if let Some(rule) = rule {
        violations.extend(own(column, kind, rule, rules)?);
    }
    let nested = matches!(kind, DataType::List | DataType::Record | DataType::Binary);
    if rules.constant_columns != Severity::Ignored
        && !nested
        && column.len() > 1
        && column.null_count() < column.len()
        && distinct(column)? == 1
    {
        let message = format!("column {:?} has the same value in every row that has one", column.name().as_str());
        violations.push(finding(Rule::ConstantColumn, rules.constant_columns, Some(column.name()), message));
    }
    Ok(violations)
}

fn missing(column: &Column, rule: Option<&ColumnRule>, rules: &ValidationRules) -> Result<Option<Violation>, Error> {
    let most = rule.and_then(|rule| rule.maximum_missing_ratio).unwrap_or(rules.maximum_missing_ratio);
    let rows = column.len();
    let ratio = column.null_count() as f64 / rows.max(1) as f64;
    if ratio <= most {
        return Ok(None);
    }
    let message = format!(
        "column {:?}: {:.1} % of the values are missing; at most {:.1} % may be",
        column.name().as_str(),
        ratio * 100.0,
        most * 100.0
    );
    let offenders = Offenders::of(column.is_null().iter().map(|null| null == Some(true)), rules.examples);
    offenders.violation(Rule::MissingValues, Severity::Error, &[column], message).map(Some)
}

/// What is asked of every column of numbers: that they are finite, and that few are far out.
fn numeric(
    column: &Column,
    numbers: &Float64Chunked,
    rule: Option<&ColumnRule>,
    rules: &ValidationRules,
) -> Result<Vec<Violation>, Error> {
    let name = column.name().as_str();
    let mut violations = Vec::new();
    let mut offending = |rule, severity, message: &str, offends: &dyn Fn(f64) -> bool| -> Result<u64, Error> {
        let offenders = Offenders::of(numbers.iter().map(|value| value.is_some_and(offends)), rules.examples);
        if offenders.count > 0 {
            violations.push(offenders.violation(rule, severity, &[column], message.to_owned())?);
        }
        Ok(offenders.count)
    };
    let message = format!("column {name:?} has values that are NaN or infinite");
    offending(Rule::NotFinite, Severity::Warning, &message, &|value| !value.is_finite())?;
    if let Some(minimum) = rule.and_then(|rule| rule.minimum) {
        let message = format!("column {name:?} has values below {minimum}");
        offending(Rule::Minimum, Severity::Error, &message, &|value| value < minimum)?;
    }
    if let Some(maximum) = rule.and_then(|rule| rule.maximum) {
        let message = format!("column {name:?} has values above {maximum}");
        offending(Rule::Maximum, Severity::Error, &message, &|value| value > maximum)?;
    }
    violations.extend(outliers(column, numbers, rules)?);
    Ok(violations)
}

fn outliers(column: &Column, numbers: &Float64Chunked, rules: &ValidationRules) -> Result<Option<Violation>, Error> {
    let rule = &rules.outliers;
    if rule.severity == Severity::Ignored || rule.method == OutlierMethod::None {
        return Ok(None);
    }
    let summary = Numbers::of_floats(numbers).summary();
    let fences = match rule.method {
        OutlierMethod::StandardScore => {
            let factor = rule.factor.unwrap_or(DEFAULT_STANDARD_SCORE);
            summary.mean.zip(summary.standard_deviation).map(|(mean, deviation)| (mean, mean, factor * deviation))
        }
        _ => {
            let factor = rule.factor.unwrap_or(DEFAULT_INTERQUARTILE_FACTOR);
            summary
                .lower_quartile
                .zip(summary.upper_quartile)
                .map(|(lower, upper)| (lower, upper, factor * (upper - lower)))
        }
    };
    // Where most values are the same, every other one would be far out.
    let Some((lower, upper, reach)) = fences.filter(|(_, _, reach)| *reach > 0.0) else { return Ok(None) };
    let (least, most) = (lower - reach, upper + reach);
    let offends = |value: f64| value.is_finite() && (value < least || value > most);
    let offenders = Offenders::of(numbers.iter().map(|value| value.is_some_and(offends)), rules.examples);
    if offenders.count as f64 <= rule.maximum_ratio * numbers.len() as f64 {
        return Ok(None);
    }
    let message = format!(
        "column {:?}: {} values lie outside {} to {}",
        column.name().as_str(),
        offenders.count,
        number_text(least),
        number_text(most)
    );
    offenders.violation(Rule::Outliers, rule.severity, &[column], message).map(Some)
}

/// What the column's own rule asks beyond missing values and range.
fn own(column: &Column, kind: DataType, rule: &ColumnRule, rules: &ValidationRules) -> Result<Vec<Violation>, Error> {
    let name = column.name().as_str();
    let mut violations = Vec::new();
    let fits = rule.data_type.is_none_or(|wanted| {
        wanted == kind || wanted == DataType::Number && kind == DataType::Integer || kind == DataType::Null
    });
    if let Some(wanted) = rule.data_type.filter(|_| !fits) {
        let message = format!("column {name:?} holds {}; {} were expected", in_words(kind), in_words(wanted));
        violations.push(misfits(column, wanted, rules.examples)?.violation(
            Rule::DataType,
            Severity::Error,
            &[column],
            message,
        )?);
    }
    let out_of_range = rule.minimum.is_some() || rule.maximum.is_some();
    if out_of_range && fits && !matches!(kind, DataType::Integer | DataType::Number | DataType::Null) {
        let message = format!("column {name:?} holds {}, which has no range of numbers", in_words(kind));
        violations.push(finding(Rule::DataType, Severity::Error, Some(name), message));
    }
    if !rule.allowed_values.is_empty() {
        let allowed: Vec<String> = rule.allowed_values.iter().map(as_text).collect();
        let texts = texts(column)?;
        let offends = texts.iter().map(|text| text.is_some_and(|text| !allowed.iter().any(|allowed| allowed == text)));
        let offenders = Offenders::of(offends, rules.examples);
        let shown = serde_json::to_string(&rule.allowed_values.iter().take(10).collect::<Vec<_>>()).unwrap_or_default();
        let message = format!("column {name:?} has values other than {shown}");
        violations.extend(
            (offenders.count > 0)
                .then(|| offenders.violation(Rule::AllowedValues, Severity::Error, &[column], message))
                .transpose()?,
        );
    }
    if let Some(pattern) = &rule.pattern {
        let texts = texts(column)?;
        let matches = texts.contains(pattern, true).map_err(|error| {
            Error::argument(
                format!("the rule for column {name:?}, pattern"),
                format!("{pattern:?} is no regular expression: {error}"),
            )
        })?;
        let offenders = Offenders::of(matches.iter().map(|matched| matched == Some(false)), rules.examples);
        let message = format!("column {name:?} has values that do not match {pattern}");
        violations.extend(
            (offenders.count > 0)
                .then(|| offenders.violation(Rule::Pattern, Severity::Error, &[column], message))
                .transpose()?,
        );
    }
    if rule.unique {
        let texts = texts(column)?;
        let mut seen = std::collections::HashSet::new();
        let offenders =
            Offenders::of(texts.iter().map(|text| text.is_some_and(|text| !seen.insert(text))), rules.examples);
        let message = format!("column {name:?} has values that occurred before");
        violations.extend(
            (offenders.count > 0)
                .then(|| offenders.violation(Rule::Unique, Severity::Error, &[column], message))
                .transpose()?,
        );
    }
    Ok(violations)
}

/// The values that are not of the wanted type; every value where the types have no text in common.
fn misfits(column: &Column, wanted: DataType, examples: u32) -> Result<Offenders, Error> {
    if data_type(column.dtype()) == DataType::Text {
        let fits: fn(&str) -> bool = match wanted {
            DataType::Integer => |text| text.trim().parse::<i64>().is_ok(),
            DataType::Number => |text| text.trim().parse::<f64>().is_ok(),
            DataType::Boolean => |text| matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false"),
            DataType::Date | DataType::Datetime => |text| crate::iso::parse(text.trim()).is_some(),
            _ => |_| false,
        };
        let texts = texts(column)?;
        return Ok(Offenders::of(texts.iter().map(|text| text.is_some_and(|text| !fits(text))), examples));
    }
    if wanted == DataType::Integer && data_type(column.dtype()) == DataType::Number {
        let numbers = floats(column)?;
        return Ok(Offenders::of(
            numbers.iter().map(|value| value.is_some_and(|value| value.fract() != 0.0)),
            examples,
        ));
    }
    Ok(Offenders::of(column.is_not_null().iter().map(|present| present == Some(true)), examples))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), number_text),
        other => other.to_string(),
    }
}
