//! Cross-validated scores of our supervised algorithms beside those of scikit-learn and xgboost, on ten data sets, with the same folds and
//! the defaults of both sides.
//!
//! `python quality_peer.py DATA RESULTS` first, then `cargo bench -p kumiko-learn --bench quality -- DATA RESULTS`. The score is accuracy for classes
//! and R² for numbers. A mean that is below the peer's by more than the deviation of the folds is marked; the last line counts them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

use std::collections::BTreeMap;

use kumiko_learn::{Features, Predictions, Target, TrainingData, metrics, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::EvaluationSpecification;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

const FOLDS: u32 = 5;

struct Set {
    name: String,
    columns: Vec<Vec<f32>>,
    target: Vec<f64>,
    classes: bool,
    folds: Vec<u32>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, results] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-learn --bench quality -- DATA RESULTS; quality_peer.py makes both files"
        );
        return;
    };
    let peer = read_results(results);
    println!("{:<32} {:<20} {:>17} {:>10}", "data", "algorithm", "ours : theirs", "deviation");
    let mut behind = 0;
    for set in read(data) {
        for algorithm in Algorithm::ALL {
            let Some(theirs) = peer.get(&(set.name.clone(), algorithm.as_str().to_owned())) else { continue };
            let ours: Vec<f64> = (0..FOLDS).map(|fold| score(&set, algorithm, fold)).collect();
            let (mine, other, spread) = (mean(&ours), mean(theirs), deviation(&ours).max(deviation(theirs)));
            let mark = if mine < other - spread { "  BELOW" } else { "" };
            behind += usize::from(!mark.is_empty());
            println!("{:<32} {:<20} {mine:>8.4} : {other:.4} {spread:>10.4}{mark}", set.name, algorithm.as_str());
        }
    }
    println!("below the peer by more than the folds' deviation: {behind}");
}

/// The score on one fold of a model trained on the others.
fn score(set: &Set, algorithm: Algorithm, fold: u32) -> f64 {
    let rows =
        |held: bool| -> Vec<usize> { (0..set.target.len()).filter(|row| (set.folds[*row] == fold) == held).collect() };
    let (learnt, held) = (rows(false), rows(true));
    let names: Vec<String> = (0..set.columns.len()).map(|column| format!("column_{column}")).collect();
    let features = |rows: &[usize]| Features {
        names: names.clone(),
        columns: set.columns.iter().map(|column| rows.iter().map(|row| column[*row]).collect()).collect(),
    };
    let count = set.target.iter().fold(0.0_f64, |most, code| most.max(*code)) as usize + 1;
    let classes: Vec<String> = (0..count).map(|class| class.to_string()).collect();
    let codes = |rows: &[usize]| -> Vec<u32> { rows.iter().map(|row| set.target[*row] as u32).collect() };
    let (task, target) = if set.classes {
        (Task::Classification, Target::Classes { codes: codes(&learnt), classes: classes.clone() })
    } else {
        (Task::Regression, Target::Values(learnt.iter().map(|row| set.target[*row]).collect()))
    };
    let mut specification = TrainingSpecification::new(algorithm, task, "target");
    if algorithm == Algorithm::LogisticRegression {
        specification = specification.with("max_iter", 1_000);
    }
    let data = TrainingData { features: features(&learnt), target, weights: None };
    let model = train(&data, None, &specification, &Unattended).unwrap();
    let evaluation =
        EvaluationSpecification { bootstrap_samples: 0, curve_points: 0, ..EvaluationSpecification::default() };
    let predictions = model.predict(&features(&held)).unwrap();
    match &predictions {
        Predictions::Values(values) => {
            let known: Vec<f64> = held.iter().map(|row| set.target[*row]).collect();
            metrics::regression(&known, values, &evaluation).unwrap().r2.unwrap()
        }
        _ => metrics::classification(&codes(&held), &classes, &predictions, &evaluation).unwrap().accuracy,
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

/// Takes the front off a run of bytes.
struct Reader(Vec<u8>, usize);

impl Reader {
    fn take(&mut self, count: usize) -> &[u8] {
        self.1 += count;
        &self.0[self.1 - count..self.1]
    }

    fn word(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().unwrap()) as usize
    }
}

fn read(path: &str) -> Vec<Set> {
    let mut reader = Reader(std::fs::read(path).expect("DATA can be read"), 0);
    (0..reader.word())
        .map(|_| {
            let [name, rows, columns, classes] = [(); 4].map(|()| reader.word());
            let name = String::from_utf8(reader.take(name).to_vec()).unwrap();
            let single = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
            let columns = (0..columns).map(|_| single(reader.take(rows * 4))).collect();
            let target =
                reader.take(rows * 8).as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect();
            let folds = reader.take(rows * 4).as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            Set { name, columns, target, classes: classes == 1, folds }
        })
        .collect()
}

fn read_results(path: &str) -> BTreeMap<(String, String), Vec<f64>> {
    let mut results: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for line in std::fs::read_to_string(path).expect("RESULTS can be read").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        results.entry((fields[0].to_owned(), fields[1].to_owned())).or_default().push(fields[3].parse().unwrap());
    }
    results
}
