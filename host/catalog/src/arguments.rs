//! Arguments and results against the schemas of a tool.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::arguments::resolved;
use serde_json::{Map, Value, json};

use crate::nearest;
use crate::schema_cost::Cost;

/// The most problems that one answer lists: an agent mends them all at once, a person reads the first few.
const MAXIMUM_PROBLEMS: usize = 20;

/// A schema made ready.
pub(crate) struct Schema {
    validator: Validator,
    document: Value,
    cost: Cost,
}

impl Schema {
    /// Compiles a schema of the 2020-12 dialect. References may point into the schema itself and nowhere else.
    pub(crate) fn new(document: &Map<String, Value>) -> Result<Self, String> {
        let document = Value::Object(document.clone());
        // Before it is compiled: the compiler follows references as well.
        let cost = Cost::of(&document)?;
        let validator = jsonschema::draft202012::options().build(&document).map_err(|error| error.to_string())?;
        Ok(Self { validator, document, cost })
    }

    /// Leaves out what is given as `null` where that is not accepted and may be left out.
    pub(crate) fn without_nulls(&self, arguments: Value) -> Value {
        kumiko_vocabulary::arguments::without_nulls(&self.document, arguments)
    }

    /// Checks the arguments of a call.
    pub(crate) fn check_arguments(&self, tool: &str, arguments: &Value) -> Result<(), Fault> {
        if !self.cost.affords(&self.document, arguments) {
            let message = format!("the arguments of `{tool}` are nested so that checking them would not end in time");
            return Err(Fault::invalid("arguments_too_complex", message).hint("nest them less"));
        }
        if self.validator.is_valid(arguments) {
            return Ok(());
        }
        let problems: Vec<Problem> = self
            .validator
            .iter_errors(arguments)
            .flat_map(|error| self.problems(&error))
            .take(MAXIMUM_PROBLEMS)
            .collect();
        let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
        let hint = problems.iter().find_map(|problem| problem.hint.clone());
        let data = problems
            .iter()
            .map(|problem| json!({ "path": problem.path, "message": problem.message }))
            .collect::<Vec<_>>();
        Err(Fault::invalid(
            "invalid_arguments",
            format!("`{tool}` was called with arguments that do not fit its schema: {message}"),
        )
        .hint(hint.unwrap_or_else(|| format!("see the input schema of `{tool}` in tools/list")))
        .data(json!({ "problems": data })))
    }

    /// Checks the structured result of a tool: the promise that its output schema makes to clients.
    pub(crate) fn check_result(&self, tool: &str, result: &Value) -> Result<(), Fault> {
        if !self.cost.affords(&self.document, result) {
            let message = format!("the result of `{tool}` is nested so that checking it would not end in time");
            return Err(Fault::failed("result_invalid", message).hint("this is a defect of the plugin"));
        }
        match self.validator.validate(result) {
            Ok(()) => Ok(()),
            Err(error) => {
                let path = error.instance_path().to_string();
                let message = format!(
                    "`{tool}` returned a result that does not fit its own output schema, at `{path}`: {}",
                    brief(&error)
                );
                Err(Fault::failed("result_invalid", message).hint("this is a defect of the plugin"))
            }
        }
    }

    /// One validation error in the words of the person who made the call.
    fn problems(&self, error: &ValidationError<'_>) -> Vec<Problem> {
        let path = error.instance_path().to_string();
        let at = if path.is_empty() {
            String::new()
        } else {
            format!(" in `{}`", path.trim_start_matches('/').replace('/', "."))
        };
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
                .iter()
                .map(|name| {
                    let known = self.known_names(error);
                    let meant = nearest(name, known.iter().map(String::as_str));
                    let hint = match meant {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!(
                            "known arguments{at}: {}",
                            known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                        ),
                    };
                    Problem {
                        path: format!("{path}/{name}"),
                        message: format!("unknown argument `{name}`{at}"),
                        hint: Some(hint),
                    }
                })
                .collect(),
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
                let message = format!("the argument `{name}` is required{at}");
                vec![Problem { path, message, hint: None }]
            }
            ValidationErrorKind::Enum { options } => {
                vec![Problem {
                    path,
                    message: format!("{}{at}", expected_words(error.instance(), words(options))),
                    hint: None,
                }]
            }
            ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. } => {
                let accepted = self.accepted_words(error);
                let message =
                    if accepted.is_empty() { brief(error) } else { expected_words(error.instance(), accepted) };
                vec![Problem { path, message: format!("{message}{at}"), hint: None }]
            }
            _ => vec![Problem { path, message: format!("{}{at}", brief(error)), hint: None }],
        }
    }

    /// The words among the alternatives of an `anyOf` or `oneOf`; empty where the alternatives are no words.
    fn accepted_words(&self, error: &ValidationError<'_>) -> Vec<String> {
        let alternatives = self.document.pointer(&error.schema_path().to_string()).and_then(Value::as_array);
        alternatives
            .into_iter()
            .flatten()
            .map(|alternative| resolved(&self.document, alternative))
            .flat_map(|alternative| {
                let listed =
                    alternative.get("enum").or_else(|| alternative.get("const")).map(words).unwrap_or_default();
                let nested = alternative.get("oneOf").and_then(Value::as_array).into_iter().flatten();
                let nested = nested.filter_map(|one| one.get("const").or_else(|| one.get("enum"))).flat_map(words);
                listed.into_iter().chain(nested).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The property names that the schema knows where the error arose.
    fn known_names(&self, error: &ValidationError<'_>) -> Vec<String> {
        let pointer = error.schema_path().to_string();
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let names = |schema: Option<&Value>| -> Option<Vec<String>> {
            schema?.get("properties")?.as_object().map(|properties| properties.keys().cloned().collect())
        };
        names(self.document.pointer(parent)).unwrap_or_default()
    }
}

/// The words of an `enum` or `const`, as they are written in JSON.
fn words(options: &Value) -> Vec<String> {
    match options {
        Value::Array(options) => options.iter().filter(|option| !option.is_null()).map(ToString::to_string).collect(),
        one => vec![one.to_string()],
    }
}

fn expected_words(found: &Value, mut words: Vec<String>) -> String {
    words.dedup();
    // What was given is quoted only where it is short: it may be a whole document.
    let found = found.to_string();
    let found = if found.len() <= 60 { found } else { "the value".to_owned() };
    format!("{found} is not one of {}", words.join(", "))
}

struct Problem {
    path: String,
    message: String,
    hint: Option<String>,
}

/// The validator's own words, without quoting a long value back.
fn brief(error: &ValidationError<'_>) -> String {
    error.masked_with("the value").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let document = json!({
            "type": "object",
            "properties": {
                "target_column": { "type": "string" },
                "rows": { "type": "integer", "minimum": 1 },
                "options": { "$ref": "#/$defs/Options" }
            },
            "required": ["target_column"],
            "additionalProperties": false,
            "$defs": { "Options": { "type": "object", "properties": { "normalize": { "type": "boolean" } }, "additionalProperties": false } }
        });
        Schema::new(document.as_object().unwrap()).unwrap()
    }

    #[test]
    fn an_unknown_argument_is_refused_with_the_nearest_known_name() {
        let fault =
            schema().check_arguments("train", &json!({ "target_colum": "y", "target_column": "y" })).unwrap_err();
        assert_eq!(fault.code, "invalid_arguments");
        assert!(fault.message.contains("unknown argument `target_colum`"), "{}", fault.message);
        assert_eq!(fault.hint.as_deref(), Some("did you mean `target_column`?"));
    }

    #[test]
    fn an_unknown_name_deep_inside_is_named_with_its_place() {
        let fault = schema()
            .check_arguments("train", &json!({ "target_column": "y", "options": { "normalise": true } }))
            .unwrap_err();
        assert!(fault.message.contains("unknown argument `normalise` in `options`"), "{}", fault.message);
        assert_eq!(fault.hint.as_deref(), Some("did you mean `normalize`?"));
    }

    #[test]
    fn a_missing_argument_and_a_wrong_type_are_told_together() {
        let fault = schema().check_arguments("train", &json!({ "rows": "many" })).unwrap_err();
        assert!(fault.message.contains("`target_column` is required"), "{}", fault.message);
        assert!(fault.message.contains("in `rows`"), "{}", fault.message);
    }

    #[test]
    fn a_word_that_is_not_accepted_is_answered_with_those_that_are() {
        let document = json!({
            "type": "object",
            "properties": {
                "method": { "enum": ["smote", "random_over", "random_under", "class_weights", "none"] },
                "task": { "anyOf": [{ "$ref": "#/$defs/Task" }, { "type": "null" }] },
            },
            "$defs": { "Task": { "oneOf": [{ "const": "classification" }, { "const": "regression" }] } }
        });
        let schema = Schema::new(document.as_object().unwrap()).unwrap();
        let fault = schema.check_arguments("balance", &json!({ "method": "smite", "task": "ranking" })).unwrap_err();
        assert!(fault.message.contains("\"smite\" is not one of \"smote\""), "{}", fault.message);
        assert!(fault.message.contains("\"class_weights\", \"none\" in `method`"), "{}", fault.message);
        assert!(
            fault.message.contains("\"ranking\" is not one of \"classification\", \"regression\""),
            "{}",
            fault.message
        );
    }

    #[test]
    fn arguments_that_are_no_object_are_refused() {
        assert!(schema().check_arguments("train", &json!([1, 2])).is_err());
        assert!(schema().check_arguments("train", &Value::Null).is_err());
    }

    #[test]
    fn a_schema_that_reaches_outside_itself_is_refused() {
        let outside = json!({ "type": "object", "properties": { "a": { "$ref": "http://127.0.0.1:1/schema.json" } } });
        assert!(Schema::new(outside.as_object().unwrap()).is_err());
    }

    #[test]
    fn a_result_that_breaks_the_promise_is_a_defect_of_the_plugin() {
        let fault = schema().check_result("train", &json!({ "rows": 0, "target_column": "y" })).unwrap_err();
        assert_eq!(fault.code, "result_invalid");
    }
}
