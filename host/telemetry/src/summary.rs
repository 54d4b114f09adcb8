//! A structured result in a few words.

use serde_json::Value;

use crate::mask::{cut_text, is_secret};

/// The longest summary, in bytes of UTF-8.
const LONGEST: usize = 512;

/// The longest value in it, in bytes.
const LONGEST_VALUE: usize = 64;

/// The top-level fields that hold a number, a text or a truth value: `rows=344 format="csv"`. Fields whose name says
/// that they are secret are masked, long texts are cut, and the whole to 512 bytes. A result that is no object is shown
/// as it is, where it is a single value.
#[must_use]
pub fn result_summary(result: &Value) -> String {
    let summary = match result {
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| {
                let shown = if is_secret(name) { "***".to_owned() } else { scalar(value)? };
                Some(format!("{}={shown}", cut_text(name, LONGEST_VALUE)))
            });
            // More than can be shown need not be built.
            fields.take(LONGEST / 2).collect::<Vec<_>>().join(" ")
        }
        Value::Array(items) => format!("{} items", items.len()),
        other => scalar(other).unwrap_or_default(),
    };
    cut_text(&summary, LONGEST)
}

/// The value as JSON, where it is a single one.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(Value::from(cut_text(text, LONGEST_VALUE)).to_string()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_summary_names_the_single_values_of_the_top_level() {
        let result =
            json!({"rows": 344, "columns": ["a"], "format": "csv\n", "ok": true, "nothing": null, "apiToken": "x"});
        assert_eq!(result_summary(&result), r#"rows=344 format="csv\n" ok=true apiToken=***"#);
        assert_eq!(result_summary(&json!([1, 2])), "2 items");
        assert_eq!(result_summary(&json!(null)), "");
    }

    #[test]
    fn a_long_summary_is_cut() {
        let fields = (0..1_000).map(|number| (format!("field{number}"), json!("ü".repeat(500)))).collect();
        let summary = result_summary(&Value::Object(fields));
        assert!(summary.len() <= 512 && summary.len() > 500 && summary.ends_with('…'), "{summary}");
    }
}
