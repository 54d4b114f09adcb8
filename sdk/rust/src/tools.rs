//! The tools of other plugins, as far as the operator granted them.

use serde::Serialize;
use serde_json::Value;

use crate::host::{self, Host};
use crate::{Fault, Reply, Result};

/// Calls a tool of another plugin by its advertised name.
///
/// # Errors
/// `tool_denied` where it was not granted, `tool_not_found`, and what the tool fails with.
pub fn call(tool: &str, arguments: &impl Serialize) -> Result<Reply<Value>> {
    let arguments = serde_json::to_string(arguments).map_err(|error| {
        Fault::failed("request_not_serializable", format!("the arguments of {tool} cannot be written as JSON: {error}"))
    })?;
    let Reply { structured, content } = host::call(|host| Host::tool_call(host, tool, &arguments))?;
    let structured = match structured {
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| Fault::failed("result_not_json", format!("the result of {tool} is no JSON: {error}")))?,
        None => Value::Null,
    };
    Ok(Reply { structured, content })
}
