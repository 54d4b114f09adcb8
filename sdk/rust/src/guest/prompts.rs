//! The prompts of a component.

use crate::answer::Reply;
use crate::bindings::Fault;
use crate::bindings::prompts as wire;
use crate::guest::{asked, resumed, shown};
use crate::prompts::{Prompts, Role};
use crate::{Answer, Context, fault};

/// What there is.
#[must_use]
pub fn list<P: Prompts>() -> Vec<wire::Prompt> {
    let prompts = P::list().into_iter().map(|prompt| wire::Prompt {
        name: prompt.name,
        title: prompt.title,
        description: prompt.description,
        arguments: prompt
            .arguments
            .into_iter()
            .map(|argument| wire::Argument {
                name: argument.name,
                description: argument.description,
                required: argument.required,
            })
            .collect(),
    });
    prompts.collect()
}

/// Makes one prompt ready.
///
/// # Errors
/// What the provider fails with.
pub fn get<P: Prompts>(invocation: wire::PromptInvocation) -> Result<wire::PromptAnswer, Fault> {
    let wire::PromptInvocation { prompt, arguments, client, resumption } = invocation;
    let mut context = Context::new(client.protocol_version, client.capabilities);
    if let Some(resumption) = resumption {
        context = context.resuming(resumed(resumption));
    }
    match P::get(&prompt, &arguments, &context).map_err(fault::wire::outward)? {
        Answer::Complete(Reply { structured: ready, .. }) => Ok(wire::PromptAnswer::Complete(wire::Messages {
            description: ready.description,
            messages: ready
                .messages
                .into_iter()
                .map(|message| wire::Message {
                    role: match message.role {
                        Role::User => wire::Role::User,
                        Role::Assistant => wire::Role::Assistant,
                    },
                    content: shown(message.content),
                })
                .collect(),
        })),
        Answer::InputRequired(required) => Ok(wire::PromptAnswer::InputRequired(asked(required))),
    }
}

/// Values that an argument may take.
///
/// # Errors
/// What the provider fails with.
pub fn complete<P: Prompts>(request: wire::CompletionRequest) -> Result<Vec<String>, Fault> {
    P::complete(&request.prompt, &request.argument, &request.value, &request.known).map_err(fault::wire::outward)
}
