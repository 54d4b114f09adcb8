//! The tools, called the way the server calls them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_sdk::Content;
use kumiko_sdk::prelude::{FaultKind, Reply, Result, Value};
use kumiko_test_kit::{TestHost, json, problems};
use plugin_ml_training::plugin;

const CUSTOMERS: &str = "s3://data/customers.csv";

/// Customers: who uses little and pays by the month leaves, one in ten does the opposite, one in nine has no age.
fn customers(rows: usize) -> String {
    let mut text = String::from("id,age,plan,usage,spent,target\n");
    for row in 0..rows {
        let usage = (row * 37) % 100;
        let plan = ["month", "year"][(row / 3) % 2];
        let leaves = (usage < 40 && plan == "month") != (row % 10 == 0);
        let age = if row % 9 == 0 { String::new() } else { (20 + (row * 7) % 50).to_string() };
        let spent = usage as f64 * 1.5 + if plan == "year" { 30.0 } else { 0.0 } + (row % 5) as f64;
        let target = if leaves { "leaves" } else { "stays" };
        text.push_str(&format!("{row},{age},{plan},{usage},{spent},{target}\n"));
    }
    text
}

fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    host.put(CUSTOMERS, customers(300)).unwrap();
    host.put("s3://data/held_out.csv", customers(100)).unwrap();
    host
}

fn call(host: &TestHost, tool: &str, arguments: Value) -> Result<Reply<Value>> {
    host.call(&plugin(), tool, arguments)
}

fn small_forest(changes: Value) -> Value {
    let mut arguments = json!({
        "train_data_s3_uri": CUSTOMERS, "excluded_columns": ["id"], "training_job_name": "churn",
        "hyperparameters": { "n_estimators": 10 },
    });
    arguments.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    arguments
}

#[test]
fn the_server_would_load_the_plugin() {
    assert_eq!(problems(&plugin()), [""; 0]);
}

#[test]
fn no_more_arguments_are_required_than_a_call_needs() {
    let required = |tool: &str| (plugin().tool(tool).unwrap().input_schema)()["required"].clone();
    assert_eq!(required("train_supervised_classifier"), json!(["train_data_s3_uri"]));
    assert_eq!(required("train_supervised_regressor"), json!(["train_data_s3_uri"]));
    assert_eq!(required("save_model"), json!(["model_s3_uri", "output_s3_uri"]));
}

#[test]
fn what_may_overwrite_says_so_and_what_only_looks_too() {
    for tool in plugin().tools {
        let may_overwrite = (tool.input_schema)()["properties"].get("overwrite").is_some();
        // What stops a job ends work that somebody may have waited for.
        assert_eq!(tool.annotations.destructive, may_overwrite || tool.name == "stop_training_job", "{}", tool.name);
        let looks = ["monitor_", "list_", "get_"].iter().any(|beginning| tool.name.starts_with(beginning));
        assert_eq!(tool.annotations.read_only, looks, "{}", tool.name);
    }
}

#[test]
fn a_classifier_is_trained_measured_and_kept() {
    let host = host();
    let arguments = small_forest(json!({ "validation_data_s3_uri": "s3://data/held_out.csv" }));
    let reply = call(&host, "train_supervised_classifier", arguments).unwrap();
    let outcome = &reply.structured;
    assert_eq!(outcome["classes"], json!(["leaves", "stays"]));
    assert!(outcome["training_metrics"]["accuracy"].as_f64().unwrap() > 0.8, "{outcome}");
    assert!(outcome["validation_metrics"]["roc_auc"].as_f64().unwrap() > 0.8, "{outcome}");
    assert_eq!((outcome["training_rows"].as_u64(), outcome["validation_rows"].as_u64()), (Some(300), Some(100)));
    assert_eq!(outcome["model_s3_uri"], "s3://mlops/models/churn/model.kumiko");
    assert_eq!(outcome["model"]["size_bytes"], host.bytes("s3://mlops/models/churn/model.kumiko").unwrap().len());
    assert_eq!(outcome["training_data"]["uri"], CUSTOMERS);
    assert!(outcome["feature_importances"].as_array().unwrap().iter().all(|feature| feature["feature"] != "id"));
    assert!(reply.shown_text().contains("| accuracy |"), "{}", reply.shown_text());
}

#[test]
fn figures_are_shown_and_kept_beside_the_model() {
    let host = host();
    let reply = call(&host, "train_supervised_classifier", small_forest(json!({}))).unwrap();
    assert_eq!(
        host.uris("s3://mlops/models/").unwrap(),
        [
            "s3://mlops/models/churn/model-figures/feature_importances.png",
            "s3://mlops/models/churn/model-figures/feature_importances.svg",
            "s3://mlops/models/churn/model.kumiko",
        ]
    );
    let pictures = reply.content.iter().filter(|block| matches!(block, Content::Image(_))).count();
    let links = reply.content.iter().filter(|block| matches!(block, Content::Link(_))).count();
    assert_eq!((pictures, links), (1, 3));
    let host = self::host();
    call(&host, "train_supervised_classifier", small_forest(json!({ "generate_plots": false }))).unwrap();
    assert_eq!(host.uris("s3://mlops/models/").unwrap(), ["s3://mlops/models/churn/model.kumiko"]);
}

#[test]
fn an_algorithm_that_goes_in_steps_tells_its_loss() {
    let host = host();
    let arguments = small_forest(json!({ "algorithm": "logistic_regression", "hyperparameters": {} }));
    let outcome = call(&host, "train_supervised_classifier", arguments).unwrap().structured;
    assert!(outcome["loss_curve"].as_array().unwrap().len() > 1, "{outcome}");
    let kinds: Vec<&Value> = outcome["figures"].as_array().unwrap().iter().map(|figure| &figure["kind"]).collect();
    assert_eq!(kinds, ["bars", "lines"]);
}

#[test]
fn the_same_training_gives_the_same_model_byte_for_byte() {
    let digest = |seed: u64| {
        let outcome = call(&host(), "train_supervised_classifier", small_forest(json!({ "seed": seed }))).unwrap();
        outcome.structured["model"]["sha256"].clone()
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn every_regressor_learns_a_linear_rule() {
    let host = host();
    for algorithm in ["random_forest", "linear", "ridge", "lasso", "elastic_net"] {
        let arguments = json!({
            "algorithm": algorithm, "train_data_s3_uri": CUSTOMERS, "target_column": "spent", "training_job_name": algorithm,
            "excluded_columns": ["id", "target"],
        });
        let outcome = call(&host, "train_supervised_regressor", arguments).unwrap().structured;
        assert!(outcome["training_metrics"]["r2"].as_f64().unwrap() > 0.8, "{algorithm}: {outcome}");
        assert!(outcome.get("classes").is_none());
    }
}

#[test]
fn a_caller_of_the_older_tools_is_served_unchanged() {
    let host = host();
    let arguments = json!({ "train_data_s3_uri": CUSTOMERS, "hyperparameters": null, "model_output_s3_uri": null, "file_format": "csv" });
    let outcome = call(&host, "train_classification", arguments).unwrap().structured;
    assert_eq!((&outcome["algorithm"], &outcome["target_column"]), (&json!("random_forest"), &json!("target")));
    let name = outcome["training_job_name"].as_str().unwrap();
    assert!(name.starts_with("customers-random_forest-"), "{name}");
    call(&host, "model_training.train_regression", json!({ "train_data_s3_uri": CUSTOMERS, "target_column": "spent" }))
        .unwrap();
}

#[test]
fn a_model_at_a_named_place_is_replaced_only_when_asked_to() {
    let host = host();
    let arguments = |overwrite: bool| {
        small_forest(json!({ "model_output_s3_uri": "s3://keep/best.kumiko", "overwrite": overwrite }))
    };
    call(&host, "train_supervised_classifier", arguments(false)).unwrap();
    let fault = call(&host, "train_supervised_classifier", arguments(false)).unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Conflict, "object_exists"));
    assert!(fault.hint.unwrap().contains("overwrite: true"));
    call(&host, "train_supervised_classifier", arguments(true)).unwrap();
}

#[test]
fn what_cannot_be_trained_is_refused_and_leaves_nothing() {
    let host = host();
    let code = |changes: Value| call(&host, "train_supervised_classifier", small_forest(changes)).unwrap_err().code;
    assert_eq!(code(json!({ "target_column": "churned" })), "column_not_found");
    assert_eq!(code(json!({ "train_data_s3_uri": "s3://data/none.csv" })), "object_not_found");
    assert_eq!(code(json!({ "algorithm": "lasso" })), "invalid_arguments");
    assert_eq!(code(json!({ "training_job_name": "../churn" })), "invalid_arguments");
    let fault =
        call(&host, "train_supervised_classifier", small_forest(json!({ "hyperparameters": { "n_estimator": 5 } })))
            .unwrap_err();
    assert!(fault.to_string().contains("n_estimators"), "{fault}");
    assert_eq!(host.uris("s3://mlops/").unwrap(), [""; 0]);
}

#[test]
fn a_model_is_saved_byte_for_byte() {
    let host = host();
    let trained = call(&host, "train_supervised_classifier", small_forest(json!({}))).unwrap().structured;
    let arguments = json!({ "model_s3_uri": trained["model_s3_uri"], "output_s3_uri": "s3://keep/churn.kumiko" });
    let saved = call(&host, "save_model", arguments.clone()).unwrap().structured;
    assert_eq!(saved["model"]["sha256"], trained["model"]["sha256"]);
    assert_eq!(
        host.bytes("s3://keep/churn.kumiko").unwrap(),
        host.bytes("s3://mlops/models/churn/model.kumiko").unwrap()
    );
    assert_eq!(call(&host, "save_model", arguments).unwrap_err().code, "object_exists");
}

#[test]
fn what_is_no_model_is_not_saved_as_one() {
    let host = host();
    let arguments = json!({ "model_s3_uri": CUSTOMERS, "output_s3_uri": "s3://keep/churn.kumiko" });
    assert_eq!(call(&host, "save_model", arguments).unwrap_err().kind, FaultKind::InvalidArguments);
    let arguments = json!({ "model_s3_uri": CUSTOMERS, "output_s3_uri": "s3://keep/churn.onnx", "format": "onnx" });
    let fault = call(&host, "save_model", arguments).unwrap_err();
    assert!(fault.message.contains("is no Kumiko model"), "{}", fault.message);
    assert!(!host.uris("s3://keep/").unwrap().contains(&"s3://keep/churn.onnx".to_owned()));
}
