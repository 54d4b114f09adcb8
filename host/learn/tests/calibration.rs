//! Calibrated probabilities: as scikit-learn has them, and better than they were.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, names, train};
use kumiko_learn::{CalibrationMap, Error, Estimator, Features, Model, Predictions, Target, TrainingData};
use kumiko_vocabulary::learning::{Algorithm, Calibration, Task, TrainingSpecification};

/// Rows whose class is a matter of chance: its probability is a curve of two columns.
fn rows(count: usize, classes: usize, seed: u64) -> (TrainingData, Vec<Vec<f64>>) {
    let mut generator = Generator::new(seed);
    let mut columns = vec![Vec::new(), Vec::new()];
    let (mut codes, mut chances) = (Vec::new(), vec![Vec::new(); classes]);
    for _ in 0..count {
        let [x, y] = [generator.next() * 4.0 - 2.0, generator.next() * 4.0 - 2.0];
        let powers: Vec<f64> = (0..classes).map(|class| (class as f64 * (x + 0.5 * y)).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let (drawn, mut reached, mut code) = (generator.next(), 0.0, 0);
        for (class, power) in powers.iter().enumerate() {
            chances[class].push(power / sum);
            code += u32::from(drawn > reached && class > 0);
            reached += power / sum;
        }
        columns[0].push(x as f32);
        columns[1].push(y as f32);
        codes.push(code);
    }
    let classes = (0..classes).map(|class| format!("class {class}")).collect();
    let features = Features { names: names(&["x", "y"]), columns };
    (TrainingData { features, target: Target::Classes { codes, classes }, weights: None }, chances)
}

fn specification(algorithm: Algorithm, calibration: Option<Calibration>) -> TrainingSpecification {
    TrainingSpecification { calibration, ..TrainingSpecification::new(algorithm, Task::Classification, "target") }
}

fn probabilities(model: &Model, features: &Features) -> Vec<Vec<f32>> {
    match model.predict(features).unwrap() {
        Predictions::Classes { probabilities, .. } => probabilities,
        other => panic!("{other:?}"),
    }
}

/// The mean squared distance from the true chances.
fn distance(model: &Model, features: &Features, chances: &[Vec<f64>]) -> f64 {
    let probabilities = probabilities(model, features);
    let pairs = probabilities.iter().flatten().zip(chances.iter().flatten());
    let sum: f64 = pairs.map(|(probability, chance)| (f64::from(*probability) - chance).powi(2)).sum();
    sum / chances.iter().map(Vec::len).sum::<usize>() as f64
}

#[test]
fn probabilities_of_overconfident_models_come_nearer_to_the_truth() {
    for classes in [2, 3] {
        let (data, _) = rows(2_000, classes, 11);
        let (test, chances) = rows(3_000, classes, 12);
        // Deep trees on chancy answers believe what they remember.
        for (algorithm, share) in [(Algorithm::Xgboost, 0.6), (Algorithm::RandomForest, 0.95)] {
            let trained = |method| {
                train(&data, &specification(algorithm, method).with("max_depth", 12).with("n_estimators", 40)).unwrap()
            };
            let plain = distance(&trained(None), &test.features, &chances);
            for method in [Calibration::Sigmoid, Calibration::Isotonic] {
                let model = trained(Some(method));
                let mapped = distance(&model, &test.features, &chances);
                assert!(mapped < share * plain, "{algorithm:?} {method:?} {classes}: {plain} to {mapped}");
                let probabilities = probabilities(&model, &test.features);
                for row in 0..test.features.rows() {
                    let sum: f32 = probabilities.iter().map(|column| column[row]).sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
                }
            }
        }
    }
}

#[test]
fn an_honest_model_stays_as_it_is() {
    let (data, _) = rows(4_000, 2, 3);
    let plain = train(&data, &specification(Algorithm::LogisticRegression, None)).unwrap();
    let calibrated = train(&data, &specification(Algorithm::LogisticRegression, Some(Calibration::Sigmoid))).unwrap();
    let Estimator::Calibrated(model) = &calibrated.estimator else { panic!("{:?}", calibrated.estimator) };
    assert_eq!(*model.estimator, plain.estimator);
    let [CalibrationMap::Sigmoid(map)] = model.maps.as_slice() else { panic!("{:?}", model.maps) };
    assert!((map.slope - 1.0).abs() < 0.05 && map.intercept.abs() < 0.05, "{map:?}");
}

#[test]
fn the_same_seed_gives_the_same_maps_and_weights_of_zero_leave_rows_out() {
    let (mut data, _) = rows(600, 2, 3);
    let trained = |data: &TrainingData| {
        train(data, &specification(Algorithm::LogisticRegression, Some(Calibration::Isotonic))).unwrap()
    };
    assert_eq!(trained(&data).estimator, trained(&data).estimator);
    let before = trained(&data);
    data.weights = Some(vec![1.0; 600]);
    assert_eq!(trained(&data).estimator, before.estimator);
}

#[test]
fn what_cannot_be_calibrated_is_refused_by_name() {
    let (data, _) = rows(60, 2, 3);
    let values = TrainingData { target: Target::Values(vec![1.0; 60]), ..data.clone() };
    let regression = TrainingSpecification {
        task: Task::Regression,
        ..specification(Algorithm::Xgboost, Some(Calibration::Sigmoid))
    };
    let mut one = vec![0; 60];
    one[7] = 1;
    let target = Target::Classes { codes: one, classes: vec!["many".to_owned(), "one".to_owned()] };
    let single = TrainingData { target, ..data };
    let classification = specification(Algorithm::Xgboost, Some(Calibration::Isotonic));
    for (data, specification, word) in [(values, regression, "classes"), (single, classification, "`one`")] {
        match train(&data, &specification) {
            Err(Error::Specification { name: "calibration", expected, .. }) => {
                assert!(expected.contains(word), "{expected}")
            }
            other => panic!("{other:?}"),
        }
    }
}
