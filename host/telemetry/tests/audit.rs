//! The audit log in real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kumiko_telemetry::{Audit, AuditEvent, Call, CallObserver, Error, Journal, Outcome, Verified, verify, verify_all};
use kumiko_vocabulary::Fault;
use serde_json::{Value, json};
use tempfile::TempDir;

fn granted(number: usize) -> AuditEvent {
    AuditEvent::Granted { capability: "demo".to_owned(), grant: format!("objects.read = [\"s3://lab/{number}\"]") }
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_are_numbered_and_only_the_server_reads_them() {
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    for number in 0..10 {
        audit.record(granted(number));
    }
    audit.flush().unwrap();
    let written = lines(audit.path());
    assert_eq!(written[0]["event"], "opened");
    assert_eq!(written[3]["event"], "granted");
    assert_eq!(written[3]["grant"], "objects.read = [\"s3://lab/2\"]");
    assert!(written[3]["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(fs::metadata(audit.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(verify(audit.path()).unwrap(), Verified { first: 1, last: 11, lines: 11 });
}

#[test]
fn a_file_that_others_could_read_is_closed_to_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(Audit::open(folder.path()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_call_is_kept_without_its_arguments() {
    let folder = TempDir::new().unwrap();
    let audit = Arc::new(Audit::open(folder.path()).unwrap());
    let journal = Journal::new(vec![Arc::clone(&audit) as Arc<dyn CallObserver>]);
    let call = Call {
        request_id: "r-1".to_owned(),
        caller: Some("ci".to_owned()),
        capability: "demo".to_owned(),
        version: "1.0.0".to_owned(),
        digest: Some("sha256:ab".to_owned()),
        tool: "echo".to_owned(),
        arguments: json!({"text": "confidential"}),
        trace: None,
    };
    journal.begin(call).end(Outcome::from(&Fault::failed("object_damaged", "confidential")));
    audit.flush().unwrap();
    let text = fs::read_to_string(audit.path()).unwrap();
    assert!(!text.contains("confidential"), "{text}");
    let line = &lines(audit.path())[1];
    for (field, expected) in [
        ("event", "called"),
        ("caller", "ci"),
        ("tool", "echo"),
        ("digest", "sha256:ab"),
        ("status", "error"),
        ("code", "object_damaged"),
        ("request_id", "r-1"),
    ] {
        assert_eq!(line[field], expected, "{field}");
    }
}

#[test]
fn numbers_continue_after_a_restart_and_a_torn_line_is_taken_off() {
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    let path = audit.path().to_owned();
    audit.record(granted(0));
    drop(audit);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"sequence\":3,\"ti").unwrap();
    assert!(matches!(verify(&path), Err(Error::AuditDamaged { line: 3, .. })));
    let audit = Audit::open(folder.path()).unwrap();
    audit.record(granted(1));
    drop(audit);
    assert_eq!(verify(&path).unwrap(), Verified { first: 1, last: 4, lines: 4 });
    assert_eq!(lines(&path)[2]["torn_bytes"], 17);
}

#[test]
fn several_servers_on_one_file_number_their_lines_together() {
    let folder = TempDir::new().unwrap();
    let servers: Vec<Audit> = (0..3).map(|_| Audit::open(folder.path()).unwrap()).collect();
    let path = servers[0].path().to_owned();
    std::thread::scope(|scope| {
        for audit in &servers {
            for _ in 0..2 {
                scope.spawn(move || (0..500).for_each(|number| audit.record(granted(number))));
            }
        }
    });
    drop(servers);
    assert_eq!(verify(&path).unwrap(), Verified { first: 1, last: 3_003, lines: 3_003 });
}

#[test]
fn whoever_records_waits_where_the_file_does_not_take_lines_and_none_is_lost() {
    const RECORDED: usize = 4_000;
    /// The queue, and what the writer took out of it before it had to wait.
    const MOST_WAITING: usize = 1_024 + 1_024;
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    let path = audit.path().to_owned();
    // The writer cannot write while somebody else holds the lock.
    let lock = File::open(&path).unwrap();
    lock.lock().unwrap();
    let recorded = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..RECORDED {
                audit.record(granted(number));
                recorded.fetch_add(1, Ordering::SeqCst);
            }
        });
        while recorded.load(Ordering::SeqCst) < 1_024 {
            std::thread::yield_now();
        }
        let most = (0..1_000).map(|_| {
            std::thread::yield_now();
            recorded.load(Ordering::SeqCst)
        });
        let most = most.max();
        // Before the assertion: whoever records would wait for ever.
        lock.unlock().unwrap();
        assert!(most <= Some(MOST_WAITING), "{most:?} lines were taken");
    });
    drop(audit);
    assert_eq!(verify(&path).unwrap().last, RECORDED as u64 + 1);
    let written = lines(&path);
    assert!(
        (0..RECORDED).all(|number| written[number + 1]["grant"].as_str().unwrap().ends_with(&format!("/{number}\"]")))
    );
}

#[test]
fn a_file_that_was_changed_is_found_out() {
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    let path = audit.path().to_owned();
    (0..5).for_each(|number| audit.record(granted(number)));
    drop(audit);
    let whole = fs::read_to_string(&path).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = whole.lines().map(|line| format!("{line}\n")).collect();
        change(&mut lines);
        fs::write(&path, lines.concat()).unwrap();
        verify(&path)
    };
    let line = |result: Result<Verified, Error>| match result {
        Err(Error::AuditDamaged { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(changed(&|lines| drop(lines.remove(2)))), 3);
    assert_eq!(line(changed(&|lines| lines.swap(3, 4))), 4);
    assert_eq!(line(changed(&|lines| lines.insert(1, lines[0].clone()))), 2);
    assert_eq!(line(changed(&|lines| lines[4] = "not json\n".to_owned())), 5);
    assert_eq!(line(changed(&|lines| lines[4] = "{\"sequence\":5}\n".to_owned())), 5);
    assert_eq!(line(changed(&|lines| lines[0] = "x".repeat(200_000))), 1);
    assert_eq!(line(changed(&|lines| lines[5].truncate(10))), 6);
    // A line that still is one, with its number: the next one tells.
    assert_eq!(line(changed(&|lines| lines[2] = lines[2].replace("s3://lab/1", "s3://lab/7"))), 4);
    assert_eq!(line(changed(&|lines| lines[3] = lines[3].replace("\"previous\"", "\"other\""))), 4);
    assert_eq!(changed(&|lines| drop(lines.drain(..3))).unwrap(), Verified { first: 4, last: 6, lines: 3 });
    assert_eq!(changed(&|lines| lines.clear()).unwrap(), Verified { first: 0, last: 0, lines: 0 });
}

#[test]
fn a_hash_that_was_kept_elsewhere_tells_whether_its_line_is_still_the_same() {
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    let path = audit.path().to_owned();
    (0..3).for_each(|number| audit.record(granted(number)));
    audit.flush().unwrap();
    let kept = verify_all(std::slice::from_ref(&path), None).unwrap().last_hash.unwrap();
    let found = || verify_all(std::slice::from_ref(&path), Some(&kept)).unwrap().found;
    audit.record(granted(3));
    drop(audit);
    assert!(found());
    // Whoever writes the last lines anew leaves a log that is whole, and another one.
    fs::remove_file(&path).unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    (0..5).for_each(|number| audit.record(granted(number)));
    drop(audit);
    assert!(!found());
}

#[test]
fn texts_from_outside_cannot_make_a_line_long_or_two_of_it() {
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    audit.record(AuditEvent::AuthenticationFailed {
        address: "127.0.0.1:9".to_owned(),
        key: None,
        reason: format!("a\n{}", "x".repeat(1_000_000)),
    });
    audit.flush().unwrap();
    assert_eq!(verify(audit.path()).unwrap().lines, 2);
    assert!(fs::metadata(audit.path()).unwrap().len() < 2_000);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let refused = Audit::open(&missing).err().unwrap();
    assert_eq!(refused.code(), "audit_unavailable");
    assert!(refused.to_string().contains(missing.to_str().unwrap()), "{refused}");
}

/// Runs the scenario below in a process whose files may have 4 KiB at most, which is how a full disk looks to it.
#[test]
fn lines_wait_for_a_full_disk_and_none_is_torn() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 4; exec \"$0\" --ignored --exact a_full_disk --nocapture"])
        .arg(program)
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "a scenario"]
fn a_full_disk() {
    let log = Log::default();
    let writer = log.clone();
    tracing::subscriber::set_global_default(tracing_subscriber::fmt().with_writer(move || writer.clone()).finish())
        .unwrap();
    let folder = TempDir::new().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    (0..60).for_each(|number| audit.record(granted(number)));
    let failures = || String::from_utf8_lossy(&log.0.lock().unwrap()).matches("the audit log failed").count();
    while failures() < 2 {
        std::thread::yield_now();
    }
    // A line that was taken in part is taken off again, before anybody hears of the failure.
    let length = fs::metadata(audit.path()).unwrap().len();
    assert!(length > 3_500 && length <= 4_096, "{length}");
    let process = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &process]).status().unwrap();
    assert!(raised.success());
    audit.flush().unwrap();
    assert_eq!(verify(audit.path()).unwrap(), Verified { first: 1, last: 61, lines: 61 });
}

/// What the subscriber writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
