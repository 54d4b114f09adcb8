//! Second names of arguments: a caller who knows an argument by another name is understood.
//!
//! The host refuses arguments that are not in the schema, so a second name has to stand there. It is not offered: its
//! description points to the first name and it is marked as deprecated. That an argument is there under exactly one of
//! its names is checked when the arguments are read, not by the schema: an `anyOf` over `required` would say it too, but
//! some clients refuse schemas with alternatives at the top.
//!
//! ```
//! use kumiko_sdk::prelude::*;
//! use kumiko_sdk::second_names::SecondName;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! #[schemars(transform = SecondName("dataset_uri", "uri"))]
//! struct Arguments {
//!     /// The data set.
//!     #[serde(alias = "uri")]
//!     dataset_uri: String,
//! }
//! # let arguments: Arguments = kumiko_sdk::arguments::parse(r#"{ "uri": "a.csv" }"#).unwrap();
//! # assert_eq!(arguments.dataset_uri, "a.csv");
//! ```

use schemars::Schema;
use schemars::transform::Transform;
use serde_json::{Map, Value, json};

/// What to do about an argument that came under two of its names.
pub(crate) const GIVEN_TWICE: &str = "the argument came under two of its names: give it under one";

/// Adds a second name to the schema of a struct: the name of a field, and the one it also has by `#[serde(alias = "…")]`.
/// A struct with several takes several `transform`s.
#[derive(Clone, Copy, Debug)]
pub struct SecondName(pub &'static str, pub &'static str);

impl Transform for SecondName {
    fn transform(&mut self, schema: &mut Schema) {
        let Self(name, other) = *self;
        let Some(schema) = schema.as_object_mut() else { return };
        let required = no_longer_required(schema, name);
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
        let Some(first) = properties.get_mut(name).and_then(Value::as_object_mut) else { return };
        let mut second = first.clone();
        second.remove("default");
        second.insert("description".to_owned(), json!(format!("Another name of `{name}`; give one of the two.")));
        second.insert("deprecated".to_owned(), json!(true));
        if required {
            let description = first.get("description").and_then(Value::as_str).unwrap_or_default();
            let description = format!("{description} Required.").trim().to_owned();
            first.insert("description".to_owned(), json!(description));
        }
        properties.insert(other.to_owned(), Value::Object(second));
    }
}

/// Takes `name` out of the required properties; true where it was one.
fn no_longer_required(schema: &mut Map<String, Value>, name: &str) -> bool {
    let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) else { return false };
    let before = required.len();
    required.retain(|required| required != name);
    let (was_required, none_left) = (required.len() < before, required.is_empty());
    if none_left {
        schema.remove("required");
    }
    was_required
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;
    use crate::{arguments, schema};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[schemars(transform = SecondName("dataset_uri", "uri"), transform = SecondName("rows", "count"))]
    #[allow(dead_code)]
    struct Arguments {
        /// The data set.
        #[serde(alias = "uri")]
        dataset_uri: String,
        /// How many rows.
        #[serde(default, alias = "count")]
        rows: u32,
        /// The column.
        column: String,
    }

    #[test]
    fn a_second_name_is_in_the_schema_and_points_to_the_first() {
        let schema = schema::input::<Arguments>();
        assert_eq!(
            schema["properties"]["uri"],
            json!({ "description": "Another name of `dataset_uri`; give one of the two.", "type": "string", "deprecated": true })
        );
        assert!(schema["properties"]["count"].get("default").is_none());
        assert_eq!(schema["properties"]["rows"]["description"], "How many rows.");
    }

    #[test]
    fn a_required_argument_may_come_under_either_name_and_says_that_it_is_required() {
        let schema = schema::input::<Arguments>();
        assert_eq!(schema["required"], json!(["column"]));
        assert_eq!(schema["properties"]["dataset_uri"]["description"], "The data set. Required.");
        for name in ["dataset_uri", "uri"] {
            let text = json!({ name: "a.csv", "column": "a" }).to_string();
            assert_eq!(arguments::parse::<Arguments>(&text).unwrap().dataset_uri, "a.csv");
        }
    }

    #[test]
    fn an_argument_under_neither_or_both_of_its_names_is_refused_by_name() {
        let neither = arguments::parse::<Arguments>(r#"{"column":"a"}"#).unwrap_err();
        assert!(neither.message.contains("missing field `dataset_uri`"), "{}", neither.message);
        let both = arguments::parse::<Arguments>(r#"{"column":"a","uri":"x","dataset_uri":"x"}"#).unwrap_err();
        assert!(both.message.contains("duplicate field `dataset_uri`"), "{}", both.message);
        assert_eq!(both.hint.as_deref(), Some(GIVEN_TWICE));
    }
}
