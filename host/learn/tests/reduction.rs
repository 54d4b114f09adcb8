//! Dimensionality reduction beside scikit-learn 1.9.1, and what odd data does to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, close, groups, names, train, unlabelled, without_target};
use kumiko_learn::{Error, Estimator, Features, Model, PcaModel, Predictions, metrics};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::Algorithm::{Autoencoder, Pca, Tsne};
use kumiko_vocabulary::learning::{Task, TrainingSpecification};
use serde_json::{Value, json};

fn pca(features: &Features, hyperparameters: Value) -> (Model, PcaModel) {
    let model = train(&unlabelled(features), &without_target(Pca, hyperparameters)).unwrap();
    let Estimator::Pca(estimator) = model.estimator.clone() else { panic!() };
    (model, estimator)
}

fn components(predictions: &Predictions) -> &[Vec<f32>] {
    let Predictions::Components(components) = predictions else { panic!("no components") };
    components
}

fn all_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(found, expected)| close(*found, *expected, tolerance));
}

/// Uniform numbers, and the sum of some of them.
fn wide(rows: usize, columns: usize, seed: u64) -> Features {
    let mut generator = Generator::new(seed);
    let mut features = Features {
        names: (0..columns).map(|column| format!("c{column}")).collect(),
        columns: vec![Vec::new(); columns],
    };
    for _ in 0..rows {
        features.columns.iter_mut().for_each(|column| column.push(generator.next() as f32));
    }
    features
}

#[test]
fn components_are_those_of_scikit_learn() {
    let (features, _) = groups();
    // PCA().fit(X): explained_variance_, explained_variance_ratio_, components_, transform(X)[:2]
    let (model, raw) = pca(&features, json!({ "standardize": false }));
    all_close(&raw.explained_variance, &[347.6885362238097, 5.147794049076115, 0.881100675816074], 1e-9);
    all_close(&raw.explained_variance_ratio, &[0.9829556188149332, 0.01455340788625901, 0.002490973298807703], 1e-9);
    all_close(&raw.components[0], &[-0.0865745874731937, 0.030540272697654802, 0.9957771500428194], 1e-9);
    all_close(&raw.components[1], &[-0.2546530560507815, 0.9656464788598302, -0.05175614851985447], 1e-9);
    let scores = components(model.training_output.as_ref().unwrap());
    let second: Vec<f64> = scores.iter().map(|component| f64::from(component[1])).collect();
    all_close(&second, &[4.99720918475002, -4.216920716232412, 0.5895719639600245], 1e-6);
    assert_eq!(&model.predict(&features).unwrap(), model.training_output.as_ref().unwrap());
    // PCA(whiten=True).fit_transform(X)[1]
    let (whitened, _) = pca(&features, json!({ "standardize": false, "whiten": true }));
    let scores = components(whitened.training_output.as_ref().unwrap());
    let second: Vec<f64> = scores.iter().map(|component| f64::from(component[1])).collect();
    all_close(&second, &[0.2679984879330971, -1.8585953832339919, 0.6280931486486444], 1e-6);
    // PCA().fit(StandardScaler().fit_transform(X))
    let (_, scaled) = pca(&features, json!({}));
    all_close(&scaled.explained_variance, &[2.0653177469649004, 0.8040023736436047, 0.14323218064672494], 1e-9);
    all_close(&scaled.components[2], &[0.7322448245773715, 0.19443086218722072, 0.6526975997418619], 1e-9);
    // PCA(0.8).fit(…).n_components_
    assert_eq!(pca(&features, json!({ "n_components": 0.8 })).1.components.len(), 2);
    assert_eq!(pca(&features, json!({ "n_components": 0.8, "standardize": false })).1.components.len(), 1);
}

#[test]
fn more_columns_than_rows_have_the_components_of_scikit_learn() {
    // PCA(5).fit(W) for 12 rows of 30 numbers of the generator with seed 3
    let features = wide(12, 30, 3);
    let (_, model) = pca(&features, json!({ "n_components": 5, "standardize": false }));
    let expected =
        [0.5825142467625616, 0.46480616687535947, 0.36720177562230893, 0.30531217015714623, 0.2390969302018762];
    all_close(&model.explained_variance, &expected, 1e-9);
    all_close(&model.components[0][..3], &[0.21035452324588813, -0.04805898176503003, 0.06141677443523994], 1e-8);
    close(model.explained_variance_ratio.iter().sum(), 0.7513165378693931, 1e-9);
    // All twelve: the last one is arbitrary, for twelve rows about their mean span eleven directions, but at right angles.
    let (_, all) = pca(&features, json!({}));
    for (position, left) in all.components.iter().enumerate() {
        for (other, right) in all.components.iter().enumerate() {
            let product: f64 = left.iter().zip(right).map(|(left, right)| left * right).sum();
            close(product, if position == other { 1.0 } else { 0.0 }, 1e-9);
        }
    }
    assert!(all.explained_variance[11] < 1e-9);
}

#[test]
fn the_subspace_comes_to_the_components_of_the_whole() {
    for (rows, columns) in [(900, 60), (50, 400)] {
        let features = wide(rows, columns, 8);
        let (_, whole) = pca(&features, json!({ "n_components": 3, "svd_solver": "full" }));
        let (model, found) = pca(&features, json!({ "n_components": 3, "svd_solver": "randomized" }));
        all_close(&found.explained_variance_ratio, &whole.explained_variance_ratio, 1e-3);
        assert!(model.metadata.notes[0].contains("subspace"));
    }
}

#[test]
fn pca_measures_what_is_lost_and_which_columns_matter() {
    let (features, _) = groups();
    let data = unlabelled(&features);
    let specification = without_target(Pca, json!({ "n_components": 1, "standardize": false }));
    let model = kumiko_learn::train(&data, Some(&data), &specification, &Unattended).unwrap();
    let training = &model.metadata.training_metrics;
    close(training.explained_variance.unwrap(), 0.9829556188149332, 1e-9);
    // np.mean((X - p.inverse_transform(p.transform(X)))**2) for PCA(1): the rest of the variance, by rows, over three columns
    let lost = (5.147794049076115 + 0.881100675816074) * 239.0 / 240.0 / 3.0;
    close(training.reconstruction_error.unwrap(), lost, 1e-9);
    let validation = model.metadata.validation_metrics.as_ref().unwrap();
    close(validation.reconstruction_error.unwrap(), lost, 1e-6);
    assert_eq!(model.metadata.feature_importances[0].feature, "z");
}

#[test]
fn constant_columns_are_left_alone_and_nothing_but_them_is_refused() {
    let mut features = wide(40, 3, 1);
    features.columns[1] = vec![0.3; 40];
    let (_, model) = pca(&features, json!({}));
    assert!(model.components[..2].iter().all(|component| component[1].abs() < 1e-12));
    assert!(model.explained_variance[2].abs() < 1e-12);
    features.columns = vec![vec![0.3; 40]; 3];
    let fault = Fault::from(train(&unlabelled(&features), &without_target(Pca, json!({}))).unwrap_err());
    assert_eq!(fault.code, "numerical_failure");
    assert!(fault.message.contains("constant"), "{fault}");
    let fault = Fault::from(
        train(&unlabelled(&wide(40, 3, 1)), &without_target(Pca, json!({ "n_components": 4 }))).unwrap_err(),
    );
    assert!(fault.message.ends_with("expected at most 3, the lesser of 40 rows and 3 columns"), "{fault}");
}

/// The share of points whose nearest point in the map is of the same group.
fn neighbours_agree(map: &[Vec<f32>], classes: &[u32]) -> f64 {
    let rows = classes.len();
    let agree = |row: &usize| {
        let distance =
            |other: &usize| map.iter().map(|component| (component[*row] - component[*other]).powi(2)).sum::<f32>();
        let nearest =
            (0..rows).filter(|other| other != row).min_by(|left, right| distance(left).total_cmp(&distance(right)));
        classes[nearest.unwrap()] == classes[*row]
    };
    (0..rows).filter(agree).count() as f64 / rows as f64
}

#[test]
fn a_map_keeps_neighbours_and_groups_together() {
    let (features, classes) = groups();
    for (components, start) in [(2, "pca"), (3, "pca"), (2, "random")] {
        let specification = without_target(Tsne, json!({ "n_components": components, "init": start }));
        let model = train(&unlabelled(&features), &specification).unwrap();
        let map = self::components(model.training_output.as_ref().unwrap());
        assert_eq!((map.len(), map[0].len()), (components, 240));
        // TSNE(random_state=0).fit_transform(StandardScaler().fit_transform(X)) has a trustworthiness of 0.98 to 0.99 here.
        let trust = metrics::trustworthiness(&features, map, 5, true, 0).unwrap();
        assert!(trust > 0.97, "{components} {start}: {trust}");
        close(model.metadata.training_metrics.trustworthiness.unwrap(), trust, 1e-6);
        assert!(neighbours_agree(map, &classes) > 0.99);
        let divergence = model.metadata.training_metrics.kl_divergence.unwrap();
        assert!((0.0..1.0).contains(&divergence), "{divergence}");
        assert!(model.metadata.loss_curve.len() > 10);
    }
}

#[test]
fn a_map_gives_the_points_of_its_own_rows_and_refuses_others() {
    let (features, _) = groups();
    let data = unlabelled(&features);
    let specification = without_target(Tsne, json!({ "max_iter": 250 }));
    let model = train(&data, &specification).unwrap();
    let back = Model::from_bytes(&model.to_bytes().unwrap(), "map").unwrap();
    assert_eq!(Some(&back.predict(&features).unwrap()), model.training_output.as_ref());
    let mut other = features.clone();
    other.columns[0][0] += 1.0;
    let error = back.predict(&other).unwrap_err();
    assert_eq!(error.to_string(), "`tsne` cannot place rows that it did not learn from");
    assert!(Fault::from(error).hint.unwrap().contains("pca"));
    let error = kumiko_learn::train(&data, Some(&data), &specification, &Unattended).unwrap_err();
    assert!(matches!(error, Error::OtherRows { .. }));
}

#[test]
fn a_map_depends_on_the_seed_and_not_on_the_number_of_threads() {
    let features = wide(1_500, 4, 5);
    let map = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let specification = without_target(Tsne, json!({ "max_iter": 260, "init": "random" }));
        let specification = TrainingSpecification { seed, ..specification };
        pool.install(|| train(&unlabelled(&features), &specification).unwrap().to_bytes().unwrap())
    };
    assert!(map(1, 1) == map(3, 1));
    assert!(map(1, 1) != map(1, 2));
}

#[test]
fn maps_that_cannot_be_are_refused_and_odd_rows_are_mapped() {
    let (features, _) = groups();
    for (hyperparameters, word) in [
        (json!({ "perplexity": 240 }), "less than the number of rows, 240"),
        (json!({ "perplexity": 0.5 }), "1 or more"),
        (json!({ "n_components": 4 }), "from 2 to 3"),
        (json!({ "angle": 2 }), "from 0 to 1"),
        (json!({ "max_iter": 100 }), "from 250"),
    ] {
        let error = train(&unlabelled(&features), &without_target(Tsne, hyperparameters)).unwrap_err();
        assert!(matches!(error, Error::HyperparameterValue { .. }) && error.to_string().contains(word), "{error}");
    }
    let alike = Features { names: names(&["a", "b"]), columns: vec![vec![1.0; 20], vec![2.0; 20]] };
    let specification = without_target(Tsne, json!({ "perplexity": 5, "max_iter": 300 }));
    let model = train(&unlabelled(&alike), &specification).unwrap();
    let map = components(model.training_output.as_ref().unwrap());
    assert!(map.iter().flatten().all(|value| value.is_finite()));
}

#[test]
fn an_autoencoder_encodes_rows_that_it_has_not_seen() {
    let (features, _) = groups();
    let data = unlabelled(&features);
    let hyperparameters = json!({ "latent_dimensions": 2, "hidden_layer_sizes": [16], "max_iter": 300 });
    let specification = TrainingSpecification {
        hyperparameters: hyperparameters.as_object().unwrap().clone(),
        ..TrainingSpecification::without_target(Autoencoder, Task::DimensionalityReduction)
    };
    let model = kumiko_learn::train(&data, Some(&data), &specification, &Unattended).unwrap();
    assert_eq!(model.predict(&features).unwrap(), model.training_output.clone().unwrap());
    assert_eq!(components(model.training_output.as_ref().unwrap()).len(), 2);
    let training = model.metadata.training_metrics.reconstruction_error.unwrap();
    // Two linear components leave 0.0475 of the variance; a mean squared error of standardised values.
    assert!(training < 0.3, "{training}");
    close(model.metadata.validation_metrics.as_ref().unwrap().reconstruction_error.unwrap(), training, 1e-6);
    assert!(!model.metadata.loss_curve.is_empty());
    let few = Features { columns: features.columns.iter().map(|column| column[..3].to_vec()).collect(), ..features };
    assert_eq!(model.predict(&few).unwrap().rows(), 3);
}
