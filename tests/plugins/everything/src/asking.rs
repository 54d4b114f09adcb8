//! Tools that ask the client for something before they finish.

use kumiko_sdk::fault;
use kumiko_sdk::input::{InputKind, InputRequired, Resumption};
use kumiko_sdk::prelude::*;

use crate::showing::Nothing;

/// The JSON-RPC code for a capability that the client did not declare.
pub(crate) const MISSING_CAPABILITY: i32 = -32021;

fn said(text: impl Into<String>) -> Result<Answer<()>> {
    Ok(Answer::Complete(Reply { structured: (), content: vec![Content::Text(text.into())] }))
}

fn asks(required: InputRequired) -> Result<Answer<()>> {
    Ok(Answer::InputRequired(required))
}

fn form(message: &str, schema: Value) -> Value {
    json!({ "message": message, "requestedSchema": schema })
}

/// A form with one field.
pub(crate) fn field(message: &str, name: &str, kind: &str) -> Value {
    form(message, json!({ "type": "object", "properties": { name: { "type": kind } }, "required": [name] }))
}

fn sample(text: &str, max_tokens: u32) -> Value {
    json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": text } }], "maxTokens": max_tokens })
}

pub(crate) fn one(id: &str, kind: InputKind, parameters: Value) -> InputRequired {
    InputRequired::default().and(id, kind, parameters)
}

/// What the client answered to `id`, where it has the field.
fn answered(resumption: Option<&Resumption>, id: &str, pointer: &str) -> Option<Value> {
    resumption?.response(id).ok()?.pointer(pointer).cloned()
}

fn elicited(context: &Context) -> Option<Value> {
    context.resumption().and_then(|resumption| resumption.response("form").ok())
}

fn completed(response: &Value) -> Result<Answer<()>> {
    said(format!(
        "Elicitation completed: action={}, content={}",
        response.get("action").and_then(Value::as_str).unwrap_or_default(),
        response.get("content").unwrap_or(&Value::Null)
    ))
}

/// What to ask the model.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// The prompt to send to the model.
    pub(crate) prompt: String,
}

/// Asks the client's model.
#[tool]
pub(crate) fn test_sampling(arguments: Question, context: &Context) -> Result<Answer<()>> {
    match answered(context.resumption(), "answer", "/content/text") {
        Some(text) => said(format!("LLM response: {}", text.as_str().unwrap_or_default())),
        None => asks(one("answer", InputKind::Sampling, sample(&arguments.prompt, 100))),
    }
}

/// What to tell the person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notice {
    /// The message to show.
    pub(crate) message: String,
}

/// Asks the person for a name and an address.
#[tool]
pub(crate) fn test_elicitation(arguments: Notice, context: &Context) -> Result<Answer<()>> {
    if let Some(response) = elicited(context) {
        return said(format!("User response: {response}"));
    }
    let schema = json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "description": "User's response" },
            "email": { "type": "string", "description": "User's email address" }
        },
        "required": ["username", "email"]
    });
    asks(one("form", InputKind::Elicitation, form(&arguments.message, schema)))
}

/// Asks the person by a form whose fields have defaults.
#[tool]
pub(crate) fn test_elicitation_sep1034_defaults(_: Nothing, context: &Context) -> Result<Answer<()>> {
    if let Some(response) = elicited(context) {
        return completed(&response);
    }
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "default": "John Doe" },
            "age": { "type": "integer", "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
            "verified": { "type": "boolean", "default": true }
        }
    });
    asks(one("form", InputKind::Elicitation, form("Please review the defaults", schema)))
}

/// Asks the person by a form with every kind of choice.
#[tool]
pub(crate) fn test_elicitation_sep1330_enums(_: Nothing, context: &Context) -> Result<Answer<()>> {
    if let Some(response) = elicited(context) {
        return completed(&response);
    }
    let schema = json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
            "titledSingle": { "type": "string", "oneOf": [
                { "const": "value1", "title": "First Option" },
                { "const": "value2", "title": "Second Option" },
                { "const": "value3", "title": "Third Option" }
            ] },
            "legacyEnum": {
                "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]
            },
            "untitledMulti": { "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] } },
            "titledMulti": { "type": "array", "items": { "anyOf": [
                { "const": "value1", "title": "First Choice" },
                { "const": "value2", "title": "Second Choice" },
                { "const": "value3", "title": "Third Choice" }
            ] } }
        }
    });
    asks(one("form", InputKind::Elicitation, form("Please choose", schema)))
}

/// Reports progress and then asks the person.
#[tool]
pub(crate) fn test_streaming_elicitation(_: Nothing, context: &Context) -> Result<Answer<()>> {
    progress::report(1.0, Some(2.0), "asking");
    match answered(context.resumption(), "user_name", "/content/name") {
        Some(name) => said(format!("Hello, {}!", name.as_str().unwrap_or_default())),
        None => asks(one("user_name", InputKind::Elicitation, field("What is your name?", "name", "string"))),
    }
}

/// Cannot do without a client that samples.
#[tool]
pub(crate) fn test_missing_capability(_: Nothing, context: &Context) -> Result<Answer<()>> {
    if context.client_can("sampling") {
        return said("The client can sample.");
    }
    let required = json!({ "requiredCapabilities": { "sampling": {} } });
    Err(fault::protocol(MISSING_CAPABILITY, "Missing required client capability: sampling", Some(required)))
}

/// Asks for a name.
#[tool]
pub(crate) fn test_input_required_result_elicitation(_: Nothing, context: &Context) -> Result<Answer<()>> {
    match answered(context.resumption(), "user_name", "/content/name") {
        Some(Value::String(name)) => said(format!("Hello, {name}!")),
        _ => asks(one("user_name", InputKind::Elicitation, field("What is your name?", "name", "string"))),
    }
}

/// Asks the model for a capital.
#[tool]
pub(crate) fn test_input_required_result_sampling(_: Nothing, context: &Context) -> Result<Answer<()>> {
    match answered(context.resumption(), "capital_question", "/content/text") {
        Some(Value::String(text)) => said(text),
        _ => asks(one("capital_question", InputKind::Sampling, sample("What is the capital of France?", 100))),
    }
}

/// Asks for the client's roots.
#[tool]
pub(crate) fn test_input_required_result_list_roots(_: Nothing, context: &Context) -> Result<Answer<()>> {
    match answered(context.resumption(), "client_roots", "/roots") {
        Some(roots) => said(format!("The roots are {roots}")),
        None => asks(one("client_roots", InputKind::Roots, json!({}))),
    }
}

/// Asks for a confirmation and finds its state again.
#[tool]
pub(crate) fn test_input_required_result_request_state(_: Nothing, context: &Context) -> Result<Answer<()>> {
    match (context.resumption(), answered(context.resumption(), "confirm", "/content/ok")) {
        (Some(resumption), Some(_)) => said(format!("state-{}", resumption.state::<String>()?)),
        _ => asks(one("confirm", InputKind::Elicitation, field("Please confirm", "ok", "boolean")).state(&"ok")?),
    }
}

/// Asks for three things at once.
#[tool]
pub(crate) fn test_input_required_result_multiple_inputs(_: Nothing, context: &Context) -> Result<Answer<()>> {
    let resumption = context.resumption();
    let name = answered(resumption, "user_name", "/content/name");
    let greeting = answered(resumption, "greeting", "/content/text");
    let roots = answered(resumption, "client_roots", "/roots");
    if let (Some(name), Some(greeting), Some(roots)) = (name, greeting, roots) {
        return said(format!("{greeting} {name} {roots}"));
    }
    let required = one("user_name", InputKind::Elicitation, field("What is your name?", "name", "string"))
        .and("greeting", InputKind::Sampling, sample("Generate a greeting", 50))
        .and("client_roots", InputKind::Roots, json!({}));
    asks(required.state(&"three")?)
}

/// Asks twice, and remembers the first answer.
#[tool]
pub(crate) fn test_input_required_result_multi_round(_: Nothing, context: &Context) -> Result<Answer<()>> {
    let resumption = context.resumption();
    let name = match answered(resumption, "step1", "/content/name") {
        Some(name) => Some(name),
        None => resumption.and_then(|resumption| resumption.state::<Value>().ok()).filter(Value::is_string),
    };
    let Some(name) = name else {
        let question = field("Step 1: What is your name?", "name", "string");
        return asks(one("step1", InputKind::Elicitation, question).state(&Value::Null)?);
    };
    match answered(resumption, "step2", "/content/color") {
        Some(color) => {
            said(format!("{} likes {}", name.as_str().unwrap_or_default(), color.as_str().unwrap_or_default()))
        }
        None => {
            let question = field("Step 2: What is your favorite color?", "color", "string");
            asks(one("step2", InputKind::Elicitation, question).state(&name)?)
        }
    }
}

/// Asks for a confirmation; what comes back changed never gets here.
#[tool]
pub(crate) fn test_input_required_result_tampered_state(_: Nothing, context: &Context) -> Result<Answer<()>> {
    match answered(context.resumption(), "confirm", "/content/ok") {
        Some(_) => said("The state came back unchanged."),
        None => {
            asks(one("confirm", InputKind::Elicitation, field("Please confirm", "ok", "boolean")).state(&"sealed")?)
        }
    }
}

/// Asks for what the client can answer, and for nothing else.
#[tool]
pub(crate) fn test_input_required_result_capabilities(_: Nothing, context: &Context) -> Result<Answer<()>> {
    if context.resumption().is_some() {
        return said("The client answered.");
    }
    let mut required = InputRequired::default();
    if context.client_can("elicitation") {
        required = required.and("user_name", InputKind::Elicitation, field("What is your name?", "name", "string"));
    }
    if context.client_can("sampling") {
        required = required.and("greeting", InputKind::Sampling, sample("Generate a greeting", 50));
    }
    if context.client_can("roots") {
        required = required.and("client_roots", InputKind::Roots, json!({}));
    }
    if required.requests.is_empty() { said("The client can answer nothing.") } else { asks(required) }
}
