//! Models as bytes, and what happens to bytes that are no model; columns matched by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, names, sample, train, unlabelled, without_target};
use kumiko_learn::{Error, Features, Model, Predictions};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::learning::{Algorithm, Calibration, DataOrigin, Task, TrainingSpecification};
use serde_json::json;
use sha2::{Digest, Sha256};

fn models() -> Vec<Model> {
    let sample = sample();
    let specification = |algorithm, task| {
        let specification = TrainingSpecification::new(algorithm, task, "target");
        match algorithm {
            Algorithm::RandomForest | Algorithm::Xgboost => specification.with("n_estimators", 5),
            Algorithm::NeuralNetwork => specification.with("max_iter", 3).with("hidden_layer_sizes", vec![6, 5]),
            _ => specification,
        }
    };
    [
        (sample.binary(), Algorithm::RandomForest, Task::Classification),
        (sample.multinomial(), Algorithm::RandomForest, Task::Classification),
        (sample.regression(), Algorithm::RandomForest, Task::Regression),
        (sample.binary(), Algorithm::Xgboost, Task::Classification),
        (sample.multinomial(), Algorithm::Xgboost, Task::Classification),
        (sample.regression(), Algorithm::Xgboost, Task::Regression),
        (sample.binary(), Algorithm::LogisticRegression, Task::Classification),
        (sample.multinomial(), Algorithm::LogisticRegression, Task::Classification),
        (sample.regression(), Algorithm::Linear, Task::Regression),
        (sample.regression(), Algorithm::ElasticNet, Task::Regression),
        (sample.binary(), Algorithm::NeuralNetwork, Task::Classification),
        (sample.multinomial(), Algorithm::NeuralNetwork, Task::Classification),
        (sample.regression(), Algorithm::NeuralNetwork, Task::Regression),
    ]
    .map(|(data, algorithm, task)| train(&data, &specification(algorithm, task)).unwrap())
    .into_iter()
    .chain(calibrated())
    .chain(unsupervised())
    .collect()
}

fn calibrated() -> Vec<Model> {
    let sample = sample();
    [
        (sample.binary(), Algorithm::RandomForest, Calibration::Isotonic),
        (sample.multinomial(), Algorithm::LogisticRegression, Calibration::Sigmoid),
    ]
    .map(|(data, algorithm, method)| {
        let specification = TrainingSpecification::new(algorithm, Task::Classification, "target");
        train(&data, &TrainingSpecification { calibration: Some(method), ..specification }).unwrap()
    })
    .to_vec()
}

fn unsupervised() -> Vec<Model> {
    let data = unlabelled(&sample().features);
    [
        (Algorithm::Kmeans, json!({ "n_clusters": 3 })),
        (Algorithm::Dbscan, json!({ "eps": 0.8 })),
        (Algorithm::GaussianMixture, json!({ "n_components": 2 })),
        (Algorithm::GaussianMixture, json!({ "n_components": 3, "covariance_type": "tied" })),
        (Algorithm::GaussianMixture, json!({ "n_components": 2, "covariance_type": "spherical" })),
        (Algorithm::Pca, json!({ "n_components": 2 })),
        (Algorithm::Tsne, json!({ "max_iter": 250, "n_components": 3 })),
        (Algorithm::Autoencoder, json!({ "max_iter": 3, "hidden_layer_sizes": [5], "n_clusters": 2 })),
    ]
    .map(|(algorithm, hyperparameters)| train(&data, &without_target(algorithm, hyperparameters)).unwrap())
    .to_vec()
}

#[test]
fn every_estimator_comes_back_from_its_bytes_as_it_was() {
    let features = sample().features;
    for mut model in models() {
        model.preprocessing = Some(b"{\"steps\": []}".to_vec());
        model.metadata.training_data =
            Some(DataOrigin { uri: Some("s3://data/rows.csv".to_owned()), sha256: Some("ab".repeat(32)) });
        model.metadata.server_version = Some("0.1.0".to_owned());
        assert!(model.metadata.training_seconds.is_some());
        let bytes = model.to_bytes().unwrap();
        let back = Model::from_bytes(&bytes, "model").unwrap();
        assert_eq!(back.predict(&features), model.predict(&features));
        assert_eq!((&back.estimator, &back.preprocessing), (&model.estimator, &model.preprocessing));
        assert_eq!(back.metadata.training_data, model.metadata.training_data);
        assert_eq!(back.metadata.training_seconds, None);
        assert!(back.to_bytes().unwrap() == bytes);
    }
}

#[test]
fn a_model_cut_short_anywhere_is_refused() {
    for model in models() {
        let bytes = model.to_bytes().unwrap();
        let steps = (0..100).chain((100..bytes.len()).step_by(97));
        for length in steps.chain([bytes.len() - 1]) {
            let error = Model::from_bytes(&bytes[..length], "short.kumiko").unwrap_err();
            match &error {
                Error::ModelTruncated { .. } => assert!(error.to_string().contains("short.kumiko")),
                Error::NotAModel { .. } => assert_eq!(length, 0),
                other => panic!("{length}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_model_with_any_byte_changed_is_refused() {
    let bytes = models().remove(3).to_bytes().unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x10;
        assert!(Model::from_bytes(&changed, "changed").is_err(), "byte {position}");
    }
}

/// The file with the digest that a careful forger would give it.
fn forged(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 32;
    let digest = Sha256::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&digest);
    bytes
}

#[test]
fn forged_bytes_with_a_right_digest_never_panic_nor_predict_nonsense() {
    let mut generator = Generator::new(6);
    let features = sample().features;
    for model in models() {
        let bytes = model.to_bytes().unwrap();
        for _ in 0..400 {
            let mut changed = bytes.clone();
            let position = 36 + (generator.next() * (bytes.len() - 68) as f64) as usize;
            changed[position] = (generator.next() * 256.0) as u8;
            if let Ok(model) = Model::from_bytes(&forged(changed), "forged") {
                match model.predict(&features) {
                    Ok(Predictions::Classes { codes, .. }) => {
                        let classes = model.metadata.signature.classes.unwrap().len() as u32;
                        assert!(codes.len() == 300 && codes.iter().all(|code| *code < classes));
                    }
                    Ok(Predictions::Components(components)) => {
                        // Of a map, the points alone say how many there are; its rows are known by their digest.
                        assert!(!components.is_empty());
                    }
                    Ok(predictions) => assert_eq!(predictions.rows(), 300),
                    Err(error) => {
                        assert!(matches!(error, Error::MissingColumns { .. } | Error::OtherRows { .. }), "{error:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn lengths_that_no_file_has_are_refused_without_allocating_them() {
    let bytes = models().remove(5).to_bytes().unwrap();
    for lengths in [[u64::MAX, 0, 0], [u64::MAX, u64::MAX, u64::MAX], [1 << 60, 8, 8]] {
        let mut changed = bytes.clone();
        for (position, length) in lengths.into_iter().enumerate() {
            changed[12 + 8 * position..20 + 8 * position].copy_from_slice(&length.to_le_bytes());
        }
        assert!(matches!(Model::from_bytes(&forged(changed), "huge"), Err(Error::ModelTruncated { .. })));
    }
}

#[test]
fn a_model_of_a_later_version_is_refused_with_both_versions() {
    let mut bytes = models().remove(5).to_bytes().unwrap();
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let error = Model::from_bytes(&bytes, "later.kumiko").unwrap_err();
    assert_eq!(error.to_string(), "`later.kumiko` is in model format 7; this server reads up to 1");
    let fault = Fault::from(error);
    assert_eq!(fault.code, "model_too_new");
    assert!(fault.hint.is_some());
}

#[test]
fn other_files_are_named_for_what_they_look_like() {
    for (bytes, word) in [
        (&b"PK\x03\x04rest"[..], "zip"),
        (b"\x80\x04\x95rest", "pickle"),
        (b"\x1f\x8brest", "gzip"),
        (b"", "empty"),
        (b"age,income\n", "does not begin"),
    ] {
        let error = Model::from_bytes(bytes, "file").unwrap_err();
        assert!(matches!(error, Error::NotAModel { .. }) && error.to_string().contains(word), "{error}");
    }
}

#[test]
fn something_after_the_end_is_refused() {
    let mut bytes = models().remove(5).to_bytes().unwrap();
    bytes.extend_from_slice(b"more");
    let error = Model::from_bytes(&bytes, "long").unwrap_err();
    assert_eq!(error.to_string(), "`long` is damaged: 4 bytes follow where it should end");
}

#[test]
fn columns_are_matched_by_name_in_any_order() {
    let features = sample().features;
    let reversed = Features {
        names: features.names.iter().rev().cloned().chain(["extra".to_owned()]).collect(),
        columns: features.columns.iter().rev().cloned().chain([vec![f32::INFINITY; 300]]).collect(),
    };
    for model in models() {
        assert_eq!(model.predict(&reversed), model.predict(&features));
    }
}

#[test]
fn a_missing_column_is_named_with_the_nearest_there_is() {
    let features = sample().features;
    let data = kumiko_learn::TrainingData {
        features: Features {
            names: names(&["age", "income", "children", "height"]),
            columns: features.columns.clone(),
        },
        ..sample().regression()
    };
    let model = train(&data, &TrainingSpecification::new(Algorithm::Linear, Task::Regression, "target")).unwrap();
    let asked = Features { names: names(&["age", "incomes", "height"]), columns: features.columns[..3].to_vec() };
    let fault = Fault::from(model.predict(&asked).unwrap_err());
    assert_eq!(fault.code, "column_not_found");
    assert_eq!(fault.message, "the model reads `income`, `children`, which the data does not have");
    assert!(fault.hint.unwrap().contains("`incomes`"));
}

#[test]
fn no_rows_give_no_predictions() {
    let empty = Features { names: sample().features.names, columns: vec![Vec::new(); 4] };
    for model in models() {
        assert_eq!(model.predict(&empty).unwrap().rows(), 0);
    }
}
