//! G10: odd values through every host function, by guests made from the contract itself.

mod caller;
mod texts;

use std::fs;

use kumiko_tests::faults::{Row, times};
use kumiko_tests::{HttpConnection, Place};
use serde_json::json;

use self::caller::{CASES_A_CALL, Caller, Damage, callers};
use super::{Baseline, call, code, greet, is_well, server};
use crate::hostile::Hostile;

/// What the callers may reach, so that odd values get past the grants.
fn grants(callers: &[Caller]) -> String {
    let section = |caller: &Caller| {
        format!(
            "[{}]\nread = [\"s3://\", \"files\"]\nwrite = [\"s3://\", \"files\"]\nhttp = [\"http://127.0.0.1:9\"]\ntools = [\"greet\"]\n",
            caller.name
        )
    };
    callers.iter().map(section).collect()
}

#[test]
fn g10_odd_values_meet_typed_errors_in_every_host_function() {
    let place = Place::with_plugins(&["hello"]);
    let callers = callers();
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("grants.toml"), grants(&callers)).unwrap();
    for caller in &callers {
        caller.install(&place);
    }
    let cases = times(10_000);
    let mut row = Row::new("G10", format!("odd values, {} host functions, ×{cases} each", callers.len()));
    let variables = [("KUMIKO_CPU_MILLISECONDS", "60000"), ("KUMIKO_WALL_MILLISECONDS", "120000")];
    let server = server(&place, &variables);
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&greet(&mut connection)));
    let mut untyped = Vec::new();
    let mut odd = |caller: &Caller, seed: usize| {
        // The guest takes the length of its arguments for the seed.
        let result = call(&mut connection, &caller.name, &json!({ "seed": "x".repeat(seed) }));
        if !is_well(&result) {
            untyped.push(format!("{}: {result}", caller.name));
        }
    };
    // A first round fills caches and starts what is started once.
    callers.iter().for_each(|caller| odd(caller, 0));
    let baseline = Baseline::of(server.process());
    for caller in &callers {
        (1..cases.div_ceil(CASES_A_CALL)).for_each(|seed| odd(caller, seed));
    }
    for caller in &callers {
        for damage in Damage::ALL {
            let result = call(&mut connection, &caller.tool(damage), &json!({}));
            if !is_well(&result) && matches!(code(&result), "" | "internal" | "tool_not_found" | "wall_time_limit") {
                untyped.push(format!("{} with {damage:?}: {result}", caller.name));
            }
        }
        assert!(is_well(&greet(&mut connection)), "after {}", caller.name);
    }
    let panics = server.log().lines().filter(|line| line.contains("panicked")).count();
    assert!(untyped.is_empty(), "{} of them: {}", untyped.len(), untyped.join("\n"));
    row.none("calls without a typed error", untyped.len());
    row.none("panics", panics);
    baseline.is_back(&mut row, 0);
}

#[test]
fn g10_more_randomness_than_there_can_be_ends_the_call() {
    let place = Place::with_plugins(&["hello"]);
    Hostile {
        imports: r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))"#,
        call: "(call $bytes (i64.const -1) (i32.const 256)) (call $done)",
        ..Hostile::default()
    }
    .install(&place);
    let server = server(&place, &[]);
    let mut connection = HttpConnection::open(server.url());
    let result = call(&mut connection, "hostile", &json!({}));
    assert_eq!(code(&result), "plugin_trapped", "{result}");
    assert!(is_well(&greet(&mut connection)));
}
