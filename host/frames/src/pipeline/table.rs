//! Features from columns, with a target or without.
//!
//! Order of fitting: rows without a target go, then (under `handle_missing: drop`) rows with missing values; what is left is learnt
//! from, column by column, in parallel; the same rows are transformed; features that vary too little or repeat others go last.

use std::collections::HashSet;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::{DataType, ValueCount};
use kumiko_vocabulary::preparation::{
    CategoricalEncoding, DEFAULT_TARGET_FOLDS, EncodeCategorical, FitReport, MissingValues, PreprocessingConfig,
    SupervisedSpecification, TargetSummary, TaskType, UnsupervisedSpecification,
};
use polars::prelude::{BooleanChunked, Column, DataFrame};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::encoding::TargetValues;
use super::treatment::{self, MAXIMUM_ONE_HOT, Treatment};
use super::{Fitted, Learnt, Rows, selection};
use crate::Error;
use crate::frame::{classes, column};
use crate::json;
use crate::numbers::{floats, texts, values_or_nan};
use crate::statistics::Numbers;
use crate::types::data_type;

/// How many classes the report of a fit lists.
const CLASSES_LISTED: usize = 1_000;

/// What becomes of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TablePlan {
    pub(super) target: Option<String>,
    /// Whether rows with missing values are left out.
    pub(super) drop_missing: bool,
    pub(super) columns: Vec<ColumnPlan>,
}

/// What becomes of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ColumnPlan {
    pub(super) name: String,
    pub(super) treatment: Treatment,
    /// The names of what it makes, in order.
    pub(super) outputs: Vec<String>,
    /// Those among the outputs that are left out again, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<(String, String)>,
}

/// Fits with a target.
pub(super) fn fit_supervised(
    frame: &DataFrame,
    specification: &SupervisedSpecification,
    control: &dyn Control,
) -> Result<Fitted, Error> {
    let name = &specification.target_column;
    let config = &specification.preprocessing_config;
    check(frame, config)?;
    if config.passthrough_columns.contains(name) || config.drop_columns.contains(name) {
        return Err(Error::argument(
            "preprocessing_config",
            format!("the target {name:?} can be neither dropped nor passed through"),
        ));
    }
    let present = target_present(column(frame, name)?, specification.task_type)?;
    let (kept, without_target) = filter(frame, &present)?;
    if kept.height() == 0 {
        return Err(Error::NothingInColumn { column: name.clone(), rows: frame.height() });
    }
    let (kept, with_missing) = without_missing(kept, config, Some(name))?;
    let target = column(&kept, name)?;
    let (summary, values) = target_summary(target, specification.task_type, config)?;

    let plan = learn(&kept, config, Some(name), values.as_ref(), control)?;
    control.report(1.0, Some(2.0), "transforming the fitted rows");
    let transformed =
        plan.transform(&kept, |plan, column| plan.fitted(column, values.as_ref(), config.target_smoothing))?;
    let fit = FitReport {
        rows_given: frame.height() as u64,
        rows_kept: kept.height() as u64,
        rows_without_target: without_target as u64,
        rows_with_missing_values: with_missing as u64,
        values_not_finite: not_finite(&kept, &plan)?,
        features: plan.features(),
        target: Some(summary),
    };
    Ok(Fitted { learnt: Learnt::Table(plan), frame: transformed, fit, inputs: None })
}

/// Fits without a target.
pub(super) fn fit_unsupervised(
    frame: &DataFrame,
    specification: &UnsupervisedSpecification,
    control: &dyn Control,
) -> Result<Fitted, Error> {
    let config = &specification.preprocessing_config;
    check(frame, config)?;
    let (kept, with_missing) = without_missing(frame.clone(), config, None)?;
    let mut plan = learn(&kept, config, None, None, control)?;
    control.report(1.0, Some(2.0), "transforming the fitted rows");
    let mut transformed = plan.transform(&kept, |plan, column| plan.fitted(column, None, 0.0))?;
    selection::select(&mut plan, &transformed, specification)?;
    let left_out: HashSet<&String> =
        plan.columns.iter().flat_map(|column| column.left_out.iter().map(|(name, _)| name)).collect();
    if !left_out.is_empty() {
        transformed = transformed.drop_many(left_out.iter().map(|name| name.as_str()));
    }
    let fit = FitReport {
        rows_given: frame.height() as u64,
        rows_kept: kept.height() as u64,
        rows_with_missing_values: with_missing as u64,
        values_not_finite: not_finite(&kept, &plan)?,
        features: plan.features(),
        ..FitReport::default()
    };
    Ok(Fitted { learnt: Learnt::Table(plan), frame: transformed, fit, inputs: None })
}

/// Refuses a configuration that names columns which are not there, or numbers out of range.
fn check(frame: &DataFrame, config: &PreprocessingConfig) -> Result<(), Error> {
    for name in config.categorical_columns.iter().chain(&config.passthrough_columns) {
        column(frame, name)?;
    }
    if !(config.target_smoothing >= 0.0 && config.target_smoothing.is_finite()) {
        return Err(Error::argument("target_smoothing", format!("{} is not 0 or more", config.target_smoothing)));
    }
    if config.handle_missing == MissingValues::Constant
        && !matches!(config.fill_value, None | Some(Value::String(_) | Value::Number(_) | Value::Bool(_)))
    {
        return Err(Error::argument("fill_value", "a number, a text or a boolean was expected"));
    }
    Ok(())
}

/// Which rows have a target.
fn target_present(target: &Column, task: TaskType) -> Result<BooleanChunked, Error> {
    let numeric = matches!(data_type(target.dtype()), DataType::Number);
    match task {
        TaskType::Regression => Ok(!treatment::missing_numbers(&floats(target)?)),
        TaskType::Classification if numeric => Ok(!treatment::missing_numbers(&floats(target)?)),
        TaskType::Classification => {
            texts(target)?;
            Ok(target.is_not_null())
        }
    }
}

/// The rows that the mask keeps, and how many it does not.
fn filter(frame: &DataFrame, keep: &BooleanChunked) -> Result<(DataFrame, usize), Error> {
    let kept = keep.sum().unwrap_or_default() as usize;
    if kept == frame.height() {
        return Ok((frame.clone(), 0));
    }
    Ok((frame.filter(keep)?, frame.height() - kept))
}

/// Under `handle_missing: drop`, the rows that lack no feature.
fn without_missing(
    frame: DataFrame,
    config: &PreprocessingConfig,
    target: Option<&str>,
) -> Result<(DataFrame, usize), Error> {
    let given = frame.height();
    if given == 0 {
        return Err(Error::TooFewRows { purpose: "fitting a pipeline".to_owned(), needed: 1, found: 0 });
    }
    if config.handle_missing != MissingValues::Drop {
        return Ok((frame, 0));
    }
    let masks: Vec<BooleanChunked> = frame
        .columns()
        .par_iter()
        .filter(|column| target != Some(column.name().as_str()) && treatment::is_feature(column, config))
        .map(|column| {
            if treatment::is_category(column, config) {
                Ok(column.is_null())
            } else {
                Ok(treatment::missing_numbers(&floats(column)?))
            }
        })
        .collect::<Result<_, Error>>()?;
    let Some(missing) = masks.into_iter().reduce(|left, right| left | right) else { return Ok((frame, 0)) };
    let (kept, dropped) = filter(&frame, &!missing)?;
    if kept.height() == 0 {
        return Err(Error::TooFewRows {
            purpose: format!("fitting under handle_missing: drop ({dropped} of {given} rows have missing values)"),
            needed: 1,
            found: 0,
        });
    }
    Ok((kept, dropped))
}

/// The target's distribution, and its values where target encoding needs them.
fn target_summary(
    target: &Column,
    task: TaskType,
    config: &PreprocessingConfig,
) -> Result<(TargetSummary, Option<TargetValues>), Error> {
    let encoded = config.encode_categorical == EncodeCategorical::Method(CategoricalEncoding::Target);
    let values = |columns, suffixes| Some(TargetValues::new(columns, suffixes, DEFAULT_TARGET_FOLDS, config.seed));
    if task == TaskType::Regression {
        let numbers = floats(target)?;
        let summary = TargetSummary::Number(Numbers::of_floats(&numbers).summary());
        let values = encoded.then(|| values(vec![values_or_nan(&numbers)], vec![String::new()])).flatten();
        return Ok((summary, values));
    }
    let (codes, names) = classes(target)?;
    if let [class] = names.as_slice() {
        return Err(Error::OneClass { column: target.name().to_string(), class: class.clone() });
    }
    let mut counts = vec![0_u64; names.len()];
    for code in &codes {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let numeric = matches!(data_type(target.dtype()), DataType::Integer | DataType::Number);
    let label = |name: &String| match name.parse::<f64>() {
        Ok(number) if numeric => name.parse::<i64>().map_or_else(|_| json::number(number), Value::from),
        _ => Value::String(name.clone()),
    };
    let listed =
        names.iter().zip(counts).take(CLASSES_LISTED).map(|(name, count)| ValueCount { value: label(name), count });
    let summary = TargetSummary::Classes(listed.collect());
    if !encoded {
        return Ok((summary, None));
    }
    if names.len() > MAXIMUM_ONE_HOT {
        let (column, found) = (target.name().to_string(), names.len());
        return Err(Error::TooManyCategories { column, found, limit: MAXIMUM_ONE_HOT, purpose: "target encoding" });
    }
    let columns =
        (1..names.len() as u32).map(|class| codes.iter().map(|code| f64::from(u8::from(*code == class))).collect());
    let suffixes = match names.as_slice() {
        [_, _] => vec![String::new()],
        names => names.iter().skip(1).map(|name| format!("_{name}")).collect(),
    };
    Ok((summary, values(columns.collect(), suffixes)))
}

/// Learns from every column but the target.
fn learn(
    frame: &DataFrame,
    config: &PreprocessingConfig,
    target: Option<&str>,
    values: Option<&TargetValues>,
    control: &dyn Control,
) -> Result<TablePlan, Error> {
    control.report(0.0, Some(2.0), "learning from the columns");
    let learnt: Vec<(&Column, Treatment)> = frame
        .columns()
        .par_iter()
        .filter(|column| target != Some(column.name().as_str()))
        .map(|column| {
            if control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            Ok((column, treatment::learn(column, config, values)?))
        })
        .collect::<Result<_, _>>()?;
    let passed = learnt
        .iter()
        .filter(|(_, treatment)| *treatment == Treatment::Passthrough)
        .map(|(column, _)| column.name().to_string());
    let mut taken: HashSet<String> = target.map(str::to_owned).into_iter().chain(passed).collect();
    let columns: Vec<ColumnPlan> = learnt
        .into_iter()
        .map(|(column, treatment)| {
            let name = column.name().to_string();
            let outputs = match &treatment {
                Treatment::Dropped { .. } => Vec::new(),
                Treatment::Passthrough => vec![name.clone()],
                Treatment::Category(encoding) => {
                    encoding.suffixes().iter().map(|suffix| unique(format!("{name}{suffix}"), &mut taken)).collect()
                }
                _ => vec![unique(name.clone(), &mut taken)],
            };
            ColumnPlan { name, treatment, outputs, left_out: Vec::new() }
        })
        .collect();
    Ok(TablePlan {
        target: target.map(str::to_owned),
        drop_missing: config.handle_missing == MissingValues::Drop,
        columns,
    })
}

/// A name that no other output has: a category can be called what a column is called.
fn unique(name: String, taken: &mut HashSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    candidate
}

fn not_finite(frame: &DataFrame, plan: &TablePlan) -> Result<u64, Error> {
    let counts =
        plan.columns.par_iter().filter(|plan| matches!(plan.treatment, Treatment::Number { .. })).map(|plan| {
            let column = column(frame, &plan.name)?;
            if data_type(column.dtype()) != DataType::Number {
                return Ok(0);
            }
            let count = floats(column)?.iter().flatten().filter(|value| !value.is_finite()).count();
            Ok(count as u64)
        });
    Ok(counts.collect::<Result<Vec<u64>, Error>>()?.into_iter().sum())
}

impl ColumnPlan {
    /// The columns made of a column of the frame that was learnt from.
    fn fitted(&self, column: &Column, target: Option<&TargetValues>, smoothing: f64) -> Result<Vec<Column>, Error> {
        match &self.treatment {
            Treatment::Category(encoding) => {
                encoding.apply_to_fitted(texts(column)?.as_ref(), &self.outputs, target, smoothing)
            }
            treatment => treatment.apply(column, &self.outputs),
        }
    }

    /// The columns made of a column of another frame.
    fn apply(&self, column: &Column) -> Result<Vec<Column>, Error> {
        let mut made = self.treatment.apply(column, &self.outputs)?;
        made.retain(|column| !self.left_out.iter().any(|(name, _)| column.name() == name.as_str()));
        Ok(made)
    }
}

impl TablePlan {
    /// How many features come out.
    fn features(&self) -> u64 {
        let of = |column: &ColumnPlan| match column.treatment {
            Treatment::Passthrough => 0,
            _ => column.outputs.len() - column.left_out.len(),
        };
        self.columns.iter().map(|column| of(column) as u64).sum()
    }

    /// The columns that are read.
    fn read(&self) -> impl Iterator<Item = &ColumnPlan> {
        self.columns.iter().filter(|plan| !matches!(plan.treatment, Treatment::Dropped { .. }))
    }

    /// Transforms a frame that was not learnt from.
    pub(super) fn apply(&self, frame: &DataFrame, rows: Rows) -> Result<DataFrame, Error> {
        if !self.drop_missing || rows == Rows::All {
            return self.transform(frame, ColumnPlan::apply);
        }
        let mut missing: Option<BooleanChunked> = None;
        for plan in self.read() {
            if let Some(mask) = plan.treatment.missing(column(frame, &plan.name)?)? {
                missing = Some(missing.map_or(mask.clone(), |missing| missing | mask));
            }
        }
        match missing {
            Some(missing) => self.transform(&filter(frame, &!missing)?.0, ColumnPlan::apply),
            None => self.transform(frame, ColumnPlan::apply),
        }
    }

    fn transform(
        &self,
        frame: &DataFrame,
        make: impl Fn(&ColumnPlan, &Column) -> Result<Vec<Column>, Error> + Sync,
    ) -> Result<DataFrame, Error> {
        let sources: Vec<(&ColumnPlan, &Column)> =
            self.read().map(|plan| Ok((plan, column(frame, &plan.name)?))).collect::<Result<_, Error>>()?;
        let made: Vec<Vec<Column>> =
            sources.into_par_iter().map(|(plan, column)| make(plan, column)).collect::<Result<_, _>>()?;
        let mut columns: Vec<Column> = made.into_iter().flatten().collect();
        if let Some(target) = &self.target
            && frame.get_column_index(target).is_some()
        {
            columns.push(column(frame, target)?.clone());
        }
        Ok(DataFrame::new(frame.height(), columns)?)
    }
}
