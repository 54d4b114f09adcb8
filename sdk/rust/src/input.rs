//! Calls in several rounds: a tool that cannot finish without something from the client says what it needs, and is
//! called again with the answer.
//!
//! Between the rounds nothing of the tool lives on. What it needs to go on is the state that it hands out with its
//! question: the host seals it, the client carries it, and the next round finds it in [`Resumption`].

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Fault, Result, schema};

/// What a client is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A form for the person.
    Elicitation,
    /// A completion by the client's model.
    Sampling,
    /// The client's root folders.
    Roots,
}

/// One request to the client.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRequest {
    /// A name by which the response is told from others, unique within the answer.
    pub id: String,
    /// What is asked for.
    pub kind: InputKind,
    /// The request's parameters, as MCP words them for this kind.
    pub parameters: Value,
}

/// What a tool needs before it can finish. At least one request must be in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputRequired {
    /// What is asked for.
    pub requests: Vec<InputRequest>,
    /// What the tool needs to go on, at most 64 KiB.
    pub state: Vec<u8>,
}

impl InputRequired {
    /// A form for the person, whose fields are those of `T`: a struct of strings, numbers, booleans and plain enums.
    pub fn elicit<T: JsonSchema>(id: impl Into<String>, message: impl Into<String>) -> Self {
        Self::default().and_elicit::<T>(id, message)
    }

    /// A completion by the client's model, from one message by the user, of at most `max_tokens` tokens.
    pub fn sample(id: impl Into<String>, prompt: impl Into<String>, max_tokens: u32) -> Self {
        Self::default().and_sample(id, prompt, max_tokens)
    }

    /// The client's root folders.
    pub fn roots(id: impl Into<String>) -> Self {
        Self::default().and(id, InputKind::Roots, json!({}))
    }

    /// The same, and a form besides.
    #[must_use]
    pub fn and_elicit<T: JsonSchema>(self, id: impl Into<String>, message: impl Into<String>) -> Self {
        self.and(
            id,
            InputKind::Elicitation,
            json!({ "message": message.into(), "requestedSchema": schema::form::<T>() }),
        )
    }

    /// The same, and a completion besides.
    #[must_use]
    pub fn and_sample(self, id: impl Into<String>, prompt: impl Into<String>, max_tokens: u32) -> Self {
        let message = json!({ "role": "user", "content": { "type": "text", "text": prompt.into() } });
        self.and(id, InputKind::Sampling, json!({ "messages": [message], "maxTokens": max_tokens }))
    }

    /// The same, and a request with parameters as MCP words them.
    #[must_use]
    pub fn and(mut self, id: impl Into<String>, kind: InputKind, parameters: Value) -> Self {
        self.requests.push(InputRequest { id: id.into(), kind, parameters });
        self
    }

    /// The same with the state that the next round finds in [`Resumption::state`].
    ///
    /// # Errors
    /// `state_not_serializable` where `state` has no form in JSON, such as a map whose keys are no strings.
    pub fn state(mut self, state: &impl Serialize) -> Result<Self> {
        self.state = serde_json::to_vec(state).map_err(|error| {
            Fault::failed("state_not_serializable", format!("the tool's state cannot be written as JSON: {error}"))
        })?;
        Ok(self)
    }
}

/// What a tool handed out with its question, and what the client answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resumption {
    state: Vec<u8>,
    responses: Vec<(String, String)>,
}

/// How a person dealt with a form.
#[derive(Clone, Debug, PartialEq)]
pub enum Elicited<T> {
    /// Filled in and sent.
    Accepted(T),
    /// Refused.
    Declined,
    /// Closed without a decision.
    Cancelled,
}

impl Resumption {
    /// The continuation of a call that handed out `state` and has no answers yet.
    #[must_use]
    pub fn new(state: Vec<u8>) -> Self {
        Self { state, responses: Vec::new() }
    }

    /// The same with the client's answer to the request `id`: JSON as MCP words it for the request's kind.
    #[must_use]
    pub fn answer(mut self, id: impl Into<String>, response: impl ToString) -> Self {
        self.responses.push((id.into(), response.to_string()));
        self
    }

    /// The state that the tool handed out.
    ///
    /// # Errors
    /// `state_unreadable` where the state is not of this type.
    pub fn state<S: DeserializeOwned>(&self) -> Result<S> {
        serde_json::from_slice(&self.state).map_err(|error| {
            Fault::invalid("state_unreadable", format!("the state handed to the next round cannot be read: {error}"))
        })
    }

    /// The client's answer to the request `id`, as MCP words it.
    ///
    /// # Errors
    /// `response_missing` where the client did not answer this request, `response_malformed` where the answer is no
    /// JSON.
    pub fn response(&self, id: &str) -> Result<Value> {
        let Some((_, text)) = self.responses.iter().find(|(answered, _)| answered == id) else {
            return Err(Fault::invalid("response_missing", format!("the client has not answered the request {id:?}"))
                .hint("answer every request of the tool's `input_required`"));
        };
        serde_json::from_str(text).map_err(|error| malformed(id, &error.to_string()))
    }

    /// What the person made of the form `id`.
    ///
    /// # Errors
    /// `response_missing` where there is no answer, `response_malformed` where the form's content does not fit `T`.
    pub fn elicited<T: DeserializeOwned>(&self, id: &str) -> Result<Elicited<T>> {
        let mut response = self.response(id)?;
        let content = response.get_mut("content").map_or_else(|| json!({}), Value::take);
        match response.get("action").and_then(Value::as_str) {
            Some("accept") => serde_json::from_value(content)
                .map(Elicited::Accepted)
                .map_err(|error| malformed(id, &error.to_string())),
            Some("decline") => Ok(Elicited::Declined),
            Some("cancel") => Ok(Elicited::Cancelled),
            _ => Err(malformed(id, "`action` must be accept, decline or cancel")),
        }
    }
}

/// An answer that does not have the shape MCP gives it.
fn malformed(id: &str, what: &str) -> Fault {
    Fault::invalid("response_malformed", format!("the client's answer to the request {id:?} cannot be used: {what}"))
}
