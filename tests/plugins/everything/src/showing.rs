//! Tools that show something, and say something while they run.

use std::time::Duration;

use kumiko_sdk::content::{Body, EmbeddedResource};
use kumiko_sdk::prelude::*;
use kumiko_sdk::{notices, time};

use crate::media::{picture, sound};

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Lets time pass: a guest has no way to sleep, so it watches the clock.
fn pause() {
    let until = time::now() + Duration::from_millis(50);
    while time::now() < until {}
}

fn shown(content: impl IntoIterator<Item = Content>) -> Result<Reply<()>> {
    Ok(Reply { structured: (), content: content.into_iter().collect() })
}

fn said(text: &str) -> Result<Reply<()>> {
    shown([Content::Text(text.to_owned())])
}

/// Returns a text.
#[tool(read_only)]
pub(crate) fn test_simple_text(_: Nothing) -> Result<Reply<()>> {
    said("This is a simple text response for testing.")
}

/// Returns a picture.
#[tool(read_only)]
pub(crate) fn test_image_content(_: Nothing) -> Result<Reply<()>> {
    shown([Content::Image(picture())])
}

/// Returns a sound.
#[tool(read_only)]
pub(crate) fn test_audio_content(_: Nothing) -> Result<Reply<()>> {
    shown([Content::Audio(sound())])
}

/// Returns a resource inside the answer.
#[tool(read_only)]
pub(crate) fn test_embedded_resource(_: Nothing) -> Result<Reply<()>> {
    shown([Content::Resource(EmbeddedResource {
        uri: "test://embedded-resource".to_owned(),
        media_type: Some("text/plain".to_owned()),
        body: Body::Text("This is an embedded resource content.".to_owned()),
    })])
}

/// Returns a text, a picture and a resource.
#[tool(read_only)]
pub(crate) fn test_multiple_content_types(_: Nothing) -> Result<Reply<()>> {
    shown([
        Content::Text("Multiple content types test:".to_owned()),
        Content::Image(picture()),
        Content::Resource(EmbeddedResource {
            uri: "test://mixed-content-resource".to_owned(),
            media_type: Some("application/json".to_owned()),
            body: Body::Text(r#"{"test":"data","value":123}"#.to_owned()),
        }),
    ])
}

/// Fails.
#[tool(read_only)]
pub(crate) fn test_error_handling(_: Nothing) -> Result<Reply<()>> {
    Err(Fault::failed("intended", "This tool intentionally returns an error for testing"))
}

/// Reports progress.
#[tool(read_only)]
pub(crate) fn test_tool_with_progress(_: Nothing) -> Result<Reply<()>> {
    for done in [0.0, 50.0, 100.0] {
        progress::report(done, Some(100.0), "working");
        // Reports closer together than this would be taken for one.
        pause();
        pause();
    }
    said("Three reports of progress were made.")
}

/// Logs three lines.
#[tool(read_only)]
pub(crate) fn test_tool_with_logging(_: Nothing) -> Result<Reply<()>> {
    for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        log::info!("{line}");
        pause();
    }
    said("Three lines were logged.")
}

/// Logs a line, for the client that asked for lines.
#[tool(read_only)]
pub(crate) fn test_logging_tool(_: Nothing) -> Result<Reply<()>> {
    log::info!("A line from the tool");
    said("A line was logged.")
}

/// Says that the list of tools has changed.
#[tool]
pub(crate) fn test_trigger_tool_change(_: Nothing) -> Result<Reply<()>> {
    notices::tools_changed();
    said("The list of tools was said to have changed.")
}

/// Says that the list of prompts has changed.
#[tool]
pub(crate) fn test_trigger_prompt_change(_: Nothing) -> Result<Reply<()>> {
    notices::prompts_changed();
    said("The list of prompts was said to have changed.")
}

/// Says that a resource has other content.
#[tool]
pub(crate) fn test_touch_resource(_: Nothing) -> Result<Reply<()>> {
    notices::resource_updated("test://watched-resource");
    said("The resource was said to have changed.")
}
