//! Models that other programs wrote: they predict here what they predict there, and are measured like any other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::process::Command;

use kumiko_tests::{Place, Session, provided, repository};
use serde_json::{Value, json};

fn structured(result: &Value) -> &Value {
    assert_ne!(result["isError"], true, "{result}");
    &result["structuredContent"]
}

/// Makes models and data sets, and tells what the models predict.
fn made(folder: &Path) -> Value {
    let script = repository().join("tests/clients/other_models.py");
    let output = Command::new(provided("KUMIKO_PYTHON")).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn graphs_and_trees_from_elsewhere_predict_here_what_they_predict_there() {
    let place = Place::with_plugins(&["ml_evaluation"]);
    let told = made(&place.files());
    let mut session = Session::open(&place);
    for (model, data, probability) in [
        ("named.onnx", "rows.csv", Some("kept")),
        ("counted.onnx", "numbers.csv", None),
        ("trees.json", "numbers.csv", Some("0")),
    ] {
        let [model_uri, data] = [model, data].map(|name| place.files().join(name));
        let arguments = json!({ "model_s3_uri": model_uri, "data_s3_uri": data, "sample": 100 });
        let answer = session.call("predict", arguments);
        let outcome = structured(&answer);
        assert_eq!(outcome["rows"], 200, "{answer}");
        for (row, shown) in outcome["sample"].as_array().unwrap().iter().enumerate() {
            let expected = &told[model]["prediction"][row];
            match (&shown["prediction"], expected) {
                (Value::Number(found), Value::Number(expected)) => {
                    let [found, expected] = [found, expected].map(|number| number.as_f64().unwrap());
                    assert!((found - expected).abs() < 1e-5, "{model} row {row}: {found} {expected}");
                }
                (found, expected) => assert_eq!(found, expected, "{model} row {row}"),
            }
            if let Some(class) = probability {
                let found = shown[format!("probability_{class}")].as_f64().unwrap();
                let expected = told[model][class][row].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-5, "{model} row {row}: {found} {expected}");
            }
        }
    }
    // Whether a prediction is right can be told of any model.
    let measured = session.call(
        "evaluate_classifier",
        json!({
            "model_s3_uri": place.files().join("named.onnx"), "test_data_s3_uri": place.files().join("rows.csv"),
            "generate_plots": false,
        }),
    );
    let accuracy = structured(&measured)["metrics"]["accuracy"].as_f64();
    assert_eq!(accuracy, told["named.onnx"]["accuracy"].as_f64(), "{measured}");
    // Boosted trees are explained as well; a graph is not.
    let explained = |session: &mut Session, model: &str| {
        let arguments = json!({
            "model_s3_uri": place.files().join(model), "data_s3_uri": place.files().join("numbers.csv"), "generate_plots": false,
        });
        session.call("calculate_shap_values", arguments)
    };
    structured(&explained(&mut session, "trees.json"));
    let refused = explained(&mut session, "counted.onnx");
    assert_eq!(refused["_meta"]["kumiko/fault"]["code"], "model_is_a_graph", "{refused}");
}

#[test]
fn a_file_that_is_no_model_of_any_kind_is_refused_in_words() {
    let place = Place::with_plugins(&["ml_evaluation"]);
    let data = place.file("rows.csv", "a,target\n1,2\n");
    let mut session = Session::open(&place);
    let files: [(&str, &[u8]); 3] =
        [("json.json", b"{\"learner\": 3}"), ("graph.onnx", b"\x08\x08\x12\x05hello"), ("pickle.pkl", b"\x80\x04\x95")];
    for (name, bytes) in files {
        std::fs::write(place.files().join(name), bytes).unwrap();
        let arguments = json!({ "model_s3_uri": place.files().join(name), "data_s3_uri": data });
        let refused = session.call("predict", arguments);
        assert_eq!(refused["isError"], true, "{refused}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}
