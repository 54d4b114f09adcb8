//! A plugin that reaches as far as it was granted: requests, secrets, objects. It says what it is told, in every place where a plugin can
//! say something.

use kumiko_sdk::objects::Precondition;
use kumiko_sdk::prelude::*;
use kumiko_sdk::{http, objects, secrets};

plugin! { name: "courier", tools: [deliver, fetch, ask_for, repeat, read, write, list, erase] }

/// Told apart by tests that put other digits in its place.
const EDITION: &str = "edition 000000";

/// To whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// To whom.
    pub name: String,
}

/// What was said or read.
#[derive(Serialize, JsonSchema)]
pub struct Told {
    /// What was said or read.
    pub message: String,
}

/// Says which edition this is.
#[tool(read_only)]
pub fn deliver(arguments: Delivery) -> Result<Told> {
    Ok(Told { message: format!("{EDITION} for {}", arguments.name) })
}

/// A request.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// Where to.
    pub url: String,
    /// The value of the header `x-token`.
    #[serde(default)]
    pub token: Option<String>,
    /// Whether the answer is the message of a failure.
    #[serde(default)]
    pub fails: bool,
}

/// Sends a request and tells the whole answer.
#[tool(open_world)]
pub fn fetch(arguments: Outgoing) -> Result<Told> {
    let mut request = http::Request::get(arguments.url);
    if let Some(token) = arguments.token {
        request = request.header("x-token", token);
    }
    let response = request.send()?;
    let headers: Vec<String> = response.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body = String::from_utf8_lossy(&response.body);
    let message = format!("{EDITION} {} {} {} {body}", response.status, response.url, headers.join("; "));
    say(message, arguments.fails)
}

/// Asks whether there is a secret.
#[tool(read_only)]
pub fn ask_for(arguments: Delivery) -> Result<Told> {
    Ok(Told { message: secrets::exists(&arguments.name)?.to_string() })
}

/// Something to say.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// What to say.
    pub text: String,
    /// Whether it is the message of a failure.
    #[serde(default)]
    pub fails: bool,
}

/// Writes something to the log and gives it back.
#[tool(read_only)]
pub fn repeat(arguments: Words) -> Result<Told> {
    say(arguments.text, arguments.fails)
}

fn say(message: String, fails: bool) -> Result<Told> {
    log::warn!("{message}");
    if fails {
        return Err(Fault::failed("told", message.clone()).hint(message.clone()).data(json!({ "message": message })));
    }
    Ok(Told { message })
}

/// An object.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Where it is.
    pub uri: String,
}

/// Reads an object.
#[tool(read_only)]
pub fn read(arguments: Object) -> Result<Told> {
    Ok(Told { message: String::from_utf8_lossy(&objects::get(&arguments.uri)?).into_owned() })
}

/// Writes an object.
#[tool]
pub fn write(arguments: Object) -> Result<Told> {
    objects::put(&arguments.uri, b"written", None, &Precondition::None)?;
    Ok(Told { message: arguments.uri })
}

/// Lists objects.
#[tool(read_only)]
pub fn list(arguments: Object) -> Result<Told> {
    let listing = objects::list(&arguments.uri, None, 100)?;
    let uris: Vec<String> = listing.objects.into_iter().map(|object| object.uri).collect();
    Ok(Told { message: uris.join(" ") })
}

/// Deletes an object.
#[tool(destructive)]
pub fn erase(arguments: Object) -> Result<Told> {
    objects::delete(&arguments.uri, &Precondition::None)?;
    Ok(Told { message: arguments.uri })
}
