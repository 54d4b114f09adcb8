//! Measures of bias: against numbers worked out by hand, and against smclarify 0.5, the reference implementation of SageMaker Clarify.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Generator;
use kumiko_learn::Error;
use kumiko_learn::metrics::bias::{FlipTest, Population, Resampling, flip_test, post_training, pre_training};
use kumiko_vocabulary::evaluation::{BiasMeasure, BiasMetric, BiasStage};

const NO_INTERVALS: Resampling = Resampling { samples: 0, seed: 0 };
const NO_FLIPS: Result<&FlipTest, &str> = Err("not asked for");

/// Rows as the Python of `drawn` makes them.
#[derive(Default)]
struct Rows {
    facet: Vec<bool>,
    labels: Vec<u32>,
    predicted: Vec<bool>,
    groups: Vec<u32>,
    columns: [Vec<f64>; 3],
}

impl Rows {
    fn population<'a>(&'a self, positive: &'a [bool]) -> Population<'a> {
        Population { facet: &self.facet, labels: &self.labels, positive, groups: Some(&self.groups) }
    }
}

/// ```python
/// for _ in range(rows):
///     f = g.next() < 0.35
///     l = min(int(g.next() * (3.0 if f else 3.6)), 2)
///     right = g.next() < (0.7 if f else 0.85)
///     p = (l == 2) == right
///     q = int(g.next() * 4.0)
///     x = g.next() + 0.3 * l; y = 2.0 * g.next(); z = g.next() - (0.2 if f else 0.0)
/// ```
fn drawn(rows: usize, seed: u64) -> Rows {
    let mut generator = Generator::new(seed);
    let mut drawn = Rows::default();
    for _ in 0..rows {
        let facet = generator.next() < 0.35;
        let label = ((generator.next() * if facet { 3.0 } else { 3.6 }) as u32).min(2);
        let right = generator.next() < if facet { 0.7 } else { 0.85 };
        drawn.facet.push(facet);
        drawn.labels.push(label);
        drawn.predicted.push((label == 2) == right);
        drawn.groups.push((generator.next() * 4.0) as u32);
        drawn.columns[0].push(generator.next() + 0.3 * f64::from(label));
        drawn.columns[1].push(2.0 * generator.next());
        drawn.columns[2].push(generator.next() - if facet { 0.2 } else { 0.0 });
    }
    drawn
}

fn of(metrics: &[BiasMetric], name: &str) -> BiasMetric {
    metrics.iter().find(|metric| metric.measure.as_str() == name).unwrap().clone()
}

fn agree(metrics: &[BiasMetric], expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        let found = of(metrics, name).value.unwrap_or(f64::NAN);
        assert!((found - expected).abs() < 1e-12, "{name} is {found}, not {expected}");
    }
}

/// Six rows of the rest: 3 true positives, 1 missed, 1 false positive, 1 true negative. Four of the facet: 1 true positive,
/// 1 missed, 2 true negatives.
fn ten_rows() -> Rows {
    Rows {
        facet: [[false; 6].as_slice(), &[true; 4]].concat(),
        labels: vec![1, 1, 1, 1, 0, 0, 1, 1, 0, 0],
        predicted: [1, 1, 1, 0, 1, 0, 1, 0, 0, 0].map(|predicted| predicted == 1).to_vec(),
        groups: vec![0, 0, 0, 1, 1, 1, 0, 1, 0, 1],
        columns: [vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.1, 3.2, 1.9, 4.1], Vec::new(), Vec::new()],
    }
}

#[test]
fn the_measures_of_data_are_those_worked_out_by_hand() {
    let rows = ten_rows();
    let metrics = pre_training(&rows.population(&[false, true]), NO_INTERVALS).unwrap();
    let (third, half) = (1.0_f64 / 3.0, 0.5_f64);
    // Shares of the labels: 1/3 and 2/3 in the rest, 1/2 and 1/2 in the facet; 5/12 and 7/12 between them.
    let between = [5.0 / 12.0, 7.0 / 12.0];
    let kl = third * (third / half).ln() + 2.0 * third * (2.0 * third / half).ln();
    let js = 0.5 * (third * (third / between[0]).ln() + 2.0 * third * (2.0 * third / between[1]).ln())
        + 0.5 * (half * (half / between[0]).ln() + half * (half / between[1]).ln());
    agree(
        &metrics,
        &[
            ("CI", (6.0 - 4.0) / 10.0),
            ("DPL", 4.0 / 6.0 - 2.0 / 4.0),
            ("KL", kl),
            ("JS", js),
            // The gap is 1/6 at both labels.
            ("LP", 2.0_f64.sqrt() / 6.0),
            ("TVD", 1.0 / 6.0),
            ("KS", 1.0 / 6.0),
            // Group 0: the facet is 1 of 1 negative and 1 of 4 positive; group 1: 1 of 3 and 1 of 2; five rows each.
            ("CDDL", 0.5 * (1.0 - 0.25) + 0.5 * (1.0 / 3.0 - 0.5)),
        ],
    );
    assert_eq!(metrics.len(), 8);
    assert!(metrics.iter().all(|metric| metric.absent.is_none() && metric.note.is_none()));
}

#[test]
fn the_measures_of_predictions_are_those_worked_out_by_hand() {
    let rows = ten_rows();
    // With six rows in the rest the nearest one is asked: 0, 3, 2 and 4 by the column, predicted 1, 0, 1, 1 where the facet is
    // predicted 1, 0, 0, 0. Two flips to positive in four rows.
    let flips = flip_test(&rows.facet, &rows.predicted, &rows.columns[..1]).unwrap();
    assert_eq!((flips.neighbours, &flips.flips[6..]), (1, [Some(0), Some(0), Some(1), Some(1)].as_slice()));
    let metrics = post_training(&rows.population(&[false, true]), &rows.predicted, Ok(&flips), NO_INTERVALS).unwrap();
    agree(
        &metrics,
        &[
            ("DPPL", 4.0 / 6.0 - 1.0 / 4.0),
            ("DI", (1.0 / 4.0) / (4.0 / 6.0)),
            ("DCAcc", 4.0 / 4.0 - 2.0 / 1.0),
            ("DCR", 2.0 / 3.0 - 2.0 / 2.0),
            ("SD", 2.0 / 2.0 - 1.0 / 2.0),
            ("RD", 3.0 / 4.0 - 1.0 / 2.0),
            ("DAR", 3.0 / 4.0 - 1.0 / 1.0),
            ("DRR", 2.0 / 3.0 - 1.0 / 2.0),
            ("AD", 4.0 / 6.0 - 3.0 / 4.0),
            // Group 0: the facet is 1 of 1 predicted negative and 1 of 4 positive; group 1: 2 of 4 and 0 of 1.
            ("CDDPL", 0.5 * (1.0 - 0.25) + 0.5 * (0.5 - 0.0)),
            ("FT", 2.0 / 4.0),
            // Benefits: twice 0, once 2, seven times 1. Mean 0.9, mean square 1.1.
            ("GE", (1.1 / 0.81 - 1.0) / 2.0),
        ],
    );
    assert_eq!(metrics.len(), 13);
    // One missed positive of the facet over no false one.
    let equality = of(&metrics, "TE");
    assert_eq!(equality.value, None);
    assert_eq!(
        equality.absent.as_deref(),
        Some("of the facet no row is a false positive, so that its ratio is infinite")
    );
}

#[test]
fn the_measures_agree_with_smclarify() {
    let rows = drawn(500, 7);
    // m.call_metric(f, df=d[["x","y","z"]], feature=d.f, sensitive_facet_index=d.f, label=d.l, positive_label_index=d.l == 2,
    //   predicted_label=d.p, positive_predicted_label_index=d.p, group_variable=d.q) for every f of smclarify.bias.metrics
    let population = rows.population(&[false, false, true]);
    let metrics = pre_training(&population, NO_INTERVALS).unwrap();
    agree(
        &metrics,
        &[
            ("CDDL", 0.09262469108242619),
            ("CI", 0.36),
            ("DPL", 0.1003676470588235),
            ("JS", 0.0052974508278996225),
            ("KL", 0.02154860725975266),
            ("KS", 0.1003676470588235),
            ("LP", 0.12292503588108804),
            ("TVD", 0.10036764705882353),
        ],
    );
    let flips = flip_test(&rows.facet, &rows.predicted, &rows.columns).unwrap();
    assert_eq!(flips.neighbours, 5);
    let metrics = post_training(&population, &rows.predicted, Ok(&flips), NO_INTERVALS).unwrap();
    agree(
        &metrics,
        &[
            ("AD", 0.10441176470588243),
            ("CDDPL", 0.09680080154764822),
            ("DAR", 0.19165424739195236),
            ("DCAcc", 0.013512170889220076),
            ("DCR", -0.01939393939393952),
            ("DI", 0.7856060606060605),
            ("DPPL", 0.10404411764705884),
            ("DRR", -0.06620490620490627),
            // smclarify has 0.00625: its code subtracts the other way round than the definition that the service publishes.
            ("FT", -0.00625),
            ("GE", 0.0935650887573963),
            ("RD", 0.1997591812161349),
            ("SD", -0.04761904761904767),
            ("TE", 0.14888888888888885),
        ],
    );
}

#[test]
fn a_label_of_one_side_alone_counts_in_every_distance_and_leaves_the_divergence_absent() {
    let rows = drawn(12, 3);
    // Shares 4/9, 1/9, 4/9 in the rest and 1/3, 2/3, 0 in the facet. smclarify leaves the last label out and has −0.07 for KL, which a
    // divergence cannot be.
    let metrics = pre_training(&rows.population(&[false, false, true]), NO_INTERVALS).unwrap();
    agree(
        &metrics,
        &[
            // scipy.spatial.distance.jensenshannon(a, f) ** 2
            ("JS", 0.2680821271753807),
            ("LP", (42.0_f64 / 81.0).sqrt()),
            ("TVD", 5.0 / 9.0),
            ("KS", 5.0 / 9.0),
        ],
    );
    let divergence = of(&metrics, "KL");
    assert_eq!(divergence.value, None);
    assert!(divergence.absent.unwrap().contains("does not occur in the facet"));
}

#[test]
fn nothing_of_nothing_counts_as_nothing_and_says_so() {
    // The facet has no positive label: its recall is 0 of 0.
    let mut rows = ten_rows();
    rows.labels = vec![1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    let metrics = post_training(&rows.population(&[false, true]), &rows.predicted, NO_FLIPS, NO_INTERVALS).unwrap();
    let recall = of(&metrics, "RD");
    assert_eq!(recall.value, Some(0.75));
    assert!(
        recall.note.unwrap().starts_with("of the facet no row is labelled positive; its ratio, 0 / 0, counts as 0")
    );
    // No false positive on either side, and a missed positive on both: two infinite ratios.
    rows.labels = vec![1; 10];
    let metrics = post_training(&rows.population(&[false, true]), &rows.predicted, NO_FLIPS, NO_INTERVALS).unwrap();
    let equality = of(&metrics, "TE");
    assert_eq!(equality.value, Some(0.0));
    assert!(equality.note.unwrap().contains("the two infinite ratios counts as 0"));
    // All labels are positive: no demographic disparity in labels.
    let metrics = pre_training(&rows.population(&[false, true]), NO_INTERVALS).unwrap();
    assert!(of(&metrics, "CDDL").absent.unwrap().contains("all labels are positive"));
    // Nobody is predicted positive: 0 over 0, then the facet alone: something over 0.
    let nobody = [false; 10];
    let impact = |predicted: &[bool]| {
        of(&post_training(&rows.population(&[false, true]), predicted, NO_FLIPS, NO_INTERVALS).unwrap(), "DI")
    };
    assert_eq!(impact(&nobody).value, Some(0.0));
    assert!(impact(&nobody).note.unwrap().starts_with("of the rest no row is predicted positive"));
    let absent = impact(&rows.facet);
    assert_eq!((absent.value, absent.note), (None, None));
    assert!(absent.absent.unwrap().contains("infinite"));
    // Every prediction is a missed positive.
    let metrics = post_training(&rows.population(&[false, true]), &nobody, NO_FLIPS, NO_INTERVALS).unwrap();
    assert!(of(&metrics, "GE").absent.unwrap().contains("mean benefit is 0"));
}

#[test]
fn a_side_without_rows_leaves_every_comparison_absent() {
    for (side, name) in [(false, "the facet"), (true, "the rest")] {
        let rows = Rows { facet: vec![side; 10], ..ten_rows() };
        let population = rows.population(&[false, true]);
        let resampling = Resampling { samples: 20, seed: 1 };
        let mut metrics = pre_training(&population, resampling).unwrap();
        let flips = flip_test(&rows.facet, &rows.predicted, &rows.columns[..1]).unwrap();
        metrics.extend(post_training(&population, &rows.predicted, Ok(&flips), resampling).unwrap());
        for metric in metrics.iter().filter(|metric| metric.measure != BiasMeasure::GeneralisedEntropy) {
            assert_eq!((metric.value, metric.lower, metric.upper), (None, None, None), "{metric:?}");
            assert_eq!(metric.absent.as_deref(), Some(format!("{name} has no rows").as_str()), "{metric:?}");
        }
        assert!(of(&metrics, "GE").value.is_some());
    }
}

#[test]
fn without_groups_and_without_a_flip_test_the_measures_that_need_them_say_so() {
    let rows = ten_rows();
    let population = Population { groups: None, ..rows.population(&[false, true]) };
    let metrics = pre_training(&population, NO_INTERVALS).unwrap();
    assert_eq!(of(&metrics, "CDDL").absent.as_deref(), Some("no group column was given"));
    let metrics =
        post_training(&population, &rows.predicted, Err("there is no column of numbers"), NO_INTERVALS).unwrap();
    assert_eq!(of(&metrics, "CDDPL").absent.as_deref(), Some("no group column was given"));
    assert_eq!(of(&metrics, "FT").absent.as_deref(), Some("there is no column of numbers"));
    assert_eq!(of(&metrics, "FT").value, None);
}

#[test]
fn intervals_hold_their_value_and_repeat_for_a_seed() {
    let rows = drawn(500, 7);
    let population = rows.population(&[false, false, true]);
    let flips = flip_test(&rows.facet, &rows.predicted, &rows.columns).unwrap();
    let measured = |samples, seed| {
        let resampling = Resampling { samples, seed };
        let mut metrics = pre_training(&population, resampling).unwrap();
        metrics.extend(post_training(&population, &rows.predicted, Ok(&flips), resampling).unwrap());
        metrics
    };
    let metrics = measured(400, 1);
    assert_eq!(metrics, measured(400, 1));
    assert_ne!(metrics, measured(400, 2));
    for metric in &metrics {
        let (value, lower, upper) = (metric.value.unwrap(), metric.lower.unwrap(), metric.upper.unwrap());
        // The distances are never below zero, so that resampling moves them up.
        let directed = !matches!(metric.measure.as_str(), "KL" | "JS" | "LP" | "TVD" | "KS");
        assert!(lower < upper && (lower < value || !directed) && value < upper, "{metric:?}");
    }
    // The standard error of a difference of two shares p is √(p₁(1 − p₁)/n₁ + p₂(1 − p₂)/n₂): 0.4441 of 340 and 0.34375 of 160.
    let error = (0.4441_f64 * 0.5559 / 340.0 + 0.34375 * 0.65625 / 160.0).sqrt();
    let labels = of(&metrics, "DPL");
    let width = labels.upper.unwrap() - labels.lower.unwrap();
    assert!((width / (2.0 * 1.96 * error) - 1.0).abs() < 0.15, "{width} {error}");
    assert!(measured(0, 1).iter().all(|metric| metric.lower.is_none() && metric.upper.is_none()));
}

#[test]
fn every_value_of_random_rows_is_in_its_range() {
    let mut taken = 0;
    for seed in 0..200 {
        let rows = drawn(14, seed);
        let population = rows.population(&[true, false, true]);
        let flips = flip_test(&rows.facet, &rows.predicted, &rows.columns).unwrap();
        let mut metrics = pre_training(&population, NO_INTERVALS).unwrap();
        metrics.extend(post_training(&population, &rows.predicted, Ok(&flips), NO_INTERVALS).unwrap());
        assert_eq!(metrics.iter().map(|metric| metric.measure).collect::<Vec<_>>(), BiasMeasure::ALL);
        for metric in metrics {
            assert_ne!(metric.value.is_some(), metric.absent.is_some(), "{metric:?}");
            let Some(value) = metric.value else { continue };
            taken += 1;
            let low = metric.minimum.unwrap_or(f64::NEG_INFINITY);
            let high = metric.maximum.unwrap_or(f64::INFINITY);
            assert!(value.is_finite() && value >= low - 1e-12 && value <= high + 1e-12, "{metric:?}");
        }
    }
    assert!(taken > 3_000, "{taken}");
}

#[test]
fn rows_without_a_number_are_left_out_of_the_flip_test() {
    let mut rows = drawn(40, 11);
    let whole = flip_test(&rows.facet, &rows.predicted, &rows.columns).unwrap();
    let of_facet = rows.facet.iter().position(|facet| *facet).unwrap();
    rows.columns[1][of_facet] = f64::NAN;
    let found = flip_test(&rows.facet, &rows.predicted, &rows.columns).unwrap();
    assert_eq!((found.left_out, found.flips[of_facet]), (1, None));
    assert!(whole.flips.iter().zip(&found.flips).enumerate().all(|(row, (all, left))| row == of_facet || all == left));
    let population = rows.population(&[false, false, true]);
    let metric = of(&post_training(&population, &rows.predicted, Ok(&found), NO_INTERVALS).unwrap(), "FT");
    let tested: Vec<i8> = found.flips.iter().flatten().copied().collect();
    let sum: f64 = tested.iter().map(|flip| f64::from(*flip)).sum();
    assert_eq!(metric.value, Some(sum / tested.len() as f64));
    assert!(metric.note.unwrap().starts_with("1 rows without a number"));
    let nowhere = flip_test(&rows.facet, &rows.predicted, &[vec![f64::INFINITY; 40]]).unwrap();
    let metric = of(&post_training(&population, &rows.predicted, Ok(&nowhere), NO_INTERVALS).unwrap(), "FT");
    assert!(metric.absent.unwrap().contains("no row with a number"));
}

#[test]
fn lists_that_do_not_fit_are_refused_by_name() {
    let rows = ten_rows();
    let positive = [false, true];
    let refused = |population: &Population<'_>| pre_training(population, NO_INTERVALS).unwrap_err().to_string();
    let good = rows.population(&positive);
    assert!(refused(&Population { labels: &rows.labels[..9], ..good }).contains("list of labels"));
    assert!(refused(&Population { groups: Some(&rows.groups[..9]), ..good }).contains("list of groups"));
    assert!(refused(&Population { positive: &positive[..1], ..good }).contains("class code 1"));
    assert!(refused(&Population { groups: Some(&[u32::MAX; 10]), ..good }).contains("the groups"));
    assert!(refused(&Population { facet: &[], labels: &[], groups: None, ..good }).contains("0 rows"));
    let predicted = &rows.predicted[..9];
    let error = post_training(&good, predicted, NO_FLIPS, NO_INTERVALS).unwrap_err();
    assert!(error.to_string().contains("list of predictions"), "{error}");
    let error = flip_test(&rows.facet, predicted, &rows.columns[..1]).unwrap_err();
    assert!(error.to_string().contains("list of predictions"), "{error}");
    let error = flip_test::<Vec<f64>>(&rows.facet, &rows.predicted, &[]).unwrap_err();
    assert_eq!(error, Error::NoFeatures);
    let error = pre_training(&good, Resampling { samples: 1_000_000, seed: 0 }).unwrap_err();
    assert!(error.to_string().contains("bootstrap_samples"), "{error}");
}

#[test]
fn every_measure_belongs_to_one_stage_and_is_listed_once() {
    let names: Vec<&str> = BiasMeasure::ALL.iter().map(|measure| measure.as_str()).collect();
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len());
    for measure in BiasMeasure::ALL {
        assert_eq!(serde_json::to_value(measure).unwrap(), measure.as_str());
    }
    let before = BiasMeasure::ALL.iter().filter(|measure| measure.stage() == BiasStage::PreTraining).count();
    assert_eq!(before, 8);
}
