//! Measures of clusters and maps beside scikit-learn 1.9.1: X and y are the rows and groups of `common::groups`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, close, groups, names};
use kumiko_learn::metrics::{clustering, trustworthiness};
use kumiko_learn::{Error, Features};
use kumiko_vocabulary::evaluation::{ClusteringReport, ClusteringSpecification};

fn raw() -> ClusteringSpecification {
    ClusteringSpecification { standardize: false, ..ClusteringSpecification::default() }
}

fn report(features: &Features, codes: &[i32], truth: Option<&[u32]>) -> ClusteringReport {
    clustering(features, codes, truth, &raw()).unwrap()
}

#[test]
fn measures_of_shape_are_those_of_scikit_learn() {
    let (features, classes) = groups();
    let codes: Vec<i32> = classes.iter().map(|class| *class as i32).collect();
    let report = report(&features, &codes, None);
    // silhouette_score(X, y), davies_bouldin_score(X, y), calinski_harabasz_score(X, y)
    close(report.silhouette.unwrap(), 0.4941103581009402, 1e-9);
    close(report.davies_bouldin.unwrap(), 0.6490584554947972, 1e-9);
    close(report.calinski_harabasz.unwrap(), 801.1453207825388, 1e-9);
    assert_eq!((report.rows, report.clusters, report.noise_rows, report.silhouette_rows), (240, 4, 0, 240));
    // [silhouette_samples(X, y)[y == k].mean() for k in range(4)]
    let expected = [0.3310158863608862, 0.614824032666975, 0.647241282209846, 0.3690007078194113];
    for (summary, expected) in report.table.iter().zip(expected) {
        close(summary.silhouette.unwrap(), expected, 1e-9);
        close(summary.share, summary.size as f64 / 240.0, 1e-12);
    }
    let mean: f64 = (0..240).filter(|row| codes[*row] == 2).map(|row| f64::from(features.columns[2][row])).sum();
    close(report.table[2].center[2], mean / report.table[2].size as f64, 1e-9);
    assert!(report.agreement.is_none() && report.notes.is_empty());
}

#[test]
fn noise_is_left_out_of_shape_and_is_a_class_beside_classes() {
    let (features, classes) = groups();
    // c = [-1 if i < 30 else (y[i] + i // 200) % 4 for i in range(240)]; m = c >= 0
    let codes: Vec<i32> = (classes.iter().enumerate())
        .map(|(row, class)| if row < 30 { -1 } else { (*class as i32 + row as i32 / 200) % 4 })
        .collect();
    let report = report(&features, &codes, Some(&classes));
    // silhouette_score(X[m], c[m]) and so on
    close(report.silhouette.unwrap(), 0.11727777779102336, 1e-9);
    close(report.davies_bouldin.unwrap(), 2.468972684931022, 1e-9);
    close(report.calinski_harabasz.unwrap(), 65.21110929357339, 1e-9);
    assert_eq!((report.noise_rows, report.silhouette_rows), (30, 210));
    // adjusted_rand_score(y, c), normalized_mutual_info_score(y, c), homogeneity_completeness_v_measure(y, c)
    let agreement = report.agreement.unwrap();
    close(agreement.adjusted_rand_index, 0.4730867137888906, 1e-9);
    close(agreement.normalized_mutual_information, 0.5337113124626495, 1e-9);
    close(agreement.homogeneity, 0.5726777384690483, 1e-9);
    close(agreement.completeness, 0.49970980705518847, 1e-9);
    close(agreement.v_measure, 0.5337113124626495, 1e-9);
}

#[test]
fn agreement_does_not_care_for_names() {
    let (features, classes) = groups();
    let renamed: Vec<i32> = classes.iter().map(|class| 7 - *class as i32).collect();
    let agreement = report(&features, &renamed, Some(&classes)).agreement.unwrap();
    for measure in [agreement.adjusted_rand_index, agreement.normalized_mutual_information, agreement.v_measure] {
        close(measure, 1.0, 1e-12);
    }
    // All rows in one cluster: adjusted_rand_score(y, [0] * 240) is 0, homogeneity 0, completeness 1.
    let agreement = report(&features, &[0; 240], Some(&classes)).agreement.unwrap();
    close(agreement.adjusted_rand_index, 0.0, 1e-12);
    assert_eq!((agreement.homogeneity, agreement.completeness, agreement.v_measure), (0.0, 1.0, 0.0));
}

#[test]
fn measures_that_make_no_sense_are_absent_with_a_word() {
    let (features, _) = groups();
    for (codes, word) in [(vec![-1; 240], "noise"), (vec![3; 240], "one cluster"), ((0..240).collect(), "one row")] {
        let report = report(&features, &codes, None);
        assert_eq!((report.silhouette, report.davies_bouldin, report.calinski_harabasz), (None, None, None));
        assert!(report.notes[0].contains(word), "{:?}", report.notes);
    }
    // Two clusters of equal rows each: no variance within.
    let two = Features { names: names(&["x"]), columns: vec![vec![1.0, 1.0, 2.0, 2.0]] };
    let report = report(&two, &[0, 0, 1, 1], None);
    assert_eq!((report.silhouette, report.calinski_harabasz, report.inertia), (Some(1.0), None, 0.0));
}

#[test]
fn many_rows_are_sampled_and_the_report_says_so() {
    let mut generator = Generator::new(3);
    let codes: Vec<i32> = (0..30_000).map(|row| row % 3).collect();
    let column = codes.iter().map(|code| (f64::from(*code) * 2.0 + generator.next()) as f32).collect();
    let features = Features { names: names(&["x"]), columns: vec![column] };
    let sampled = report(&features, &codes, None);
    assert_eq!(sampled.silhouette_rows, 20_000);
    assert!(sampled.notes[0].contains("20000 rows drawn at random, of 30000"), "{:?}", sampled.notes);
    // Three uniform distributions of width 1, two apart: all rows of each third alone give the same, about 0.8.
    let some = Features { names: names(&["x"]), columns: vec![features.columns[0][..9_000].to_vec()] };
    close(sampled.silhouette.unwrap(), report(&some, &codes[..9_000], None).silhouette.unwrap(), 0.01);
    assert_eq!(sampled, report(&features, &codes, None));
}

#[test]
fn trustworthiness_is_that_of_scikit_learn() {
    let (features, _) = groups();
    // trustworthiness(X, X[:, :2], n_neighbors=5), trustworthiness(X, X[:, 1:2], n_neighbors=12)
    let found = trustworthiness(&features, &features.columns[..2], 5, false, 0).unwrap();
    close(found, 0.8498204022988506, 1e-5);
    let found = trustworthiness(&features, &features.columns[1..2], 12, false, 0).unwrap();
    close(found, 0.7810728618008528, 1e-5);
    // The data as its own map.
    close(trustworthiness(&features, &features.columns, 7, false, 0).unwrap(), 1.0, 1e-6);
}

#[test]
fn unsound_input_is_refused() {
    let (features, classes) = groups();
    let of = |features: &Features, codes: &[i32]| clustering(features, codes, None, &raw()).unwrap_err();
    assert!(matches!(of(&features, &[0; 239]), Error::Length { expected: 240, found: 239, .. }));
    let mut codes = vec![0; 240];
    codes[5] = -2;
    assert!(of(&features, &codes).to_string().contains("-2 in row 5"));
    let mut gaps = features.clone();
    gaps.columns[2][7] = f32::NAN;
    assert!(of(&gaps, &[0; 240]).to_string().contains("`z`"));
    gaps.columns[2][7] = f32::INFINITY;
    assert!(matches!(of(&gaps, &[0; 240]), Error::InfiniteFeature { row: 7, .. }));
    let error = clustering(&features, &[0; 240], Some(&classes[1..]), &raw()).unwrap_err();
    assert!(matches!(error, Error::Length { .. }));
    for neighbours in [0, 120] {
        let error = trustworthiness(&features, &features.columns, neighbours, false, 0).unwrap_err();
        assert!(matches!(error, Error::Specification { name: "neighbours", .. }));
    }
    let error = trustworthiness(&features, &[vec![0.0; 3]], 5, false, 0).unwrap_err();
    assert!(matches!(error, Error::Length { .. }));
}
