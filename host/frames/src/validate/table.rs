//! Rules about the table as a whole: its rows, its columns, what may not repeat.

use std::collections::{HashMap, HashSet};

use kumiko_vocabulary::data::{DataType, Rule, Severity, ValidationRules, Violation};
use polars::prelude::{Column, DataFrame};

use super::{Offenders, finding};
use crate::Error;
use crate::types::data_type;

/// Checks rows and columns.
pub(super) fn check(frame: &DataFrame, rules: &ValidationRules) -> Result<Vec<Violation>, Error> {
    let mut violations = Vec::new();
    if (frame.height() as u64) < rules.minimum_rows {
        let message = format!("there are {} rows; at least {} were expected", frame.height(), rules.minimum_rows);
        violations.push(finding(Rule::MinimumRows, Severity::Error, None, message));
    }
    violations.extend(missing_columns(frame, rules));
    if !rules.allow_further_columns {
        violations.extend(further_columns(frame, rules));
    }
    if rules.duplicate_rows != Severity::Ignored {
        let all: Vec<&Column> = frame.columns().iter().collect();
        let offenders = repeated(&all, rules.examples)?;
        if offenders.count > 0 {
            let message = format!("{} rows repeat an earlier row in every column", offenders.count);
            let mut violation = offenders.violation(Rule::DuplicateRows, rules.duplicate_rows, &all, message)?;
            violation.columns.clear();
            violations.push(violation);
        }
    }
    for names in &rules.unique_together {
        let columns = names.iter().map(|name| crate::frame::column(frame, name)).collect::<Result<Vec<_>, _>>()?;
        let offenders = repeated(&columns, rules.examples)?;
        if offenders.count > 0 {
            let message = format!("{} rows repeat an earlier combination of {}", offenders.count, names.join(", "));
            violations.push(offenders.violation(Rule::UniqueTogether, Severity::Error, &columns, message)?);
        }
    }
    Ok(violations)
}

fn missing_columns(frame: &DataFrame, rules: &ValidationRules) -> Vec<Violation> {
    let ruled = rules.columns.iter().filter(|rule| !rule.optional).map(|rule| &rule.name);
    let mut seen = HashSet::new();
    rules
        .required_columns
        .iter()
        .chain(ruled)
        .chain(&rules.target_column)
        .filter(|name| seen.insert(name.as_str()) && frame.get_column_index(name).is_none())
        .map(|name| {
            let known = frame.columns().iter().map(|column| column.name().as_str());
            let message = format!("a required column is absent: {}", Error::column_not_found(name, known));
            finding(Rule::RequiredColumn, Severity::Error, Some(name), message)
        })
        .collect()
}

fn further_columns(frame: &DataFrame, rules: &ValidationRules) -> Vec<Violation> {
    let known: HashSet<&str> = rules
        .columns
        .iter()
        .map(|rule| rule.name.as_str())
        .chain(rules.required_columns.iter().map(String::as_str))
        .chain(rules.target_column.as_deref())
        .collect();
    frame
        .columns()
        .iter()
        .map(|column| column.name().as_str())
        .filter(|name| !known.contains(name))
        .map(|name| {
            finding(
                Rule::FurtherColumn,
                Severity::Error,
                Some(name),
                format!("column {name:?} is not among the expected ones"),
            )
        })
        .collect()
}

/// The rows that repeat an earlier one in these columns. Lists and objects are left out of the comparison.
///
/// Rows are told apart by 64-bit hashes, which confuse two of a million rows with a probability below 10⁻⁷.
fn repeated(columns: &[&Column], examples: u32) -> Result<Offenders, Error> {
    let comparable: Vec<Column> = columns
        .iter()
        .filter(|column| !matches!(data_type(column.dtype()), DataType::List | DataType::Record))
        .map(|column| (*column).clone())
        .collect();
    let rows = columns.first().map_or(0, |column| column.len());
    if comparable.is_empty() {
        return Ok(Offenders::of(std::iter::empty(), examples));
    }
    let mut comparable = DataFrame::new(rows, comparable)?;
    let hashes = comparable.hash_rows(None)?;
    let mut seen: HashMap<u64, ()> = HashMap::with_capacity(rows);
    Ok(Offenders::of(hashes.iter().map(|hash| hash.is_some_and(|hash| seen.insert(hash, ()).is_some())), examples))
}
