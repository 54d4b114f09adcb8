//! R4: many plugins changed at once.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::Place;
use kumiko_tests::faults::{Row, times};

use crate::made::edition;
use crate::watched::{Beside, PATIENCE, Watched, at_rest, edition_of};

/// What being live may take without compiling.
const LIVE: Duration = Duration::from_secs(5);

#[test]
fn r4_many_plugins_changed_at_once_are_all_live_soon() {
    let count = times(200);
    let mut row = Row::new("R4", format!("{count} plugins changed at once"));
    let place = Place::with_plugins(&["hello"]);
    let names: Vec<String> = (0..count).map(|number| format!("many{number}")).collect();
    let check_out = |number: usize| {
        let files: Vec<_> =
            names.iter().map(|name| (place.plugins().join(format!("{name}.wasm")), edition(name, number))).collect();
        for (path, bytes) in files {
            let _ = fs::remove_file(&path);
            fs::write(path, bytes).unwrap();
        }
    };
    check_out(1);
    let mut watched = Watched::start(&place);
    let rest = at_rest(&watched.server);
    let mut connection = watched.connection();
    let beside = Beside::greeting(&watched.server);
    let mut live = |number: usize| {
        check_out(number);
        let began = Instant::now();
        for name in &names {
            while edition_of(&mut connection, name) != Some(number) {
                assert!(began.elapsed() < PATIENCE, "{name} is not live: {}", watched.told());
                thread::sleep(Duration::from_millis(5));
            }
        }
        began.elapsed()
    };
    let compiling = live(2);
    let compiled = live(1);
    watched.events();
    let mut heard = beside.end();
    row.figure("live, compiling", format_args!("{compiling:.1?}"), "as long as that takes", true);
    row.at_most("live, already compiled", compiled, LIVE);
    row.none("failed calls of another plugin", heard.failed.len());
    row.at_most("p99 of calls of another plugin", heard.p99(), 2 * rest);
    watched.end();
}
