//! The smallest real plugin: one tool that greets.

use kumiko_sdk::prelude::*;

plugin! { name: "hello", tools: [greet] }

/// Whom and how to greet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// Whom to greet.
    pub name: String,
}

/// What was said.
#[derive(Serialize, JsonSchema)]
pub struct Greeted {
    /// The greeting.
    pub message: String,
}

/// Greets somebody by name.
///
/// Use it to see that the server and a freshly loaded plugin answer.
#[tool(title = "Greet", read_only, idempotent, aliases = ["hello"])]
pub fn greet(arguments: Greeting) -> Result<Reply<Greeted>> {
    let message = format!("Hello, {}!", arguments.name);
    Ok(Reply::new(Greeted { message: message.clone() }).text(message))
}
