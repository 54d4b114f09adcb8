//! Results of any shape as a Markdown document: an object is a section with a table of its plain fields, a list of objects a table,
//! a matrix a table, anything else a line.

use std::fmt::Write as _;

use kumiko_sdk::markdown::{Table, escape, number};
use serde_json::{Map, Value};

/// Headings go no deeper in Markdown.
const DEEPEST_HEADING: usize = 6;

/// The document.
pub(crate) fn markdown(results: &Map<String, Value>) -> String {
    let mut text = String::from("# Evaluation results\n");
    section(&mut text, results, 2);
    text
}

/// The fields of an object: the plain ones as a table, then a section for each of the others.
fn section(text: &mut String, fields: &Map<String, Value>, level: usize) {
    let (plain, nested): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_plain(value));
    let mut table = Table::new(["Field", "Value"]);
    for (name, value) in plain {
        table.push([name.clone(), cell(value)]);
    }
    if !table.is_empty() {
        write_block(text, &table.to_string());
    }
    for (name, value) in nested {
        let heading = "#".repeat(level.min(DEEPEST_HEADING));
        write_block(text, &format!("{heading} {}\n", escape(name)));
        match value {
            Value::Object(fields) => section(text, fields, level + 1),
            Value::Array(items) => list(text, items, level),
            other => write_block(text, &format!("{}\n", cell(other))),
        }
    }
}

/// A list that is not plain: objects as a table of all their fields, lists of plain values as lines of a table, a mixture as sections.
fn list(text: &mut String, items: &[Value], level: usize) {
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    if objects.len() == items.len() {
        let mut names: Vec<&String> = Vec::new();
        for name in objects.iter().flat_map(|object| object.keys()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut table = Table::new(names.iter().map(|name| name.as_str()));
        for object in objects {
            table.push(names.iter().map(|name| object.get(*name).map(cell).unwrap_or_default()));
        }
        return write_block(text, &table.to_string());
    }
    let lines: Vec<&Vec<Value>> =
        items.iter().filter_map(Value::as_array).filter(|line| line.iter().all(is_plain)).collect();
    if lines.len() == items.len() {
        let width = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let mut table = Table::new((1..=width).map(|column| column.to_string()));
        for line in lines {
            table.push(line.iter().map(cell));
        }
        return write_block(text, &table.to_string());
    }
    for (index, item) in items.iter().enumerate() {
        section(text, &Map::from_iter([((index + 1).to_string(), item.clone())]), level + 1);
    }
}

/// Whether a value fits a cell: no object, and no list of anything but single values.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(|item| !item.is_array() && !item.is_object()),
        _ => true,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.as_f64().filter(|_| value.is_f64()).map_or_else(|| value.to_string(), number),
        Value::String(text) => text.clone(),
        Value::Array(items) if is_plain(value) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A block with an empty line before it.
fn write_block(text: &mut String, block: &str) {
    // Writing into a String does not fail.
    let _ = write!(text, "\n{block}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(results: Value) -> String {
        markdown(results.as_object().unwrap())
    }

    #[test]
    fn plain_fields_are_a_table_and_objects_are_sections() {
        let text = document(json!({ "name": "a|b", "metrics": { "accuracy": 0.912_34, "rows": 200 } }));
        assert_eq!(
            text,
            "# Evaluation results\n\n| Field | Value |\n| --- | --- |\n| name | a\\|b |\n\n## metrics\n\n\
             | Field | Value |\n| --- | --- |\n| accuracy | 0.9123 |\n| rows | 200 |\n"
        );
    }

    #[test]
    fn a_list_of_objects_is_a_table_of_all_their_fields() {
        let text = document(json!({ "classes": [{ "class": "a", "f1": 0.5 }, { "class": "b", "note": "rare" }] }));
        assert!(
            text.ends_with(
                "## classes\n\n| class | f1 | note |\n| --- | --- | --- |\n| a | 0.5 |  |\n| b |  | rare |\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_matrix_is_a_table() {
        let text = document(json!({ "counts": [[1, 2], [3, 4]] }));
        assert!(text.ends_with("| 1 | 2 |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n"), "{text}");
    }

    #[test]
    fn a_mixed_list_loses_nothing() {
        let text = document(json!({ "mixed": [1, { "deep": true }] }));
        assert!(text.contains("| 1 | 1 |") && text.contains("| deep | true |"), "{text}");
    }

    #[test]
    fn a_whole_number_beyond_the_reach_of_doubles_keeps_its_digits() {
        assert!(document(json!({ "rows": 9_007_199_254_740_993_u64 })).contains("9007199254740993"));
    }
}
