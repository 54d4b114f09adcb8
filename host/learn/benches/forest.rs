//! Our forest beside scikit-learn's, on the same data.
//!
//! `python forest_peer.py DATA RESULTS` first, then `cargo bench -p kumiko-learn --bench forest -- DATA RESULTS`. What is timed is
//! the whole of `train`: checks, binning, trees, and measuring the model on training rows, which the peer does not do. CPU seconds
//! are the fairer figure where other work shares the cores.
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

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, rest @ ..] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-learn --bench forest -- DATA [RESULTS]; forest_peer.py makes both files"
        );
        return;
    };
    let (training, test) = read(data);
    let peer = rest.first().map(|results| read_results(results)).unwrap_or_default();
    println!("{:<40} {:>22} {:>22} {:>22} {:>17}", "", "fit wall s", "fit CPU s", "predict CPU s", "quality");
    for (case, task, hyperparameters) in [
        ("classification, 100 full trees", Task::Classification, vec![("n_estimators", 100)]),
        ("classification, 100 trees of depth 12", Task::Classification, vec![("n_estimators", 100), ("max_depth", 12)]),
        ("regression, 20 full trees", Task::Regression, vec![("n_estimators", 20)]),
    ] {
        let ours = run(task, &hyperparameters, &training, &test);
        let [wall, cpu, _, predict, quality] = [0, 1, 2, 3, 4].map(|figure| {
            let theirs = peer.get(case).map(|figures| figures[figure]);
            match theirs {
                Some(theirs) if figure < 4 => {
                    format!("{:.2} : {theirs:.2} = 1 : {:.1}", ours[figure], theirs / ours[figure])
                }
                Some(theirs) => format!("{:.4} : {theirs:.4}", ours[figure]),
                None => format!("{:.4}", ours[figure]),
            }
        });
        println!("{case:<40} {wall:>22} {cpu:>22} {predict:>22} {quality:>17}");
    }
}

/// Wall and CPU seconds of the training, wall and CPU seconds of predicting, quality.
fn run(task: Task, hyperparameters: &[(&str, i32)], training: &Part, test: &Part) -> [f64; 5] {
    let mut specification = TrainingSpecification::new(Algorithm::RandomForest, task, "target");
    for (name, value) in hyperparameters {
        specification = specification.with(*name, *value);
    }
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
            unreachable!("a forest predicts classes or numbers")
        }
    };
    [wall, cpu, predict_wall, predict_cpu, quality]
}
