//! Choices among words in a tool's arguments, in the plain form: `{"type": "string", "enum": ["csv", "parquet"]}`.
//!
//! The schema that is derived of an enum with documented variants is a `oneOf` of constants, and an `anyOf` around it where
//! the argument is optional. Both are correct, but a refusal by them does not name the words that are known, and some clients
//! show an `enum` as a list and the others not at all.
//!
//! ```
//! use kumiko_sdk::prelude::*;
//! use kumiko_sdk::vocabulary::data::FileFormat;
//! use kumiko_sdk::choices;
//!
//! /// How to round.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(rename_all = "snake_case")]
//! #[schemars(transform = choices::plain)]
//! enum Rounding {
//!     /// To the nearest.
//!     Half,
//!     /// Towards zero.
//!     Down,
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Arguments {
//!     rounding: Rounding,
//!     /// The format of the file.
//!     #[serde(default)]
//!     #[schemars(schema_with = "choices::optional::<FileFormat>")]
//!     format: Option<FileFormat>,
//! }
//! # let schema = kumiko_sdk::schema::input::<Arguments>();
//! # assert_eq!(schema["$defs"]["Rounding"]["enum"], json!(["half", "down"]));
//! # assert_eq!(schema["required"], json!(["rounding"]));
//! ```

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Turns the schema of an enum without data into the plain form. What is said of each variant moves into the description.
pub fn plain(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    let Some((words, told)) = fields.get("oneOf").and_then(Value::as_array).and_then(|variants| read(variants)) else {
        return;
    };
    let own = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{own}\n{told}").trim().to_owned();
    fields.remove("oneOf");
    fields.insert("type".to_owned(), json!("string"));
    fields.insert("enum".to_owned(), Value::Array(words));
    if !description.is_empty() {
        fields.insert("description".to_owned(), json!(description));
    }
}

/// The plain form of `T` in place, for an argument of an enum that somebody else declared: for `schema_with`.
pub fn one_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = T::json_schema(generator);
    plain(&mut schema);
    schema.remove("description"); // The argument has one of its own.
    schema
}

/// The plain form of an optional `T` in place: for `schema_with`. The argument needs `#[serde(default)]` beside it, without which a
/// schema made by hand counts as required.
pub fn optional<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = one_of::<T>(generator);
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
        schema.insert("type".to_owned(), json!(["string", "null"]));
    }
    schema
}

/// The words of the variants, and a line for each that is described. Nothing where a variant is no word.
fn read(variants: &[Value]) -> Option<(Vec<Value>, String)> {
    let mut words = Vec::new();
    let mut told = String::new();
    for variant in variants.iter().map(Value::as_object) {
        let variant: &Map<String, Value> = variant?;
        match (variant.get("const"), variant.get("enum").and_then(Value::as_array)) {
            (Some(Value::String(word)), _) => {
                words.push(json!(word));
                if let Some(description) = variant.get("description").and_then(Value::as_str) {
                    told.push_str(&format!("- `{word}`: {description}\n"));
                }
            }
            (None, Some(several)) if several.iter().all(Value::is_string) => words.extend(several.iter().cloned()),
            _ => return None,
        }
    }
    Some((words, told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    /// What to do about gaps.
    #[derive(JsonSchema)]
    #[schemars(rename_all = "snake_case", transform = plain)]
    #[allow(dead_code)]
    enum Gaps {
        /// Leave them.
        Keep,
        Mean,
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "snake_case", transform = plain)]
    #[allow(dead_code)]
    enum Shape {
        Square(f64),
        Point,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Arguments {
        gaps: Gaps,
        /// Which format.
        #[serde(default)]
        #[schemars(schema_with = "optional::<kumiko_vocabulary::data::Compression>")]
        compression: Option<kumiko_vocabulary::data::Compression>,
        shape: Shape,
    }

    #[test]
    fn an_enum_becomes_a_list_of_words_with_one_description() {
        let gaps = &schema::input::<Arguments>()["$defs"]["Gaps"];
        let mut words: Vec<&str> = gaps["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        words.sort_unstable();
        assert_eq!((words, &gaps["type"], gaps.get("oneOf")), (vec!["keep", "mean"], &json!("string"), None));
        assert_eq!(gaps["description"], "What to do about gaps.\n- `keep`: Leave them.");
    }

    #[test]
    fn an_optional_choice_is_in_place_and_keeps_the_arguments_own_description() {
        let compression = &schema::input::<Arguments>()["properties"]["compression"];
        assert_eq!(compression["type"], json!("string"));
        assert_eq!(compression["enum"], json!(["none", "gzip", "zstd"]));
        assert_eq!(compression["description"], "Which format.");
        assert_eq!(schema::input::<Arguments>()["required"], json!(["gaps", "shape"]));
    }

    #[test]
    fn an_enum_with_data_keeps_its_alternatives() {
        assert!(schema::input::<Arguments>()["$defs"]["Shape"]["oneOf"].is_array());
    }
}
