//! Clustering, reduction and maps.

use kumiko_learn::{Features, TrainingData, train};
use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::{Value, json};

use crate::common::{clouds, groups, unlabelled, without_target};
use crate::foreign::{Cut, withstands};
use crate::{Steps, same};

fn in_steps(data: &TrainingData, specification: &TrainingSpecification, counted: Steps, steps: usize) {
    same(&|control| train(data, None, specification, control), counted, steps);
}

fn rows(features: &Features, count: usize) -> TrainingData {
    let mut features = features.clone();
    features.columns.iter_mut().for_each(|column| column.truncate(count));
    unlabelled(&features)
}

#[test]
fn kmeans_goes_on_within_a_run_and_after_the_runs_that_it_has_made() {
    let kmeans = |given: Value| without_target(Algorithm::Kmeans, given);
    let mut many = unlabelled(&clouds(5_000, 3).features);
    in_steps(&many, &kmeans(json!({ "n_clusters": 30, "tol": 0.0 })), Steps::Looks, 12);
    in_steps(&many, &kmeans(json!({ "n_clusters": 30, "max_iter": 25 })), Steps::Looks, 4);
    let few = unlabelled(&groups().0);
    in_steps(&few, &kmeans(json!({ "n_clusters": 8, "init": "random", "n_init": 20 })), Steps::Looks, 40);
    many.weights = Some((0..5_000).map(|row| (row % 7) as f32).collect());
    in_steps(&many, &kmeans(json!({ "n_clusters": 12, "n_init": 4, "standardize": false })), Steps::Looks, 25);
}

#[test]
fn a_mixture_goes_on_within_a_run_and_after_the_runs_that_it_has_made() {
    let data = unlabelled(&clouds(2_500, 5).features);
    for covariance in ["full", "tied", "diag", "spherical"] {
        for (start, steps) in [("kmeans", 4), ("random", 14)] {
            let given = json!({
                "n_components": 4, "covariance_type": covariance, "init_params": start, "n_init": 4, "max_iter": 15,
                "tol": 0.0,
            });
            in_steps(&data, &without_target(Algorithm::GaussianMixture, given), Steps::Reports, steps);
        }
    }
}

#[test]
fn an_autoencoder_goes_on_from_its_last_epoch() {
    let data = unlabelled(&groups().0);
    for (task, early) in [(Task::Clustering, false), (Task::DimensionalityReduction, true)] {
        let mut specification = TrainingSpecification::without_target(Algorithm::Autoencoder, task)
            .with("hidden_layer_sizes", vec![8])
            .with("batch_size", 60)
            .with("max_iter", 40)
            .with("tol", 0.0)
            .with("early_stopping", early);
        if task == Task::Clustering {
            specification = specification.with("n_clusters", 4);
        }
        in_steps(&data, &specification, Steps::Reports, 6);
    }
}

#[test]
fn a_map_goes_on_from_its_last_step() {
    let data = unlabelled(&groups().0);
    for (components, start) in [(2, "pca"), (3, "random")] {
        let given = json!({ "n_components": components, "init": start, "max_iter": 400 });
        in_steps(&data, &without_target(Algorithm::Tsne, given), Steps::Looks, 110);
    }
}

#[test]
fn kmeans_takes_no_state_of_other_rows_centres_or_runs() {
    let features = clouds(600, 3).features;
    let kmeans = |count: usize, clusters: usize, runs: usize| {
        let data = rows(&features, count);
        let given = json!({ "n_clusters": clusters, "init": "random", "n_init": runs });
        move |control: &dyn Control| train(&data, None, &without_target(Algorithm::Kmeans, given.clone()), control)
    };
    let own = Cut { training: &kmeans(600, 12, 3), looks: 25 };
    let others = [
        Cut { training: &kmeans(590, 12, 3), looks: 25 },
        Cut { training: &kmeans(600, 11, 3), looks: 25 },
        Cut { training: &kmeans(600, 12, 50), looks: 300 },
    ];
    withstands(&own, &others);
}

#[test]
fn a_mixture_takes_no_state_of_other_components_or_covariances() {
    let data = rows(&clouds(600, 5).features, 600);
    let mixture = |components: usize, covariance: &str, iterations: usize| {
        let given = json!({
            "n_components": components, "covariance_type": covariance, "init_params": "random", "n_init": 2,
            "max_iter": iterations, "tol": 0.0,
        });
        let specification = without_target(Algorithm::GaussianMixture, given);
        let data = &data;
        move |control: &dyn Control| train(data, None, &specification, control)
    };
    let own = Cut { training: &mixture(3, "full", 10), looks: 14 };
    let others = [
        Cut { training: &mixture(2, "full", 10), looks: 14 },
        Cut { training: &mixture(3, "diag", 10), looks: 14 },
        Cut { training: &mixture(3, "full", 40), looks: 14 },
    ];
    withstands(&own, &others);
}

#[test]
fn a_map_takes_no_state_of_other_rows_or_steps() {
    let features = groups().0;
    let map = |count: usize, components: usize, iterations: usize| {
        let data = rows(&features, count);
        let given = json!({ "n_components": components, "init": "random", "perplexity": 5, "max_iter": iterations });
        move |control: &dyn Control| train(&data, None, &without_target(Algorithm::Tsne, given.clone()), control)
    };
    let own = Cut { training: &map(60, 2, 250), looks: 120 };
    let others = [
        Cut { training: &map(59, 2, 250), looks: 120 },
        Cut { training: &map(60, 3, 250), looks: 120 },
        Cut { training: &map(60, 2, 400), looks: 300 },
    ];
    withstands(&own, &others);
}

#[test]
fn an_autoencoder_takes_no_state_of_other_layers_or_epochs() {
    let data = rows(&groups().0, 100);
    let autoencoder = |width: usize, epochs: usize, early: bool| {
        let given = json!({ "hidden_layer_sizes": [width], "max_iter": epochs, "tol": 0.0, "early_stopping": early });
        let mut specification = without_target(Algorithm::Autoencoder, given);
        specification.task = Task::DimensionalityReduction;
        let data = &data;
        move |control: &dyn Control| train(data, None, &specification, control)
    };
    let own = Cut { training: &autoencoder(8, 12, true), looks: 6 };
    let others = [
        Cut { training: &autoencoder(7, 12, true), looks: 6 },
        Cut { training: &autoencoder(8, 40, true), looks: 20 },
        Cut { training: &autoencoder(8, 12, false), looks: 6 },
    ];
    withstands(&own, &others);
}
