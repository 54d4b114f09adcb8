//! R6: the process is killed in the middle.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::Place;
use kumiko_tests::faults::{Row, times};
use serde_json::json;

use crate::made::edition;
use crate::watched::{Event, Numbers, Watched, edition_of, put};

#[test]
fn r6_an_installation_that_is_killed_leaves_the_old_plugin_or_the_new_one() {
    let kills = times(200);
    let mut row = Row::new("R6", format!("kill -9 at {kills} random points of `plugin add`"));
    let (place, mut numbers) = (Place::new(), Numbers::new(6));
    let source = place.files().join("killed.wasm");
    let add = || {
        let mut command = place.kumiko();
        command.args(["plugin", "add"]).arg(&source).arg("--yes").stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // The first one finds nothing made ready; the second one shows how long it takes.
    let mut whole = Duration::ZERO;
    for first in [1_000_001, 0] {
        fs::write(&source, edition("killed", first)).unwrap();
        let began = Instant::now();
        assert!(add().status().unwrap().success());
        whole = began.elapsed();
    }
    let (mut installed, mut kept, mut replaced) = (0, 0, 0);
    for kill in 1..=kills {
        fs::write(&source, edition("killed", kill)).unwrap();
        let mut child = add().spawn().unwrap();
        // Most of the time goes by before anything is written: half of the kills fall into the last tenth and what may follow it.
        let share = if kill % 2 == 0 { numbers.below(100) } else { 85 + numbers.below(25) };
        thread::sleep(whole.mul_f64(share as f64 / 100.0));
        let _ = child.kill();
        let _ = child.wait();
        let (code, result) = place.call("killed", &json!({}));
        let serves = result["structured"]["edition"].as_u64().and_then(|number| usize::try_from(number).ok());
        assert_eq!(code, 0, "after kill {kill} at {share} %: {result}");
        assert!(
            serves == Some(installed) || serves == Some(kill),
            "neither {installed} nor {kill} after kill {kill}: {result}"
        );
        let verified = place.run(["plugin", "verify"]);
        assert!(
            verified.status.success(),
            "after kill {kill} at {share} %: {}",
            String::from_utf8_lossy(&verified.stdout)
        );
        let bytes = fs::read(place.plugins().join("killed.wasm")).unwrap();
        let now = [kill, installed].into_iter().find(|number| bytes == edition("killed", *number)).expect("old or new");
        (kept, replaced) = if now == kill { (kept, replaced + 1) } else { (kept + 1, replaced) };
        installed = now;
    }
    // What a broken-off installation left behind goes with the next one.
    assert!(add().status().unwrap().success());
    let mut left: Vec<String> =
        fs::read_dir(place.plugins()).unwrap().map(|entry| entry.unwrap().file_name().display().to_string()).collect();
    left.sort();
    let odd =
        left.iter().filter(|name| !["killed.wasm", "plugins.lock", ".plugins.guard"].contains(&name.as_str())).count();
    row.figure("kept the old one", kept, "any", true);
    row.figure("has the new one", replaced, "any", true);
    row.none("files left over in the plugin folder", odd);
}

#[test]
fn r6_a_server_that_is_killed_while_it_loads_comes_back_with_the_file_as_it_lies() {
    let kills = times(200);
    let mut row = Row::new("R6", format!("kill -9 at {kills} random points of a reload"));
    let (place, mut numbers) = (Place::new(), Numbers::new(66));
    put(&place, "killed.wasm", &edition("killed", 0));
    let mut watched = Watched::start(&place);
    watched.events();
    put(&place, "killed.wasm", &edition("killed", 1));
    let began = Instant::now();
    watched.wait(1, |event| matches!(event, Event::Loaded { .. }));
    let whole = began.elapsed();
    let (mut panicked, mut loaded) = (0, 0);
    for kill in 2..kills + 2 {
        put(&place, "killed.wasm", &edition("killed", kill));
        thread::sleep(whole.mul_f64(numbers.below(120) as f64 / 100.0));
        loaded += usize::from(watched.events().iter().any(|event| matches!(event, Event::Loaded { .. })));
        watched.server.kill();
        panicked += crate::watched::panics(&watched.server.log());
        watched = Watched::start(&place);
        assert_eq!(edition_of(&mut watched.connection(), "killed"), Some(kill), "{}", watched.told());
        watched.events();
    }
    let log = watched.end();
    panicked += crate::watched::panics(&log);
    row.none("panics", panicked);
    row.figure("had been loaded before the kill", loaded, "some", true);
    let names: Vec<String> = fs::read_dir(place.data().join("cache/compiled"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().display().to_string())
        .collect();
    let left = names.iter().filter(|name| !name.ends_with(".code") && !name.ends_with(".seal")).count();
    row.figure("unfinished files left in the cache", left, 0, left == 0);
    let output = place.run(["doctor"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
