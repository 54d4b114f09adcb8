//! What kernels read and write: columns of numbers, targets, predictions; and the checks that come before any arithmetic.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use kumiko_vocabulary::learning::Task;
use rayon::prelude::*;

use crate::error::Error;

/// Rows at most: positions of rows are kept in 32 bits.
const MOST_ROWS: usize = u32::MAX as usize;
/// Rows that threads are worth waking for.
const ROWS_FOR_THREADS: usize = 256;
/// Names more alike than this (Jaro-Winkler, 0 to 1) are suggested for one another.
const SUGGESTION_LIKENESS: f64 = 0.8;

/// Columns of numbers of equal length. NaN is a missing value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// The columns' names, all different.
    pub names: Vec<String>,
    /// The columns, one entry for each row.
    pub columns: Vec<Vec<f32>>,
}

/// The known answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class for each row, by its position in `classes`.
    Classes {
        /// Positions in `classes`.
        codes: Vec<u32>,
        /// The classes' names, all different.
        classes: Vec<String>,
    },
    /// A number for each row.
    Values(Vec<f64>),
    /// No answers: clustering and dimensionality reduction do without.
    None,
}

/// Rows with known answers, or with none where the task needs none.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingData {
    /// What is known of each row.
    pub features: Features,
    /// The answers.
    pub target: Target,
    /// How much each row counts; without it all count the same.
    pub weights: Option<Vec<f32>>,
}

/// What a model says of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Classes with their probabilities.
    Classes {
        /// The likeliest class of each row, by its position among the model's classes; the first of equals.
        codes: Vec<u32>,
        /// For each class the probability of each row.
        probabilities: Vec<Vec<f32>>,
    },
    /// A number for each row.
    Values(Vec<f64>),
    /// Clusters.
    Clusters {
        /// The cluster of each row, from 0; −1 for a row in none (noise).
        codes: Vec<i32>,
        /// For each cluster the probability of each row, from algorithms that have such.
        probabilities: Option<Vec<Vec<f32>>>,
    },
    /// For each new column the number of each row.
    Components(Vec<Vec<f32>>),
}

impl Features {
    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Columns of equal length, as many as names, no name twice, not too many rows. `what` names the data in the error.
    pub(crate) fn check_shape(&self, what: &str) -> Result<(), Error> {
        self.check_lengths(what)?;
        check_names(&self.names)
    }

    /// The same without a look at the names.
    pub(crate) fn check_lengths(&self, what: &str) -> Result<(), Error> {
        if self.names.len() != self.columns.len() {
            return Err(Error::Length {
                what: format!("the list of names of {what}"),
                expected: self.columns.len(),
                found: self.names.len(),
            });
        }
        if self.columns.is_empty() {
            return Err(Error::NoFeatures);
        }
        let rows = self.rows();
        if rows > MOST_ROWS {
            return Err(Error::Rows { what: what.to_owned(), rows, expected: "fewer than 2³²" });
        }
        for (name, column) in self.names.iter().zip(&self.columns) {
            if column.len() != rows {
                return Err(Error::Length {
                    what: format!("the column `{name}` of {what}"),
                    expected: rows,
                    found: column.len(),
                });
            }
        }
        Ok(())
    }

    /// No column has an infinite value.
    pub(crate) fn check_finite<N: AsRef<str> + Sync>(names: &[N], columns: &[&[f32]], what: &str) -> Result<(), Error> {
        let find = |(name, column): (&'_ N, &&[f32])| {
            // A block is looked through without a branch for each value.
            let is_found = |block: &[f32]| block.iter().fold(false, |found, value| found | value.is_infinite());
            let before =
                column.chunks(ROWS_FOR_THREADS).take_while(|block| !is_found(block)).count() * ROWS_FOR_THREADS;
            let row = before + column.iter().skip(before).position(|value| value.is_infinite())?;
            Some((name.as_ref().to_owned(), row))
        };
        // A few rows are looked through sooner than a thread wakes up.
        let infinite = if columns.first().is_some_and(|column| column.len() < ROWS_FOR_THREADS) {
            names.iter().zip(columns).find_map(find)
        } else {
            names.par_iter().zip(columns).find_map_first(find)
        };
        match infinite {
            Some((column, row)) => Err(Error::InfiniteFeature { what: what.to_owned(), column, row }),
            None => Ok(()),
        }
    }

    /// Whether the columns begin with those named, in that order.
    pub(crate) fn begins_with<N: AsRef<str>>(&self, names: &[N]) -> bool {
        names.len() <= self.names.len() && names.iter().zip(&self.names).all(|(wanted, name)| wanted.as_ref() == name)
    }

    /// The columns named, in that order. Others are ignored.
    pub(crate) fn matched<N: AsRef<str>>(&self, names: &[N]) -> Result<Vec<&[f32]>, Error> {
        if self.begins_with(names) {
            return Ok(self.columns.iter().take(names.len()).map(Vec::as_slice).collect());
        }
        let by_name: HashMap<&str, &Vec<f32>> = self.names.iter().map(String::as_str).zip(&self.columns).collect();
        let mut missing = Vec::new();
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            match by_name.get(name.as_ref()) {
                Some(column) => columns.push(column.as_slice()),
                None => missing.push(name.as_ref().to_owned()),
            }
        }
        if missing.is_empty() {
            return Ok(columns);
        }
        let nearest = missing
            .iter()
            .filter_map(|name: &String| {
                Some((name.clone(), nearest(name, self.names.iter().map(String::as_str))?.to_owned()))
            })
            .collect();
        Err(Error::MissingColumns { missing, nearest })
    }

    /// The names of the columns that have missing values.
    pub(crate) fn with_missing_values<N: AsRef<str> + Sync>(names: &[N], columns: &[&[f32]]) -> Vec<String> {
        names
            .par_iter()
            .zip(columns)
            .filter(|(_, column)| column.iter().any(|value| value.is_nan()))
            .map(|(name, _)| name.as_ref().to_owned())
            .collect()
    }
}

impl Target {
    /// The number of rows that have an answer; 0 where there are no answers.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes { codes, .. } => codes.len(),
            Self::Values(values) => values.len(),
            Self::None => 0,
        }
    }

    /// The task that such answers are for; none where there are none.
    #[must_use]
    pub fn task(&self) -> Option<Task> {
        match self {
            Self::Classes { .. } => Some(Task::Classification),
            Self::Values(_) => Some(Task::Regression),
            Self::None => None,
        }
    }

    /// Whether such a target is for the task.
    #[must_use]
    pub fn fits(&self, task: Task) -> bool {
        self.task().map_or(!task.is_supervised(), |own| own == task)
    }

    /// What it holds, in a word.
    fn kind(&self) -> &'static str {
        match self {
            Self::Classes { .. } => "classes",
            Self::Values(_) => "numbers",
            Self::None => "no answers",
        }
    }

    fn check(&self, what: &str) -> Result<(), Error> {
        match self {
            Self::Classes { codes, classes } => {
                let mut seen = HashMap::new();
                for class in classes {
                    if seen.insert(class.as_str(), ()).is_some() {
                        return Err(Error::DuplicateClass { class: class.clone() });
                    }
                }
                check_codes(codes, classes.len(), &format!("the target of {what}"))
            }
            Self::Values(values) => match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                Some((row, value)) => Err(Error::TargetNotFinite { what: what.to_owned(), row, value: *value }),
                None => Ok(()),
            },
            Self::None => Ok(()),
        }
    }
}

impl TrainingData {
    /// Features, target and weights are sound each, and of one length; and the target fits the task. Whether features are finite
    /// is for [`Features::check_finite`] to say of those that are used.
    pub(crate) fn check(&self, what: &str, task: Task) -> Result<(), Error> {
        self.features.check_shape(what)?;
        check_answers(&self.target, self.weights.as_deref(), self.features.rows(), what, task)
    }
}

/// No name twice.
pub(crate) fn check_names(names: &[String]) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for name in names {
        if seen.insert(name.as_str(), ()).is_some() {
            return Err(Error::DuplicateFeature { name: name.clone() });
        }
    }
    Ok(())
}

/// Answers and weights are sound each, and there are as many as rows; and the answers fit the task.
pub(crate) fn check_answers(
    target: &Target,
    weights: Option<&[f32]>,
    rows: usize,
    what: &str,
    task: Task,
) -> Result<(), Error> {
    if !target.fits(task) {
        let expected = match task {
            Task::Classification => "classes",
            Task::Regression => "numbers",
            Task::Clustering | Task::DimensionalityReduction => "no answers",
            Task::Reinforcement => "an environment or trajectories",
        };
        let found = target.kind();
        return Err(Error::TargetKind { what: format!("the target of {what}"), task, found, expected });
    }
    if task.is_supervised() && target.rows() != rows {
        return Err(Error::Length { what: format!("the target of {what}"), expected: rows, found: target.rows() });
    }
    if rows == 0 {
        return Err(Error::Rows { what: what.to_owned(), rows, expected: "one at least" });
    }
    target.check(what)?;
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != rows {
        return Err(Error::Length {
            what: format!("the list of weights of {what}"),
            expected: rows,
            found: weights.len(),
        });
    }
    if let Some((row, value)) = weights.iter().enumerate().find(|(_, weight)| !weight.is_finite() || **weight < 0.0) {
        return Err(Error::Weight { row, value: *value });
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(Error::NoWeight);
    }
    Ok(())
}

impl Predictions {
    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes { codes, .. } => codes.len(),
            Self::Values(values) => values.len(),
            Self::Clusters { codes, .. } => codes.len(),
            Self::Components(columns) => columns.first().map_or(0, Vec::len),
        }
    }

    /// Predictions from the classes' probabilities.
    pub(crate) fn from_probabilities(probabilities: Vec<Vec<f32>>) -> Self {
        let rows = probabilities.first().map_or(0, Vec::len);
        let mut codes = vec![0_u32; rows];
        let mut highest = probabilities.first().cloned().unwrap_or_default();
        for (class, column) in probabilities.iter().enumerate().skip(1) {
            for ((code, highest), probability) in codes.iter_mut().zip(&mut highest).zip(column) {
                if *probability > *highest {
                    *highest = *probability;
                    *code = class as u32;
                }
            }
        }
        Self::Classes { codes, probabilities }
    }
}

/// The codes of labels among a model's classes: what [`metrics`](crate::metrics) need of known answers that come as text. A
/// label that is none of the classes is [`Error::UnknownClass`]. `what` names the data in the error.
pub fn class_codes<S: AsRef<str>>(labels: &[S], classes: &[String], what: &str) -> Result<Vec<u32>, Error> {
    let mut positions = HashMap::new();
    for (position, class) in classes.iter().enumerate() {
        if let Entry::Vacant(entry) = positions.entry(class.as_str()) {
            entry.insert(position as u32);
        }
    }
    labels
        .iter()
        .enumerate()
        .map(|(row, label)| {
            positions.get(label.as_ref()).copied().ok_or_else(|| Error::UnknownClass {
                what: what.to_owned(),
                class: label.as_ref().to_owned(),
                row,
                known: classes.to_vec(),
            })
        })
        .collect()
}

/// Every code has a class.
pub(crate) fn check_codes(codes: &[u32], classes: usize, what: &str) -> Result<(), Error> {
    match codes.iter().enumerate().find(|(_, code)| **code as usize >= classes) {
        Some((row, code)) => Err(Error::ClassCode { what: what.to_owned(), code: *code, row, classes }),
        None => Ok(()),
    }
}

/// The name most like the one given, where one is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= SUGGESTION_LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
