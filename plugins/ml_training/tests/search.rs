//! The search for hyperparameters, called the way the server calls it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_sdk::prelude::{Reply, Result, Value};
use kumiko_test_kit::{TestHost, json};
use plugin_ml_training::plugin;

const DATA: &str = "s3://data/points.csv";

/// Two classes inside and outside a circle, with a column of noise and one of text; one cell in eleven is missing.
fn points(rows: usize) -> String {
    let mut text = String::from("x,y,noise,kind,target\n");
    for row in 0..rows {
        let (x, y) = (((row * 37) % 101) as f64 / 50.0 - 1.0, ((row * 53) % 97) as f64 / 48.0 - 1.0);
        let cell = if row % 11 == 0 { String::new() } else { x.to_string() };
        let target = if x * x + y * y < 0.6 { "inside" } else { "outside" };
        text.push_str(&format!("{cell},{y},{},{},{target}\n", (row * 7) % 13, ["a", "b"][row % 2]));
    }
    text
}

fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    host.put(DATA, points(240)).unwrap();
    host
}

fn search(host: &TestHost, changes: Value) -> Result<Reply<Value>> {
    let mut arguments = json!({
        "train_data_s3_uri": DATA, "algorithm": "random_forest", "max_trials": 6, "n_folds": 3, "training_job_name": "circle",
        "search_space": { "max_depth": { "low": 1, "high": 8 }, "n_estimators": [5, 10] },
    });
    arguments.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    host.call(&plugin(), "hyperparameter_optimization", arguments)
}

#[test]
fn the_best_settings_are_trained_on_all_rows_and_kept() {
    let host = host();
    let reply = search(&host, json!({ "max_trials": 12 })).unwrap();
    let outcome = &reply.structured;
    let trials = outcome["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 12);
    let scores: Vec<f64> = trials.iter().map(|trial| trial["score"].as_f64().unwrap()).collect();
    let best = scores.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(outcome["best_score"].as_f64(), Some(best));
    assert_eq!(outcome["metric"], "roc_auc");
    assert!(best > 0.9, "{outcome}");
    let chosen = &trials[outcome["best_trial"].as_u64().unwrap() as usize - 1];
    assert_eq!(chosen["hyperparameters"]["max_depth"], outcome["best_hyperparameters"]["max_depth"]);
    assert_eq!(outcome["model"]["hyperparameters"]["max_depth"], outcome["best_hyperparameters"]["max_depth"]);
    assert_eq!(outcome["model"]["training_rows"], 240);
    let uris = host.uris("s3://mlops/models/circle/").unwrap();
    assert!(uris.contains(&"s3://mlops/models/circle/model.kumiko".to_owned()), "{uris:?}");
    assert!(uris.contains(&"s3://mlops/models/circle/model-figures/search_course.png".to_owned()), "{uris:?}");
    // Depth decides here, the number of trees hardly.
    assert_eq!(outcome["parameter_importances"][0]["hyperparameter"], "max_depth", "{outcome}");
    assert!(reply.shown_text().contains("did best"), "{}", reply.shown_text());
}

#[test]
fn the_same_search_again_measures_nothing_anew_and_comes_to_the_same() {
    let host = host();
    let first = search(&host, json!({})).unwrap().structured;
    assert_eq!(first["resumed_measurements"], 0);
    let model = host.bytes("s3://mlops/models/circle/model.kumiko").unwrap();
    let again = search(&host, json!({})).unwrap().structured;
    assert_eq!(again["resumed_measurements"], 6);
    assert_eq!(again["trials"], first["trials"]);
    assert_eq!(host.bytes("s3://mlops/models/circle/model.kumiko").unwrap(), model);
    let more = search(&host, json!({ "max_trials": 9 })).unwrap().structured;
    assert_eq!(more["resumed_measurements"], 6);
    assert_eq!(more["trials"].as_array().unwrap()[..6], first["trials"].as_array().unwrap()[..]);
    // Other data is another search.
    host.put(DATA, points(200)).unwrap();
    assert_eq!(search(&host, json!({})).unwrap().structured["resumed_measurements"], 0);
}

#[test]
fn a_search_that_was_cut_off_goes_on_where_it_was() {
    let (whole, cut) = (host(), host());
    let expected = search(&whole, json!({})).unwrap().structured;
    // What a search leaves that ended after its first batches.
    search(&cut, json!({ "max_trials": 4 })).unwrap();
    let resumed = search(&cut, json!({})).unwrap().structured;
    assert_eq!(resumed["resumed_measurements"], 4);
    let scores = |outcome: &Value| {
        outcome["trials"]
            .as_array()
            .unwrap()
            .iter()
            .map(|trial| (trial["hyperparameters"].clone(), trial["score"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(scores(&resumed), scores(&expected));
}

#[test]
fn a_grid_tries_every_combination_and_refuses_more_than_was_asked_for() {
    let host = host();
    let space = json!({ "max_depth": [2, 4, 6], "n_estimators": [5, 10] });
    let fault = search(&host, json!({ "strategy": "grid", "search_space": space, "max_trials": 5 })).unwrap_err();
    assert_eq!(fault.code, "grid_too_large");
    let outcome =
        search(&host, json!({ "strategy": "grid", "search_space": space, "max_trials": 100 })).unwrap().structured;
    let tried: Vec<&Value> =
        outcome["trials"].as_array().unwrap().iter().map(|trial| &trial["hyperparameters"]).collect();
    assert_eq!(tried.len(), 6);
    assert_eq!(tried[0], &json!({ "max_depth": 2, "n_estimators": 5 }));
}

#[test]
fn successive_halving_measures_few_on_all_rows_and_drops_the_rest() {
    let host = host();
    let outcome = search(
        &host,
        json!({ "early_stopping": "successive_halving", "strategy": "random", "max_trials": 9, "search_space": {
            "max_depth": { "low": 1, "high": 12 }, "min_samples_leaf": { "low": 1, "high": 20 },
        }, "hyperparameters": { "n_estimators": 5 } }),
    )
    .unwrap()
    .structured;
    let trials = outcome["trials"].as_array().unwrap();
    let shares: Vec<f64> = trials.iter().map(|trial| trial["row_share"].as_f64().unwrap()).collect();
    let count = |share: f64| shares.iter().filter(|other| (**other - share).abs() < 1e-9).count();
    assert_eq!((count(1.0 / 9.0), count(1.0 / 3.0), count(1.0)), (6, 2, 1), "{shares:?}");
    assert_eq!(trials.iter().filter(|trial| trial["status"] == "completed").count(), 1);
}

#[test]
fn settings_that_cannot_be_trained_are_told_and_do_not_end_the_search() {
    let host = host();
    let outcome =
        search(&host, json!({ "search_space": { "max_depth": [3, 0, 5] }, "strategy": "grid", "hyperparameters": { "n_estimators": 5 } }))
            .unwrap()
            .structured;
    let failed = &outcome["trials"][1];
    assert_eq!(failed["status"], "failed");
    assert!(failed["failure"].as_str().unwrap().contains("max_depth"), "{failed}");
    assert!(outcome["notes"][0].as_str().unwrap().contains("1 of 3"), "{outcome}");
    let fault = search(&host, json!({ "search_space": { "max_depth": [0, -1] }, "strategy": "grid" })).unwrap_err();
    assert_eq!(fault.code, "no_trial_succeeded");
    assert!(fault.message.contains("max_depth"), "{fault}");
}

#[test]
fn rows_that_cannot_be_dealt_to_the_parts_are_refused_in_words() {
    let host = host();
    host.put("s3://data/rare.csv", "x,target\n1,a\n2,a\n3,a\n4,b\n5,a\n6,a\n").unwrap();
    let fault = search(&host, json!({ "train_data_s3_uri": "s3://data/rare.csv" })).unwrap_err();
    assert_eq!(fault.code, "class_too_small");
    assert!(fault.message.contains("`b`"), "{fault}");
    let fault = search(&host, json!({ "metric": "rmse" })).unwrap_err();
    assert_eq!(fault.code, "metric_invalid");
    let fault = search(&host, json!({ "target_column": "nothing" })).unwrap_err();
    assert_eq!(fault.code, "column_not_found");
    let fault = search(&host, json!({ "fold_method": "time" })).unwrap_err();
    assert!(fault.message.contains("column"), "{fault}");
}

#[test]
fn groups_stay_together_and_the_past_predicts_the_future() {
    let host = host();
    for method in ["grouped", "time"] {
        let outcome = search(&host, json!({ "fold_method": method, "fold_column": "noise", "max_trials": 2 }))
            .unwrap()
            .structured;
        assert!(outcome["best_score"].as_f64().unwrap() > 0.5, "{outcome}");
        // The column that rows are dealt by is in the data and no feature of a part's model.
        assert_eq!(outcome["trials"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_search_that_nobody_waits_for_ends() {
    let host = host();
    host.cancel();
    assert_eq!(search(&host, json!({})).unwrap_err().code, "cancelled");
}
