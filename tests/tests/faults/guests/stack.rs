//! G4: recursion without end, in the guest alone and through the host.

use std::fs;

use kumiko_tests::faults::{Row, times};
use kumiko_tests::{HttpConnection, Place};
use serde_json::json;

use super::{call, code, greet, is_well, server};
use crate::hostile::{DATA, Hostile, RETURN};

/// Host functions that are called at every depth: one that answers at once, and ones that look at an object, send a request and ask
/// the table engine, each in vain.
const IMPORTS: &str = r#"
(import "kumiko:host/progress@1.0.0" "is-cancelled" (func $cancelled (result i32)))
(import "kumiko:host/objects@1.0.0" "head" (func $head (param i32 i32 i32)))
(import "kumiko:host/objects@1.0.0" "home" (func $home (param i32)))
(import "kumiko:host/frames@1.0.0" "from-rows" (func $rows (param i32 i32 i32)))
(import "kumiko:host/http@1.0.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// Recursions by the lengths of their tools' names, which begin with the letter given: by itself (5), through calls of the host at
/// every depth (6), and in what the host calls while it answers (7).
fn recursing(copy: usize) -> (String, [String; 3]) {
    (format!("recursing_{copy}"), [format!("a{copy:04}"), format!("b_{copy:04}"), format!("c__{copy:04}")])
}

fn install(place: &Place, copy: usize) {
    let (name, [alone, through, within]) = recursing(copy);
    let module = format!(
        r#"(data (i32.const {DATA}) "s3://x/yhttp://127.0.0.1/[{{}}")
(global $deep (mut i32) (i32.const 0))
(func $alone (param i32) (result i32) (i32.add (i32.const 1) (call $alone (i32.add (local.get 0) (i32.const 1)))))
(func $through (param i32) (result i32)
    (drop (call $cancelled))
    (if (i32.eqz (i32.rem_u (local.get 0) (i32.const 16))) (then
        (call $head (i32.const {DATA}) (i32.const 8) (i32.const {RETURN}))
        (call $rows (i32.add (i32.const {DATA}) (i32.const 25)) (i32.const 3) (i32.const {RETURN}))
        (call $send (i32.const 0) (i32.const 0) (i32.add (i32.const {DATA}) (i32.const 8)) (i32.const 17) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {RETURN}))))
    (i32.add (i32.const 1) (call $through (i32.add (local.get 0) (i32.const 1)))))"#
    );
    let call = format!(
        "(if (i32.eq (local.get $tool_length) (i32.const 5)) (then (drop (call $alone (i32.const 0)))))
         (if (i32.eq (local.get $tool_length) (i32.const 6)) (then (drop (call $through (i32.const 0)))))
         (global.set $deep (i32.const 1))
         (call $home (i32.const {RETURN}))
         (call $done)"
    );
    let realloc = "(if (global.get $deep) (then (drop (call $alone (i32.const 0))))) (i32.const 65536)";
    let tools = [alone.as_str(), through.as_str(), within.as_str()];
    Hostile {
        name: &name,
        tools: &tools,
        imports: IMPORTS,
        module: &module,
        call: &call,
        realloc,
        ..Hostile::default()
    }
    .install(place);
}

#[test]
fn g4_recursion_without_end_meets_the_limit_of_the_stack() {
    // A plugin is held off once it has trapped five times.
    const EACH: usize = 4;
    let place = Place::with_plugins(&["unruly", "hello"]);
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("grants.toml"), "[unruly]\ntools = [\"call_itself\"]\n").unwrap();
    let copies = (3 * times(200)).div_ceil(EACH);
    for copy in 0..copies {
        install(&place, copy);
    }
    let mut row = Row::new("G4", format!("deep recursion, ×{}", 3 * times(200)));
    // So much time that a slow machine reaches the limit of the stack first.
    let server = server(&place, &[("KUMIKO_CPU_MILLISECONDS", "30000")]);
    let mut connection = HttpConnection::open(server.url());
    let mut otherwise = Vec::new();
    for number in 0..copies * EACH {
        let (_, tools) = recursing(number / EACH);
        let result = call(&mut connection, &tools[number % 3], &json!({}));
        if code(&result) != "stack_limit" {
            otherwise.push(result);
        }
    }
    assert!(otherwise.is_empty(), "{} others, {}", otherwise.len(), otherwise[0]);
    row.none("calls that ended otherwise than by the limit of the stack", otherwise.len());
    let result = call(&mut connection, "call_itself", &json!({ "amount": 10_000 }));
    row.figure("calls of itself, 10,000 deep", code(&result), "call_depth_limit", code(&result) == "call_depth_limit");
    assert_eq!(code(&result), "call_depth_limit", "{result}");
    assert!(is_well(&greet(&mut connection)), "the server is still there");
}
