//! Tools that take long, so that a client that knows tasks follows them as such.

use std::time::Duration;

use kumiko_sdk::input::{InputKind, InputRequired};
use kumiko_sdk::prelude::*;
use kumiko_sdk::{fault, time};

use crate::asking::{MISSING_CAPABILITY, field, one};
use crate::showing::Nothing;

/// The JSON-RPC code for a defect of the server's own.
const INTERNAL_ERROR: i32 = -32603;
/// The extension by its name.
const TASKS: &str = "io.modelcontextprotocol/tasks";

fn said(text: impl Into<String>) -> Result<Reply<()>> {
    Ok(Reply { structured: (), content: vec![Content::Text(text.into())] })
}

/// Lets time pass, and stops early where the call was cancelled.
fn pass(time: Duration) -> Result<()> {
    let until = time::now() + time;
    while time::now() < until {
        progress::check()?;
    }
    Ok(())
}

/// Whom to greet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Greeted {
    /// The name.
    name: String,
}

/// Greets at once.
#[tool(read_only)]
pub(crate) fn greet(arguments: Greeted) -> Result<Reply<()>> {
    said(format!("Hello, {}!", arguments.name))
}

/// How long to compute.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slowly {
    /// Seconds until the result.
    seconds: u64,
    /// What to name it.
    #[serde(default)]
    label: String,
}

/// Takes as many seconds as it is told.
#[tool(read_only, long_running)]
pub(crate) fn slow_compute(arguments: Slowly) -> Result<Reply<()>> {
    pass(Duration::from_secs(arguments.seconds))?;
    said(format!("computed {} in {} s", arguments.label, arguments.seconds))
}

/// Fails after a second, and only as a task.
#[tool(read_only, long_running)]
pub(crate) fn failing_job(_: Nothing, context: &Context) -> Result<Reply<()>> {
    if context.client_capabilities().get("extensions").and_then(|extensions| extensions.get(TASKS)).is_none() {
        let data = json!({ "requiredCapabilities": { "extensions": { TASKS: {} } } });
        return Err(fault::protocol(MISSING_CAPABILITY, "this tool runs as a task alone", Some(data)));
    }
    pass(Duration::from_secs(1))?;
    Err(Fault::failed("intended", "the job failed, as it was meant to"))
}

/// Ends with an error of the protocol.
#[tool(read_only, long_running)]
pub(crate) fn protocol_error_job(_: Nothing) -> Result<Reply<()>> {
    Err(fault::protocol(INTERNAL_ERROR, "the job broke off, as it was meant to", None))
}

/// What to delete.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// The file's name.
    filename: String,
}

/// Asks before it deletes nothing.
#[tool(long_running)]
pub(crate) fn confirm_delete(arguments: Deleted, context: &Context) -> Result<Answer<()>> {
    match context.resumption() {
        None => {
            let question = field(&format!("Delete {}?", arguments.filename), "confirm", "boolean");
            Ok(Answer::InputRequired(one("confirm", InputKind::Elicitation, question)))
        }
        Some(resumption) => {
            let action = resumption.response("confirm")?;
            said(format!("{}: {action}", arguments.filename)).map(Answer::Complete)
        }
    }
}

/// Asks two questions at once.
#[tool(long_running)]
pub(crate) fn multi_input(_: Nothing, context: &Context) -> Result<Answer<()>> {
    match context.resumption() {
        None => {
            let asked = ["first", "second"].into_iter().fold(InputRequired::default(), |asked, id| {
                asked.and(id, InputKind::Elicitation, field(&format!("The {id} name?"), "name", "string"))
            });
            Ok(Answer::InputRequired(asked))
        }
        Some(resumption) => {
            let answers = (resumption.response("first")?, resumption.response("second")?);
            said(format!("{} and {}", answers.0, answers.1)).map(Answer::Complete)
        }
    }
}
