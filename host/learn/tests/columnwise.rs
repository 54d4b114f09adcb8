//! A training on columns that are read one after the other makes the bytes of one on columns in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::fs::File;
use std::io;

use common::columnwise::train_lent;
use common::{Generator, sample};
use kumiko_learn::{Error, Model, ScratchFiles, Target, TrainingData, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Calibration, Task, TrainingSpecification};

/// More rows than a file is read at once.
const MANY_ROWS: usize = 270_000;

fn columnwise(
    data: &TrainingData,
    validation: Option<&TrainingData>,
    specification: &TrainingSpecification,
    files: ScratchFiles<'_>,
    broken: Option<usize>,
) -> Result<Model, Error> {
    train_lent(data, validation, specification, files, broken, &Unattended)
}

fn same(data: &TrainingData, validation: Option<&TrainingData>, specification: &TrainingSpecification) {
    let expected = train(data, validation, specification, &Unattended).unwrap();
    let model = columnwise(data, validation, specification, &tempfile::tempfile, None).unwrap();
    assert_eq!(model.metadata.training_metrics, expected.metadata.training_metrics);
    assert_eq!(model.to_bytes().unwrap(), expected.to_bytes().unwrap());
}

fn boosting(task: Task) -> TrainingSpecification {
    TrainingSpecification::new(Algorithm::Xgboost, task, "target").with("n_estimators", 10)
}

#[test]
fn the_model_is_the_same_for_every_task_and_way_of_growing() {
    let sample = sample();
    same(&sample.regression(), None, &boosting(Task::Regression).with("objective", "reg:absoluteerror"));
    same(&sample.multinomial(), Some(&sample.multinomial()), &boosting(Task::Classification));
    let lossguide = boosting(Task::Classification)
        .with("grow_policy", "lossguide")
        .with("max_leaves", 20)
        .with("max_depth", 0)
        .with("subsample", 0.6)
        .with("colsample_bytree", 0.5)
        .with("early_stopping_rounds", 3);
    same(&sample.binary(), Some(&sample.binary()), &lossguide);
    let mut weighted = sample.binary();
    weighted.weights = Some((0..300).map(|row| (row % 3) as f32).collect());
    same(&weighted, None, &boosting(Task::Classification).with("max_bin", 16));
}

/// Columns of numbers, of numbers with gaps, of categories, of one value and of none.
fn many_rows() -> TrainingData {
    let mut generator = Generator::new(7);
    let mut data = sample().regression();
    data.features.names = ["a", "b", "gaps", "category", "constant", "empty", "gap"].map(String::from).to_vec();
    let mut column = |make: &dyn Fn(f64) -> f32| (0..MANY_ROWS).map(|_| make(generator.next())).collect::<Vec<f32>>();
    data.features.columns = vec![
        column(&|u| u as f32),
        column(&|u| (u * 50.0).floor() as f32),
        column(&|u| if u < 0.3 { f32::NAN } else { u as f32 }),
        column(&|u| (u * 20.0).floor() as f32),
        column(&|_| 3.0),
        column(&|_| f32::NAN),
        column(&|u| if u < 0.5 { f32::NAN } else { 1.0 }),
    ];
    let columns = &data.features.columns;
    let target = |row: usize| {
        let seen = |value: f32| if value.is_nan() { -1.0 } else { f64::from(value) };
        f64::from(columns[0][row]) + seen(columns[2][row]) + f64::from(columns[3][row] % 3.0) + seen(columns[6][row])
    };
    data.target = Target::Values((0..MANY_ROWS).map(target).collect());
    data
}

#[test]
fn more_rows_than_are_read_at_once_make_the_same_model() {
    let data = many_rows();
    let specification =
        boosting(Task::Regression).with("categorical_features", vec!["category"]).with("n_estimators", 4);
    same(&data, None, &specification);
    same(&data, None, &specification.clone().with("subsample", 0.5).with("max_depth", 9));
    same(&data, None, &specification.with("grow_policy", "lossguide").with("max_leaves", 31));
}

#[test]
fn what_cannot_be_done_column_by_column_is_refused_by_name() {
    let sample = sample();
    let (data, files) = (sample.binary(), &tempfile::tempfile);
    let forest = TrainingSpecification::new(Algorithm::RandomForest, Task::Classification, "target");
    let calibrated =
        TrainingSpecification { calibration: Some(Calibration::Sigmoid), ..boosting(Task::Classification) };
    for specification in [forest, calibrated] {
        let error = columnwise(&data, None, &specification, files, None).unwrap_err();
        assert_eq!(error, Error::NotColumnwise { algorithm: specification.algorithm });
    }
    let specification = boosting(Task::Classification);
    let error = columnwise(&data, None, &specification, files, Some(2)).unwrap_err();
    assert!(matches!(error, Error::Source(fault) if fault.code == "object_unreadable"));
    let full = || Err(io::Error::from(io::ErrorKind::StorageFull));
    let error = columnwise(&data, None, &specification, &full, None).unwrap_err();
    assert!(matches!(error, Error::Scratch { action: "created", .. }), "{error}");
    // A file that cannot be written to, as on a full disk.
    let closed = || File::open("/dev/null");
    let error = columnwise(&data, None, &specification, &closed, None).unwrap_err();
    assert!(matches!(error, Error::Scratch { action: "written", .. }), "{error}");
    let unreadable = || {
        let file = tempfile::NamedTempFile::new()?;
        File::options().write(true).open(file.path())
    };
    let error = columnwise(&data, None, &specification, &unreadable, None).unwrap_err();
    assert!(matches!(error, Error::Scratch { action: "read", .. }), "{error}");
    let mut infinite = data.clone();
    infinite.features.columns[1][5] = f32::INFINITY;
    let error = columnwise(&infinite, None, &specification, files, None).unwrap_err();
    assert!(matches!(error, Error::InfiniteFeature { column, row: 5, .. } if column == "b"));
    let mut repeated = data;
    repeated.features.names[1] = "a".to_owned();
    let error = columnwise(&repeated, None, &specification, files, None).unwrap_err();
    assert_eq!(error, Error::DuplicateFeature { name: "a".to_owned() });
}
