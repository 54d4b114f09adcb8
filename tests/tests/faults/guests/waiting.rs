//! G8, G9: calls that wait for somebody who never answers, and calls that nobody waits for any more.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, in_full, quantile, times};
use kumiko_tests::{HttpConnection, HttpServer, Place, Session};
use serde_json::{Value, json};

use super::{Baseline, call, code, greet, is_well, metric, start};

/// Somebody who accepts every connection and never says a word.
pub(super) struct Deaf {
    url: String,
    asked: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
}

impl Deaf {
    pub(super) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, gone) = (Arc::clone(&asked), Arc::clone(&left));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (counted, gone) = (Arc::clone(&counted), Arc::clone(&gone));
                std::thread::spawn(move || {
                    let mut heard = [0; 4096];
                    if stream.read(&mut heard).is_ok_and(|bytes| bytes > 0) {
                        counted.fetch_add(1, Ordering::Relaxed);
                        while stream.read(&mut heard).is_ok_and(|bytes| bytes > 0) {}
                        gone.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { url, asked, left }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until so many requests have come in all.
    pub(super) fn wait_for(&self, requests: usize) {
        until(|| self.asked.load(Ordering::Relaxed) >= requests, "the request does not come");
    }

    /// Waits until so many have been given up.
    fn wait_for_left(&self, requests: usize) {
        until(|| self.left.load(Ordering::Relaxed) >= requests, "the connection stays open");
    }
}

fn until(reached: impl Fn() -> bool, failure: &str) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < Duration::from_secs(60), "{failure}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Writes a configuration by which `unruly` may ask the deaf one, with further settings of the plugin.
fn configured(place: &Place, deaf: &Deaf, settings: &str) -> std::process::Command {
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("grants.toml"), format!("[unruly]\nhttp = [\"GET {}\"]\n", deaf.url())).unwrap();
    let configuration = place.data().join("kumiko.toml");
    let text = format!("egress = {{ private_networks = [\"127.0.0.0/8\"] }}\n[plugins.unruly]\n{settings}\n");
    fs::write(&configuration, text).unwrap();
    let mut command = place.kumiko();
    command.env("KUMIKO_CONFIG", configuration);
    command
}

pub(super) fn reaching(place: &Place, deaf: &Deaf, settings: &str) -> HttpServer {
    start(configured(place, deaf, settings))
}

#[test]
fn g8_a_call_that_waits_for_a_peer_ends_with_its_wall_time() {
    let (wall, calls) = if in_full() { (Duration::from_secs(30), 3) } else { (Duration::from_secs(1), 4) };
    let place = Place::with_plugins(&["unruly", "hello"]);
    let deaf = Deaf::listen();
    let settings = format!("concurrent_calls = 1\nlimits = {{ wall_milliseconds = {} }}", wall.as_millis());
    let server = reaching(&place, &deaf, &settings);
    let mut row = Row::new("G8", format!("a peer that never answers, wall time {} s", wall.as_secs()));
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&greet(&mut connection)));
    let baseline = Baseline::of(server.process());
    let (mut beside, mut closed) = (Vec::new(), Vec::new());
    for number in 1..=calls {
        let began = Instant::now();
        let result = call(&mut connection, "wait_for_peer", &json!({ "url": deaf.url(), "hold": 0 }));
        beside.push(began.elapsed().abs_diff(wall));
        assert_eq!(code(&result), "wall_time_limit", "{result}");
        let ended = Instant::now();
        deaf.wait_for(number);
        deaf.wait_for_left(number);
        closed.push(ended.elapsed());
        // The only place of the plugin is free again.
        let result = call(&mut connection, "show", &json!({}));
        assert_eq!(result["structuredContent"]["value"], 1, "{result}");
    }
    row.at_most("beside the wall time, most", quantile(&mut beside, 1.0), Duration::from_millis(100));
    row.at_most("until the connection is closed, most", quantile(&mut closed, 1.0), Duration::from_millis(100));
    baseline.is_back(&mut row, 0);
}

/// One way to give a call up.
enum Way {
    Notification,
    Disconnection,
}

/// Begins calls of `tool` and gives each up once it runs. With one place for the plugin, a call of another tool of it waits for the
/// guest to be gone: the time until it is answered.
fn given_up(
    session: &mut Session,
    server: &HttpServer,
    way: &Way,
    tool: &str,
    arguments: &Value,
    runs: &dyn Fn(usize),
) -> Vec<Duration> {
    let mut other = HttpConnection::open(server.url());
    (1..=times(1_000))
        .map(|number| {
            let (mut connection, mut id) = (None, 0);
            match way {
                Way::Notification => id = session.ask("tools/call", json!({ "name": tool, "arguments": arguments })),
                Way::Disconnection => connection.insert(HttpConnection::open(server.url())).ask(tool, arguments),
            }
            runs(number);
            let (sibling, next) = match way {
                Way::Notification => {
                    let sibling = session.call("greet", json!({ "name": "Ada" }));
                    let began = Instant::now();
                    let parameters = json!({ "requestId": id });
                    session
                        .send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": parameters }));
                    let next = session.call("show", json!({}));
                    (sibling, (next, began.elapsed()))
                }
                Way::Disconnection => {
                    let sibling = greet(&mut other);
                    let began = Instant::now();
                    drop(connection);
                    let next = call(&mut other, "show", &json!({}));
                    (sibling, (next, began.elapsed()))
                }
            };
            assert!(is_well(&sibling), "{sibling}");
            assert_eq!(next.0["structuredContent"]["value"], 1, "{}", next.0);
            next.1
        })
        .collect()
}

#[test]
fn g9_a_call_that_is_given_up_stops() {
    // Far more than the test takes, so that nothing ends by itself.
    let settings = "concurrent_calls = 1\nlimits = { wall_milliseconds = 600000, cpu_milliseconds = 600000 }";
    let place = Place::with_plugins(&["unruly", "hello"]);
    let deaf = Deaf::listen();
    let mut server = reaching(&place, &deaf, settings);
    let mut command = configured(&place, &deaf, settings);
    command.arg("serve");
    let mut session = Session::open_by(command, &json!({}));
    session.call("show", json!({}));
    let mut row = Row::new("G9", format!("calls that are given up, ×{}", times(1_000)));
    let baselines = [Baseline::of(server.process()), Baseline::of(session.process())];
    let peer = json!({ "url": deaf.url(), "hold": 0 });
    let mut asked = 0;
    for (way, name) in [(Way::Notification, "notification"), (Way::Disconnection, "disconnection")] {
        // On standard streams requests begin in their order, and a sibling is answered before a call is given up.
        let runs = |_| match way {
            Way::Notification => std::thread::sleep(Duration::from_millis(5)),
            Way::Disconnection => {
                until(|| metric(&server, "kumiko_tool_calls_running") > 0.0, "the call does not begin")
            }
        };
        let mut durations = given_up(&mut session, &server, &way, "spin", &json!({}), &runs);
        let limit = Duration::from_millis(50);
        row.at_most(&format!("{name} to a looping guest's end, p99"), quantile(&mut durations, 0.99), limit);
        row.at_most(&format!("{name} to a looping guest's end, most"), quantile(&mut durations, 1.0), limit);
        let runs = |number| deaf.wait_for(asked + number);
        let mut durations = given_up(&mut session, &server, &way, "wait_for_peer", &peer, &runs);
        asked += times(1_000);
        row.at_most(&format!("{name} to a waiting guest's end, p99"), quantile(&mut durations, 0.99), limit);
        row.at_most(&format!("{name} to a waiting guest's end, most"), quantile(&mut durations, 1.0), limit);
        deaf.wait_for_left(asked);
    }
    for baseline in baselines {
        baseline.is_back(&mut row, 0);
    }
    assert!(server.stop().success());
    let (status, log) = session.close();
    assert_eq!(status, Some(0));
    for log in [log, server.log()] {
        let cancelled = log.lines().filter(|line| line.contains("\"status\":\"cancelled\"")).count();
        row.none("calls that were not recorded as cancelled", (2 * times(1_000)).abs_diff(cancelled));
    }
}
