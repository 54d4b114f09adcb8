//! Traces, against collectors on real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use kumiko_telemetry::{TraceContext, TraceSettings, layer};
use tracing_subscriber::layer::SubscriberExt as _;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE_ID: [u8; 16] =
    [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c];
const PARENT_ID: [u8; 8] = [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31];

/// A request: what stands before the body in lower case, and the body.
type Request = (String, Vec<u8>);

/// A collector that takes everything.
fn collector() -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (taken, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read(&mut stream);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer);
            if taken.send(request).is_err() {
                return;
            }
        }
    });
    (endpoint, requests)
}

fn read(stream: &mut TcpStream) -> Request {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

fn settings(endpoint: &str) -> TraceSettings {
    TraceSettings { endpoint: Some(endpoint.to_owned()), version: Some("9.8.7".to_owned()) }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_span_reaches_the_collector_under_the_parent_that_its_caller_named() {
    let (endpoint, requests) = collector();
    let (layer, guard) = layer(&settings(&endpoint)).unwrap().unwrap();
    let context = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let span = tracing::info_span!(target: "kumiko::call", "tools/call", tool_name = "echo");
        TraceContext::parse(PARENT, None).unwrap().adopt(&span);
        span.in_scope(|| tracing::info_span!(target: "hyper", "connect").in_scope(|| ()));
        TraceContext::of(&span).unwrap()
    });
    drop(guard);
    let (head, body) = requests.recv().unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/x-protobuf\r\n"), "{head}");
    assert!(contains(&body, &TRACE_ID) && contains(&body, &PARENT_ID));
    for text in ["tools/call", "tool_name", "echo", "service.name", "kumiko", "service.version", "9.8.7"] {
        assert!(contains(&body, text.as_bytes()), "{text}");
    }
    assert!(!contains(&body, b"connect"), "a span of a library was exported");
    assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert_ne!(context.traceparent(), PARENT);
}

#[test]
fn nothing_is_exported_where_no_collector_is_named() {
    assert!(std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none(), "this test needs that variable unset");
    assert!(layer::<tracing_subscriber::Registry>(&TraceSettings::default()).unwrap().is_none());
    let span = tracing::info_span!(target: "kumiko::call", "tools/call");
    TraceContext::parse(PARENT, None).unwrap().adopt(&span);
    assert_eq!(TraceContext::of(&span), None);
}

#[test]
fn a_collector_that_does_not_answer_neither_fills_memory_nor_holds_up_the_end() {
    // It takes connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (layer, guard) = layer(&settings(&endpoint)).unwrap().unwrap();
    let before = resident_bytes();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for number in 0..200_000 {
            tracing::info_span!(target: "kumiko::call", "tools/call", number, text = "x".repeat(500)).in_scope(|| ());
        }
    });
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 48 << 20, "200,000 spans of 500 bytes left {grown} bytes behind");
    let began = std::time::Instant::now();
    drop(guard);
    assert!(began.elapsed().as_secs() < 30, "the end took {:?}", began.elapsed());
    drop(listener);
}

#[test]
fn a_collector_that_nobody_runs_loses_spans_and_nothing_else() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (layer, guard) = layer(&settings(&format!("http://{port}"))).unwrap().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!(target: "kumiko::call", "tools/call").in_scope(|| ());
    });
    drop(guard);
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}
