//! Our networks beside scikit-learn's, on the same data for as many epochs.
//!
//! `python neural_peer.py DATA RESULTS` first, then `cargo bench -p kumiko-learn --bench neural -- DATA RESULTS`. What is timed is
//! the whole of `train`: checks, standardising, the epochs, and measuring the model on training rows, which the peer does not do.
//! CPU seconds are the fairer figure where other work shares the cores. With a third argument only the cases that contain it run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use common::{Part, read, read_results, timed};
use kumiko_learn::{Predictions, Target, TrainingData, metrics, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::EvaluationSpecification;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, rest @ ..] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-learn --bench neural -- DATA [RESULTS]; neural_peer.py makes both files"
        );
        return;
    };
    let (training, test) = read(data);
    let peer = rest.first().map(|results| read_results(results)).unwrap_or_default();
    println!(
        "{:<48} {:>22} {:>22} {:>22} {:>17} {:>17}",
        "", "fit wall s", "fit CPU s", "predict CPU s", "quality", "training loss"
    );
    let only = rest.get(1).map_or("", String::as_str);
    for (case, task, hyperparameters) in [
        (
            "classification, 64-32, 20 epochs",
            Task::Classification,
            json!({ "hidden_layer_sizes": [64, 32], "max_iter": 20 }),
        ),
        (
            "classification, 64-32 tanh, 10 epochs",
            Task::Classification,
            json!({ "hidden_layer_sizes": [64, 32], "max_iter": 10, "activation": "tanh" }),
        ),
        (
            "classification, 256-256, 5 epochs",
            Task::Classification,
            json!({ "hidden_layer_sizes": [256, 256], "max_iter": 5 }),
        ),
        (
            "classification, 64-32, batches of 32, 5 epochs",
            Task::Classification,
            json!({ "hidden_layer_sizes": [64, 32], "max_iter": 5, "batch_size": 32 }),
        ),
        ("regression, 64-32, 20 epochs", Task::Regression, json!({ "hidden_layer_sizes": [64, 32], "max_iter": 20 })),
    ] {
        if !case.contains(only) {
            continue;
        }
        let ours = run(task, &hyperparameters, &training, &test);
        let [wall, cpu, _, predict, quality, loss] = [0, 1, 2, 3, 4, 5].map(|figure| {
            let theirs = peer.get(case).map(|figures| figures[figure]);
            match theirs {
                Some(theirs) if figure < 4 => {
                    format!("{:.2} : {theirs:.2} = 1 : {:.1}", ours[figure], theirs / ours[figure])
                }
                Some(theirs) => format!("{:.4} : {theirs:.4}", ours[figure]),
                None => format!("{:.4}", ours[figure]),
            }
        });
        println!("{case:<48} {wall:>22} {cpu:>22} {predict:>22} {quality:>17} {loss:>17}");
    }
}

/// Wall and CPU seconds of the training, wall and CPU seconds of predicting, quality, the training loss at the end.
fn run(task: Task, hyperparameters: &Value, training: &Part, test: &Part) -> [f64; 6] {
    let mut specification = TrainingSpecification::new(Algorithm::NeuralNetwork, task, "target");
    specification.hyperparameters = hyperparameters.as_object().unwrap().clone();
    // No number of epochs without progress ends the training.
    specification = specification.with("n_iter_no_change", 1000);
    let classes = vec!["0".to_owned(), "1".to_owned()];
    let target = match task {
        Task::Classification => Target::Classes { codes: training.classes.clone(), classes: classes.clone() },
        _ => Target::Values(training.values.clone()),
    };
    let data = TrainingData { features: training.features.clone(), target, weights: None };
    let (model, wall, cpu) = timed(|| train(&data, None, &specification, &Unattended).unwrap());
    let (predictions, predict_wall, predict_cpu) = timed(|| model.predict(&test.features).unwrap());
    let evaluation =
        EvaluationSpecification { bootstrap_samples: 0, curve_points: 0, ..EvaluationSpecification::default() };
    let quality = match &predictions {
        Predictions::Classes { .. } => {
            metrics::classification(&test.classes, &classes, &predictions, &evaluation).unwrap().roc_auc.unwrap()
        }
        Predictions::Values(values) => metrics::regression(&test.values, values, &evaluation).unwrap().r2.unwrap(),
        Predictions::Clusters { .. } | Predictions::Components(_) => {
            unreachable!("a network predicts classes or numbers")
        }
    };
    let loss = model.metadata.loss_curve.last().unwrap().training;
    [wall, cpu, predict_wall, predict_cpu, quality, loss]
}
