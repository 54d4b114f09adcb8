//! G3, G5, G11: guests that take too much memory, return too much, or fail while they come into being.

use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, quantile, times};
use kumiko_tests::process::{memory_of, peak_memory_of};
use kumiko_tests::{HttpConnection, HttpServer, Place};
use serde_json::{Value, json};

use super::processor::{QUIET, WATCHED};
use super::waiting::{Deaf, reaching};
use super::{Baseline, MEBIBYTE, call, code, greet, is_well, logged, server, session};
use crate::hostile::{DATA, HEAP, Hostile, RETURN, quoted};

/// Memory of one call.
const LIMIT: u64 = 128 * MEBIBYTE;

/// What a guest's crossing into the host may move, in bytes.
const CROSSING: u64 = 80 * MEBIBYTE;

/// Tools that each ask for too much and trap once it is refused; they answer where it is granted.
const BOMBS: Hostile<'_> = Hostile {
    name: "bombs",
    tools: &["whole", "creeping", "entries"],
    imports: "",
    module: "(table $entries 0 funcref)",
    pages: 2,
    describe: "",
    // What was granted is written to, so that it counts.
    call: "
    (if (i32.eq (local.get $tool_length) (i32.const 5)) (then
        (br_if 0 (i32.ne (memory.grow (i32.const 65533)) (i32.const -1)))
        unreachable))
    (if (i32.eq (local.get $tool_length) (i32.const 8)) (then
        (loop $more
            (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
            (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4096)) (i32.const 1))
            (br_if $more (i32.le_u (memory.size) (i32.const 2048))))))
    (if (i32.eq (local.get $tool_length) (i32.const 7)) (then
        (if (i32.eq (table.grow $entries (ref.null func) (i32.const 10000000)) (i32.const -1)) (then unreachable))))
    (call $done)",
    realloc: "(i32.const 65536)",
};

#[test]
fn g3_memory_bombs_are_stopped_at_the_limit() {
    const CLIENTS: usize = 4;
    let place = Place::with_plugins(&["unruly", "hello"]);
    BOMBS.install(&place);
    let server = server(&place, &[]);
    let mut row = Row::new("G3", format!("memory bombs, ×{}", times(200)));
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&greet(&mut connection)));
    let before = memory_of(server.process());
    let bombs = [
        ("whole", "memory_limit"),
        ("creeping", "memory_limit"),
        ("hoard", "memory_limit"),
        ("entries", "table_limit"),
    ];
    let mut baseline = None;
    for (bomb, expected) in bombs {
        let throwing: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let url = server.url().to_owned();
                std::thread::spawn(move || {
                    let mut connection = HttpConnection::open(&url);
                    for _ in 0..times(200).div_ceil(CLIENTS) {
                        let result = call(&mut connection, bomb, &json!({}));
                        assert_eq!(code(&result), expected, "{bomb}: {result}");
                    }
                })
            })
            .collect();
        for each in throwing {
            each.join().unwrap();
        }
        assert!(is_well(&greet(&mut connection)), "after {bomb}");
        // The first bomb makes the server warm: the pool keeps some memory of a slot for the next call.
        baseline.get_or_insert_with(|| Baseline::of(server.process()));
    }
    let (peak, most) = (peak_memory_of(server.process()) - before, CLIENTS as u64 * LIMIT + 64 * MEBIBYTE);
    row.figure(
        &format!("peak above the baseline, {CLIENTS} at once"),
        format_args!("{} MiB", peak / MEBIBYTE),
        format_args!("≤ {} MiB", most / MEBIBYTE),
        peak <= most,
    );
    assert!(peak <= most, "{peak} bytes");
    baseline.unwrap().is_back(&mut row, 0);
}

#[test]
fn g3_fifty_memories_and_huge_tables_are_refused_when_the_plugin_is_loaded() {
    let place = Place::new();
    Hostile::default().install(&place);
    let server = server(&place, &[]);
    let mut connection = HttpConnection::open(server.url());
    let fifty = "(memory 100)".repeat(49);
    // What is too much, and the word for it in the reason.
    let declared = [
        (fifty.as_str(), 0, "memor"),
        ("", 50, "instances"),
        ("(memory 1100) (memory 1100)", 0, "memor"),
        ("(memory 65536)", 0, "memor"),
        ("(table 10000000 funcref)", 0, "table"),
    ];
    for (version, (module, instances, word)) in declared.into_iter().enumerate() {
        Hostile { module, ..Hostile::default() }.install_with_memories(&place, instances, 1);
        logged(&server, version + 1, &["plugin refused", "\"earlier_serves\":true"]);
        let log = server.log();
        let reason = log.lines().rfind(|line| line.contains("plugin refused")).unwrap();
        assert!(is_well(&call(&mut connection, "hostile", &json!({}))), "after {reason}");
        assert!(reason.contains(word), "no reason: {reason}");
    }
}

#[test]
fn g3_the_memories_of_a_call_count_together() {
    let place = Place::new();
    // Twice 44 MiB are within the limit of a call, three times are not.
    let pages = 700;
    Hostile::default().install_with_memories(&place, 2, pages);
    let server = server(&place, &[]);
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&call(&mut connection, "hostile", &json!({}))));
    Hostile::default().install_with_memories(&place, 3, pages);
    logged(&server, 1, &["plugin refused", "\"earlier_serves\":true", "bytes of memory"]);
    assert!(is_well(&call(&mut connection, "hostile", &json!({}))));
}

/// Installs guests that return, or hand to the host, more than it takes: what it is, and the tool.
fn install_huge(place: &Place) -> [(&'static str, &'static str); 5] {
    let grown = "(drop (memory.grow (i32.const 1800)))";
    let text = |bytes: u64| format!("{grown} (call $answer (i32.const {HEAP}) (i32.const {bytes}))");
    // An answer whose content is as many empty texts as fit: 80 bytes each, and all of them nought is a text.
    let blocks = format!(
        "{grown} (local.set $i (call $done)) (i32.store offset=24 (local.get $i) (i32.const {HEAP}))
         (i32.store offset=28 (local.get $i) (i32.const 1400000)) (local.get $i)"
    );
    let headers = format!(
        "{grown} (call $send (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {HEAP}) (i32.const 5000000)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {RETURN}))
         (call $done)"
    );
    let json = format!("{}1{}", "{\"a\":".repeat(1_000), "}".repeat(1_000));
    let data = format!("(data (i32.const {DATA}) \"{}\")", quoted(json.as_bytes()));
    let nested = format!("(call $answer (i32.const {DATA}) (i32.const {}))", json.len());
    let send = "(import \"kumiko:host/http@1.0.0\" \"send\" (func $send
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))";
    let install = |name: &str, imports: &str, module: &str, call: &str| {
        Hostile { name, tools: &[name], imports, module, call, ..Hostile::default() }.install(place);
    };
    install("text", "", "", &text(100 * MEBIBYTE));
    install("nearly", "", "", &text(CROSSING - MEBIBYTE));
    install("blocks", "", "", &blocks);
    install("headers", send, "", &headers);
    install("nested", "", &data, &nested);
    [
        ("100 MiB of text", "text"),
        ("79 MiB of text", "nearly"),
        ("1.4 million empty blocks", "blocks"),
        ("5 million empty headers", "headers"),
        ("1,000 objects in each other", "nested"),
    ]
}

#[test]
fn g5_huge_results_are_refused_before_the_host_makes_room_for_them() {
    let place = Place::with_plugins(&["hello"]);
    let huge = install_huge(&place);
    let mut row = Row::new("G5", "huge results");
    let server = server(&place, &[]);
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&greet(&mut connection)));
    let mut refused = Vec::new();
    for (what, tool) in huge {
        let before = peak_memory_of(server.process());
        let mut durations = Vec::new();
        for _ in 0..4 {
            let began = Instant::now();
            let result = call(&mut connection, tool, &json!({}));
            durations.push(began.elapsed());
            assert_eq!(result["isError"], true, "{what}: {result}");
            refused.push((what, tool, result["_meta"]["kumiko/fault"].clone()));
        }
        row.at_most(&format!("{what}: refused, most"), quantile(&mut durations, 1.0), Duration::from_millis(100));
        let (more, most) = (peak_memory_of(server.process()).saturating_sub(before), 2 * CROSSING);
        row.figure(
            &format!("{what}: the host's peak"),
            format_args!("+{} MiB", more / MEBIBYTE),
            format_args!("≤ {} MiB", most / MEBIBYTE),
            more <= most,
        );
        assert!(more <= most, "{what}: {more} bytes");
        assert!(is_well(&greet(&mut connection)), "after {what}");
    }
    for (what, tool, fault) in refused {
        // A result that cannot be read is a defect of the plugin; one that is too large ran into a limit.
        let told = if tool == "nested" { fault["code"] == "result_invalid" } else { fault["kind"] == "stopped" };
        assert!(told, "{what}: {fault}");
    }
}

#[test]
fn g5_a_description_of_ten_million_texts_is_refused() {
    let place = Place::new();
    Hostile::default().install(&place);
    let server = server(&place, &[]);
    let mut connection = HttpConnection::open(server.url());
    let before = peak_memory_of(server.process());
    // The aliases lie 8 bytes into the record, which is the last of what a description consists of.
    let describe = format!(
        "(drop (memory.grow (i32.const 1800))) (i32.const {RETURN})
         (i32.store offset=8 (i32.const {RETURN}) (i32.const {HEAP}))
         (i32.store offset=12 (i32.const {RETURN}) (i32.const 10000000)) return"
    );
    Hostile { describe: &describe, ..Hostile::default() }.install(&place);
    logged(&server, 1, &["plugin refused", "describe_failed", "\"earlier_serves\":true"]);
    assert!(peak_memory_of(server.process()) - before <= 2 * CROSSING);
    assert!(is_well(&call(&mut connection, "hostile", &json!({}))));
}

/// Leaves a trace wherever it can write, looks for anybody's, or traps half-way into being.
fn canary<'a>(name: &'a str, tools: &'a [&'a str]) -> Hostile<'a> {
    Hostile {
        name,
        tools,
        imports: WATCHED,
        module: "
(table $entries 100 funcref)
(global $mark (mut i64) (i64.const 0))
(func $marked)
(elem declare func $marked)
(func $start (if (call $enabled (i32.const 0)) (then (call $fill) unreachable)))
(start $start)
(func $fill
    (drop (memory.grow (i32.const 64)))
    (memory.fill (i32.const 65536) (i32.const 0xca) (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536)))
    (global.set $mark (i64.const -1))
    (table.fill $entries (i32.const 0) (ref.func $marked) (i32.const 100)))
(func $look (local $at i32)
    (if (i64.ne (global.get $mark) (i64.const 0)) (then unreachable))
    (loop $entry
        (if (i32.eqz (ref.is_null (table.get $entries (local.get $at)))) (then unreachable))
        (br_if $entry (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 100))))
    (drop (memory.grow (i32.const 96)))
    (local.set $at (i32.const 131072))
    (loop $word
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
        (br_if $word (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8)))
                               (i32.mul (memory.size) (i32.const 65536))))))",
        pages: 16,
        describe: "",
        // The tool with the longer name looks. What the host hands over lies in the second page alone.
        call: "
    (if (i32.gt_u (local.get $tool_length) (i32.const 6)) (then (call $look)) (else (call $fill)))
    (call $done)",
        realloc: "(i32.const 65536)",
    }
}

#[test]
fn g11_instances_that_fail_half_way_leave_nothing_behind() {
    // A plugin is held off once five of its instances have failed, so no copy fails more often than four times.
    const EACH: usize = 4;
    let place = Place::with_plugins(&["hello"]);
    let copies: Vec<_> = (0..times(1_000).div_ceil(EACH)).map(|copy| format!("f{copy}")).collect();
    let looking: Vec<_> = copies.iter().map(|copy| format!("look_at_{copy}")).collect();
    for (copy, look) in copies.iter().zip(&looking) {
        canary(copy, &[copy, look]).install(&place);
    }
    let mut session = session(&place, &[QUIET]);
    let mut row = Row::new("G11", format!("instances that fail half-way, ×{}", times(1_000)));
    let mut unwell = 0;
    for copy in &copies {
        assert!(is_well(&session.call(copy, json!({}))));
        session.request("logging/setLevel", json!({ "level": "debug" }));
        for _ in 0..EACH {
            let result = session.call(copy, json!({}));
            assert_eq!(code(&result), "plugin_trapped", "{result}");
        }
        session.request("logging/setLevel", json!({ "level": "info" }));
        for look in [&looking[0], looking.last().unwrap()] {
            unwell += usize::from(!is_well(&session.call(look, json!({}))));
        }
    }
    for look in looking.iter().cycle().take(times(1_000)) {
        unwell += usize::from(!is_well(&session.call(look, json!({}))));
    }
    row.none(&format!("of {} instances after it, failed or with another's memory", times(1_000)), unwell);
}

#[test]
fn g11_instances_for_which_no_memory_is_left_leave_nothing_behind() {
    const HELD: usize = 5;
    let place = Place::with_plugins(&["unruly", "hello"]);
    // Its memory is refused once the instances before it, by which its imports are linked, are there.
    Hostile { name: "large", tools: &["large"], imports: WATCHED, pages: 1_900, ..Hostile::default() }.install(&place);
    let deaf = Deaf::listen();
    // Five of these leave less than 100 MiB of what all calls may have together.
    let server = reaching(&place, &deaf, "limits = { memory_bytes = 419430400, wall_milliseconds = 600000 }");
    let mut row = Row::new("G11", format!("instances without memory left, ×{}", times(1_000)));
    let mut connection = HttpConnection::open(server.url());
    assert!(is_well(&call(&mut connection, "large", &json!({}))));
    let baseline = Baseline::of(server.process());
    let holding: Vec<_> = (0..HELD).map(|_| hold(&server, &deaf)).collect();
    deaf.wait_for(HELD);
    for _ in 0..times(1_000) {
        let result = call(&mut connection, "large", &json!({}));
        assert_eq!(code(&result), "host_memory", "{result}");
        assert!(is_well(&greet(&mut connection)), "a small one still fits");
    }
    drop(holding);
    let began = Instant::now();
    while !is_well(&call(&mut connection, "large", &json!({}))) {
        assert!(began.elapsed() < Duration::from_secs(10), "the memory of cancelled calls does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    let unwell = (0..times(1_000)).filter(|_| !is_well(&call(&mut connection, "large", &json!({})))).count();
    row.none(&format!("failures of {} instances after it", times(1_000)), unwell);
    baseline.is_back(&mut row, 0);
}

/// A call that holds 390 MiB until its connection goes.
fn hold(server: &HttpServer, deaf: &Deaf) -> HttpConnection {
    let mut connection = HttpConnection::open(server.url());
    let arguments: Value = json!({ "url": deaf.url(), "hold": 390 * MEBIBYTE });
    connection.ask("wait_for_peer", &arguments);
    connection
}
