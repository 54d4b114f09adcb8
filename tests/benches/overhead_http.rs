//! What the product adds to a bare protocol server over HTTP: a trivial tool through a fresh WebAssembly instance beside an echo that
//! rmcp and axum answer by themselves, called in turn by the same client in the same run; then both under many clients at once.
//!
//! `cargo xtask bench overhead_http`. The bench is its own echo server: it starts itself with the argument `echo`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use axum::serve::ListenerExt as _;
use kumiko_tests::{HttpConnection, HttpServer, Place};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ServerCapabilities, ServerConfig};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use serde_json::{Value, json};

/// Calls before the clock counts.
const WARM_UP: usize = 500;
/// Calls in a round; rounds of the two servers take turns, so that a change of the machine's speed meets both.
const ROUND: usize = 500;
/// Rounds of each server.
const ROUNDS: usize = 8;
/// Clients at once in the second part.
const CLIENTS: usize = 64;
/// What each of them calls.
const CALLS_EACH: usize = 300;

/// The floor: one tool, nothing around it.
#[derive(Clone)]
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
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
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(echo());
        return;
    }
    let place = Place::with_plugins(&["hello"]);
    let ours = HttpServer::start(&place, &["--anonymous"]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("echo");
    let floor = HttpServer::start_by(command);
    one_client(&ours, &floor);
    many_clients(&ours, &floor);
}

async fn echo() {
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    let service = StreamableHttpService::new(|| Ok(Echo), Arc::new(LocalSessionManager::default()), config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    eprintln!("listening on http://{}/mcp", listener.local_addr().unwrap());
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await.unwrap();
}

fn one_client(ours: &HttpServer, floor: &HttpServer) {
    let mut connections = [ours, floor].map(|server| HttpConnection::open(server.url()));
    for connection in &mut connections {
        calls(connection, WARM_UP);
    }
    let [ours, floor] = &mut connections;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.extend(calls(ours, ROUND));
        without.extend(calls(floor, ROUND));
    }
    common::print_times("one trivial call over HTTP", &mut with, &mut without);
}

fn many_clients(ours: &HttpServer, floor: &HttpServer) {
    let [(with, mut ours), (without, mut floor)] = [ours, floor].map(|server| {
        let began = Instant::now();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let url = server.url().to_owned();
                std::thread::spawn(move || calls(&mut HttpConnection::open(&url), CALLS_EACH))
            })
            .collect();
        let times: Vec<f64> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        ((CLIENTS * CALLS_EACH) as f64 / began.elapsed().as_secs_f64(), times)
    });
    let title = format!("{CLIENTS} clients, no call failed");
    println!("\n{title:<34} {:>10} {:>10} {:>8}", "kumiko", "bare rmcp", "ratio");
    println!("{:<34} {with:>10.0} {without:>10.0} {:>8.2}", "calls a second", without / with);
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (with, without) = (common::quantile(&mut ours, share), common::quantile(&mut floor, share));
        println!("{name:<34} {with:>7.0} µs {without:>7.0} µs {:>8.2}", with / without);
    }
}

/// The microseconds that each of `count` calls takes.
fn calls(connection: &mut HttpConnection, count: usize) -> Vec<f64> {
    let arguments = json!({ "name": "Ada" });
    (0..count)
        .map(|_| {
            let began = Instant::now();
            let answer: Value = connection.call("greet", &arguments);
            let took = began.elapsed().as_secs_f64() * 1e6;
            assert_eq!(answer["result"]["structuredContent"]["message"], "Hello, Ada!", "{answer}");
            took
        })
        .collect()
}
