//! What a tool returns when it does not fail.
//!
//! The plain case is the structured result itself. A tool that shows something besides returns a [`Reply`], and one
//! that may need something from the client an [`Answer`].

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::content::{Body, EmbeddedResource, Link, Media};
use crate::input::InputRequired;
use crate::{Content, Fault, Result, schema};

/// A structured result with what a person or a model is shown.
///
/// Where there is no text block, the host shows the structured result as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<R> {
    /// The result that fits the tool's output schema.
    pub structured: R,
    /// The blocks, in order.
    pub content: Vec<Content>,
}

impl<R> Reply<R> {
    /// A result with nothing besides.
    pub fn new(structured: R) -> Self {
        Self { structured, content: Vec::new() }
    }

    /// The same with a block of plain text or Markdown.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.content(Content::Text(text.into()))
    }

    /// The same with a picture as PNG.
    #[must_use]
    pub fn image(self, png: impl Into<Vec<u8>>) -> Self {
        self.content(Content::Image(Media { data: png.into(), media_type: "image/png".to_owned() }))
    }

    /// The same with a sound of the given media type.
    #[must_use]
    pub fn audio(self, data: impl Into<Vec<u8>>, media_type: impl Into<String>) -> Self {
        self.content(Content::Audio(Media { data: data.into(), media_type: media_type.into() }))
    }

    /// The same with a pointer to an object: what a write returned, or a [`Link`] made by hand.
    #[must_use]
    pub fn link(self, link: impl Into<Link>) -> Self {
        self.content(Content::Link(link.into()))
    }

    /// The same with a text that travels inside the answer under a uri of its own.
    #[must_use]
    pub fn resource(self, uri: impl Into<String>, media_type: impl Into<String>, text: impl Into<String>) -> Self {
        self.content(Content::Resource(EmbeddedResource {
            uri: uri.into(),
            media_type: Some(media_type.into()),
            body: Body::Text(text.into()),
        }))
    }

    /// The same with one block more.
    #[must_use]
    pub fn content(mut self, block: Content) -> Self {
        self.content.push(block);
        self
    }

    /// The texts among the blocks, joined by line breaks.
    #[must_use]
    pub fn shown_text(&self) -> String {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter_map(|block| if let Content::Text(text) = block { Some(text.as_str()) } else { None })
            .collect();
        texts.join("\n")
    }
}

/// How a call ends when it does not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<R> {
    /// The call is finished.
    Complete(Reply<R>),
    /// The call goes on once the client has answered: the tool is called again with [`crate::Context::resumption`].
    InputRequired(InputRequired),
}

impl<R> From<Reply<R>> for Answer<R> {
    fn from(reply: Reply<R>) -> Self {
        Self::Complete(reply)
    }
}

impl<R> From<InputRequired> for Answer<R> {
    fn from(input: InputRequired) -> Self {
        Self::InputRequired(input)
    }
}

/// A call's end without its type: the structured result is JSON text, or absent.
pub type Ended = Result<Answer<Option<String>>, Fault>;

/// What stands to the right of `Ok` in a tool: a result, a [`Reply`] or an [`Answer`].
///
/// A result that is not a JSON object travels as `{"result": …}`, for the protocol has no other structured results;
/// `()` is no structured result at all.
pub trait Output {
    /// The schema of the structured result; absent where there is none.
    fn schema() -> Option<Value>;

    /// The result without its type.
    ///
    /// # Errors
    /// `result_not_serializable` where it has no form in JSON.
    fn end(self) -> Ended;
}

impl<R: Serialize + JsonSchema> Output for R {
    fn schema() -> Option<Value> {
        schema::output::<R>()
    }

    fn end(self) -> Ended {
        Reply::new(self).end()
    }
}

impl<R: Serialize + JsonSchema> Output for Reply<R> {
    fn schema() -> Option<Value> {
        R::schema()
    }

    fn end(self) -> Ended {
        Ok(Answer::Complete(Reply { structured: write(&self.structured)?, content: self.content }))
    }
}

impl<R: Serialize + JsonSchema> Output for Answer<R> {
    fn schema() -> Option<Value> {
        R::schema()
    }

    fn end(self) -> Ended {
        match self {
            Self::Complete(reply) => reply.end(),
            Self::InputRequired(input) => Ok(Answer::InputRequired(input)),
        }
    }
}

/// A result as JSON text: an object, wrapped where it is none; absent for `()`.
fn write<R: Serialize>(result: &R) -> Result<Option<String>> {
    let text = serde_json::to_string(result).map_err(|error| {
        Fault::failed("result_not_serializable", format!("the tool's result cannot be written as JSON: {error}"))
    })?;
    match text.as_str() {
        object if object.starts_with('{') => Ok(Some(text)),
        "null" if size_of::<R>() == 0 => Ok(None),
        "null" => Err(Fault::failed(
            "result_not_an_object",
            "the tool's result is null, and a structured result must be an object",
        )
        .hint("return a struct with an optional field instead of an optional struct")),
        other => Ok(Some(format!("{{\"{}\":{other}}}", schema::WRAPPER))),
    }
}

/// What a tool function returns. Implemented for `Result` with any error that becomes a [`Fault`].
pub trait ToolResult {
    /// The schema of the structured result; absent where there is none.
    fn schema() -> Option<Value>;

    /// The call's end without its type.
    ///
    /// # Errors
    /// What the tool failed with.
    fn end(self) -> Ended;
}

impl<T: Output, E: Into<Fault>> ToolResult for std::result::Result<T, E> {
    fn schema() -> Option<Value> {
        T::schema()
    }

    fn end(self) -> Ended {
        self.map_err(Into::into)?.end()
    }
}
