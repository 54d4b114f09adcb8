//! The component's side of the contract: from the generated types to those of this crate and back.

pub mod prompts;
pub mod resources;

use std::sync::Once;

use crate::bindings::{self, kumiko::host::types as wire};
use crate::content::{Body, Content, EmbeddedResource, Link, Media};
use crate::input::{InputKind, InputRequired, Resumption};
use crate::{Answer, Context, Plugin, Reply, Tool, fault, log};

/// The standard library's allocator, in a version that begins with the memory that the component starts with. The standard library's own
/// asks for more in every fresh instance, and memory that grows is what an instance pays most for.
#[cfg(feature = "heap")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The manifest of `plugin`.
#[must_use]
pub fn describe(plugin: &Plugin) -> bindings::Manifest {
    report_panics();
    bindings::Manifest {
        name: plugin.name.to_owned(),
        aliases: owned(plugin.aliases),
        version: plugin.version.to_owned(),
        description: plugin.description.to_owned(),
        icon: plugin.icon.map(|icon| wire::Media { data: icon.data.to_vec(), media_type: icon.media_type.to_owned() }),
        tools: plugin.tools.iter().map(described).collect(),
    }
}

/// Runs one tool of `plugin`.
///
/// # Errors
/// What the tool fails with.
pub fn call(plugin: &Plugin, invocation: bindings::Invocation) -> Result<bindings::Answer, bindings::Fault> {
    report_panics();
    let bindings::Invocation { tool, arguments, client, resumption } = invocation;
    let mut context = Context::new(client.protocol_version, client.capabilities);
    if let Some(resumption) = resumption {
        context = context.resuming(resumed(resumption));
    }
    match plugin.run(&context, &tool, &arguments) {
        Ok(answer) => Ok(answered(answer)),
        Err(fault) => Err(fault::wire::outward(fault)),
    }
}

/// Tells the operator's log why the plugin is about to trap.
fn report_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string().replace('\n', " "))))
    });
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn described(tool: &Tool) -> bindings::Tool {
    bindings::Tool {
        name: tool.name.to_owned(),
        title: tool.title.to_owned(),
        description: tool.description.to_owned(),
        input_schema: (tool.input_schema)().to_string(),
        output_schema: (tool.output_schema)().map(|schema| schema.to_string()),
        annotations: bindings::Annotations {
            read_only: tool.annotations.read_only,
            destructive: tool.annotations.destructive,
            idempotent: tool.annotations.idempotent,
            open_world: tool.annotations.open_world,
        },
        aliases: owned(tool.aliases),
        long_running: tool.long_running,
    }
}

pub(crate) fn resumed(resumption: bindings::Resumption) -> Resumption {
    let unanswered = Resumption::new(resumption.state);
    resumption
        .responses
        .into_iter()
        .fold(unanswered, |resumption, response| resumption.answer(response.id, response.result))
}

fn answered(answer: Answer<Option<String>>) -> bindings::Answer {
    match answer {
        Answer::Complete(Reply { structured, content }) => bindings::Answer::Complete(bindings::Outcome {
            structured,
            content: content.into_iter().map(shown).collect(),
        }),
        Answer::InputRequired(required) => bindings::Answer::InputRequired(asked(required)),
    }
}

pub(crate) fn asked(required: InputRequired) -> bindings::InputRequired {
    let requests = required.requests.into_iter().map(|request| bindings::InputRequest {
        id: request.id,
        kind: match request.kind {
            InputKind::Elicitation => bindings::InputKind::Elicitation,
            InputKind::Sampling => bindings::InputKind::Sampling,
            InputKind::Roots => bindings::InputKind::Roots,
        },
        parameters: request.parameters.to_string(),
    });
    bindings::InputRequired { requests: requests.collect(), state: required.state }
}

fn media(media: Media) -> wire::Media {
    wire::Media { data: media.data, media_type: media.media_type }
}

pub(crate) fn shown(content: Content) -> wire::Content {
    match content {
        Content::Text(text) => wire::Content::Text(text),
        Content::Image(image) => wire::Content::Image(media(image)),
        Content::Audio(audio) => wire::Content::Audio(media(audio)),
        Content::Resource(resource) => wire::Content::Resource(embedded(resource)),
        Content::Link(Link { uri, name, title, description, media_type, size }) => {
            wire::Content::Link(wire::ResourceLink { uri, name, title, description, media_type, size })
        }
    }
}

pub(crate) fn embedded(resource: EmbeddedResource) -> wire::EmbeddedResource {
    wire::EmbeddedResource {
        uri: resource.uri,
        media_type: resource.media_type,
        body: match resource.body {
            Body::Text(text) => wire::ResourceBody::Text(text),
            Body::Blob(bytes) => wire::ResourceBody::Blob(bytes),
        },
    }
}
