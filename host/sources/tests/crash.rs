//! A process that installs, replaces and removes is killed at random points; what is found is old or new, and file and
//! lock agree after repair.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kumiko_sources::{Fetched, Installed, PluginName, Reference, Request, Sha256, Standing, Verdict};

/// Set for the process that is to be killed: the plugin folder.
const FOLDER: &str = "KUMIKO_SOURCES_CRASH_FOLDER";
/// How often a process is killed.
const KILLS: u64 = 100;
/// Several pages of the file system, and small enough that computing digests is not most of the time.
const COMPONENT_BYTES: usize = 12 * 1024;

/// The component of a version: bytes that no other version has in any place.
fn component(version: u8) -> Vec<u8> {
    vec![version; COMPONENT_BYTES]
}

fn name() -> PluginName {
    PluginName::parse("victim").unwrap()
}

fn request(version: u8) -> Request {
    let bytes = component(version);
    let source = Reference::parse(&format!("https://example.com/{version}/victim.wasm")).unwrap();
    Request {
        name: name(),
        source: source.clone(),
        fetched: Fetched { sha256: Sha256::of(&bytes), bytes: bytes.into(), origin: source, signatures: Vec::new() },
        verdict: Verdict { signed_by: None },
        added: "2026-01-31T12:00:00Z".to_owned(),
    }
}

#[test]
#[ignore = "this is the body of the process that the other test kills"]
fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let installed = Installed::new(folder);
    let requests = [1, 2, 3].map(request);
    writeln!(std::io::stdout(), "\nit begins").unwrap();
    loop {
        for request in &requests {
            installed.install(request.clone()).unwrap();
        }
        installed.remove(&name()).unwrap();
    }
}

/// What a reader of the folder sees without repair: no file, or one whole version.
fn version_of(file: &Path) -> Option<u8> {
    let bytes = std::fs::read(file).ok()?;
    assert_eq!(bytes.len(), COMPONENT_BYTES, "a component is never seen half written");
    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a component is never a mix of versions");
    Some(bytes[0])
}

#[test]
fn a_kill_at_any_point_leaves_the_old_pair_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("victim.wasm");
    let journal = folder.path().join(".plugins.journal");
    let installed = Installed::new(folder.path());
    let (mut broken_off, mut mixed, mut random) = (0, 0, 0x9e37_79b9_7f4a_7c15_u64);
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("it begins")), "the process begins");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();

        let seen = version_of(&file);
        broken_off += u64::from(journal.exists());
        let locked_before = installed.lock().unwrap().get(&name()).map(|entry| entry.sha256.clone());
        mixed += u64::from(locked_before != seen.map(|version| Sha256::of(&component(version))));

        installed.repair().unwrap();
        let version = version_of(&file);
        let list = installed.list().unwrap();
        match version {
            None => assert_eq!(list, [], "kill {kill}: neither file nor entry"),
            Some(version) => {
                let [(_, entry, standing)] = list.as_slice() else { panic!("kill {kill}: one plugin, not {list:?}") };
                assert_eq!(*standing, Standing::Whole, "kill {kill}: file and lock agree");
                assert_eq!(entry.source, request(version).source, "kill {kill}: the entry is of this version");
                installed.check("victim.wasm", &Sha256::of(&component(version))).unwrap();
            }
        }
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["victim.wasm", "plugins.lock", ".plugins.guard"].contains(&name.as_str()))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "kill {kill}: nothing is left over");
    }
    eprintln!("{KILLS} kills, {broken_off} behind the journal, {mixed} between file and lock");
    assert!(broken_off > 0 && mixed > 0, "some kills hit each part of an operation, or the test shows nothing");
}
