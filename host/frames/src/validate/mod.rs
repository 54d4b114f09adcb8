//! Is this data set what was expected? Every rule is checked, every violation told; nothing is changed.

mod columns;
mod leakage;
mod table;

use kumiko_vocabulary::data::{ExampleRow, Rule, Severity, ValidationReport, ValidationRules, Verdict, Violation};
use polars::prelude::{Column, DataFrame};
use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::{Error, json};

/// Checks a frame against rules.
pub(crate) fn validate(frame: &DataFrame, rules: &ValidationRules) -> Result<ValidationReport, Error> {
    check_rules(rules)?;
    let mut violations = table::check(frame, rules)?;
    let by_column: Vec<Vec<Violation>> =
        frame.columns().par_iter().map(|column| columns::check(column, rules)).collect::<Result<_, _>>()?;
    violations.extend(by_column.into_iter().flatten());
    if let Some(target) = &rules.target_column {
        violations.extend(leakage::check(frame, target, rules)?);
    }
    violations.retain(|violation| violation.severity != Severity::Ignored);
    // Errors first; otherwise the order in which the rules are checked.
    violations.sort_by_key(|violation| std::cmp::Reverse(violation.severity));
    let of = |severity| violations.iter().filter(|violation| violation.severity == severity).count() as u64;
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let verdict = match (errors, warnings) {
        (0, 0) => Verdict::Passed,
        (0, _) => Verdict::PassedWithWarnings,
        _ => Verdict::Failed,
    };
    Ok(ValidationReport {
        verdict,
        rows: frame.height() as u64,
        columns: frame.width() as u64,
        errors,
        warnings,
        violations,
    })
}

fn check_rules(rules: &ValidationRules) -> Result<(), Error> {
    let share = |argument: String, value: f64| {
        if (0.0..=1.0).contains(&value) {
            Ok(())
        } else {
            Err(Error::argument(argument, format!("{value} is not from 0 to 1")))
        }
    };
    share("maximum_missing_ratio".to_owned(), rules.maximum_missing_ratio)?;
    share("leakage_threshold".to_owned(), rules.leakage_threshold)?;
    share("outliers.maximum_ratio".to_owned(), rules.outliers.maximum_ratio)?;
    if rules.outliers.factor.is_some_and(|factor| !(factor > 0.0 && factor.is_finite())) {
        return Err(Error::argument("outliers.factor", "a positive number was expected"));
    }
    for rule in &rules.columns {
        if let Some(ratio) = rule.maximum_missing_ratio {
            share(format!("the rule for column {:?}, maximum_missing_ratio", rule.name), ratio)?;
        }
        if let (Some(minimum), Some(maximum)) = (rule.minimum, rule.maximum)
            && minimum > maximum
        {
            let argument = format!("the rule for column {:?}", rule.name);
            return Err(Error::argument(argument, format!("minimum {minimum} is above maximum {maximum}")));
        }
    }
    Ok(())
}

/// The rows that offend: how many, and the first of them.
struct Offenders {
    count: u64,
    first: Vec<u64>,
}

impl Offenders {
    /// The rows for which `offends` is true.
    fn of(offends: impl Iterator<Item = bool>, examples: u32) -> Self {
        let mut offenders = Self { count: 0, first: Vec::new() };
        for (row, offends) in offends.enumerate() {
            if offends {
                offenders.count += 1;
                if offenders.first.len() < examples as usize {
                    offenders.first.push(row as u64);
                }
            }
        }
        offenders
    }

    /// A finding about these rows.
    fn violation(
        &self,
        rule: Rule,
        severity: Severity,
        columns: &[&Column],
        message: String,
    ) -> Result<Violation, Error> {
        let rows = columns.first().map_or(0, |column| column.len());
        let examples = self.first.iter().map(|row| Ok(ExampleRow { row: *row, value: cells(columns, *row as usize)? }));
        Ok(Violation {
            rule,
            severity,
            columns: columns.iter().map(|column| column.name().to_string()).collect(),
            message,
            count: self.count,
            ratio: if rows == 0 { 0.0 } else { self.count as f64 / rows as f64 },
            examples: examples.collect::<Result<_, Error>>()?,
        })
    }
}

/// What the columns hold in a row: the value of one, an object of several.
fn cells(columns: &[&Column], row: usize) -> Result<Value, Error> {
    if let [column] = columns {
        return json::cell(column, row);
    }
    let cells = columns.iter().map(|column| Ok((column.name().to_string(), json::cell(column, row)?)));
    Ok(Value::Object(cells.collect::<Result<Map<_, _>, Error>>()?))
}

/// A finding that is not about rows.
fn finding(rule: Rule, severity: Severity, column: Option<&str>, message: String) -> Violation {
    Violation {
        rule,
        severity,
        columns: column.map(str::to_owned).into_iter().collect(),
        message,
        count: 0,
        ratio: 0.0,
        examples: Vec::new(),
    }
}
