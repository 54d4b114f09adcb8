//! Models as ONNX graphs, run by onnxruntime: its predictions are those of the native model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::path::Path;

use common::{Numbers, TOLERANCE, as_json, difference, ensembles, predictions, python, rows, sample};
use kumiko_exchange::onnx::{self, Description};
use kumiko_learn::{Features, Model, Predictions, Target, TrainingData, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Calibration, Task, TrainingSpecification};
use serde_json::{Map, Value, json};

/// What onnxruntime says of models: for each a file, and rows or columns.
fn run(folder: &Path, asked: Map<String, Value>) -> Value {
    let file = folder.join("asked.json");
    std::fs::write(&file, Value::Object(asked).to_string()).unwrap();
    python("onnx_peer.py", &[Path::new("run"), &file])
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn trees_of_every_kind_predict_in_onnxruntime_what_they_predict_here() {
    let folder = tempfile::tempdir().unwrap();
    let rows = sample(500);
    let mut asked = Map::new();
    for (name, ensemble, classes) in ensembles() {
        let features = names(&["width", "height", "depth", "colour"]);
        let description = Description { name: name.to_owned(), features, classes, ..Description::default() };
        let file = folder.path().join(format!("{name}.onnx"));
        std::fs::write(&file, onnx::export_trees(&ensemble, description).unwrap()).unwrap();
        asked.insert(name.to_owned(), json!({ "file": file, "rows": as_json(&rows) }));
    }
    let told = run(folder.path(), asked);
    for (name, ensemble, classes) in ensembles() {
        let output = if classes.is_some() { "probabilities" } else { "prediction" };
        let expected = predictions(&ensemble, &rows);
        let found = common::rows(&told[name]["outputs"][output]);
        let off = difference(&found, &expected);
        assert!(off < TOLERANCE, "{name}: {off}");
        let Some(classes) = classes else { continue };
        let whole = classes.iter().all(|class| class.parse::<i64>().is_ok());
        for (label, row) in told[name]["outputs"]["label"].as_array().unwrap().iter().zip(&found) {
            let likeliest = (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
            let class = &classes[likeliest];
            assert_eq!(*label, if whole { json!(class.parse::<i64>().unwrap()) } else { json!(class) }, "{name}");
        }
    }
}

/// Rows that a model can learn something from: four columns, of which some are on large scales.
fn data() -> Features {
    let mut numbers = Numbers(5);
    let scales = [1.0, 1e-3, 250.0, 30_000.0];
    let columns = scales.map(|scale| (0..400).map(|_| ((numbers.next() - 0.3) * scale) as f32).collect()).to_vec();
    Features { names: names(&["one", "two words", "three", "four"]), columns }
}

fn trained(features: &Features, algorithm: Algorithm, classes: Option<&[&str]>, settings: &[(&str, Value)]) -> Model {
    calibrated(features, algorithm, classes, settings, None)
}

fn calibrated(
    features: &Features,
    algorithm: Algorithm,
    classes: Option<&[&str]>,
    settings: &[(&str, Value)],
    calibration: Option<Calibration>,
) -> Model {
    let score = |row: usize| {
        let value = |column: usize, scale: f64| f64::from(features.columns[column][row]) / scale;
        value(0, 1.0) + value(1, 1e-3) * value(2, 250.0) * 3.0 - value(3, 30_000.0)
    };
    let scores: Vec<f64> = (0..features.rows()).map(score).collect();
    let (target, task) = match classes {
        None => (Target::Values(scores.iter().map(|score| score * 1e5 + 3e6).collect()), Task::Regression),
        Some(classes) => {
            let edges = [-0.3, 0.3];
            let code = |score: f64| edges.iter().take(classes.len() - 1).filter(|edge| score > **edge).count() as u32;
            let codes = scores.iter().map(|score| code(*score)).collect();
            (Target::Classes { codes, classes: names(classes) }, Task::Classification)
        }
    };
    let mut specification =
        TrainingSpecification { calibration, ..TrainingSpecification::new(algorithm, task, "outcome") };
    for (name, value) in settings {
        specification = specification.with(*name, value.clone());
    }
    let data = TrainingData { features: features.clone(), target, weights: None };
    let mut model = train(&data, None, &specification, &Unattended).unwrap();
    model.metadata.server_version = Some("0.1.0".to_owned());
    model
}

/// A model of every algorithm and task.
fn models(features: &Features) -> Vec<(&'static str, Model)> {
    let words: Option<&[&str]> = Some(&["no", "yes"]);
    let three: Option<&[&str]> = Some(&["1", "2", "10"]);
    let few = [("n_estimators", json!(20))];
    let layers = |activation: &str| {
        [
            ("hidden_layer_sizes", json!([9, 7])),
            ("activation", json!(activation)),
            ("max_iter", json!(20)),
            ("batch_norm", json!(true)),
        ]
    };
    vec![
        ("forest of two", trained(features, Algorithm::RandomForest, words, &few)),
        ("forest of three", trained(features, Algorithm::RandomForest, three, &few)),
        ("forest of numbers", trained(features, Algorithm::RandomForest, None, &few)),
        ("boosting of two", trained(features, Algorithm::Xgboost, words, &few)),
        ("boosting of three", trained(features, Algorithm::Xgboost, three, &few)),
        ("boosting of numbers", trained(features, Algorithm::Xgboost, None, &few)),
        ("network of two", trained(features, Algorithm::NeuralNetwork, words, &layers("relu"))),
        ("network of three", trained(features, Algorithm::NeuralNetwork, three, &layers("tanh"))),
        ("network of numbers", trained(features, Algorithm::NeuralNetwork, None, &layers("logistic"))),
        ("logistic", trained(features, Algorithm::LogisticRegression, words, &[])),
        ("multinomial", trained(features, Algorithm::LogisticRegression, three, &[])),
        ("calibrated forest", calibrated(features, Algorithm::RandomForest, words, &few, Some(Calibration::Isotonic))),
        ("calibrated boosting", calibrated(features, Algorithm::Xgboost, three, &few, Some(Calibration::Isotonic))),
        ("calibrated network", {
            calibrated(features, Algorithm::NeuralNetwork, three, &layers("relu"), Some(Calibration::Sigmoid))
        }),
        ("calibrated logistic", {
            calibrated(features, Algorithm::LogisticRegression, words, &[], Some(Calibration::Sigmoid))
        }),
        ("linear", trained(features, Algorithm::Linear, None, &[])),
        ("lasso", trained(features, Algorithm::Lasso, None, &[])),
    ]
}

#[test]
fn every_algorithm_predicts_in_onnxruntime_what_it_predicts_here() {
    let folder = tempfile::tempdir().unwrap();
    let features = data();
    let models = models(&features);
    let by_row: Vec<Vec<f64>> = (0..features.rows())
        .map(|row| features.columns.iter().map(|column| f64::from(column[row])).collect())
        .collect();
    let mut asked = Map::new();
    for (name, model) in &models {
        let file = folder.path().join(format!("{name}.onnx"));
        std::fs::write(&file, onnx::export(model).unwrap()).unwrap();
        asked.insert((*name).to_owned(), json!({ "file": file, "rows": as_json(&by_row) }));
    }
    let told = run(folder.path(), asked);
    for (name, model) in &models {
        let told = &told[*name];
        assert_eq!(told["inputs"]["input"], json!(["tensor(float)", ["N", 4]]), "{name}");
        assert_eq!(told["name"], json!(model.metadata.name));
        assert_eq!(told["properties"]["version"], "0.1.0");
        assert_eq!(told["properties"]["target"], "outcome");
        assert_eq!(told["properties"]["features"], json!(features.names).to_string());
        match model.predict(&features).unwrap() {
            Predictions::Clusters { .. } | Predictions::Components(_) => panic!("such models are not written"),
            Predictions::Values(values) => {
                let expected: Vec<Vec<f64>> = values.into_iter().map(|value| vec![value]).collect();
                let off = difference(&rows(&told["outputs"]["prediction"]), &expected);
                assert!(off < TOLERANCE, "{name}: {off}");
            }
            Predictions::Classes { codes, probabilities } => {
                let expected: Vec<Vec<f64>> = (0..codes.len())
                    .map(|row| probabilities.iter().map(|of_class| f64::from(of_class[row])).collect())
                    .collect();
                let off = difference(&rows(&told["outputs"]["probabilities"]), &expected);
                assert!(off < TOLERANCE, "{name}: {off}");
                let classes = model.metadata.signature.classes.as_ref().unwrap();
                let labels = codes.iter().map(|code| match classes[*code as usize].parse::<i64>() {
                    Ok(number) => json!(number),
                    Err(_) => json!(classes[*code as usize]),
                });
                assert_eq!(told["outputs"]["label"], labels.collect::<Value>(), "{name}");
            }
        }
    }
}
