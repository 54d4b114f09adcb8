//! Clustering and dimensionality reduction beside scikit-learn's, on the same data.
//!
//! `python unsupervised_peer.py DATA RESULTS` first, then `cargo bench -p kumiko-learn --bench unsupervised -- DATA RESULTS [CASE …]`.
//! What is timed is the whole of `train`: checks, the algorithm, and measuring what came out, which the peer does not do. CPU
//! seconds are the fairer figure where other work shares the cores. The peer's file says what quality means.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use std::path::Path;
use std::time::Instant;

use common::{cpu_seconds, read_results};
use kumiko_learn::{Features, Model, Predictions, Target, TrainingData, metrics, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::ClusteringSpecification;
use kumiko_vocabulary::learning::{Algorithm, TrainingSpecification};
use serde_json::json;

/// Short trainings are repeated until so much time has passed, and the shortest counts.
const REPEATED_SECONDS: f64 = 1.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, results, chosen @ ..] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-learn --bench unsupervised -- DATA RESULTS [CASE …]; unsupervised_peer.py makes both"
        );
        return;
    };
    let peer = if Path::new(results).exists() { read_results(results) } else { Default::default() };
    println!("{:<34} {:>28} {:>28} {:>24}", "", "fit wall s", "fit CPU s", "quality");
    for (case, file, algorithm, hyperparameters) in [
        ("kmeans 200k x 20, k = 10", "kmeans", Algorithm::Kmeans, json!({ "n_clusters": 10 })),
        ("kmeans 200k x 20, k = 100", "kmeans", Algorithm::Kmeans, json!({ "n_clusters": 100, "max_iter": 50 })),
        ("pca 100k x 30", "pca_tall", Algorithm::Pca, json!({ "n_components": 10 })),
        ("pca 2000 x 500, 50 components", "pca_wide", Algorithm::Pca, json!({ "n_components": 50 })),
        ("pca 2000 x 500, all components", "pca_wide", Algorithm::Pca, json!({})),
        ("dbscan 20k x 2", "dbscan_2", Algorithm::Dbscan, json!({ "eps": 0.1, "min_samples": 10 })),
        ("dbscan 20k x 8", "dbscan_8", Algorithm::Dbscan, json!({ "eps": 2.2, "min_samples": 10 })),
        ("mixture 50k x 10, full", "mixture", Algorithm::GaussianMixture, json!({ "n_components": 8 })),
        (
            "mixture 50k x 10, diag",
            "mixture",
            Algorithm::GaussianMixture,
            json!({ "n_components": 8, "covariance_type": "diag" }),
        ),
        ("tsne digits", "digits", Algorithm::Tsne, json!({})),
        ("tsne 10k x 30", "clusters", Algorithm::Tsne, json!({})),
    ] {
        if !chosen.is_empty() && !chosen.iter().any(|name| case.contains(name.as_str())) {
            continue;
        }
        let (features, classes) = read(&format!("{data}/{file}"));
        let mut specification = TrainingSpecification::without_target(algorithm, algorithm.tasks()[0]);
        specification.hyperparameters = hyperparameters.as_object().unwrap().clone();
        let specification = specification.with("standardize", false);
        let rows = TrainingData { features, target: Target::None, weights: None };
        let (model, wall, cpu) = timed(|| train(&rows, None, &specification, &Unattended).unwrap());
        let ours = [wall, cpu, quality(&model, &rows.features, &classes)];
        let [wall, cpu, quality] = [0, 1, 2].map(|figure| match peer.get(case).map(|figures| figures[figure]) {
            Some(theirs) if figure < 2 => {
                format!("{:.3} : {theirs:.3} = 1 : {:.1}", ours[figure], theirs / ours[figure])
            }
            Some(theirs) => format!("{:.6} : {theirs:.6}", ours[figure]),
            None => format!("{:.4}", ours[figure]),
        });
        println!("{case:<34} {wall:>28} {cpu:>28} {quality:>24}");
    }
}

fn quality(model: &Model, features: &Features, classes: &[u32]) -> f64 {
    let measures = &model.metadata.training_metrics;
    match model.training_output.as_ref().unwrap() {
        Predictions::Clusters { .. } if model.algorithm() == Algorithm::Kmeans => measures.inertia.unwrap(),
        Predictions::Clusters { codes, .. } => {
            let specification = ClusteringSpecification::default();
            let report = metrics::clustering(features, codes, Some(classes), &specification).unwrap();
            report.agreement.unwrap().adjusted_rand_index
        }
        Predictions::Components(_) if model.algorithm() == Algorithm::Pca => measures.explained_variance.unwrap(),
        Predictions::Components(map) => metrics::trustworthiness(features, map, 5, false, 0).unwrap(),
        other => panic!("{} rows of another kind", other.rows()),
    }
}

/// The result, and the least wall and CPU seconds of as many runs as fit a second.
fn timed<T>(work: impl Fn() -> T) -> (T, f64, f64) {
    let began = Instant::now();
    let (mut least_wall, mut runs, cpu_before) = (f64::INFINITY, 0.0, cpu_seconds());
    loop {
        let start = Instant::now();
        let result = work();
        least_wall = least_wall.min(start.elapsed().as_secs_f64());
        runs += 1.0;
        if began.elapsed().as_secs_f64() > REPEATED_SECONDS {
            return (result, least_wall, (cpu_seconds() - cpu_before) / runs);
        }
    }
}

fn read(path: &str) -> (Features, Vec<u32>) {
    let bytes = std::fs::read(path).expect("DATA can be read");
    let (words, _) = bytes.as_chunks::<4>();
    let [rows, columns] = [0, 1].map(|position| u32::from_le_bytes(words[position]) as usize);
    let numbers: Vec<f32> = words[2..].iter().map(|word| f32::from_le_bytes(*word)).collect();
    let mut pieces = numbers.chunks_exact(rows).map(<[f32]>::to_vec);
    let features = Features {
        names: (0..columns).map(|column| format!("column_{column}")).collect(),
        columns: pieces.by_ref().take(columns).collect(),
    };
    (features, pieces.next().unwrap().into_iter().map(|class| class as u32).collect())
}
