//! The binary as a person uses it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;

use kumiko_tests::{Place, component};
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tools_are_listed_for_people_and_for_programs() {
    let place = Place::with_plugins(&["hello"]);
    let output = place.run(["tools"]);
    assert!(
        output.status.success() && text(&output.stdout).contains("Greets somebody by name."),
        "{}",
        text(&output.stdout)
    );
    for arguments in [vec!["tools", "--json"], vec!["--list-tools", "--json"]] {
        let output = place.run(arguments);
        let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(tools[0]["name"], "greet");
        assert_eq!(tools[0]["inputSchema"]["properties"]["name"]["type"], "string");
    }
    assert!(text(&place.run(["--list-tools"]).stdout).contains("greet"));
}

#[test]
fn a_call_prints_its_result_and_its_exit_code_says_how_it_went() {
    let place = Place::with_plugins(&["hello", "unruly"]);
    let output = place.run(["call", "greet", "--args", r#"{"name":"Ada"}"#]);
    assert_eq!((output.status.code(), text(&output.stdout).trim()), (Some(0), "Hello, Ada!"));
    let file = place.file("arguments.json", r#"{"name":"Grace"}"#);
    let output = place.run(["call", "hello.greet", "--args-file", &file, "--json"]);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["structured"]["message"], "Hello, Grace!");

    let codes = [
        ("greet", r#"{"nome":"Ada"}"#, 3),
        ("greet", "[1]", 3),
        ("greet", "{", 3),
        ("no_such_tool", "{}", 3),
        ("collapse", "{}", 1),
        ("spin", "{}", 5),
    ];
    for (tool, arguments, code) in codes {
        let output = place.run(["call", tool, "--args", arguments]);
        assert_eq!(output.status.code(), Some(code), "{tool} {arguments}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("error: "), "{tool}: {}", text(&output.stderr));
    }
}

#[test]
fn wrong_usage_is_code_2_and_says_what_was_expected() {
    let place = Place::with_plugins(&["hello"]);
    assert_eq!(place.run(["no-such-command"]).status.code(), Some(2));
    fs::write(place.files().join("kumiko.toml"), "[limits]\nmemory = 1\n").unwrap();
    let output = place.kumiko().arg("--config").arg(place.files().join("kumiko.toml")).arg("tools").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("line 2") && error.contains("memory"), "{error}");
}

#[test]
fn a_setting_from_the_environment_reaches_a_call() {
    let place = Place::with_plugins(&["unruly"]);
    let output = place
        .kumiko()
        .env("KUMIKO_RESULT_BYTES", "100")
        .args(["call", "flood", "--args", r#"{"amount":200}"#])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(text(&output.stderr).contains("at most 100"), "{}", text(&output.stderr));
}

#[test]
fn inspect_shows_what_a_component_could_touch() {
    let place = Place::new();
    let output = place.run(["plugin", "inspect", component("hello").to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["name"], "hello");
    let imports: Vec<&str> =
        shown["imports"].as_array().unwrap().iter().map(|import| import.as_str().unwrap()).collect();
    assert!(
        imports.iter().all(|import| import.starts_with("kumiko:host/types@") || import.starts_with("kumiko:host/log@")),
        "{imports:?}"
    );
}

#[test]
fn files_that_are_no_plugins_are_refused_in_words() {
    let place = Place::new();
    let whole = fs::read(component("hello")).unwrap();
    // A component for another major version of the contract: the same bytes with the version in its names changed.
    let other: Vec<u8> = {
        let (from, to) = (b"kumiko:plugin/tools@1.0.0", b"kumiko:plugin/tools@2.0.0");
        let mut bytes = whole.clone();
        for position in 0..bytes.len() - from.len() {
            if &bytes[position..position + from.len()] == from {
                bytes[position..position + to.len()].copy_from_slice(to);
            }
        }
        bytes
    };
    let cases: [(&str, &[u8], &str); 6] = [
        ("text.wasm", b"#!/bin/sh\necho no\n", "not_webassembly"),
        ("empty.wasm", b"", "not_webassembly"),
        ("module.wasm", b"\0asm\x01\0\0\0", "core_module"),
        ("cut.wasm", &whole[..whole.len() * 2 / 3], "component_damaged"),
        ("other.wasm", &other, "contract_version"),
        ("bare.wasm", b"\0asm\x0d\0\x01\0", "no_tools_export"),
    ];
    for (name, bytes, code) in cases {
        let path = place.files().join(name);
        fs::write(&path, bytes).unwrap();
        let output = place.run(["plugin", "inspect", path.to_str().unwrap(), "--json"]);
        assert_eq!(output.status.code(), Some(4), "{name}: {}", text(&output.stderr));
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["fault"]["code"], code, "{name}: {shown}");
        assert!(!shown["fault"]["hint"].as_str().unwrap().is_empty(), "{name}: {shown}");
    }
    let both = place.run(["plugin", "inspect", place.files().join("other.wasm").to_str().unwrap()]);
    let error = text(&both.stderr);
    assert!(error.contains("2.0.0") && error.contains("1.0.0"), "both versions are named: {error}");
    assert_eq!(place.run(["plugin", "inspect", "/no/such/file.wasm"]).status.code(), Some(4));
}

#[test]
fn every_single_byte_of_a_component_may_be_damaged_without_a_panic() {
    let place = Place::new();
    let whole = fs::read(component("hello")).unwrap();
    let step = whole.len().div_ceil(24);
    for position in (9..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x55;
        let path = place.files().join("flipped.wasm");
        fs::write(&path, &bytes).unwrap();
        let output = place.run(["plugin", "inspect", path.to_str().unwrap()]);
        assert!(
            matches!(output.status.code(), Some(0 | 4)),
            "byte {position}: {:?} {}",
            output.status,
            text(&output.stderr)
        );
        // The guest itself may panic over its damaged code; the host's own panics name a thread.
        assert!(!text(&output.stderr).contains("thread '"), "byte {position}: {}", text(&output.stderr));
    }
}

#[test]
fn plugins_are_listed_with_what_was_refused() {
    let place = Place::with_plugins(&["hello"]);
    assert_eq!(place.run(["plugin", "list"]).status.code(), Some(0));
    fs::write(place.plugins().join("broken.wasm"), "nothing").unwrap();
    let output = place.run(["plugin", "list"]);
    assert_eq!(output.status.code(), Some(4));
    let listed = text(&output.stdout);
    assert!(listed.contains("hello") && listed.contains("broken.wasm") && listed.contains("hint:"), "{listed}");
}

#[test]
fn the_doctor_finds_a_healthy_place_healthy_and_names_what_is_not() {
    let place = Place::with_plugins(&["hello"]);
    let output = place.run(["doctor", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let data = report["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == "data").unwrap();
    assert_eq!(data["origin"], "option --data");
    fs::write(place.plugins().join("broken.wasm"), "nothing").unwrap();
    let output = place.run(["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("FAILED  plugins"), "{}", text(&output.stdout));
}

#[test]
fn a_second_start_finds_the_machine_code_of_the_first() {
    let place = Place::with_plugins(&["hello"]);
    place.run(["tools"]);
    let entries = |place: &Place| fs::read_dir(place.data().join("cache/compiled")).unwrap().count();
    let after_first = entries(&place);
    assert_eq!(after_first, 2, "machine code and its seal");
    place.run(["tools"]);
    assert_eq!(entries(&place), after_first);
    for entry in fs::read_dir(place.data().join("cache/compiled")).unwrap() {
        fs::write(entry.unwrap().path(), "forged").unwrap();
    }
    let (code, result) = place.call("greet", &json!({ "name": "Ada" }));
    assert_eq!((code, &result["structured"]["message"]), (0, &json!("Hello, Ada!")), "a forged entry is made again");
}
