//! DBSCAN (Ester and others, 1996): clusters are what dense rows reach.
//!
//! A row is a core row where rows of weight `min_samples` or more, itself included, are within `eps` of it. Core rows within `eps` of
//! one another are in one cluster. Another row within `eps` of a core row is in the first such cluster; the rest is noise. Clusters are
//! numbered by their first core row, so labels are those of scikit-learn, which goes through the rows in order.
//!
//! In order: `neighbours` puts rows into leaves; each leaf's rows are counted against the leaves near it; core rows are united, leaf
//! by leaf, first within each and then between those that are not united yet; the other rows look for a core row. No
//! state is kept on the way: these are three passes over the rows, which iterate nothing.
#![allow(clippy::indexing_slicing, reason = "rows are counted below their number, leaves by their tree")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::blocks::map_blocks;
use crate::data::Predictions;
use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::hyperparameters::Hyperparameters;
use crate::matrix::Scaling;
use crate::metrics::shape::Shape;
use crate::neighbours::{Near, Tree};

/// What `dbscan` leaves behind: the core rows with their clusters. A new row is in the cluster of the nearest core row within
/// `eps`, and noise where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DbscanModel {
    scaling: Scaling,
    eps: f64,
    /// Core row after core row, in the columns' own units.
    #[serde(with = "crate::packed")]
    cores: Vec<f32>,
    /// The cluster of each.
    clusters: Vec<u32>,
}

impl DbscanModel {
    /// The number of core rows.
    #[must_use]
    pub fn core_rows(&self) -> usize {
        self.clusters.len()
    }

    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        Predictions::Clusters { codes: self.codes(&self.scaling.wide_rows(columns)), probabilities: None }
    }

    fn codes(&self, rows: &[f64]) -> Vec<i32> {
        let width = self.scaling.width();
        let tree = Tree::new(self.scaling.scaled(&self.cores), width);
        let squared = self.eps * self.eps;
        let code = |row: usize| {
            let core = tree.nearest(&rows[row * width..][..width], squared);
            core.map_or(-1, |core| self.clusters[core as usize] as i32)
        };
        map_blocks(rows.len() / width.max(1), |block| block.map(code).collect::<Vec<i32>>()).concat()
    }

    pub(crate) fn measure(&self, columns: &[&[f32]], seed: u64) -> HeadlineMetrics {
        let rows = self.scaling.wide_rows(columns);
        let codes = self.codes(&rows);
        Shape { rows: &rows, width: columns.len(), codes: &codes }.headline(seed)
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        self.scaling.check(columns)?;
        if self.cores.len() != self.clusters.len() * columns {
            return Err("the core rows do not fit the signature".to_owned());
        }
        if self.clusters.iter().any(|cluster| *cluster > i32::MAX as u32) {
            return Err("a core row's cluster has no number".to_owned());
        }
        if self.eps.is_finite() && self.eps > 0.0 && self.cores.iter().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err("a core row is no finite number".to_owned())
        }
    }
}

struct Settings {
    eps: f64,
    least: usize,
    standardize: bool,
}

fn read(given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    const KNOWN: [&str; 3] = ["eps", "min_samples", "standardize"];
    let mut reader = Hyperparameters::new(Algorithm::Dbscan, given, &KNOWN)?;
    let eps = reader.number("eps", 0.5, |eps| eps > 0.0, "a distance above 0")?;
    let least = reader.whole("min_samples", 5, 1..=u32::MAX as usize)?;
    let standardize = reader.flag("standardize", true)?;
    Ok((Settings { eps, least, standardize }, reader.used()))
}

/// Checks the hyperparameters alone.
pub(crate) fn check(given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(given).map(|(_, used)| used)
}

/// Fits the model.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(given)?;
    let columns = &problem.columns;
    // Without standardising the rows stay as they are to the last bit: at a distance of just `eps` it matters.
    let scaling = if settings.standardize { Scaling::new(columns, true) } else { Scaling::none(columns.len()) };
    let rows = scaling.wide_rows(columns);
    let tree = Tree::new(rows.clone(), columns.len());
    let search = Search { tree: &tree, squared: settings.eps * settings.eps };
    let step = |number: f64, what: &str| {
        problem.control.report(number, Some(3.0), what);
        if problem.control.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    };
    step(0.0, "counting neighbours")?;
    let cores = search.cores(problem.weights, settings.least as f64);
    step(1.0, "uniting core rows")?;
    let sets = search.united(&cores);
    step(2.0, "placing border rows")?;
    let codes = search.codes(&cores, &sets);
    let core_rows: Vec<usize> = (0..cores.len()).filter(|row| cores[*row]).collect();
    let model = DbscanModel {
        scaling,
        eps: settings.eps,
        cores: core_rows.iter().flat_map(|row| columns.iter().map(|column| column[*row])).collect(),
        clusters: core_rows.iter().map(|row| codes[*row].unsigned_abs()).collect(),
    };
    let mut fitted = Fitted::new(Estimator::Dbscan(model), used);
    fitted.measures = Shape { rows: &rows, width: columns.len(), codes: &codes }.headline(problem.seed);
    if core_rows.is_empty() {
        fitted.notes.push("every row is noise: no row has `min_samples` rows within `eps`; raise `eps`".to_owned());
    } else if fitted.measures.clusters == Some(1) && fitted.measures.noise_rows == Some(0) {
        fitted.notes.push("all rows are in one cluster: lower `eps` to tell groups apart".to_owned());
    }
    fitted.training_output = Some(Predictions::Clusters { codes, probabilities: None });
    Ok(fitted)
}

/// A tree, and the squared distance that counts as near.
struct Search<'a> {
    tree: &'a Tree,
    squared: f64,
}

impl Search<'_> {
    /// Calls `visit` for every leaf near a leaf, with the rows compared.
    fn near(&self, leaf: usize, near: &mut Near, mut visit: impl FnMut(usize, &Near)) {
        self.tree.leaves_near(leaf, self.squared, |other| {
            self.tree.compare(leaf, other, self.squared, near);
            visit(other, near);
        });
    }

    /// Which rows are core rows.
    fn cores(&self, weights: Option<&[f32]>, least: f64) -> Vec<bool> {
        let counted: Vec<Vec<f64>> = (0..self.tree.leaves())
            .into_par_iter()
            .map_init(Near::default, |near, leaf| {
                let mut sums = vec![0.0; self.tree.rows(leaf).len()];
                self.near(leaf, near, |other, near| {
                    for (place, sum) in sums.iter_mut().enumerate() {
                        *sum += match weights {
                            None => near.row(place).iter().map(|within| u32::from(*within)).sum::<u32>().into(),
                            Some(weights) => (near.row(place).iter().zip(self.tree.rows(other)))
                                .filter(|(within, _)| **within)
                                .map(|(_, row)| f64::from(weights[*row as usize]))
                                .sum::<f64>(),
                        };
                    }
                });
                sums
            })
            .collect();
        let mut cores = vec![false; counted.iter().map(Vec::len).sum()];
        for (leaf, sums) in counted.iter().enumerate() {
            for (row, sum) in self.tree.rows(leaf).iter().zip(sums) {
                cores[*row as usize] = *sum >= least;
            }
        }
        cores
    }

    /// Unites core rows that are near one another.
    fn united(&self, cores: &[bool]) -> Sets {
        let sets = Sets::new(cores.len());
        // Leaves whose core rows are all in one set stand for one row: its place among them, and the row.
        let whole: Vec<Option<u32>> = (0..self.tree.leaves())
            .into_par_iter()
            .map_init(Near::default, |near, leaf| {
                self.tree.compare(leaf, leaf, self.squared, near);
                let rows = self.tree.rows(leaf);
                for (place, row) in rows.iter().enumerate().filter(|(_, row)| cores[**row as usize]) {
                    for (other, within) in rows.iter().zip(near.row(place)).skip(place + 1) {
                        if *within && cores[*other as usize] {
                            sets.unite(*row, *other);
                        }
                    }
                }
                let mut own = rows.iter().filter(|row| cores[**row as usize]);
                let first = *own.next()?;
                own.all(|row| sets.find(*row) == sets.find(first)).then_some(first)
            })
            .collect();
        (0..self.tree.leaves()).into_par_iter().for_each_init(Near::default, |near, leaf| {
            let rows = self.tree.rows(leaf);
            if !rows.iter().any(|row| cores[*row as usize]) {
                return;
            }
            self.tree.leaves_near(leaf, self.squared, |other| {
                if other <= leaf {
                    return;
                }
                let both = whole[leaf].zip(whole[other]);
                let one = || both.is_some_and(|(row, other)| sets.find(row) == sets.find(other));
                if one() {
                    return;
                }
                self.tree.compare(leaf, other, self.squared, near);
                let others = self.tree.rows(other);
                for (place, row) in rows.iter().enumerate().filter(|(_, row)| cores[**row as usize]) {
                    for (other, within) in others.iter().zip(near.row(place)) {
                        if *within && cores[*other as usize] {
                            sets.unite(*row, *other);
                            if both.is_some() {
                                return;
                            }
                        }
                    }
                }
            });
        });
        sets
    }

    /// The cluster of each row: of core rows by their set, of others the first that has a core row near.
    fn codes(&self, cores: &[bool], sets: &Sets) -> Vec<i32> {
        let mut numbers = HashMap::new();
        let mut codes = vec![-1; cores.len()];
        for row in (0..cores.len()).filter(|row| cores[*row]) {
            let next = numbers.len() as i32;
            codes[row] = *numbers.entry(sets.find(row as u32)).or_insert(next);
        }
        let border: Vec<Vec<(u32, i32)>> = (0..self.tree.leaves())
            .into_par_iter()
            .filter(|leaf| self.tree.rows(*leaf).iter().any(|row| !cores[*row as usize]))
            .map_init(Near::default, |near, leaf| {
                let rows = self.tree.rows(leaf);
                let mut first = vec![i32::MAX; rows.len()];
                self.near(leaf, near, |other, near| {
                    for (place, first) in first.iter_mut().enumerate() {
                        for (other, within) in self.tree.rows(other).iter().zip(near.row(place)) {
                            if *within && cores[*other as usize] {
                                *first = (*first).min(codes[*other as usize]);
                            }
                        }
                    }
                });
                let found = rows.iter().copied().zip(first);
                found.filter(|(row, first)| !cores[*row as usize] && *first < i32::MAX).collect()
            })
            .collect();
        for (row, code) in border.into_iter().flatten() {
            codes[row as usize] = code;
        }
        codes
    }
}

/// Disjoint sets that threads unite side by side: what comes out does not depend on the order. A set is known by its least row.
struct Sets(Vec<AtomicU32>);

impl Sets {
    fn new(rows: usize) -> Self {
        Self((0..rows as u32).map(AtomicU32::new).collect())
    }

    fn find(&self, row: u32) -> u32 {
        let mut row = row;
        loop {
            let parent = self.0[row as usize].load(Ordering::Relaxed);
            if parent == row {
                return row;
            }
            // Shortens the way for the next one; who loses the race loses nothing.
            let above = self.0[parent as usize].load(Ordering::Relaxed);
            let _ = self.0[row as usize].compare_exchange_weak(parent, above, Ordering::Relaxed, Ordering::Relaxed);
            row = above;
        }
    }

    fn unite(&self, one: u32, other: u32) {
        loop {
            let (one, other) = (self.find(one), self.find(other));
            if one == other {
                return;
            }
            let (least, greater) = (one.min(other), one.max(other));
            let linked =
                self.0[greater as usize].compare_exchange(greater, least, Ordering::Relaxed, Ordering::Relaxed);
            if linked.is_ok() {
                return;
            }
        }
    }
}
