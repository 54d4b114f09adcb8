//! What an operator does: keys, grants, plugins from elsewhere, a look at the metrics and at the console.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kumiko_tests::process::processor_seconds_of;
use kumiko_tests::{HttpServer, Place, Session, component, provided, repository};
use serde_json::{Value, json};

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asks an HTTP server for one URL.
fn get(url: &str, headers: &[&str]) -> (u16, String) {
    let mut command = Command::new(provided("KUMIKO_PYTHON"));
    command.args(["-c", GET, url]).args(headers);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let (status, body) = text.split_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// Prints the status and the body of one URL.
const GET: &str = "
import sys, urllib.request, urllib.error
request = urllib.request.Request(sys.argv[1], headers=dict(header.split(': ', 1) for header in sys.argv[2:]))
try:
    answer = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status)
print(answer.read().decode())
";

/// Runs the Inspector's command line against a server over HTTP.
fn inspect(server: &HttpServer, key: &str, arguments: &[&str]) -> Output {
    let inspector =
        provided("KUMIKO_NODE_PACKAGES").join("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    let mut command = Command::new(provided("KUMIKO_NODE"));
    command.arg(inspector).args([
        "--cli",
        "-q",
        "--format",
        "json",
        "--transport",
        "http",
        "--server-url",
        server.url(),
    ]);
    command.args(["--header", &format!("X-API-Key: {key}")]).args(arguments).output().unwrap()
}

fn create_key(place: &Place, arguments: &[&str]) -> String {
    let output = place.run([&["key", "create"], arguments].concat());
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn without_a_key_there_is_no_server_and_with_one_there_are_tools() {
    let place = Place::with_plugins(&["hello", "data_preparation"]);
    let output = place.run(["serve", "--http", "127.0.0.1:0"]);
    assert!(!output.status.success() && told(&output).contains("kumiko key create"), "{}", told(&output));

    let key = create_key(&place, &["ada"]);
    let narrow = create_key(&place, &["bob", "--capabilities", "hello"]);
    let mut server = HttpServer::start(&place, &[]);
    let (status, body) = get(&format!("{}/mcp", server.base()), &[]);
    assert_eq!(status, 401, "{body}");
    assert_eq!(get(&format!("{}/healthz", server.base()), &[]).0, 200);

    let names = |key: &str| -> Vec<String> {
        let output = inspect(&server, key, &["--method", "tools/list"]);
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        let tools = listed["result"]["tools"].as_array().unwrap().clone();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&key).contains(&"load_dataset".to_owned()));
    assert_eq!(names(&narrow), ["call_tool", "describe_tool", "find_tools", "greet"]);
    let call = ["--method", "tools/call", "--tool-name", "greet", "--tool-args-json", r#"{"name":"Ada"}"#];
    assert!(told(&inspect(&server, &narrow, &call)).contains("Hello, Ada!"));

    let metrics = get(&format!("{}/metrics", server.base()), &[&format!("X-API-Key: {key}")]).1;
    assert!(metrics.contains("kumiko_tool_calls_total{") && metrics.contains("kumiko_plugins_loaded 2"), "{metrics}");
    assert!(server.stop().success(), "{}", server.log());
    let line = server.log().lines().find(|line| line.contains("\"tool_name\":\"greet\"")).expect("a line").to_owned();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["agent_id"], &line["status"], &line["arguments"]),
        (&json!("bob"), &json!("success"), &json!({ "name": "Ada" }))
    );
    let audit = fs::read_to_string(place.data().join("audit.log")).unwrap();
    assert!(audit.contains("\"plugin_loaded\"") && audit.contains("\"called\"") && !audit.contains("Ada"), "{audit}");
}

#[test]
fn a_changed_line_of_the_audit_log_is_found_and_a_kept_hash_proves_the_lines_before_it() {
    let place = Place::with_plugins(&["hello"]);
    let greet = || {
        let mut session = Session::open(&place);
        assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
        session.close();
    };
    greet();
    let output = place.run(["audit", "verify"]);
    assert!(output.status.success(), "{}", told(&output));
    let hash = told(&output).split_whitespace().find(|word| word.len() == 64).expect("a hash").to_owned();
    greet();
    let output = place.run(["audit", "verify", "--contains", &hash]);
    assert!(output.status.success(), "{}", told(&output));

    let path = place.data().join("audit.log");
    let written = fs::read_to_string(&path).unwrap();
    fs::write(&path, written.replacen("\"tool\":\"greet\"", "\"tool\":\"great\"", 1)).unwrap();
    let output = place.run(["audit", "verify"]);
    assert!(!output.status.success() && told(&output).contains("not as it was written"), "{}", told(&output));
    // Who takes off the lines that follow as well is found by the hash.
    let first = written.lines().next().unwrap();
    fs::write(&path, format!("{first}\n")).unwrap();
    assert!(place.run(["audit", "verify"]).status.success());
    let output = place.run(["audit", "verify", "--contains", &hash]);
    assert!(!output.status.success() && told(&output).contains(&hash), "{}", told(&output));
}

#[test]
fn a_plugin_reaches_what_it_was_granted_while_the_server_runs() {
    let place = Place::with_plugins(&["data_preparation"]);
    let data = place.file("a.csv", "a,b\n1,2\n3,4\n");
    fs::create_dir_all(place.data()).unwrap();
    let grants = place.data().join("grants.toml");
    fs::write(&grants, "[data_preparation]\n").unwrap();
    let mut session = Session::open(&place);
    let denied = session.call("load_dataset", json!({ "s3_uri": data }));
    assert_eq!(denied["isError"], true, "{denied}");
    let text = denied["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("read_denied") && text.contains("[data_preparation]") && text.contains("read ="), "{text}");

    let output = place.run(["plugin", "grant", "data_preparation", "--read", "files"]);
    assert!(output.status.success() && told(&output).contains("read = [\"files\"]"), "{}", told(&output));
    let began = Instant::now();
    while session.call("load_dataset", json!({ "s3_uri": data }))["isError"] == true {
        assert!(began.elapsed() < Duration::from_secs(30), "the grant is not in force");
        std::thread::sleep(Duration::from_millis(100));
    }
    let output = place.run(["plugin", "revoke", "data_preparation", "--read", "files"]);
    assert!(output.status.success(), "{}", told(&output));
    let began = Instant::now();
    while session.call("load_dataset", json!({ "s3_uri": data }))["isError"] != true {
        assert!(began.elapsed() < Duration::from_secs(30), "the grant is still in force");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_plugin_is_added_shown_verified_and_removed() {
    let place = Place::new();
    let source = component("hello");
    let source = source.to_str().unwrap();
    let asked = place.run(["plugin", "add", source]);
    assert_eq!(asked.status.code(), Some(3), "nobody agreed: {}", told(&asked));
    assert!(told(&asked).contains("kumiko:host/types") && told(&asked).contains("greet"), "{}", told(&asked));
    assert!(!place.plugins().join("hello.wasm").exists());

    let added = place.run(["plugin", "add", source, "--yes"]);
    assert!(added.status.success(), "{}", told(&added));
    let mut session = Session::open(&place);
    assert_eq!(session.tool_names(), ["greet"]);
    assert!(place.run(["plugin", "verify"]).status.success());
    fs::copy(component("hello_again"), place.plugins().join("hello.wasm")).unwrap();
    let changed = place.run(["plugin", "verify"]);
    assert!(!changed.status.success() && told(&changed).contains("other bytes"), "{}", told(&changed));
    assert!(place.run(["plugin", "remove", "hello"]).status.success());
    assert!(!place.plugins().join("hello.wasm").exists());
}

#[test]
fn tools_are_found_described_and_called_by_those_who_never_list_again() {
    let place = Place::with_plugins(&["hello", "data_preparation", "ml_training"]);
    let mut session = Session::open(&place);
    let found = session.call("find_tools", json!({ "query": "train a classifier", "limit": 3 }));
    let first = &found["structuredContent"]["tools"][0];
    assert_eq!(first["name"], "train_supervised_classifier", "{found}");
    let described = session.call("describe_tool", json!({ "name": "greet" }));
    assert_eq!(described["structuredContent"]["input_schema"]["required"], json!(["name"]), "{described}");
    let called = session.call("call_tool", json!({ "name": "greet", "arguments": { "name": "Ada" } }));
    assert_eq!(called["structuredContent"]["message"], "Hello, Ada!", "{called}");
    let refused = session.call("call_tool", json!({ "nam": "greet" }));
    assert_eq!(refused["isError"], true, "{refused}");
}

#[test]
fn an_idle_server_rests() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    session.tool_names();
    std::thread::sleep(Duration::from_millis(500));
    let before = processor_seconds_of(session.process());
    std::thread::sleep(Duration::from_secs(3));
    let ticks = ((processor_seconds_of(session.process()) - before) * 100.0).round();
    // A loop that wakes itself takes hundreds.
    assert!(ticks < 60.0, "{ticks} hundredths of a second of processor time in three idle seconds");
}

#[test]
fn the_console_works_in_a_browser() {
    let place = Place::with_plugins(&["hello", "data_preparation", "ml_training", "ml_evaluation"]);
    fs::write(place.plugins().join("broken.wasm"), b"no component").unwrap();
    let key = create_key(&place, &["operator"]);
    let server = HttpServer::start(&place, &["--console"]);
    let shots = place.files().join("shots");
    fs::create_dir(&shots).unwrap();
    let output = Command::new(provided("KUMIKO_NODE"))
        .arg(repository().join("tests/clients/console_browser.mjs"))
        .args([server.base(), &key])
        .arg(&shots)
        .output()
        .unwrap();
    assert!(told(&output).contains("all checks passed"), "{}\n{}", told(&output), server.log());
}
