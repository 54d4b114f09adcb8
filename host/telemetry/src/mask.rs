//! Arguments as a log may show them: without what its name calls secret, and cut to a size that a log can bear.
//!
//! The values of secrets that the server handed out are masked before, by value. What comes here may still hold secrets
//! that a caller typed in, and their names are all there is to go by.

use serde_json::{Map, Value};

/// What stands in place of a secret.
const MASK: &str = "***";

/// What stands where something was cut off.
const CUT: &str = "…";

/// The longest string, in bytes of UTF-8.
const LONGEST_STRING: usize = 256;

/// The most items of one array.
const MOST_ITEMS: usize = 20;

/// The deepest nesting; what lies deeper is cut off.
const DEEPEST: usize = 6;

/// The most bytes of the whole, as JSON.
const MOST_BYTES: usize = 8 * 1024;

/// Room kept back for the marks of the cuts that the open containers may still need.
const ROOM_FOR_CUTS: usize = 64 * (DEEPEST + 1);

/// Words that make a name secret, where they stand in it as whole words or, run together, at its end. The plurals are
/// those of names that hold secrets; `tokens` is not among them, because `max_tokens` counts.
const SECRET_WORDS: [(&str, &str); 10] = [
    ("_password_", "password"),
    ("_passwords_", "passwords"),
    ("_secret_", "secret"),
    ("_secrets_", "secrets"),
    ("_token_", "token"),
    ("_api_key_", "apikey"),
    ("_authorization_", "authorization"),
    ("_credential_", "credential"),
    ("_credentials_", "credentials"),
    ("_private_key_", "privatekey"),
];

/// The value with every field masked whose name says that it is secret, and with long parts cut: strings to 256 bytes,
/// arrays to 20 items, nesting to 6, the whole to 8 KiB.
#[must_use]
pub fn masked(value: &Value) -> Value {
    shorten(value, 0, &mut MOST_BYTES.saturating_sub(ROOM_FOR_CUTS))
}

/// Whether what stands under this name is secret. Letter case and the signs between words make no difference, so
/// `apiKey`, `X-API-Key` and `api_key` are one.
pub(crate) fn is_secret(name: &str) -> bool {
    // Most names hold none of the words, however they are written.
    let compact: String = name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if !SECRET_WORDS.iter().any(|(_, run_together)| compact.contains(run_together)) {
        return false;
    }
    let words = format!("_{}_", words_of(name));
    SECRET_WORDS.iter().any(|(whole, run_together)| words.contains(whole) || compact.ends_with(run_together))
}

/// The words of a name in lower case, with `_` between them.
fn words_of(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut previous = '_';
    for character in name.chars() {
        if !character.is_alphanumeric() {
            if !words.ends_with('_') {
                words.push('_');
            }
        } else {
            if character.is_uppercase() && (previous.is_lowercase() || previous.is_numeric()) {
                words.push('_');
            }
            words.extend(character.to_lowercase());
        }
        previous = character;
    }
    words.trim_matches('_').to_owned()
}

/// Cuts a text to so many bytes, the mark of the cut included, between two characters.
pub(crate) fn cut_text(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

/// One value within what room is left.
fn shorten(value: &Value, depth: usize, room: &mut usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if depth >= DEEPEST => take(Value::from(CUT), room),
        Value::Array(items) => shorten_items(items, depth, room),
        Value::Object(fields) => shorten_fields(fields, depth, room),
        Value::String(text) => take(Value::from(cut_text(text, LONGEST_STRING)), room),
        other => take(other.clone(), room),
    }
}

fn shorten_items(items: &[Value], depth: usize, room: &mut usize) -> Value {
    spend(room, 2);
    let mut kept = Vec::new();
    for item in items.iter().take(MOST_ITEMS) {
        if *room == 0 {
            break;
        }
        kept.push(shorten(item, depth + 1, room));
        spend(room, 1);
    }
    if kept.len() < items.len() {
        let mark = Value::from(format!("{CUT} {} more", items.len() - kept.len()));
        spend(room, length(&mark));
        kept.push(mark);
    }
    Value::Array(kept)
}

fn shorten_fields(fields: &Map<String, Value>, depth: usize, room: &mut usize) -> Value {
    spend(room, 2);
    let mut kept = Map::new();
    for (name, value) in fields {
        let shown = cut_text(name, LONGEST_STRING);
        let size = length(&shown) + 2;
        if *room <= size {
            break;
        }
        spend(room, size);
        let value = if is_secret(name) { take(Value::from(MASK), room) } else { shorten(value, depth + 1, room) };
        kept.insert(shown, value);
    }
    if kept.len() < fields.len() {
        let mark = Value::from(format!("{} more", fields.len() - kept.len()));
        spend(room, length(&mark) + length(&CUT) + 2);
        kept.insert(CUT.to_owned(), mark);
    }
    Value::Object(kept)
}

/// The value where there is room for it, the mark of a cut where there is not.
fn take(value: Value, room: &mut usize) -> Value {
    let size = length(&value);
    if size > *room {
        *room = 0;
        return Value::from(CUT);
    }
    spend(room, size);
    value
}

/// Bytes of the value as JSON.
fn length(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

fn spend(room: &mut usize, bytes: usize) {
    *room = room.saturating_sub(bytes);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_say_secret_are_masked_in_every_spelling() {
        for name in [
            "password",
            "db_password",
            "Password",
            "secret",
            "clientSecret",
            "aws_secret_access_key",
            "token",
            "accessToken",
            "api_key",
            "apiKey",
            "APIKEY",
            "X-API-Key",
            "openai.apikey",
            "Authorization",
            "credential",
            "credentials",
            "private_key",
            "privateKey",
            "sshPrivateKey",
            "token_value",
            "mytoken",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["max_tokens", "tokenizer", "secretary", "key", "public_key", "passwordless", "s3_uri", "", "api", "___"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_secret_is_masked_whatever_its_type_and_depth() {
        let arguments = json!({"a": [{"token": {"x": 1}, "b": {"apiKey": [1, 2]}}], "rows": 3});
        assert_eq!(masked(&arguments), json!({"a": [{"token": "***", "b": {"apiKey": "***"}}], "rows": 3}));
    }

    #[test]
    fn strings_are_cut_between_characters() {
        let cut = masked(&json!("ä".repeat(200)));
        let text = cut.as_str().unwrap();
        assert!(text.len() <= 256 && text.len() > 250 && text.ends_with('…') && text.starts_with("ää"));
        assert_eq!(masked(&json!("a".repeat(256))), json!("a".repeat(256)));
    }

    #[test]
    fn arrays_and_nesting_are_cut_and_say_so() {
        let cut = masked(&json!((0..100).collect::<Vec<_>>()));
        assert_eq!(cut.as_array().unwrap().len(), 21);
        assert_eq!(cut[20], "… 80 more");
        let mut deep = json!(1);
        for _ in 0..50 {
            deep = json!([deep]);
        }
        assert_eq!(masked(&deep).to_string(), "[[[[[[\"…\"]]]]]]");
    }

    #[test]
    fn the_whole_stays_below_8_kib_however_it_is_built() {
        let wide = (0..5_000).map(|number| (format!("field{number}"), json!(number))).collect::<Map<_, _>>();
        let long_names =
            (0..100).map(|number| (format!("{number}{}", "\"".repeat(400)), json!(1))).collect::<Map<_, _>>();
        let mut nested = json!("\u{1}".repeat(300));
        for _ in 0..6 {
            nested = json!(vec![nested; 3]);
        }
        let cut_everywhere = json!(vec![vec![vec![1; 21]; 20]; 20]);
        let texts = json!(vec![vec!["x".repeat(300); 20]; 20]);
        for value in [Value::Object(wide), Value::Object(long_names), nested, texts, cut_everywhere] {
            let text = masked(&value).to_string();
            assert!(text.len() <= MOST_BYTES && text.len() > MOST_BYTES / 2 && text.contains('…'), "{}", text.len());
        }
    }
}
