//! C5: components that are too much: for the reader, for the compiler, for the memory.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, in_full};
use kumiko_tests::process::peak_memory_of;
use kumiko_tests::{HttpServer, Place};
use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection, ValType};

use crate::made::{edition, of_module, padded, with_module};
use crate::watched::{Beside, Event, Watched, at_rest, edition_of, put};

/// How long calls beside are listened to at least, in full size.
const LISTENED: Duration = Duration::from_secs(5);

/// What compiling may take.
const TIME: Duration = Duration::from_secs(30);
/// And in memory.
const MEMORY: u64 = 1 << 30;
/// What the server itself may take for a file that it does not load.
const READING: u64 = 128 << 20;

/// A module of so many functions, each made by `body`.
fn functions(count: u32, parameters: usize, body: impl Fn(u32) -> Function) -> Vec<u8> {
    let (mut types, mut section, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function(vec![ValType::I32; parameters], [ValType::I32]);
    for number in 0..count {
        section.function(0);
        code.function(&body(number));
    }
    let mut module = Module::new();
    module.section(&types).section(&section).section(&code);
    module.finish()
}

/// A jump table of this size over so many nested blocks.
fn jumps(blocks: u32, targets: u32) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    for _ in 0..blocks {
        code.block(wasm_encoder::BlockType::Empty);
    }
    let table: Vec<u32> = (0..targets).map(|target| target.wrapping_mul(7_919) % blocks).collect();
    code.local_get(0).br_table(table, 0);
    for block in 0..blocks {
        code.end().local_get(0).i32_const(i32::try_from(block).unwrap()).i32_add().local_set(0);
    }
    code.local_get(0).end();
    body
}

/// So many locals, all alive through a long row of loops.
fn locals(count: u32, loops: u32) -> Function {
    let mut body = Function::new([(count, ValType::I32)]);
    let mut code = body.instructions();
    for number in 0..loops {
        let (one, other) = (1 + number.wrapping_mul(31) % count, 1 + number.wrapping_mul(17) % count);
        code.loop_(wasm_encoder::BlockType::Empty).local_get(one).local_get(other).i32_add().local_tee(one);
        code.br_if(0).end();
    }
    code.local_get(1).end();
    body
}

/// One value computed from the one before in so many steps, all of them needed at the end.
fn chain(length: u32) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    for _ in 0..length {
        code.local_get(0).local_get(0).i32_mul();
    }
    for _ in 1..length {
        code.i32_xor();
    }
    code.end();
    body
}

/// Follows the memory of the process that compiles for a server.
struct Compiling {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
}

impl Compiling {
    fn of(server: u32) -> Self {
        let (stop, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, seen) = (Arc::clone(&stop), Arc::clone(&most));
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let tasks = fs::read_dir(format!("/proc/{server}/task")).into_iter().flatten().flatten();
                for task in tasks {
                    let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                    for child in children.split_whitespace() {
                        let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
                        seen.fetch_max(field(&status, "VmHWM:"), Ordering::Relaxed);
                    }
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, most }
    }

    fn most(&self) -> u64 {
        self.most.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Compiling {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A figure of a process in bytes.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// A component, with the code of its refusal where there is only one.
type Case = (&'static str, Vec<u8>, Option<&'static str>);

/// Large, and soon dealt with.
fn large() -> Vec<Case> {
    let base = edition("heavy", 2);
    let smaller = if in_full() { 1 } else { 4 };
    let tiny = |_| {
        let mut body = Function::new([]);
        body.instructions().local_get(0).end();
        body
    };
    let plain = functions(1, 1, tiny);
    let many = with_module(&base, &functions(100_000 / smaller, 1, tiny));
    let jumping = with_module(&base, &functions(4 / smaller, 1, |_| jumps(1_000, 200_000 / smaller)));
    vec![
        ("core module", plain.clone(), Some("core_module")),
        ("core module in a component", of_module(&plain), Some("no_tools_export")),
        ("33 MiB", padded(&base, 33 << 20), Some("component_too_large")),
        ("a million locals", with_module(&base, &functions(1, 1, |_| locals(1_000_000, 10))), Some("compile_failed")),
        ("100,000 functions", many, None),
        ("huge jump tables", jumping, None),
    ]
}

/// Made to defeat the compiler.
fn bombs() -> Vec<Case> {
    let base = edition("heavy", 2);
    let (smaller, larger) = if in_full() { (1, 4) } else { (4, 1) };
    let looping = functions(larger, 1, |_| locals(49_000, 40_000 / smaller));
    vec![
        ("50,000 locals in loops", with_module(&base, &looping), None),
        ("one long expression", with_module(&base, &functions(larger, 1, |_| chain(400_000 / smaller))), None),
    ]
}

/// The 99th percentile of calls beside bytes that are written where the server does not look.
fn elsewhere(place: &Place, server: &HttpServer, bytes: &[u8]) -> Duration {
    let beside = Beside::greeting(server);
    fs::write(place.files().join("elsewhere"), bytes).unwrap();
    thread::sleep(LISTENED);
    beside.end().p99()
}

/// Puts each over a plugin that serves, and holds what happens against the limits.
fn judged(row: &mut Row, cases: Vec<Case>) {
    let place = Place::with_plugins(&["hello"]);
    put(&place, "heavy.wasm", &edition("heavy", 1));
    let mut watched = Watched::start(&place);
    watched.events();
    let rest = at_rest(&watched.server);
    let (mut connection, compiling) = (watched.connection(), Compiling::of(watched.server.process()));
    let mut beyond = Vec::new();
    for (what, bytes, code) in cases {
        // Writing so many bytes takes its share of a small machine, wherever they go.
        let written = if in_full() { elsewhere(&place, &watched.server, &bytes) } else { rest };
        let beside = Beside::greeting(&watched.server);
        let before = peak_memory_of(watched.server.process());
        compiling.most();
        put(&place, "heavy.wasm", &bytes);
        let began = Instant::now();
        let verdict = watched.wait(1, |event| !matches!(event, Event::Removed { .. })).pop().unwrap();
        let took = began.elapsed();
        // Of the calls of some milliseconds the slowest is as good as their 99th percentile.
        thread::sleep(if in_full() { LISTENED.saturating_sub(took) } else { Duration::ZERO });
        let (mut heard, memory) = (beside.end(), compiling.most());
        row.at_most(&format!("{what}: verdict"), took, TIME);
        row.figure(&format!("{what}: memory of the compiler"), memory, MEMORY, memory <= MEMORY);
        let reading = peak_memory_of(watched.server.process()).saturating_sub(before);
        row.figure(&format!("{what}: memory of the server"), reading, READING, reading <= READING);
        row.none(&format!("{what}: failed calls meanwhile"), heard.failed.len());
        row.at_most(&format!("{what}: p99 of calls meanwhile"), heard.p99(), 2 * rest.max(written));
        // A process that is stopped for its time stops a little later.
        if memory > MEMORY || took > TIME + TIME / 2 {
            beyond.push(format!("{what}: {memory} bytes and {took:?}"));
        }
        match (&verdict, code) {
            (Event::Refused { code, .. }, Some(expected)) => assert_eq!(code, expected, "{what}"),
            (Event::Refused { .. } | Event::Loaded { .. }, None) => {}
            (other, _) => panic!("{what}: {other:?}"),
        }
        // What is valid and can be compiled in time may serve.
        let serves = if matches!(verdict, Event::Loaded { .. }) { 2 } else { 1 };
        assert_eq!(edition_of(&mut connection, "heavy"), Some(serves), "{what}");
        if serves == 2 {
            put(&place, "heavy.wasm", &edition("heavy", 1));
            watched.wait(1, |event| matches!(event, Event::Loaded { .. }));
        }
    }
    watched.end();
    assert!(beyond.is_empty(), "{beyond:#?}");
}

#[test]
fn c5_a_component_that_is_too_large_is_dealt_with_off_the_way_of_calls() {
    judged(&mut Row::new("C5", "core module, 33 MiB, 100 k functions, jump tables"), large());
}

#[test]
fn c5_a_component_that_defeats_the_compiler_is_refused_within_time_and_memory() {
    judged(&mut Row::new("C5", "compile bombs"), bombs());
}

#[test]
fn c5_a_file_far_too_large_is_not_read() {
    let mut row = Row::new("C5", "a sparse file of 1 GiB");
    let place = Place::with_plugins(&["hello"]);
    let mut watched = Watched::start(&place);
    watched.events();
    let before = peak_memory_of(watched.server.process());
    let file = fs::File::create(place.plugins().join(".huge")).unwrap();
    file.set_len(1 << 30).unwrap();
    fs::rename(place.plugins().join(".huge"), place.plugins().join("huge.wasm")).unwrap();
    let verdict = watched.wait(1, |event| matches!(event, Event::Refused { .. })).pop().unwrap();
    let reading = peak_memory_of(watched.server.process()).saturating_sub(before);
    row.figure("memory of the server", reading, READING, reading <= READING);
    assert!(reading <= READING, "{reading} bytes for a file that cannot be a plugin");
    assert!(matches!(&verdict, Event::Refused { code, .. } if code == "component_too_large"), "{verdict:?}");
    watched.end();
}
