//! Our SHAP values of trees beside those of the package `shap`, on models of the same shape.
//!
//! `python explanation_peer.py DATA RESULTS` first, then `cargo bench -p kumiko-learn --bench explanation -- DATA RESULTS`. The
//! models are trained by each side for itself, so seconds are also compared for each leaf. CPU seconds are the fairer figure where
//! other work shares the cores; `shap` uses one core, but for boosting without background rows, which xgboost does on all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use std::collections::HashMap;

use common::{Part, read, read_results, timed};
use kumiko_learn::explain::{self, Contributions};
use kumiko_learn::trees::{NodeKind, TreeEnsemble};
use kumiko_learn::{Estimator, Features, Target, TrainingData, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::ExplanationOutput;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

/// Rows that models are trained on, as in `explanation_peer.py`.
const TRAINING_ROWS: usize = 20_000;
/// Background rows, as in `explanation_peer.py`.
const BACKGROUND_ROWS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, rest @ ..] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-learn --bench explanation -- DATA [RESULTS]; explanation_peer.py makes both files"
        );
        return;
    };
    let (training, test) = read(data);
    let peer = rest.first().map(|results| read_results(results)).unwrap_or_default();
    let mut ensembles: HashMap<&str, TreeEnsemble> = HashMap::new();
    println!(
        "{:<52} {:>30} {:>30} {:>26} {:>22}",
        "milliseconds a row", "wall", "CPU", "CPU for each 1000 leaves", "additivity"
    );
    for (case, model, rows, background) in [
        ("forest, 100 trees of depth 8", "depth 8", 20_000, false),
        ("forest, 100 full trees", "full", 1_000, false),
        ("regression forest, 20 full trees", "numbers", 1_000, false),
        ("boosting, 100 trees of depth 6", "boosting", 20_000, false),
        ("forest, 100 trees of depth 8, 100 background rows", "depth 8", 2_000, true),
        ("forest, 100 full trees, 100 background rows", "full", 100, true),
        ("boosting, 100 trees of depth 6, 100 background rows", "boosting", 20_000, true),
    ] {
        let ensemble = ensembles.entry(model).or_insert_with(|| ensemble(model, &training));
        for rows in [rows, peer.get(case).map_or(10, |figures| figures[0] as usize)] {
            let columns: Vec<&[f32]> = test.features.columns.iter().map(|column| &column[..rows]).collect();
            let known: Vec<&[f32]> =
                training.features.columns.iter().map(|column| &column[..BACKGROUND_ROWS]).collect();
            let (found, wall, cpu) = timed(|| {
                if background {
                    explain::tree_interventional(ensemble, &columns, &known, ExplanationOutput::Raw, &Unattended)
                        .unwrap()
                } else {
                    explain::tree_path_dependent(ensemble, &columns, &Unattended).unwrap()
                }
            });
            let (wall, cpu) = (wall * 1000.0 / rows as f64, cpu * 1000.0 / rows as f64);
            let leaves = leaves(ensemble) as f64;
            let ours = [wall, cpu, cpu * 1000.0 / leaves, error(&found)];
            let theirs =
                peer.get(case).map(|figures| [figures[1], figures[2], figures[2] * 1000.0 / figures[3], figures[4]]);
            let shown = [0, 1, 2].map(|figure| match theirs {
                Some(theirs) => {
                    format!("{:.4} : {:.4} = 1 : {:.1}", ours[figure], theirs[figure], theirs[figure] / ours[figure])
                }
                None => format!("{:.4}", ours[figure]),
            });
            let error = theirs
                .map_or_else(|| format!("{:.1e}", ours[3]), |theirs| format!("{:.1e} : {:.1e}", ours[3], theirs[3]));
            let case = format!("{case}, {rows}");
            println!("{case:<60} {:>30} {:>30} {:>30} {error:>20}", shown[0], shown[1], shown[2]);
        }
    }
}

/// Trains a model of a kind.
fn ensemble(model: &str, training: &Part) -> TreeEnsemble {
    let names = training.features.names.clone();
    let columns = training.features.columns.iter().map(|column| column[..TRAINING_ROWS].to_vec()).collect();
    let (algorithm, task) = match model {
        "boosting" => (Algorithm::Xgboost, Task::Classification),
        "numbers" => (Algorithm::RandomForest, Task::Regression),
        _ => (Algorithm::RandomForest, Task::Classification),
    };
    let specification = TrainingSpecification::new(algorithm, task, "target");
    let specification = match model {
        "boosting" => specification.with("n_estimators", 100).with("max_depth", 6),
        "depth 8" => specification.with("n_estimators", 100).with("max_depth", 8),
        "numbers" => specification.with("n_estimators", 20),
        _ => specification.with("n_estimators", 100),
    };
    let target = match task {
        Task::Classification => Target::Classes {
            codes: training.classes[..TRAINING_ROWS].to_vec(),
            classes: vec!["0".to_owned(), "1".to_owned()],
        },
        _ => Target::Values(training.values[..TRAINING_ROWS].to_vec()),
    };
    let data = TrainingData { features: Features { names, columns }, target, weights: None };
    match train(&data, None, &specification, &Unattended).unwrap().estimator {
        Estimator::Forest(forest) => forest.ensemble(),
        Estimator::Boosted(boosted) => boosted.ensemble(),
        _ => unreachable!("trees were trained"),
    }
}

fn leaves(ensemble: &TreeEnsemble) -> usize {
    let nodes = ensemble.trees.iter().flat_map(|tree| &tree.nodes);
    nodes.filter(|node| matches!(node.kind, NodeKind::Leaf { .. })).count()
}

/// The greatest difference of prediction and sum.
fn error(found: &Contributions) -> f64 {
    let rows = found.predictions[0].iter().enumerate();
    rows.map(|(row, prediction)| {
        let sum: f64 = found.values[0].iter().map(|feature| feature[row]).sum();
        (found.base_values[0] + sum - prediction).abs()
    })
    .fold(0.0, f64::max)
}
