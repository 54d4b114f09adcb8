//! R5: the folder, the file system or the system stands in the way. The earlier version serves, and when what stood in the way is gone
//! the change is taken without anybody doing anything.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kumiko_tests::Place;
use kumiko_tests::faults::Row;
use kumiko_tests::process::open_files_of;
use serde_json::{Value, json};

use crate::made::edition;
use crate::watched::{Beside, Watched, code_mapped, edition_of, put, put_into};

/// For how long something stands in the way: longer than a file may be gone, and than the folder is left without a look.
const HINDERED: Duration = Duration::from_secs(3);
/// How long being taken may take after that: a look at the folder every two seconds, and loading.
const RECOVERED: Duration = Duration::from_secs(5);

/// A server with one plugin that is called all the while.
struct Hindered {
    place: Place,
    watched: Watched,
    beside: Option<Beside>,
}

impl Hindered {
    fn with(place: Place, command: Command) -> Self {
        put(&place, "kept.wasm", &edition("kept", 0));
        let watched = Watched::start_by(command);
        let serves = |answer: &Value| answer["result"]["structuredContent"]["edition"].is_u64();
        let beside = Beside::start(&watched.server, 1, Duration::from_millis(50), "kept", &json!({}), serves);
        Self { place, watched, beside: Some(beside) }
    }

    fn new() -> Self {
        let place = Place::new();
        let command = place.kumiko();
        Self::with(place, command)
    }

    /// The edition that serves.
    fn serves(&self) -> Option<usize> {
        edition_of(&mut self.watched.connection(), "kept")
    }

    /// How long it takes until an edition serves; as long as we wait where it does not come.
    fn comes(&self, edition: usize) -> Duration {
        let (mut connection, began) = (self.watched.connection(), Instant::now());
        while edition_of(&mut connection, "kept") != Some(edition) && began.elapsed() < 3 * RECOVERED {
            thread::sleep(Duration::from_millis(10));
        }
        began.elapsed()
    }

    /// Records how long a change took to be taken once nothing stood in its way, and asserts that it was.
    fn recovered(&self, row: &mut Row, what: &str, edition: usize) {
        let took = self.comes(edition);
        row.at_most(&format!("{what}: taken"), took, RECOVERED);
        assert_eq!(self.serves(), Some(edition), "{what}: it is not taken by itself: {}", self.watched.told());
    }

    fn end(mut self, row: &mut Row) {
        let failed = self.beside.take().expect("it was started").end().failed;
        row.none("failed calls", failed.len());
        self.watched.end();
    }
}

#[test]
fn r5_a_folder_that_is_gone_or_something_else_for_a_while_changes_nothing() {
    let mut row = Row::new("R5", "folder away, removed, replaced by a file");
    let hindered = Hindered::new();
    let (plugins, aside) = (hindered.place.plugins(), hindered.place.files().join("aside"));
    let again = |number: usize| {
        fs::create_dir(&plugins).unwrap();
        put_into(&plugins, "kept.wasm", &edition("kept", number));
    };
    fs::rename(&plugins, &aside).unwrap();
    thread::sleep(HINDERED);
    assert_eq!(hindered.serves(), Some(0), "the folder is away");
    again(1);
    hindered.recovered(&mut row, "folder away", 1);
    fs::remove_dir_all(&plugins).unwrap();
    thread::sleep(HINDERED);
    assert_eq!(hindered.serves(), Some(1), "the folder is removed");
    again(2);
    hindered.recovered(&mut row, "folder removed", 2);
    fs::remove_dir_all(&plugins).unwrap();
    fs::write(&plugins, "a file").unwrap();
    thread::sleep(HINDERED);
    assert_eq!(hindered.serves(), Some(2), "a file is where the folder was");
    fs::remove_file(&plugins).unwrap();
    again(3);
    hindered.recovered(&mut row, "file in the folder's place", 3);
    // The folder is another one by now, and its changes are seen all the same.
    put(&hindered.place, "kept.wasm", &edition("kept", 4));
    hindered.recovered(&mut row, "afterwards", 4);
    hindered.end(&mut row);
}

#[test]
fn r5_a_file_that_may_not_be_read_is_taken_once_it_may() {
    let mut row = Row::new("R5", "chmod 000");
    let place = Place::new();
    // Whoever may read everything is told by the system that he may not, where the system can.
    let plain = place.kumiko();
    let mut command = Command::new("setpriv");
    command
        .env_clear()
        .args(["--bounding-set", "-dac_override,-dac_read_search"])
        .arg(plain.get_program())
        .args(plain.get_args());
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let able = Command::new("setpriv").args(["--bounding-set", "-dac_override", "true"]).status();
    if !able.is_ok_and(|status| status.success()) {
        command = plain;
        let unreadable = place.file("unreadable", "");
        fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read(unreadable).is_ok() {
            row.figure("chmod 000", "not tried: this user may read everything", "taken", true);
            return;
        }
    }
    let hindered = Hindered::with(place, command);
    let file = hindered.place.plugins().join("kept.wasm");
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    let hidden = hindered.place.plugins().join(".kept");
    fs::write(&hidden, edition("kept", 1)).unwrap();
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o000)).unwrap();
    fs::rename(hidden, &file).unwrap();
    thread::sleep(HINDERED);
    assert_eq!(hindered.serves(), Some(0), "the new file cannot be read");
    assert!(hindered.watched.server.log().contains("plugin_unreadable"), "{}", hindered.watched.told());
    mode(0o644);
    hindered.recovered(&mut row, "chmod 000 of the file", 1);
    let folder = |mode| fs::set_permissions(hindered.place.plugins(), fs::Permissions::from_mode(mode)).unwrap();
    folder(0);
    put(&hindered.place, "kept.wasm", &edition("kept", 2));
    thread::sleep(HINDERED);
    assert_eq!(hindered.serves(), Some(1), "the folder cannot be read");
    folder(0o755);
    hindered.recovered(&mut row, "chmod 000 of the folder", 2);
    hindered.end(&mut row);
}

/// Sets how many files a process may open; whether that was possible.
fn allow_files(process: u32, limit: usize) -> bool {
    let (process, limit) = (process.to_string(), format!("--nofile={limit}:"));
    Command::new("prlimit").args(["--pid", &process, &limit]).status().is_ok_and(|status| status.success())
}

#[test]
fn r5_a_server_without_files_to_open_takes_the_change_once_it_has_some() {
    let mut row = Row::new("R5", "EMFILE");
    let hindered = Hindered::new();
    let process = hindered.watched.server.process();
    let mut number = 0;
    // Too few for a look at the folder, for the file, for the process that compiles.
    for further in [0, 1, 2, 4, 6] {
        number += 1;
        if !allow_files(process, open_files_of(process) + further) {
            row.figure("EMFILE", "not tried: the limit cannot be set", "taken", true);
            break;
        }
        put(&hindered.place, "kept.wasm", &edition("kept", number));
        thread::sleep(HINDERED);
        assert!(allow_files(process, 1_024));
        hindered.recovered(&mut row, &format!("{further} files to open"), number);
    }
    hindered.end(&mut row);
}

#[test]
fn r5_a_full_disk_keeps_nothing_from_being_taken_once_there_is_room() {
    let mut row = Row::new("R5", "disk full");
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    let mount = |arguments: &[&str]| {
        Command::new(arguments[0])
            .args(&arguments[1..])
            .arg(place.data())
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs"]) {
        row.figure("disk full", "not tried: no file system can be mounted", "taken", true);
        return;
    }
    /// Unmounts the folder whatever happens.
    struct Mounted(std::path::PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }
    let _mounted = Mounted(place.data());
    let command = place.kumiko();
    let hindered = Hindered::with(place, command);
    let ballast = hindered.place.data().join("ballast");
    let mut size = 4 << 20;
    while size > 512 {
        // What does not fit is written as far as it fits.
        let _ = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&ballast)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &vec![0; size]));
        size /= 2;
    }
    put(&hindered.place, "kept.wasm", &edition("kept", 1));
    thread::sleep(HINDERED);
    let during = hindered.serves();
    assert!(matches!(during, Some(0 | 1)), "the disk is full: {during:?}");
    fs::remove_file(ballast).unwrap();
    hindered.recovered(&mut row, "disk full", 1);
    row.figure("versions with code in memory", code_mapped(hindered.watched.server.process()), "any", true);
    hindered.end(&mut row);
}

#[test]
fn r5_a_system_without_file_events_is_looked_at_every_two_seconds() {
    let mut row = Row::new("R5", "inotify limit");
    let place = Place::new();
    let plain = place.kumiko();
    let mut command = Command::new("unshare");
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"";
    command.env_clear().args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
    if !Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script, "sh", "true"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        row.figure("inotify limit", "not tried: the limit cannot be set", "taken", true);
        return;
    }
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let hindered = Hindered::with(place, command);
    assert!(hindered.watched.server.log().contains("reports no file events"), "{}", hindered.watched.told());
    for number in 1..=3 {
        put(&hindered.place, "kept.wasm", &edition("kept", number));
        hindered.recovered(&mut row, "no events", number);
    }
    hindered.end(&mut row);
}
