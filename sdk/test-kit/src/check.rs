//! A plugin held against the rules by which the server loads and calls it.

use std::collections::HashSet;

use jsonschema::Validator;
use kumiko_sdk::arguments::INVALID_ARGUMENTS;
use kumiko_sdk::{Fault, Plugin, Result, Tool};
use serde_json::Value;

/// The longest name of a capability, a tool or an alias.
const NAME_LIMIT: usize = 64;

/// What would keep the server from loading the plugin; empty where nothing does.
///
/// A plugin's tests say `assert_eq!(problems(&plugin()), [""; 0])`.
#[must_use]
pub fn problems(plugin: &Plugin) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    for name in std::iter::once(&plugin.name).chain(plugin.aliases) {
        check_name("the capability", name, &mut problems);
    }
    for tool in plugin.tools {
        for name in std::iter::once(&tool.name).chain(tool.aliases) {
            check_name("the tool", name, &mut problems);
            if !names.insert(*name) {
                problems.push(format!("the name `{name}` is given twice"));
            }
        }
        if tool.description.trim().is_empty() {
            problems.push(format!("the tool `{}` has no description", tool.name));
        }
        check_schema(tool, "input", Some((tool.input_schema)()), &mut problems);
        check_schema(tool, "output", (tool.output_schema)(), &mut problems);
    }
    problems
}

pub(crate) fn check_name(what: &str, name: &str, problems: &mut Vec<String>) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > NAME_LIMIT || !name.bytes().all(allowed) {
        problems.push(format!("{what} `{name}`: a name has 1 to {NAME_LIMIT} of a-z, A-Z, 0-9, `_` and `-`"));
    }
}

fn check_schema(tool: &Tool, which: &str, schema: Option<Value>, problems: &mut Vec<String>) {
    let Some(schema) = schema else { return };
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        problems.push(format!("the {which} schema of `{}` is not of type object", tool.name));
    }
    if let Err(error) = jsonschema::draft202012::options().build(&schema) {
        problems.push(format!("the {which} schema of `{}` is no schema: {error}", tool.name));
    }
}

/// Refuses arguments that do not fit the tool's schema.
pub(crate) fn arguments(tool: &Tool, arguments: &Value) -> Result<()> {
    let complaints = complaints(tool, &(tool.input_schema)(), arguments)?;
    if complaints.is_empty() {
        return Ok(());
    }
    let message =
        format!("`{}` was called with arguments that do not fit its schema: {}", tool.name, complaints.join("; "));
    Err(Fault::invalid(INVALID_ARGUMENTS, message))
}

/// Refuses a result that does not keep the promise of the tool's output schema.
pub(crate) fn result(tool: &Tool, result: &Value) -> Result<()> {
    let Some(schema) = (tool.output_schema)() else { return Ok(()) };
    let complaints = complaints(tool, &schema, result)?;
    if complaints.is_empty() {
        return Ok(());
    }
    let message =
        format!("`{}` returned a result that does not fit its own output schema: {}", tool.name, complaints.join("; "));
    Err(Fault::failed("result_invalid", message))
}

/// What is wrong with `value` by `schema`, each with its place.
fn complaints(tool: &Tool, schema: &Value, value: &Value) -> Result<Vec<String>> {
    let validator: Validator = jsonschema::draft202012::options()
        .build(schema)
        .map_err(|error| Fault::failed("schema_invalid", format!("a schema of `{}` is none: {error}", tool.name)))?;
    Ok(validator
        .iter_errors(value)
        .map(|error| match error.instance_path().to_string().as_str() {
            "" => error.to_string(),
            path => format!("{error} in `{}`", path.trim_start_matches('/').replace('/', ".")),
        })
        .collect())
}
