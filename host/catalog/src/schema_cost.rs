//! What it costs to apply a schema. A few lines of `allOf` and `$ref` can ask a validator for more steps than there are atoms, and a
//! plugin's schemas are as untrusted as its code. So a schema that unfolds too far is refused when it is loaded, and what is checked
//! against one that refers to itself is first walked with a budget of steps.

use std::collections::HashMap;

use serde_json::Value;

/// The most subschemas that a schema may come to when its references are followed, each recursion once.
const MOST_UNFOLDED: usize = 20_000;

/// The most times that subschemas of a schema that refers to itself are applied in one check.
const MOST_STEPS: usize = 200_000;

/// The most subschemas inside each other. Messages themselves are no deeper than 128, and a schema that applies itself to the same
/// value again has no end.
const MOST_DEEP: usize = 400;

/// Keywords whose value is a list of schemas for the same value.
const LISTS_IN_PLACE: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords whose value is a schema for the same value.
const ONES_IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords whose value is a schema for what is inside of the value.
const ONES_INSIDE: [&str; 6] =
    ["additionalProperties", "propertyNames", "items", "contains", "unevaluatedItems", "unevaluatedProperties"];
/// Keywords that refer to another schema.
const REFERENCES: [&str; 2] = ["$ref", "$dynamicRef"];

/// A schema as far as its references go.
pub(crate) struct Cost {
    /// Subschemas by the names that references have for them.
    named: HashMap<String, String>,
    /// Whether applying it may take more steps than it has subschemas.
    recursive: bool,
}

impl Cost {
    /// Follows the references of a schema.
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    pub(crate) fn of(document: &Value) -> Result<Self, String> {
        let mut named = HashMap::new();
        names(document, &mut String::new(), &mut named);
        let mut cost = Self { named, recursive: false };
        let mut unfolded = Unfolded { left: MOST_UNFOLDED, recursive: false };
        cost.unfold(document, document, &mut Vec::new(), &mut unfolded)?;
        cost.recursive = unfolded.recursive;
        Ok(cost)
    }

    /// Whether a value can be checked within the budget.
    pub(crate) fn affords(&self, document: &Value, value: &Value) -> bool {
        let mut budget = Budget { steps: MOST_STEPS, depth: MOST_DEEP };
        !self.recursive || self.walk(document, document, value, &mut budget)
    }

    fn unfold<'a>(
        &self,
        document: &'a Value,
        schema: &'a Value,
        above: &mut Vec<*const Value>,
        unfolded: &mut Unfolded,
    ) -> Result<(), String> {
        let Some(keywords) = schema.as_object() else { return Ok(()) };
        if above.contains(&std::ptr::from_ref(schema)) {
            unfolded.recursive = true;
            return Ok(());
        }
        unfolded.left = unfolded.left.checked_sub(1).ok_or_else(|| {
            format!(
                "its references unfold to more than {MOST_UNFOLDED} subschemas; make it smaller, or less of it shared"
            )
        })?;
        above.push(schema);
        for (keyword, value) in keywords {
            if REFERENCES.contains(&keyword.as_str()) {
                let target = value.as_str().and_then(|reference| self.resolve(document, reference));
                let target =
                    target.ok_or_else(|| format!("the reference {value} leads nowhere in the schema itself"))?;
                self.unfold(document, target, above, unfolded)?;
            } else {
                for applied in applied(keyword, value) {
                    self.unfold(document, applied, above, unfolded)?;
                }
            }
        }
        above.pop();
        Ok(())
    }

    fn resolve<'a>(&self, document: &'a Value, reference: &str) -> Option<&'a Value> {
        if let Some(pointer) = self.named.get(reference) {
            return document.pointer(pointer);
        }
        document.pointer(reference.strip_prefix('#')?)
    }

    /// Applies what applies to `value`, without judging it; false once the budget is spent.
    fn walk(&self, document: &Value, schema: &Value, value: &Value, budget: &mut Budget) -> bool {
        let Some(keywords) = schema.as_object() else { return true };
        if budget.steps == 0 || budget.depth == 0 {
            return false;
        }
        budget.steps -= 1;
        budget.depth -= 1;
        let afforded = keywords.iter().all(|(keyword, given)| {
            let keyword = keyword.as_str();
            if REFERENCES.contains(&keyword) {
                let target = given.as_str().and_then(|reference| self.resolve(document, reference));
                return target.is_none_or(|target| self.walk(document, target, value, budget));
            }
            if LISTS_IN_PLACE.contains(&keyword) || ONES_IN_PLACE.contains(&keyword) || keyword == "dependentSchemas" {
                return applied(keyword, given).into_iter().all(|schema| self.walk(document, schema, value, budget));
            }
            match (keyword, value, given) {
                ("properties", Value::Object(fields), Value::Object(schemas)) => fields.iter().all(|(name, field)| {
                    schemas.get(name).is_none_or(|schema| self.walk(document, schema, field, budget))
                }),
                ("prefixItems", Value::Array(items), Value::Array(schemas)) => {
                    items.iter().zip(schemas).all(|(item, schema)| self.walk(document, schema, item, budget))
                }
                ("patternProperties", Value::Object(fields), Value::Object(schemas)) => fields
                    .values()
                    .all(|field| schemas.values().all(|schema| self.walk(document, schema, field, budget))),
                (_, Value::Object(fields), _) if ONES_INSIDE.contains(&keyword) => {
                    fields.values().all(|field| self.walk(document, given, field, budget))
                }
                (_, Value::Array(items), _) if ONES_INSIDE.contains(&keyword) => {
                    items.iter().all(|item| self.walk(document, given, item, budget))
                }
                _ => true,
            }
        });
        budget.depth += 1;
        afforded
    }
}

/// What is left of a check.
struct Budget {
    steps: usize,
    depth: usize,
}

/// How far a schema has been unfolded.
struct Unfolded {
    left: usize,
    recursive: bool,
}

/// The schemas that a keyword applies, to the value or to what is inside.
fn applied<'a>(keyword: &str, value: &'a Value) -> Vec<&'a Value> {
    match (keyword, value) {
        ("properties" | "patternProperties" | "dependentSchemas", Value::Object(schemas)) => schemas.values().collect(),
        ("prefixItems", Value::Array(schemas)) => schemas.iter().collect(),
        (list, Value::Array(schemas)) if LISTS_IN_PLACE.contains(&list) => schemas.iter().collect(),
        (one, schema) if ONES_IN_PLACE.contains(&one) || ONES_INSIDE.contains(&one) => vec![schema],
        _ => Vec::new(),
    }
}

/// Gathers what references may name a subschema by: its anchors and its identifier.
fn names(value: &Value, pointer: &mut String, named: &mut HashMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for anchor in ["$anchor", "$dynamicAnchor"].iter().filter_map(|keyword| fields.get(*keyword)?.as_str()) {
                named.entry(format!("#{anchor}")).or_insert_with(|| pointer.clone());
            }
            if let Some(id) = fields.get("$id").and_then(Value::as_str) {
                named.entry(id.to_owned()).or_insert_with(|| pointer.clone());
            }
            for (name, field) in fields {
                descend(&name.replace('~', "~0").replace('/', "~1"), field, pointer, named);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                descend(&index.to_string(), item, pointer, named);
            }
        }
        _ => {}
    }
}

fn descend(step: &str, value: &Value, pointer: &mut String, named: &mut HashMap<String, String>) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(step);
    names(value, pointer, named);
    pointer.truncate(length);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_that_doubles_at_each_level_is_refused() {
        let mut definitions = serde_json::Map::new();
        for level in 0..64 {
            let next = json!({ "$ref": format!("#/$defs/{}", level + 1) });
            definitions.insert(level.to_string(), json!({ "allOf": [next, next] }));
        }
        definitions.insert("64".to_owned(), json!({ "type": "string" }));
        let document = json!({ "type": "object", "$ref": "#/$defs/0", "$defs": definitions });
        assert!(Cost::of(&document).err().is_some_and(|reason| reason.contains("unfold")));
    }

    #[test]
    fn what_a_recursive_schema_doubles_at_each_level_is_walked_with_a_budget() {
        let twice = json!({ "type": "object", "properties": { "a": { "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] } } });
        let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        let cost = Cost::of(&twice).unwrap();
        assert!(cost.affords(&twice, &nested(10)) && !cost.affords(&twice, &nested(60)));
        let once = json!({ "type": "object", "properties": { "a": { "$ref": "#" } } });
        assert!(Cost::of(&once).unwrap().affords(&once, &nested(100)));
        let endless = json!({ "$ref": "#" });
        assert!(!Cost::of(&endless).unwrap().affords(&endless, &json!({})));
    }

    #[test]
    fn anchors_and_identifiers_are_followed_and_what_leads_nowhere_is_refused() {
        let document = json!({
            "$id": "https://example.com/s", "properties": { "a": { "$ref": "#name" }, "b": { "$ref": "https://example.com/s" } },
            "$defs": { "N": { "$anchor": "name", "type": "string" } }
        });
        assert!(Cost::of(&document).unwrap().recursive);
        assert!(Cost::of(&json!({ "$ref": "#/$defs/none" })).is_err());
    }
}
