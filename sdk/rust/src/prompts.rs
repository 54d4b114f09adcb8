//! Prompts: messages that a person picks and a client hands to its model.
//!
//! A plugin that has some implements [`Prompts`] and names the implementor once:
//!
//! ```
//! use kumiko_sdk::prelude::*;
//! use kumiko_sdk::prompts::{Message, Messages, Prompt, Prompts};
//!
//! struct Reviews;
//!
//! impl Prompts for Reviews {
//!     fn list() -> Vec<Prompt> {
//!         vec![Prompt::new("review_model", "Asks for a review of a model.").required("model", "The model's uri.")]
//!     }
//!
//!     fn get(_prompt: &str, arguments: &[(String, String)], _context: &Context) -> Result<Answer<Messages>> {
//!         let model = arguments.iter().find(|(name, _)| name == "model").map_or("", |(_, model)| model);
//!         Ok(Messages::of([Message::user(format!("Evaluate the model {model} and say what you would improve."))]).into())
//!     }
//! }
//!
//! kumiko_sdk::prompts!(Reviews);
//! # fn main() {}
//! ```

use crate::answer::Reply;
use crate::{Answer, Content, Context, Result};

/// A prompt as a client lists it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// The name.
    pub name: String,
    /// A short name for people.
    pub title: String,
    /// What the prompt is for.
    pub description: String,
    /// What it takes.
    pub arguments: Vec<Argument>,
}

/// A value that a prompt takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Argument {
    /// The argument's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether the prompt makes no sense without it.
    pub required: bool,
}

impl Prompt {
    /// A prompt without arguments.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { name: name.into(), description: description.into(), ..Self::default() }
    }

    /// The same with a short name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The same with an argument that it needs.
    #[must_use]
    pub fn required(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.arguments.push(Argument { name: name.into(), description: description.into(), required: true });
        self
    }

    /// The same with an argument that it can do without.
    #[must_use]
    pub fn optional(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.arguments.push(Argument { name: name.into(), description: description.into(), required: false });
        self
    }
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

impl Message {
    /// A text of the person.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, content: Content::Text(text.into()) }
    }

    /// A text of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: Content::Text(text.into()) }
    }
}

/// A prompt made ready.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    /// What the messages are for.
    pub description: Option<String>,
    /// The messages in order.
    pub messages: Vec<Message>,
}

impl Messages {
    /// Messages in order.
    pub fn of(messages: impl IntoIterator<Item = Message>) -> Self {
        Self { description: None, messages: messages.into_iter().collect() }
    }
}

impl From<Messages> for Answer<Messages> {
    fn from(messages: Messages) -> Self {
        Self::Complete(Reply { structured: messages, content: Vec::new() })
    }
}

/// The prompts of a plugin.
pub trait Prompts {
    /// What there is. Called once when the plugin is loaded.
    fn list() -> Vec<Prompt>;

    /// Makes one prompt ready. The arguments are those it takes, the required ones among them.
    ///
    /// # Errors
    /// Whatever stands in the way.
    fn get(prompt: &str, arguments: &[(String, String)], context: &Context) -> Result<Answer<Messages>>;

    /// Values that an argument may take, the likeliest first; `typed` is what is there of it so far.
    ///
    /// # Errors
    /// Whatever stands in the way.
    fn complete(_prompt: &str, _argument: &str, _typed: &str, _known: &[(String, String)]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Makes an implementor of [`Prompts`] the prompts of the component.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! prompts {
    ($provider:ty) => {
        #[allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated code")]
        const _: () = {
            struct Component;

            impl $crate::bindings::prompts::Guest for Component {
                fn list_prompts() -> Vec<$crate::bindings::prompts::Prompt> {
                    $crate::guest::prompts::list::<$provider>()
                }

                fn get_prompt(
                    invocation: $crate::bindings::prompts::PromptInvocation,
                ) -> ::core::result::Result<$crate::bindings::prompts::PromptAnswer, $crate::bindings::Fault> {
                    $crate::guest::prompts::get::<$provider>(invocation)
                }

                fn complete_argument(
                    request: $crate::bindings::prompts::CompletionRequest,
                ) -> ::core::result::Result<Vec<String>, $crate::bindings::Fault> {
                    $crate::guest::prompts::complete::<$provider>(request)
                }
            }

    $crate::bindings::prompts::export_prompts!(Component with_types_in $crate::bindings::prompts);
        };
    };
}

/// Natively a plugin has no exports.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! prompts {
    ($provider:ty) => {
        const _: fn() -> Vec<$crate::prompts::Prompt> = <$provider as $crate::prompts::Prompts>::list;
    };
}
