//! Boosting, forests and networks.

use kumiko_learn::{TrainingData, train};
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

use crate::common::columnwise::train_lent;
use crate::common::sample;
use crate::{Steps, same};

fn in_steps(
    data: &TrainingData,
    validation: Option<&TrainingData>,
    specification: &TrainingSpecification,
    steps: usize,
) {
    same(&|control| train(data, validation, specification, control), Steps::Reports, steps);
}

#[test]
fn boosting_goes_on_from_its_last_round() {
    let sample = sample();
    let boosting = |task| {
        TrainingSpecification::new(Algorithm::Xgboost, task, "target").with("n_estimators", 30).with("subsample", 0.7)
    };
    in_steps(&sample.regression(), None, &boosting(Task::Regression), 4);
    in_steps(&sample.multinomial(), Some(&sample.multinomial()), &boosting(Task::Classification), 4);
    let early = boosting(Task::Classification).with("early_stopping_rounds", 20);
    in_steps(&sample.binary(), Some(&sample.binary()), &early, 4);
}

#[test]
fn boosting_on_columns_one_after_the_other_reads_them_again_and_goes_on_from_its_last_round() {
    let sample = sample();
    let data = sample.binary();
    let specification =
        TrainingSpecification::new(Algorithm::Xgboost, Task::Classification, "target").with("n_estimators", 60);
    // Four steps of each attempt are columns.
    same(&|control| train_lent(&data, None, &specification, &tempfile::tempfile, None, control), Steps::Reports, 12);
}

#[test]
fn a_forest_goes_on_from_the_trees_that_it_has() {
    let sample = sample();
    let forest = |task| {
        TrainingSpecification::new(Algorithm::RandomForest, task, "target")
            .with("n_estimators", 150)
            .with("max_depth", 4)
    };
    // Trees are kept by the dozen.
    in_steps(&sample.regression(), None, &forest(Task::Regression), 40);
    in_steps(&sample.multinomial(), None, &forest(Task::Classification).with("oob_score", true), 40);
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
    in_steps(&sample.regression(), None, &network(Task::Regression), 4);
    in_steps(&sample.regression(), None, &network(Task::Regression).with("solver", "sgd"), 4);
    in_steps(&sample.binary(), None, &network(Task::Classification).with("dropout", 0.2), 4);
    let both = network(Task::Classification).with("batch_norm", true).with("early_stopping", true);
    in_steps(&sample.multinomial(), None, &both, 4);
}
