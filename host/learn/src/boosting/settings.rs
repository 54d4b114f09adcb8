//! The hyperparameters of gradient boosting, by xgboost's names and defaults.

use std::collections::HashMap;

use kumiko_vocabulary::learning::{Algorithm, Task};
use serde_json::{Map, Value};

use crate::class_weights::ClassWeights;
use crate::data::nearest;
use crate::error::Error;
use crate::hyperparameters::Hyperparameters;

use super::objective::Objective;

/// Rounds at most.
const MOST_ROUNDS: usize = 100_000;
/// Leaves of a tree at most: a row's leaf is kept in 16 bits.
pub(super) const MOST_LEAVES: usize = 65_536;
/// Levels at most.
const MOST_LEVELS: usize = 65_535;
/// xgboost bounds the steps of `count:poisson` by this unless told otherwise.
const POISSON_STEP: f64 = 0.7;

const KNOWN: [&str; 26] = [
    "objective",
    "n_estimators",
    "learning_rate",
    "eta",
    "max_depth",
    "max_leaves",
    "grow_policy",
    "max_bin",
    "gamma",
    "min_split_loss",
    "min_child_weight",
    "max_delta_step",
    "subsample",
    "colsample_bytree",
    "colsample_bylevel",
    "colsample_bynode",
    "reg_lambda",
    "lambda",
    "reg_alpha",
    "alpha",
    "base_score",
    "early_stopping_rounds",
    "monotone_constraints",
    "categorical_features",
    "max_cat_to_onehot",
    "max_cat_threshold",
];

/// What trees are grown by.
pub(super) struct Settings {
    pub(super) objective: Objective,
    pub(super) rounds: usize,
    pub(super) learning_rate: f64,
    /// Levels of questions at most.
    pub(super) depth: usize,
    pub(super) leaves: usize,
    pub(super) best_first: bool,
    /// Bins for values.
    pub(super) bins: usize,
    pub(super) penalty: Penalty,
    pub(super) row_share: f64,
    pub(super) column_share: ColumnShare,
    pub(super) base_score: Option<f64>,
    pub(super) patience: Option<usize>,
    pub(super) positive_weight: f64,
    pub(super) class_weights: ClassWeights,
    monotone: HashMap<String, i8>,
    categorical: Vec<String>,
    pub(super) one_hot_below: usize,
    pub(super) most_categories: usize,
}

/// What keeps leaves and splits modest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Penalty {
    /// Added to the sum of second derivatives.
    pub(super) lambda: f64,
    /// Taken off the sum of first derivatives.
    pub(super) alpha: f64,
    /// What a split must gain.
    pub(super) gamma: f64,
    /// Sum of second derivatives that a child needs.
    pub(super) child_weight: f64,
    /// Bound of a leaf's value before the learning rate; 0 for none.
    pub(super) step: f64,
}

/// The shares of columns drawn, one within the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnShare {
    pub(super) tree: f64,
    pub(super) level: f64,
    pub(super) node: f64,
}

impl Settings {
    /// Reads the hyperparameters; also gives them as they are used.
    pub(super) fn read(task: Task, given: &Map<String, Value>) -> Result<(Self, Map<String, Value>), Error> {
        let mut known = KNOWN.to_vec();
        if task == Task::Classification {
            known.extend(["scale_pos_weight", "class_weight"]);
        }
        let mut reader = Hyperparameters::new(Algorithm::Xgboost, given, &known)?;
        let (default, listed) = Objective::listed(task);
        let objective = reader.own(
            "objective",
            Value::from(default),
            |value| value.as_str().and_then(|name| Objective::named(task, name)),
            listed,
        )?;
        let rounds = reader.whole("n_estimators", 100, 1..=MOST_ROUNDS)?;
        let rate = |rate: f64| rate > 0.0 && rate <= 1.0;
        let learning_rate = alias(&mut reader, given, "learning_rate", "eta", |reader, name| {
            reader.number(name, 0.3, rate, "a number above 0 and up to 1")
        })?;
        let best_first = reader.own(
            "grow_policy",
            Value::from("depthwise"),
            |value| match value.as_str() {
                Some("depthwise") => Some(false),
                Some("lossguide") => Some(true),
                _ => None,
            },
            "\"depthwise\" or \"lossguide\"",
        )?;
        let depth = reader.whole("max_depth", 6, 0..=MOST_LEVELS)?;
        let leaves = reader.whole("max_leaves", 0, 0..=MOST_LEAVES)?;
        let bins = reader.whole("max_bin", 256, 3..=256)? - 1;
        let not_negative = |number: f64| number >= 0.0;
        let mut bounded = |name: &str, other: Option<&str>, default: f64| {
            let read = |reader: &mut Hyperparameters<'_>, name: &str| {
                reader.number(name, default, not_negative, "a number of zero or more")
            };
            match other {
                Some(other) => alias(&mut reader, given, name, other, read),
                None => read(&mut reader, name),
            }
        };
        let step = if objective == Objective::Poisson { POISSON_STEP } else { 0.0 };
        let penalty = Penalty {
            lambda: bounded("reg_lambda", Some("lambda"), 1.0)?,
            alpha: bounded("reg_alpha", Some("alpha"), 0.0)?,
            gamma: bounded("gamma", Some("min_split_loss"), 0.0)?,
            child_weight: bounded("min_child_weight", None, 1.0)?,
            step: bounded("max_delta_step", None, step)?,
        };
        let share = |number: f64| number > 0.0 && number <= 1.0;
        let mut share = |name: &str| reader.number(name, 1.0, share, "a number above 0 and up to 1");
        let row_share = share("subsample")?;
        let column_share = ColumnShare {
            tree: share("colsample_bytree")?,
            level: share("colsample_bylevel")?,
            node: share("colsample_bynode")?,
        };
        let (base_score, patience) =
            (base_score(&mut reader, objective)?, { reader.optional_whole("early_stopping_rounds", 1..=MOST_ROUNDS)? });
        let (positive_weight, class_weights) = match task {
            Task::Classification => (
                reader.number("scale_pos_weight", 1.0, |weight| weight > 0.0, "a number above zero")?,
                ClassWeights::read(&mut reader)?,
            ),
            _ => (1.0, ClassWeights::Even),
        };
        let monotone = reader.own(
            "monotone_constraints",
            Value::Object(Map::new()),
            read_monotone,
            "an object of column names with -1 (falling), 0 or 1 (rising)",
        )?;
        let categorical = reader.own(
            "categorical_features",
            Value::Array(Vec::new()),
            |value| value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>(),
            "a list of column names",
        )?;
        let settings = Self {
            objective,
            rounds,
            learning_rate,
            depth: if depth == 0 { usize::MAX } else { depth },
            leaves: if leaves == 0 { MOST_LEAVES } else { leaves.max(2) },
            best_first,
            bins,
            penalty,
            row_share,
            column_share,
            base_score,
            patience,
            positive_weight,
            class_weights,
            monotone,
            categorical,
            one_hot_below: reader.whole("max_cat_to_onehot", 4, 1..=256)?,
            most_categories: reader.whole("max_cat_threshold", 64, 1..=256)?,
        };
        Ok((settings, reader.used()))
    }

    /// For each column −1, 0 or 1, and whether it holds categories. A name that no column has is refused.
    pub(super) fn by_column(&self, names: &[String]) -> Result<(Vec<i8>, Vec<bool>), Error> {
        let position = |name: &String, parameter: &str| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                let advice = nearest(name, names.iter().map(String::as_str))
                    .map_or_else(String::new, |known| format!("; is `{known}` meant?"));
                Error::HyperparameterValue {
                    algorithm: Algorithm::Xgboost,
                    name: parameter.to_owned(),
                    value: format!("about `{name}`"),
                    expected: format!("feature columns of the training data{advice}"),
                }
            })
        };
        let mut monotone = vec![0; names.len()];
        let mut sorted: Vec<_> = self.monotone.iter().collect();
        sorted.sort();
        for (name, direction) in sorted {
            if let Some(slot) = monotone.get_mut(position(name, "monotone_constraints")?) {
                *slot = *direction;
            }
        }
        let mut categorical = vec![false; names.len()];
        for name in &self.categorical {
            let column = position(name, "categorical_features")?;
            if let Some(slot) = categorical.get_mut(column) {
                *slot = true;
            }
            if monotone.get(column).is_some_and(|direction| *direction != 0) {
                return Err(Error::HyperparameterValue {
                    algorithm: Algorithm::Xgboost,
                    name: "monotone_constraints".to_owned(),
                    value: format!("about `{name}`"),
                    expected: "columns that are not among `categorical_features`: categories have no order".to_owned(),
                });
            }
        }
        Ok((monotone, categorical))
    }
}

/// Reads a hyperparameter that has two names; both at once are refused.
fn alias<T>(
    reader: &mut Hyperparameters<'_>,
    given: &Map<String, Value>,
    name: &str,
    other: &str,
    read: impl Fn(&mut Hyperparameters<'_>, &str) -> Result<T, Error>,
) -> Result<T, Error> {
    match (given.contains_key(name), given.contains_key(other)) {
        (true, true) => Err(reader.refuse(other, format!("absent where `{name}` is given: they are one"))),
        (false, true) => read(reader, other),
        _ => read(reader, name),
    }
}

fn base_score(reader: &mut Hyperparameters<'_>, objective: Objective) -> Result<Option<f64>, Error> {
    let (holds, expected): (fn(f64) -> bool, &str) = match objective {
        Objective::Logistic => (|score| score > 0.0 && score < 1.0, "null, or a probability above 0 and below 1"),
        Objective::Poisson => (|score| score > 0.0, "null, or a number above zero"),
        _ => (f64::is_finite, "null, or a finite number"),
    };
    let read = |value: &Value| match value {
        Value::Null => Some(None),
        value => value.as_f64().filter(|score| holds(*score)).map(Some),
    };
    reader.own("base_score", Value::Null, read, expected)
}

fn read_monotone(value: &Value) -> Option<HashMap<String, i8>> {
    value
        .as_object()?
        .iter()
        .map(|(name, direction)| {
            let direction = direction.as_f64().filter(|number| [-1.0, 0.0, 1.0].contains(number))?;
            Some((name.clone(), direction as i8))
        })
        .collect()
}
