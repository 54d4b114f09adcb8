//! Linear models against scikit-learn 1.9.1, on the same rows (`common::sample`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, Sample, sample, train};
use kumiko_learn::{Error, Estimator, Features, LinearModel, LogisticModel, Predictions, Target, TrainingData};
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

fn specification(algorithm: Algorithm) -> TrainingSpecification {
    let task = if algorithm == Algorithm::LogisticRegression { Task::Classification } else { Task::Regression };
    TrainingSpecification::new(algorithm, task, "target")
}

fn weighted(sample: &Sample, data: TrainingData) -> TrainingData {
    TrainingData { weights: Some(sample.weights.clone()), ..data }
}

fn linear(data: &TrainingData, specification: &TrainingSpecification) -> LinearModel {
    match train(data, specification).unwrap().estimator {
        Estimator::Linear(model) => model,
        other => panic!("{other:?}"),
    }
}

fn logistic(data: &TrainingData, specification: &TrainingSpecification) -> LogisticModel {
    let exact = specification.clone().with("tol", 1e-9).with("max_iter", 10_000);
    match train(data, &exact).unwrap().estimator {
        Estimator::Logistic(model) => model,
        other => panic!("{other:?}"),
    }
}

/// Each within the tolerance of the largest effect: a coefficient is worth as much as it moves the prediction.
fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-2), "{found} is not {expected}");
    }
}

#[test]
fn least_squares_agrees_with_scikit_learn() {
    let sample = sample();
    let data = sample.regression();
    let model = linear(&data, &specification(Algorithm::Linear));
    close(
        &model.coefficients,
        &[3.1008087011441283, -0.019957155748613557, 56.27328987894113, -0.03789376898611996],
        1e-8,
    );
    close(&[model.intercept], &[19.719968621102907], 1e-8);
    let model = linear(&weighted(&sample, data.clone()), &specification(Algorithm::Linear));
    close(
        &model.coefficients,
        &[3.1178691951409796, -0.01985789515456772, 55.370082570168364, -0.045377696760501594],
        1e-8,
    );
    let model = linear(&data, &specification(Algorithm::Linear).with("fit_intercept", false));
    close(
        &model.coefficients,
        &[3.2188522972371647, -0.0044733275682921295, 62.18416407514907, -0.7891210781893176],
        1e-8,
    );
    assert_eq!(model.intercept, 0.0);
}

#[test]
fn ridge_agrees_with_scikit_learn() {
    let sample = sample();
    let specification = specification(Algorithm::Ridge).with("alpha", 2.5);
    let model = linear(&sample.regression(), &specification);
    close(
        &model.coefficients,
        &[2.863383290034686, -0.019893675314383862, 0.060342519253262776, -0.003910124756089813],
        1e-8,
    );
    close(&[model.intercept], &[20.203221027814788], 1e-8);
    let model = linear(&weighted(&sample, sample.regression()), &specification);
    close(
        &model.coefficients,
        &[2.8845949000585973, -0.019815007159764617, 0.059779755499341586, -0.011770660924326383],
        1e-8,
    );
}

#[test]
fn lasso_and_elastic_net_agree_with_scikit_learn() {
    let sample = sample();
    let data = sample.regression();
    let lasso = specification(Algorithm::Lasso).with("alpha", 0.01).with("tol", 1e-12).with("max_iter", 100_000);
    let model = linear(&data, &lasso);
    close(&model.coefficients, &[3.0343770006467654, -0.019842191678785544, 0.0, 0.0], 1e-6);
    close(&[model.intercept], &[20.086088363020604], 1e-6);
    let model = linear(&weighted(&sample, data.clone()), &lasso);
    close(&model.coefficients, &[3.057072494170438, -0.019776088230700994, 0.0, 0.0], 1e-6);
    let net = specification(Algorithm::ElasticNet).with("alpha", 0.02).with("l1_ratio", 0.3).with("tol", 1e-12);
    let net = net.with("max_iter", 100_000);
    let model = linear(&data, &net);
    close(&model.coefficients, &[2.6295754375302396, -0.01994107097887074, 0.0, 0.0], 1e-6);
    let model = linear(&data, &net.with("fit_intercept", false));
    close(&model.coefficients, &[2.7401544809078633, -0.003200629204978461, 0.0, -0.6136518584958742], 1e-5);
}

#[test]
fn logistic_regression_agrees_with_scikit_learn() {
    let sample = sample();
    let specification = specification(Algorithm::LogisticRegression).with("C", 2.0);
    let model = logistic(&sample.binary(), &specification);
    close(
        &model.coefficients[0],
        &[5.395822336458538, -0.029913570934965973, 0.009685252096015617, 0.21089281591219247],
        1e-5,
    );
    close(&model.intercepts, &[29.828296416811902], 1e-5);
    let balanced = specification.with("class_weight", "balanced");
    let model = logistic(&weighted(&sample, sample.binary()), &balanced);
    close(
        &model.coefficients[0],
        &[5.483562739521211, -0.033225204690686266, -0.003318027432215562, 0.252718571147366],
        1e-5,
    );
    let model = logistic(
        &sample.binary(),
        &self::specification(Algorithm::LogisticRegression).with("C", 0.1).with("fit_intercept", false),
    );
    close(
        &model.coefficients[0],
        &[1.6609276983832486, -0.0017873788820963557, 0.0022254126226343767, -0.2458711054953592],
        1e-5,
    );
}

#[test]
fn multinomial_regression_agrees_with_scikit_learn() {
    let sample = sample();
    let specification = specification(Algorithm::LogisticRegression).with("C", 2.0);
    let model = logistic(&sample.multinomial(), &specification);
    close(
        &model.coefficients[0],
        &[-4.453879150651715, -0.10324515511617323, -0.0008349189590346524, 0.39310571438649516],
        1e-4,
    );
    close(
        &model.coefficients[2],
        &[4.545573434320931, 0.1069399733525858, 0.03583832692592275, -0.5341313263753211],
        1e-4,
    );
    close(&model.intercepts, &[110.99371459468858, 5.9582817014935685, -116.95199629618521], 1e-5);
    let balanced = specification.with("class_weight", "balanced");
    let model = logistic(&weighted(&sample, sample.multinomial()), &balanced);
    close(
        &model.coefficients[1],
        &[-0.043735891470100395, -0.004611056056947601, -0.023104715751675928, -0.07152413661829743],
        1e-4,
    );
}

#[test]
fn the_default_tolerance_is_close_to_the_optimum_already() {
    let sample = sample();
    let model = train(&sample.binary(), &specification(Algorithm::LogisticRegression).with("C", 2.0)).unwrap();
    let Estimator::Logistic(estimator) = &model.estimator else { panic!() };
    close(&estimator.coefficients[0][..2], &[5.395822336458538, -0.029913570934965973], 1e-3);
    assert!(model.metadata.notes.is_empty(), "{:?}", model.metadata.notes);
    let curve = &model.metadata.loss_curve;
    assert!(curve.len() > 3 && curve.windows(2).all(|pair| pair[1].training <= pair[0].training), "{curve:?}");
    assert!((curve[0].training - std::f64::consts::LN_2).abs() < 1e-12);
}

#[test]
fn a_column_that_others_explain_gets_no_coefficient_and_a_note() {
    let sample = sample();
    let mut data = sample.regression();
    let sum: Vec<f32> =
        data.features.columns[0].iter().zip(&data.features.columns[3]).map(|(a, d)| 2.0 * a - d).collect();
    data.features.names.extend(["sum".to_owned(), "constant".to_owned()]);
    data.features.columns.extend([sum, vec![3.0; 300]]);
    let model = train(&data, &specification(Algorithm::Linear)).unwrap();
    let Estimator::Linear(estimator) = &model.estimator else { panic!() };
    assert_eq!(&estimator.coefficients[4..], &[0.0, 0.0]);
    assert_eq!(model.metadata.notes.len(), 2);
    assert!(model.metadata.notes[0].contains("`sum`") && model.metadata.notes[1].contains("`constant`"));
    let without = linear(&sample.regression(), &specification(Algorithm::Linear));
    close(&estimator.coefficients[..4], &without.coefficients, 1e-9);
}

#[test]
fn iterations_that_run_out_leave_a_note() {
    let specification = specification(Algorithm::LogisticRegression).with("max_iter", 2);
    let model = train(&sample().binary(), &specification).unwrap();
    assert!(model.metadata.notes[0].contains("max_iter = 2"), "{:?}", model.metadata.notes);
}

#[test]
fn columns_with_missing_values_are_named() {
    let mut data = sample().regression();
    data.features.columns[1][7] = f32::NAN;
    data.features.columns[3] = vec![f32::NAN; 300];
    for algorithm in [Algorithm::Linear, Algorithm::Ridge, Algorithm::Lasso, Algorithm::ElasticNet] {
        match train(&data, &specification(algorithm)) {
            Err(Error::MissingValues { columns, .. }) => assert_eq!(columns, ["b", "d"]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn classes_that_are_parted_perfectly_still_have_finite_coefficients() {
    let mut data = sample().binary();
    let Target::Classes { codes, .. } = &data.target else { panic!() };
    data.features.columns[0] = codes.iter().map(|code| *code as f32 * 1e6).collect();
    let model = train(&data, &specification(Algorithm::LogisticRegression).with("C", 1e6)).unwrap();
    assert_eq!(model.metadata.training_metrics.accuracy, Some(1.0));
    let Predictions::Classes { probabilities, .. } = model.predict(&data.features).unwrap() else { panic!() };
    assert!(probabilities.iter().flatten().all(|probability| (0.0..=1.0).contains(probability)));
}

/// The conditions under which coefficients minimise the elastic net's objective: where a coefficient is not zero, the slope of the
/// squares equals that of the penalties; where it is zero, it is no steeper than the L1 penalty.
#[test]
fn more_columns_than_rows_are_no_hindrance_to_the_elastic_net() {
    let mut generator = Generator::new(11);
    let columns: Vec<Vec<f32>> = (0..50).map(|_| (0..20).map(|_| generator.next() as f32).collect()).collect();
    let values: Vec<f64> =
        (0..20).map(|row| f64::from(columns[3][row] - 2.0 * columns[7][row]) + 0.1 * generator.next()).collect();
    let features = Features { names: (0..50).map(|column| format!("x{column}")).collect(), columns: columns.clone() };
    let data = TrainingData { features, target: Target::Values(values.clone()), weights: None };
    let (alpha, ratio) = (0.01, 0.7);
    let net = specification(Algorithm::ElasticNet).with("alpha", alpha).with("l1_ratio", ratio);
    let model = linear(&data, &net.with("tol", 1e-14).with("max_iter", 100_000));
    let used = model.coefficients.iter().filter(|coefficient| **coefficient != 0.0).count();
    assert!((2..20).contains(&used), "{used}");
    let errors: Vec<f64> = (0..20)
        .map(|row| {
            let sum: f64 = (0..50).map(|column| model.coefficients[column] * f64::from(columns[column][row])).sum();
            values[row] - model.intercept - sum
        })
        .collect();
    assert!(errors.iter().sum::<f64>().abs() < 1e-9);
    for (column, coefficient) in columns.iter().zip(&model.coefficients) {
        let slope = column.iter().zip(&errors).map(|(value, error)| f64::from(*value) * error).sum::<f64>() / 20.0;
        if *coefficient == 0.0 {
            assert!(slope.abs() <= alpha * ratio + 1e-7, "{slope}");
        } else {
            let penalty = alpha * (ratio * coefficient.signum() + (1.0 - ratio) * coefficient);
            assert!((slope - penalty).abs() < 1e-7, "{slope} {penalty}");
        }
    }
}
