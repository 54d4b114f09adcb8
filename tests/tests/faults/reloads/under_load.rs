//! R1, R2, R3: a plugin that is replaced again and again while clients call it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, in_full, times};
use kumiko_tests::process::memory_of;
use kumiko_tests::{HttpConnection, HttpServer, Place};
use serde_json::{Value, json};

use crate::distant::{Distant, courier};
use crate::made::{Made, edition};
use crate::watched::{Beside, DRIFT, Event, PATIENCE, Watched, code_mapped, edition_of, get, put, put_old};

/// Clients at once, four of five with quick calls.
const CLIENTS: usize = 64;
/// What each waits between two calls: together they make 200 a second.
const PAUSE: Duration = Duration::from_millis(300);

/// A client that is told of every change of the tools.
struct Announced(Arc<AtomicUsize>);

impl Announced {
    fn by(server: &HttpServer) -> Self {
        let address = server.base().trim_start_matches("http://").to_owned();
        let send = |head: &str, body: &str| {
            let mut stream = TcpStream::connect(&address).unwrap();
            write!(stream, "{head} /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n{body}").unwrap();
            stream
        };
        let post = |session: &str, body: Value| {
            let body = body.to_string();
            let rest = format!("{session}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let mut answer = String::new();
            send("POST", &rest).read_to_string(&mut answer).unwrap();
            answer
        };
        let opened = post(
            "",
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" },
            } }),
        );
        let id = opened.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).expect("a session").to_owned();
        let session = format!("mcp-session-id: {id}\r\nmcp-protocol-version: 2025-11-25\r\n");
        post(&session, json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        let stream = BufReader::new(send("GET", &format!("{session}\r\n")));
        let counted = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&counted);
        thread::spawn(move || {
            for line in stream.lines().map_while(Result::ok) {
                counting.fetch_add(usize::from(line.contains("notifications/tools/list_changed")), Ordering::Relaxed);
            }
        });
        Self(counted)
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether an answer is that of one of the two editions, and of one alone.
fn of_one_edition(answer: &Value) -> bool {
    let message = answer["result"]["structuredContent"]["message"].as_str().unwrap_or_default();
    message.matches("edition 000001").count() + message.matches("edition 000002").count() == 1
}

#[test]
fn r1_no_call_fails_while_a_plugin_is_replaced_again_and_again() {
    let reloads = std::env::var("KUMIKO_RELOADS").map_or_else(|_| times(1_000), |text| text.parse().expect("a number"));
    let mut row = Row::new("R1", format!("reloads under load, ×{reloads}"));
    let (place, distant) = (Place::new(), Distant::start());
    let editions = [courier(2), courier(1)];
    put(&place, "courier.wasm", &editions[1]);
    let mut watched = Watched::start_by(distant.kumiko(&place, &[]));
    watched.events();
    let announced = Announced::by(&watched.server);
    let quick =
        |clients| Beside::start(&watched.server, clients, PAUSE, "deliver", &json!({ "name": "Ada" }), of_one_edition);
    let rest = quick(CLIENTS * 4 / 5);
    thread::sleep(Duration::from_secs(2));
    let rest = rest.end().p99();
    let url = format!("{}/wait/200", distant.origin());
    let slow = Beside::start(&watched.server, CLIENTS / 5, PAUSE, "fetch", &json!({ "url": url }), of_one_edition);
    let quick = quick(CLIENTS * 4 / 5);
    let mut first = watched.connection();
    let (mut before, mut most, mut late) = (0, 0, Duration::ZERO);
    for reload in 0..reloads {
        put(&place, "courier.wasm", &editions[reload % 2]);
        let (began, wanted) = (Instant::now(), format!("edition 00000{} for Ada", 2 - reload % 2));
        while message(&mut first) != wanted {
            assert!(began.elapsed() < PATIENCE, "the replacement is not live: {}", watched.told());
            thread::sleep(Duration::from_millis(5));
        }
        late = late.max(began.elapsed());
        most = most.max(code_mapped(watched.server.process()));
        if reload == reloads / 5 {
            before = memory_of(watched.server.process());
        }
    }
    let after = memory_of(watched.server.process());
    let (mut quick, slow) = (quick.end(), slow.end());
    let calls = quick.took.len() + slow.took.len();
    assert!(calls > reloads, "{calls} calls in {reloads} reloads");
    let failed: Vec<&String> = quick.failed.iter().chain(&slow.failed).collect();
    assert!(failed.is_empty(), "{} of {calls} calls failed: {:?}", failed.len(), failed.first());
    row.none("failed calls, and answers of no one edition", failed.len());
    row.figure("calls", calls, "as many as can be", true);
    let live = watched.wait(reloads, |event| matches!(event, Event::Loaded { .. })).len();
    row.figure("list_changed", announced.count(), format_args!("≤ {live}"), announced.count() <= live);
    assert!(announced.count() <= live && announced.count() > 0, "{} announcements of {live} swaps", announced.count());
    row.at_most("p99 of quick calls", quick.p99(), rest.mul_f64(1.5));
    row.at_most("live, at worst", late, Duration::from_secs(1));
    let grown = after.saturating_sub(before);
    row.figure("memory grown, bytes", grown, DRIFT, grown <= DRIFT);
    assert!(grown <= DRIFT, "{before} bytes after the first reloads, {after} at the end");
    row.figure("versions with code in memory, at most", most, 2, most <= 2);
    assert!(most <= 3, "{most} versions with code in memory");
    watched.end();
}

fn message(connection: &mut HttpConnection) -> String {
    let answer = connection.call("deliver", &json!({ "name": "Ada" }));
    answer["result"]["structuredContent"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn r2_a_broken_version_between_two_good_ones_is_never_seen() {
    /// Plugins at once.
    const FILES: usize = 10;
    let reloads = times(1_000).next_multiple_of(2 * FILES);
    let mut row = Row::new("R2", format!("reloads alternating good and broken, ×{reloads}"));
    let place = Place::new();
    let names: Vec<String> = (0..FILES).map(|number| format!("mixed{number}")).collect();
    for name in &names {
        put(&place, &format!("{name}.wasm"), &edition(name, 0));
    }
    let mut watched = Watched::start(&place);
    watched.events();
    let serves = |answer: &Value| answer["result"]["structuredContent"]["edition"].is_u64();
    let beside = Beside::start(&watched.server, 4, Duration::from_millis(20), "mixed0", &json!({}), serves);
    let (mut connection, mut seen, mut silent) = (watched.connection(), 0, 0);
    let before = memory_of(watched.server.process());
    for round in 1..=reloads / FILES / 2 {
        for (number, name) in names.iter().enumerate() {
            let whole = edition(name, 9_999);
            let broken = match (round + number) % 5 {
                0 => whole[..whole.len() * 2 / 3].to_vec(),
                1 => b"no component at all".to_vec(),
                2 => Made { contract: "2.0.0".to_owned(), ..Made::new(name, 9_999) }.component(),
                3 => Made { exports: false, ..Made::new(name, 9_999) }.component(),
                _ => Made { version: String::new(), ..Made::new(name, 9_999) }.component(),
            };
            // Every file another one: the same broken bytes again would be no change.
            put_old(
                &place,
                &format!("{name}.wasm"),
                &[broken, vec![0, 3, 1, b'x', u8::try_from(round % 256).unwrap()]].concat(),
                round,
            );
        }
        watched.wait(FILES, |event| matches!(event, Event::Refused { earlier_serves: true, .. }));
        seen += names.iter().filter(|name| edition_of(&mut connection, name) != Some(round - 1)).count();
        let began = Instant::now();
        while !get(&watched.server, "/metrics").1.contains(&format!("kumiko_plugins_failed {FILES}")) {
            if began.elapsed() > Duration::from_secs(5) {
                silent += 1;
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        for name in &names {
            put(&place, &format!("{name}.wasm"), &edition(name, round));
        }
        watched.wait(FILES, |event| matches!(event, Event::Loaded { .. }));
        for name in &names {
            let began = Instant::now();
            while edition_of(&mut connection, name) != Some(round) {
                assert!(began.elapsed() < PATIENCE, "{name} stays on its earlier version: {}", watched.told());
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    let after = memory_of(watched.server.process());
    row.none("answers of a broken version, or of none", seen);
    row.none("broken versions that the status does not show", silent);
    let failed = beside.end().failed;
    row.none("failed calls", failed.len());
    let grown = after.saturating_sub(before);
    row.figure("memory grown, bytes", grown, DRIFT, grown <= DRIFT);
    watched.end();
}

#[test]
fn r3_a_call_in_flight_finishes_on_the_version_it_began_with() {
    let waits = if in_full() { 20_000 } else { 3_000 };
    let mut row = Row::new("R3", format!("reload during a call of {} s", waits / 1_000));
    let (place, distant) = (Place::new(), Distant::start());
    put(&place, "courier.wasm", &courier(1));
    let mut watched = Watched::start_by(distant.kumiko(&place, &[]));
    watched.events();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let (mut connection, url) = (watched.connection(), format!("{}/wait/{waits}", distant.origin()));
            thread::spawn(move || connection.call("fetch", &json!({ "url": url })))
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    put(&place, "courier.wasm", &courier(2));
    watched.wait(1, |event| matches!(event, Event::Loaded { .. }));
    let (mut connection, began) = (watched.connection(), Instant::now());
    while message(&mut connection) != "edition 000002 for Ada" {
        assert!(began.elapsed() < PATIENCE, "the replacement is not live: {}", watched.told());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(code_mapped(watched.server.process()), 2, "the earlier version is alive while calls are on it");
    let mut wrong = 0;
    for call in calls {
        let answer = call.join().unwrap();
        let message = answer["result"]["structuredContent"]["message"].as_str().unwrap_or_default().to_owned();
        wrong += usize::from(!message.starts_with("edition 000001 200 "));
    }
    let ended = Instant::now();
    while code_mapped(watched.server.process()) > 1 && ended.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(5));
    }
    row.none("calls that did not finish on the version they began with", wrong);
    row.at_most("earlier version freed after its last call", ended.elapsed(), Duration::from_secs(1));
    assert_eq!(code_mapped(watched.server.process()), 1, "the earlier version is never freed");
    watched.end();
}
