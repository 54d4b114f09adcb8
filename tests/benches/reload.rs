//! How soon a plugin that was dropped is announced: the time from the renaming of a component into the plugin folder to
//! `tools/list_changed` at a client, for two components whose machine code is in the compile cache, so that what is measured is what
//! the server adds to compiling.
//!
//! `cargo xtask bench reload`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

use std::fs;
use std::time::Instant;

use kumiko_tests::{Place, Session, component};

/// Replacements that are timed.
const RELOADS: usize = 40;

fn main() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    assert_eq!(session.tool_names(), ["greet"]);
    let versions = ["hello_again", "hello"].map(|name| fs::read(component(name)).unwrap());
    // The first of each fills the cache.
    let mut times: Vec<f64> = (0..RELOADS + 2)
        .map(|reload| {
            let incoming = place.plugins().join(".incoming");
            fs::write(&incoming, &versions[reload % 2]).unwrap();
            session.unread();
            let began = Instant::now();
            fs::rename(&incoming, place.plugins().join("hello.wasm")).unwrap();
            session.notification("notifications/tools/list_changed");
            began.elapsed().as_secs_f64() * 1e3
        })
        .skip(2)
        .collect();
    times.sort_by(f64::total_cmp);
    println!("from a component of {} KB to list_changed, compiled before, {RELOADS} times:", versions[1].len() / 1_000);
    println!("median {:.0} ms, longest {:.0} ms (target 400)", times[times.len() / 2], times[times.len() - 1]);
}
