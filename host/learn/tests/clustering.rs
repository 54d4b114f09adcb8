//! Clustering beside scikit-learn 1.9.1, and what odd data does to it.
//!
//! Reference numbers come from the rows of `common::groups` as a float64 array X, once as they are and once through
//! `StandardScaler().fit_transform(X)`; the line of Python stands beside each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, close, groups, names, train, unlabelled, without_target};
use kumiko_learn::{Error, Estimator, Features, Model, Predictions, TrainingData, metrics};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::Algorithm::{self, Autoencoder, Dbscan, GaussianMixture, Kmeans};
use kumiko_vocabulary::learning::{HeadlineMetrics, Task, TrainingSpecification};
use serde_json::{Value, json};

fn fitted(algorithm: Algorithm, hyperparameters: Value) -> Model {
    train(&unlabelled(&groups().0), &without_target(algorithm, hyperparameters)).unwrap()
}

fn codes(predictions: &Predictions) -> &[i32] {
    let Predictions::Clusters { codes, .. } = predictions else { panic!("no clusters") };
    codes
}

fn measures(model: &Model) -> &HeadlineMetrics {
    &model.metadata.training_metrics
}

/// Sizes of the clusters, rising; noise first where there is any.
fn sizes(codes: &[i32]) -> Vec<usize> {
    let mut counts = std::collections::BTreeMap::new();
    codes.iter().for_each(|code| *counts.entry(*code).or_insert(0) += 1);
    let mut sizes: Vec<usize> = counts.into_values().collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn kmeans_finds_the_inertia_of_scikit_learn() {
    // KMeans(4, n_init=10, random_state=0, tol=0).fit(X)
    let raw = fitted(Kmeans, json!({ "n_clusters": 4, "n_init": 10, "tol": 0, "standardize": false }));
    close(measures(&raw).inertia.unwrap(), 5619.455138809315, 1e-6);
    assert_eq!(sizes(codes(raw.training_output.as_ref().unwrap())), [55, 59, 63, 63]);
    close(measures(&raw).silhouette.unwrap(), 0.5786381060655318, 1e-6);
    close(measures(&raw).davies_bouldin.unwrap(), 0.5287271071557043, 1e-6);
    close(measures(&raw).calinski_harabasz.unwrap(), 1104.7860277320979, 1e-6);
    let scaled = fitted(Kmeans, json!({ "n_clusters": 4, "n_init": 10, "tol": 0 }));
    close(measures(&scaled).inertia.unwrap(), 58.50962396467892, 1e-6);
    close(measures(&scaled).silhouette.unwrap(), 0.6538426188708724, 1e-6);
    let (features, classes) = groups();
    let report = metrics::clustering(
        &features,
        codes(scaled.training_output.as_ref().unwrap()),
        Some(&classes),
        &Default::default(),
    )
    .unwrap();
    close(report.agreement.unwrap().adjusted_rand_index, 1.0, 1e-12);
    // KMeans(7, n_init=50, random_state=0, tol=0).fit(X)
    let seven = fitted(Kmeans, json!({ "n_clusters": 7, "n_init": 50, "tol": 0, "standardize": false }));
    close(measures(&seven).inertia.unwrap(), 2419.61030600932, 1e-3);
}

#[test]
fn kmeans_weighs_rows() {
    // w = [1 + i % 3 for i in range(240)]; KMeans(4, n_init=10, random_state=0, tol=0).fit(X, sample_weight=w)
    let (features, _) = groups();
    let weights = Some((0..240).map(|row| (1 + row % 3) as f32).collect());
    let data = TrainingData { weights, ..unlabelled(&features) };
    let specification =
        without_target(Kmeans, json!({ "n_clusters": 4, "n_init": 10, "tol": 0, "standardize": false }));
    let model = train(&data, &specification).unwrap();
    close(measures(&model).inertia.unwrap(), 10792.321401474146, 1e-6);
    // A weight of 2 is the row twice; 32-bit rows about another mean are rounded in other places.
    let twice = Features {
        columns: features
            .columns
            .iter()
            .map(|column| column.iter().enumerate().flat_map(|(row, value)| vec![*value; 1 + row % 3]).collect())
            .collect(),
        ..features
    };
    let other = train(&unlabelled(&twice), &specification).unwrap();
    close(measures(&other).inertia.unwrap(), measures(&model).inertia.unwrap(), 1e-6);
}

#[test]
fn bounds_change_no_label() {
    // Every row ends with the centre nearest to it, and every centre at the mean of its rows.
    let mut generator = Generator::new(4);
    let columns: Vec<Vec<f32>> = (0..5).map(|_| (0..6_000).map(|_| generator.next() as f32).collect()).collect();
    let features = Features { names: names(&["a", "b", "c", "d", "e"]), columns };
    for clusters in [3, 37] {
        let hyperparameters = json!({ "n_clusters": clusters, "tol": 0, "max_iter": 1000, "standardize": false });
        let model = train(&unlabelled(&features), &without_target(Kmeans, hyperparameters)).unwrap();
        assert!(model.metadata.notes.is_empty(), "{:?}", model.metadata.notes);
        let Estimator::Kmeans(kmeans) = &model.estimator else { panic!() };
        let centres = kmeans.centres();
        let labels = codes(model.training_output.as_ref().unwrap());
        let mut sums = vec![vec![0.0; 6]; clusters];
        for (row, label) in labels.iter().enumerate() {
            let distance = |centre: &Vec<f64>| -> f64 {
                (0..5).map(|column| (f64::from(features.columns[column][row]) - centre[column]).powi(2)).sum()
            };
            let own = distance(&centres[*label as usize]);
            assert!(centres.iter().all(|centre| own <= distance(centre) + 1e-6));
            let sums = &mut sums[*label as usize];
            (0..5).for_each(|column| sums[column] += f64::from(features.columns[column][row]));
            sums[5] += 1.0;
        }
        for (centre, sums) in centres.iter().zip(&sums) {
            (0..5).for_each(|column| close(centre[column], sums[column] / sums[5], 1e-5));
        }
        let curve: Vec<f64> = model.metadata.loss_curve.iter().map(|point| point.training).collect();
        assert!(curve.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-6)), "{curve:?}");
        close(*curve.last().unwrap(), measures(&model).inertia.unwrap(), 1e-4);
    }
}

#[test]
fn dbscan_gives_the_labels_of_scikit_learn() {
    let head = |model: &Model| codes(model.training_output.as_ref().unwrap())[..40].to_vec();
    // DBSCAN(eps=1.0, min_samples=5).fit(X).labels_[:40], np.unique(labels_, return_counts=True), len(core_sample_indices_)
    let raw = fitted(Dbscan, json!({ "eps": 1.0, "min_samples": 5, "standardize": false }));
    assert_eq!(
        head(&raw),
        [
            0, 1, 8, -1, -1, -1, -1, -1, 7, -1, 2, -1, -1, 3, -1, -1, 8, 7, 3, 3, 7, -1, -1, -1, -1, -1, 9, 7, -1, 0,
            0, -1, -1, -1, 3, 0, -1, -1, -1, -1
        ]
    );
    assert_eq!(sizes(codes(raw.training_output.as_ref().unwrap())), [5, 6, 6, 7, 7, 10, 10, 12, 14, 20, 143]);
    let Estimator::Dbscan(model) = &raw.estimator else { panic!() };
    assert_eq!(model.core_rows(), 49);
    assert_eq!((measures(&raw).clusters, measures(&raw).noise_rows), (Some(10), Some(143)));
    // DBSCAN(eps=0.5, min_samples=5).fit(StandardScaler().fit_transform(X))
    let scaled = fitted(Dbscan, json!({ "eps": 0.5, "min_samples": 5 }));
    assert_eq!(
        head(&scaled),
        [
            0, 1, 2, 3, 2, 1, 2, 2, 3, 0, 1, 0, 3, 2, 0, 0, 2, 3, 2, 2, 3, 2, 0, 0, 1, 2, 3, 3, 2, 0, 0, 3, 0, 3, 2, 0,
            0, 2, 2, 0
        ]
    );
    assert_eq!(sizes(codes(scaled.training_output.as_ref().unwrap())), [2, 55, 58, 60, 65]);
}

#[test]
fn dbscan_counts_rows_at_just_eps_and_weights() {
    let line = Features { names: names(&["x"]), columns: vec![vec![0.0, 1.0, 2.0, 3.0, 10.0]] };
    // DBSCAN(eps=1.0, min_samples=3).fit([[0], [1], [2], [3], [10]]).labels_
    let specification = without_target(Dbscan, json!({ "eps": 1.0, "min_samples": 3, "standardize": false }));
    let model = train(&unlabelled(&line), &specification).unwrap();
    assert_eq!(codes(model.training_output.as_ref().unwrap()), [0, 0, 0, 0, -1]);
    // … .fit(…, sample_weight=[1, 1, 1, 1, 3]).labels_
    let weighted = TrainingData { weights: Some(vec![1.0, 1.0, 1.0, 1.0, 3.0]), ..unlabelled(&line) };
    let model = train(&weighted, &specification).unwrap();
    assert_eq!(codes(model.training_output.as_ref().unwrap()), [0, 0, 0, 0, 1]);
    // The nearest core row within `eps`: 1 and 2 are core rows, 0 and 3 are not.
    let asked = Features { names: names(&["x"]), columns: vec![vec![0.0, 2.9, 3.1, 10.5, -1.0]] };
    assert_eq!(codes(&model.predict(&asked).unwrap()), [0, 0, -1, 1, -1]);
}

#[test]
fn mixtures_come_to_the_likelihood_of_scikit_learn() {
    // GaussianMixture(4, covariance_type=t, random_state=0, tol=1e-9, max_iter=1000).fit(X): score(X), bic(X), aic(X)
    for (covariance, standardize, [likelihood, bic, aic]) in [
        ("full", false, [-6.227501221692393, 3202.945504422686, 3067.2005864123485]),
        ("tied", false, [-6.266602833464214, 3123.0627774530044, 3049.9693600628225]),
        ("diag", false, [-6.260228055201704, 3152.8867174270517, 3058.909466496818]),
        ("spherical", false, [-8.69367872572045, 4277.097927889314, 4210.965788345816]),
        ("full", true, [-1.827776591413291, 1091.0776818887175, 955.3327638783798]),
        ("tied", true, [-1.8668782031610291, 1011.1949549074758, 938.101537517294]),
        ("diag", true, [-1.860503424900549, 1041.0188948824973, 947.0416439522635]),
        ("spherical", true, [-1.8732480419457702, 1003.2911996774675, 937.1590601339697]),
    ] {
        let model = fitted(
            GaussianMixture,
            json!({ "n_components": 4, "covariance_type": covariance, "tol": 1e-9, "max_iter": 1000, "n_init": 5,
                "standardize": standardize }),
        );
        close(measures(&model).log_likelihood.unwrap(), likelihood, 1e-6);
        close(measures(&model).bic.unwrap(), bic, 1e-6);
        close(measures(&model).aic.unwrap(), aic, 1e-6);
        let curve: Vec<f64> = model.metadata.loss_curve.iter().map(|point| point.training).collect();
        assert!(curve.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9), "{covariance}: {curve:?}");
    }
}

#[test]
fn mixtures_give_weights_means_and_probabilities() {
    let model =
        fitted(GaussianMixture, json!({ "n_components": 4, "tol": 1e-9, "max_iter": 1000, "standardize": false }));
    let Estimator::Mixture(mixture) = &model.estimator else { panic!() };
    // sorted(weights_) of the full mixture on X
    let mut weights = mixture.weights().to_vec();
    weights.sort_by(f64::total_cmp);
    let expected = [0.23253703276385645, 0.24166302791520622, 0.25496657920394916, 0.27083336011698816];
    weights.iter().zip(expected).for_each(|(weight, expected)| close(*weight, expected, 1e-5));
    assert!(mixture.means().iter().any(|mean| (mean[2] - 30.0).abs() < 2.0));
    let Predictions::Clusters { codes, probabilities: Some(probabilities) } = model.predict(&groups().0).unwrap()
    else {
        panic!()
    };
    for (row, code) in codes.iter().enumerate() {
        let of_row: Vec<f32> = probabilities.iter().map(|column| column[row]).collect();
        assert!((of_row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(of_row.iter().all(|probability| *probability <= of_row[*code as usize]));
    }
}

#[test]
fn models_know_their_training_rows_again_and_place_new_ones() {
    let (features, _) = groups();
    let near = Features { names: features.names.clone(), columns: vec![vec![3.1], vec![0.9], vec![-19.0]] };
    let row = features.columns[2].iter().position(|value| *value < -18.0 && *value > -22.0).unwrap();
    for (algorithm, hyperparameters) in [
        (Kmeans, json!({ "n_clusters": 4, "n_init": 5 })),
        (GaussianMixture, json!({ "n_components": 4, "n_init": 5 })),
        (Dbscan, json!({ "eps": 0.5 })),
    ] {
        let model = fitted(algorithm, hyperparameters);
        let training = model.training_output.clone().unwrap();
        if algorithm != Dbscan {
            assert_eq!(model.predict(&features).unwrap(), training);
        }
        assert_eq!(codes(&model.predict(&near).unwrap()), [codes(&training)[row]], "{algorithm:?}");
        let back = Model::from_bytes(&model.to_bytes().unwrap(), "model").unwrap();
        assert_eq!((&back.estimator, &back.training_output), (&model.estimator, &None));
        assert_eq!(back.metadata.signature.target, None);
    }
}

#[test]
fn validation_rows_are_measured() {
    let (features, _) = groups();
    let data = unlabelled(&features);
    for (algorithm, hyperparameters) in [
        (Kmeans, json!({ "n_clusters": 4 })),
        (GaussianMixture, json!({ "n_components": 4 })),
        (Dbscan, json!({ "eps": 0.5 })),
    ] {
        let specification = without_target(algorithm, hyperparameters);
        let model = kumiko_learn::train(&data, Some(&data), &specification, &Unattended).unwrap();
        let validation = model.metadata.validation_metrics.as_ref().unwrap();
        if algorithm != Dbscan {
            assert_eq!(validation, measures(&model));
        }
        assert!(validation.silhouette.unwrap() > 0.5 && model.metadata.validation_rows == 240);
    }
}

#[test]
fn the_seed_decides_and_not_the_number_of_threads() {
    let mut generator = Generator::new(2);
    let columns: Vec<Vec<f32>> = (0..3).map(|_| (0..20_000).map(|_| generator.next() as f32).collect()).collect();
    let data = unlabelled(&Features { names: names(&["a", "b", "c"]), columns });
    for (algorithm, hyperparameters) in [
        (Kmeans, json!({ "n_clusters": 12, "max_iter": 20 })),
        (GaussianMixture, json!({ "n_components": 3, "max_iter": 5 })),
        (Dbscan, json!({ "eps": 0.1, "min_samples": 4 })),
    ] {
        let bytes = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let specification = TrainingSpecification { seed, ..without_target(algorithm, hyperparameters.clone()) };
            let model = pool.install(|| train(&data, &specification).unwrap());
            (model.to_bytes().unwrap(), model.training_output)
        };
        let one = bytes(1, 1);
        assert!(one == bytes(4, 1), "{algorithm:?}");
        assert!(one.0 != bytes(1, 2).0);
    }
}

fn refused(algorithm: Algorithm, hyperparameters: Value, data: &TrainingData, code: &str) -> String {
    let fault = Fault::from(train(data, &without_target(algorithm, hyperparameters)).unwrap_err());
    assert_eq!(fault.code, code, "{fault}");
    assert!(fault.hint.is_some());
    fault.message
}

#[test]
fn settings_that_the_rows_cannot_meet_are_refused() {
    let data = unlabelled(&groups().0);
    let message = refused(Kmeans, json!({ "n_clusters": 241 }), &data, "hyperparameter_out_of_range");
    assert_eq!(message, "hyperparameter `n_clusters` of `kmeans` is 241; expected at most the number of rows, 240");
    refused(GaussianMixture, json!({ "n_components": 241 }), &data, "hyperparameter_out_of_range");
    for (algorithm, hyperparameters, word) in [
        (Dbscan, json!({ "eps": 0 }), "above 0"),
        (Dbscan, json!({ "min_samples": 0 }), "from 1"),
        (Kmeans, json!({ "n_clusters": 0 }), "from 1"),
        (Kmeans, json!({ "init": "best" }), "k-means++"),
        (Kmeans, json!({ "n_init": 0 }), "auto"),
        (GaussianMixture, json!({ "covariance_type": "round" }), "tied"),
        (GaussianMixture, json!({ "reg_covar": -1 }), "zero or more"),
    ] {
        let message = refused(algorithm, hyperparameters, &data, "hyperparameter_out_of_range");
        assert!(message.contains(word), "{message}");
    }
    let weighted = TrainingData { weights: Some(vec![1.0; 240]), ..data.clone() };
    refused(GaussianMixture, json!({}), &weighted, "weights_not_used");
    let mut gaps = data.clone();
    gaps.features.columns[1][3] = f32::NAN;
    for algorithm in [Kmeans, Dbscan, GaussianMixture] {
        let message = refused(algorithm, json!({}), &gaps, "missing_values");
        assert!(message.contains("`y`"), "{message}");
    }
    let specification = TrainingSpecification::without_target(Algorithm::Ridge, Task::Regression);
    let error = train(&data, &specification).unwrap_err();
    assert!(matches!(error, Error::Specification { name: "target_column", .. }), "{error:?}");
}

#[test]
fn rows_that_are_all_alike_make_one_cluster() {
    let alike = unlabelled(&Features { names: names(&["a", "b"]), columns: vec![vec![0.1; 30], vec![7e8; 30]] });
    let model = train(&alike, &without_target(Kmeans, json!({ "n_clusters": 3 }))).unwrap();
    assert_eq!((measures(&model).clusters, measures(&model).inertia), (Some(1), Some(0.0)));
    assert!(model.metadata.notes[0].contains("too few different values"), "{:?}", model.metadata.notes);
    assert_eq!(measures(&model).silhouette, None);
    let model = train(&alike, &without_target(Dbscan, json!({}))).unwrap();
    assert_eq!(codes(model.training_output.as_ref().unwrap()), [0; 30]);
    let model = train(&alike, &without_target(GaussianMixture, json!({ "n_components": 2 }))).unwrap();
    assert!(measures(&model).log_likelihood.unwrap().is_finite());
    let message = refused(GaussianMixture, json!({ "n_components": 2, "reg_covar": 0 }), &alike, "numerical_failure");
    assert!(message.contains("reg_covar"), "{message}");
}

#[test]
fn a_density_that_no_row_has_makes_noise_of_all() {
    let model = fitted(Dbscan, json!({ "eps": 1e-6 }));
    assert_eq!(codes(model.training_output.as_ref().unwrap()), [-1; 240]);
    assert!(model.metadata.notes[0].contains("every row is noise"), "{:?}", model.metadata.notes);
    assert_eq!(codes(&model.predict(&groups().0).unwrap()), [-1; 240]);
    let back = Model::from_bytes(&model.to_bytes().unwrap(), "model").unwrap();
    assert_eq!(back.estimator, model.estimator);
}

#[test]
fn huge_and_tiny_values_cluster_like_ordinary_ones() {
    let (features, _) = groups();
    let expected = fitted(Kmeans, json!({ "n_clusters": 4, "standardize": false }));
    for factor in [1e25_f32, 1e-25] {
        let columns =
            features.columns.iter().map(|column| column.iter().map(|value| value * factor).collect()).collect();
        let data = unlabelled(&Features { columns, ..features.clone() });
        for standardize in [false, true] {
            let specification = without_target(Kmeans, json!({ "n_clusters": 4, "standardize": standardize }));
            let model = train(&data, &specification).unwrap();
            if !standardize {
                assert_eq!(model.training_output, expected.training_output);
                let inertia = measures(&model).inertia.unwrap() / f64::from(factor).powi(2);
                close(inertia / measures(&expected).inertia.unwrap(), 1.0, 1e-5);
            }
        }
    }
}

#[test]
fn more_clusters_than_a_bound_holds_still_end_at_their_rows() {
    // As many clusters as rows: every row its own centre.
    let (features, _) = groups();
    let model = train(
        &unlabelled(&features),
        &without_target(Kmeans, json!({ "n_clusters": 240, "init": "random", "n_init": 1 })),
    )
    .unwrap();
    assert_eq!(measures(&model).clusters, Some(240));
    assert!(measures(&model).inertia.unwrap() < 1e-9);
}

#[test]
fn latent_numbers_of_an_autoencoder_cluster_by_the_groups() {
    let (features, classes) = groups();
    let hyperparameters =
        json!({ "n_clusters": 4, "latent_dimensions": 2, "hidden_layer_sizes": [16], "max_iter": 300 });
    let model = fitted(Autoencoder, hyperparameters);
    let labels = codes(model.training_output.as_ref().unwrap());
    let report = metrics::clustering(&features, labels, Some(&classes), &Default::default()).unwrap();
    assert!(report.agreement.unwrap().adjusted_rand_index > 0.9);
    assert!(measures(&model).reconstruction_error.unwrap() < 0.3 && measures(&model).silhouette.unwrap() > 0.4);
    let back = Model::from_bytes(&model.to_bytes().unwrap(), "model").unwrap();
    assert_eq!(codes(&back.predict(&features).unwrap()), labels);
    let message =
        refused(Autoencoder, json!({ "n_clusters": 500 }), &unlabelled(&features), "hyperparameter_out_of_range");
    assert!(message.contains("number of rows, 240"), "{message}");
}

#[test]
fn a_centre_without_rows_gets_the_farthest_row() {
    // Three places with fifty rows each: two of three rows drawn at random are often of one place.
    let places = [[0.0_f32, 0.0], [5.0, 1.0], [-3.0, 8.0]];
    let columns = (0..2).map(|column| (0..150).map(|row| places[row % 3][column]).collect()).collect();
    let data = unlabelled(&Features { names: names(&["x", "y"]), columns });
    for seed in 0..20 {
        let hyperparameters = json!({ "n_clusters": 3, "init": "random", "n_init": 1, "standardize": false });
        let specification = TrainingSpecification { seed, ..without_target(Kmeans, hyperparameters) };
        let model = train(&data, &specification).unwrap();
        assert_eq!(measures(&model).clusters, Some(3), "seed {seed}");
        assert!(measures(&model).inertia.unwrap() < 1e-9);
        assert_eq!(sizes(codes(model.training_output.as_ref().unwrap())), [50, 50, 50]);
    }
}
