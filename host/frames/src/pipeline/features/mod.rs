//! Columns made from columns, step after step.
//!
//! Fitting runs each step on what the steps before it made: first it learns what the step needs (edges of bins, exponents,
//! statistics of groups), then it adds the columns. Applying adds them by what was learnt.

mod dates;
mod groups;
mod numeric;
mod power;
mod windows;
mod words;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::DataType;
use kumiko_vocabulary::preparation::{ColumnDescription, ColumnRole, FeatureEngineering, FeatureStep, FitReport};
use polars::prelude::{Column, DataFrame};
use serde::{Deserialize, Serialize};

use super::exact::Exact;
use super::{Fitted, Learnt};
use crate::frame::column;
use crate::types::data_type;
use crate::{Error, sql};

/// The name of the table in a `sql` step.
const TABLE: &str = "data";

/// A step and what it learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LearntStep {
    step: FeatureStep,
    learnt: Knowledge,
    /// The columns that it added.
    added: Vec<String>,
}

/// What a step learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Knowledge {
    Nothing,
    /// The inner edges of the bins of each column.
    Edges(Vec<Vec<Exact>>),
    /// The exponent of each column.
    Exponents(Vec<Exact>),
    Groups(groups::GroupStatistics),
}

/// Fits all steps.
pub(super) fn fit(
    frame: &DataFrame,
    specification: &FeatureEngineering,
    control: &dyn Control,
) -> Result<Fitted, Error> {
    if specification.steps.is_empty() {
        return Err(Error::argument("steps", "at least one step was expected"));
    }
    let mut current = frame.clone();
    let mut steps = Vec::new();
    for (index, step) in specification.steps.iter().enumerate() {
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let total = specification.steps.len();
        control.report(index as f64, Some(total as f64), &format!("step {} of {total}: {}", index + 1, name(step)));
        let learnt = learn(step, &current)?;
        let before: Vec<String> = names(&current);
        current = run(step, &learnt, &current)?;
        let added = names(&current).into_iter().filter(|name| !before.contains(name)).collect();
        steps.push(LearntStep { step: step.clone(), learnt, added });
    }
    let fit = FitReport {
        rows_given: frame.height() as u64,
        rows_kept: current.height() as u64,
        features: current.width() as u64,
        ..FitReport::default()
    };
    // A query can read any column, so then all are inputs; otherwise those that steps name and the frame has.
    let queries = specification.steps.iter().any(|step| matches!(step, FeatureStep::Sql { .. }));
    let read: Vec<String> = specification.steps.iter().flat_map(sources).cloned().collect();
    Ok(Fitted { learnt: Learnt::Features(steps), frame: current, fit, inputs: (!queries).then_some(read) })
}

/// Applies all steps.
pub(super) fn apply(frame: &DataFrame, steps: &[LearntStep]) -> Result<DataFrame, Error> {
    let mut current = frame.clone();
    for step in steps {
        current = run(&step.step, &step.learnt, &current)?;
    }
    Ok(current)
}

fn names(frame: &DataFrame) -> Vec<String> {
    frame.columns().iter().map(|column| column.name().to_string()).collect()
}

fn learn(step: &FeatureStep, frame: &DataFrame) -> Result<Knowledge, Error> {
    Ok(match step {
        FeatureStep::Binning { columns, bins, method } => Knowledge::Edges(
            columns
                .iter()
                .map(|name| numeric::edges(column(frame, name)?, *bins, *method))
                .collect::<Result<_, _>>()?,
        ),
        FeatureStep::Power { columns, method } => {
            let exponents = columns.iter().map(|name| power::exponent(column(frame, name)?, *method).map(Exact));
            Knowledge::Exponents(exponents.collect::<Result<_, _>>()?)
        }
        FeatureStep::GroupAggregates { by, columns, functions } => {
            Knowledge::Groups(groups::learn(frame, by, columns, functions)?)
        }
        _ => Knowledge::Nothing,
    })
}

fn run(step: &FeatureStep, learnt: &Knowledge, frame: &DataFrame) -> Result<DataFrame, Error> {
    let each = |names: &[String], make: &dyn Fn(&Column) -> Result<Vec<Column>, Error>| -> Result<Vec<Column>, Error> {
        if names.is_empty() {
            return Err(Error::argument("columns", "at least one column was expected"));
        }
        let made = names.iter().map(|name| make(column(frame, name)?));
        Ok(made.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
    };
    let added = match (step, learnt) {
        (FeatureStep::Sql { query }, _) => return sql::run(query, std::iter::once((TABLE, frame))),
        (FeatureStep::Drop { columns }, _) => {
            columns.iter().try_for_each(|name| column(frame, name).map(|_| ()))?;
            return Ok(frame.drop_many(columns));
        }
        (FeatureStep::Polynomial { columns, degree }, _) => {
            within("degree", *degree, 2, 8)?;
            each(columns, &|column| numeric::powers(column, *degree))?
        }
        (FeatureStep::Interactions { columns }, _) => numeric::products(frame, columns)?,
        (FeatureStep::Logarithm { columns }, _) => {
            each(columns, &|column| numeric::logarithm(column).map(|column| vec![column]))?
        }
        (FeatureStep::Cyclical { column: name, period, part }, _) => {
            dates::cyclical(column(frame, name)?, *period, *part)?
        }
        (FeatureStep::DateParts { columns, parts }, _) => each(columns, &|column| dates::parts(column, parts))?,
        (FeatureStep::Binning { columns, .. }, Knowledge::Edges(edges)) => {
            let binned = columns.iter().zip(edges).map(|(name, edges)| numeric::binned(column(frame, name)?, edges));
            binned.collect::<Result<_, _>>()?
        }
        (FeatureStep::Power { columns, method }, Knowledge::Exponents(exponents)) => {
            let transformed = columns
                .iter()
                .zip(exponents)
                .map(|(name, exponent)| power::transform(column(frame, name)?, exponent.0, *method));
            transformed.collect::<Result<_, _>>()?
        }
        (FeatureStep::GroupAggregates { by, columns, functions }, Knowledge::Groups(learnt)) => {
            groups::apply(frame, by, columns, functions, learnt)?
        }
        (FeatureStep::Lags { columns, offsets, by, order_by }, _) => {
            let order = windows::Order::of(frame, by, order_by.as_deref())?;
            each(columns, &|column| windows::lags(column, offsets, &order))?
        }
        (FeatureStep::Rolling { columns, window, functions, minimum_rows, by, order_by }, _) => {
            within("window", *window, 1, 100_000)?;
            let order = windows::Order::of(frame, by, order_by.as_deref())?;
            each(columns, &|column| {
                windows::rolling(column, *window as usize, *minimum_rows as usize, functions, &order)
            })?
        }
        (FeatureStep::HashedText { columns, buckets }, _) => {
            within("buckets", *buckets, 1, 4_096)?;
            each(columns, &|column| words::hashed(column, *buckets as usize))?
        }
        (FeatureStep::Binning { .. } | FeatureStep::Power { .. } | FeatureStep::GroupAggregates { .. }, _) => {
            return Err(Error::NotAPipeline {
                name: "the pipeline".to_owned(),
                detail: format!("the step {} has not learnt what it needs", name(step)),
            });
        }
    };
    let mut result = frame.clone();
    for column in added {
        if result.get_column_index(column.name()).is_some() {
            return Err(Error::NameTaken {
                operation: format!("the step {}", name(step)),
                column: column.name().to_string(),
            });
        }
        result.with_column(column)?;
    }
    Ok(result)
}

fn within(argument: &str, value: u32, least: u32, most: u32) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::argument(argument, format!("{value} is not from {least} to {most}")))
    }
}

/// A name for a column that a step adds.
fn named(column: &Column, suffix: &str) -> polars::prelude::PlSmallStr {
    format!("{}_{suffix}", column.name()).into()
}

/// The columns that a step reads.
fn sources(step: &FeatureStep) -> Vec<&String> {
    match step {
        FeatureStep::Polynomial { columns, .. }
        | FeatureStep::Interactions { columns }
        | FeatureStep::DateParts { columns, .. }
        | FeatureStep::Binning { columns, .. }
        | FeatureStep::Logarithm { columns }
        | FeatureStep::Power { columns, .. }
        | FeatureStep::HashedText { columns, .. }
        | FeatureStep::Drop { columns } => columns.iter().collect(),
        FeatureStep::Cyclical { column, .. } => vec![column],
        FeatureStep::GroupAggregates { by, columns, .. } => by.iter().chain(columns).collect(),
        FeatureStep::Lags { columns, by, order_by, .. } | FeatureStep::Rolling { columns, by, order_by, .. } => {
            columns.iter().chain(by).chain(order_by).collect()
        }
        FeatureStep::Sql { .. } => Vec::new(),
    }
}

fn name(step: &FeatureStep) -> &'static str {
    match step {
        FeatureStep::Polynomial { .. } => "polynomial",
        FeatureStep::Interactions { .. } => "interactions",
        FeatureStep::DateParts { .. } => "date_parts",
        FeatureStep::Cyclical { .. } => "cyclical",
        FeatureStep::Binning { .. } => "binning",
        FeatureStep::Logarithm { .. } => "logarithm",
        FeatureStep::Power { .. } => "power",
        FeatureStep::GroupAggregates { .. } => "group_aggregates",
        FeatureStep::Lags { .. } => "lags",
        FeatureStep::Rolling { .. } => "rolling",
        FeatureStep::HashedText { .. } => "hashed_text",
        FeatureStep::Sql { .. } => "sql",
        FeatureStep::Drop { .. } => "drop",
    }
}

impl LearntStep {
    /// What the step does with each column that it reads.
    pub(super) fn describe(&self) -> Vec<ColumnDescription> {
        let role = if matches!(self.step, FeatureStep::Drop { .. }) { ColumnRole::Dropped } else { ColumnRole::Source };
        let exponents = if let Knowledge::Exponents(exponents) = &self.learnt { exponents.as_slice() } else { &[] };
        let sources = sources(&self.step);
        sources
            .iter()
            .enumerate()
            .map(|(index, source)| {
                let mut treatment = name(&self.step).to_owned();
                if let Some(exponent) = exponents.get(index) {
                    treatment.push_str(&format!(" with exponent {}", exponent.0));
                }
                if let Knowledge::Edges(edges) = &self.learnt
                    && let Some(edges) = edges.get(index)
                {
                    let edges: Vec<String> = edges.iter().map(|edge| edge.0.to_string()).collect();
                    treatment.push_str(&format!(" with edges {}", edges.join(", ")));
                }
                let prefix = format!("{source}_");
                let outputs = self
                    .added
                    .iter()
                    .filter(|added| sources.len() == 1 || added.starts_with(&prefix))
                    .cloned()
                    .collect();
                ColumnDescription { name: (*source).clone(), role, treatment, outputs }
            })
            .collect()
    }
}

/// Refuses a column that is not text.
fn only_text(column: &Column) -> Result<(), Error> {
    let kind = data_type(column.dtype());
    if matches!(kind, DataType::Text | DataType::Null) {
        return Ok(());
    }
    Err(Error::ColumnType {
        column: column.name().to_string(),
        expected: "text".to_owned(),
        found: crate::types::in_words(kind).to_owned(),
    })
}
