//! Where results go, and that nothing is lost on the way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{CUSTOMERS, call, column, host, refused, uri};
use kumiko_sdk::{Content, FaultKind};
use kumiko_test_kit::json;

#[test]
fn the_same_call_again_writes_the_same_bytes_to_the_same_place() {
    let host = host();
    let arguments = json!({ "dataset_s3_uri": CUSTOMERS, "target_column": "churn", "test_size": 0.25 });
    let first = call(&host, "preprocess_supervised", arguments.clone()).structured;
    let second = call(&host, "preprocess_supervised", arguments.clone()).structured;
    assert_eq!(first, second);

    let mut other = arguments;
    other["seed"] = json!(7);
    assert_ne!(call(&host, "preprocess_supervised", other).structured["pipeline_uri"], first["pipeline_uri"]);
}

#[test]
fn other_bytes_under_the_same_uri_get_another_place() {
    let host = host();
    let arguments = json!({ "dataset_s3_uri": CUSTOMERS, "test_ratio": 0.5 });
    let before = uri(&call(&host, "split_dataset", arguments.clone()), "test_data_s3_uri");
    host.put(CUSTOMERS, "a\n1\n2\n3\n4\n").unwrap();
    assert_ne!(uri(&call(&host, "split_dataset", arguments), "test_data_s3_uri"), before);
}

#[test]
fn a_named_place_is_not_written_over_unless_asked_to() {
    let host = host();
    host.put("s3://data/out.parquet", "precious").unwrap();
    let mut arguments =
        json!({ "dataset_s3_uri": CUSTOMERS, "target_column": "churn", "output_s3_uri": "s3://data/out.parquet" });
    let fault = refused(&host, "preprocess_supervised", arguments.clone());
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Conflict, "object_exists"));
    assert!(fault.hint.unwrap().contains("overwrite"));
    assert_eq!(host.text("s3://data/out.parquet").unwrap(), "precious");
    assert_eq!(host.uris("s3://data/out").unwrap().len(), 1);

    arguments["overwrite"] = json!(true);
    call(&host, "preprocess_supervised", arguments);
    assert!(host.bytes("s3://data/out.parquet").unwrap().starts_with(b"PAR1"));
    assert_eq!(host.uris("s3://data/out").unwrap(), ["s3://data/out.parquet", "s3://data/out.pipeline.json"]);
}

#[test]
fn classes_are_balanced_and_counted_before_and_after() {
    let host = host();
    let arguments = json!({ "dataset_s3_uri": CUSTOMERS, "target_column": "churn", "method": "random_over", "generate_plots": true });
    let balanced = call(&host, "apply_class_imbalance_handling", arguments);
    let result = &balanced.structured;
    assert_eq!(result["before"], json!([{ "value": "no", "count": 30 }, { "value": "yes", "count": 10 }]));
    assert_eq!(result["after"], json!([{ "value": "no", "count": 30 }, { "value": "yes", "count": 30 }]));
    assert_eq!(balanced.content.iter().filter(|block| matches!(block, Content::Image(_))).count(), 2);
    assert_eq!(balanced.shown_text().lines().next(), Some("Before: no 30, yes 10"));
}

#[test]
fn class_weights_are_a_column() {
    let host = host();
    let arguments = json!({ "dataset_s3_uri": CUSTOMERS, "target_column": "churn", "method": "class_weights" });
    let balanced = call(&host, "apply_class_imbalance_handling", arguments);
    assert_eq!(balanced.structured["weight_column"], "sample_weight");
    let weights = column(&host, &uri(&balanced, "train_data_s3_uri"), "sample_weight");
    assert_eq!(weights["numeric"]["maximum"], 2.0);
}

#[test]
fn a_data_set_is_saved_in_the_format_that_its_name_says() {
    let host = host();
    let saved = call(
        &host,
        "save_processed_data",
        json!({ "dataset_s3_uri": CUSTOMERS, "output_s3_uri": "s3://out/customers.ndjson.gz" }),
    );
    assert_eq!((&saved.structured["format"], &saved.structured["written"]["rows"]), (&json!("ndjson"), &json!(40)));
    assert!(host.bytes("s3://out/customers.ndjson.gz").unwrap().starts_with(&[0x1f, 0x8b]));
    assert_eq!(column(&host, "s3://out/customers.ndjson.gz", "income")["numeric"]["minimum"], 1000.5);
}

#[test]
fn saving_over_something_needs_the_word() {
    let host = host();
    let arguments = json!({ "dataset_s3_uri": CUSTOMERS, "output_s3_uri": CUSTOMERS });
    assert_eq!(refused(&host, "save_processed_data", arguments).code, "object_exists");
    let arguments =
        json!({ "dataset_s3_uri": CUSTOMERS, "output_s3_uri": CUSTOMERS, "delimiter": ";", "overwrite": true });
    call(&host, "save_processed_data", arguments);
    assert!(host.text(CUSTOMERS).unwrap().starts_with("age;income;city;churn\n"));
}
