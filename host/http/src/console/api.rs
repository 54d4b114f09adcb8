//! The requests behind the page.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kumiko_catalog::contract_types::{Content, Media, ResourceBody};
use kumiko_catalog::{Asked, CallControl, CallFailure, Client, LoadedPlugin, Reply, Request, Snapshot};
use kumiko_mcp::Caller;
use kumiko_telemetry::rfc3339;
use kumiko_vocabulary::Fault;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::Console;

type Shared = State<Arc<Console>>;

pub(super) async fn state(State(console): Shared) -> Json<Value> {
    let snapshot = console.catalog.snapshot();
    let failures: Vec<Value> = snapshot
        .failures()
        .iter()
        .map(|failure| {
            json!({
                "file": failure.path.display().to_string(), "code": failure.code, "message": failure.message,
                "hint": failure.hint, "earlier_serves": failure.earlier_serves,
            })
        })
        .collect();
    Json(json!({
        "server": {
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": console.started.elapsed().as_secs(),
            "revision": snapshot.revision(),
        },
        "plugins": snapshot.plugins().iter().map(|loaded| plugin(&console, &snapshot, loaded)).collect::<Vec<_>>(),
        "failures": failures,
    }))
}

fn plugin(console: &Console, snapshot: &Snapshot, loaded: &LoadedPlugin) -> Value {
    let manifest = loaded.plugin.manifest();
    let (calls, errors) = console.tally.of(&manifest.name);
    let waiting = snapshot.failures().iter().find(|failure| failure.path == loaded.path);
    let (state, detail) = match (loaded.held_off(), waiting) {
        (Some(left), _) => {
            ("held_off", Some(format!("it kept trapping; calls are taken again in {} s", left.as_secs() + 1)))
        }
        (None, Some(failure)) if failure.code == "grant_missing" => {
            ("waiting_for_grant", Some(failure.message.clone()))
        }
        _ => ("serving", None),
    };
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "description": manifest.description,
        "icon": manifest.icon.as_ref().map(|icon| &icon.uri),
        "digest": loaded.digest,
        "size": loaded.size,
        "loaded": rfc3339(loaded.loaded),
        "file": loaded.path.display().to_string(),
        "state": state,
        "detail": detail,
        "signed_by": loaded.signed_by,
        "imports": loaded.plugin.inspection().imports,
        "grants": console.catalog.grants().access(&manifest.name).grants().as_ref(),
        "tools": loaded.tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
        "calls": calls,
        "errors": errors,
    })
}

pub(super) async fn tools(State(console): Shared) -> Json<Value> {
    let snapshot = console.catalog.snapshot();
    let tools = snapshot.tools().map(|loaded| {
        let (tool, effects) = (&loaded.tool, loaded.tool.annotations);
        json!({
            "name": loaded.name, "title": tool.title, "description": tool.description, "capability": loaded.capability(),
            "annotations": {
                "read_only": effects.read_only, "destructive": effects.destructive, "idempotent": effects.idempotent,
                "open_world": effects.open_world,
            },
            "long_running": tool.long_running, "input_schema": tool.input_schema, "output_schema": tool.output_schema,
        })
    });
    Json(tools.collect())
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn calls(State(console): Shared, Query(After { after }): Query<After>) -> Json<Value> {
    let running = console.journal.running().into_iter().map(|running| {
        json!({
            "id": format!("running-{}", running.id), "tool": running.call.tool, "capability": running.call.capability,
            "caller": running.call.caller, "started": rfc3339(running.timestamp), "seconds": running.elapsed().as_secs_f64(),
        })
    });
    let ended = console.journal.recent(after);
    let last = ended.last().map_or(after, |record| record.id);
    let ended = ended.iter().map(|record| {
        json!({
            "id": record.id, "tool": record.tool, "capability": record.capability, "version": record.version,
            "caller": record.caller, "started": rfc3339(record.timestamp),
            "duration_ms": record.duration.as_secs_f64() * 1_000.0, "status": record.outcome.status(),
            "code": record.outcome.code(), "summary": summary(record),
        })
    });
    Json(json!({ "last": last, "running": running.collect::<Vec<_>>(), "ended": ended.collect::<Vec<_>>() }))
}

fn summary(record: &kumiko_telemetry::CallRecord) -> &str {
    match &record.outcome {
        kumiko_telemetry::Outcome::Success { summary } => summary,
        kumiko_telemetry::Outcome::Error { message, .. } => message,
        _ => "",
    }
}

pub(super) async fn metrics(State(console): Shared) -> Json<Value> {
    let numbers = console.tally.numbers();
    let milliseconds =
        |duration: Option<std::time::Duration>| duration.map(|duration| duration.as_secs_f64() * 1_000.0);
    Json(json!({
        "calls_total": numbers.calls,
        "errors_total": numbers.errors,
        "calls_per_minute": numbers.by_minute,
        "p50_ms": milliseconds(numbers.median),
        "p99_ms": milliseconds(numbers.slowest_hundredth),
        "running": console.journal.running().len(),
        "guest_memory_bytes": (console.guest_memory)(),
        "resident_bytes": resident(),
        "cache_bytes": (console.cache)(),
    }))
}

/// What the process has in memory, in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// A call from the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    tool: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

pub(super) async fn call(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Json(wanted): Json<Wanted>,
) -> Json<Value> {
    let began = std::time::Instant::now();
    // Dropped with this future, when the page closes the connection.
    let cancellation = CancellationToken::new();
    let _cancelled = cancellation.clone().drop_guard();
    let request = Request {
        name: wanted.tool,
        arguments: Value::Object(wanted.arguments),
        resumption: None,
        asked: Asked {
            client: Client::default(),
            caller: Arc::clone(&caller.name),
            request: "console".to_owned(),
            control: CallControl::new(None, cancellation),
            lines: None,
            trace: None,
        },
    };
    let reply = allowed(&console, &caller, &request);
    let reply = match reply {
        Ok(()) => console.catalog.call(request).await,
        Err(fault) => Err(fault.into()),
    };
    let mut answer = match reply {
        Ok(Reply::Complete { structured, content }) => {
            json!({ "structured": structured, "content": content.into_iter().map(shown).collect::<Vec<_>>(), "is_error": false, "fault": null })
        }
        Ok(Reply::InputRequired(_)) => failed(
            &Fault::failed("input_required", "the tool asks its client for something, which the console cannot answer")
                .hint("call it through an MCP client"),
        ),
        Err(CallFailure::Fault(fault)) => failed(&fault),
        Err(CallFailure::Protocol(error)) => failed(&Fault::failed("protocol_error", error.message)),
    };
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("duration_ms".to_owned(), json!(began.elapsed().as_secs_f64() * 1_000.0));
    }
    Json(answer)
}

/// Refuses a tool outside of what the key is for.
fn allowed(console: &Console, caller: &Caller, request: &Request) -> Result<(), Fault> {
    let tool = console.catalog.loaded_tool(&request.name)?;
    if caller.capabilities.has(tool.capability_names()) {
        return Ok(());
    }
    Err(Fault::not_found(
        "tool_not_found",
        format!("there is no tool `{}` among the capabilities of this key", request.name),
    ))
}

fn failed(fault: &Fault) -> Value {
    json!({
        "structured": null, "content": [], "is_error": true,
        "fault": {
            "kind": fault.kind.as_str(), "code": fault.code, "message": fault.message, "hint": fault.hint, "data": fault.data,
        },
    })
}

fn shown(content: Content) -> Value {
    let media = |kind: &str, media: Media| json!({ "type": kind, "media_type": media.media_type, "data": STANDARD.encode(media.data) });
    match content {
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Image(image) => media("image", image),
        Content::Audio(audio) => media("audio", audio),
        Content::Resource(resource) => match resource.body {
            ResourceBody::Text(text) => json!({ "type": "text", "text": text }),
            ResourceBody::Blob(_) => json!({ "type": "link", "uri": resource.uri, "name": resource.uri }),
        },
        Content::Link(link) => {
            json!({ "type": "link", "uri": link.uri, "name": link.name, "media_type": link.media_type, "size": link.size })
        }
    }
}
