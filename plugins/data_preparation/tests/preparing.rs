//! From raw rows to features: splitting, fitting on the training rows alone, applying to the others.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{CUSTOMERS, call, column, host, refused, uri};
use kumiko_sdk::Content;
use kumiko_test_kit::json;

#[test]
fn a_data_set_becomes_three_parts_that_have_every_row_once() {
    let host = host();
    let split =
        call(&host, "split_dataset", json!({ "dataset_s3_uri": CUSTOMERS, "method": "stratified", "column": "churn" }));
    let rows: Vec<u64> =
        split.structured["written"].as_array().unwrap().iter().map(|part| part["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, [28, 6, 6]);
    let leaving = |field| column(&host, &uri(&split, field), "churn")["top_values"][1]["count"].as_u64().unwrap();
    assert_eq!(leaving("train_data_s3_uri"), 7);
    assert!(uri(&split, "test_data_s3_uri").starts_with("s3://mlops/processed/customers-"));
    assert_eq!(split.content.iter().filter(|block| matches!(block, Content::Link(_))).count(), 3);
}

#[test]
fn a_share_of_nothing_is_not_written() {
    let split = call(&host(), "split_dataset", json!({ "s3_uri": CUSTOMERS, "test_size": 0.25 })).structured;
    assert!(split.get("validation_data_s3_uri").is_none());
    assert_eq!((&split["written"][0]["rows"], &split["written"][1]["rows"]), (&json!(30), &json!(10)));
}

#[test]
fn what_was_fitted_on_training_rows_is_applied_unchanged_to_test_rows() {
    let host = host();
    let split = call(&host, "split_dataset", json!({ "dataset_s3_uri": CUSTOMERS, "test_ratio": 0.25 }));
    let train = uri(&split, "train_data_s3_uri");
    let arguments = json!({ "dataset_s3_uri": train, "target_column": "churn", "task_type": "classification" });
    let fitted = call(&host, "preprocess_supervised", arguments);
    assert_eq!((&fitted.structured["num_samples"], &fitted.structured["num_features"]), (&json!(30), &json!(5)));

    let test = uri(&split, "test_data_s3_uri");
    let applied = call(
        &host,
        "apply_preprocessing",
        json!({ "dataset_s3_uri": test, "pipeline_uri": uri(&fitted, "pipeline_uri") }),
    );
    assert_eq!((&applied.structured["rows_given"], &applied.structured["num_samples"]), (&json!(10), &json!(10)));
    assert_eq!(applied.structured["columns"], fitted.structured["columns"]);

    // Scaled by the training rows' mean and deviation, the test rows' mean is that of neither.
    let raw = column(&host, &test, "income")["numeric"]["mean"].as_f64().unwrap();
    let learnt = &column(&host, &train, "income")["numeric"];
    let deviation = learnt["standard_deviation"].as_f64().unwrap() * (29.0_f64 / 30.0).sqrt();
    let expected = (raw - learnt["mean"].as_f64().unwrap()) / deviation;
    let scaled = column(&host, &uri(&applied, "data_s3_uri"), "income")["numeric"]["mean"].as_f64().unwrap();
    assert!((scaled - expected).abs() < 1e-9, "{scaled} {expected}");
}

#[test]
fn a_call_in_the_words_of_the_original_prepares_both_parts() {
    let host = host();
    let arguments = json!({
        "s3_uri": CUSTOMERS, "target_column": "churn", "file_format": "csv", "test_size": 0.2, "normalize": true, "handle_missing": "drop",
        "encode_categorical": true, "output_s3_uri": "s3://data/out",
    });
    let fitted = call(&host, "preprocess_supervised", arguments);
    let result = &fitted.structured;
    assert_eq!(
        (&result["task_type"], &result["test_data_s3_uri"]),
        (&json!("classification"), &json!("s3://data/out/test.parquet"))
    );
    let dropped = result["left_out"]["rows_with_missing_values"].as_u64().unwrap();
    assert_eq!(result["num_samples"].as_u64().unwrap() + dropped, 32);
    assert_eq!(
        host.uris("s3://data/out/").unwrap(),
        ["s3://data/out/pipeline.json", "s3://data/out/test.parquet", "s3://data/out/train.parquet"]
    );
    assert!(result["target_distribution"]["classes"].as_array().unwrap().len() == 2, "{result}");
}

#[test]
fn the_task_follows_from_the_target_where_it_is_not_given() {
    let host = host();
    for (target, task) in [("churn", "classification"), ("income", "regression"), ("age", "regression")] {
        let fitted =
            call(&host, "preprocess_supervised", json!({ "dataset_s3_uri": CUSTOMERS, "target_column": target }));
        assert_eq!(fitted.structured["task_type"], task, "{target}");
    }
}

#[test]
fn a_target_that_is_not_there_is_named_with_those_that_are() {
    for arguments in [json!({}), json!({ "test_size": 0.5 })] {
        let mut arguments = arguments;
        arguments["dataset_s3_uri"] = json!(CUSTOMERS);
        arguments["target_column"] = json!("chrun");
        let fault = refused(&host(), "preprocess_supervised", arguments);
        assert_eq!(fault.code, "column_not_found");
        assert!(fault.message.contains("chrun"), "{}", fault.message);
    }
}

#[test]
fn a_picture_of_the_classes_comes_when_asked_for() {
    let arguments = json!({ "dataset_s3_uri": CUSTOMERS, "target_column": "churn", "generate_plots": true });
    let fitted = call(&host(), "preprocess_supervised", arguments);
    assert!(
        fitted.content.iter().any(|block| matches!(block, Content::Image(image) if image.data.starts_with(b"\x89PNG")))
    );
}

#[test]
fn features_that_hardly_vary_or_repeat_another_are_left_out() {
    let host = host();
    host.put("s3://data/points.csv", "a,b,c,d\n1,2,5,3\n2,4,5,1\n3,6,5,2\n4,8,5,9\n").unwrap();
    let arguments =
        json!({ "dataset_s3_uri": "s3://data/points.csv", "variance_threshold": 0, "correlation_threshold": 0.99 });
    let fitted = call(&host, "preprocess_unsupervised", arguments).structured;
    let names: Vec<&str> =
        fitted["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "d"]);
}

#[test]
fn trajectories_get_returns_and_advantages() {
    let host = host();
    host.put("s3://data/episodes.csv", "x,act,reward,done\n0,1,1,0\n1,0,1,0\n2,1,1,1\n0,0,2,0\n1,1,2,1\n").unwrap();
    let arguments = json!({
        "dataset_s3_uri": "s3://data/episodes.csv", "observation_columns": ["x"], "action_column": "act", "reward_column": "reward",
        "done_column": "done", "gamma": 0.5, "normalize": false,
    });
    let fitted = call(&host, "preprocess_reinforcement", arguments);
    let steps = call(&host, "load_dataset", json!({ "s3_uri": uri(&fitted, "train_data_s3_uri") })).structured;
    let returns: Vec<f64> =
        steps["sample"].as_array().unwrap().iter().map(|step| step["discounted_return"].as_f64().unwrap()).collect();
    assert_eq!(returns, [1.75, 1.5, 1.0, 3.0, 2.0]);
    assert!(steps["sample"][0].get("advantage").is_some());
}

#[test]
fn engineered_features_are_learnt_on_one_part_and_made_on_another() {
    let host = host();
    host.put("s3://data/a.csv", "x\n0\n1\n2\n3\n").unwrap();
    host.put("s3://data/b.csv", "x\n-5\n3\n").unwrap();
    let steps = json!([
        { "step": "binning", "columns": ["x"], "bins": 2, "method": "uniform" },
        { "step": "sql", "query": "SELECT *, x * 2 AS twice FROM data" },
    ]);
    let fitted = call(&host, "feature_engineering", json!({ "dataset_s3_uri": "s3://data/a.csv", "steps": steps }));
    let applied = call(
        &host,
        "apply_preprocessing",
        json!({ "s3_uri": "s3://data/b.csv", "pipeline_s3_uri": uri(&fitted, "pipeline_uri") }),
    );
    let made = call(&host, "load_dataset", json!({ "s3_uri": uri(&applied, "data_s3_uri") })).structured;
    assert_eq!(made["sample"], json!([{ "x": -5, "x_bin": 0, "twice": -10 }, { "x": 3, "x_bin": 1, "twice": 6 }]));
}
