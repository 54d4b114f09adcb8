//! A forest's hyperparameters, by scikit-learn's names and defaults.

use kumiko_vocabulary::learning::{Algorithm, Task};
use serde_json::{Map, Value};

use crate::class_weights::ClassWeights;
use crate::error::Error;
use crate::hyperparameters::{Hyperparameters, as_whole};

use super::grow::Limits;

/// Trees at most: past some hundreds a forest gains nothing, and this many would fill gigabytes.
const MOST_TREES: usize = 10_000;
/// Levels at most: no tree on 2³² rows needs more, and it bounds nothing that a tree needs.
const MOST_LEVELS: usize = 1_000_000;

/// What a forest is grown by.
pub(super) struct Settings {
    trees: usize,
    depth: Option<usize>,
    rows_to_split: Share,
    rows_in_leaf: Share,
    columns: Columns,
    bootstrap: bool,
    draws: Option<Share>,
    out_of_bag: bool,
    class_weights: ClassWeights,
}

/// So many, or a fraction of all.
#[derive(Clone, Copy)]
enum Share {
    Count(usize),
    Fraction(f64),
}

impl Share {
    fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Fraction(fraction) => (fraction * all as f64).ceil() as usize,
        }
    }
}

#[derive(Clone, Copy)]
enum Columns {
    All,
    SquareRoot,
    Logarithm,
    Some(Share),
}

impl Settings {
    /// Reads the hyperparameters; also gives them as they are used.
    pub(super) fn read(task: Task, given: &Map<String, Value>) -> Result<(Self, Map<String, Value>), Error> {
        let mut known = vec![
            "n_estimators",
            "criterion",
            "max_depth",
            "min_samples_split",
            "min_samples_leaf",
            "max_features",
            "bootstrap",
            "max_samples",
            "oob_score",
        ];
        let (criterion, columns) = if task == Task::Classification {
            ("gini", Value::from("sqrt"))
        } else {
            ("squared_error", Value::from(1.0))
        };
        if task == Task::Classification {
            known.push("class_weight");
        }
        let mut reader = Hyperparameters::new(Algorithm::RandomForest, given, &known)?;
        let trees = reader.whole("n_estimators", 100, 1..=MOST_TREES)?;
        let one = |value: &Value| (value.as_str() == Some(criterion)).then_some(());
        reader.own("criterion", Value::from(criterion), one, &format!("\"{criterion}\""))?;
        let depth = reader.optional_whole("max_depth", 1..=MOST_LEVELS)?;
        let rows_to_split = reader.own(
            "min_samples_split",
            Value::from(2),
            |value| share(value, 2),
            "a whole number from 2, or a fraction of the rows above 0 and below 1",
        )?;
        let rows_in_leaf = reader.own(
            "min_samples_leaf",
            Value::from(1),
            |value| share(value, 1),
            "a whole number from 1, or a fraction of the rows above 0 and below 1",
        )?;
        let columns = reader.own(
            "max_features",
            columns,
            read_columns,
            "\"sqrt\", \"log2\", null for all, a whole number from 1, or a fraction above 0 and up to 1 (1.0 is all)",
        )?;
        let bootstrap = reader.flag("bootstrap", true)?;
        let draws = reader.own(
            "max_samples",
            Value::Null,
            |value| {
                if value.is_null() {
                    Some(None)
                } else {
                    fraction_up_to_one(value).or_else(|| share(value, 1)).map(Some)
                }
            },
            "null for as many as there are rows, a whole number from 1, or a fraction above 0 and up to 1",
        )?;
        if draws.is_some() && !bootstrap {
            return Err(reader.refuse("max_samples", "null where `bootstrap` is false".to_owned()));
        }
        let out_of_bag = reader.flag("oob_score", false)?;
        if out_of_bag && !bootstrap {
            return Err(
                reader.refuse("oob_score", "false where `bootstrap` is false: no row is out of any bag".to_owned())
            );
        }
        let class_weights =
            if task == Task::Classification { ClassWeights::read(&mut reader)? } else { ClassWeights::Even };
        let settings =
            Self { trees, depth, rows_to_split, rows_in_leaf, columns, bootstrap, draws, out_of_bag, class_weights };
        Ok((settings, reader.used()))
    }

    pub(super) fn trees(&self) -> usize {
        self.trees
    }

    pub(super) fn bootstrap(&self) -> bool {
        self.bootstrap
    }

    pub(super) fn out_of_bag(&self) -> bool {
        self.out_of_bag
    }

    pub(super) fn class_weights(&self) -> &ClassWeights {
        &self.class_weights
    }

    /// Rows drawn for a tree.
    pub(super) fn draws(&self, rows: usize) -> usize {
        self.draws.map_or(rows, |draws| draws.of(rows)).clamp(1, rows.max(1))
    }

    pub(super) fn limits(&self, rows: usize, columns: usize) -> Limits {
        let drawn = match self.columns {
            Columns::All => columns,
            Columns::SquareRoot => (columns as f64).sqrt() as usize,
            Columns::Logarithm => (columns as f64).log2() as usize,
            Columns::Some(Share::Count(count)) => count,
            Columns::Some(Share::Fraction(fraction)) => (fraction * columns as f64) as usize,
        };
        Limits {
            depth: self.depth.unwrap_or(usize::MAX),
            rows_to_split: self.rows_to_split.of(rows).max(2),
            rows_in_leaf: self.rows_in_leaf.of(rows).max(1),
            columns: drawn.clamp(1, columns.max(1)),
        }
    }
}

fn fraction(value: &Value) -> Option<Share> {
    value.as_f64().filter(|number| *number > 0.0 && *number < 1.0).map(Share::Fraction)
}

/// As scikit-learn tells them apart: 1.0 is all, 1 is one.
fn fraction_up_to_one(value: &Value) -> Option<Share> {
    if value.is_f64() && value.as_f64() == Some(1.0) { Some(Share::Fraction(1.0)) } else { fraction(value) }
}

fn share(value: &Value, least: usize) -> Option<Share> {
    fraction(value).or_else(|| as_whole(value).filter(|whole| *whole >= least).map(Share::Count))
}

fn read_columns(value: &Value) -> Option<Columns> {
    match value {
        Value::Null => Some(Columns::All),
        Value::String(text) => match text.as_str() {
            "sqrt" => Some(Columns::SquareRoot),
            "log2" => Some(Columns::Logarithm),
            _ => None,
        },
        _ => fraction_up_to_one(value).or_else(|| share(value, 1)).map(Columns::Some),
    }
}
