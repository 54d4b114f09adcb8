//! XGBoost's JSON: models of Python's xgboost read here, ours read there, and files that are neither.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::path::Path;

use common::{TOLERANCE, as_json, columns, difference, ensembles, predictions, python, rows, sample};
use kumiko_exchange::{Error, Limits, xgboost};
use kumiko_learn::trees::{Link, NodeKind, NodeView, Test, TreeEnsemble, TreeView};
use kumiko_learn::{Features, Model, Predictions, Target, TrainingData, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::{Map, Value, json};

fn read(bytes: &[u8]) -> Result<xgboost::XgboostModel, Error> {
    xgboost::read(bytes, "model.json", &Limits::default())
}

fn names() -> Vec<String> {
    ["width", "height", "depth", "colour"].map(str::to_owned).to_vec()
}

#[test]
fn models_that_python_trained_predict_here_what_they_predict_there() {
    let folder = tempfile::tempdir().unwrap();
    let told = python("xgboost_peer.py", &[Path::new("train"), folder.path()]);
    let mut rewritten = Vec::new();
    for (name, told) in told.as_object().unwrap() {
        let bytes = std::fs::read(folder.path().join(format!("{name}.json"))).unwrap();
        let model = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (rows, expected) = (rows(&told["rows"]), rows(&told["predicted"]));
        let off = difference(&predictions(&model.ensemble, &rows), &expected);
        assert!(off < TOLERANCE, "{name}: {off}");
        assert_eq!(model.rounds < model.rounds_in_file, name == "stopped", "{name}");
        if name == "categories" {
            let colour = &model.features[1];
            assert!(colour.categorical && colour.name == "colour");
            assert_eq!(colour.categories.as_ref().unwrap(), &["blue", "green", "red", "violet", "yellow"]);
            let is_set = |node: &NodeView| matches!(node.kind, NodeKind::Question { test: Test::NoneOf(_), .. });
            assert!(model.ensemble.trees.iter().flat_map(|tree| &tree.nodes).any(is_set));
        }
        rewritten.push((name.clone(), model, rows, expected));
    }
    assert_eq!(rewritten.len(), 10);

    // What was read is written, and Python reads it again.
    let mut asked = Map::new();
    for (name, model, rows, _) in &rewritten {
        let features: Vec<String> = model.features.iter().map(|feature| feature.name.clone()).collect();
        let bytes = xgboost::write(&model.ensemble, &features, model.classes.as_deref()).unwrap();
        assert_eq!(read(&bytes).unwrap().ensemble.trees.len(), model.ensemble.trees.len());
        let file = folder.path().join(format!("{name} again.json"));
        std::fs::write(&file, bytes).unwrap();
        asked.insert(name.clone(), json!({ "file": file, "rows": as_json(rows) }));
    }
    let told = predicted_there(folder.path(), asked);
    for (name, _, _, expected) in &rewritten {
        let off = difference(&common::rows(&told[name]), expected);
        assert!(off < TOLERANCE, "{name}: {off}");
    }
    refused(folder.path());
}

fn refused(folder: &Path) {
    let refusal = |name: &str| read(&std::fs::read(folder.join(name)).unwrap()).unwrap_err();
    for (file, expected_kind, expected) in [
        ("dart.json", "booster", "dart"),
        ("gblinear.json", "booster", "gblinear"),
        ("gamma.json", "objective", "reg:gamma"),
    ] {
        match refusal(file) {
            Error::Unsupported { kind, found, .. } => assert_eq!((kind, found.as_str()), (expected_kind, expected)),
            other => panic!("{file}: {other:?}"),
        }
    }
    assert!(matches!(refusal("vectors.json"), Error::Unsupported { kind: "number of targets", .. }));
    let error = refusal("binary.ubj");
    assert!(matches!(error, Error::NotOfFormat { .. }) && error.to_string().contains("UBJSON"), "{error}");
}

/// What Python's xgboost says of models: for each a file and rows.
fn predicted_there(folder: &Path, asked: Map<String, Value>) -> Value {
    let file = folder.join("asked.json");
    std::fs::write(&file, Value::Object(asked).to_string()).unwrap();
    python("xgboost_peer.py", &[Path::new("predict"), &file])
}

#[test]
fn models_written_here_predict_in_python_what_they_predict_here() {
    let folder = tempfile::tempdir().unwrap();
    let rows = sample(500);
    let mut asked = Map::new();
    for (name, ensemble, classes) in ensembles() {
        let bytes = xgboost::write(&ensemble, &names(), classes.as_deref()).unwrap();
        let back = read(&bytes).unwrap();
        assert_eq!((&back.classes, back.features[3].categorical), (&classes, name != "no trees"), "{name}");
        assert!(difference(&predictions(&back.ensemble, &rows), &predictions(&ensemble, &rows)) < TOLERANCE, "{name}");
        let file = folder.path().join(format!("{name}.json"));
        std::fs::write(&file, bytes).unwrap();
        asked.insert(name.to_owned(), json!({ "file": file, "rows": as_json(&rows) }));
    }
    let told = predicted_there(folder.path(), asked);
    for (name, ensemble, _) in ensembles() {
        let off = difference(&common::rows(&told[name]), &predictions(&ensemble, &rows));
        assert!(off < TOLERANCE, "{name}: {off}");
    }
}

#[test]
fn a_model_trained_here_goes_to_python_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let rows = sample(600);
    let features = Features { names: names(), columns: columns(&rows) };
    let codes: Vec<u32> = rows.iter().map(|row| u32::from(row[0] > 0.3) + u32::from(row[1] * row[2] > 0.5)).collect();
    let target = Target::Classes { codes, classes: ["low", "middle", "high"].map(str::to_owned).to_vec() };
    let data = TrainingData { features: features.clone(), target, weights: None };
    let specification = TrainingSpecification::new(Algorithm::Xgboost, Task::Classification, "outcome");
    let model = train(&data, None, &specification.with("n_estimators", 15), &Unattended).unwrap();
    let bytes = xgboost::export(&model).unwrap();
    let file = folder.path().join("model.json");
    std::fs::write(&file, &bytes).unwrap();
    let Predictions::Classes { probabilities, .. } = model.predict(&features).unwrap() else { panic!() };
    let expected: Vec<Vec<f64>> =
        (0..rows.len()).map(|row| probabilities.iter().map(|column| f64::from(column[row])).collect()).collect();
    let asked = Map::from_iter([("model".to_owned(), json!({ "file": file, "rows": as_json(&rows) }))]);
    let told = predicted_there(folder.path(), asked);
    assert!(difference(&common::rows(&told["model"]), &expected) < TOLERANCE);

    let back = read(&bytes).unwrap().into_model("again", "outcome").unwrap();
    assert_eq!(back.metadata.signature.classes, model.metadata.signature.classes);
    let Predictions::Classes { probabilities: again, codes } = back.predict(&features).unwrap() else { panic!() };
    assert_eq!(codes.len(), rows.len());
    for (again, first) in again.iter().flatten().zip(probabilities.iter().flatten()) {
        assert!((again - first).abs() < 1e-6, "{again} {first}");
    }
    let kept = Model::from_bytes(&back.to_bytes().unwrap(), "again").unwrap();
    assert_eq!(kept.predict(&features), back.predict(&features));
}

#[test]
fn a_name_that_xgboost_does_not_take_leaves_the_names_out() {
    let (_, ensemble, _) = ensembles().remove(0);
    let mut names = names();
    names[1] = "height [cm]".to_owned();
    let back = read(&xgboost::write(&ensemble, &names, None).unwrap()).unwrap();
    assert_eq!(back.features[1].name, "f1");
}

#[test]
fn what_xgboost_has_no_words_for_is_refused() {
    let (_, mut ensemble, classes) = ensembles().remove(3);
    ensemble.link = Link::Identity;
    let error = xgboost::write(&ensemble, &names(), classes.as_deref()).unwrap_err();
    assert!(matches!(&error, Error::NotExpressible { problem, .. } if problem.contains("log odds")), "{error}");
    let (_, ensemble, _) = ensembles().remove(0);
    assert!(matches!(xgboost::write(&ensemble, &names()[1..], None), Err(Error::NotExpressible { .. })));
    let leaf = NodeView { cover: 1.0, kind: NodeKind::Leaf { values: vec![f64::NAN] } };
    let tree = TreeView { output: Some(0), nodes: vec![leaf] };
    let broken = TreeEnsemble { trees: vec![tree], ..ensemble };
    let error = xgboost::write(&broken, &names(), None).unwrap_err();
    assert!(error.to_string().contains("tree 0: its node 0"), "{error}");
}

/// A small sound document.
fn document() -> Value {
    let tree = json!({
        "left_children": [1, -1, 3, -1, -1], "right_children": [2, -1, 4, -1, -1],
        "split_indices": [0, 0, 1, 0, 0], "split_conditions": [0.5, 1.0, 0.25, 2.0, 3.0], "default_left": [1, 0, 0, 0, 0],
        "split_type": [0, 0, 1, 0, 0], "categories": [1, 3], "categories_nodes": [2], "categories_segments": [0], "categories_sizes": [2],
        "sum_hessian": [5.0, 2.0, 3.0, 1.0, 2.0], "loss_changes": [1.0, 0.0, 0.5, 0.0, 0.0],
    });
    json!({
        "learner": {
            "attributes": {}, "feature_names": [], "feature_types": [],
            "gradient_booster": { "name": "gbtree", "model": {
                "gbtree_model_param": { "num_parallel_tree": "1", "num_trees": "1" },
                "iteration_indptr": [0, 1], "tree_info": [0], "trees": [tree],
            } },
            "learner_model_param": { "base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1" },
            "objective": { "name": "reg:squarederror" },
        },
        "version": [3, 2, 0],
    })
}

/// The document with another value in one place.
fn changed(pointer: &str, value: Value) -> Vec<u8> {
    let mut document = document();
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    document.to_string().into_bytes()
}

#[test]
fn files_that_contradict_themselves_are_refused_in_words() {
    let model = read(document().to_string().as_bytes()).unwrap();
    assert_eq!(predictions(&model.ensemble, &[vec![0.0, 0.0], vec![1.0, 3.0], vec![1.0, 2.0]]), [[1.5], [3.5], [2.5]]);
    let tree = "/learner/gradient_booster/model/trees/0";
    let of_tree = |field: &str, value: Value| changed(&format!("{tree}/{field}"), value);
    for (bytes, word) in [
        (of_tree("left_children", json!([0, -1, 3, -1, -1])), "two ways lead to node 0"),
        (of_tree("left_children", json!([1, -1, 1, -1, -1])), "two ways lead to node 1"),
        (of_tree("right_children", json!([2, -1, 99, -1, -1])), "node 99 of 5"),
        (of_tree("right_children", json!([2, -1, -7, -1, -1])), "leads to node -7"),
        (of_tree("right_children", json!([2, -1, -1, -1, -1])), "leads to node -1"),
        (of_tree("right_children", json!([2])), "right_children has 1 entries for 5 nodes"),
        (of_tree("left_children", json!([])), "entries for 0 nodes"),
        (of_tree("split_indices", json!([0, 0, 2, 0, 0])), "a column that is not there"),
        (of_tree("split_indices", json!([-1, 0, 1, 0, 0])), "a column that is not there"),
        // serde_json itself refuses it where it is built to read numbers exactly.
        (of_tree("split_conditions", json!([0.5, 1e300, 0.25, 2.0, 3.0])), "inf for a condition|number out of range"),
        (of_tree("sum_hessian", json!([1.0])), "sum_hessian has 1 entries"),
        (of_tree("categories_segments", json!([1])), "categories that are not there"),
        (of_tree("categories_segments", json!([u64::MAX])), "categories that are not there"),
        (of_tree("categories_nodes", json!([1])), "node 2 has no categories"),
        (of_tree("categories", json!([1, -3])), "a category out of range"),
        (of_tree("categories", json!([1, 1 << 24])), "a category out of range"),
        (of_tree("categories_sizes", json!([])), "differ in length"),
        (of_tree("default_left", json!([2, 0, 0, 0, 0])), "expected 0, 1, true or false"),
        (changed("/learner/gradient_booster/model/iteration_indptr", json!([0, 7])), "does not divide 1 trees"),
        (changed("/learner/gradient_booster/model/tree_info", json!([1])), "class 1 of 1"),
        (changed("/learner/gradient_booster/model/tree_info", json!([])), "0 entries for 1 trees"),
        (changed("/learner/learner_model_param/num_feature", json!("99999999999999")), "at most"),
        (changed("/learner/learner_model_param/num_class", json!("-3")), "no whole number"),
        (changed("/learner/learner_model_param/num_class", json!("5")), "with 5 classes"),
        (changed("/learner/learner_model_param/base_score", json!("[1,2]")), "one for each output"),
        (changed("/learner/learner_model_param/base_score", json!("nan")), "one for each output"),
        (changed("/learner/attributes", json!({ "best_iteration": "1" })), "none of 1 rounds"),
        (changed("/learner/feature_names", json!(["one"])), "1 names"),
    ] {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. } | Error::NotOfFormat { .. }), "{word}: {error:?}");
        assert!(word.split('|').any(|word| error.to_string().contains(word)), "{word}: {error}");
    }
}

#[test]
fn bytes_that_are_no_document_are_refused_before_they_cost_anything() {
    let nested = [vec![b'['; 1 << 20], vec![b']'; 1 << 20]].concat();
    let hidden = format!("{{\"more\": {}", String::from_utf8(nested.clone()).unwrap()).into_bytes();
    let no_number = document().to_string().replace("0.25", "NaN").into_bytes();
    for bytes in [Vec::new(), b"{}".to_vec(), b"binf".to_vec(), nested, hidden, no_number, vec![0xff; 100]] {
        assert!(matches!(read(&bytes), Err(Error::NotOfFormat { .. })), "{:?}", &bytes[..bytes.len().min(20)]);
    }
    let bytes = document().to_string().into_bytes();
    let limits = Limits { bytes: 100, ..Limits::default() };
    assert!(matches!(xgboost::read(&bytes, "m", &limits), Err(Error::TooLarge { what: "bytes", .. })));
    let limits = Limits { tree_nodes: 4, ..Limits::default() };
    assert!(matches!(xgboost::read(&bytes, "m", &limits), Err(Error::TooLarge { found: 5, limit: 4, .. })));
    for length in (0..bytes.len()).step_by(13) {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
}
