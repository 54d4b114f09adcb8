//! Measures against scikit-learn 1.9.1 and scipy 1.17.1, on the same numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, names};
use kumiko_learn::metrics::{Candidate, classification, compare, regression};
use kumiko_learn::{Error, Predictions, Target, class_codes};
use kumiko_vocabulary::evaluation::{
    Average, ComparisonMetric, ComparisonSpecification, EvaluationSpecification, SignificanceTest,
};

const CLASSES: [&str; 3] = ["red", "green", "blue"];

/// 400 rows with probabilities in steps, so that many are equal.
fn rows(classes: usize) -> (Vec<u32>, Predictions) {
    let mut generator = Generator::new(5);
    let mut truth = Vec::new();
    let mut probabilities = vec![Vec::new(); classes];
    for _ in 0..400 {
        let class = (generator.next() * classes as f64) as usize;
        truth.push(class as u32);
        let parts: Vec<f64> = (0..classes)
            .map(|other| 0.05 + (generator.next() * 50.0).floor() / 50.0 + if other == class { 0.6 } else { 0.0 })
            .collect();
        let total: f64 = parts.iter().sum();
        for (column, part) in probabilities.iter_mut().zip(&parts) {
            column.push((part / total) as f32);
        }
    }
    let codes = (0..400)
        .map(|row| {
            (1..classes)
                .fold(0, |best, class| if probabilities[class][row] > probabilities[best][row] { class } else { best })
                as u32
        })
        .collect();
    (truth, Predictions::Classes { codes, probabilities })
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn binary_measures_agree_with_scikit_learn() {
    let (truth, predictions) = rows(2);
    let specification = EvaluationSpecification { average: Average::Binary, ..EvaluationSpecification::default() };
    let report = classification(&truth, &names(&CLASSES[..2]), &predictions, &specification).unwrap();
    assert_eq!(report.confusion_matrix, [[168, 10], [14, 208]]);
    assert_eq!(report.positive_class.as_deref(), Some("green"));
    close(report.accuracy, 0.94);
    close(report.balanced_accuracy, 0.940378580828019);
    close(report.mcc, 0.8789794685294411);
    close(report.precision, 0.9541284403669725);
    close(report.recall, 0.9369369369369369);
    close(report.f1, 0.9454545454545454);
    close(report.precision_averages.macro_average, 0.9386026817219478);
    close(report.f1_averages.weighted_average, 0.940060606060606);
    close(report.recall_averages.micro_average, 0.94);
    close(report.log_loss, 0.38761672377586365);
    close(report.brier, 0.11240430921316147);
    close(report.roc_auc.unwrap(), 0.9864991395890272);
    close(report.pr_auc.unwrap(), 0.9892978354920312);
    close(report.per_class[0].pr_auc.unwrap(), 0.9844380838558605);
    assert_eq!(report.roc_curves.len(), 1);
    assert_eq!(report.roc_curves[0].class, "green");
}

#[test]
fn the_calibration_agrees_with_scikit_learn() {
    let (truth, predictions) = rows(2);
    let measured = |calibration_bins| {
        let specification = EvaluationSpecification { calibration_bins, ..EvaluationSpecification::default() };
        classification(&truth, &names(&CLASSES[..2]), &predictions, &specification)
    };
    // sklearn.calibration.calibration_curve(truth == 1, probabilities[:, 1], n_bins=10), the rows by numpy.bincount
    let calibration = measured(10).unwrap().calibration;
    assert_eq!((calibration.len(), calibration[0].class.as_str()), (1, "green"));
    let expected = [
        (0.07216580708821614, 0.0, 15),
        (0.15088774814553882, 0.0, 23),
        (0.24599175438994453, 0.0, 42),
        (0.35054326492051285, 0.0, 48),
        (0.4479526612493727, 0.25925925925925924, 54),
        (0.5571011608107048, 0.8245614035087719, 57),
        (0.6476988509549932, 1.0, 59),
        (0.755266612129552, 1.0, 56),
        (0.854209188152762, 1.0, 34),
        (0.9361725548903147, 1.0, 12),
    ];
    assert_eq!(calibration[0].bins.len(), expected.len());
    for (bin, (predicted, observed, count)) in calibration[0].bins.iter().zip(expected) {
        close(bin.predicted, predicted);
        close(bin.observed, observed);
        assert_eq!(bin.rows, count);
    }
    // (numpy.abs(observed - predicted) * count).sum() / 400
    close(calibration[0].expected_calibration_error, 0.24339741928502917);
    assert!(measured(0).unwrap().calibration.is_empty());
    assert!(measured(1_001).unwrap_err().to_string().contains("calibration_bins"));
    let (truth, predictions) = rows(3);
    let report = classification(&truth, &names(&CLASSES), &predictions, &EvaluationSpecification::default()).unwrap();
    assert_eq!(report.calibration.iter().map(|of| of.class.as_str()).collect::<Vec<_>>(), CLASSES);
}

#[test]
fn multiclass_measures_agree_with_scikit_learn() {
    let (truth, predictions) = rows(3);
    let specification = EvaluationSpecification { average: Average::Macro, ..EvaluationSpecification::default() };
    let report = classification(&truth, &names(&CLASSES), &predictions, &specification).unwrap();
    assert_eq!(report.confusion_matrix, [[116, 11, 6], [9, 112, 8], [5, 13, 120]]);
    close(report.mcc, 0.8052927263227495);
    close(report.precision, 0.8704531640440333);
    close(report.recall, 0.8699875742608966);
    close(report.f1, 0.8699217458703116);
    close(report.precision_averages.weighted_average, 0.8712357668670223);
    close(report.f1_averages.weighted_average, 0.8703235230816625);
    close(report.log_loss, 0.6599514484405518);
    close(report.brier, 0.37182435393333435);
    let areas = report.roc_auc_averages.unwrap();
    close(areas.macro_average, 0.9651041783956512);
    close(areas.weighted_average, 0.9653340437105373);
    let areas = report.pr_auc_averages.unwrap();
    close(areas.macro_average, 0.9401215486929456);
    close(areas.weighted_average, 0.9404760964943233);
    let of_classes: Vec<f64> = report.per_class.iter().map(|class| class.roc_auc.unwrap()).collect();
    for (found, expected) in of_classes.iter().zip([0.9687561600630791, 0.9528590634743557, 0.9736973116495187]) {
        close(*found, expected);
    }
    assert_eq!(report.roc_curves.len(), 3);
}

#[test]
fn the_other_positive_class_turns_the_measures_round() {
    let (truth, predictions) = rows(2);
    let specification = EvaluationSpecification {
        average: Average::Binary,
        positive_class: Some("red".to_owned()),
        ..EvaluationSpecification::default()
    };
    let report = classification(&truth, &names(&CLASSES[..2]), &predictions, &specification).unwrap();
    close(report.recall, 168.0 / 178.0);
    close(report.pr_auc.unwrap(), 0.9844380838558605);
    let unknown = EvaluationSpecification { positive_class: Some("pink".to_owned()), ..specification };
    let error = classification(&truth, &names(&CLASSES[..2]), &predictions, &unknown).unwrap_err();
    assert!(error.to_string().contains("`pink`") && error.to_string().contains("red, green"), "{error}");
}

#[test]
fn intervals_hold_their_value_and_repeat_for_a_seed() {
    let (truth, predictions) = rows(3);
    let report = |seed, samples| {
        let specification =
            EvaluationSpecification { seed, bootstrap_samples: samples, ..EvaluationSpecification::default() };
        classification(&truth, &names(&CLASSES), &predictions, &specification).unwrap()
    };
    let first = report(1, 300);
    assert_eq!(first.intervals.len(), 9);
    for interval in &first.intervals {
        assert!(interval.lower < interval.value && interval.value < interval.upper, "{interval:?}");
    }
    let accuracy = &first.intervals[0];
    // ± 1.96 × √(0.87 × 0.13 / 400)
    assert!((accuracy.upper - accuracy.lower - 0.0659).abs() < 0.012, "{accuracy:?}");
    assert_eq!(first, report(1, 300));
    assert_ne!(first.intervals, report(2, 300).intervals);
    assert!(report(1, 0).intervals.is_empty());
}

#[test]
fn a_class_that_never_occurs_has_no_area_and_nan_nowhere() {
    let (mut truth, predictions) = rows(3);
    truth.iter_mut().for_each(|code| *code = (*code).min(1));
    let report = classification(&truth, &names(&CLASSES), &predictions, &EvaluationSpecification::default()).unwrap();
    assert_eq!((report.roc_auc, report.per_class[2].roc_auc, report.per_class[2].pr_auc), (None, None, None));
    assert!(report.per_class[0].roc_auc.is_some());
    assert!(!serde_json::to_string(&report).unwrap().contains("null"));
}

#[test]
fn known_answers_outside_the_model_are_refused_by_name_and_row() {
    let classes = names(&CLASSES);
    let error = class_codes(&["red", "pink"], &classes, "the test data").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the test data is of the class `pink` in row 1 (from 0); the model knows `red`, `green`, `blue`"
    );
    let (mut truth, predictions) = rows(3);
    truth[9] = 3;
    let error = classification(&truth, &classes, &predictions, &EvaluationSpecification::default()).unwrap_err();
    assert!(matches!(error, Error::ClassCode { code: 3, row: 9, classes: 3, .. }), "{error:?}");
    assert!(classification(&[], &classes, &predictions, &EvaluationSpecification::default()).is_err());
    assert!(classification(&truth[..5], &classes, &predictions, &EvaluationSpecification::default()).is_err());
}

fn values() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut generator = Generator::new(9);
    let (mut truth, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..401 {
        let value = 1.0 + generator.next() * 10.0;
        truth.push(value);
        first.push(value + (generator.next() - 0.4) * 2.0);
        second.push(value + (generator.next() - 0.5) * 2.2);
    }
    (truth, first, second)
}

#[test]
fn regression_measures_agree_with_scikit_learn() {
    let (truth, predicted, _) = values();
    let report = regression(&truth, &predicted, &EvaluationSpecification::default()).unwrap();
    close(report.rmse, 0.6417443179364914);
    close(report.mae, 0.5540078210270502);
    close(report.r2.unwrap(), 0.9516117777663009);
    close(report.mape.unwrap(), 0.14085762820373038);
    close(report.median_absolute_error, 0.5534494535997512);
    close(report.max_error, 1.1972754111513497);
    close(report.explained_variance.unwrap(), 0.9592703594429365);
    for interval in &report.intervals {
        assert!(interval.lower < interval.value && interval.value < interval.upper, "{interval:?}");
    }
    assert_eq!(report.intervals.len(), 6);
}

#[test]
fn residuals_are_thinned_and_keep_the_widest() {
    let (truth, predicted, _) = values();
    let specification = EvaluationSpecification { residual_points: 50, ..EvaluationSpecification::default() };
    let report = regression(&truth, &predicted, &specification).unwrap();
    assert_eq!(report.residuals.len(), 50);
    assert!(report.residuals.windows(2).all(|pair| pair[0].predicted <= pair[1].predicted));
    assert!(report.residuals.iter().any(|point| point.residual.abs() == report.max_error));
    let mut rows: Vec<u64> = report.residuals.iter().map(|point| point.row).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 50);
}

#[test]
fn measures_that_cannot_be_had_are_absent() {
    let report = regression(&[2.0, 2.0], &[1.0, 2.0], &EvaluationSpecification::default()).unwrap();
    assert_eq!((report.r2, report.explained_variance), (None, None));
    let report = regression(&[0.0, 2.0], &[1.0, 2.0], &EvaluationSpecification::default()).unwrap();
    assert_eq!(report.mape, None);
    assert!(regression(&[0.0, f64::NAN], &[1.0, 2.0], &EvaluationSpecification::default()).is_err());
    assert!(regression(&[1.0], &[1.0, 2.0], &EvaluationSpecification::default()).is_err());
}

#[test]
fn regressors_are_compared_by_wilcoxon_as_scipy_does() {
    let (truth, first, second) = values();
    let predictions = [first.clone(), second.clone(), truth.clone()].map(Predictions::Values);
    let [a, b, perfect] =
        [("a", 0), ("b", 1), ("perfect", 2)].map(|(name, at)| Candidate { name, predictions: &predictions[at] });
    let target = Target::Values(truth.clone());
    let comparison = compare(&target, &[a, b], &ComparisonSpecification::default()).unwrap();
    let pair = &comparison.pairs[0];
    assert_eq!((pair.test, pair.statistic, pair.significant), (SignificanceTest::Wilcoxon, 39289.0, false));
    close(pair.p_value, 0.6631701651493118);
    assert!(pair.lower.unwrap() < pair.difference && pair.difference < pair.upper.unwrap());
    let comparison = compare(&target, &[a, b, perfect], &ComparisonSpecification::default()).unwrap();
    assert_eq!(comparison.metric, ComparisonMetric::Rmse);
    assert_eq!((comparison.ranking[0].name.as_str(), comparison.ranking[0].rank), ("perfect", 1));
    assert_eq!(comparison.pairs.len(), 3);
    assert!(comparison.pairs[0].significant && comparison.pairs[0].first == "perfect");
    // Rounded errors have ties: the absolute errors are what is rounded, so give them as errors of a truth of zero.
    let rounded = |predicted: &[f64]| {
        let error = |(truth, predicted): (&f64, &f64)| ((predicted - truth).abs() * 10.0).round_ties_even() / 10.0;
        Predictions::Values(truth.iter().zip(predicted).map(error).collect())
    };
    let predictions = [rounded(&first), rounded(&second)];
    let [a, b] = [("a", 0), ("b", 1)].map(|(name, at)| Candidate { name, predictions: &predictions[at] });
    let comparison = compare(&Target::Values(vec![0.0; 401]), &[a, b], &ComparisonSpecification::default()).unwrap();
    assert_eq!(comparison.pairs[0].statistic, 33190.0);
    close(comparison.pairs[0].p_value, 0.5250844211599253);
}

/// Predictions that are wrong in the rows given.
fn wrong_in(rows: std::ops::Range<usize>, of: usize) -> Predictions {
    let codes: Vec<u32> = (0..of).map(|row| (row % 2) as u32 ^ u32::from(rows.contains(&row))).collect();
    let second: Vec<f32> = codes.iter().map(|code| if *code == 1 { 0.9 } else { 0.1 }).collect();
    Predictions::Classes { codes, probabilities: vec![second.iter().map(|p| 1.0 - p).collect(), second] }
}

#[test]
fn classifiers_are_compared_by_mcnemar_as_scipy_does() {
    let target = Target::Classes { codes: (0..200).map(|row| row % 2).collect(), classes: names(&["no", "yes"]) };
    let test = |first: usize, second: usize| {
        let predictions = [wrong_in(0..first, 200), wrong_in(first..first + second, 200)];
        let [a, b] = [("a", 0), ("b", 1)].map(|(name, at)| Candidate { name, predictions: &predictions[at] });
        let specification =
            ComparisonSpecification { metric: Some(ComparisonMetric::Accuracy), ..ComparisonSpecification::default() };
        compare(&target, &[a, b], &specification).unwrap()
    };
    let few = test(12, 3);
    assert_eq!(few.ranking[0].name, "b");
    assert_eq!((few.pairs[0].test, few.pairs[0].statistic), (SignificanceTest::McnemarExact, 3.0));
    close(few.pairs[0].p_value, 0.03515625);
    let many = test(40, 22);
    assert_eq!(many.pairs[0].test, SignificanceTest::Mcnemar);
    close(many.pairs[0].statistic, 4.661290322580645);
    close(many.pairs[0].p_value, 0.030849999436874987);
    assert!(many.pairs[0].significant);
    let level = test(20, 20);
    assert_eq!(level.ranking.iter().map(|model| model.rank).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_comparison_of_one_model_or_by_the_wrong_measure_is_refused() {
    let (truth, first, second) = values();
    let predictions = [first, second].map(Predictions::Values);
    let [a, b] = [("a", 0), ("b", 1)].map(|(name, at)| Candidate { name, predictions: &predictions[at] });
    let target = Target::Values(truth);
    assert!(compare(&target, &[a], &ComparisonSpecification::default()).is_err());
    let specification =
        ComparisonSpecification { metric: Some(ComparisonMetric::RocAuc), ..ComparisonSpecification::default() };
    let error = compare(&target, &[a, b], &specification).unwrap_err();
    assert_eq!(error.to_string(), "`metric` is roc_auc; expected a measure of regression");
}
