//! Looking at a data set: `load_dataset` and `validate_data`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{CUSTOMERS, call, host, refused};
use kumiko_sdk::FaultKind;
use kumiko_test_kit::json;

#[test]
fn a_data_set_is_described_column_by_column() {
    let host = host();
    let loaded = call(&host, "load_dataset", json!({ "s3_uri": CUSTOMERS, "sample_rows": 2 }));
    let result = &loaded.structured;
    assert_eq!(
        (&result["rows"], &result["num_columns"], &result["missing_values"]),
        (&json!(40), &json!(4), &json!(4))
    );
    assert_eq!(result["columns"][0]["missing"], 4);
    assert_eq!(result["columns"][2]["distinct"], 3);
    assert_eq!(
        result["sample"],
        json!([
            { "age": 20, "income": 1000.5, "city": "Kyoto", "churn": "yes" },
            { "age": 21, "income": 1010.5, "city": "Osaka", "churn": "no" },
        ])
    );
    assert!(loaded.shown_text().contains("- city: text, 3 different values"), "{}", loaded.shown_text());
}

#[test]
fn a_wide_data_set_is_cut_and_says_by_how_much() {
    let host = host();
    let names: Vec<String> = (0..60).map(|column| format!("c{column}")).collect();
    let cells = vec!["1"; 60].join(",");
    host.put("s3://data/wide.csv", format!("{}\n{cells}\n", names.join(","))).unwrap();
    let summary = call(&host, "load_dataset", json!({ "s3_uri": "s3://data/wide.csv" })).structured;
    assert_eq!((summary["columns"].as_array().unwrap().len(), &summary["columns_not_listed"]), (50, &json!(10)));
    assert_eq!(summary["sample"][0].as_object().unwrap().len(), 50);
    let full = call(&host, "load_dataset", json!({ "s3_uri": "s3://data/wide.csv", "detail": "full" })).structured;
    assert_eq!((full["columns"].as_array().unwrap().len(), &full["columns_not_listed"]), (60, &json!(0)));
}

#[test]
fn reading_options_reach_the_reader() {
    let host = host();
    host.put("s3://data/export.txt", "1;x\n2;-\n").unwrap();
    let options = json!({ "delimiter": ";", "header": false, "null_values": ["-"] });
    let loaded = call(
        &host,
        "load_dataset",
        json!({ "s3_uri": "s3://data/export.txt", "file_format": "csv", "read_options": options }),
    );
    assert_eq!(loaded.structured["columns"][1]["missing"], 1);
}

#[test]
fn a_data_set_that_is_not_there_is_named() {
    let fault = refused(&host(), "load_dataset", json!({ "s3_uri": "s3://data/none.csv" }));
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::NotFound, "object_not_found"));
    assert!(fault.message.contains("s3://data/none.csv"), "{}", fault.message);
}

#[test]
fn a_call_in_the_words_of_the_original_is_understood() {
    let arguments = json!({ "s3_uri": CUSTOMERS, "file_format": "csv", "required_columns": ["age", "name"], "max_missing_ratio": 0.05 });
    let validated = call(&host(), "validate_data", arguments).structured;
    assert_eq!(
        (&validated["verdict"], &validated["valid"], &validated["errors"]),
        (&json!("failed"), &json!(false), &json!(2))
    );
    let rules: Vec<&str> =
        validated["violations"].as_array().unwrap().iter().map(|found| found["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"required_column") && rules.contains(&"missing_values"), "{rules:?}");
}

#[test]
fn rules_for_columns_are_checked_with_example_rows() {
    let schema = json!({ "columns": [{ "name": "city", "allowed_values": ["Kyoto", "Osaka"] }] });
    let validated = call(&host(), "validate_data", json!({ "data_s3_uri": CUSTOMERS, "schema": schema }));
    let found = &validated.structured["violations"][0];
    assert_eq!(
        (&found["rule"], &found["count"], &found["examples"][0]),
        (&json!("allowed_values"), &json!(13), &json!({ "row": 2, "value": "Nara" }))
    );
    assert!(validated.shown_text().contains("failed"), "{}", validated.shown_text());
}

#[test]
fn a_data_set_is_given_under_exactly_one_name() {
    let neither = refused(&host(), "validate_data", json!({}));
    assert!(neither.message.contains("`data_s3_uri`"), "{}", neither.message);
    let both = refused(&host(), "validate_data", json!({ "data_s3_uri": CUSTOMERS, "s3_uri": CUSTOMERS }));
    assert_eq!(both.kind, FaultKind::InvalidArguments);
}
