//! Measuring models on rows with known answers.

use std::sync::Arc;

use kumiko_frames::Frame;
use kumiko_learn::metrics::{self, Candidate};
use kumiko_learn::{Model, Predictions, class_codes};
use kumiko_vocabulary::evaluation::{
    ClassificationReport, ClusteringReport, ClusteringSpecification, Comparison, ComparisonSpecification,
    EvaluationSpecification, RegressionReport,
};
use kumiko_vocabulary::learning::Task;
use kumiko_vocabulary::{Control, Fault};
use serde::Serialize;

use crate::AnyModel;
use crate::matrix::{column_not_found, features_for, has};
use crate::train::class_labels;

/// What was measured: one of two documents, whichever the model's task calls for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Of a classifier.
    Classification(Box<ClassificationReport>),
    /// Of a regressor.
    Regression(Box<RegressionReport>),
}

/// Measures a model.
///
/// # Errors
///
/// A frame without the target column, answers that the model has never heard of, and what prediction refuses.
pub fn evaluate(
    model: &AnyModel,
    frame: &Frame,
    specification: &EvaluationSpecification,
    control: &dyn Control,
) -> Result<Report, Fault> {
    let target = target_column(model, frame, specification.target_column.as_deref())?;
    control.report(0.0, Some(2.0), "predicting");
    let (predictions, classes) = model.predict(frame)?;
    control.report(1.0, Some(2.0), "measuring");
    match &predictions {
        Predictions::Classes { .. } => {
            let truth = true_classes(&classes, frame, &target)?;
            Ok(Report::Classification(Box::new(metrics::classification(
                &truth,
                &classes,
                &predictions,
                specification,
            )?)))
        }
        Predictions::Values(values) => {
            Ok(Report::Regression(Box::new(metrics::regression(&frame.numbers(&target)?, values, specification)?)))
        }
        Predictions::Clusters { .. } | Predictions::Components(_) => Err(without_answers(model)),
    }
}

/// Measures the clusters that a model puts rows into.
///
/// # Errors
///
/// A model of another task, a column of known classes that is not there, and what prediction refuses.
pub fn evaluate_clustering(
    model: &Model,
    frame: &Frame,
    specification: &ClusteringSpecification,
    control: &dyn Control,
) -> Result<ClusteringReport, Fault> {
    let truth = match &specification.label_column {
        Some(column) if !has(frame, column) => return Err(column_not_found(frame, column, "column of known classes")),
        Some(column) => Some(frame.labels(column)?.0),
        None => None,
    };
    control.report(0.0, Some(2.0), "finding the clusters");
    let features = features_for(model, frame)?;
    let Predictions::Clusters { codes, .. } = model.predict(&features)? else {
        let message = format!("`{}` is for {}, not for clustering", model.metadata.name, model.metadata.task.as_str());
        return Err(Fault::invalid("not_a_clustering", message));
    };
    control.report(1.0, Some(2.0), "measuring");
    Ok(metrics::clustering(&features, &codes, truth.as_deref(), specification)?)
}

/// The fault of measuring against answers what has none.
fn without_answers(model: &AnyModel) -> Fault {
    let (name, task) = (&model.metadata().name, model.metadata().task.as_str());
    Fault::invalid("task_unsupported", format!("`{name}` is for {task}: there are no known answers to measure it by"))
        .hint("`evaluate_clustering` measures clusters")
}

/// Compares models on the same rows.
///
/// # Errors
///
/// Fewer than two models, models of different tasks or classes, and what [`evaluate`] refuses.
pub fn compare(
    models: &[Arc<AnyModel>],
    frame: &Frame,
    specification: &ComparisonSpecification,
    control: &dyn Control,
) -> Result<Comparison, Fault> {
    let Some(first) = models.first() else {
        return Err(Fault::invalid("too_few_models", "no model was given; a comparison needs at least two"));
    };
    let target = target_column(first, frame, specification.target_column.as_deref())?;
    let mut predictions = Vec::with_capacity(models.len());
    let mut known: Option<Vec<String>> = None;
    for (index, model) in models.iter().enumerate() {
        let name = &model.metadata().name;
        control.report(index as f64, Some(models.len() as f64), &format!("predicting with {name}"));
        let (predicted, classes) = model.predict(frame)?;
        if known.get_or_insert_with(|| classes.clone()) != &classes {
            let message = format!("`{}` and `{name}` tell different classes apart", first.metadata().name);
            return Err(
                Fault::invalid("classes_differ", message).hint("compare models that were trained on the same target")
            );
        }
        predictions.push((unique(name, &predictions), predicted));
    }
    let truth = match first.metadata().task {
        Task::Classification => {
            let classes = known.unwrap_or_default();
            kumiko_learn::Target::Classes { codes: true_classes(&classes, frame, &target)?, classes }
        }
        _ => kumiko_learn::Target::Values(frame.numbers(&target)?),
    };
    let candidates: Vec<Candidate<'_>> =
        predictions.iter().map(|(name, predictions)| Candidate { name, predictions }).collect();
    Ok(metrics::compare(&truth, &candidates, specification)?)
}

/// The model's name, told from models of the same name before it.
fn unique(name: &str, before: &[(String, Predictions)]) -> String {
    let mut unique = name.to_owned();
    let mut number = 1;
    while before.iter().any(|(other, _)| *other == unique) {
        number += 1;
        unique = format!("{name} ({number})");
    }
    unique
}

/// The column with the known answers: as asked for, else the one that the model learnt.
fn target_column(model: &AnyModel, frame: &Frame, asked: Option<&str>) -> Result<String, Fault> {
    let target = asked.or(model.metadata().signature.target.as_deref()).ok_or_else(|| without_answers(model))?;
    if has(frame, target) { Ok(target.to_owned()) } else { Err(column_not_found(frame, target, "target column")) }
}

/// The true class of each row among those that a model knows.
fn true_classes(classes: &[String], frame: &Frame, target: &str) -> Result<Vec<u32>, Fault> {
    let (codes, found) = frame.labels(target)?;
    Ok(class_codes(&class_labels(&codes, &found), classes, "the test data")?)
}
