//! A training that was cut off goes on from what it kept, and comes to the bytes of one that never was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::sample;
use kumiko_learn::{Error, Model, TrainingData, train};
use kumiko_vocabulary::Control;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

/// Keeps every state, and ends the work after so many reports.
struct Job {
    kept: Mutex<Option<(String, Vec<u8>)>>,
    reports: AtomicUsize,
    allowed: usize,
}

impl Job {
    fn new(kept: Option<(String, Vec<u8>)>, allowed: usize) -> Self {
        Self { kept: Mutex::new(kept), reports: AtomicUsize::new(0), allowed }
    }
}

impl Control for Job {
    fn report(&self, _done: f64, _total: Option<f64>, _message: &str) {
        self.reports.fetch_add(1, Ordering::SeqCst);
    }
    fn is_cancelled(&self) -> bool {
        self.reports.load(Ordering::SeqCst) >= self.allowed
    }
    fn keeps(&self) -> bool {
        true
    }
    fn kept(&self, key: &str) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().as_ref().filter(|(own, _)| own == key).map(|(_, state)| state.clone())
    }
    fn is_keeping_due(&self) -> bool {
        true
    }
    fn keep(&self, key: &str, state: Vec<u8>) {
        *self.kept.lock().unwrap() = Some((key.to_owned(), state));
    }
}

/// Cuts a training off three times, each time after so many steps, and lets it finish.
fn in_pieces(
    data: &TrainingData,
    validation: Option<&TrainingData>,
    specification: &TrainingSpecification,
    steps: usize,
) -> Model {
    let mut kept = None;
    for _ in 0..3 {
        let job = Job::new(kept, steps);
        assert_eq!(train(data, validation, specification, &job).unwrap_err(), Error::Cancelled);
        kept = job.kept.into_inner().unwrap();
        assert!(kept.is_some(), "nothing was kept");
    }
    let job = Job::new(kept, usize::MAX);
    let model = train(data, validation, specification, &job).unwrap();
    let whole = Job::new(None, usize::MAX);
    train(data, validation, specification, &whole).unwrap();
    let (rest, all) = (job.reports.into_inner(), whole.reports.into_inner());
    assert!(rest + 6 <= all, "{rest} of {all} steps were done again");
    model
}

fn same(data: &TrainingData, validation: Option<&TrainingData>, specification: &TrainingSpecification) {
    let expected = train(data, validation, specification, &Unattended).unwrap();
    let model = in_pieces(data, validation, specification, 4);
    assert_eq!(model.to_bytes().unwrap(), expected.to_bytes().unwrap());
}

#[test]
fn boosting_goes_on_from_its_last_round() {
    let sample = sample();
    let boosting = |task| {
        TrainingSpecification::new(Algorithm::Xgboost, task, "target").with("n_estimators", 30).with("subsample", 0.7)
    };
    same(&sample.regression(), None, &boosting(Task::Regression));
    same(&sample.multinomial(), Some(&sample.multinomial()), &boosting(Task::Classification));
    let early = boosting(Task::Classification).with("early_stopping_rounds", 20);
    same(&sample.binary(), Some(&sample.binary()), &early);
}

#[test]
fn a_forest_goes_on_from_the_trees_that_it_has() {
    let sample = sample();
    let forest = |task| {
        TrainingSpecification::new(Algorithm::RandomForest, task, "target")
            .with("n_estimators", 150)
            .with("max_depth", 4)
    };
    for (data, specification) in [
        (sample.regression(), forest(Task::Regression)),
        (sample.multinomial(), forest(Task::Classification).with("oob_score", true)),
    ] {
        let expected = train(&data, None, &specification, &Unattended).unwrap();
        // Trees are kept by the dozen.
        let model = in_pieces(&data, None, &specification, 40);
        assert_eq!(model.to_bytes().unwrap(), expected.to_bytes().unwrap());
    }
}

#[test]
fn a_network_goes_on_from_its_last_epoch() {
    let sample = sample();
    let network = |task| {
        TrainingSpecification::new(Algorithm::NeuralNetwork, task, "target")
            .with("max_iter", 40)
            .with("hidden_layer_sizes", vec![8])
            .with("batch_size", 50)
    };
    same(&sample.regression(), None, &network(Task::Regression));
    same(&sample.binary(), None, &network(Task::Classification).with("dropout", 0.2));
    same(
        &sample.multinomial(),
        None,
        &network(Task::Classification).with("batch_norm", true).with("early_stopping", true),
    );
}

#[test]
fn a_state_of_another_training_or_a_damaged_one_is_not_gone_on_with() {
    let sample = sample();
    let specification =
        TrainingSpecification::new(Algorithm::Xgboost, Task::Regression, "target").with("n_estimators", 20);
    let job = Job::new(None, 6);
    train(&sample.regression(), None, &specification, &job).unwrap_err();
    let (key, state) = job.kept.into_inner().unwrap().unwrap();
    let expected = |specification: &TrainingSpecification| {
        train(&sample.regression(), None, specification, &Unattended).unwrap().to_bytes().unwrap()
    };
    let other = specification.clone().with("learning_rate", 0.1);
    let job = Job::new(Some((key.clone(), state.clone())), usize::MAX);
    let model = train(&sample.regression(), None, &other, &job).unwrap();
    assert_eq!(model.to_bytes().unwrap(), expected(&other));
    for position in (0..state.len()).step_by(101) {
        let mut damaged = state.clone();
        damaged[position] ^= 0x5a;
        let job = Job::new(Some((key.clone(), damaged)), usize::MAX);
        let model = train(&sample.regression(), None, &specification, &job).unwrap();
        assert_eq!(model.to_bytes().unwrap(), expected(&specification));
    }
}
