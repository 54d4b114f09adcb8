//! Clients that are not ours: the official Python SDK, and the demo's own session.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::process::{Command, Output};

use kumiko_tests::{Place, provided, repository};
use serde_json::Value;

#[test]
fn the_official_python_client_works_through_a_whole_session() {
    let place = Place::with_plugins(&["hello", "unruly", "data_preparation", "ml_training", "ml_evaluation"]);
    std::fs::copy(repository().join("examples/data/penguins.csv"), place.files().join("penguins.csv")).unwrap();
    let output = Command::new(provided("KUMIKO_PYTHON"))
        .arg(repository().join("tests/clients/python_client.py"))
        .arg(provided("KUMIKO_BINARY"))
        .arg(place.plugins())
        .arg(place.data())
        .arg(place.files())
        .output()
        .unwrap();
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    assert_eq!(told.lines().last(), Some("all checks passed"), "{told}");
}

/// Runs the Inspector's command line against a server of this place.
fn inspect(place: &Place, era: &str, arguments: &[&str]) -> (Output, Value) {
    let inspector =
        provided("KUMIKO_NODE_PACKAGES").join("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    let mut command = Command::new(provided("KUMIKO_NODE"));
    command.arg(inspector).args(["--cli", "-q", "--format", "json", "--protocol-era", era]);
    command.arg(provided("KUMIKO_BINARY"));
    command.arg("--plugins").arg(place.plugins()).arg("--data").arg(place.data()).arg("--allow").arg(place.files());
    let output = command.arg("serve").args(arguments).output().unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, told)
}

#[test]
fn the_inspector_lists_and_calls_in_both_eras() {
    let place = Place::with_plugins(&["hello", "data_preparation", "ml_training", "ml_evaluation"]);
    let data = place.file("two.csv", "a,b\n1,x\n2,y\n");
    for era in ["legacy", "modern"] {
        let (output, told) = inspect(&place, era, &["--method", "tools/list"]);
        let tools = told["result"]["tools"].as_array().unwrap_or_else(|| panic!("{era}: {output:?}"));
        let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert!(names.contains(&"greet") && names.contains(&"predict") && names.is_sorted(), "{era}: {names:?}");

        let arguments = format!(r#"{{"s3_uri":{data:?}}}"#);
        let call = ["--method", "tools/call", "--tool-name", "load_dataset", "--tool-args-json"];
        let (output, told) = inspect(&place, era, &[&call[..], &[&arguments]].concat());
        assert_eq!(told["result"]["structuredContent"]["rows"], 2, "{era}: {output:?}");

        let (output, _) = inspect(&place, era, &[&call[..3], &["no_such_tool", "--tool-args-json", "{}"]].concat());
        assert_eq!(output.status.code(), Some(5), "{era}: {output:?}");
    }
}

#[test]
fn the_schemas_are_ones_that_every_client_takes() {
    let place = Place::with_plugins(&["hello", "data_preparation", "ml_training", "ml_evaluation"]);
    let (output, _) = inspect(&place, "legacy", &["--method", "tools/list", "--strict"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.lines().last().is_none_or(|line| line.starts_with("0 errors")), "{told}");
}

#[test]
fn the_demo_ends_with_metrics_and_figures_that_exist() {
    let place = Place::with_plugins(&["data_preparation", "ml_training", "ml_evaluation"]);
    let output = place.run(["demo"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    for step in ["load", "validate", "split", "preprocess", "apply", "train", "evaluate"] {
        assert!(told.lines().any(|line| line.starts_with(step)), "no step `{step}`: {told}");
    }
    let accuracy = told.lines().find(|line| line.starts_with("accuracy")).expect("the accuracy");
    assert!(accuracy.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() > 0.9, "{accuracy}");
    let figures: Vec<&str> = told.lines().filter(|line| line.ends_with(".png")).map(str::trim).collect();
    assert!(figures.len() >= 3, "{told}");
    for figure in figures {
        assert!(std::fs::read(figure).unwrap().starts_with(b"\x89PNG"), "{figure}");
    }
}

#[test]
fn the_demo_without_its_plugins_says_what_is_missing() {
    let place = Place::with_plugins(&["hello"]);
    let output = place.run(["demo"]);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("data_preparation") && errors.contains("--plugins"), "{errors}");
}
