//! G6: a storm of traps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kumiko_tests::faults::{Row, times};
use kumiko_tests::{HttpConnection, Place};
use serde_json::json;

use super::{Baseline, call, code, greet, is_well, metric, server};
use crate::hostile::Hostile;

/// Clients that call at once.
const CLIENTS: usize = 4;

#[test]
fn g6_a_storm_of_traps_leaves_nothing_and_opens_the_breaker() {
    /// Calls of each plugin, and how many of them trap before it is held off.
    const CALLS: usize = 25;
    const TRAPS: usize = 5;
    let place = Place::with_plugins(&["hello"]);
    let plugins = times(10_000) / CALLS;
    for plugin in 0..plugins {
        let name = format!("trap_{plugin}");
        Hostile { name: &name, tools: &[&name], call: "unreachable", ..Hostile::default() }.install(&place);
    }
    let mut row = Row::new("G6", format!("trap storm, ×{}", plugins * CALLS));
    let server = server(&place, &[]);
    let mut healthy = HttpConnection::open(server.url());
    assert!(is_well(&greet(&mut healthy)));
    let baseline = Baseline::of(server.process());
    let over = Arc::new(AtomicBool::new(false));
    let beside = std::thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let (mut calls, mut failures) = (0_usize, 0_usize);
            while !over.load(Ordering::Relaxed) {
                calls += 1;
                failures += usize::from(!is_well(&greet(&mut healthy)));
            }
            (calls, failures)
        }
    });
    let storm: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let url = server.url().to_owned();
            std::thread::spawn(move || {
                let mut connection = HttpConnection::open(&url);
                let mut astray = 0_usize;
                for plugin in (client..plugins).step_by(CLIENTS) {
                    let tool = format!("trap_{plugin}");
                    for number in 0..CALLS {
                        let result = call(&mut connection, &tool, &json!({}));
                        let expected = if number < TRAPS { "plugin_trapped" } else { "plugin_held_off" };
                        astray += usize::from(code(&result) != expected);
                    }
                }
                astray
            })
        })
        .collect();
    let astray = storm.into_iter().map(|client| client.join().unwrap()).sum();
    over.store(true, Ordering::Relaxed);
    let (calls, failures) = beside.join().unwrap();
    row.none(&format!("plugins that were not held off after {TRAPS} traps, by their calls"), astray);
    row.none(&format!("failures of {calls} healthy calls"), failures);
    baseline.is_back(&mut row, 0);
    row.none("calls that still run", metric(&server, "kumiko_tool_calls_running") as usize);
    row.none("bytes of guests that still live", metric(&server, "kumiko_guest_memory_bytes") as usize);
    // As many at once as there are places for.
    let all: Vec<_> = (0..64)
        .map(|_| {
            let url = server.url().to_owned();
            std::thread::spawn(move || is_well(&greet(&mut HttpConnection::open(&url))))
        })
        .collect();
    row.none("places lost", all.into_iter().filter_map(|call| (!call.join().unwrap()).then_some(())).count());
}
