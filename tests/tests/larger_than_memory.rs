//! A table larger than what the operator allows in memory: boosting learns from it column by column, everything else says what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fmt::Write as _;

use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

const ROWS: usize = 20_000;
/// Less than the table takes: five columns of eight bytes.
const ALLOWED_BYTES: &str = "500000";

/// Rows of numbers, with gaps, and what follows from them; and a column of text.
fn rows() -> String {
    let mut text = "a,b,c,kept,cost,city\n".to_owned();
    let mut state = 1_u64;
    let mut uniform = || {
        state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        state as f64 / 2_147_483_648.0
    };
    for _ in 0..ROWS {
        let (a, b, c) = (uniform(), uniform() * 100.0, uniform());
        let gap = if c < 0.2 { String::new() } else { c.to_string() };
        let score = a + b / 100.0 + if c < 0.2 { 1.0 } else { c };
        let kept = if score + uniform() > 2.0 { "yes" } else { "no" };
        writeln!(text, "{a},{b},{gap},{kept},{score},Kyoto").unwrap();
    }
    text
}

fn session(place: &Place, allowed: Option<&str>) -> Session {
    let mut command = place.kumiko();
    command.arg("serve");
    command.envs(allowed.map(|bytes| ("KUMIKO_FRAME_BYTES", bytes)));
    Session::open_by(command, &json!({}))
}

fn code(answer: &Value) -> &str {
    assert_eq!(answer["isError"], true, "{answer}");
    answer["_meta"]["kumiko/fault"]["code"].as_str().unwrap()
}

fn structured(answer: &Value) -> &Value {
    assert_ne!(answer["isError"], true, "{answer}");
    &answer["structuredContent"]
}

#[test]
fn boosting_learns_the_same_from_a_table_that_stays_in_its_file() {
    let place = Place::with_plugins(&["data_preparation", "ml_training"]);
    let text = place.file("rows.csv", rows());
    let parquet = place.files().join("rows.parquet");
    let parquet = parquet.to_str().unwrap();
    let mut ample = session(&place, None);
    structured(&ample.call("save_processed_data", json!({ "dataset_s3_uri": text, "output_s3_uri": parquet })));
    let mut narrow = session(&place, Some(ALLOWED_BYTES));

    for (tool, target, other) in
        [("train_supervised_classifier", "kept", "cost"), ("train_supervised_regressor", "cost", "kept")]
    {
        let arguments = json!({
            "algorithm": "xgboost", "train_data_s3_uri": parquet, "target_column": target,
            "excluded_columns": ["city", other], "hyperparameters": { "n_estimators": 20, "subsample": 0.8 },
            "generate_plots": false, "overwrite": true,
        });
        let [known, found] = [&mut ample, &mut narrow].map(|session| {
            let answer = session.call(tool, arguments.clone());
            let outcome = structured(&answer).clone();
            assert_eq!(outcome["training_rows"], ROWS, "{answer}");
            (outcome["training_metrics"].clone(), outcome["model"]["sha256"].clone())
        });
        assert_eq!(found, known, "{tool}");
    }
}

#[test]
fn what_needs_the_whole_table_is_refused_and_says_what_to_do() {
    let place = Place::with_plugins(&["data_preparation", "ml_training"]);
    let text = place.file("rows.csv", rows());
    let parquet = place.files().join("rows.parquet");
    let parquet = parquet.to_str().unwrap();
    let mut session = session(&place, None);
    structured(&session.call("save_processed_data", json!({ "dataset_s3_uri": text, "output_s3_uri": parquet })));
    let mut session = self::session(&place, Some(ALLOWED_BYTES));

    let summary = session.call("load_dataset", json!({ "s3_uri": parquet }));
    assert_eq!(code(&summary), "frame_too_large", "{summary}");
    assert!(summary.to_string().contains(ALLOWED_BYTES), "{summary}");
    let mut train = |changes: Value| {
        let mut arguments = json!({
            "algorithm": "xgboost", "train_data_s3_uri": parquet, "target_column": "kept",
            "excluded_columns": ["city"], "model_output_s3_uri": place.files().join("model.kumiko"),
        });
        arguments.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let answer = session.call("train_supervised_classifier", arguments);
        assert!(!place.files().join("model.kumiko").exists(), "{answer}");
        code(&answer).to_owned()
    };
    assert_eq!(train(json!({ "algorithm": "random_forest" })), "frame_too_large");
    assert_eq!(train(json!({ "calibration": "sigmoid" })), "frame_too_large");
    assert_eq!(train(json!({ "train_data_s3_uri": text })), "file_not_columnwise");
    assert_eq!(train(json!({ "excluded_columns": [] })), "columns_need_preparation");
    assert_eq!(train(json!({ "target_column": "keep" })), "column_not_found");
    assert_eq!(train(json!({ "hyperparameters": { "max_depth": -1 } })), "hyperparameter_out_of_range");
}
