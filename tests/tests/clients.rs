//! Clients that are not ours: the official Python SDK, and the demo's own session.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::process::Command;

use kumiko_tests::{Place, provided, repository};

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
