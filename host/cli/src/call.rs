//! `kumiko call`: one tool, from the command line.

use std::io::Read as _;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use kumiko_catalog::contract_types::{Content, ResourceBody};
use kumiko_catalog::{Asked, CallControl, CallFailure, Client, ProgressSink, Reply, Request, Update};
use kumiko_vocabulary::Fault;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::command_line::CallArguments;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::{assembly, logging, terminal};

/// Calls a tool and prints what it answers.
pub(crate) async fn call(settings: &Settings, call: CallArguments) -> anyhow::Result<Exit> {
    let _traces = logging::start(
        &Settings { log_level: settings.log_level.min(tracing::Level::WARN), ..settings.clone() },
        None,
    )?;
    let arguments = arguments(&call)?;
    let catalog = assembly::catalog(settings).await?;
    let cancellation = CancellationToken::new();
    tokio::spawn(cancel_on_interrupt(cancellation.clone()));
    let bar = terminal::watched().then(|| Arc::new(Bar::new()));
    let request = Request {
        name: call.tool,
        arguments,
        resumption: None,
        asked: Asked {
            client: Client::default(),
            caller: "".into(),
            request: "1".to_owned(),
            control: CallControl::new(bar.clone().map(|bar| bar as Arc<dyn ProgressSink>), cancellation),
            lines: None,
            trace: None,
        },
    };
    let reply = catalog.call(request).await;
    if let Some(bar) = bar {
        bar.0.finish_and_clear();
    }
    Ok(match reply {
        Ok(Reply::Complete { structured, content }) => {
            if call.json {
                terminal::say(serde_json::to_string_pretty(
                    &json!({ "structured": structured, "content": content.iter().map(described).collect::<Vec<_>>() }),
                )?);
            } else {
                print(structured.as_ref(), &content)?;
            }
            Exit::Success
        }
        Ok(Reply::InputRequired(required)) => {
            let asked: Vec<&str> = required.requests.iter().map(|request| request.id.as_str()).collect();
            let message =
                format!("the tool asks its client for {}, which a command line cannot answer", asked.join(", "));
            return Ok(report(
                &Fault::failed("input_required", message).hint("call it through an MCP client"),
                call.json,
            ));
        }
        Err(CallFailure::Fault(fault)) => report(&fault, call.json),
        Err(CallFailure::Protocol(error)) => {
            report(&Fault::failed("protocol_error", format!("{} ({})", error.message, error.code)), call.json)
        }
    })
}

fn arguments(call: &CallArguments) -> anyhow::Result<Value> {
    let text = match (&call.args, &call.args_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) if path.as_os_str() == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("the arguments cannot be read from standard input")?;
            text
        }
        (None, Some(path)) => std::fs::read_to_string(path).map_err(|error| {
            Fault::invalid(
                "arguments_unreadable",
                format!("the arguments cannot be read from {}: {error}", path.display()),
            )
        })?,
        (None, None) => return Ok(json!({})),
    };
    let arguments: Value = serde_json::from_str(&text).map_err(|error| {
        Fault::invalid("arguments_malformed", format!("the arguments are not JSON: {error}"))
            .hint("quote the object for the shell: --args '{\"name\": \"value\"}'")
    })?;
    if !arguments.is_object() {
        return Err(Fault::invalid("arguments_malformed", "the arguments are JSON, but not an object")
            .hint("write them as {\"name\": value, …}")
            .into());
    }
    Ok(arguments)
}

async fn cancel_on_interrupt(cancellation: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        cancellation.cancel();
    }
}

fn report(fault: &Fault, as_json: bool) -> Exit {
    if as_json {
        terminal::say(serde_json::to_string_pretty(&json!({ "fault": fault })).unwrap_or_default());
    } else {
        terminal::note(format!("error: {fault}\ncode: {}", fault.code));
    }
    Exit::of_fault(fault)
}

fn print(structured: Option<&Value>, content: &[Content]) -> anyhow::Result<()> {
    let mut told = false;
    for block in content {
        match block {
            Content::Text(text) => {
                told = true;
                terminal::say(text);
            }
            Content::Image(media) | Content::Audio(media) => {
                terminal::say(format!("[{}, {} bytes]", media.media_type, media.data.len()))
            }
            Content::Resource(resource) => terminal::say(format!("[{}]", resource.uri)),
            Content::Link(link) => {
                terminal::say(format!("{}  {}", link.uri, link.description.as_deref().unwrap_or(&link.name)))
            }
        }
    }
    if let (Some(structured), false) = (structured, told) {
        terminal::say(serde_json::to_string_pretty(structured)?);
    }
    Ok(())
}

/// A content block as JSON. Bytes are counted, not printed.
fn described(block: &Content) -> Value {
    match block {
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Image(media) => json!({ "type": "image", "media_type": media.media_type, "bytes": media.data.len() }),
        Content::Audio(media) => json!({ "type": "audio", "media_type": media.media_type, "bytes": media.data.len() }),
        Content::Resource(resource) => match &resource.body {
            ResourceBody::Text(text) => json!({ "type": "resource", "uri": resource.uri, "text": text }),
            ResourceBody::Blob(bytes) => json!({ "type": "resource", "uri": resource.uri, "bytes": bytes.len() }),
        },
        Content::Link(link) => {
            json!({ "type": "resource_link", "uri": link.uri, "name": link.name, "media_type": link.media_type, "size": link.size })
        }
    }
}

/// Progress as a bar on the terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Self(bar)
    }
}

impl ProgressSink for Bar {
    fn report(&self, update: Update) {
        if let Some(total) = update.total {
            if self.0.length().is_none()
                && let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}% {msg}")
            {
                self.0.set_style(style);
            }
            // Totals may be fractions; the bar counts in thousandths.
            self.0.set_length((total * 1_000.0) as u64);
            self.0.set_position((update.done * 1_000.0) as u64);
        }
        self.0.set_message(update.message);
    }
}
