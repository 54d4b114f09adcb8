//! P2: peers that are not who they say, or take their time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, in_full};
use kumiko_tests::process::open_files_of;
use kumiko_tests::{HttpServer, Place};

use crate::watched::{Beside, Watched, exchange};

/// Connections that send a byte now and then.
const SLOW: usize = 300;
/// How long a connection without a request may last, and some more.
const PATIENCE: Duration = Duration::from_secs(45);

/// Names by which no server on this machine is meant.
const HOSTS: [&str; 24] = [
    "evil.example",
    "localhost.evil.example",
    "evil.example:80",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "localhost.",
    "127.1",
    "0.0.0.0",
    "0x7f000001",
    "2130706433",
    "[::]",
    "[::ffff:127.0.0.1]",
    "192.168.0.1",
    "169.254.169.254",
    "10.0.0.1:8000",
    "localhos",
    "localhost1",
    "xlocalhost",
    "ip6-localhost",
    "local-host",
    "lo\u{441}alhost",
    "evil.example#localhost",
    "metadata.google.internal",
    "127.0.0.2",
];

/// Pages that are not the server's own.
const ORIGINS: [&str; 16] = [
    "http://evil.example",
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "file://",
    "chrome-extension://abc",
    "http://localhost@evil.example",
    "http://evil.example:80",
    "https://localhost.",
    "http://",
    "localhost",
    "javascript:alert(1)",
    "http://[::ffff:7f00:1]",
    "http://0.0.0.0",
    "ftp://localhost",
];

fn asked(server: &HttpServer, headers: &str, target: &str) -> u16 {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let request = format!(
        "POST {target} HTTP/1.1\r\n{headers}content-type: application/json\r\naccept: application/json, text/event-stream\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(server, request.as_bytes()).0
}

#[test]
fn p2_a_forged_host_or_origin_is_forbidden() {
    let mut row = Row::new("P2", format!("forged Host and Origin, {} cases", HOSTS.len() + ORIGINS.len() + 6));
    let place = Place::with_plugins(&["hello"]);
    let watched = Watched::start(&place);
    let mut wrong = Vec::new();
    let mut expect = |what: String, status: u16, expected: &[u16]| {
        if !expected.contains(&status) {
            wrong.push(format!("{what}: {status}"));
        }
    };
    for host in HOSTS {
        // What is no host at all is malformed rather than forbidden.
        let expected: &[u16] = if host.is_ascii() && !host.contains('#') { &[403] } else { &[400, 403] };
        expect(format!("host {host}"), asked(&watched.server, &format!("host: {host}\r\n"), "/mcp"), expected);
    }
    for origin in ORIGINS {
        let headers = format!("host: localhost\r\norigin: {origin}\r\n");
        expect(format!("origin {origin}"), asked(&watched.server, &headers, "/mcp"), &[403]);
    }
    expect("no host".to_owned(), asked(&watched.server, "", "/mcp"), &[400]);
    expect("two hosts".to_owned(), asked(&watched.server, "host: localhost\r\nhost: evil.example\r\n", "/mcp"), &[400]);
    expect(
        "two origins".to_owned(),
        asked(
            &watched.server,
            "host: localhost\r\norigin: http://localhost\r\norigin: http://evil.example\r\n",
            "/mcp",
        ),
        &[403],
    );
    expect(
        "a host in the target".to_owned(),
        asked(&watched.server, "host: localhost\r\n", "http://evil.example/mcp"),
        &[400, 403],
    );
    expect(
        "a user in the host".to_owned(),
        asked(&watched.server, "host: localhost@evil.example\r\n", "/mcp"),
        &[400, 403],
    );
    expect(
        "a forwarded host".to_owned(),
        asked(&watched.server, "host: evil.example\r\nx-forwarded-host: localhost\r\n", "/mcp"),
        &[403],
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    row.none("let in, or refused otherwise", wrong.len());
    let own = asked(&watched.server, "host: localhost\r\norigin: http://localhost:1\r\n", "/mcp");
    assert!(own != 403, "the server's own name is one");
    watched.end();
}

#[test]
fn p2_slow_peers_hold_up_nobody() {
    let mut row = Row::new("P2", format!("slow-loris, {SLOW} connections"));
    let place = Place::with_plugins(&["hello"]);
    let watched = Watched::start(&place);
    let address = watched.server.base().trim_start_matches("http://").to_owned();
    let before = open_files_of(watched.server.process());
    let beside = Beside::greeting(&watched.server);
    let mut slow: Vec<TcpStream> = (0..SLOW).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let request = b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\nx-padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (number, stream) in slow.iter_mut().enumerate() {
        stream.set_nonblocking(true).unwrap();
        // A third hangs in the head, a third in the body, a third says nothing.
        match number % 3 {
            0 => drop(stream.write(&request[..60])),
            1 => drop(stream.write(&[&request[..request.len() - 20], b"\r\n\r\n{"].concat())),
            _ => {}
        }
    }
    let (began, mut open) = (Instant::now(), SLOW);
    let until = if in_full() { PATIENCE } else { Duration::from_secs(4) };
    while began.elapsed() < until && open > 0 {
        thread::sleep(Duration::from_millis(500));
        open = 0;
        for (number, stream) in slow.iter_mut().enumerate() {
            if number % 3 < 2 {
                let _ = stream.write(b"a");
            }
            let mut answer = [0; 4_096];
            let closed =
                matches!(stream.read(&mut answer), Ok(0)) || stream.take_error().is_ok_and(|error| error.is_some());
            open += usize::from(!closed);
        }
    }
    let mut heard = beside.end();
    row.none("failed calls of others", heard.failed.len());
    row.at_most("p99 of calls of others", heard.p99(), Duration::from_millis(100));
    if in_full() {
        row.none("connections still open", open);
        let left = open_files_of(watched.server.process()).saturating_sub(before);
        row.figure("files left open", left, 5, left <= 5);
    }
    drop(slow);
    watched.end();
}
