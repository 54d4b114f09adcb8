//! G1, G2, G7: guests that never end, and guests that flood the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, in_full, quantile, times};
use kumiko_tests::{HttpConnection, Place, Session};
use serde_json::{Value, json};

use super::{Baseline, call, code, greet, is_well, logged, server, session};
use crate::hostile::Hostile;

/// The processor time of a call here.
const DEADLINE: Duration = Duration::from_millis(100);
const SHORT: (&str, &str) = ("KUMIKO_CPU_MILLISECONDS", "100");

/// How far past its deadline a call may end.
const TWO_TICKS: Duration = Duration::from_millis(20);

/// Whether lines of the level `trace` are wanted: nobody wants them of a description, a client may want them of a call.
pub(super) const WATCHED: &str =
    r#"(import "kumiko:host/log@1.0.0" "enabled" (func $enabled (param i32) (result i32)))"#;

/// At this level the server's own log wants no trace lines, so that it is the client who does or does not.
pub(super) const QUIET: (&str, &str) = ("KUMIKO_LOG_LEVEL", "warn");

/// A plugin whose start loops when somebody wants its trace lines.
const LOOPS_IN_START: Hostile<'_> = Hostile {
    name: "loops_in_start",
    tools: &["loop_in_start"],
    imports: WATCHED,
    module: "(func $start (if (call $enabled (i32.const 0)) (then (loop $ever (br $ever))))) (start $start)",
    pages: 2,
    describe: "",
    call: "(call $done)",
    realloc: "(i32.const 65536)",
};

fn overruns(session: &mut Session, tool: &str) -> Vec<Duration> {
    (0..times(200))
        .map(|_| {
            let began = Instant::now();
            let result = session.call(tool, json!({}));
            assert_eq!(code(&result), "cpu_time_limit", "{tool}: {result}");
            began.elapsed().saturating_sub(DEADLINE)
        })
        .collect()
}

#[test]
fn g1_a_loop_is_ended_wherever_it_is() {
    let place = Place::with_plugins(&["unruly", "hello"]);
    LOOPS_IN_START.install(&place);
    Hostile {
        name: "loops_in_realloc",
        tools: &["loop_in_realloc"],
        realloc: "(loop $ever (br $ever)) unreachable",
        ..Hostile::default()
    }
    .install(&place);
    let mut row = Row::new("G1", format!("infinite loop, ×{}", times(200)));
    let mut session = session(&place, &[SHORT, QUIET]);
    assert!(is_well(&session.call("loop_in_start", json!({}))), "nobody wants its trace lines yet");
    for tool in ["spin", "spin_through_calls", "loop_in_start", "loop_in_realloc"] {
        let level = if tool == "loop_in_start" { "debug" } else { "info" };
        session.request("logging/setLevel", json!({ "level": level }));
        let mut over = overruns(&mut session, tool);
        row.at_most(&format!("{tool}: past the deadline, p99"), quantile(&mut over, 0.99), TWO_TICKS);
        row.at_most(&format!("{tool}: past the deadline, most"), quantile(&mut over, 1.0), Duration::from_millis(50));
    }
    session.request("logging/setLevel", json!({ "level": "info" }));
    assert!(is_well(&session.call("loop_in_start", json!({}))), "the plugin still works");
    assert!(is_well(&session.call("greet", json!({ "name": "Ada" }))));
}

#[test]
fn g1_a_loop_that_nobody_can_describe_is_refused_and_the_earlier_version_serves() {
    let place = Place::new();
    Hostile::default().install(&place);
    let server = server(&place, &[SHORT]);
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&call(&mut connection, "hostile", &json!({}))));
    let endless = "(loop $ever (br $ever))";
    let start = format!("(func $start {endless}) (start $start)");
    for (version, (module, describe)) in [(start.as_str(), ""), ("", endless)].into_iter().enumerate() {
        Hostile { module, describe, ..Hostile::default() }.install(&place);
        let words = ["plugin refused", "describe_failed", "\"earlier_serves\":true", "processor time"];
        logged(&server, version + 1, &words);
        assert!(is_well(&call(&mut connection, "hostile", &json!({}))));
    }
}

#[test]
fn g2_healthy_calls_go_on_beside_looping_ones() {
    const LOOPS: usize = 64;
    let place = Place::with_plugins(&["unruly", "hello"]);
    let limit = if in_full() { "300" } else { "100" };
    let server = server(&place, &[("KUMIKO_CPU_MILLISECONDS", limit), ("TOKIO_WORKER_THREADS", "4")]);
    let mut row = Row::new("G2", format!("{LOOPS} looping calls at once"));
    let mut connection = HttpConnection::open(server.url());
    let mut healthy = |calls: usize| -> (Vec<Duration>, usize) {
        let mut failures = 0;
        let durations = (0..calls)
            .map(|_| {
                let began = Instant::now();
                failures += usize::from(!is_well(&greet(&mut connection)));
                began.elapsed()
            })
            .collect();
        (durations, failures)
    };
    let (mut alone, failures) = healthy(200);
    assert_eq!(failures, 0);
    let stop = Arc::new(AtomicBool::new(false));
    let loops: Vec<_> = (0..LOOPS)
        .map(|_| {
            let (url, stop) = (server.url().to_owned(), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut connection = HttpConnection::open(&url);
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(code(&call(&mut connection, "spin", &json!({}))), "cpu_time_limit");
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let (mut beside, mut failures) = (Vec::new(), 0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(if in_full() { 60 } else { 4 }) {
        let (duration, failure) = healthy(1);
        beside.extend(duration);
        failures += failure;
    }
    stop.store(true, Ordering::Relaxed);
    for each in loops {
        each.join().unwrap();
    }
    let calls = beside.len();
    row.none(&format!("failures of {calls} healthy calls"), failures);
    let target = quantile(&mut alone, 0.99) * 2;
    row.at_most("healthy calls, median", quantile(&mut beside, 0.5), quantile(&mut alone, 0.5) * 2);
    row.at_most("healthy calls, p99", quantile(&mut beside, 0.99), target);
}

#[test]
fn g7_a_flood_of_host_calls_meets_the_limits_of_its_call() {
    const LOG_LIMIT: usize = 64 * 1024;
    let limit = Duration::from_millis(500);
    let place = Place::with_plugins(&["unruly", "hello"]);
    let mut server = server(&place, &[("KUMIKO_CPU_MILLISECONDS", "500")]);
    let mut connection = HttpConnection::open(server.url());
    let mut row = Row::new("G7", "host-call flood, processor time 500 ms");
    let mut flood = |tool: &str, arguments: Value| {
        let began = Instant::now();
        (call(&mut connection, tool, &arguments), began.elapsed())
    };
    // Starts the table engine.
    flood("hold_frames", json!({ "amount": 1 }));
    let baseline = Baseline::of(server.process());

    let (result, took) = flood("flood_host", json!({ "amount": 10_000_000 }));
    assert!(result["structuredContent"]["value"] == 10_000_000 || code(&result) == "cpu_time_limit", "{result}");
    row.at_most("10 million calls that do nothing", took, limit + TWO_TICKS);
    let (result, took) = flood("flood_host", json!({ "amount": u64::MAX }));
    assert_eq!(code(&result), "cpu_time_limit", "{result}");
    row.at_most("calls without end", took, limit + TWO_TICKS);
    let (result, took) = flood("draw_random", json!({ "amount": u64::MAX }));
    // The host either charges for so many bytes or gives fewer at once.
    assert!(matches!(code(&result), "cpu_time_limit" | "plugin_trapped"), "{result}");
    row.at_most("32 MiB of randomness without end", took, limit + TWO_TICKS);
    let (result, _) = flood("hold_frames", json!({ "amount": 10_000 }));
    row.figure("10,000 open frames", code(&result), "too_many_handles", code(&result) == "too_many_handles");
    assert_eq!(code(&result), "too_many_handles", "{result}");

    let before = server.log().len();
    for (amount, length) in [(times(1_000_000), 1_000), (times(1_024), 1 << 20)] {
        let (result, took) = flood("flood_log", json!({ "amount": amount, "length": length }));
        assert!(result["structuredContent"]["value"] == amount || code(&result) == "cpu_time_limit", "{result}");
        row.at_most(&format!("{amount} lines of {length} bytes"), took, limit + TWO_TICKS);
    }
    assert!(is_well(&greet(&mut connection)));
    baseline.is_back(&mut row, 0);
    assert!(server.stop().success());
    // The lines of two calls, each with as much around it as a line of JSON takes.
    let written = server.log().len() - before;
    let most = 4 * LOG_LIMIT;
    row.figure("log of both calls", format_args!("{} KiB", written / 1024), "≤ 256 KiB", written <= most);
    assert!(written <= most, "{written} bytes of log");
}
