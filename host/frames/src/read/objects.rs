//! Rows as JSON objects: an array of them, one a line, or values in memory.
//!
//! Columns come in the order in which their keys first occur; a key that a row lacks is null. A column whose values are of several
//! types becomes text. An array or object within a cell is kept as its JSON text.

use std::collections::HashMap;
use std::io::Read;

use kumiko_vocabulary::Control;
use polars::prelude::{Column, DataFrame, NamedFrom, PlSmallStr, Series};
use rayon::prelude::*;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::records::Blocks;
use super::source::Source;
use crate::Error;

/// The size of a block of lines.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;
/// After how many rows a long array asks whether anybody still waits.
const ROWS_BETWEEN_QUESTIONS: usize = 10_000;

/// A table of an array of objects in memory.
pub(crate) fn from_rows(rows: &Value) -> Result<DataFrame, Error> {
    let Value::Array(rows) = rows else {
        return Err(Error::argument("rows", format!("an array of objects was expected, not {}", in_words(rows))));
    };
    let mut table = Table::default();
    for (index, row) in rows.iter().enumerate() {
        let Value::Object(row) = row else {
            return Err(Error::argument(
                "rows",
                format!("row {index} is {}; every row must be an object", in_words(row)),
            ));
        };
        table.push(row.clone());
    }
    table.finish()
}

/// A file that holds one array of objects.
pub(super) fn read_array(source: &Source, control: &dyn Control) -> Result<DataFrame, Error> {
    let mut bytes = Vec::new();
    source.reader()?.read_to_end(&mut bytes).map_err(|error| source.failed("read", error))?;
    let text = utf8(&bytes, 0, 1, source.name())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table = Table::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let outcome = Rows { table: &mut table, control }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match outcome {
        Ok(()) => table.finish(),
        Err(_) if control.is_cancelled() => Err(Error::Cancelled),
        Err(error) => Err(failed(&error, source.name(), "JSON", None)),
    }
}

/// A file that holds one object a line.
pub(super) fn read_lines(source: &Source, control: &dyn Control) -> Result<DataFrame, Error> {
    let mut blocks = Blocks::new(source, None, BLOCK_BYTES)?;
    let mut table = Table::default();
    while let Some(block) = blocks.next()? {
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let text = utf8(&block.bytes, block.offset, block.line, source.name())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines: Vec<&str> = text.lines().collect();
        let rows: Vec<Option<Result<Map<String, Value>, serde_json::Error>>> =
            lines.par_iter().map(|line| (!line.trim().is_empty()).then(|| serde_json::from_str(line))).collect();
        for (index, row) in rows.into_iter().enumerate() {
            match row {
                None => {}
                Some(Ok(row)) => table.push(row),
                Some(Err(error)) => {
                    return Err(failed(&error, source.name(), "NDJSON", Some(block.line + index as u64)));
                }
            }
        }
        control.report(source.consumed() as f64, Some(source.size() as f64), &format!("reading {}", source.name()));
    }
    table.finish()
}

fn utf8<'a>(bytes: &'a [u8], offset: u64, line: u64, name: &str) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Error::NotUtf8 {
            name: name.to_owned(),
            offset: offset + valid.len() as u64,
            line: line + memchr::memchr_iter(b'\n', valid).count() as u64,
        }
    })
}

fn failed(error: &serde_json::Error, name: &str, format: &'static str, line: Option<u64>) -> Error {
    let name = name.to_owned();
    let line = line.unwrap_or(error.line() as u64);
    if error.is_eof() {
        return Error::Truncated { name, detail: format!("the {format} ends within a value in line {line}") };
    }
    let expected = if format == "JSON" { "an array of objects" } else { "an object in every line" };
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or(&reason).to_owned();
    Error::Malformed {
        name,
        format,
        detail: format!("line {line}, column {}: {reason}; {expected} was expected", error.column()),
    }
}

/// Takes the rows of an array as they are parsed, so that no second copy of the whole is ever held.
struct Rows<'a> {
    table: &'a mut Table,
    control: &'a dyn Control,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(row) = sequence.next_element::<Map<String, Value>>()? {
            self.table.push(row);
            if self.table.rows.is_multiple_of(ROWS_BETWEEN_QUESTIONS) && self.control.is_cancelled() {
                return Err(serde::de::Error::custom("cancelled"));
            }
        }
        Ok(())
    }
}

fn in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A table as it grows row by row.
#[derive(Default)]
struct Table {
    names: HashMap<String, usize>,
    columns: Vec<(String, Cells)>,
    rows: usize,
}

enum Cells {
    Nothing,
    Booleans(Vec<Option<bool>>),
    Integers(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

impl Table {
    fn push(&mut self, row: Map<String, Value>) {
        for (name, value) in row {
            let index = match self.names.get(&name) {
                Some(index) => *index,
                None => {
                    self.names.insert(name.clone(), self.columns.len());
                    self.columns.push((name, Cells::Nothing));
                    self.columns.len() - 1
                }
            };
            if let Some((_, cells)) = self.columns.get_mut(index) {
                cells.put(self.rows, value);
            }
        }
        self.rows += 1;
    }

    fn finish(self) -> Result<DataFrame, Error> {
        let rows = self.rows;
        let columns: Vec<Column> =
            self.columns.into_iter().map(|(name, cells)| cells.finish(name.into(), rows)).collect();
        Ok(DataFrame::new(rows, columns)?)
    }
}

impl Cells {
    /// Puts a value in a row; rows passed over are missing. Within a row that repeats a key, the first value stays.
    fn put(&mut self, row: usize, value: Value) {
        if value.is_null() || self.len() > row {
            return;
        }
        self.widen_for(&value);
        match (self, value) {
            (Self::Booleans(values), Value::Bool(value)) => at(values, row, value),
            (Self::Integers(values), Value::Number(value)) => at(values, row, value.as_i64().unwrap_or_default()),
            (Self::Numbers(values), Value::Number(value)) => at(values, row, value.as_f64().unwrap_or(f64::NAN)),
            (Self::Texts(values), value) => at(values, row, text(value)),
            // `widen_for` has made every other pair impossible.
            _ => {}
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Booleans(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    fn widen_for(&mut self, value: &Value) {
        *self = match (std::mem::replace(self, Self::Nothing), value) {
            (Self::Nothing, Value::Bool(_)) => Self::Booleans(Vec::new()),
            (Self::Nothing, Value::Number(number)) if number.is_i64() => Self::Integers(Vec::new()),
            (Self::Nothing, Value::Number(_)) => Self::Numbers(Vec::new()),
            (Self::Nothing, _) => Self::Texts(Vec::new()),
            (Self::Integers(values), Value::Number(number)) if !number.is_i64() => {
                Self::Numbers(values.into_iter().map(|value| value.map(|value| value as f64)).collect())
            }
            (same @ Self::Booleans(_), Value::Bool(_)) => same,
            (same @ (Self::Integers(_) | Self::Numbers(_)), Value::Number(_)) => same,
            (same @ Self::Texts(_), _) => same,
            (Self::Booleans(values), _) => Self::Texts(written(values)),
            (Self::Integers(values), _) => Self::Texts(written(values)),
            (Self::Numbers(values), _) => Self::Texts(written(values)),
        };
    }

    fn finish(self, name: PlSmallStr, rows: usize) -> Column {
        let series = match self {
            Self::Nothing => Series::new_null(name, rows),
            Self::Booleans(values) => Series::new(name, padded(values, rows)),
            Self::Integers(values) => Series::new(name, padded(values, rows)),
            Self::Numbers(values) => Series::new(name, padded(values, rows)),
            Self::Texts(values) => Series::new(name, padded(values, rows)),
        };
        series.into()
    }
}

fn at<T>(values: &mut Vec<Option<T>>, row: usize, value: T) {
    values.resize_with(row, || None);
    values.push(Some(value));
}

fn padded<T>(mut values: Vec<Option<T>>, rows: usize) -> Vec<Option<T>> {
    values.resize_with(rows, || None);
    values
}

fn written<T: ToString>(values: Vec<Option<T>>) -> Vec<Option<String>> {
    values.into_iter().map(|value| value.map(|value| value.to_string())).collect()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::DataType;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_a_row_lacks_is_null() {
        let frame = from_rows(&json!([{"a": 1}, {"b": "x"}, {"a": 2.5, "b": null}])).unwrap();
        assert_eq!(frame.column("a").unwrap().f64().unwrap().iter().collect::<Vec<_>>(), [Some(1.0), None, Some(2.5)]);
        assert_eq!(frame.column("b").unwrap().null_count(), 2);
    }

    #[test]
    fn values_of_several_types_become_text_and_nested_ones_their_json() {
        let frame = from_rows(&json!([{"a": 1, "n": [1, 2]}, {"a": "x", "n": {"k": true}}])).unwrap();
        let texts: Vec<_> = frame.column("n").unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect();
        assert_eq!(texts, ["[1,2]", r#"{"k":true}"#]);
        assert_eq!(frame.column("a").unwrap().dtype(), &DataType::String);
    }

    #[test]
    fn rows_that_are_no_objects_are_named() {
        let message = from_rows(&json!([{"a": 1}, 3])).unwrap_err().to_string();
        assert!(message.contains("row 1 is a number"), "{message}");
    }
}
