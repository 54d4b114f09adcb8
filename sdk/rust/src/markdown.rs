//! Short text for people: numbers at a length that is read, tables that stay tables whatever is in their cells.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Digits shown of a measure.
const SIGNIFICANT_DIGITS: i32 = 4;

/// A Markdown table.
///
/// ```
/// use kumiko_sdk::markdown::Table;
///
/// let table = Table::new(["Metric", "Value"]).row(["accuracy", "0.93"]);
/// assert_eq!(table.to_string(), "| Metric | Value |\n| --- | --- |\n| accuracy | 0.93 |\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with headings and no rows.
    pub fn new<C: Into<String>>(header: impl IntoIterator<Item = C>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// The same table with one row more. Cells beyond the headings are left out, missing ones are empty.
    #[must_use]
    pub fn row<C: Into<String>>(mut self, cells: impl IntoIterator<Item = C>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row, as [`Self::row`] does.
    pub fn push<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.header.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether the table has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(formatter, &self.header)?;
        writeln!(formatter, "|{}", " --- |".repeat(self.header.len()))?;
        self.rows.iter().try_for_each(|row| line(formatter, row))
    }
}

fn line(formatter: &mut fmt::Formatter<'_>, cells: &[String]) -> fmt::Result {
    formatter.write_str("|")?;
    for cell in cells {
        write!(formatter, " {} |", escape(cell))?;
    }
    formatter.write_str("\n")
}

/// Text for a table's cell: one line, no bar that would end the cell.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r', '\t'], " ")
}

/// A number as a person reads it: four significant digits, whole numbers whole, no trailing zeros.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs();
    if value.fract() == 0.0 && magnitude < 1e15 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let digits_before_point = magnitude.log10().floor() as i32 + 1;
    let decimals = usize::try_from(SIGNIFICANT_DIGITS - digits_before_point).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The fields of a document that are numbers, in its order: the measures of a report.
#[must_use]
pub fn measures(document: &impl Serialize) -> Vec<(String, f64)> {
    let Ok(Value::Object(fields)) = serde_json::to_value(document) else { return Vec::new() };
    fields.into_iter().filter_map(|(name, value)| value.as_f64().map(|value| (name, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_cannot_break_out_of_its_table() {
        let table = Table::new(["a", "b"]).row(["x|y", "two\nlines"]).row(["alone"]);
        assert_eq!(table.to_string(), "| a | b |\n| --- | --- |\n| x\\|y | two lines |\n| alone |  |\n");
    }

    #[test]
    fn numbers_are_shown_at_four_significant_digits() {
        let shown = [0.0, 0.871_234, -12.3456, 152_342.71, 3.0, 0.000_012_34, 0.5, f64::NAN, 1.0 / 300.0].map(number);
        assert_eq!(shown, ["0", "0.8712", "-12.35", "152343", "3", "1.234e-5", "0.5", "NaN", "0.003333"]);
    }

    #[test]
    fn measures_are_the_fields_that_are_numbers() {
        let measures = measures(&json!({ "rmse": 1.5, "name": "a", "rows": 3 }));
        assert_eq!(measures, [("rmse".to_owned(), 1.5), ("rows".to_owned(), 3.0)]);
    }
}
