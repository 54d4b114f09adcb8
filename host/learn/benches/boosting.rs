//! Our gradient boosting beside xgboost's (`hist`) and LightGBM's, on the same data.
//!
//! `python boosting_peer.py DATA RESULTS [TRAINING_ROWS]` first, then
//! `cargo bench -p kumiko-learn --bench boosting -- DATA RESULTS [HYPERPARAMETERS]`, the last a JSON object that is laid over ours. What is timed is the whole of `train`: checks, binning, trees, the loss
//! of every round, and measuring the model on training rows, which the peers do not do. CPU seconds are the fairer figure where other
//! work shares the cores. Memory is the peak of the resident set during the fit above what it was before; the training rows are
//! there before, here as there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use common::{Part, read, read_results, timed};
use kumiko_learn::{Features, Target, TrainingData, metrics, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::EvaluationSpecification;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::Map;

/// Calls with one row that are averaged.
const ONE_ROW_CALLS: usize = 2_000;

/// Numbers of bins whose quality is averaged: that of one alone is as good as random in its third digit.
const BINS: std::ops::Range<usize> = 249..257;
/// Of more rows than this one number of bins is enough: chance is smaller, and time is not.
const MANY_ROWS: usize = 200_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, rest @ ..] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-learn --bench boosting -- DATA [RESULTS]; boosting_peer.py makes both files"
        );
        return;
    };
    let (training, test) = read(data);
    let peer = rest.first().map(|results| read_results(results)).unwrap_or_default();
    let titles = [
        "fit wall s",
        "fit CPU s",
        "predict wall s",
        "predict CPU s",
        "AUC",
        "its standard error",
        "fit MiB",
        "one row µs",
    ];
    print!("{:<22}", "");
    titles.iter().for_each(|title| print!(" {title:>25}"));
    println!();
    let specification = TrainingSpecification::new(Algorithm::Xgboost, Task::Classification, "target");
    let over =
        rest.get(1).map_or_else(Map::new, |json| serde_json::from_str(json).expect("HYPERPARAMETERS is an object"));
    let leaf_wise = specification.clone().with("grow_policy", "lossguide").with("max_leaves", 63).with("max_depth", 0);
    for (case, mut specification) in
        [("xgboost, depth 6", specification), ("lightgbm, 63 leaves", leaf_wise.with("learning_rate", 0.1))]
    {
        specification.hyperparameters.extend(over.clone());
        let ours = run(&specification, &training, &test);
        print!("{case:<22}");
        for (figure, ours) in ours.into_iter().enumerate() {
            let text = match peer.get(case).map(|figures| figures[figure]) {
                Some(theirs) if figure == 4 || figure == 5 => format!("{ours:.4} : {theirs:.4}"),
                Some(theirs) => format!("{ours:.3} : {theirs:.3} = 1 : {:.1}", theirs / ours),
                None => format!("{ours:.4}"),
            };
            print!(" {text:>25}");
        }
        println!();
    }
}

/// Wall and CPU seconds of the training, wall and CPU seconds of predicting the training rows, the mean area under the ROC curve of test
/// rows over eight numbers of bins and its standard error, MiB of the training, microseconds of predicting one row.
fn run(specification: &TrainingSpecification, training: &Part, test: &Part) -> [f64; 8] {
    let classes = vec!["0".to_owned(), "1".to_owned()];
    let target = Target::Classes { codes: training.classes.clone(), classes: classes.clone() };
    let data = TrainingData { features: training.features.clone(), target, weights: None };
    // The peak of the resident set starts anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS");
    let (model, wall, cpu) = timed(|| train(&data, None, specification, &Unattended).unwrap());
    let peak = memory("VmHWM") - before;
    let (_, predict_wall, predict_cpu) = timed(|| model.predict(&training.features).unwrap());
    let bins = if training.classes.len() <= MANY_ROWS { BINS } else { BINS.end - 1..BINS.end };
    let qualities: Vec<f64> = bins
        .map(|bins| {
            let model = train(&data, None, &specification.clone().with("max_bin", bins), &Unattended).unwrap();
            let predictions = model.predict(&test.features).unwrap();
            let evaluation =
                EvaluationSpecification { bootstrap_samples: 0, curve_points: 0, ..EvaluationSpecification::default() };
            metrics::classification(&test.classes, &classes, &predictions, &evaluation).unwrap().roc_auc.unwrap()
        })
        .collect();
    let count = qualities.len() as f64;
    let quality = qualities.iter().sum::<f64>() / count;
    let variance = qualities.iter().map(|one| (one - quality).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let error = (variance / count).sqrt();
    let row = Features {
        names: test.features.names.clone(),
        columns: test.features.columns.iter().map(|column| vec![column[0]]).collect(),
    };
    let ((), one_row, _) = timed(|| (0..ONE_ROW_CALLS).for_each(|_| drop(model.predict(&row).unwrap())));
    let one_row = one_row / ONE_ROW_CALLS as f64 * 1e6;
    [wall, cpu, predict_wall, predict_cpu, quality, error, peak, one_row]
}

/// A figure of this process's memory, in MiB.
fn memory(field: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
