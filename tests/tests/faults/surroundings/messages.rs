//! P2: messages that are not what the protocol says.

use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, times};
use kumiko_tests::process::{memory_of, peak_memory_of};
use kumiko_tests::{HttpServer, Place, Session};
use serde_json::{Value, json};

use crate::watched::{Beside, DRIFT, Numbers, Watched, exchange};

/// A call as a client of 2026-07-28 sends it.
fn call(id: &Value) -> Value {
    json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {
            "name": "greet", "arguments": { "name": "Ada" },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    })
}

/// A request with this body, on a connection of its own.
fn post(server: &HttpServer, headers: &str, body: &[u8]) -> (u16, String) {
    let head = format!(
        "POST /mcp HTTP/1.1\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nconnection: close\r\n\
         mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: greet\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    exchange(server, &[head.as_bytes(), body].concat())
}

/// Changes a message in one of many ways.
fn spoilt(whole: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = whole.as_bytes().to_vec();
    let position = numbers.below(bytes.len());
    match numbers.below(12) {
        0 => bytes.truncate(position),
        1 => bytes[position] ^= 1 << numbers.below(8),
        2 => drop(bytes.remove(position)),
        3 => bytes.insert(position, b"\0\xff\"{}[],:\\\n"[numbers.below(11)]),
        4 => bytes.extend_from_slice(whole.as_bytes()),
        5 => bytes = whole.replace("\"2.0\"", ["1", "null", "\"1.0\"", "{}"][numbers.below(4)]).into_bytes(),
        6 => {
            bytes = whole
                .replace("\"tools/call\"", ["7", "\"\"", "\"tools/\\u0000\"", "[]", "\"no/such\""][numbers.below(5)])
                .into_bytes()
        }
        7 => {
            bytes =
                whole.replace("\"Ada\"", ["1e999", "[[]]", "\"\\ud800\"", "null", "-0"][numbers.below(5)]).into_bytes()
        }
        8 => bytes = format!("{}{}", "[".repeat(position * 100), "]".repeat(position * 100)).into_bytes(),
        9 => bytes = format!("[{whole},{whole}]").into_bytes(),
        10 => bytes = whole.replace("\"arguments\"", "\"arguments\":{},\"arguments\"").into_bytes(),
        _ => bytes = numbers.bytes(position),
    }
    bytes
}

/// Whether an answer is one that the protocol has for a message that is not in order, or that of a message that is.
fn in_order(status: u16, answer: &str) -> bool {
    match status {
        400..=499 => true,
        202 => true,
        200 => {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let message: Value = serde_json::from_str(body).unwrap_or_default();
            message["result"].is_object()
                || message["error"]["code"].as_i64().is_some_and(|code| (-32_999..=-32_000).contains(&code))
        }
        _ => false,
    }
}

#[test]
fn p2_a_malformed_message_is_answered_as_one() {
    let messages = times(20_000);
    let mut row = Row::new("P2", format!("malformed JSON-RPC, ×{messages} over HTTP and over standard input"));
    let place = Place::with_plugins(&["hello"]);
    let watched = Watched::start(&place);
    let beside = Beside::greeting(&watched.server);
    let (mut numbers, mut wrong) = (Numbers::new(2), Vec::new());
    for number in 0..messages {
        let body = spoilt(&call(&json!(number)).to_string(), &mut numbers);
        let (status, answer) = post(&watched.server, "host: localhost\r\n", &body);
        if !in_order(status, &answer) {
            wrong.push(format!("{status} {answer} to {}", String::from_utf8_lossy(&body[..body.len().min(300)])));
        }
    }
    assert!(wrong.is_empty(), "{} wrong, first {:?}", wrong.len(), wrong.first());
    row.none("answers that are neither 4xx nor an error of JSON-RPC", wrong.len());
    row.none("failed calls of others", beside.end().failed.len());
    watched.end();

    let mut session = Session::open(&place);
    session.tool_names();
    for number in 0..messages {
        let line = spoilt(&json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call", "params": { "name": "greet", "arguments": { "name": "Ada" } } }).to_string(), &mut numbers);
        session.send_line(&String::from_utf8_lossy(&line).replace(['\n', '\r'], " "));
    }
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    let odd = session.unread().iter().filter(|message| message.get("not_a_message").is_some()).count();
    row.none("lines of the server that are no messages", odd);
    let (code, log) = session.close();
    row.none("panics", crate::watched::panics(&log));
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn p2_a_message_of_64_mib_is_refused_and_leaves_no_memory_behind() {
    let mut row = Row::new("P2", "64 MiB message");
    let place = Place::with_plugins(&["hello"]);
    let watched = Watched::start(&place);
    let beside = Beside::greeting(&watched.server);
    let large = call(&json!(1)).to_string().replace("Ada", &"x".repeat(64 << 20));
    let process = watched.server.process();
    post(&watched.server, "host: localhost\r\n", large.as_bytes());
    let before = memory_of(process);
    for _ in 0..5 {
        let (status, answer) = post(&watched.server, "host: localhost\r\n", large.as_bytes());
        // Who sends on without reading may miss the answer, when the connection is closed on him.
        assert!(matches!(status, 413 | 0), "{status} {answer}");
    }
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        large.len()
    );
    let (status, answer) = exchange(&watched.server, &[head.as_bytes(), &large.as_bytes()[..(5 << 20)]].concat());
    assert_eq!(status, 413, "{answer}");
    assert!(answer.contains("body_too_large"), "{answer}");
    row.none("failed calls of others", beside.end().failed.len());
    let grown = memory_of(process).saturating_sub(before);
    row.figure("memory left behind over HTTP, bytes", grown, DRIFT, grown <= DRIFT);
    assert!(grown <= DRIFT, "{grown} bytes");
    watched.end();

    let mut session = Session::open(&place);
    session.tool_names();
    let line = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "greet", "arguments": { "name": "x".repeat(64 << 20) } } }).to_string();
    session.send_line(&line);
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    let before = memory_of(session.process());
    for _ in 0..3 {
        session.send_line(&line);
        assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    }
    let grown = memory_of(session.process()).saturating_sub(before);
    row.figure("memory left behind over standard input, bytes", grown, DRIFT, grown <= DRIFT);
    let most = peak_memory_of(session.process());
    row.figure("most memory over standard input, bytes", most, "as it comes", true);
    let (code, log) = session.close();
    assert_eq!((code, crate::watched::panics(&log)), (Some(0), 0), "{log}");
}

#[test]
fn p2_thousands_of_requests_at_once_are_each_answered_once() {
    let requests = times(10_000);
    let mut row = Row::new("P2", format!("{requests} parallel requests"));
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    session.tool_names();
    let began = Instant::now();
    let asked: Vec<u64> = (0..requests)
        .map(|_| session.ask("tools/call", json!({ "name": "greet", "arguments": { "name": "Ada" } })))
        .collect();
    let wrong = asked
        .iter()
        .filter(|id| session.answer(**id)["result"]["structuredContent"]["message"] != "Hello, Ada!")
        .count();
    row.none("wrong answers over standard input", wrong);
    row.figure("all answered", format_args!("{:.1?}", began.elapsed()), "as long as that takes", true);
    let twice = session.unread().iter().filter(|message| message.get("id").is_some()).count();
    row.none("further answers", twice);
    assert_eq!(session.close().0, Some(0));

    let watched = Watched::start(&place);
    /// Connections at once.
    const AT_ONCE: usize = 500;
    let mut lost = 0;
    for wave in 0..requests.div_ceil(AT_ONCE) {
        let waiting: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let mut connection = std::net::TcpStream::connect(watched.server.base().trim_start_matches("http://")).unwrap();
                let body = call(&json!(wave * AT_ONCE + number)).to_string();
                let head = format!("POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nconnection: close\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: greet\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                std::io::Write::write_all(&mut connection, head.as_bytes()).unwrap();
                connection
            })
            .collect();
        for mut connection in waiting {
            let mut answer = String::new();
            let read = std::io::Read::read_to_string(&mut connection, &mut answer);
            lost += usize::from(read.is_err() || !answer.contains("Hello, Ada!"));
        }
    }
    row.none("wrong answers over HTTP", lost);
    watched.end();
}

#[test]
fn p2_odd_ids_and_unknown_methods_are_told_so() {
    let mut row = Row::new("P2", "duplicate ids, unknown methods");
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    session.tool_names();
    for method in [
        "",
        "no/such",
        "tools",
        "tools/call/",
        "TOOLS/LIST",
        "tools/list\u{0}",
        "../tools/list",
        "rpc.discover",
        &"x".repeat(100_000),
    ] {
        let answer = session.request(method, json!({}));
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
    }
    for parameters in
        [json!([]), json!("x"), json!(7), json!({ "name": 7 }), json!({ "name": "greet", "arguments": [] }), json!({})]
    {
        let id = session.ask("tools/call", parameters.clone());
        // What is no request at all is answered without its id.
        let answer = session.wait_for(Duration::from_secs(20), |message| {
            message["error"].is_object() && (message["id"] == id || message["id"].is_null())
        });
        let code = answer.as_ref().and_then(|answer| answer["error"]["code"].as_i64()).unwrap_or_default();
        assert!((-32_700..=-32_600).contains(&code), "{parameters}: {answer:?}");
    }
    let asked = |id: &Value| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "greet", "arguments": { "name": "Ada" } } });
    for _ in 0..times(1_000) {
        session.send(&asked(&json!("same")));
    }
    for id in [json!(0), json!(-1), json!(i64::MAX), json!(""), json!("x".repeat(10_000))] {
        session.send(&asked(&id));
    }
    for id in [json!(1.5), json!(null), json!([]), json!({}), json!(true)] {
        session.send(&asked(&id));
    }
    session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/no_such", "params": {} }));
    session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "same" } }));
    session.send(&json!({ "jsonrpc": "2.0", "id": "nobody asked", "result": {} }));
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    for id in [json!(0), json!(-1), json!(i64::MAX), json!("")] {
        let answer = session.wait_for(Duration::from_secs(20), |message| message["id"] == id);
        assert!(answer.is_some_and(|answer| answer["result"].is_object()), "no answer to {id}");
    }
    let (code, log) = session.close();
    row.none("panics", crate::watched::panics(&log));
    assert_eq!(code, Some(0), "{log}");
}
