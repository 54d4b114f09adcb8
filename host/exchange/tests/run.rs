//! Graphs from elsewhere: what they say here is what onnxruntime makes of them; and hostile ones are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{TOLERANCE, difference, ensembles, predictions, python, rows, sample};
use kumiko_exchange::onnx::{self, ColumnValues, Description, InputColumn, OnnxModel, OnnxPredictions};
use kumiko_exchange::{Error, Limits};
use serde_json::Value;

/// A column as the tests keep it.
enum Kept {
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

fn kept(values: &Value) -> Kept {
    let values = values.as_array().unwrap();
    if values.iter().any(Value::is_string) {
        Kept::Texts(values.iter().map(|value| value.as_str().map(str::to_owned)).collect())
    } else {
        Kept::Numbers(values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect())
    }
}

fn predict(model: &OnnxModel, columns: &[(String, Kept)]) -> Result<OnnxPredictions, Error> {
    let columns = columns.iter().map(|(name, values)| InputColumn {
        name,
        values: match values {
            Kept::Numbers(values) => ColumnValues::Numbers(values),
            Kept::Texts(values) => ColumnValues::Texts(values),
        },
    });
    model.predict(&columns.collect::<Vec<_>>())
}

/// Columns as rows.
fn turned<T: Copy + Into<f64>>(columns: &[Vec<T>]) -> Vec<Vec<f64>> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).map(|row| columns.iter().map(|column| column[row].into()).collect()).collect()
}

#[test]
fn graphs_of_other_libraries_say_here_what_they_say_in_onnxruntime() {
    let folder = tempfile::tempdir().unwrap();
    let told = python("run_peer.py", &[folder.path()]);
    let mut problems = Vec::new();
    for (name, told) in told.as_object().unwrap() {
        if let Err(problem) = check(name, told) {
            problems.push(format!("{name}: {problem}"));
        }
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), told.as_object().unwrap().len(), problems.join("\n"));
    assert!(told.as_object().unwrap().len() > 49);

    let refusal = |file: &str| {
        let bytes = std::fs::read(folder.path().join(file)).unwrap();
        OnnxModel::load(&bytes, file, &Limits::default()).unwrap_err()
    };
    match refusal("svm.onnx") {
        Error::UnsupportedOperator { operator, .. } => assert_eq!(operator, "ai.onnx.ml.SVMClassifier"),
        other => panic!("{other:?}"),
    }
    let error = refusal("outside.onnx");
    assert!(matches!(error, Error::Damaged { .. }) && error.to_string().contains("in another file"), "{error}");
    let bytes = std::fs::read(folder.path().join("double.onnx")).unwrap();
    assert!(OnnxModel::load(&bytes, "double", &Limits::default()).is_ok());
}

fn check(name: &str, told: &Value) -> Result<(), String> {
    let bytes = std::fs::read(told["file"].as_str().unwrap()).unwrap();
    let model = OnnxModel::load(&bytes, name, &Limits::default()).map_err(|error| error.to_string())?;
    let columns: Vec<(String, Kept)> =
        told["columns"].as_object().unwrap().iter().map(|(name, values)| (name.clone(), kept(values))).collect();
    let found = predict(&model, &columns).map_err(|error| error.to_string())?;
    let outputs = told["outputs"].as_array().unwrap();
    let expected = rows(outputs.last().unwrap());
    let scores = match found {
        OnnxPredictions::Classes { labels, probabilities, .. } => {
            // Where two classes are as good as equally likely, the last digit of a 32-bit sum decides.
            let is_close = |row: &Vec<f64>| {
                let mut sorted = row.clone();
                sorted.sort_by(f64::total_cmp);
                sorted.len() > 1 && sorted[sorted.len() - 1] - sorted[sorted.len() - 2] < TOLERANCE
            };
            let labelled = outputs[0].as_array().unwrap().iter().map(|label| match label {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let labelled: Vec<String> = labelled.collect();
            let pairs = labels.iter().zip(&labelled).zip(&expected);
            let wrong = pairs.filter(|((found, label), row)| found != label && !is_close(row)).count();
            if wrong > 0 || labels.len() != labelled.len() {
                return Err(format!("{wrong} labels of {} differ", labelled.len()));
            }
            turned(&probabilities)
        }
        OnnxPredictions::Values(values) => turned(&[values]),
        OnnxPredictions::Scores(columns) => turned(&columns),
    };
    let off = difference(&scores, &expected);
    if off < TOLERANCE { Ok(()) } else { Err(format!("off by {off}")) }
}

fn exported() -> Vec<(String, Vec<u8>, Vec<Vec<f64>>)> {
    let rows = sample(300);
    let made = ensembles().into_iter().map(|(name, ensemble, classes)| {
        let features = ["width", "height", "depth", "colour"].map(str::to_owned).to_vec();
        let expected = predictions(&ensemble, &rows);
        let description = Description { name: name.to_owned(), features, classes, ..Description::default() };
        (name.to_owned(), onnx::export_trees(&ensemble, description).unwrap(), expected)
    });
    made.collect()
}

/// The columns of [`sample`], in another order and with one more.
fn named_columns() -> Vec<(String, Kept)> {
    let rows = sample(300);
    let column = |position: usize| Kept::Numbers(rows.iter().map(|row| row[position]).collect());
    vec![
        ("colour".to_owned(), column(3)),
        ("width".to_owned(), column(0)),
        ("other".to_owned(), Kept::Texts(vec![None; 300])),
        ("depth".to_owned(), column(2)),
        ("height".to_owned(), column(1)),
    ]
}

#[test]
fn our_own_graphs_read_columns_by_name_and_predict_what_the_model_predicts() {
    for (name, bytes, expected) in exported() {
        let model = OnnxModel::load(&bytes, &name, &Limits::default()).unwrap();
        let found = match predict(&model, &named_columns()).unwrap() {
            OnnxPredictions::Values(values) => turned(&[values]),
            OnnxPredictions::Classes { labels, classes, probabilities } => {
                let classes = classes.unwrap();
                for (row, label) in labels.iter().enumerate() {
                    let code = classes.iter().position(|class| class == label).unwrap();
                    assert!(probabilities.iter().all(|column| column[row] <= probabilities[code][row]), "{name}");
                }
                turned(&probabilities)
            }
            OnnxPredictions::Scores(_) => panic!("{name}"),
        };
        assert!(difference(&found, &expected) < TOLERANCE, "{name}");
        let mut columns = named_columns();
        columns.remove(1);
        let error = predict(&model, &columns).unwrap_err();
        assert_eq!(error, Error::MissingColumns { missing: vec!["width".to_owned()] });
        let mut columns = named_columns();
        columns[1].1 = Kept::Texts(vec![None; 300]);
        assert!(matches!(predict(&model, &columns), Err(Error::Input { .. })));
    }
}

#[test]
fn bytes_changed_or_cut_short_never_end_in_anything_but_an_error_or_a_prediction() {
    let limits = Limits { elements: 1 << 20, work: 1 << 26, ..Limits::default() };
    let (_, bytes, _) = exported().remove(1);
    let mut loaded = 0;
    let mut attempt = |bytes: &[u8]| {
        if let Ok(model) = OnnxModel::load(bytes, "changed", &limits) {
            loaded += 1;
            let _ = predict(&model, &named_columns());
        }
    };
    for length in (0..bytes.len()).step_by(bytes.len() / 200) {
        attempt(&bytes[..length]);
    }
    for position in (0..bytes.len()).step_by(bytes.len() / 800) {
        for value in [0, 0x7f, 0xff, bytes[position] ^ 1] {
            let mut changed = bytes.clone();
            changed[position] = value;
            attempt(&changed);
        }
    }
    assert!(loaded > 100, "{loaded}");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_made() {
    let (_, bytes, _) = exported().remove(0);
    let load = |limits: Limits| OnnxModel::load(&bytes, "model", &limits);
    let refused = |limits: Limits, expected: &str| match load(limits) {
        Err(Error::TooLarge { what, .. }) => assert_eq!(what, expected),
        other => panic!("{expected}: {other:?}"),
    };
    refused(Limits { bytes: 100, ..Limits::default() }, "bytes");
    refused(Limits { parts: 50, ..Limits::default() }, "parts");
    refused(Limits { operators: 2, ..Limits::default() }, "operators");
    assert!(load(Limits { tree_nodes: 5, ..Limits::default() }).is_err());
    for limits in [Limits { elements: 100, ..Limits::default() }, Limits { work: 1_000, ..Limits::default() }] {
        let error = predict(&load(limits).unwrap(), &named_columns()).unwrap_err();
        assert!(matches!(error, Error::Run { .. }), "{error}");
    }
    // A graph of ten million empty nodes, two bytes each.
    let nodes: Vec<u8> = [0x0a, 0x00].repeat(10_000_000);
    let mut hostile = vec![0x3a];
    let mut length = nodes.len();
    while length >= 0x80 {
        hostile.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    hostile.push(length as u8);
    hostile.extend(nodes);
    let limits = Limits { parts: 1 << 20, ..Limits::default() };
    assert!(matches!(OnnxModel::load(&hostile, "m", &limits), Err(Error::TooLarge { what: "parts", .. })));
}

#[test]
fn what_is_no_graph_is_refused_in_words() {
    for bytes in [Vec::new(), b"KUMIKOML".to_vec(), b"{\"learner\": 1}".to_vec(), vec![0xff; 64], vec![8, 7]] {
        let error = OnnxModel::load(&bytes, "file", &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::NotOfFormat { .. }), "{bytes:?}: {error:?}");
    }
}
