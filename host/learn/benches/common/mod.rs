//! What the benches share: the data of `forest_peer.py`, a peer's results, and how long a piece of work takes.
#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each bench uses its part, and may stop at data that is cut short"
)]

use std::collections::HashMap;
use std::time::Instant;

use kumiko_learn::Features;

/// Linux counts a process's CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) struct Part {
    pub(crate) features: Features,
    pub(crate) classes: Vec<u32>,
    /// Empty where the data has classes alone.
    pub(crate) values: Vec<f64>,
}

/// What the work gives, its wall seconds and its CPU seconds.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let result = work();
    (result, began.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

/// User and system time of this process.
pub(crate) fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("this bench reads CPU time where Linux keeps it");
    let after_name = text.rsplit(')').next().unwrap();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_SECOND
}

/// Training and test rows. After the columns come the classes, and then numbers to predict where there are any.
pub(crate) fn read(path: &str) -> (Part, Part) {
    let bytes = std::fs::read(path).expect("DATA can be read");
    let (words, _) = bytes.as_chunks::<4>();
    let [training, test, columns] = [0, 1, 2].map(|position| u32::from_le_bytes(words[position]) as usize);
    let numbers: Vec<f32> = words[3..].iter().map(|word| f32::from_le_bytes(*word)).collect();
    let (first, second) = numbers.split_at(numbers.len() / (training + test) * training);
    (part(first, training, columns), part(second, test, columns))
}

fn part(numbers: &[f32], rows: usize, columns: usize) -> Part {
    let mut pieces = numbers.chunks_exact(rows).map(<[f32]>::to_vec);
    let features = Features {
        names: (0..columns).map(|column| format!("column_{column}")).collect(),
        columns: pieces.by_ref().take(columns).collect(),
    };
    let classes = pieces.next().unwrap().into_iter().map(|class| class as u32).collect();
    let values = pieces.next().unwrap_or_default().into_iter().map(f64::from).collect();
    Part { features, classes, values }
}

/// Figures by case.
pub(crate) fn read_results(path: &str) -> HashMap<String, Vec<f64>> {
    let text = std::fs::read_to_string(path).expect("RESULTS can be read");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut fields = line.split('\t');
            (fields.next().unwrap().to_owned(), fields.map(|field| field.parse().unwrap()).collect())
        })
        .collect()
}
