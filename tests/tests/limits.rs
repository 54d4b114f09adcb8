//! A guest that misbehaves ends its own call, with a word for what it did, and touches nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use kumiko_tests::process::memory_of;
use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

/// How often each misdeed is repeated: a leak of a place, a store or memory would show.
const TIMES: usize = 5;

fn fault(result: &Value) -> &str {
    result["_meta"]["kumiko/fault"]["code"].as_str().unwrap_or_else(|| panic!("no fault: {result}"))
}

#[test]
fn each_misdeed_ends_with_its_own_code_and_the_next_call_works() {
    let place = Place::with_plugins(&["unruly", "hello"]);
    let mut session = Session::open(&place);
    session.tool_names();
    let misdeeds = [
        ("spin", json!({}), "cpu_time_limit"),
        ("hoard", json!({}), "memory_limit"),
        ("recurse", json!({}), "stack_limit"),
        ("collapse", json!({}), "plugin_trapped"),
        ("flood", json!({ "amount": 2_000_000 }), "result_limit"),
        ("break_promise", json!({}), "result_invalid"),
    ];
    for (tool, arguments, code) in misdeeds {
        for time in 0..TIMES {
            // A plugin that breaks off five times is held off, which is tested by itself.
            if time + 1 == TIMES {
                session = Session::open(&place);
            }
            let result = session.call(tool, arguments.clone());
            assert_eq!(fault(&result), code, "{tool}: {result}");
        }
        assert_eq!(
            session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"],
            "Hello, Ada!",
            "after {tool}"
        );
    }
}

#[test]
fn a_plugin_that_keeps_breaking_off_is_held_off_and_no_other_is() {
    let place = Place::with_plugins(&["unruly", "hello"]);
    let mut session = Session::open(&place);
    for _ in 0..5 {
        assert_eq!(fault(&session.call("collapse", json!({}))), "plugin_trapped");
    }
    let held = session.call("show", json!({}));
    assert_eq!(fault(&held), "plugin_held_off");
    let wait = held["_meta"]["kumiko/fault"]["data"]["retry_after_milliseconds"].as_u64().unwrap();
    assert!((1..=5_001).contains(&wait), "{held}");
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    std::thread::sleep(Duration::from_millis(wait));
    assert_eq!(fault(&session.call("collapse", json!({}))), "plugin_trapped");
}

#[test]
fn memory_comes_back_after_a_hoarding_guest() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    // What a call leaves is cleared away after its answer.
    let memory = |session: &Session| {
        std::thread::sleep(Duration::from_millis(500));
        memory_of(session.process())
    };
    session.call("hoard", json!({}));
    let before = memory(&session);
    for _ in 0..10 {
        assert_eq!(fault(&session.call("hoard", json!({}))), "memory_limit");
    }
    let after = memory(&session);
    assert!(after < before + 16 * 1024 * 1024, "{before} bytes before, {after} after");
}

#[test]
fn calls_beside_looping_ones_are_answered_meanwhile() {
    let place = Place::with_plugins(&["unruly", "hello"]);
    let mut command = place.kumiko();
    // Far more than the test takes, so that a loop that ends by its limit has starved the others.
    command.env("KUMIKO_CPU_MILLISECONDS", "100000").env("KUMIKO_WALL_MILLISECONDS", "100000").arg("serve");
    let mut session = Session::open_by(command, &json!({}));
    session.tool_names();
    let looping: Vec<u64> =
        (0..4).map(|_| session.ask("tools/call", json!({ "name": "spin", "arguments": {} }))).collect();
    for _ in 0..20 {
        assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    }
    let answers = session.unread();
    assert!(answers.iter().all(|message| message.get("id").is_none()), "a loop ended: {answers:?}");
    for id in looping {
        session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    }
    assert_eq!(session.close().0, Some(0));
}

#[test]
fn a_short_processor_time_is_kept_to() {
    let place = Place::with_plugins(&["unruly"]);
    let mut command = place.kumiko();
    command.env("KUMIKO_CPU_MILLISECONDS", "50").args(["call", "spin", "--json"]);
    // Once to fill the compile cache, once to look at the clock.
    command.output().unwrap();
    let began = Instant::now();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(began.elapsed() < Duration::from_secs(2), "the default would have taken that long by itself");
}

#[test]
fn log_lines_beyond_the_limit_are_dropped() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    assert_eq!(session.call("flood_log", json!({ "amount": 10_000 }))["structuredContent"]["value"], 10_000);
    let (_, log) = session.close();
    let lines = log.matches("yyyyyyyyyy").count();
    assert!(lines > 0 && log.len() < 1_000_000, "{} bytes of log", log.len());
}

#[test]
fn a_guest_reaches_nothing_outside_its_objects_and_gets_randomness() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    let result = session.call("look_around", json!({}));
    for attempt in result["structuredContent"]["attempts"].as_array().unwrap() {
        assert_ne!(attempt[1], "", "{attempt} was reached");
    }
    let random = result["structuredContent"]["random"].as_array().unwrap();
    assert!(random.len() == 8 && random.iter().any(|byte| *byte != random[0]), "{result}");
}

#[test]
fn what_a_guest_panics_with_is_in_the_log_and_not_on_the_protocol_s_stream() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    session.call("collapse", json!({}));
    assert!(session.unread().iter().all(|message| message.get("not_a_message").is_none()));
    let (_, log) = session.close();
    assert!(log.contains("the fixture collapses on purpose"), "{log}");
}
