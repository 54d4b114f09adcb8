//! Row C5, the honest case: a component of 18 MB, from Python, that is no attack and takes long to compile.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, quantile};
use kumiko_tests::{HttpConnection, HttpServer, Place, provided, repository};
use serde_json::json;

/// Longer than the component needs to compile on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The example in Python as a component.
fn built(place: &Place) -> PathBuf {
    let component = place.files().join("hello_python.wasm");
    let built = Command::new(provided("KUMIKO_PYTHON").with_file_name("componentize-py"))
        .current_dir(repository().join("examples/python/hello"))
        .arg("-d")
        .arg(repository().join("wit"))
        .args(["-w", "capability", "componentize", "app", "-o"])
        .arg(&component)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    component
}

/// Calls `greet` over and over until `stop`: how long each call took.
fn greet_until(connection: &mut HttpConnection, stop: impl Fn() -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop() {
        let began = Instant::now();
        let answer = connection.call("greet", &json!({ "name": "Ada" }));
        times.push(began.elapsed());
        assert_eq!(answer["result"]["structuredContent"]["message"], "Hello, Ada!", "{answer}");
        std::thread::sleep(Duration::from_millis(5));
    }
    times
}

#[test]
fn c5_an_18_mb_component_compiles_beside_calls_and_serves() {
    let mut row = Row::new("C5", "component of 18 MB from Python");
    let place = Place::with_plugins(&["hello"]);
    let component = built(&place);
    let server = HttpServer::start(&place, &["--anonymous"]);
    let mut connection = HttpConnection::open(server.url());
    connection.call("greet", &json!({ "name": "Ada" }));
    let began = Instant::now();
    let mut before = greet_until(&mut connection, || began.elapsed() > Duration::from_secs(3));

    let live = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let waiting = {
        let (live, url) = (Arc::clone(&live), server.url().to_owned());
        std::thread::spawn(move || {
            let mut connection = HttpConnection::open(&url);
            let arguments = json!({ "name": "Ada" });
            let answer = loop {
                let answer = connection.call("greet_in_python", &arguments);
                if answer.get("error").is_none() || began.elapsed() > PATIENCE {
                    break answer;
                }
                std::thread::sleep(Duration::from_millis(100));
            };
            live.store(true, Ordering::SeqCst);
            (answer, began.elapsed())
        })
    };
    let incoming = place.plugins().join(".incoming");
    fs::copy(&component, &incoming).unwrap();
    fs::rename(incoming, place.plugins().join("hello_python.wasm")).unwrap();
    let mut meanwhile = greet_until(&mut connection, || live.load(Ordering::SeqCst));
    let (answer, took) = waiting.join().unwrap();
    let log = server.log();
    assert_eq!(answer["result"]["structuredContent"]["message"], "Hello, Ada!", "{answer}\n{log}");
    row.figure("until it serves", format!("{:.1} s", took.as_secs_f64()), "≤ 120 s", took <= Duration::from_secs(120));
    let (alone, beside) = (quantile(&mut before, 0.99), quantile(&mut meanwhile, 0.99));
    row.at_most("p99 of other calls while it compiles", beside, alone * 2);

    let mut calls = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        connection.call("greet_in_python", &json!({ "name": "Ada" }));
        calls.push(began.elapsed());
    }
    let median = quantile(&mut calls, 0.5);
    row.at_most("a call of it, median", median, Duration::from_millis(50));
}
