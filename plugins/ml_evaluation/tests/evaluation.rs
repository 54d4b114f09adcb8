//! The tools, called the way the server calls them, on models that the host really trained.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_sdk::Content;
use kumiko_sdk::frames::Frame;
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects::Precondition;
use kumiko_sdk::prelude::{FaultKind, Reply, Result, Value};
use kumiko_sdk::vocabulary::data::ReadOptions;
use kumiko_sdk::vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use kumiko_test_kit::{TestHost, json, problems};
use plugin_ml_evaluation::plugin;

const TRAIN: &str = "s3://data/train.csv";
const TEST: &str = "s3://data/test.csv";
const CHURN: &str = "s3://mlops/models/churn.kumiko";
const LINEAR_CHURN: &str = "s3://mlops/models/linear_churn.kumiko";
const SPENDING: &str = "s3://mlops/models/spending.kumiko";

/// Customers from number `first` on: who uses little leaves, one in ten does the opposite.
fn customers(first: usize, rows: usize) -> String {
    let mut text = String::from("usage,age,spent,left\n");
    for row in first..first + rows {
        let usage = (row * 37) % 101;
        let left = if (usage < 40) == (row % 10 == 0) { "no" } else { "yes" };
        text.push_str(&format!("{usage},{},{},{left}\n", 20 + (row * 7) % 50, usage as f64 * 1.5 + (row % 7) as f64));
    }
    text
}

fn train(name: &str, uri: &str, algorithm: Algorithm, task: Task, target: &str, excluded: &str) {
    let frame = Frame::open(TRAIN, &ReadOptions::default()).unwrap();
    let mut specification = TrainingSpecification::new(algorithm, task, target);
    specification.excluded_columns = vec![excluded.to_owned()];
    specification.training_job_name = Some(name.to_owned());
    let model = Model::train(&frame, &specification, TrainingInputs::default()).unwrap();
    model.save(uri, &Precondition::None).unwrap();
}

/// A host with data and three models.
fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    host.put(TRAIN, customers(0, 300)).unwrap();
    host.put(TEST, customers(300, 120)).unwrap();
    host.run(|| {
        train("churn", CHURN, Algorithm::RandomForest, Task::Classification, "left", "spent");
        train("linear churn", LINEAR_CHURN, Algorithm::LogisticRegression, Task::Classification, "left", "spent");
        train("spending", SPENDING, Algorithm::Ridge, Task::Regression, "spent", "left");
    });
    host
}

fn call(host: &TestHost, tool: &str, arguments: Value) -> Result<Reply<Value>> {
    host.call(&plugin(), tool, arguments)
}

fn of(model: &str) -> Value {
    json!({ "model_s3_uri": model, "test_data_s3_uri": TEST })
}

fn with(mut arguments: Value, changes: Value) -> Value {
    arguments.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    arguments
}

fn pictures<R>(reply: &Reply<R>) -> usize {
    reply.content.iter().filter(|block| matches!(block, Content::Image(_))).count()
}

#[test]
fn the_server_would_load_the_plugin() {
    assert_eq!(problems(&plugin()), [""; 0]);
}

#[test]
fn no_more_arguments_are_required_than_a_call_needs() {
    let required = |tool: &str| (plugin().tool(tool).unwrap().input_schema)()["required"].clone();
    for tool in ["evaluate_classifier", "evaluate_regressor", "generate_confusion_matrix", "generate_roc_curve"] {
        assert_eq!(required(tool), json!(["model_s3_uri", "test_data_s3_uri"]), "{tool}");
    }
    assert_eq!(required("predict"), json!(["model_s3_uri", "data_s3_uri"]));
    assert_eq!(required("compare_models"), json!(["model_s3_uris", "test_data_s3_uri"]));
    assert_eq!(required("load_model"), json!(["model_s3_uri"]));
    assert_eq!(required("create_evaluation_report"), json!(["model_s3_uri", "test_data_s3_uri"]));
    assert_eq!(required("bias_check"), json!(["data_s3_uri", "facets"]));
    assert_eq!(required("save_evaluation_results"), json!(["results", "output_s3_uri"]));
}

#[test]
fn what_may_overwrite_says_so_and_what_only_looks_too() {
    for tool in plugin().tools {
        let may_overwrite = (tool.input_schema)()["properties"].get("overwrite").is_some();
        assert_eq!(tool.annotations.destructive, may_overwrite, "{}", tool.name);
        assert_eq!(tool.annotations.read_only, tool.name == "load_model", "{}", tool.name);
    }
}

#[test]
fn a_classifier_is_measured_with_intervals_and_figures() {
    let host = host();
    let reply = call(&host, "evaluate_classifier", of(CHURN)).unwrap();
    let metrics = &reply.structured["metrics"];
    assert!(metrics["accuracy"].as_f64().unwrap() > 0.7, "{metrics}");
    assert_eq!((&metrics["average"], &metrics["rows"]), (&json!("weighted"), &json!(120)));
    assert!(metrics["intervals"].as_array().unwrap().iter().any(|interval| interval["metric"] == "accuracy"));
    let kinds: Vec<&Value> =
        reply.structured["figures"].as_array().unwrap().iter().map(|figure| &figure["kind"]).collect();
    assert_eq!(kinds, ["confusion_matrix", "roc_curve", "precision_recall_curve"]);
    assert_eq!(pictures(&reply), 3);
    assert_eq!(host.uris("s3://mlops/evaluations/churn-on-test/").unwrap().len(), 7);
    let text = reply.shown_text();
    assert!(text.contains("| accuracy |") && text.contains("| yes |"), "{text}");
}

#[test]
fn the_whole_report_is_kept_and_the_answer_has_what_one_reads() {
    let host = host();
    let summary = call(&host, "evaluate_classifier", of(CHURN)).unwrap().structured;
    assert!(summary["metrics"].get("roc_curves").is_none());
    let full = call(&host, "evaluate_classifier", with(of(CHURN), json!({ "detail": "full" }))).unwrap().structured;
    assert_eq!(full["metrics"]["roc_curves"][0]["class"], "yes");
    let report: Value = serde_json::from_str(&host.text(full["report"]["uri"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(report, full["metrics"]);
}

#[test]
fn a_regressor_is_measured() {
    let host = host();
    let reply = call(&host, "evaluate_regressor", of(SPENDING)).unwrap();
    assert!(reply.structured["metrics"]["r2"].as_f64().unwrap() > 0.95, "{}", reply.structured);
    assert_eq!(pictures(&reply), 2);
    let reply = call(&host, "evaluate_regression", with(of(SPENDING), json!({ "generate_plots": false }))).unwrap();
    assert_eq!(pictures(&reply), 0);
}

#[test]
fn a_model_of_the_other_task_is_sent_to_its_own_tool() {
    let host = host();
    let fault = call(&host, "evaluate_classifier", of(SPENDING)).unwrap_err();
    assert_eq!(fault.code, "wrong_task");
    assert!(fault.hint.unwrap().contains("evaluate_regressor"));
    let fault = call(&host, "evaluate_regressor", of(CHURN)).unwrap_err();
    assert!(fault.hint.unwrap().contains("evaluate_classifier"));
    assert_eq!(call(&host, "generate_roc_curve", of(SPENDING)).unwrap_err().code, "wrong_task");
}

#[test]
fn a_caller_of_the_older_tools_is_served_unchanged() {
    let host = host();
    let arguments = with(of(CHURN), json!({ "file_format": "csv", "average": "macro" }));
    let outcome = call(&host, "model_evaluation.evaluate_classification", arguments).unwrap().structured;
    assert_eq!(outcome["metrics"]["average"], "macro");
}

#[test]
fn a_misspelt_argument_is_refused() {
    let host = host();
    let fault = call(&host, "evaluate_classifier", with(of(CHURN), json!({ "averge": "macro" }))).unwrap_err();
    assert_eq!(fault.code, "invalid_arguments");
    let fault = plugin().call("evaluate_classifier", with(of(CHURN), json!({ "averge": "macro" }))).unwrap_err();
    assert!(fault.message.contains("averge"), "{}", fault.message);
}

#[test]
fn a_confusion_matrix_has_its_numbers_beside_the_figure() {
    let host = host();
    let reply = call(&host, "generate_confusion_matrix", of(CHURN)).unwrap();
    let counts = reply.structured["counts"].as_array().unwrap();
    let total: u64 = counts.iter().flat_map(|line| line.as_array().unwrap()).map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((total, &reply.structured["classes"]), (120, &json!(["no", "yes"])));
    assert_eq!(pictures(&reply), 1);
    assert!(host.text("s3://mlops/evaluations/churn-on-test/confusion_matrix.svg").unwrap().starts_with("<svg"));
}

#[test]
fn a_roc_curve_tells_its_thresholds() {
    let host = host();
    let arguments =
        with(of(CHURN), json!({ "output_s3_uri": "s3://figures/churn", "curve_points": 10, "positive_class": "no" }));
    let reply = call(&host, "generate_roc_curve", arguments.clone()).unwrap();
    let curve = &reply.structured["curves"][0];
    assert_eq!((&curve["class"], &curve["area"]), (&json!("no"), &reply.structured["roc_auc"]));
    assert!(curve["points"].as_array().unwrap().len() <= 10);
    assert_eq!(
        host.uris("s3://figures/").unwrap(),
        ["s3://figures/churn/roc_curve.png", "s3://figures/churn/roc_curve.svg"]
    );
    assert_eq!(call(&host, "generate_roc_curve", arguments).unwrap_err().code, "object_exists");
}

#[test]
fn test_data_of_one_class_has_no_roc_curve() {
    let host = host();
    host.put("s3://data/one.csv", "usage,age,left\n10,30,yes\n20,40,yes\n").unwrap();
    let arguments = json!({ "model_s3_uri": CHURN, "test_data_s3_uri": "s3://data/one.csv" });
    assert_eq!(call(&host, "generate_roc_curve", arguments.clone()).unwrap_err().code, "roc_curve_undefined");
    let outcome = call(&host, "evaluate_classifier", arguments).unwrap().structured;
    assert!(outcome["metrics"].get("roc_auc").is_none(), "{outcome}");
}

#[test]
fn predictions_are_a_data_set_in_the_order_of_the_rows() {
    let host = host();
    let arguments = json!({ "model_s3_uri": CHURN, "data_s3_uri": TEST, "sample": 2 });
    let reply = call(&host, "predict", arguments).unwrap();
    let outcome = &reply.structured;
    assert_eq!(outcome["columns"], json!(["prediction", "probability_no", "probability_yes"]));
    assert_eq!((&outcome["rows"], outcome["sample"].as_array().unwrap().len()), (&json!(120), 2));
    let written = host.text("s3://mlops/predictions/churn-on-test.csv").unwrap();
    assert_eq!(written.lines().count(), 121);
    let arguments = json!({ "model_s3_uri": CHURN, "data_s3_uri": TEST, "output_s3_uri": "s3://out/p.xyz" });
    assert_eq!(call(&host, "predict", arguments).unwrap_err().code, "output_format_unknown");
}

#[test]
fn a_column_that_the_model_needs_and_the_data_lacks_is_named() {
    let host = host();
    host.put("s3://data/short.csv", "usage\n10\n").unwrap();
    let arguments = json!({ "model_s3_uri": CHURN, "data_s3_uri": "s3://data/short.csv" });
    let fault = call(&host, "predict", arguments).unwrap_err();
    assert!(fault.message.contains("age"), "{}", fault.message);
}

#[test]
fn models_are_ranked_and_their_differences_tested() {
    let host = host();
    let arguments = json!({ "model_s3_uris": [LINEAR_CHURN, CHURN], "test_data_s3_uri": TEST });
    let reply = call(&host, "compare_models", arguments.clone()).unwrap();
    let comparison = &reply.structured["comparison"];
    assert_eq!((&comparison["metric"], comparison["pairs"].as_array().unwrap().len()), (&json!("roc_auc"), 1));
    assert_eq!(reply.structured["best_model"], comparison["ranking"][0]["name"]);
    assert_eq!(pictures(&reply), 1);
    let code = |models: Value| {
        let arguments = with(arguments.clone(), json!({ "model_s3_uris": models }));
        call(&host, "compare_models", arguments).unwrap_err().code
    };
    assert_eq!(code(json!([CHURN, SPENDING])), "tasks_differ");
    assert_eq!(code(json!([CHURN, CHURN])), "model_repeated");
    assert_eq!(code(json!([CHURN])), "invalid_arguments");
}

#[test]
fn a_model_tells_what_it_is() {
    let host = host();
    let reply = call(&host, "load_model", json!({ "model_s3_uri": CHURN })).unwrap();
    let metadata = &reply.structured["metadata"];
    assert_eq!((&metadata["name"], &metadata["algorithm"]), (&json!("churn"), &json!("random_forest")));
    assert_eq!(reply.structured["feature_count"], 2);
    assert_eq!(reply.structured["shortened"], false);
    let fault = call(&host, "load_model", json!({ "model_s3_uri": TRAIN })).unwrap_err();
    assert_eq!(fault.kind, FaultKind::InvalidArguments);
}

#[test]
fn results_are_saved_as_json_or_for_people() {
    let host = host();
    let results = json!({ "metrics": { "accuracy": 0.875 } });
    let arguments = json!({ "results": results, "output_s3_uri": "s3://out/results.json" });
    call(&host, "save_evaluation_results", arguments.clone()).unwrap();
    let saved: Value = serde_json::from_str(&host.text("s3://out/results.json").unwrap()).unwrap();
    assert_eq!(saved, results);
    assert_eq!(call(&host, "save_evaluation_results", arguments).unwrap_err().code, "object_exists");
    let arguments = json!({ "results": results, "output_s3_uri": "s3://out/results.md" });
    let outcome = call(&host, "save_evaluation_results", arguments).unwrap().structured;
    assert_eq!(outcome["format"], "markdown");
    assert!(host.text("s3://out/results.md").unwrap().contains("| accuracy | 0.875 |"));
}
