//! Training: checks first, then the algorithm, then measures.

use std::time::Instant;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{
    Algorithm, FeatureImportance, FeatureSignature, FeatureType, HeadlineMetrics, MODEL_FORMAT_VERSION, ModelMetadata,
    ModelSignature, Task, TrainingSpecification,
};

use crate::boosting;
use crate::calibration;
use crate::checkpoint::Checkpoint;
use crate::columnwise::{Columnwise, ColumnwiseData};
use crate::data::{self, Features, Target, TrainingData, class_codes};
use crate::error::Error;
use crate::estimator::{self, Answers, Fitted, Held, Problem};
use crate::metrics;
use crate::model::Model;
use crate::threads;

/// Training rows that the model is measured on at most, evenly spread: the figure flatters anyway, and a full forest takes as
/// long to walk as to grow.
const MEASURED_TRAINING_ROWS: usize = 20_000;
/// What training rows are called in errors.
const TRAINING: &str = "the training data";
/// What validation rows are called in errors.
const VALIDATION: &str = "the validation data";

/// Trains a model by a specification. The validation rows are measured on and never learnt from; their columns are matched by
/// name, and their weights do not matter. `specification.weight_column` and `excluded_columns` are for whoever makes the [`TrainingData`] from a table.
///
/// The result depends on the data, the specification and its seed, not on the number of threads. Everything wrong with the
/// input is a typed [`Error`]; cancelling through `control` ends in [`Error::Cancelled`].
pub fn train(
    training: &TrainingData,
    validation: Option<&TrainingData>,
    specification: &TrainingSpecification,
    control: &dyn Control,
) -> Result<Model, Error> {
    let began = Instant::now();
    let TrainingSpecification { algorithm, task, .. } = *specification;
    check_specification(specification)?;
    training.check(TRAINING, task)?;
    check_rows(training.features.rows(), training.weights.is_some(), specification)?;
    let answers = OwnAnswers::of_training(&training.target, task)?;
    let names = &training.features.names;
    let columns = training.features.matched(names)?;
    let held = validation.map(|validation| held(validation, names, &answers, task)).transpose()?;
    let sets = [(TRAINING, Some(&columns)), (VALIDATION, held.as_ref().map(|held| &held.columns))];
    for (what, columns) in sets.into_iter().filter_map(|(what, columns)| Some((what, columns?))) {
        Features::check_finite(names, columns, what)?;
        if !estimator::takes_missing_values(algorithm) {
            let with_missing = Features::with_missing_values(names, columns);
            if !with_missing.is_empty() {
                return Err(Error::MissingValues { algorithm, what: what.to_owned(), columns: with_missing });
            }
        }
    }
    let problem = Problem {
        names,
        columns,
        answers: answers.borrowed(),
        weights: training.weights.as_deref(),
        validation: held.as_ref().map(OwnHeld::borrowed),
        seed: specification.seed,
        control,
        checkpoint: Checkpoint::of(training, validation, specification, control),
    };
    let given = &specification.hyperparameters;
    let fitted = threads::own(|| {
        let fitted = estimator::fit(algorithm, &problem, given)?;
        match specification.calibration {
            Some(method) => calibration::calibrate(method, algorithm, &problem, given, fitted),
            None => Ok(fitted),
        }
    })?;
    let rows = training.features.rows();
    let step = measured_step(rows);
    let measured = problem.columns.iter().map(|column| column.iter().step_by(step).copied().collect()).collect();
    finish(&problem, specification, fitted, Measured { columns: measured, step, rows }, began)
}

/// Trains `xgboost` on columns that are read one after the other and kept as bytes outside memory. The model is, to the byte, the one
/// that [`train`] makes of the same rows. In memory there are about 50 bytes for each row, however many columns there are.
///
/// # Errors
///
/// As [`train`]; [`Error::NotColumnwise`] for another algorithm and for calibration, [`Error::Source`] where a column cannot be read,
/// [`Error::Scratch`] where there is no room for the bytes.
pub fn train_columnwise(
    training: &ColumnwiseData<'_>,
    validation: Option<&TrainingData>,
    specification: &TrainingSpecification,
    control: &dyn Control,
) -> Result<Model, Error> {
    let began = Instant::now();
    let TrainingSpecification { algorithm, task, .. } = *specification;
    check_specification(specification)?;
    if algorithm != Algorithm::Xgboost || specification.calibration.is_some() {
        return Err(Error::NotColumnwise { algorithm });
    }
    let (names, weights, rows) = (&training.names, training.weights.as_deref(), training.source.rows());
    data::check_names(names)?;
    if names.is_empty() {
        return Err(Error::NoFeatures);
    }
    data::check_answers(&training.target, weights, rows, TRAINING, task)?;
    check_rows(rows, weights.is_some(), specification)?;
    let answers = OwnAnswers::of_training(&training.target, task)?;
    let held = validation.map(|validation| held(validation, names, &answers, task)).transpose()?;
    if let Some(held) = &held {
        Features::check_finite(names, &held.columns, VALIDATION)?;
    }
    let step = measured_step(rows);
    let columnwise = Columnwise::new(training, TRAINING, step);
    let problem = Problem {
        names,
        columns: &columnwise,
        answers: answers.borrowed(),
        weights,
        validation: held.as_ref().map(OwnHeld::borrowed),
        seed: specification.seed,
        control,
        checkpoint: Checkpoint::of_columnwise(training, validation, specification, control),
    };
    let fitted = threads::own(|| boosting::fit_columnwise(&problem, &specification.hyperparameters))?;
    let measured = Measured { columns: columnwise.kept(), step, rows };
    finish(&problem, specification, fitted, measured, began)
}

/// What can be refused before a look at the rows.
fn check_specification(specification: &TrainingSpecification) -> Result<(), Error> {
    let TrainingSpecification { algorithm, task, .. } = *specification;
    if task.is_supervised() && specification.target_column.is_none() {
        return Err(Error::Specification {
            name: "target_column",
            value: "absent".to_owned(),
            expected: format!("the column to predict: {} needs one", task.as_str()),
        });
    }
    estimator::check_hyperparameters(algorithm, task, &specification.hyperparameters)?;
    Ok(())
}

/// Enough rows, and weights only where they are heeded.
fn check_rows(rows: usize, weighted: bool, specification: &TrainingSpecification) -> Result<(), Error> {
    let algorithm = specification.algorithm;
    if weighted && !estimator::takes_weights(algorithm) {
        return Err(Error::NotWeighted { algorithm });
    }
    if rows < 2 {
        return Err(Error::Rows { what: TRAINING.to_owned(), rows, expected: "two at least" });
    }
    Ok(())
}

/// The training rows that the model is measured on: every `step`th of `rows`.
struct Measured {
    columns: Vec<Vec<f32>>,
    step: usize,
    rows: usize,
}

/// How far apart the training rows are that the model is measured on.
fn measured_step(rows: usize) -> usize {
    rows.div_ceil(MEASURED_TRAINING_ROWS).max(1)
}

fn finish<C>(
    problem: &Problem<'_, C>,
    specification: &TrainingSpecification,
    fitted: Fitted,
    measured: Measured,
    began: Instant,
) -> Result<Model, Error> {
    if problem.control.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let metadata = metadata(problem, specification, &fitted, &measured, began);
    let Fitted { estimator, training_output, .. } = fitted;
    Ok(Model { metadata, estimator, preprocessing: None, training_output })
}

/// Answers with codes of their own: classes that no row has are left out.
enum OwnAnswers {
    Classes { codes: Vec<u32>, classes: Vec<String> },
    Values(Vec<f64>),
    None(Task),
}

impl OwnAnswers {
    fn of_training(target: &Target, task: Task) -> Result<Self, Error> {
        match target {
            Target::None => Ok(Self::None(task)),
            Target::Values(values) => Ok(Self::Values(values.clone())),
            Target::Classes { codes, classes } => {
                let mut occurs = vec![false; classes.len()];
                for code in codes {
                    if let Some(occurs) = occurs.get_mut(*code as usize) {
                        *occurs = true;
                    }
                }
                let mut next = 0;
                let positions: Vec<u32> = occurs
                    .iter()
                    .map(|occurs| {
                        let position = next;
                        next += u32::from(*occurs);
                        position
                    })
                    .collect();
                let kept: Vec<String> = classes
                    .iter()
                    .zip(&occurs)
                    .filter(|(_, occurs)| **occurs)
                    .map(|(class, _)| class.clone())
                    .collect();
                if let [class] = kept.as_slice() {
                    return Err(Error::OneClass { class: class.clone() });
                }
                let codes = codes.iter().filter_map(|code| positions.get(*code as usize).copied()).collect();
                Ok(Self::Classes { codes, classes: kept })
            }
        }
    }

    /// Answers of other rows, in these answers' codes.
    fn of_validation(&self, target: &Target) -> Result<Self, Error> {
        match (self, target) {
            (Self::Classes { classes: known, .. }, Target::Classes { codes, classes }) => {
                let labels: Vec<&str> =
                    codes.iter().filter_map(|code| classes.get(*code as usize)).map(String::as_str).collect();
                Ok(Self::Classes { codes: class_codes(&labels, known, VALIDATION)?, classes: known.clone() })
            }
            (Self::None(task), _) => Ok(Self::None(*task)),
            (_, Target::Values(values)) => Ok(Self::Values(values.clone())),
            (_, Target::Classes { .. } | Target::None) => Ok(Self::Values(Vec::new())),
        }
    }

    fn borrowed(&self) -> Answers<'_> {
        match self {
            Self::Classes { codes, classes } => Answers::Classes { codes, classes },
            Self::Values(values) => Answers::Values(values),
            Self::None(task) => Answers::None(*task),
        }
    }
}

/// Checked validation rows: columns in the training's order, answers in its codes.
struct OwnHeld<'a> {
    columns: Vec<&'a [f32]>,
    answers: OwnAnswers,
}

impl OwnHeld<'_> {
    fn borrowed(&self) -> Held<'_> {
        Held { columns: self.columns.clone(), answers: self.answers.borrowed() }
    }
}

/// Checks validation rows.
fn held<'a>(
    validation: &'a TrainingData,
    names: &[String],
    answers: &OwnAnswers,
    task: Task,
) -> Result<OwnHeld<'a>, Error> {
    validation.check(VALIDATION, task)?;
    let columns = validation.features.matched(names)?;
    Ok(OwnHeld { columns, answers: answers.of_validation(&validation.target)? })
}

fn metadata<C>(
    problem: &Problem<'_, C>,
    specification: &TrainingSpecification,
    fitted: &Fitted,
    measured: &Measured,
    began: Instant,
) -> ModelMetadata {
    let mut training_metrics = training_metrics(problem.answers, fitted, measured);
    training_metrics.out_of_bag_score = fitted.out_of_bag_score;
    let validation_metrics = problem.validation.as_ref().map(|held| match held.answers {
        Answers::None(_) => fitted.estimator.measure(&held.columns, problem.seed),
        answers => metrics::headline(answers, &fitted.estimator.predict(&held.columns)),
    });
    let nullable = estimator::takes_missing_values(specification.algorithm);
    let name = specification.training_job_name.clone().unwrap_or_else(|| specification.algorithm.as_str().to_owned());
    ModelMetadata {
        format_version: MODEL_FORMAT_VERSION,
        name,
        algorithm: specification.algorithm,
        task: specification.task,
        signature: ModelSignature {
            features: (problem.names.iter())
                .map(|name| FeatureSignature { name: name.clone(), feature_type: FeatureType::Number, nullable })
                .collect(),
            target: specification.target_column.clone().filter(|_| specification.task.is_supervised()),
            classes: match problem.answers {
                Answers::Classes { classes, .. } => Some(classes.to_vec()),
                Answers::Values(_) | Answers::None(_) => None,
            },
        },
        hyperparameters: fitted.hyperparameters.clone(),
        seed: specification.seed,
        training_metrics,
        validation_metrics,
        feature_importances: importances(problem.names, &fitted.importances),
        training_rows: measured.rows as u64,
        validation_rows: problem
            .validation
            .as_ref()
            .and_then(|held| held.columns.first())
            .map_or(0, |column| column.len()) as u64,
        training_data: None,
        server_version: None,
        training_seconds: Some(began.elapsed().as_secs_f64()),
        loss_curve: fitted.loss_curve.clone(),
        reinforcement: None,
        notes: fitted.notes.clone(),
    }
}

/// Measures on the training rows, or on evenly spread ones where there are many. Whoever learns without answers has measured
/// already.
fn training_metrics(answers: Answers<'_>, fitted: &Fitted, measured: &Measured) -> HeadlineMetrics {
    let step = measured.step;
    let predictions = || {
        let columns: Vec<&[f32]> = measured.columns.iter().map(Vec::as_slice).collect();
        fitted.estimator.predict(&columns)
    };
    match answers {
        Answers::Classes { codes, classes } => {
            let codes: Vec<u32> = codes.iter().step_by(step).copied().collect();
            metrics::headline(Answers::Classes { codes: &codes, classes }, &predictions())
        }
        Answers::Values(values) => {
            let values: Vec<f64> = values.iter().step_by(step).copied().collect();
            metrics::headline(Answers::Values(&values), &predictions())
        }
        Answers::None(_) => fitted.measures.clone(),
    }
}

/// The shares of the features, largest first; none where nothing matters to the model.
fn importances(names: &[String], importances: &[f64]) -> Vec<FeatureImportance> {
    let total: f64 = importances.iter().sum();
    if !(total > 0.0 && total.is_finite()) {
        return Vec::new();
    }
    let mut shares: Vec<FeatureImportance> = (names.iter().zip(importances))
        .map(|(name, importance)| FeatureImportance { feature: name.clone(), importance: importance / total })
        .collect();
    shares.sort_by(|left, right| right.importance.total_cmp(&left.importance));
    shares
}
