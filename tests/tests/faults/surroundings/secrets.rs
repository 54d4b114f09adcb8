//! H7: secrets that the host hands out appear nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kumiko_tests::Place;
use kumiko_tests::faults::{Row, times};
use serde_json::{Value, json};

use crate::distant::{Distant, courier};
use crate::watched::{Numbers, Watched, get, panics, put};

/// One from the environment, one from a file.
const CANARIES: [&str; 2] = ["canary-5f1d0c7e9b+/=&?x", "kanarienvogel\u{e4}-7731-AbCdEfGh"];

/// Takes in everything that is sent to a collector of traces.
struct Collector {
    port: u16,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let taking = Arc::clone(&taken);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let taking = Arc::clone(&taking);
                std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
                    let mut piece = [0; 65_536];
                    // The whole request is in before the time is over: it comes from this machine.
                    while let Ok(read @ 1..) = stream.read(&mut piece) {
                        taking.lock().unwrap().extend_from_slice(&piece[..read]);
                    }
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                });
            }
        });
        Self { port, taken }
    }
}

/// The forms in which a secret may be written.
fn forms(canary: &str) -> Vec<String> {
    let percent: String = canary
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let hexadecimal = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let escaped = serde_json::to_string(canary).unwrap().trim_matches('"').to_owned();
    let mut forms = vec![canary.to_owned(), percent.to_lowercase(), percent, hexadecimal, escaped];
    forms.dedup();
    forms
}

/// Where the secrets appear in a text.
fn found(what: &str, text: &str) -> Vec<String> {
    let all = CANARIES.iter().flat_map(|canary| forms(canary));
    all.filter(|form| text.contains(form.as_str())).map(|form| format!("{what}: {form}")).collect()
}

/// Every way in which the courier can be made to meet a secret.
fn ways(distant: &Distant, name: &str, random: usize) -> Vec<(&'static str, Value)> {
    let (origin, place) = (distant.origin(), format!("{{{{secret:{name}}}}}"));
    let mut ways = Vec::new();
    for fails in [false, true] {
        for path in ["echo", "moved", "broken", "wait/5"] {
            ways.push((
                "fetch",
                json!({ "url": format!("{origin}/{path}"), "token": format!("Bearer {place}"), "fails": fails }),
            ));
        }
        ways.push(("fetch", json!({ "url": format!("{origin}/echo/{place}/x?key={place}"), "fails": fails })));
        ways.push((
            "fetch",
            json!({ "url": format!("{origin}/echo"), "token": format!("{place}{place}{random}"), "fails": fails }),
        ));
    }
    // To where the secret may not go, to nowhere, and not quite as it has to be written.
    for url in ["http://other.invalid/", "http://127.0.0.1:1/", "https://example.com/", "no url", "file:///etc/passwd"]
    {
        ways.push(("fetch", json!({ "url": format!("{url}{place}"), "token": place })));
    }
    for token in [
        format!("{place}\r\nx-other: 1"),
        place.replace('}', ""),
        "{{secret:../grants.toml}}".to_owned(),
        format!("{place}\u{0}"),
    ] {
        ways.push(("fetch", json!({ "url": format!("{origin}/echo"), "token": token })));
    }
    ways.push(("ask_for", json!({ "name": name })));
    ways.push(("ask_for", json!({ "name": "unknown" })));
    ways.push(("repeat", json!({ "text": place, "fails": true })));
    ways
}

/// A server with two secrets for the courier, and a collector of its traces.
struct Secretive {
    place: Place,
    distant: Distant,
    collector: Collector,
    watched: Watched,
}

impl Secretive {
    fn start() -> Self {
        let (place, distant, collector) = (Place::new(), Distant::start(), Collector::start());
        put(&place, "courier.wasm", &courier(1));
        let mut command = distant.kumiko(&place, &["canary.one", "canary.two"]);
        command.env("KUMIKO_SECRET_CANARY_ONE", CANARIES[0]).env("KUMIKO_LOG_LEVEL", "trace");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", collector.port));
        command.env("OTEL_BSP_SCHEDULE_DELAY", "200");
        fs::create_dir_all(place.data().join("secrets")).unwrap();
        fs::write(place.data().join("secrets/canary.two"), format!("{}\n", CANARIES[1])).unwrap();
        let watched = Watched::start_by(command);
        Self { place, distant, collector, watched }
    }

    /// Lets the courier meet the secrets in every way: where they appear in an answer, and how often one was said back.
    fn handed_out(&self, rounds: usize) -> (Vec<String>, usize) {
        let (mut connection, mut numbers) = (self.watched.connection(), Numbers::new(77));
        let (mut appeared, mut went) = (Vec::new(), 0);
        for _ in 0..rounds {
            for name in ["canary.one", "canary.two"] {
                for (tool, arguments) in ways(&self.distant, name, numbers.below(1_000_000)) {
                    let answer = connection.call(tool, &arguments).to_string();
                    went += usize::from(answer.contains("edition 000001 200") && answer.contains("x-token"));
                    appeared.extend(found(&format!("the answer of {tool} {arguments}"), &answer));
                }
            }
        }
        (appeared, went)
    }

    /// Where the secrets appear in everything that the server shows and records. Ends it.
    fn recorded(self, row: &mut Row) -> Vec<String> {
        let Self { place, collector, watched, .. } = self;
        let mut appeared = Vec::new();
        for path in ["/metrics", "/readyz", "/healthz", "/mcp"] {
            appeared.extend(found(path, &get(&watched.server, path).1));
        }
        let listed = watched.connection().call("find_tools", &json!({ "query": "secret canary" })).to_string();
        appeared.extend(found("the list of tools", &listed));
        for arguments in [["plugin", "grant", "courier"].as_slice(), &["doctor", "--json"], &["tools", "--json"]] {
            appeared.extend(found(&format!("`kumiko {}`", arguments.join(" ")), &told(&place, arguments)));
        }
        std::thread::sleep(Duration::from_secs(1));
        let taken = collector.taken.lock().unwrap();
        appeared.extend(found("the traces", &String::from_utf8_lossy(&taken)));
        row.figure("bytes of traces looked through", taken.len(), "> 0", !taken.is_empty());
        let log = watched.end();
        appeared.extend(log.lines().flat_map(|line| found(&format!("the log: {line}"), line)));
        row.none("panics", panics(&log));
        appeared.extend(files(&place.data()));
        appeared
    }
}

/// Asserts that there is nothing; each place once and short where there is.
fn nowhere(row: &mut Row, appeared: &[String]) {
    let places: BTreeSet<String> = appeared.iter().map(|text| text.chars().take(400).collect()).collect();
    assert!(places.is_empty(), "{} times: {places:#?}", appeared.len());
    row.none("appearances", appeared.len());
}

#[test]
fn h7_a_secret_that_is_handed_out_appears_nowhere() {
    let rounds = times(100);
    let mut row = Row::new("H7", format!("canary secrets handed out, ×{rounds}"));
    let secretive = Secretive::start();
    let (mut appeared, went) = secretive.handed_out(rounds);
    assert!(went >= rounds, "secrets were sent and said back: {went}");
    appeared.extend(secretive.recorded(&mut row));
    nowhere(&mut row, &appeared);
}

#[test]
fn h7_a_secret_that_a_client_says_is_in_no_record() {
    let mut row = Row::new("H7", "canary secrets said by a client");
    let secretive = Secretive::start();
    secretive.handed_out(1);
    let mut connection = secretive.watched.connection();
    // The answer is his own, the records are not.
    for canary in CANARIES {
        for fails in [false, true] {
            connection.call("repeat", &json!({ "text": format!("I know {canary}"), "fails": fails }));
            connection.call("deliver", &json!({ "name": canary }));
            connection.call("ask_for", &json!({ "name": canary }));
            connection.call("read", &json!({ "uri": canary }));
            connection.call("deliver", &json!({ canary: canary }));
            connection.call("call_tool", &json!({ "name": canary, "arguments": {} }));
        }
    }
    let appeared = secretive.recorded(&mut row);
    nowhere(&mut row, &appeared);
}

fn told(place: &Place, arguments: &[&str]) -> String {
    let output = place.kumiko().env("KUMIKO_SECRET_CANARY_ONE", CANARIES[0]).args(arguments).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Files of the data folder with a secret in them, but for the one where it was put.
fn files(data: &std::path::Path) -> Vec<String> {
    let (mut all, mut folders) = (Vec::new(), vec![data.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "canary.two") {
                all.extend(found(
                    &path.display().to_string(),
                    &String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()),
                ));
            }
        }
    }
    all
}
