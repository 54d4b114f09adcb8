//! What the product adds to a bare protocol server: a trivial tool through a fresh WebAssembly instance beside an echo that rmcp
//! answers by itself, called in turn by the same client in the same run; and what the server takes while it waits.
//!
//! `cargo xtask bench overhead`. The bench is its own echo server: it starts itself with the argument `echo`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use kumiko_tests::process::{memory_of, processor_seconds_of};
use kumiko_tests::{Place, Session};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::{RequestContext, RoleServer, ServiceExt as _};
use rmcp::{ErrorData, ServerHandler, transport};
use serde_json::{Map, Value, json};

/// Calls before the clock counts: caches fill and pages are touched.
const WARM_UP: usize = 500;
/// Calls in a round; rounds of the two servers take turns, so that a change of the machine's speed meets both.
const ROUND: usize = 500;
/// Rounds of each server.
const ROUNDS: usize = 8;

/// The floor: one tool, nothing around it.
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = Tool::new("greet", "Echoes.", Arc::new(Map::from_iter([("type".to_owned(), json!("object"))])));
        Ok(ListToolsResult::with_all_items(vec![tool]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(common::echoed(request))
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "echo") {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async { Echo.serve(transport::stdio_pipes()).await.unwrap().waiting().await.unwrap() });
        return;
    }
    latency();
    idle();
}

fn latency() {
    let place = Place::with_plugins(&["hello"]);
    let mut ours = Session::open(&place);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("echo");
    let mut floor = Session::spawn(command);
    let client = json!({ "name": "bench", "version": "1" });
    floor.request("initialize", json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client }));
    floor.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    for session in [&mut ours, &mut floor] {
        calls(session, WARM_UP);
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.extend(calls(&mut ours, ROUND));
        without.extend(calls(&mut floor, ROUND));
    }
    common::print_times("one trivial call over stdio", &mut with, &mut without);
}

/// The microseconds that each of `count` calls takes.
fn calls(session: &mut Session, count: usize) -> Vec<f64> {
    (0..count)
        .map(|_| {
            let began = Instant::now();
            let answer = session.request("tools/call", json!({ "name": "greet", "arguments": { "name": "Ada" } }));
            let took = began.elapsed().as_secs_f64() * 1e6;
            assert_eq!(answer["result"]["structuredContent"]["message"], "Hello, Ada!", "{answer}");
            took
        })
        .collect()
}

/// A server with the three capabilities and a filled compile cache, until it has answered `initialize` and waits.
fn idle() {
    let place = Place::with_plugins(&["data_preparation", "ml_training", "ml_evaluation"]);
    assert!(place.run(["tools"]).status.success());
    let mut session = Session::open(&place);
    let answered = processor_seconds_of(session.process());
    let tools: Vec<Value> = session.tool_names().into_iter().map(Value::from).collect();
    std::thread::sleep(std::time::Duration::from_secs(1));
    println!("\nwith the three capabilities ({} tools), compile cache filled:", tools.len());
    println!("processor time until `initialize` is answered: {:.0} ms (to the nearest 10)", answered * 1_000.0);
    println!("resident memory while idle: {:.1} MB", memory_of(session.process()) as f64 / 1e6);
}
