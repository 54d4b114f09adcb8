//! The protocol's own conformance suites, over HTTP, against fixtures that a plugin serves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kumiko_tests::{HttpServer, Place, provided};

/// A suite takes seconds; one that waits for ever has met a fault.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs one suite; what it told, and whether every scenario passed.
fn run(package: &str, arguments: &[&str]) -> (String, bool) {
    let place = Place::with_plugins(&["everything"]);
    let server = HttpServer::start(&place, &["--anonymous"]);
    let suite = provided("KUMIKO_NODE_PACKAGES").join(package).join("dist/index.js");
    let told = place.files().join("suite.log");
    let output = std::fs::File::create(&told).unwrap();
    let mut child = Command::new(provided("KUMIKO_NODE"))
        .arg(suite)
        .args(["server", "--url", server.url(), "-o"])
        .arg(place.files().join("checks"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    (std::fs::read_to_string(told).unwrap(), status.success())
}

#[test]
fn the_first_suite_passes_whole() {
    let (told, passed) = run("@modelcontextprotocol/conformance", &["--suite", "all"]);
    assert!(passed, "{told}");
}

#[test]
fn the_requirements_of_2025_11_25_are_met() {
    let (told, passed) = run("conformance-next", &["--requirements", "2025-11-25"]);
    assert!(passed, "{told}");
}

#[test]
fn the_requirements_of_2026_07_28_are_met() {
    let (told, passed) = run("conformance-next", &["--requirements", "2026-07-28"]);
    assert!(passed, "{told}");
}
