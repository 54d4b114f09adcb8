//! Answers that fit an agent's context: long lists and long texts are cut, and what is left out is counted.

use kumiko_sdk::prelude::*;

/// The most items of one kind that an answer lists.
pub(crate) const LISTED: usize = 50;

/// The longest text of a cell that an answer quotes, in characters.
const QUOTED: usize = 200;

/// How much of a long answer is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Detail {
    /// The first 50 of each list, long texts cut.
    #[default]
    Summary,
    /// Everything.
    Full,
}

/// Cuts `items` to the first [`LISTED`] and says how many that leaves out.
pub(crate) fn cut<T>(items: &mut Vec<T>) -> u64 {
    let left_out = items.len().saturating_sub(LISTED);
    items.truncate(LISTED);
    left_out as u64
}

/// Cuts the texts in `value`.
pub(crate) fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(QUOTED) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A count with its noun: `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_wherever_it_is() {
        let mut value = json!({ "cell": ["é".repeat(300)], "number": 1 });
        shorten(&mut value);
        assert_eq!(value["cell"][0].as_str().unwrap().chars().count(), QUOTED + 1);
        assert_eq!(value["number"], 1);
    }

    #[test]
    fn what_a_list_leaves_out_is_counted() {
        let mut items: Vec<usize> = (0..LISTED + 3).collect();
        assert_eq!(cut(&mut items), 3);
        assert_eq!(items.len(), LISTED);
        assert_eq!(cut(&mut items), 0);
    }
}
