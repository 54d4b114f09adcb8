//! Data that a test and a line of Python can both make: a linear congruential generator, the same to the bit.
#![allow(dead_code, clippy::unwrap_used, reason = "every test binary uses some of it")]

pub(crate) mod columnwise;
pub(crate) mod trees;

use kumiko_learn::{Features, Target, TrainingData};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

/// Numbers from 0 to 1: state ← (1,103,515,245 × state + 12,345) mod 2³¹, state / 2³¹.
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = (self.0 * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        self.0 as f64 / 2_147_483_648.0
    }
}

/// 300 rows of four columns of very different size, with three targets and weights.
pub(crate) struct Sample {
    pub(crate) features: Features,
    pub(crate) values: Vec<f64>,
    pub(crate) two: Vec<u32>,
    pub(crate) three: Vec<u32>,
    pub(crate) weights: Vec<f32>,
}

pub(crate) fn sample() -> Sample {
    const SCALES: [f64; 4] = [1.0, 100.0, 0.01, 1.0];
    const OFFSETS: [f64; 4] = [0.0, 1000.0, 0.0, -5.0];
    let mut generator = Generator::new(1);
    let mut sample = Sample {
        features: Features { names: ["a", "b", "c", "d"].map(String::from).to_vec(), columns: vec![Vec::new(); 4] },
        values: Vec::new(),
        two: Vec::new(),
        three: Vec::new(),
        weights: Vec::new(),
    };
    for _ in 0..300 {
        let u = [(); 4].map(|()| generator.next());
        for column in 0..4 {
            sample.features.columns[column].push((u[column] * SCALES[column] + OFFSETS[column]) as f32);
        }
        sample.values.push(3.0 * u[0] - 2.0 * u[1] + 0.5 * u[2] + (generator.next() - 0.5));
        sample.two.push(u32::from(2.0 * u[0] - u[1] + generator.next() * 1.5 > 1.2));
        let level = u[0] + 2.0 * u[1] + generator.next();
        sample.three.push(u32::from(level > 1.5) + u32::from(level > 2.3));
        sample.weights.push((0.5 + generator.next()) as f32);
    }
    sample
}

impl Sample {
    pub(crate) fn regression(&self) -> TrainingData {
        TrainingData { features: self.features.clone(), target: Target::Values(self.values.clone()), weights: None }
    }

    pub(crate) fn binary(&self) -> TrainingData {
        self.classes(&self.two, &["no", "yes"])
    }

    pub(crate) fn multinomial(&self) -> TrainingData {
        self.classes(&self.three, &["low", "middle", "high"])
    }

    fn classes(&self, codes: &[u32], classes: &[&str]) -> TrainingData {
        let target = Target::Classes { codes: codes.to_vec(), classes: names(classes) };
        TrainingData { features: self.features.clone(), target, weights: None }
    }
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn train(
    data: &TrainingData,
    specification: &TrainingSpecification,
) -> Result<kumiko_learn::Model, kumiko_learn::Error> {
    kumiko_learn::train(data, None, specification, &Unattended)
}

/// Two classes that overlap in 12 columns; half of the columns say nothing.
pub(crate) fn clouds(rows: usize, seed: u64) -> TrainingData {
    let mut generator = Generator::new(seed);
    let mut columns = vec![Vec::new(); 12];
    let mut codes = Vec::with_capacity(rows);
    for _ in 0..rows {
        let values: Vec<f64> = (0..12).map(|_| (0..4).map(|_| generator.next()).sum::<f64>() - 2.0).collect();
        let score = values[0] * values[1] + values[2].sin() + values[3] - values[4] * values[5].abs();
        codes.push(u32::from(score + 0.3 * (generator.next() - 0.5) > 0.0));
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value as f32);
        }
    }
    let features = Features { names: (0..12).map(|column| format!("x{column}")).collect(), columns };
    TrainingData { features, target: Target::Classes { codes, classes: names(&["no", "yes"]) }, weights: None }
}

/// 240 rows of three columns about four centres, the last column ten times as wide; and the centre of each row.
pub(crate) fn groups() -> (Features, Vec<u32>) {
    const CENTRES: [[f64; 3]; 4] = [[0.0, 0.0, 0.0], [3.0, 1.0, -20.0], [-2.0, 3.0, 30.0], [1.0, -3.0, 10.0]];
    let mut generator = Generator::new(9);
    let mut features = Features { names: names(&["x", "y", "z"]), columns: vec![Vec::new(); 3] };
    let mut classes = Vec::new();
    for _ in 0..240 {
        let class = (generator.next() * 4.0) as usize;
        for (column, scale) in [1.0, 1.0, 10.0].into_iter().enumerate() {
            let noise = (0..4).map(|_| generator.next()).sum::<f64>() - 2.0;
            features.columns[column].push((CENTRES[class][column] + scale * noise) as f32);
        }
        classes.push(class as u32);
    }
    (features, classes)
}

/// Rows without answers.
pub(crate) fn unlabelled(features: &Features) -> TrainingData {
    TrainingData { features: features.clone(), target: Target::None, weights: None }
}

/// A specification without a target.
pub(crate) fn without_target(algorithm: Algorithm, hyperparameters: serde_json::Value) -> TrainingSpecification {
    let task = if algorithm.tasks().contains(&Task::Clustering) { Task::Clustering } else { algorithm.tasks()[0] };
    let mut specification = TrainingSpecification::without_target(algorithm, task);
    specification.hyperparameters = hyperparameters.as_object().unwrap().clone();
    specification
}

pub(crate) fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found}, expected {expected}");
}
