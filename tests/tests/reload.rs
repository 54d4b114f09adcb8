//! The plugin folder while the server runs: dropped in, replaced, removed, broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use kumiko_tests::{Place, Session, component};
use serde_json::{Value, json};

const CHANGED: &str = "notifications/tools/list_changed";

fn greeting(session: &mut Session) -> Value {
    session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"].clone()
}

/// A session whose first list is there, with whatever the first load announced read away.
fn settled(place: &Place) -> Session {
    let mut session = Session::open(place);
    session.tool_names();
    std::thread::sleep(Duration::from_millis(300));
    session.unread();
    session
}

/// Puts a component over a plugin the way tools that install files do: written beside it, then renamed.
fn replace(place: &Place, name: &str, content: &[u8]) {
    let hidden = place.plugins().join(".incoming");
    fs::write(&hidden, content).unwrap();
    fs::rename(hidden, place.plugins().join(format!("{name}.wasm"))).unwrap();
}

#[test]
fn a_component_dropped_in_is_announced_and_can_be_called() {
    let place = Place::new();
    let mut session = settled(&place);
    assert!(session.tool_names().is_empty());
    place.install("hello");
    session.notification(CHANGED);
    assert_eq!(session.tool_names(), ["greet"]);
    assert_eq!(greeting(&mut session), "Hello, Ada!");
}

#[test]
fn a_component_replaced_serves_its_successor() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = settled(&place);
    assert_eq!(greeting(&mut session), "Hello, Ada!");
    replace(&place, "hello", &fs::read(component("hello_again")).unwrap());
    session.notification(CHANGED);
    assert_eq!(greeting(&mut session), "Hello again, Ada!");
    assert_eq!(session.tool_names(), ["greet", "part"]);
}

#[test]
fn a_component_removed_takes_its_tools_along() {
    let place = Place::with_plugins(&["hello", "unruly"]);
    let mut session = settled(&place);
    fs::remove_file(place.plugins().join("hello.wasm")).unwrap();
    session.notification(CHANGED);
    assert!(!session.tool_names().contains(&"greet".to_owned()));
    let answer = session.request("tools/call", json!({ "name": "greet", "arguments": { "name": "Ada" } }));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn a_broken_successor_leaves_the_plugin_serving() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = settled(&place);
    let whole = fs::read(component("hello_again")).unwrap();
    for broken in [b"no component at all".as_slice(), &whole[..whole.len() / 2], b"", b"\0asm\x01\0\0\0"] {
        replace(&place, "hello", broken);
        // The swap that records the failure is announced as well; the tools stay.
        session.notification(CHANGED);
        assert_eq!(session.tool_names(), ["greet"]);
        assert_eq!(greeting(&mut session), "Hello, Ada!");
    }
    replace(&place, "hello", &whole);
    session.notification(CHANGED);
    assert_eq!(greeting(&mut session), "Hello again, Ada!");
    let (_, log) = session.close();
    assert!(
        log.contains("component_damaged") && log.contains("not_webassembly") && log.contains("core_module"),
        "{log}"
    );
}

#[test]
fn a_file_that_is_still_being_copied_is_taken_once_and_whole() {
    let place = Place::new();
    let mut session = settled(&place);
    let whole = fs::read(component("hello")).unwrap();
    let mut file = fs::File::create(place.plugins().join("hello.wasm")).unwrap();
    for piece in whole.chunks(whole.len().div_ceil(40)) {
        file.write_all(piece).unwrap();
        file.flush().unwrap();
        std::thread::sleep(Duration::from_millis(15));
    }
    drop(file);
    while session.tool_names().is_empty() {
        session.notification(CHANGED);
    }
    assert_eq!(greeting(&mut session), "Hello, Ada!");
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = settled(&place);
    replace(&place, "hello", &fs::read(component("hello")).unwrap());
    assert!(session.wait_for(Duration::from_secs(4), |message| message["method"] == CHANGED).is_none());
    assert_eq!(greeting(&mut session), "Hello, Ada!");
}

#[test]
fn a_call_in_flight_finishes_on_what_it_began_with() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = settled(&place);
    let id = session.ask("tools/call", json!({ "name": "climb", "arguments": { "amount": 20 } }));
    std::thread::sleep(Duration::from_millis(300));
    fs::remove_file(place.plugins().join("unruly.wasm")).unwrap();
    session.notification(CHANGED);
    assert!(session.tool_names().is_empty(), "the plugin is gone for everybody else");
    assert_eq!(session.answer(id)["result"]["structuredContent"]["value"], 20);
}

#[test]
fn a_symlink_that_is_flipped_is_a_change() {
    let place = Place::new();
    let link = place.plugins().join("hello.wasm");
    std::os::unix::fs::symlink(component("hello"), &link).unwrap();
    let mut session = settled(&place);
    assert_eq!(greeting(&mut session), "Hello, Ada!");
    let next = place.plugins().join(".next");
    std::os::unix::fs::symlink(component("hello_again"), &next).unwrap();
    fs::rename(next, link).unwrap();
    session.notification(CHANGED);
    assert_eq!(greeting(&mut session), "Hello again, Ada!");
}

#[test]
fn two_plugins_with_one_name_do_not_both_serve() {
    let place = Place::with_plugins(&["hello"]);
    fs::copy(component("hello_again"), place.plugins().join("other.wasm")).unwrap();
    let output = place.run(["plugin", "list", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["plugins"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["failures"][0]["code"], "capability_conflict", "{listed}");
}

#[test]
fn a_renamed_component_goes_on_serving() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = settled(&place);
    fs::rename(place.plugins().join("hello.wasm"), place.plugins().join("renamed.wasm")).unwrap();
    session.notification(CHANGED);
    // Longer than a vanished file is given before its plugin goes.
    for _ in 0..15 {
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(greeting(&mut session), "Hello, Ada!");
    }
}

#[test]
fn a_plugin_refused_for_its_name_serves_once_the_other_has_gone() {
    let place = Place::with_plugins(&["hello"]);
    fs::copy(component("hello_again"), place.plugins().join("other.wasm")).unwrap();
    let mut session = settled(&place);
    assert_eq!(greeting(&mut session), "Hello, Ada!");
    fs::remove_file(place.plugins().join("hello.wasm")).unwrap();
    while !session.tool_names().contains(&"part".to_owned()) {
        session.notification(CHANGED);
    }
    assert_eq!(greeting(&mut session), "Hello again, Ada!");
}
