//! A fitted pipeline in the graph: raw columns go in, by their names, and what comes out is what the pipeline and the model say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::path::Path;

use common::{Numbers, TOLERANCE, difference, python, rows};
use kumiko_exchange::onnx::{self, ColumnValues, InputColumn, OnnxModel, OnnxPredictions};
use kumiko_exchange::{Error, Limits};
use kumiko_learn::{Features, Model, Predictions, Target, TrainingData, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::{Value, json};

const ROWS: usize = 400;

/// A pipeline as `kumiko-frames` saves it, with a column for each treatment.
fn pipeline() -> Value {
    let column = |name: &str, data_type: &str| json!({ "name": name, "data_type": data_type });
    let plan = |name: &str, treatment: Value, outputs: &[&str]| json!({ "name": name, "treatment": treatment, "outputs": outputs });
    let category = |fill: &str, categories: &[&str], method: Value| json!({ "category": { "fill": fill, "categories": categories, "method": method } });
    let target = json!({ "target": { "means": [["0.25", "0.75"]], "overall": ["0.4"], "suffixes": [""] } });
    json!({
        "format": "kumiko-pipeline", "version": 1, "specification": {}, "output_columns": [], "fit": {},
        "input_columns": [
            column("age", "integer"), column("income", "number"), column("member", "boolean"), column("colour", "text"),
            column("size", "text"), column("city", "text"), column("street", "text"), column("note", "text"), column("kept", "number"),
        ],
        "learnt": { "table": { "target": "outcome", "drop_missing": false, "columns": [
            plan("age", json!({ "number": { "fill": "41", "offset": "40.5", "factor": "0.1" } }), &["age"]),
            plan("income", json!({ "number": { "fill": "51234.5", "offset": "0", "factor": "1" } }), &["income"]),
            plan("member", json!({ "boolean": { "fill": true } }), &["member"]),
            plan("colour", category("green", &["blue", "green", "red"], json!("one_hot")), &["colour_blue", "colour_green", "colour_red"]),
            plan("size", category("large", &["large", "small"], json!("ordinal")), &["size"]),
            plan("city", category("Rome", &["Paris", "Rome"], json!({ "frequency": { "shares": ["0.3", "0.7"] } })), &["city"]),
            plan("street", category("A", &["A", "B"], target), &["street"]),
            plan("note", json!({ "dropped": { "reason": "it was asked for" } }), &[]),
            plan("kept", json!("passthrough"), &["kept"]),
        ] } },
    })
}

/// Raw columns, with gaps and with categories that the pipeline has not seen.
struct Raw {
    numbers: Vec<(&'static str, Vec<f64>)>,
    texts: Vec<(&'static str, Vec<Option<String>>)>,
}

fn raw() -> Raw {
    let mut numbers = Numbers(23);
    let column = |numbers: &mut Numbers, gaps: f64, make: &dyn Fn(f64) -> f64| {
        (0..ROWS).map(|_| if numbers.next() < gaps { f64::NAN } else { make(numbers.next()) }).collect::<Vec<f64>>()
    };
    let texts = |numbers: &mut Numbers, words: &[&str]| {
        let word = |numbers: &mut Numbers| words[numbers.below(words.len())].to_owned();
        (0..ROWS).map(|_| if numbers.next() < 0.1 { None } else { Some(word(numbers)) }).collect()
    };
    Raw {
        numbers: vec![
            ("age", column(&mut numbers, 0.1, &|value| (18.0 + value * 60.0).floor())),
            ("income", column(&mut numbers, 0.1, &|value| 1e5 * value * value)),
            ("member", column(&mut numbers, 0.1, &|value| value.round())),
            ("kept", column(&mut numbers, 0.0, &|value| value)),
        ],
        texts: vec![
            ("colour", texts(&mut numbers, &["blue", "green", "red", "violet"])),
            ("size", texts(&mut numbers, &["large", "small", "tiny"])),
            ("city", texts(&mut numbers, &["Paris", "Rome", "Oslo"])),
            ("street", texts(&mut numbers, &["A", "B", "C"])),
        ],
    }
}

/// What the pipeline makes of the columns, by what its documentation says each treatment does.
fn prepared(raw: &Raw) -> Features {
    let number = |name: &str| &raw.numbers.iter().find(|(own, _)| *own == name).unwrap().1;
    let text = |name: &str| &raw.texts.iter().find(|(own, _)| *own == name).unwrap().1;
    let mut features = Features::default();
    let mut add = |name: &str, values: Vec<f64>| {
        features.names.push(name.to_owned());
        features.columns.push(values.into_iter().map(|value| value as f32).collect());
    };
    let filled = |name: &str, fill: f64| -> Vec<f64> {
        number(name).iter().map(|value| if value.is_nan() { fill } else { *value }).collect()
    };
    let looked_up = |name: &str, fill: &str, table: &[(&str, f64)], unseen: f64| -> Vec<f64> {
        let of = |word: &str| table.iter().find(|(own, _)| *own == word).map_or(unseen, |(_, value)| *value);
        text(name).iter().map(|word| of(word.as_deref().unwrap_or(fill))).collect()
    };
    // Not in the pipeline's order: the model reads by name.
    add("kept", number("kept").clone());
    add("age", filled("age", 41.0).into_iter().map(|value| (value - 40.5) * 0.1).collect());
    add("income", filled("income", 51_234.5));
    add("member", filled("member", 1.0));
    for colour in ["red", "blue", "green"] {
        add(&format!("colour_{colour}"), looked_up("colour", "green", &[(colour, 1.0)], 0.0));
    }
    add("size", looked_up("size", "large", &[("large", 0.0), ("small", 1.0)], -1.0));
    add("city", looked_up("city", "Rome", &[("Paris", 0.3), ("Rome", 0.7)], 0.0));
    add("street", looked_up("street", "A", &[("A", 0.25), ("B", 0.75)], 0.4));
    features
}

fn model(features: &Features, algorithm: Algorithm) -> Model {
    let factors = [1.0, 1.0, 1e-5, 1.0, 2.0, -1.0, 0.5, 0.3, 1.0, 1.0];
    let score = |row: usize| {
        features.columns.iter().zip(factors).map(|(column, factor)| f64::from(column[row]) * factor).sum::<f64>()
    };
    let codes = (0..ROWS).map(|row| u32::from(score(row) > 2.0)).collect();
    let target = Target::Classes { codes, classes: vec!["no".to_owned(), "yes".to_owned()] };
    let specification = TrainingSpecification::new(algorithm, Task::Classification, "outcome");
    let data = TrainingData { features: features.clone(), target, weights: None };
    let mut model = train(&data, None, &specification, &Unattended).unwrap();
    model.preprocessing = Some(pipeline().to_string().into_bytes());
    model
}

#[test]
fn raw_columns_go_in_and_the_predictions_of_pipeline_and_model_come_out() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw();
    let features = prepared(&raw);
    let mut columns: serde_json::Map<String, Value> =
        raw.numbers.iter().map(|(name, values)| ((*name).to_owned(), json!(values))).collect();
    columns.extend(raw.texts.iter().map(|(name, values)| ((*name).to_owned(), json!(values))));
    let mut asked = serde_json::Map::new();
    let mut expected = Vec::new();
    for algorithm in [Algorithm::LogisticRegression, Algorithm::Xgboost] {
        let model = model(&features, algorithm);
        let bytes = onnx::export(&model).unwrap();
        let Predictions::Classes { probabilities, .. } = model.predict(&features).unwrap() else { panic!() };
        let probabilities: Vec<Vec<f64>> =
            (0..ROWS).map(|row| probabilities.iter().map(|column| f64::from(column[row])).collect()).collect();

        // Here.
        let loaded = OnnxModel::load(&bytes, "model", &Limits::default()).unwrap();
        let given: Vec<InputColumn<'_>> = (raw.numbers.iter())
            .map(|(name, values)| InputColumn { name, values: ColumnValues::Numbers(values) })
            .chain(raw.texts.iter().map(|(name, values)| InputColumn { name, values: ColumnValues::Texts(values) }))
            .collect();
        let OnnxPredictions::Classes { probabilities: found, .. } = loaded.predict(&given).unwrap() else { panic!() };
        let found: Vec<Vec<f64>> =
            (0..ROWS).map(|row| found.iter().map(|column| f64::from(column[row])).collect()).collect();
        assert!(difference(&found, &probabilities) < TOLERANCE, "{algorithm:?}");
        let error = loaded.predict(&given[1..]).unwrap_err();
        assert_eq!(error, Error::MissingColumns { missing: vec!["age".to_owned()] });

        let file = folder.path().join(format!("{}.onnx", algorithm.as_str()));
        std::fs::write(&file, bytes).unwrap();
        asked.insert(algorithm.as_str().to_owned(), json!({ "file": file, "columns": columns }));
        expected.push((algorithm, probabilities));
    }
    // In onnxruntime.
    let file = folder.path().join("asked.json");
    std::fs::write(&file, Value::Object(asked).to_string()).unwrap();
    let told = python("onnx_peer.py", &[Path::new("run"), &file]);
    for (algorithm, probabilities) in expected {
        let told = &told[algorithm.as_str()];
        assert_eq!(told["inputs"]["age"], json!(["tensor(double)", ["N", 1]]));
        assert_eq!(told["inputs"]["colour"], json!(["tensor(string)", ["N", 1]]));
        assert!(told["inputs"].get("note").is_none());
        let off = difference(&rows(&told["outputs"]["probabilities"]), &probabilities);
        assert!(off < TOLERANCE, "{algorithm:?}: {off}");
    }
}

#[test]
fn what_has_no_graph_is_refused_by_its_name() {
    let features = prepared(&raw());
    let mut model = model(&features, Algorithm::LogisticRegression);
    let mut refused = |change: &dyn Fn(&mut Value)| {
        let mut pipeline = pipeline();
        change(&mut pipeline);
        model.preprocessing = Some(pipeline.to_string().into_bytes());
        match onnx::export(&model) {
            Err(Error::NotExpressible { what, problem, .. }) => format!("{what}: {problem}"),
            other => panic!("{other:?}"),
        }
    };
    let told = refused(&|pipeline| pipeline["learnt"] = json!({ "features": [] }));
    assert!(told.contains("`features`"), "{told}");
    let told = refused(&|pipeline| {
        pipeline["learnt"]["table"]["columns"][3]["treatment"]["category"]["method"] = json!("none")
    });
    assert!(told.contains("`colour`"), "{told}");
    let told = refused(&|pipeline| pipeline["input_columns"][3]["data_type"] = json!("integer"));
    assert!(told.contains("`colour`") && told.contains("integer"), "{told}");
    let told = refused(&|pipeline| pipeline["learnt"]["table"]["columns"][0]["outputs"] = json!(["years"]));
    assert!(told.contains("`age`"), "{told}");
    let told = refused(&|pipeline| pipeline["version"] = json!(2));
    assert!(told.contains("kumiko-pipeline 2"), "{told}");
    let told =
        refused(&|pipeline| pipeline["learnt"]["table"]["columns"][0]["treatment"]["number"]["fill"] = json!("many"));
    assert!(told.contains("no number"), "{told}");
}
