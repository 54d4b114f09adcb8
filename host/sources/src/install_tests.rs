//! Every state that a crash can leave in the folder, made by hand, and what repairing makes of it. That these are all
//! such states is for `tests/crash.rs` to show, which kills real processes.

use super::*;

const OLD: &[u8] = b"the old component";
const NEW: &[u8] = b"the new component";

struct Place {
    folder: tempfile::TempDir,
    installed: Installed,
}

fn name() -> PluginName {
    PluginName::parse("hello").unwrap()
}

fn request(bytes: &'static [u8]) -> Request {
    let source = Reference::parse("https://example.com/hello.wasm").unwrap();
    Request {
        name: name(),
        source: source.clone(),
        fetched: Fetched { bytes: bytes.into(), sha256: Sha256::of(bytes), origin: source, signatures: Vec::new() },
        verdict: Verdict { signed_by: None },
        added: "2026-01-31T12:00:00Z".to_owned(),
    }
}

fn entry(bytes: &[u8]) -> Entry {
    let source = Reference::parse("https://example.com/hello.wasm").unwrap();
    Entry {
        file: "hello.wasm".to_owned(),
        origin: source.clone(),
        source,
        sha256: Sha256::of(bytes),
        signed_by: None,
        added: "2026-01-31T12:00:00Z".to_owned(),
    }
}

impl Place {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installed = Installed::new(folder.path());
        Self { folder, installed }
    }

    fn with(bytes: &'static [u8]) -> Self {
        let place = Self::empty();
        place.installed.install(request(bytes)).unwrap();
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn begin(&self, operation: Operation) {
        operation.begin(self.folder.path()).unwrap();
    }

    fn begin_install(&self, bytes: &[u8]) {
        self.begin(Operation::Install { name: name(), entry: Box::new(entry(bytes)) });
    }

    /// Repairs, and checks that file and lock are those of these bytes, and that nothing else is left.
    fn is_repaired_to(&self, expected: Option<&[u8]>) {
        self.installed.repair().unwrap();
        let expected_list: Vec<_> = expected.map(|bytes| (name(), entry(bytes), Standing::Whole)).into_iter().collect();
        assert_eq!(self.installed.list().unwrap(), expected_list);
        assert_eq!(std::fs::read(self.file("hello.wasm")).ok().as_deref(), expected);
        let mut rest: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["hello.wasm", LOCK_FILE, GUARD_FILE].contains(&name.as_str()))
            .collect();
        rest.sort();
        assert_eq!(rest, Vec::<String>::new());
        if let Some(bytes) = expected {
            assert_eq!(self.installed.check("hello.wasm", &Sha256::of(bytes)).unwrap(), entry(bytes));
        }
    }
}

#[test]
fn what_is_installed_is_replaced_and_removed() {
    let place = Place::with(OLD);
    place.is_repaired_to(Some(OLD));
    assert_eq!(place.installed.install(request(NEW)).unwrap(), entry(NEW));
    place.is_repaired_to(Some(NEW));
    assert_eq!(place.installed.remove(&name()).unwrap(), entry(NEW));
    place.is_repaired_to(None);
    assert_eq!(place.installed.remove(&name()).unwrap_err().code(), "plugin_not_installed");
}

#[test]
fn a_folder_that_does_not_exist_is_empty_and_made_by_the_first_installation() {
    let place = Place::empty();
    let installed = Installed::new(place.file("a/b"));
    installed.repair().unwrap();
    assert_eq!(installed.list().unwrap(), []);
    assert_eq!(installed.remove(&name()).unwrap_err().code(), "plugin_not_installed");
    assert!(!place.file("a").exists(), "looking makes nothing");
    installed.install(request(OLD)).unwrap();
    assert_eq!(installed.list().unwrap().len(), 1);
}

#[test]
fn a_file_that_nobody_installed_is_not_replaced() {
    let place = Place::empty();
    std::fs::write(place.file("hello.wasm"), "by hand").unwrap();
    assert_eq!(place.installed.install(request(NEW)).unwrap_err().code(), "plugin_file_exists");
    assert_eq!(std::fs::read(place.file("hello.wasm")).unwrap(), b"by hand");
    assert_eq!(place.installed.check("hello.wasm", &Sha256::of(b"by hand")).unwrap_err().code(), "plugin_not_locked");
}

#[test]
fn an_incoming_file_without_a_journal_is_undone() {
    for (before, expected) in [(None, None), (Some(OLD), Some(OLD))] {
        let place = before.map_or_else(Place::empty, Place::with);
        std::fs::write(place.file(".hello.incoming"), NEW.get(..5).unwrap()).unwrap();
        std::fs::write(place.file(".plugins.journal.x1y2.partial"), "version = 1").unwrap();
        std::fs::write(place.file(".plugins.lock.x1y2.partial"), "version = 1").unwrap();
        place.is_repaired_to(expected);
    }
}

#[test]
fn from_the_journal_on_an_installation_is_completed() {
    for before in [None, Some(OLD)] {
        let place = || before.map_or_else(Place::empty, Place::with);

        let journal_written = place();
        std::fs::write(journal_written.file(".hello.incoming"), NEW).unwrap();
        journal_written.begin_install(NEW);
        journal_written.is_repaired_to(Some(NEW));

        let file_renamed = place();
        file_renamed.begin_install(NEW);
        std::fs::write(file_renamed.file("hello.wasm"), NEW).unwrap();
        let seen = file_renamed.installed.check("hello.wasm", &Sha256::of(NEW)).unwrap();
        assert_eq!(seen, entry(NEW), "whoever looks between file and lock finds the entry in the journal");
        file_renamed.is_repaired_to(Some(NEW));

        let lock_written = place();
        lock_written.begin_install(NEW);
        std::fs::write(lock_written.file("hello.wasm"), NEW).unwrap();
        lock_written.installed.change_lock(|lock| lock.set(name(), entry(NEW))).unwrap();
        lock_written.is_repaired_to(Some(NEW));
    }
}

#[test]
fn an_incoming_file_that_is_not_what_the_journal_says_is_undone() {
    let place = Place::with(OLD);
    std::fs::write(place.file(".hello.incoming"), "something else").unwrap();
    place.begin_install(NEW);
    place.is_repaired_to(Some(OLD));
}

#[test]
fn from_the_journal_on_a_removal_is_completed() {
    let journal_written = Place::with(OLD);
    journal_written.begin(Operation::Remove { name: name() });
    journal_written.is_repaired_to(None);

    let file_removed = Place::with(OLD);
    file_removed.begin(Operation::Remove { name: name() });
    std::fs::remove_file(file_removed.file("hello.wasm")).unwrap();
    file_removed.is_repaired_to(None);

    let lock_written = Place::with(OLD);
    lock_written.begin(Operation::Remove { name: name() });
    std::fs::remove_file(lock_written.file("hello.wasm")).unwrap();
    lock_written.installed.change_lock(|lock| lock.forget(&name())).unwrap();
    lock_written.is_repaired_to(None);
}

#[test]
fn the_next_operation_completes_the_one_that_broke_off() {
    let place = Place::with(OLD);
    place.begin(Operation::Remove { name: name() });
    place.installed.install(request(NEW)).unwrap();
    place.is_repaired_to(Some(NEW));
}

#[test]
fn a_file_that_was_changed_or_taken_away_by_hand_is_told_and_not_touched() {
    let place = Place::with(OLD);
    std::fs::write(place.file("hello.wasm"), "changed").unwrap();
    place.installed.repair().unwrap();
    let found = Sha256::of(b"changed");
    assert_eq!(place.installed.check("hello.wasm", &found).unwrap_err().code(), "digest_mismatch");
    assert_eq!(place.installed.list().unwrap(), [(name(), entry(OLD), Standing::Changed { found })]);
    std::fs::remove_file(place.file("hello.wasm")).unwrap();
    place.installed.repair().unwrap();
    assert_eq!(place.installed.list().unwrap(), [(name(), entry(OLD), Standing::Missing)]);
}

#[test]
fn a_damaged_journal_or_lock_stops_the_operation_and_names_the_line() {
    for file in [".plugins.journal", LOCK_FILE] {
        let place = Place::with(OLD);
        std::fs::write(place.file(file), "version = 1\nnonsense = true\n").unwrap();
        let error = place.installed.install(request(NEW)).unwrap_err();
        assert_eq!(error.code(), "lock_invalid");
        assert!(error.to_string().contains(&format!("{file}:2: ")), "{error}");
        assert_eq!(std::fs::read(place.file("hello.wasm")).unwrap(), OLD);
    }
}

#[test]
fn operations_at_once_run_one_after_the_other() {
    let place = Place::empty();
    std::thread::scope(|scope| {
        for index in 0..8 {
            let installed = &place.installed;
            scope.spawn(move || {
                let mut request = request(if index % 2 == 0 { OLD } else { NEW });
                request.name = PluginName::parse(&format!("plugin-{}", index / 2)).unwrap();
                installed.install(request).unwrap();
            });
        }
    });
    let list = place.installed.list().unwrap();
    assert_eq!(list.len(), 4);
    assert!(list.iter().all(|(_, _, standing)| *standing == Standing::Whole), "{list:?}");
}
