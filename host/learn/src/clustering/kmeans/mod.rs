//! k-means: centres that leave the least sum of squared distances from each row to its nearest (the inertia).
//!
//! In order: `matrix` brings the columns to common units; `seeding` chooses first centres; `lloyd` moves them until nothing
//! changes; of `n_init` such runs the one with the least inertia is kept.
#![allow(clippy::indexing_slicing, reason = "every row has a label below the number of centres")]

mod lloyd;
mod seeding;

use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics, LossPoint};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::blocks::sum_blocks;
use crate::checkpoint::{are_finite, resumed};
use crate::data::Predictions;
use crate::distances::{Rows, nearest};
use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::hyperparameters::{Hyperparameters, as_whole};
use crate::matrix::Scaling;
use crate::metrics::shape::Shape;
use crate::random::Random;

use lloyd::{Limits, Outcome};

/// Clusters at most: the bounds take a number for every ten of them and every row.
const MOST_CLUSTERS: usize = 65_536;
/// Iterations at most.
const MOST_ITERATIONS: usize = 1_000_000;
/// Iterations unless the caller says otherwise, as in scikit-learn.
const DEFAULT_ITERATIONS: usize = 300;
/// The centres' moves that count as none, unless the caller says otherwise, as in scikit-learn.
const DEFAULT_TOLERANCE: f64 = 1e-4;
/// Runs at most.
const MOST_RUNS: usize = 10_000;

/// What `kmeans` leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KmeansModel {
    scaling: Scaling,
    /// What distances in the model's units are multiplied by to give those of columns that are not standardised.
    unit: f64,
    /// Centre after centre, in the model's units.
    #[serde(with = "crate::packed")]
    centres: Vec<f32>,
}

impl KmeansModel {
    /// The centres in the columns' own units.
    #[must_use]
    pub fn centres(&self) -> Vec<Vec<f64>> {
        let centres = self.centres.chunks_exact(self.scaling.width().max(1));
        centres.map(|centre| self.scaling.restored(centre.iter().map(|value| f64::from(*value)))).collect()
    }

    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let rows = self.rows(columns);
        let codes = nearest(&rows, &self.points()).into_iter().map(|label| label as i32).collect();
        Predictions::Clusters { codes, probabilities: None }
    }

    pub(crate) fn measure(&self, columns: &[&[f32]], seed: u64) -> HeadlineMetrics {
        let (rows, points) = (self.rows(columns), self.points());
        let labels = nearest(&rows, &points);
        self.measures(&rows, &labels, None, seed)
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        self.scaling.check(columns)?;
        if self.centres.is_empty() || !self.centres.len().is_multiple_of(columns.max(1)) {
            return Err("the centres do not fit the signature".to_owned());
        }
        if self.unit.is_finite() && self.centres.iter().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err("a centre is no finite number".to_owned())
        }
    }

    fn rows(&self, columns: &[&[f32]]) -> Rows {
        Rows::new(self.scaling.rows(columns), columns.len())
    }

    fn points(&self) -> Rows {
        Rows::new(self.centres.clone(), self.scaling.width())
    }

    fn measures(&self, rows: &Rows, labels: &[u32], weights: Option<&[f32]>, seed: u64) -> HeadlineMetrics {
        let inertia = inertia(rows, &self.points(), labels, weights) * self.unit * self.unit;
        let codes: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
        let shape = Shape { rows: &rows.values, width: rows.width, codes: &codes };
        HeadlineMetrics { inertia: Some(inertia), ..shape.headline(seed) }
    }
}

enum Start {
    PlusPlus,
    Random,
}

struct Settings {
    clusters: usize,
    start: Start,
    runs: usize,
    iterations: usize,
    tolerance: f64,
    standardize: bool,
}

fn read(given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    const KNOWN: [&str; 6] = ["n_clusters", "init", "n_init", "max_iter", "tol", "standardize"];
    let mut reader = Hyperparameters::new(Algorithm::Kmeans, given, &KNOWN)?;
    let clusters = reader.whole("n_clusters", 8, 1..=MOST_CLUSTERS)?;
    let start = reader.own(
        "init",
        Value::from("k-means++"),
        |value| match value.as_str() {
            Some("k-means++") => Some(Start::PlusPlus),
            Some("random") => Some(Start::Random),
            _ => None,
        },
        "\"k-means++\" or \"random\"",
    )?;
    let runs = reader.own(
        "n_init",
        Value::from("auto"),
        |value| match (value.as_str(), as_whole(value)) {
            (Some("auto"), _) => Some(if matches!(start, Start::PlusPlus) { 1 } else { 10 }),
            (None, Some(runs)) if (1..=MOST_RUNS).contains(&runs) => Some(runs),
            _ => None,
        },
        "\"auto\" (1 for k-means++, 10 for random), or a whole number from 1 to 10000",
    )?;
    let iterations = reader.whole("max_iter", DEFAULT_ITERATIONS, 1..=MOST_ITERATIONS)?;
    let tolerance =
        reader.number("tol", DEFAULT_TOLERANCE, |tolerance| tolerance >= 0.0, "a number of zero or more")?;
    let standardize = reader.flag("standardize", true)?;
    Ok((Settings { clusters, start, runs, iterations, tolerance, standardize }, reader.used()))
}

/// Where the runs stand. Written from borrowed parts, read into owned ones.
#[derive(Serialize, Deserialize)]
struct State<O, L> {
    /// The number of the run under way.
    run: usize,
    /// The best of those before it.
    best: Option<O>,
    /// Where the run's iterations stand; none for its beginning.
    within: Option<L>,
}

impl State<Outcome, lloyd::State> {
    const BEGUN: Self = Self { run: 0, best: None, within: None };

    /// Whether a state that was read is one that runs over these rows can have come to.
    fn fits(&self, rows: &Rows, settings: &Settings, limits: &Limits) -> bool {
        let sound = |best: &Outcome| {
            best.centres.len() == settings.clusters * rows.width
                && are_finite(&best.centres)
                && best.curve.len() <= limits.iterations
                && are_finite(&best.curve)
        };
        self.run < settings.runs
            && self.best.is_some() == (self.run > 0)
            && self.best.as_ref().is_none_or(sound)
            && self.within.as_ref().is_none_or(|within| within.fits(rows, settings.clusters, limits))
    }
}

/// A run with what it is judged by.
struct Judged {
    outcome: Outcome,
    labels: Vec<u32>,
    inertia: f64,
}

impl Judged {
    fn new(rows: &Rows, weights: Option<&[f32]>, outcome: Outcome) -> Self {
        let centres = Rows::new(outcome.centres.clone(), rows.width);
        // By the way in which the model predicts, so that a row of the training data gets the same label again.
        let labels = nearest(rows, &centres);
        let inertia = inertia(rows, &centres, &labels, weights);
        Self { outcome, labels, inertia }
    }
}

/// Checks the hyperparameters alone.
pub(crate) fn check(given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(given).map(|(_, used)| used)
}

/// Fits the model.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(given)?;
    let scaling = Scaling::new(&problem.columns, settings.standardize);
    let rows = Rows::new(scaling.rows(&problem.columns), problem.columns.len());
    if settings.clusters > rows.len() {
        return Err(Error::HyperparameterValue {
            algorithm: Algorithm::Kmeans,
            name: "n_clusters".to_owned(),
            value: settings.clusters.to_string(),
            expected: format!("at most the number of rows, {}", rows.len()),
        });
    }
    let limits = Limits { iterations: settings.iterations, tolerance: settings.tolerance * mean_variance(&rows) };
    let (weights, control, checkpoint) = (problem.weights, problem.control, problem.checkpoint.as_ref());
    let State { run: first, best, mut within } =
        resumed(checkpoint, control, State::BEGUN, |kept, _| kept.fits(&rows, &settings, &limits));
    let mut best = best.map(|outcome| Judged::new(&rows, weights, outcome));
    for run in first..settings.runs {
        control.report(run as f64, Some(settings.runs as f64), "moving centres");
        let begun = within.take().unwrap_or_else(|| {
            let mut random = Random::new(problem.seed, run as u64);
            let seeds = match settings.start {
                Start::PlusPlus => seeding::plus_plus(&rows, weights, settings.clusters, &mut random),
                Start::Random => seeding::random(&rows, weights, settings.clusters, &mut random),
            };
            lloyd::State::new(&rows, seeds.iter().flat_map(|row| rows.row(*row)).copied().collect())
        });
        let outcome = lloyd::run(&rows, weights, begun, &limits, |state| {
            if let Some(own) = checkpoint {
                let best = best.as_ref().map(|best| &best.outcome);
                own.keep(control, || State { run, best, within: state.is_small().then_some(state) });
            }
            control.is_cancelled()
        })
        .ok_or(Error::Cancelled)?;
        let judged = Judged::new(&rows, weights, outcome);
        if best.as_ref().is_none_or(|best| judged.inertia < best.inertia) {
            best = Some(judged);
        }
    }
    let Some(Judged { outcome, labels, .. }) = best else {
        return Err(Error::Numerical { what: "k-means has made no run".to_owned() });
    };
    let unit = scaling.unit(settings.standardize);
    let model = KmeansModel { scaling, unit, centres: outcome.centres };
    let measures = model.measures(&rows, &labels, problem.weights, problem.seed);
    let squared = model.unit * model.unit;
    let mut fitted = Fitted::new(Estimator::Kmeans(model), used);
    fitted.loss_curve = outcome
        .curve
        .iter()
        .enumerate()
        .map(|(step, loss)| LossPoint { step: step as u32, training: loss * squared, validation: None })
        .collect();
    if !outcome.converged {
        fitted.notes.push(format!(
            "not converged within max_iter = {}: the centres still moved; raise `max_iter` or `tol`",
            settings.iterations
        ));
    }
    let found = measures.clusters.unwrap_or_default();
    if found < settings.clusters as u64 {
        fitted.notes.push(format!(
            "{found} clusters have rows, of {} asked for: the rows have too few different values",
            settings.clusters
        ));
    }
    fitted.measures = measures;
    let codes = labels.into_iter().map(|label| label as i32).collect();
    fitted.training_output = Some(Predictions::Clusters { codes, probabilities: None });
    Ok(fitted)
}

/// The labels of one run of k-means++ and Lloyd's iterations with the defaults, for whoever needs a start.
pub(crate) fn labels(
    rows: &Rows,
    clusters: usize,
    random: &mut Random,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u32>, Error> {
    let centres =
        seeding::plus_plus(rows, None, clusters, random).iter().flat_map(|row| rows.row(*row)).copied().collect();
    let limits = Limits { iterations: DEFAULT_ITERATIONS, tolerance: DEFAULT_TOLERANCE * mean_variance(rows) };
    let outcome =
        lloyd::run(rows, None, lloyd::State::new(rows, centres), &limits, |_| cancelled()).ok_or(Error::Cancelled)?;
    Ok(nearest(rows, &Rows::new(outcome.centres, rows.width)))
}

/// The mean of the columns' variances, in the model's units.
fn mean_variance(rows: &Rows) -> f64 {
    // The rows are centred but for the rounding of constant columns, so the variance is the mean square.
    let total: f64 =
        sum_blocks(rows.len(), 1, |block| vec![rows.norms[block].iter().map(|norm| f64::from(*norm)).sum()])[0];
    total / (rows.len() * rows.width).max(1) as f64
}

/// Σ weight × squared distance to the centre that the label names.
fn inertia(rows: &Rows, centres: &Rows, labels: &[u32], weights: Option<&[f32]>) -> f64 {
    sum_blocks(rows.len(), 1, |block| {
        let terms = block.map(|row| {
            let centre = centres.row(labels[row] as usize);
            let square: f64 = (rows.row(row).iter().zip(centre))
                .map(|(value, centre)| {
                    let difference = f64::from(*value) - f64::from(*centre);
                    difference * difference
                })
                .sum();
            weights.map_or(1.0, |weights| f64::from(weights[row])) * square
        });
        vec![terms.sum()]
    })[0]
}
