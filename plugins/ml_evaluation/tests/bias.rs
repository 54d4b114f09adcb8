//! `bias_check`, called the way the server calls it, on data whose bias can be counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_sdk::frames::Frame;
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects::Precondition;
use kumiko_sdk::prelude::{Reply, Result, Value};
use kumiko_sdk::vocabulary::data::ReadOptions;
use kumiko_sdk::vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use kumiko_test_kit::{TestHost, json};
use plugin_ml_evaluation::plugin;

const DATA: &str = "s3://data/people.csv";
const MODEL: &str = "s3://mlops/models/hiring.kumiko";
const PAY: &str = "s3://mlops/models/pay.kumiko";

/// 240 people: of the women one in four is hired, of the men three in four. Twelve have no sex. `guess` is right but for every
/// twelfth person, whom it calls hired.
fn people() -> String {
    let mut text = String::from("sex,age,skill,town,hired,guess\n");
    for person in 0..240 {
        let sex = if person % 20 == 0 {
            ""
        } else if person % 2 == 0 {
            "male"
        } else {
            "female"
        };
        let place = (person / 2) % 4;
        let hired = if person % 2 == 0 { place != 0 } else { place == 0 };
        let skill = if hired { 5.0 } else { 2.0 } + (person % 7) as f64 / 10.0;
        let yes = |hired: bool| if hired { "yes" } else { "no" };
        let town = ["north", "south", "west"][person % 3];
        text.push_str(&format!(
            "{sex},{},{skill},{town},{},{}\n",
            20 + person % 40,
            yes(hired),
            yes(hired || person % 12 == 0)
        ));
    }
    text
}

fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    host.put(DATA, people()).unwrap();
    host
}

/// The same host with two models: one of the labels, one of the skill.
fn host_with_models() -> TestHost {
    let host = host();
    host.run(|| {
        let frame = Frame::open(DATA, &ReadOptions::default()).unwrap();
        for (uri, task, algorithm, target, excluded) in [
            (MODEL, Task::Classification, Algorithm::RandomForest, "hired", ["guess", "town", "sex"]),
            (PAY, Task::Regression, Algorithm::Ridge, "skill", ["guess", "town", "sex"]),
        ] {
            let mut specification = TrainingSpecification::new(algorithm, task, target);
            specification.excluded_columns = excluded.map(str::to_owned).to_vec();
            specification.training_job_name = Some(target.to_owned());
            let model = Model::train(&frame, &specification, TrainingInputs::default()).unwrap();
            model.save(uri, &Precondition::None).unwrap();
        }
    });
    host
}

fn call(host: &TestHost, changes: Value) -> Result<Reply<Value>> {
    let mut arguments = json!({
        "data_s3_uri": DATA,
        "label_column": "hired",
        "facets": [{ "column": "sex", "values": ["female"] }],
        "bootstrap_samples": 50
    });
    arguments.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    host.call(&plugin(), "bias_check", arguments)
}

fn value(facet: &Value, stage: &str, measure: &str) -> f64 {
    metric(facet, stage, measure)["value"].as_f64().unwrap()
}

fn metric(facet: &Value, stage: &str, measure: &str) -> Value {
    let metrics = facet[stage].as_array().unwrap();
    metrics.iter().find(|metric| metric["measure"] == measure).unwrap().clone()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn data_alone_is_measured_without_a_model() {
    let host = host();
    let reply = call(&host, json!({ "group_column": "town" })).unwrap();
    let outcome = &reply.structured;
    let bias = &outcome["bias"];
    assert_eq!((&bias["positive"], bias.get("predictions")), (&json!("yes"), None));
    let facet = &bias["facets"][0];
    // Every twentieth of the 240, a man each, has no sex.
    assert_eq!((&facet["facet"], &facet["rows"], &facet["rest"]), (&json!("sex = female"), &json!(120), &json!(108)));
    close(value(facet, "pre_training", "CI"), (108.0 - 120.0) / 228.0);
    // Of the twelve without a sex, numbers 0, 20, 40 …, every second (0, 40, 80 …) is in place 0, 20, 40 … of the men: not hired is
    // who has half of the number divisible by four, which are 0, 40, 80, 120, 160, 200; six men of 30.
    close(value(facet, "pre_training", "DPL"), (90.0 - 6.0) / 108.0 - 30.0 / 120.0);
    assert!(metric(facet, "pre_training", "DPL")["lower"].as_f64().unwrap() > 0.0);
    assert!(value(facet, "pre_training", "CDDL") > 0.2);
    assert!(facet.get("post_training").is_none());
    let notes = outcome["notes"].to_string();
    assert!(notes.contains("12 rows without a facet value"), "{notes}");
    let text = reply.shown_text();
    assert!(text.contains("| DPL, Difference in proportions of labels |") && text.contains("sex = female"), "{text}");
    assert_eq!(
        host.uris("s3://mlops/evaluations/bias-of-people/").unwrap(),
        ["bias.json", "bias.png", "bias.svg", "bias_unbounded.png", "bias_unbounded.svg"]
            .map(|name| format!("s3://mlops/evaluations/bias-of-people/{name}"))
    );
    let stored = host.text("s3://mlops/evaluations/bias-of-people/bias.json").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap()["facets"], bias["facets"]);
}

#[test]
fn predictions_of_a_column_are_measured() {
    let host = host();
    let changes = json!({ "predicted_label_column": "guess", "group_column": "town", "generate_plots": false });
    let outcome = call(&host, changes).unwrap().structured;
    assert_eq!(outcome["bias"]["predictions"], "the column `guess`");
    let facet = &outcome["bias"]["facets"][0];
    // Only men, whose numbers are even, are guessed too well: no error about women.
    close(value(facet, "post_training", "RD"), 0.0);
    assert!(value(facet, "post_training", "AD") < 0.0);
    assert!(value(facet, "post_training", "DI") < 0.4);
    assert_eq!(value(facet, "post_training", "TE"), 0.0);
    assert_eq!(facet["post_training"].as_array().unwrap().len(), 13);
    // By the skill every woman's neighbours among the men have her own outcome.
    let changes = json!({ "predicted_label_column": "hired", "flip_test_columns": ["skill"], "generate_plots": false });
    let outcome = call(&host, changes).unwrap().structured;
    close(value(&outcome["bias"]["facets"][0], "post_training", "FT"), 0.0);
}

#[test]
fn a_models_predictions_are_measured_and_name_the_model() {
    let host = host_with_models();
    let reply = call(&host, json!({ "model_s3_uri": MODEL, "label_column": null })).unwrap();
    let outcome = &reply.structured;
    assert_eq!((&outcome["model"]["name"], &outcome["bias"]["label_column"]), (&json!("hired"), &json!("hired")));
    assert_eq!(outcome["bias"]["predictions"], "the model `hired`");
    let facet = &outcome["bias"]["facets"][0];
    // The skill gives the label away, so the model repeats what the labels say.
    close(value(facet, "post_training", "AD"), 0.0);
    close(value(facet, "post_training", "DPPL"), value(facet, "pre_training", "DPL"));
    assert_eq!(metric(facet, "post_training", "CDDPL")["absent"], "no group column was given");
    let notes = outcome["notes"].to_string();
    assert!(notes.contains("columns of numbers alone, without `town`, `guess`"), "{notes}");
    assert!(outcome["evaluation_name"] == "bias-of-hired-on-people", "{outcome}");
}

#[test]
fn numbers_are_parted_by_a_threshold() {
    let host = host_with_models();
    let changes = json!({
        "facets": [{ "column": "age", "threshold": 39 }], "label_column": "skill", "label_threshold": 3.5,
        "model_s3_uri": PAY, "generate_plots": false
    });
    let outcome = call(&host, changes.clone()).unwrap().structured;
    assert_eq!(outcome["bias"]["positive"], "above 3.5");
    let facet = &outcome["bias"]["facets"][0];
    // Ages go from 20 to 59, each six times.
    assert_eq!((&facet["facet"], &facet["rows"], &facet["rest"]), (&json!("age above 39"), &json!(120), &json!(120)));
    close(value(facet, "pre_training", "CI"), 0.0);
    assert_eq!(facet["post_training"].as_array().unwrap().len(), 13);
    let mut without = changes;
    without.as_object_mut().unwrap().remove("label_threshold");
    without["positive_labels"] = json!([5]);
    assert_eq!(call(&host, without).unwrap_err().code, "label_threshold_missing");
}

#[test]
fn without_values_each_value_is_measured_against_the_others() {
    let host = host();
    let changes = json!({ "facets": [{ "column": "town" }, { "column": "sex" }], "bootstrap_samples": 0 });
    let outcome = call(&host, changes).unwrap().structured;
    let facets: Vec<&str> =
        outcome["bias"]["facets"].as_array().unwrap().iter().map(|facet| facet["facet"].as_str().unwrap()).collect();
    assert_eq!(facets, ["town = north", "town = south", "town = west", "sex = female", "sex = male"]);
    let labels = |position: usize| value(&outcome["bias"]["facets"][position], "pre_training", "DPL");
    close(labels(3), -labels(4));
    assert!(outcome["bias"]["facets"][0]["pre_training"][0].get("lower").is_none());
}

#[test]
fn what_does_not_fit_is_refused_and_says_what_would() {
    let host = host_with_models();
    let code = |changes: Value| {
        let fault = call(&host, changes).unwrap_err();
        (fault.code.clone(), format!("{} {}", fault.message, fault.hint.unwrap_or_default()))
    };
    let (found, words) = code(json!({ "facets": [{ "column": "sex", "values": ["woman"] }] }));
    assert!(found == "value_not_found" && words.contains("`female`, `male`"), "{words}");
    let (found, words) = code(json!({ "facets": [{ "column": "gender" }] }));
    assert!(found == "column_not_found" && words.contains("facet column `gender`"), "{words}");
    assert_eq!(code(json!({ "facets": [{ "column": "age" }] })).0, "too_many_facet_values");
    assert_eq!(code(json!({ "facets": [{ "column": "sex", "threshold": 1 }] })).0, "threshold_of_text");
    assert_eq!(code(json!({ "label_column": "town" })).0, "positive_label_missing");
    assert_eq!(code(json!({ "label_column": null })).0, "label_column_missing");
    assert_eq!(code(json!({ "model_s3_uri": MODEL, "predicted_label_column": "guess" })).0, "predictions_twice");
    assert_eq!(
        code(json!({ "model_s3_uri": MODEL, "label_column": "town", "positive_labels": ["north"] })).0,
        "positive_label_unknown"
    );
    assert_eq!(
        code(json!({ "flip_test_columns": ["height"], "predicted_label_column": "guess" })).0,
        "column_not_found"
    );
    assert_eq!(code(json!({ "facets": [] })).0, "invalid_arguments");
    assert_eq!(code(json!({ "facet": "sex" })).0, "invalid_arguments");
}
