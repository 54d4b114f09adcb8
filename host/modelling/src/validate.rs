//! Settings measured by cross-validation.
//!
//! The rows are dealt to parts once, so that all settings are measured on the same. For each setting and part a model is trained on the
//! other parts (by time: on those before), with whatever prepares the rows fitted on these alone, and measured on the part. The
//! trainings run side by side, each deterministic by itself, so the reports do not depend on the number of threads.

use kumiko_frames::Frame;
use kumiko_vocabulary::evaluation::ComparisonMetric;
use kumiko_vocabulary::learning::{
    CrossValidation, CrossValidationReport, FoldMethod, HeadlineMetrics, MAXIMUM_FOLDS, Task, TrainingSpecification,
};
use kumiko_vocabulary::preparation::{Split, SplitMethod};
use kumiko_vocabulary::{Control, Fault, FaultKind};
use rayon::prelude::*;

use crate::matrix::{column_not_found, has};
use crate::train::{target_column, train};

/// The settings that one call measures at most: a caller with more has to ask again, and can be stopped in between.
const MOST_SPECIFICATIONS: usize = 64;

/// Measures every specification by the same cross-validation.
///
/// # Errors
///
/// A number of parts, a share or a column that cannot be; classes with fewer rows than parts; and cancellation. What is wrong with one
/// specification alone is in its report. Progress is the caller's to tell: who searches validates many times.
pub fn cross_validate(
    frame: &Frame,
    specifications: &[TrainingSpecification],
    validation: &CrossValidation,
    control: &dyn Control,
) -> Result<Vec<CrossValidationReport>, Fault> {
    let Some(first) = specifications.first() else { return Ok(Vec::new()) };
    if specifications.len() > MOST_SPECIFICATIONS {
        let message =
            format!("{} settings are to be validated; at most {MOST_SPECIFICATIONS} at once", specifications.len());
        return Err(Fault::invalid("too_many_specifications", message));
    }
    let target = check(frame, specifications, first, validation)?;
    let parts = parts(frame, first.task, &target, validation)?;
    let work: Vec<(usize, usize)> =
        (0..specifications.len()).flat_map(|of| (0..parts.len()).map(move |part| (of, part))).collect();
    let quiet = Quiet(control);
    let results: Vec<Result<Scored, Fault>> = work
        .par_iter()
        .map(|(of, part)| {
            let (Some(specification), Some(part)) = (specifications.get(*of), parts.get(*part)) else {
                return Err(Fault::failed("internal", "a part of the rows is missing"));
            };
            if control.is_cancelled() {
                return Err(kumiko_vocabulary::control::cancelled());
            }
            score(frame, &target, specification, part, validation, &quiet)
        })
        .collect();
    if control.is_cancelled() {
        return Err(kumiko_vocabulary::control::cancelled());
    }
    let metric = validation.metric.unwrap_or_else(|| default_metric(first.task, &results));
    Ok(results.chunks(parts.len()).map(|scored| report(metric, scored)).collect())
}

/// What cannot be right whatever the settings are. Gives the target column.
fn check(
    frame: &Frame,
    specifications: &[TrainingSpecification],
    first: &TrainingSpecification,
    validation: &CrossValidation,
) -> Result<String, Fault> {
    if !(2..=MAXIMUM_FOLDS).contains(&validation.folds) {
        let message = format!("`folds` is {}; expected 2 to {MAXIMUM_FOLDS}", validation.folds);
        return Err(Fault::invalid("folds_invalid", message));
    }
    if !(validation.row_share > 0.0 && validation.row_share <= 1.0) {
        let message = format!("`row_share` is {}; expected a share above 0 and up to 1", validation.row_share);
        return Err(Fault::invalid("row_share_invalid", message));
    }
    let Some(target) = target_column(first)? else {
        let message = format!("{} has no known answers to validate by", first.task.as_str());
        return Err(Fault::invalid("task_unsupported", message));
    };
    if let Some(other) =
        specifications.iter().find(|other| other.task != first.task || other.target_column != first.target_column)
    {
        let message = format!(
            "the settings differ in what they predict: `{target}` and `{}`; expected one task and target",
            other.target_column.as_deref().unwrap_or_default()
        );
        return Err(Fault::invalid("specifications_differ", message));
    }
    if let Some(metric) = validation.metric
        && metric.task() != first.task
    {
        let message = format!("`{}` does not measure {}", metric.as_str(), first.task.as_str());
        return Err(Fault::invalid("metric_invalid", message));
    }
    let columns = [Some((target, "target column")), validation.column.as_deref().map(|column| (column, "column"))];
    match columns.into_iter().flatten().find(|(column, _)| !has(frame, column)) {
        Some((column, role)) => Err(column_not_found(frame, column, role)),
        None => Ok(target.to_owned()),
    }
}

/// Rows to learn from and rows to measure on.
struct Part {
    training: Vec<u32>,
    held_out: Vec<u32>,
}

fn parts(frame: &Frame, task: Task, target: &str, validation: &CrossValidation) -> Result<Vec<Part>, Fault> {
    let method = match (validation.method, task) {
        (FoldMethod::Automatic, Task::Classification) | (FoldMethod::Stratified, _) => SplitMethod::Stratified,
        (FoldMethod::Automatic | FoldMethod::Random, _) => SplitMethod::Random,
        (FoldMethod::Grouped, _) => SplitMethod::Grouped,
        (FoldMethod::Time, _) => SplitMethod::Time,
    };
    let by_time = method == SplitMethod::Time;
    let column = match method {
        SplitMethod::Stratified => Some(target.to_owned()),
        _ => validation.column.clone(),
    };
    let folds = validation.folds as usize;
    if method == SplitMethod::Stratified {
        fits_every_part(frame, target, folds)?;
    }
    let pieces = if by_time { folds + 1 } else { folds };
    let ratios = vec![1.0 / pieces as f64; pieces];
    let dealt = frame.parts(&Split { ratios, method, column, seed: validation.seed })?;
    let first = usize::from(by_time);
    Ok((first..pieces)
        .map(|held_out| {
            let learnt =
                dealt.iter().enumerate().filter(|(part, _)| if by_time { *part < held_out } else { *part != held_out });
            let mut training: Vec<u32> = learnt.flat_map(|(_, rows)| rows).copied().collect();
            training.sort_unstable();
            Part { training, held_out: dealt.get(held_out).cloned().unwrap_or_default() }
        })
        .collect())
}

/// A class with fewer rows than there are parts would be missing from some of them.
fn fits_every_part(frame: &Frame, target: &str, folds: usize) -> Result<(), Fault> {
    let (codes, classes) = frame.labels(target)?;
    let mut counts = vec![0_usize; classes.len()];
    for code in codes {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    match classes.iter().zip(&counts).find(|(_, count)| **count < folds) {
        Some((class, count)) => Err(Fault::invalid(
            "class_too_small",
            format!("the class `{class}` of `{target}` has {count} rows; {folds} parts need {folds} at least"),
        )
        .hint("ask for fewer `folds`, or leave rows of that class out")),
        None => Ok(()),
    }
}

/// One model measured on rows that it did not see.
struct Scored {
    measures: HeadlineMetrics,
    rows: u64,
    seconds: f64,
}

fn score(
    frame: &Frame,
    target: &str,
    specification: &TrainingSpecification,
    part: &Part,
    validation: &CrossValidation,
    control: &dyn Control,
) -> Result<Scored, Fault> {
    let mut specification = specification.clone();
    if let Some(column) = &validation.column
        && column != target
        && !specification.excluded_columns.contains(column)
    {
        specification.excluded_columns.push(column.clone());
    }
    let mut training = frame.take(&part.training)?;
    if validation.row_share < 1.0 {
        let ratios = vec![validation.row_share, 1.0 - validation.row_share];
        let (method, column) = match specification.task {
            Task::Classification => (SplitMethod::Stratified, Some(target.to_owned())),
            _ => (SplitMethod::Random, None),
        };
        let share = training.parts(&Split { ratios, method, column, seed: validation.seed })?;
        training = training.take(share.first().map_or(&[], Vec::as_slice))?;
    }
    let held_out = frame.take(&part.held_out)?;
    let model = train(&training, Some(&held_out), None, &specification, control)?;
    Ok(Scored {
        measures: model.metadata.validation_metrics.unwrap_or_default(),
        rows: model.metadata.training_rows,
        seconds: model.metadata.training_seconds.unwrap_or_default(),
    })
}

/// The measure to score by where nobody chose one: one that every part has.
fn default_metric(task: Task, results: &[Result<Scored, Fault>]) -> ComparisonMetric {
    match task {
        Task::Classification => {
            let ranked = results.iter().flatten().all(|scored| scored.measures.roc_auc.is_some());
            if ranked { ComparisonMetric::RocAuc } else { ComparisonMetric::Accuracy }
        }
        _ => ComparisonMetric::Rmse,
    }
}

fn report(metric: ComparisonMetric, scored: &[Result<Scored, Fault>]) -> CrossValidationReport {
    let well: Vec<&Scored> = scored.iter().flatten().collect();
    let mean_of = |measure: &dyn Fn(&HeadlineMetrics) -> Option<f64>| {
        let values: Option<Vec<f64>> = well.iter().map(|scored| measure(&scored.measures)).collect();
        values.filter(|values| !values.is_empty()).map(|values| mean(&values))
    };
    let measures = HeadlineMetrics {
        accuracy: mean_of(&|measures| measures.accuracy),
        f1: mean_of(&|measures| measures.f1),
        log_loss: mean_of(&|measures| measures.log_loss),
        roc_auc: mean_of(&|measures| measures.roc_auc),
        rmse: mean_of(&|measures| measures.rmse),
        mae: mean_of(&|measures| measures.mae),
        r2: mean_of(&|measures| measures.r2),
        ..HeadlineMetrics::default()
    };
    let scores: Vec<f64> = well.iter().filter_map(|scored| metric.of(&scored.measures)).collect();
    let failure = scored.iter().find_map(|scored| scored.as_ref().err().cloned()).or_else(|| {
        (scores.len() < scored.len()).then(|| {
            Fault::new(
                FaultKind::Failed,
                "metric_undefined",
                format!("`{}` is not defined on every part: it has rows of one class alone", metric.as_str()),
            )
            .hint("choose another `metric`, or fewer `folds`")
        })
    });
    let whole = failure.is_none() && !scores.is_empty();
    CrossValidationReport {
        metric,
        mean: whole.then(|| mean(&scores)),
        deviation: (whole && scores.len() > 1).then(|| deviation(&scores)),
        measures,
        training_rows: well.iter().map(|scored| scored.rows).sum::<u64>() / (well.len().max(1) as u64),
        training_seconds: well.iter().map(|scored| scored.seconds).sum(),
        scores: if whole { scores } else { Vec::new() },
        failure,
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// Passes cancellation on and keeps the progress of single trainings to itself: they run side by side.
struct Quiet<'a>(&'a dyn Control);

impl Control for Quiet<'_> {
    fn report(&self, _done: f64, _total: Option<f64>, _message: &str) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
