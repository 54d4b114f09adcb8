//! Trainings as jobs, as far as a plugin has to do with them: what runs them is the server's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_sdk::prelude::{Reply, Result, Value};
use kumiko_test_kit::{TestHost, json};
use plugin_ml_training::plugin;

fn call(host: &TestHost, tool: &str, arguments: Value) -> Result<Reply<Value>> {
    host.call(&plugin(), tool, arguments)
}

fn create(host: &TestHost, name: &str) -> Result<Reply<Value>> {
    let arguments = json!({
        "training_job_name": name, "tool": "train_supervised_classifier", "max_runtime_seconds": 60,
        "arguments": { "train_data_s3_uri": "s3://data/a.csv" },
    });
    call(host, "create_training_job", arguments)
}

#[test]
fn a_job_is_recorded_under_its_name_with_what_its_tool_is_called_with() {
    let host = TestHost::new().unwrap();
    let state = create(&host, "night").unwrap().structured;
    assert_eq!((&state["status"], &state["terminal"]), (&json!("queued"), &json!(false)));
    let record: Value = serde_json::from_str(&host.text("s3://mlops/jobs/night/job.json").unwrap()).unwrap();
    assert_eq!(record["job"]["order"]["tool"], "train_supervised_classifier");
    assert_eq!(record["job"]["order"]["arguments"]["training_job_name"], "night");
    assert_eq!(record["job"]["order"]["maximum_seconds"], 60);
    let watched = call(&host, "monitor_training_progress", json!({ "training_job_name": "night" })).unwrap();
    assert!(watched.shown_text().contains("`night`"), "{}", watched.shown_text());
}

#[test]
fn a_name_is_given_once_and_an_unknown_one_is_told() {
    let host = TestHost::new().unwrap();
    create(&host, "night").unwrap();
    assert_eq!(create(&host, "night").unwrap_err().code, "job_exists");
    let name = json!({ "training_job_name": "nowhere" });
    for tool in ["monitor_training_progress", "stop_training_job", "get_training_results", "get_training_metrics"] {
        assert_eq!(call(&host, tool, name.clone()).unwrap_err().code, "job_not_found", "{tool}");
    }
}

#[test]
fn a_job_that_waits_is_stopped_at_once_and_has_no_model() {
    let host = TestHost::new().unwrap();
    create(&host, "night").unwrap();
    let name = json!({ "training_job_name": "night" });
    let state = call(&host, "stop_training_job", name.clone()).unwrap().structured;
    assert_eq!((&state["status"], &state["terminal"]), (&json!("stopped"), &json!(true)));
    let results = call(&host, "get_training_results", name.clone()).unwrap().structured;
    assert_eq!(results["failure"]["code"], "job_stopped");
    assert!(results.get("result").is_none(), "{results}");
    assert_eq!(call(&host, "get_training_metrics", name).unwrap_err().code, "job_without_model");
    assert_eq!(call(&host, "get_training_metrics", json!({})).unwrap_err().code, "model_ambiguous");
}

#[test]
fn jobs_are_listed_page_by_page() {
    let host = TestHost::new().unwrap();
    for name in ["a-1", "a-2", "a-3", "b-1"] {
        create(&host, name).unwrap();
    }
    let names = |list: &Value| {
        list["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["training_job_name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = call(&host, "list_training_jobs", json!({ "name_prefix": "a-", "limit": 2 })).unwrap().structured;
    assert_eq!(names(&first), ["a-1", "a-2"]);
    let rest = json!({ "name_prefix": "a-", "limit": 2, "cursor": first["cursor"] });
    let rest = call(&host, "list_training_jobs", rest).unwrap().structured;
    assert_eq!((names(&rest), rest.get("cursor")), (vec!["a-3".to_owned()], None));
}
