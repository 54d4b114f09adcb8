//! Gaussian mixtures: rows as drawn from a few normal distributions, whose weights, means and covariances
//! expectation-maximisation finds (Dempster, Laird and Rubin, 1977).
//!
//! In order: k-means gives every row a first component; `expectation` weighs each row by what the components make of it and sums
//! up what they need of it, in one pass; `components` turns the sums into the next means and covariances; until the mean log
//! likelihood rises by less than `tol`. All with 64 bits, on columns in common units.
#![allow(clippy::indexing_slicing, reason = "components and columns are counted below their numbers")]

mod components;
mod expectation;
mod settings;

use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics, LossPoint};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::checkpoint::{are_finite, resumed};
use crate::clustering::kmeans;
use crate::data::Predictions;
use crate::distances::Rows;
use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::matrix::Scaling;
use crate::metrics::shape::Shape;
use crate::random::Random;

use components::{Components, Covariance};
use settings::{Settings, Start};

/// What `gaussian_mixture` leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    scaling: Scaling,
    /// What distances in the model's units are multiplied by to give those of columns that are not standardised.
    unit: f64,
    components: Components,
}

impl Mixture {
    /// The share of rows that each component is expected to have.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.components.weights
    }

    /// The components' means in the columns' own units.
    #[must_use]
    pub fn means(&self) -> Vec<Vec<f64>> {
        self.components.means.iter().map(|mean| self.scaling.restored(mean.iter().copied())).collect()
    }

    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        self.judged(&self.scaling.wide_rows(columns)).0
    }

    /// Clusters with their probabilities, and the mean log likelihood of a row.
    fn judged(&self, rows: &[f64]) -> (Predictions, f64) {
        let (probabilities, likelihood) = expectation::probabilities(rows, &self.components);
        let most = Predictions::from_probabilities(probabilities);
        let Predictions::Classes { codes, probabilities } = most else { return (most, likelihood) };
        let codes = codes.into_iter().map(|code| code as i32).collect();
        let width = self.scaling.width() as f64;
        (Predictions::Clusters { codes, probabilities: Some(probabilities) }, likelihood - width * self.unit.ln())
    }

    pub(crate) fn measure(&self, columns: &[&[f32]], seed: u64) -> HeadlineMetrics {
        let rows = self.scaling.wide_rows(columns);
        let (predictions, likelihood) = self.judged(&rows);
        self.measures(&rows, &predictions, likelihood, seed)
    }

    fn measures(&self, rows: &[f64], predictions: &Predictions, likelihood: f64, seed: u64) -> HeadlineMetrics {
        let Predictions::Clusters { codes, .. } = predictions else { return HeadlineMetrics::default() };
        let count = codes.len() as f64;
        let parameters = self.components.parameters() as f64;
        HeadlineMetrics {
            log_likelihood: Some(likelihood),
            bic: Some(parameters * count.ln() - 2.0 * likelihood * count),
            aic: Some(2.0 * parameters - 2.0 * likelihood * count),
            noise_rows: None,
            ..Shape { rows, width: self.scaling.width(), codes }.headline(seed)
        }
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        self.scaling.check(columns)?;
        if !(self.unit.is_finite() && self.unit > 0.0) {
            return Err("the unit is no finite number".to_owned());
        }
        self.components.check(columns)
    }
}

/// Checks the hyperparameters alone.
pub(crate) fn check(given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    Settings::read(given).map(|(_, used)| used)
}

/// One run: components, mean log likelihood after each pass, whether it converged.
#[derive(Serialize, Deserialize)]
struct Run {
    components: Components,
    curve: Vec<f64>,
    converged: bool,
}

impl Run {
    /// Whether a run that was read can be one by these settings.
    fn fits(&self, settings: &Settings, columns: usize) -> bool {
        self.components.covariance == settings.covariance
            && self.components.weights.len() == settings.components
            && self.components.check(columns).is_ok()
            && self.curve.len() <= settings.iterations
            && are_finite(&self.curve)
    }

    /// What runs are compared by.
    fn likelihood(&self) -> f64 {
        self.curve.last().copied().unwrap_or(f64::NEG_INFINITY)
    }
}

/// Where the runs stand before a pass. Written from borrowed runs, read into owned ones.
#[derive(Serialize, Deserialize)]
struct State<R> {
    /// The number of the run under way.
    number: usize,
    /// The best of those before it.
    best: Option<R>,
    current: Option<R>,
}

impl State<Run> {
    const BEGUN: Self = Self { number: 0, best: None, current: None };

    /// Whether a state that was read is one that these settings can have come to.
    fn fits(&self, settings: &Settings, columns: usize) -> bool {
        self.number < settings.runs
            && self.best.is_some() == (self.number > 0)
            && [&self.best, &self.current].into_iter().flatten().all(|run| run.fits(settings, columns))
            && self.current.as_ref().is_none_or(|run| run.curve.len() < settings.iterations)
    }
}

/// Fits the model.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = Settings::read(given)?;
    let scaling = Scaling::new(&problem.columns, settings.standardize);
    let unit = scaling.unit(settings.standardize);
    let rows = scaling.wide_rows(&problem.columns);
    let count = rows.len() / problem.columns.len().max(1);
    if settings.components > count {
        return Err(Error::HyperparameterValue {
            algorithm: Algorithm::GaussianMixture,
            name: "n_components".to_owned(),
            value: settings.components.to_string(),
            expected: format!("at most the number of rows, {count}"),
        });
    }
    let narrow = Rows::new(scaling.rows(&problem.columns), problem.columns.len());
    let regular = settings.regular / (unit * unit);
    let checkpoint = problem.checkpoint.as_ref();
    let State { number: first, mut best, mut current } =
        resumed(checkpoint, problem.control, State::BEGUN, |kept, _| kept.fits(&settings, problem.columns.len()));
    let fitting = Fitting { problem, settings: &settings, regular, rows: &rows, narrow: &narrow };
    for number in first..settings.runs {
        let begun = match current.take() {
            Some(current) => current,
            None => fitting.begin(&mut Random::new(problem.seed, number as u64))?,
        };
        let run = fitting.run(begun, |current| {
            if let Some(own) = checkpoint {
                own.keep(problem.control, || State { number, best: best.as_ref(), current: Some(current) });
            }
        })?;
        if best.as_ref().is_none_or(|best| run.likelihood() > best.likelihood()) {
            best = Some(run);
        }
    }
    let Some(Run { components, curve, converged }) = best else {
        return Err(Error::Numerical { what: "the mixture has made no run".to_owned() });
    };
    let model = Mixture { scaling, unit, components };
    let (predictions, likelihood) = model.judged(&rows);
    let measures = model.measures(&rows, &predictions, likelihood, problem.seed);
    let shift = problem.columns.len() as f64 * unit.ln();
    let mut fitted = Fitted::new(Estimator::Mixture(model), used);
    fitted.loss_curve = (curve.iter().enumerate())
        .map(|(step, likelihood)| LossPoint { step: step as u32, training: shift - likelihood, validation: None })
        .collect();
    if !converged {
        fitted.notes.push(format!(
            "not converged within max_iter = {}: the likelihood still rose; raise `max_iter` or `tol`",
            settings.iterations
        ));
    }
    fitted.measures = measures;
    fitted.training_output = Some(predictions);
    Ok(fitted)
}

/// What every run is made from.
struct Fitting<'a> {
    problem: &'a Problem<'a>,
    settings: &'a Settings,
    /// Added to every variance, in the model's units.
    regular: f64,
    /// Row after row, with 64 bits.
    rows: &'a [f64],
    /// The same with 32 bits.
    narrow: &'a Rows,
}

impl Fitting<'_> {
    /// The components that a run begins with.
    fn begin(&self, random: &mut Random) -> Result<Run, Error> {
        let Self { problem, settings, rows, narrow, .. } = self;
        let components = settings.components;
        let sums = match settings.start {
            Start::Kmeans => {
                let labels = kmeans::labels(narrow, components, random, &|| problem.control.is_cancelled())?;
                expectation::of_labels(rows, narrow.width, &labels, components, settings.covariance)
            }
            Start::Random => expectation::of_random(rows, narrow.width, components, settings.covariance, random),
        };
        let components = sums.components(self.regular).ok_or_else(degenerate)?;
        Ok(Run { components, curve: Vec::new(), converged: false })
    }

    /// Passes over the rows until the likelihood rises no more. `watch` sees where the run stands before each.
    fn run(&self, mut run: Run, watch: impl Fn(&Run)) -> Result<Run, Error> {
        let Self { problem, settings, .. } = self;
        for step in run.curve.len()..settings.iterations {
            watch(&run);
            if problem.control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            problem.control.report(step as f64, Some(settings.iterations as f64), "fitting components");
            let (sums, likelihood) = expectation::pass(self.rows, &run.components);
            if !likelihood.is_finite() {
                return Err(degenerate());
            }
            run.components = sums.components(self.regular).ok_or_else(degenerate)?;
            run.converged = (likelihood - run.likelihood()).abs() < settings.tolerance;
            run.curve.push(likelihood);
            if run.converged {
                break;
            }
        }
        Ok(run)
    }
}

fn degenerate() -> Error {
    Error::Numerical {
        what: "a component's covariance has no inverse: its rows lie in fewer dimensions than there are columns; raise `reg_covar`, \
               choose `covariance_type` \"diag\", or ask for fewer components"
            .to_owned(),
    }
}
