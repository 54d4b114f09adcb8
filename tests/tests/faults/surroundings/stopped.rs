//! L3: a server that is told to stop while clients call it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, times};
use kumiko_tests::{Place, call_request};
use serde_json::json;

use crate::distant::{Distant, courier};
use crate::watched::{Watched, panics, put};

/// Clients at once.
const CLIENTS: usize = 16;
/// What a stop may take at most.
const STOPPED: Duration = Duration::from_secs(30);

/// What became of one request.
enum Fate {
    /// A whole answer.
    Answered,
    /// Not one byte came back: the server had gone, or was going.
    Refused,
    /// A part of an answer, or another one.
    Lost(String),
}

/// A request with the time at which it was wholly sent.
struct Sent {
    at: Instant,
    fate: Fate,
}

/// Sends one call and reads its answer; a connection is kept as long as it lasts.
fn call(connection: &mut Option<TcpStream>, address: &str, tool: &str, arguments: &str) -> Sent {
    let request = call_request(1, tool, &serde_json::from_str(arguments).unwrap());
    let refused = || Sent { at: Instant::now(), fate: Fate::Refused };
    if connection.is_none() {
        let Ok(stream) = TcpStream::connect(address) else { return refused() };
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        *connection = Some(stream);
    }
    let Some(stream) = connection else { return refused() };
    let sent = stream.write_all(request.as_bytes());
    let at = Instant::now();
    let mut answer = Vec::new();
    let mut piece = [0; 16_384];
    let fate = loop {
        if sent.is_err() {
            break Fate::Refused;
        }
        if let Some(whole) = whole(&answer) {
            break whole;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) if answer.is_empty() => break Fate::Refused,
            Ok(0) => break Fate::Lost(String::from_utf8_lossy(&answer).into_owned()),
            Err(error) => break Fate::Lost(error.to_string()),
            Ok(read) => answer.extend_from_slice(&piece[..read]),
        }
    };
    if !matches!(fate, Fate::Answered)
        || String::from_utf8_lossy(&answer).to_ascii_lowercase().contains("connection: close")
    {
        *connection = None;
    }
    Sent { at, fate }
}

/// The fate of a request by what came back so far, once that is all.
fn whole(answer: &[u8]) -> Option<Fate> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.trim().parse().ok()?;
    if body.len() < length {
        return None;
    }
    let right = head.starts_with("http/1.1 200") && body.contains("edition 000001");
    Some(if right { Fate::Answered } else { Fate::Lost(text.into_owned()) })
}

#[test]
fn l3_a_server_that_is_told_to_stop_answers_what_it_was_asked() {
    let stops = times(100);
    let mut row = Row::new("L3", format!("graceful stop under load, ×{stops}"));
    let (place, distant) = (Place::new(), Distant::start());
    put(&place, "courier.wasm", &courier(1));
    let url = format!("{}/wait/300", distant.origin());
    let (mut answered, mut lost, mut dropped, mut raced, mut slowest) = (0, Vec::new(), 0, 0, Duration::ZERO);
    for _ in 0..stops {
        let mut watched = Watched::start_by(distant.kumiko(&place, &[]));
        let address = watched.server.base().trim_start_matches("http://").to_owned();
        let over = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (address, over) = (address.clone(), Arc::clone(&over));
                let (tool, arguments) = match number % 2 {
                    0 => ("fetch", json!({ "url": url }).to_string()),
                    _ => ("deliver", json!({ "name": "Ada" }).to_string()),
                };
                thread::spawn(move || {
                    let (mut connection, mut sent) = (None, Vec::new());
                    while !over.load(Ordering::Relaxed) {
                        sent.push(call(&mut connection, &address, tool, &arguments));
                        thread::sleep(Duration::from_millis(3));
                    }
                    sent
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(700));
        let told = Instant::now();
        let status = watched.server.stop();
        slowest = slowest.max(told.elapsed());
        over.store(true, Ordering::Relaxed);
        assert_eq!(status.code(), Some(0), "{}", watched.told());
        assert_eq!(panics(&watched.server.log()), 0, "{}", watched.told());
        for sent in clients.into_iter().flat_map(|client| client.join().unwrap()) {
            match sent.fate {
                Fate::Answered => answered += 1,
                Fate::Lost(answer) => lost.push(answer),
                // What was on its way when the signal was is a race that no server wins on a connection it may close.
                Fate::Refused if sent.at + Duration::from_millis(20) < told => dropped += 1,
                Fate::Refused if sent.at < told + Duration::from_millis(20) => raced += 1,
                Fate::Refused => {}
            }
        }
    }
    assert!(lost.is_empty(), "{} answers are not whole, first {:?}", lost.len(), lost.first());
    row.none("answers that are not whole", lost.len());
    row.none("requests sent before the signal and not answered", dropped);
    row.figure("requests on their way at the signal and refused", raced, "any", true);
    row.figure("answered", answered, "any", true);
    row.at_most("stop, at worst", slowest, STOPPED);
    assert!(slowest < STOPPED + Duration::from_secs(10), "{slowest:?}");
}
