//! C2 and C3: the ways in which files come to lie where they lie.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::Place;
use kumiko_tests::faults::{Row, in_full, quantile, times};
use serde_json::{Value, json};

use crate::made::{edition, padded};
use crate::watched::{Beside, Event, PATIENCE, Watched, digest, edition_of, put, put_into};

/// One write of a slow copy.
const PIECE: usize = 1024;
/// The time between two of them.
const PAUSE: Duration = Duration::from_millis(10);
/// Copies under way at once.
const AT_ONCE: usize = 40;

/// Copies over the file in place, in one of three ways; when it was done.
fn copy_slowly(path: &Path, bytes: &[u8], way: usize) -> Instant {
    let mut file = fs::OpenOptions::new().write(true).truncate(way == 0).open(path).unwrap();
    let length = u64::try_from(bytes.len()).unwrap();
    let mut pieces: Vec<(usize, &[u8])> = bytes.chunks(PIECE).enumerate().collect();
    match way {
        0 => {}
        // A file with holes that is filled from its end.
        1 => {
            file.set_len(0).unwrap();
            file.set_len(length).unwrap();
            pieces.reverse();
        }
        // Room is made first, then it is filled.
        _ => {
            file.set_len(0).unwrap();
            file.set_len(length).unwrap();
        }
    }
    for (number, piece) in pieces {
        file.seek(SeekFrom::Start(u64::try_from(number * PIECE).unwrap())).unwrap();
        file.write_all(piece).unwrap();
        thread::sleep(PAUSE);
    }
    Instant::now()
}

#[test]
fn c2_a_file_that_is_still_being_written_is_taken_once_and_whole() {
    let copies = times(200);
    let size = if in_full() { 2 << 20 } else { 512 << 10 };
    let mut row = Row::new("C2", format!("truncated while copying, ×{copies} of {} KiB", size >> 10));
    let place = Place::with_plugins(&["hello"]);
    let names: Vec<String> = (0..copies).map(|number| format!("copied{number}")).collect();
    for name in &names {
        fs::write(place.plugins().join(format!("{name}.wasm")), edition(name, 0)).unwrap();
    }
    let mut watched = Watched::start(&place);
    watched.events();
    let serves = |answer: &Value| answer["result"]["structuredContent"]["edition"].is_u64();
    let beside = Beside::start(&watched.server, 1, Duration::from_millis(50), "copied0", &json!({}), serves);
    let (mut late, mut refused, mut partial, mut loaded) = (Vec::new(), 0, 0, 0);
    for wave in names.chunks(AT_ONCE) {
        let writers: Vec<_> = wave
            .iter()
            .enumerate()
            .map(|(number, name)| {
                let (path, bytes) = (place.plugins().join(format!("{name}.wasm")), padded(&edition(name, 1), size));
                let whole = digest(&bytes);
                let writer = thread::spawn(move || {
                    // Those that begin at once end at once; one loader would be measured, and not its patience.
                    thread::sleep(Duration::from_millis(200) * u32::try_from(number).unwrap());
                    copy_slowly(&path, &bytes, number % 3)
                });
                (name.clone(), whole, writer)
            })
            .collect();
        let mut live: Vec<Option<Instant>> = vec![None; wave.len()];
        let began = Instant::now();
        while live.iter().any(Option::is_none) {
            assert!(began.elapsed() < PATIENCE, "not all copies are live: {}", watched.told());
            for event in watched.events() {
                match event {
                    Event::Loaded { name, digest, .. } => {
                        let number = writers.iter().position(|(own, ..)| *own == name).expect("one of the copies");
                        loaded += 1;
                        partial += usize::from(writers[number].1 != digest);
                        live[number] = live[number].or(Some(Instant::now()));
                    }
                    Event::Refused { .. } => refused += 1,
                    Event::Removed { file } => panic!("{file} was removed"),
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        for ((_, _, writer), live) in writers.into_iter().zip(live) {
            late.push(live.unwrap().saturating_duration_since(writer.join().unwrap()));
        }
    }
    // Whatever would come too late comes now.
    thread::sleep(Duration::from_millis(500));
    loaded += watched.events().len();
    let mut connection = watched.connection();
    let stale = names.iter().filter(|name| edition_of(&mut connection, name) != Some(1)).count();
    row.none("loads of partial bytes", partial);
    row.none("plugins that do not serve what was copied", stale);
    row.none("failed calls meanwhile", beside.end().failed.len());
    row.figure("reloads", loaded, copies, loaded == copies);
    row.figure("refusals of a file under way", refused, 0, refused == 0);
    row.at_most("after the last byte, at worst", quantile(&mut late, 1.0), Duration::from_secs(1));
    watched.end();
}

/// A way to put a new version in the place of an old one.
type Way = fn(&Place, &[u8], usize);

/// The ways of editors, package managers and container platforms.
const WAYS: [(&str, Way); 6] = [
    ("truncate and write", |place, bytes, _| fs::write(plugin(place), bytes).unwrap()),
    ("write beside and rename", |place, bytes, _| put(place, "changed.wasm", bytes)),
    ("delete and create", |place, bytes, _| {
        fs::remove_file(plugin(place)).unwrap();
        thread::sleep(Duration::from_millis(100));
        fs::write(plugin(place), bytes).unwrap();
    }),
    ("hard link over", |place, bytes, _| {
        let (kept, link) = (place.files().join("kept"), place.plugins().join(".link"));
        let _ = fs::remove_file(&kept);
        fs::write(&kept, bytes).unwrap();
        fs::hard_link(&kept, &link).unwrap();
        fs::rename(link, plugin(place)).unwrap();
    }),
    ("flip of ..data", |place, bytes, time| {
        let folder = place.plugins().join(format!("..{time}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("changed.wasm"), bytes).unwrap();
        if !plugin(place).is_symlink() {
            let _ = fs::remove_file(plugin(place));
            symlink("..data/changed.wasm", plugin(place)).unwrap();
        }
        let next = place.plugins().join("..data_tmp");
        symlink(folder.file_name().unwrap(), &next).unwrap();
        fs::rename(next, place.plugins().join("..data")).unwrap();
    }),
    ("move of the folder", |place, bytes, time| {
        let (next, before) = (place.files().join("next"), place.files().join(format!("before{time}")));
        fs::create_dir(&next).unwrap();
        put_into(&next, "changed.wasm", bytes);
        fs::rename(place.plugins(), before).unwrap();
        fs::rename(next, place.plugins()).unwrap();
    }),
];

fn plugin(place: &Place) -> std::path::PathBuf {
    place.plugins().join("changed.wasm")
}

/// Changes a plugin so often in one way: how long each change took to be live, and what went wrong.
fn changed(way: Way, changes: usize) -> (Vec<Duration>, usize, usize) {
    let place = Place::new();
    fs::write(plugin(&place), edition("changed", 0)).unwrap();
    let mut watched = Watched::start(&place);
    // The first load is none of those that are counted.
    watched.wait(1, |event| matches!(event, Event::Loaded { .. }));
    let (mut late, mut loads, mut missed) = (Vec::new(), 0, 0);
    let serves = |answer: &Value| answer["result"]["structuredContent"]["edition"].is_u64();
    let beside = Beside::start(&watched.server, 1, Duration::from_millis(50), "changed", &json!({}), serves);
    let mut connection = watched.connection();
    for change in 1..=changes {
        let bytes = edition("changed", change);
        way(&place, &bytes, change);
        let began = Instant::now();
        while edition_of(&mut connection, "changed") != Some(change) {
            assert!(began.elapsed() < PATIENCE, "change {change} is missed: {}", watched.told());
            thread::sleep(Duration::from_millis(5));
        }
        late.push(began.elapsed());
        // Longer than the folder is left without a look.
        missed += usize::from(began.elapsed() > Duration::from_secs(10));
        loads += watched.events().len();
    }
    thread::sleep(Duration::from_millis(300));
    loads += watched.events().len();
    let failed = beside.end().failed.len();
    watched.end();
    (late, loads.abs_diff(changes) + missed, failed)
}

#[test]
fn c3_each_way_of_replacing_a_file_is_one_reload() {
    let changes = times(50);
    let mut row = Row::new("C3", format!("editor patterns, ×{changes} each"));
    let running = WAYS.map(|(_, way)| thread::spawn(move || changed(way, changes)));
    for ((name, _), running) in WAYS.iter().zip(running) {
        let (mut late, wrong, failed) = running.join().unwrap();
        row.at_most(&format!("{name}: live, at worst"), quantile(&mut late, 1.0), Duration::from_secs(3));
        row.none(&format!("{name}: reloads too many or too few"), wrong);
        row.none(&format!("{name}: failed calls"), failed);
    }
}
