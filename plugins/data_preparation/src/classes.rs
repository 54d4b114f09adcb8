//! How many rows each class has, and a picture of it.

use kumiko_sdk::charts;
use kumiko_sdk::frames::Frame;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::ValueCount;
use kumiko_sdk::vocabulary::figures::{ClassCount, Distribution, Figure};

/// The most classes that are told apart. A column with more is no class.
const MOST_CLASSES: usize = 1_000;

/// The most bars of a figure; the rest is summed up in one more.
const MOST_BARS: usize = 30;

/// A column's name as SQL writes it.
fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

/// The number of different values of a column, nulls left out.
pub(crate) fn distinct(frame: &Frame, column: &str) -> Result<u64> {
    let query = format!("SELECT COUNT(DISTINCT {}) AS n FROM data", quoted(column));
    let rows = Frame::sql(&query, &[("data", frame)])?.rows(0, 1)?;
    Ok(rows.first().and_then(|row| row.get("n")).and_then(Value::as_u64).unwrap_or_default())
}

/// The classes in `column` and their rows, the most frequent first.
///
/// # Errors
/// `too_many_classes` where the column is no class.
pub(crate) fn counts(frame: &Frame, column: &str) -> Result<Vec<ValueCount>> {
    let column = quoted(column);
    let query = format!("SELECT {column} AS value, COUNT(*) AS n FROM data GROUP BY {column} ORDER BY n DESC, value");
    let groups = Frame::sql(&query, &[("data", frame)])?;
    let classes = groups.height()?;
    if classes > MOST_CLASSES as u64 {
        return Err(Fault::invalid(
            "too_many_classes",
            format!("{column} has {classes} different values; a class column has at most {MOST_CLASSES}"),
        )
        .hint("name the column of the class"));
    }
    let count = |mut row: serde_json::Map<String, Value>| ValueCount {
        count: row.get("n").and_then(Value::as_u64).unwrap_or_default(),
        value: row.remove("value").unwrap_or_default(),
    };
    Ok(groups.rows(0, MOST_CLASSES as u32)?.into_iter().map(count).collect())
}

/// The class of a row without one is shown as this.
const MISSING: &str = "(missing)";

/// A class as people read it.
pub(crate) fn name(value: &Value) -> String {
    match value {
        Value::Null => MISSING.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The classes in one line: `a 90, b 10`.
pub(crate) fn in_words(classes: &[ValueCount]) -> String {
    let shown: Vec<String> =
        classes.iter().take(10).map(|class| format!("{} {}", name(&class.value), class.count)).collect();
    let left_out = classes.len().saturating_sub(shown.len());
    let rest = if left_out == 0 { String::new() } else { format!(" and {left_out} more classes") };
    format!("{}{rest}", shown.join(", "))
}

/// Draws the classes; PNG.
pub(crate) fn draw(title: &str, classes: &[ValueCount]) -> Result<Vec<u8>> {
    let mut bars: Vec<ClassCount> = classes
        .iter()
        .take(MOST_BARS)
        .map(|class| ClassCount { name: name(&class.value), count: class.count })
        .collect();
    let rest: u64 = classes.iter().skip(MOST_BARS).map(|class| class.count).sum();
    if rest > 0 {
        bars.push(ClassCount { name: format!("({} more)", classes.len() - MOST_BARS), count: rest });
    }
    let figure = Figure::Distribution(Distribution { title: title.to_owned(), subtitle: None, classes: bars });
    Ok(charts::draw(&figure)?.png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_name_cannot_end_its_own_quotes() {
        assert_eq!(quoted("a\" FROM b"), "\"a\"\" FROM b\"");
    }

    #[test]
    fn classes_are_told_in_one_line_and_the_rest_is_counted() {
        let classes: Vec<ValueCount> = (0..12).map(|class| ValueCount { value: json!(class), count: 1 }).collect();
        assert!(in_words(&classes).ends_with("9 1 and 2 more classes"), "{}", in_words(&classes));
        assert_eq!(in_words(&[ValueCount { value: Value::Null, count: 2 }]), "(missing) 2");
    }
}
