//! `create_evaluation_report`, called the way the server calls it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_sdk::frames::Frame;
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects::Precondition;
use kumiko_sdk::prelude::Value;
use kumiko_sdk::vocabulary::data::ReadOptions;
use kumiko_sdk::vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use kumiko_test_kit::{TestHost, json};
use plugin_ml_evaluation::plugin;

const DATA: &str = "s3://data/visits.csv";
const CLASSIFIER: &str = "s3://models/leaves.kumiko";
const REGRESSOR: &str = "s3://models/spent.kumiko";

/// Visitors; a column and a class whose names are markup.
fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    let mut text = String::from("usage,<b>age</b>,spent,left\n");
    for row in 0..160 {
        let usage = (row * 37) % 101;
        let left = if (usage < 40) == (row % 10 == 0) { "stays" } else { "<script>alert(1)</script>" };
        text.push_str(&format!("{usage},{},{},{left}\n", 20 + (row * 7) % 50, usage as f64 * 1.5 + (row % 7) as f64));
    }
    host.put(DATA, text).unwrap();
    host.run(|| {
        let frame = Frame::open(DATA, &ReadOptions::default()).unwrap();
        for (uri, algorithm, task, target, excluded) in [
            (CLASSIFIER, Algorithm::RandomForest, Task::Classification, "left", "spent"),
            (REGRESSOR, Algorithm::Ridge, Task::Regression, "spent", "left"),
        ] {
            let mut specification = TrainingSpecification::new(algorithm, task, target);
            specification.excluded_columns = vec![excluded.to_owned()];
            specification.training_job_name = Some(format!("{target} & more"));
            let model = Model::train(&frame, &specification, TrainingInputs::default()).unwrap();
            model.save(uri, &Precondition::None).unwrap();
        }
    });
    host
}

fn write(host: &TestHost, tool: &str, model: &str) -> Value {
    let arguments =
        json!({ "model_s3_uri": model, "test_data_s3_uri": DATA, "output_s3_uri": "s3://out/", "overwrite": true });
    host.call(&plugin(), tool, arguments).unwrap().structured
}

#[test]
fn a_classifiers_report_has_every_section_and_its_figures_in_one_file() {
    let host = host();
    let outcome = write(&host, "create_evaluation_report", CLASSIFIER);
    assert_eq!((&outcome["task"], &outcome["rows"]), (&json!("classification"), &json!(160)));
    let html = host.text("s3://out/evaluation_report.html").unwrap();
    for heading in [
        "Measures",
        "Confusion matrix",
        "ROC and precision-recall curves",
        "Calibration",
        "Classes",
        "Feature importances",
        "Model",
        "Test data",
        "Method",
    ] {
        assert!(html.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    // Matrix, ROC, precision-recall, calibration, importances.
    assert_eq!(html.matches("<figure>\n<svg ").count(), 5);
    assert!(html.contains("<td>accuracy</td>") && html.contains("Digest of the training data"));
    let written = ["html", "json", "md"].map(|kind| format!("s3://out/evaluation_report.{kind}"));
    assert_eq!(host.uris("s3://out/").unwrap(), written);
}

#[test]
fn what_the_data_says_never_becomes_markup_and_nothing_is_loaded() {
    let host = host();
    write(&host, "create_evaluation_report", CLASSIFIER);
    let html = host.text("s3://out/evaluation_report.html").unwrap();
    assert!(!html.contains("<script") && !html.contains("<b>"));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && html.contains("&lt;b&gt;age&lt;/b&gt;"));
    assert!(html.contains("left &amp; more"));
    for asking in ["src=", "href=\"http", "url(", "@import", "<link"] {
        assert!(!html.contains(asking), "{asking}");
    }
    for tag in ["table", "tbody", "tr", "section", "main", "svg"] {
        assert_eq!(html.matches(&format!("<{tag}")).count(), html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn the_other_forms_say_the_same() {
    let host = host();
    write(&host, "generate_evaluation_report", CLASSIFIER);
    let markdown = host.text("s3://out/evaluation_report.md").unwrap();
    assert!(markdown.starts_with("# Evaluation of left & more\n"), "{markdown}");
    assert!(markdown.contains("| Measure | Value | 95 % interval | Meaning |"));
    assert!(markdown.contains("\n*Figure: "));
    let json: Value = serde_json::from_str(&host.text("s3://out/evaluation_report.json").unwrap()).unwrap();
    assert_eq!(json["metrics"]["rows"], 160);
    assert_eq!(json["metrics"]["calibration"].as_array().unwrap().len(), 1);
    assert_eq!((&json["model"]["name"], &json["data"]["rows"]), (&json!("left & more"), &json!(160)));
    let accuracy = json["metrics"]["accuracy"].as_f64().unwrap();
    assert!(markdown.contains(&format!("| accuracy | {} |", kumiko_sdk::markdown::number(accuracy))), "{markdown}");
}

#[test]
fn a_regressors_report_has_residuals() {
    let host = host();
    let outcome = write(&host, "create_evaluation_report", REGRESSOR);
    assert_eq!(outcome["task"], "regression");
    let html = host.text("s3://out/evaluation_report.html").unwrap();
    assert!(html.contains("<h2>Residuals</h2>") && !html.contains("<h2>Calibration</h2>"));
    // Residuals, predicted over actual, importances.
    assert_eq!(html.matches("<figure>\n<svg ").count(), 3);
    assert!(html.contains("<td>rmse</td>"));
}

#[test]
fn the_same_report_is_the_same_to_the_byte_and_replaces_nothing_unasked() {
    let host = host();
    let digest = |outcome: &Value| outcome["html"]["sha256"].clone();
    let first = write(&host, "create_evaluation_report", CLASSIFIER);
    assert_eq!(digest(&first), digest(&write(&host, "create_evaluation_report", CLASSIFIER)));
    let arguments = json!({ "model_s3_uri": CLASSIFIER, "test_data_s3_uri": DATA, "output_s3_uri": "s3://out/" });
    assert_eq!(host.call(&plugin(), "create_evaluation_report", arguments).unwrap_err().code, "object_exists");
}
