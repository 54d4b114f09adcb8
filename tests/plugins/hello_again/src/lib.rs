//! The example `hello` in a later version: what an operator drops over the earlier one.

use kumiko_sdk::prelude::*;

plugin! { name: "hello", tools: [greet, part] }

/// Whom to greet.
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

/// Greets somebody by name, once more.
#[tool(title = "Greet", read_only, idempotent, aliases = ["hello"])]
pub fn greet(arguments: Greeting) -> Result<Greeted> {
    Ok(Greeted { message: format!("Hello again, {}!", arguments.name) })
}

/// Says goodbye to somebody by name.
#[tool(title = "Part", read_only, idempotent)]
pub fn part(arguments: Greeting) -> Result<Greeted> {
    Ok(Greeted { message: format!("Goodbye, {}!", arguments.name) })
}
