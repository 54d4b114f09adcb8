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

use std::collections::HashMap;
use std::time::Instant;

use kumiko_learn::{Features, Predictions, Target, TrainingData, metrics, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::EvaluationSpecification;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

/// Linux counts a process's CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

struct Part {
    features: Features,
    classes: Vec<u32>,
    values: Vec<f64>,
}

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
        Task::Regression => Target::Values(training.values.clone()),
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
    };
    [wall, cpu, predict_wall, predict_cpu, quality]
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let result = work();
    (result, began.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("this bench reads CPU time where Linux keeps it");
    let after_name = text.rsplit(')').next().unwrap();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_SECOND
}

fn read(path: &str) -> (Part, Part) {
    let bytes = std::fs::read(path).expect("DATA can be read");
    let (words, _) = bytes.as_chunks::<4>();
    let [training, test, columns] = [0, 1, 2].map(|position| u32::from_le_bytes(words[position]) as usize);
    let numbers: Vec<f32> = words[3..].iter().map(|word| f32::from_le_bytes(*word)).collect();
    let (first, second) = numbers.split_at(training * (columns + 2));
    (part(first, training, columns), part(second, test, columns))
}

fn part(numbers: &[f32], rows: usize, columns: usize) -> Part {
    let mut pieces = numbers.chunks_exact(rows).map(<[f32]>::to_vec);
    let features = Features {
        names: (0..columns).map(|column| format!("column_{column}")).collect(),
        columns: pieces.by_ref().take(columns).collect(),
    };
    let classes = pieces.next().unwrap().into_iter().map(|class| class as u32).collect();
    let values = pieces.next().unwrap().into_iter().map(f64::from).collect();
    Part { features, classes, values }
}

fn read_results(path: &str) -> HashMap<String, Vec<f64>> {
    let text = std::fs::read_to_string(path).expect("RESULTS can be read");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut fields = line.split('\t');
            (fields.next().unwrap().to_owned(), fields.map(|field| field.parse().unwrap()).collect())
        })
        .collect()
}
