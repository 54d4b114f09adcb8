//! JSON Schemas (2020-12) of arguments and results, derived from their types.
//!
//! A schema is complete in itself: what it refers to is under its own `$defs`. Arguments are closed, so the host
//! refuses an unknown one; results are not, so a later version may add a field.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The field in which a result that is no object travels.
pub const WRAPPER: &str = "result";

/// Keywords that bring in properties which `additionalProperties` beside them does not see.
const APPLICATORS: [&str; 5] = ["$ref", "allOf", "anyOf", "oneOf", "if"];

/// The schema of a tool's arguments: an object without further properties.
#[must_use]
pub fn input<T: JsonSchema>() -> Value {
    let mut schema = given::<T>(SchemaSettings::draft2020_12().for_deserialize());
    schema.entry("type").or_insert_with(|| json!("object"));
    schema.remove("description"); // The tool has one of its own.
    let closing = if APPLICATORS.iter().any(|keyword| schema.contains_key(*keyword)) {
        "unevaluatedProperties"
    } else {
        "additionalProperties"
    };
    schema.entry(closing).or_insert(Value::Bool(false));
    Value::Object(schema)
}

/// The schema of a tool's structured result: an object; none for `()`.
///
/// A string, a number, a boolean or an array is wrapped as the field [`WRAPPER`] of an object.
#[must_use]
pub fn output<T: JsonSchema>() -> Option<Value> {
    let mut schema = root::<T>(SchemaSettings::draft2020_12().for_serialize());
    match schema.get("type").and_then(Value::as_str) {
        Some("null") => None,
        Some("object") => Some(Value::Object(schema)),
        Some(_) => {
            let definitions = schema.remove("$defs");
            let mut wrapper = json!({ "type": "object", "properties": { WRAPPER: schema }, "required": [WRAPPER] });
            if let (Some(definitions), Some(fields)) = (definitions, wrapper.as_object_mut()) {
                fields.insert("$defs".to_owned(), definitions);
            }
            Some(wrapper)
        }
        None => {
            schema.insert("type".to_owned(), json!("object"));
            Some(Value::Object(schema))
        }
    }
}

/// The schema of a form: everything in place, since MCP allows a form no references.
#[must_use]
pub fn form<T: JsonSchema>() -> Value {
    Value::Object(given::<T>(
        SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true),
    ))
}

/// The schema of something that a client gives: see [`plain_options`].
fn given<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let mut schema = Value::Object(root::<T>(settings));
    plain_options(&mut schema);
    schema.as_object_mut().map(std::mem::take).unwrap_or_default()
}

/// The schema of `T` without `$schema` (2020-12 is the protocol's default) and without the type's name as title.
fn root<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut fields = schema.as_object_mut().map(std::mem::take).unwrap_or_default();
    fields.remove("$schema");
    fields.remove("title");
    fields
}

/// What an optional property that accepts nothing but its own type is left with. `null` for "not given" is the host's business, which
/// leaves such arguments out; in a schema it costs every client two alternatives where one would do, and some refuse them.
fn plain_options(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let required: Vec<String> = fields
                .get("required")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default();
            if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
                let optional = properties.iter_mut().filter(|(name, _)| !required.contains(*name));
                optional.filter_map(|(_, property)| property.as_object_mut()).for_each(without_null);
            }
            fields.values_mut().for_each(plain_options);
        }
        Value::Array(items) => items.iter_mut().for_each(plain_options),
        _ => {}
    }
}

/// Takes `null` out of what a property accepts. Where leaving it out means something else than `null`, both stay.
fn without_null(property: &mut Map<String, Value>) {
    if property.get("default").is_some_and(|default| !default.is_null()) {
        return;
    }
    property.remove("default");
    if let Some(kinds) = property.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            property.insert("type".to_owned(), kind);
        }
    }
    if let Some(values) = property.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    if let Some(alternatives) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
        alternatives.retain(|alternative| *alternative != json!({ "type": "null" }));
        if let [Value::Object(_)] = alternatives.as_slice()
            && let Some(Value::Object(only)) = alternatives.pop()
        {
            property.remove("anyOf");
            for (keyword, value) in only {
                property.entry(keyword).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Arguments {
        /// Where to read.
        uri: String,
        /// How many rows to show.
        #[serde(default = "five")]
        rows: u32,
        /// How to treat gaps.
        gaps: Option<Gaps>,
    }

    fn five() -> u32 {
        5
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Gaps {
        /// Leave them.
        Keep,
        /// Take the mean.
        Mean,
    }

    #[test]
    fn arguments_are_a_closed_object_whose_fields_are_described() {
        let schema = input::<Arguments>();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["uri"]));
        assert_eq!(schema["properties"]["uri"], json!({ "type": "string", "description": "Where to read." }));
        assert_eq!(schema["properties"]["rows"]["default"], 5);
        assert!(schema.get("$schema").is_none() && schema.get("title").is_none());
    }

    #[test]
    fn what_a_schema_refers_to_is_inside_it() {
        let schema = input::<Arguments>();
        assert_eq!(schema["properties"]["gaps"]["$ref"], "#/$defs/Gaps");
        assert_eq!(schema["$defs"]["Gaps"]["oneOf"][1]["const"], "mean");
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Optional {
        /// How deep; unlimited where it is null.
        #[serde(default = "ten")]
        depth: Option<u32>,
        /// At most so many rows.
        rows: Option<u32>,
        /// Deeper still.
        inner: Option<Box<Optional>>,
    }

    fn ten() -> Option<u32> {
        Some(10)
    }

    #[test]
    fn an_optional_argument_accepts_its_type_alone_unless_null_means_something_else() {
        let schema = input::<Optional>();
        assert_eq!(schema["properties"]["rows"]["type"], "integer");
        assert_eq!(schema["properties"]["depth"]["type"], json!(["integer", "null"]));
        assert_eq!(schema["properties"]["depth"]["default"], 10);
        assert!(schema["properties"]["inner"].get("anyOf").is_none(), "{schema}");
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "by")]
    #[allow(dead_code)]
    enum Either {
        Name { name: String },
        Number { number: u32 },
    }

    #[test]
    fn arguments_of_alternatives_are_closed_over_all_of_them() {
        let schema = input::<Either>();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["unevaluatedProperties"], false);
        assert!(schema.get("additionalProperties").is_none());
    }

    #[test]
    fn a_result_that_is_no_object_is_wrapped_and_keeps_its_definitions() {
        let schema = output::<Vec<Gaps>>().unwrap();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["required"], json!(["result"]));
        assert_eq!(schema["properties"]["result"]["items"]["$ref"], "#/$defs/Gaps");
        assert!(schema["$defs"]["Gaps"].is_object());
    }

    #[test]
    fn nothing_has_no_schema() {
        assert_eq!(output::<()>(), None);
    }

    #[test]
    fn a_form_has_no_references() {
        let form = form::<Arguments>();
        assert!(form.get("$defs").is_none());
        assert!(!form.to_string().contains("$ref"), "{form}");
    }
}
