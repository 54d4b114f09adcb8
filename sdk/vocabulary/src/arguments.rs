//! Arguments on their way to a tool.

use serde_json::Value;

/// Leaves out what is given as `null` where the schema does not accept that and the argument may be left out: many clients write `null`
/// for "not given".
#[must_use]
pub fn without_nulls(schema: &Value, mut arguments: Value) -> Value {
    leave_out(schema, schema, &mut arguments);
    arguments
}

/// The schema that a reference points to, within `document`.
#[must_use]
pub fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    }
}

fn leave_out(document: &Value, schema: &Value, given: &mut Value) {
    let schema = resolved(document, schema);
    match given {
        Value::Object(fields) => {
            let required = |name: &str| {
                let names = schema.get("required").and_then(Value::as_array);
                names.is_some_and(|names| names.iter().any(|required| required == name))
            };
            let property = |name: &str| schema.get("properties").and_then(|properties| properties.get(name));
            fields.retain(|name, value| {
                !value.is_null() || required(name) || property(name).is_none_or(|schema| accepts_null(document, schema))
            });
            for (name, value) in fields {
                if let Some(schema) = property(name) {
                    leave_out(document, schema, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| leave_out(document, schema, item));
            }
        }
        _ => {}
    }
}

/// Whether `null` may fit. What is not understood here may: the validator has the last word.
fn accepts_null(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    let one_of_them = |keyword: &str| {
        let alternatives = schema.get(keyword).and_then(Value::as_array);
        alternatives.map(|alternatives| alternatives.iter().any(|schema| accepts_null(document, schema)))
    };
    let kind = schema.get("type").map(|kind| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "null"),
        kind => kind == "null",
    });
    let value = match (schema.get("enum").and_then(Value::as_array), schema.get("const")) {
        (Some(values), _) => Some(values.contains(&Value::Null)),
        (None, only) => only.map(Value::is_null),
    };
    [kind, value, one_of_them("anyOf"), one_of_them("oneOf")].into_iter().flatten().all(|accepts| accepts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_for_not_given_is_left_out_and_nothing_else_is() {
        let schema = json!({
            "type": "object",
            "properties": {
                "uri": { "type": "string" },
                "rows": { "type": "integer" },
                "depth": { "type": ["integer", "null"] },
                "any": {},
                "options": { "$ref": "#/$defs/Options" },
                "steps": { "type": "array", "items": { "$ref": "#/$defs/Options" } }
            },
            "required": ["uri"],
            "$defs": { "Options": { "type": "object", "properties": { "scale": { "enum": ["none", "robust"] } } } }
        });
        let given = json!({
            "uri": null, "rows": null, "depth": null, "any": null, "unknown": null,
            "options": { "scale": null, "other": null }, "steps": [{ "scale": null }, { "scale": "none" }, null]
        });
        let left = json!({
            "uri": null, "depth": null, "any": null, "unknown": null,
            "options": { "other": null }, "steps": [{}, { "scale": "none" }, null]
        });
        assert_eq!(without_nulls(&schema, given), left);
    }
}
