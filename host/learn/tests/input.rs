//! Bad input: a typed error that says what is wrong and where, never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{names, sample, train, unlabelled};
use kumiko_learn::{Error, Features, Target, TrainingData, check_hyperparameters};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::{Value, json};

fn all() -> Vec<(TrainingSpecification, TrainingData)> {
    let sample = sample();
    let mut all = Vec::new();
    for algorithm in Algorithm::ALL {
        for task in algorithm.tasks().iter().filter(|task| **task != Task::Reinforcement) {
            let data = match task {
                Task::Regression => sample.regression(),
                Task::Classification => sample.binary(),
                _ => unlabelled(&sample.features),
            };
            let mut specification = TrainingSpecification::new(algorithm, *task, "target");
            if algorithm == Algorithm::RandomForest {
                specification = specification.with("n_estimators", 3);
            }
            all.push((specification, data));
        }
    }
    all
}

fn refused(data: &TrainingData, specification: &TrainingSpecification, code: &str) -> String {
    let fault = Fault::from(train(data, specification).expect_err(code));
    assert_eq!(fault.code, code, "{fault}");
    assert!(fault.hint.is_some(), "{fault}");
    fault.message
}

#[test]
fn every_algorithm_refuses_unsound_features() {
    for (specification, data) in all() {
        let mut infinite = data.clone();
        infinite.features.columns[2][5] = f32::NEG_INFINITY;
        let message = refused(&infinite, &specification, "infinite_feature");
        assert!(message.contains("`c`") && message.contains("row 5"), "{message}");
        let mut short = data.clone();
        short.features.columns[3].pop();
        assert!(refused(&short, &specification, "length_mismatch").contains("`d`"));
        let mut twice = data.clone();
        twice.features.names[3] = "a".to_owned();
        refused(&twice, &specification, "duplicate_feature");
        let none = TrainingData { features: Features::default(), ..data.clone() };
        refused(&none, &specification, "no_features");
    }
}

#[test]
fn every_algorithm_refuses_too_few_rows() {
    for (specification, data) in all() {
        for rows in [0, 1] {
            let cut = |column: &Vec<f32>| column[..rows].to_vec();
            let target = match &data.target {
                Target::Classes { codes, classes } => {
                    Target::Classes { codes: codes[..rows].to_vec(), classes: classes.clone() }
                }
                Target::Values(values) => Target::Values(values[..rows].to_vec()),
                Target::None => Target::None,
            };
            let features = Features {
                names: data.features.names.clone(),
                columns: data.features.columns.iter().map(cut).collect(),
            };
            refused(&TrainingData { features, target, weights: None }, &specification, "row_count");
        }
    }
}

#[test]
fn every_algorithm_refuses_unsound_targets_and_weights() {
    for (specification, data) in all() {
        match &data.target {
            Target::Values(values) => {
                for odd in [f64::NAN, f64::INFINITY] {
                    let mut values = values.clone();
                    values[17] = odd;
                    let spoilt = TrainingData { target: Target::Values(values), ..data.clone() };
                    assert!(refused(&spoilt, &specification, "target_not_finite").contains("row 17"));
                }
            }
            Target::Classes { codes, classes } => {
                let one = TrainingData {
                    target: Target::Classes { codes: vec![1; 300], classes: classes.clone() },
                    ..data.clone()
                };
                assert!(refused(&one, &specification, "one_class").contains("`yes`"));
                let mut codes = codes.clone();
                codes[4] = 2;
                let beyond =
                    TrainingData { target: Target::Classes { codes, classes: classes.clone() }, ..data.clone() };
                refused(&beyond, &specification, "class_code_out_of_range");
            }
            Target::None => {
                refused(&sample().binary(), &specification, "target_kind");
            }
        }
        let weighted = |weights: Vec<f32>| TrainingData { weights: Some(weights), ..data.clone() };
        let mut negative = vec![1.0; 300];
        negative[3] = -1.0;
        assert!(refused(&weighted(negative), &specification, "weight_out_of_range").contains("row 3"));
        refused(&weighted(vec![0.0; 300]), &specification, "no_weight");
        refused(&weighted(vec![1.0; 2]), &specification, "length_mismatch");
    }
}

#[test]
fn a_task_or_target_that_does_not_fit_is_refused() {
    let sample = sample();
    let specification = TrainingSpecification::new(Algorithm::Ridge, Task::Classification, "target");
    assert_eq!(
        refused(&sample.binary(), &specification, "algorithm_not_for_task"),
        "`ridge` does not do classification"
    );
    let specification = TrainingSpecification::new(Algorithm::Ridge, Task::Regression, "target");
    refused(&sample.binary(), &specification, "target_kind");
}

#[test]
fn validation_rows_are_checked_like_training_rows() {
    let sample = sample();
    let specification = TrainingSpecification::new(Algorithm::LogisticRegression, Task::Classification, "target");
    let with = |validation: &TrainingData| {
        let error = kumiko_learn::train(&sample.binary(), Some(validation), &specification, &Unattended).unwrap_err();
        Fault::from(error)
    };
    let empty = TrainingData {
        features: Features { names: sample.features.names.clone(), columns: vec![Vec::new(); 4] },
        target: Target::Classes { codes: Vec::new(), classes: names(&["no", "yes"]) },
        weights: None,
    };
    let fault = with(&empty);
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("row_count", "the validation data has 0 rows; expected one at least")
    );
    let mut other = sample.binary();
    other.features.names[0] = "aa".to_owned();
    assert_eq!(with(&other).code, "column_not_found");
    let strange = TrainingData {
        target: Target::Classes { codes: sample.three.clone(), classes: names(&["no", "yes", "perhaps"]) },
        ..sample.binary()
    };
    let fault = with(&strange);
    assert!(fault.code == "unknown_class" && fault.message.contains("`perhaps`"), "{fault}");
    assert_eq!(with(&sample.regression()).code, "target_kind");
}

#[test]
fn validation_columns_and_classes_may_come_in_another_order() {
    let sample = sample();
    let mut turned = sample.binary();
    turned.features.names.reverse();
    turned.features.columns.reverse();
    let codes = sample.two.iter().map(|code| 1 - code).collect();
    turned.target = Target::Classes { codes, classes: names(&["yes", "no"]) };
    let specification = TrainingSpecification::new(Algorithm::LogisticRegression, Task::Classification, "target");
    let model = kumiko_learn::train(&sample.binary(), Some(&turned), &specification, &Unattended).unwrap();
    assert_eq!(model.metadata.validation_metrics, Some(model.metadata.training_metrics));
    assert!(model.metadata.loss_curve.iter().all(|point| point.validation.is_some()));
}

#[test]
fn classes_without_rows_are_left_out() {
    let sample = sample();
    let codes = sample.two.iter().map(|code| 2 * code).collect();
    let data =
        TrainingData { target: Target::Classes { codes, classes: names(&["no", "never", "yes"]) }, ..sample.binary() };
    let specification =
        TrainingSpecification::new(Algorithm::RandomForest, Task::Classification, "target").with("n_estimators", 3);
    let model = train(&data, &specification).unwrap();
    assert_eq!(model.metadata.signature.classes, Some(names(&["no", "yes"])));
}

#[test]
fn hyperparameters_are_checked_without_training() {
    let check = |algorithm, task, given: Value| check_hyperparameters(algorithm, task, given.as_object().unwrap());
    let used = check(Algorithm::RandomForest, Task::Regression, json!({ "max_depth": 4 })).unwrap();
    assert_eq!(used["max_depth"], json!(4));
    assert_eq!(used["n_estimators"], json!(100));
    assert_eq!(used["max_features"], json!(1.0));
    let refused = [
        (Algorithm::RandomForest, json!({ "max_features": "half" }), "\"sqrt\""),
        (Algorithm::RandomForest, json!({ "max_features": 0 }), "fraction"),
        (Algorithm::RandomForest, json!({ "min_samples_leaf": 1.5 }), "whole number from 1"),
        (Algorithm::RandomForest, json!({ "criterion": "entropy" }), "\"gini\""),
        (Algorithm::RandomForest, json!({ "oob_score": true, "bootstrap": false }), "out of any bag"),
        (Algorithm::RandomForest, json!({ "class_weight": "fair" }), "balanced"),
        (Algorithm::LogisticRegression, json!({ "C": 0 }), "above 0"),
        (Algorithm::LogisticRegression, json!({ "max_iter": -1 }), "from 1"),
    ];
    for (algorithm, given, word) in refused {
        let error = check(algorithm, Task::Classification, given.clone()).unwrap_err();
        assert!(
            matches!(error, Error::HyperparameterValue { .. }) && error.to_string().contains(word),
            "{given}: {error}"
        );
    }
    for (algorithm, given, advice) in [
        (Algorithm::Lasso, json!({ "alhpa": 1 }), "`alpha`"),
        (Algorithm::Lasso, json!({ "l1_ratio": 0.5 }), "known are"),
        (Algorithm::Ridge, json!({ "n_jobs": 2 }), "all cores"),
    ] {
        match check(algorithm, Task::Regression, given).unwrap_err() {
            Error::UnknownHyperparameter { advice: found, .. } => assert!(found.contains(advice), "{found}"),
            other => panic!("{other:?}"),
        }
    }
    let error = check(Algorithm::ElasticNet, Task::Regression, json!({ "l1_ratio": 1.5 })).unwrap_err();
    assert_eq!(error.to_string(), "hyperparameter `l1_ratio` of `elastic_net` is 1.5; expected a number from 0 to 1");
}

#[test]
fn a_class_weight_for_a_class_that_is_not_there_is_refused() {
    let weights = json!({ "no": 1.0, "maybe": 2.0 });
    for algorithm in [Algorithm::RandomForest, Algorithm::LogisticRegression] {
        let specification =
            TrainingSpecification::new(algorithm, Task::Classification, "target").with("class_weight", weights.clone());
        assert!(refused(&sample().binary(), &specification, "hyperparameter_out_of_range").contains("`maybe`"));
    }
}
