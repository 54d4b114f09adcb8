//! A mixture's hyperparameters, by scikit-learn's names and defaults.

use kumiko_vocabulary::learning::Algorithm;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::hyperparameters::Hyperparameters;

use super::Covariance;

/// Components at most: each may have a covariance of its own.
const MOST_COMPONENTS: usize = 10_000;
/// Iterations at most.
const MOST_ITERATIONS: usize = 1_000_000;
/// Runs at most.
const MOST_RUNS: usize = 10_000;

/// Where the first responsibilities come from.
#[derive(Clone, Copy)]
pub(super) enum Start {
    Kmeans,
    Random,
}

/// What a mixture is fitted by.
pub(super) struct Settings {
    pub(super) components: usize,
    pub(super) covariance: Covariance,
    pub(super) tolerance: f64,
    /// What is added to every variance.
    pub(super) regular: f64,
    pub(super) iterations: usize,
    pub(super) runs: usize,
    pub(super) start: Start,
    pub(super) standardize: bool,
}

impl Settings {
    /// Reads the hyperparameters; also gives them as they are used.
    pub(super) fn read(given: &Map<String, Value>) -> Result<(Self, Map<String, Value>), Error> {
        const KNOWN: [&str; 8] =
            ["n_components", "covariance_type", "tol", "reg_covar", "max_iter", "n_init", "init_params", "standardize"];
        let mut reader = Hyperparameters::new(Algorithm::GaussianMixture, given, &KNOWN)?;
        let components = reader.whole("n_components", 1, 1..=MOST_COMPONENTS)?;
        let covariance = reader.own(
            "covariance_type",
            Value::from("full"),
            |value| match value.as_str() {
                Some("full") => Some(Covariance::Full),
                Some("tied") => Some(Covariance::Tied),
                Some("diag") => Some(Covariance::Diagonal),
                Some("spherical") => Some(Covariance::Spherical),
                _ => None,
            },
            "\"full\", \"tied\", \"diag\" or \"spherical\"",
        )?;
        let tolerance = reader.number("tol", 1e-3, |tolerance| tolerance >= 0.0, "a number of zero or more")?;
        let regular = reader.number("reg_covar", 1e-6, |regular| regular >= 0.0, "a number of zero or more")?;
        let iterations = reader.whole("max_iter", 100, 1..=MOST_ITERATIONS)?;
        let runs = reader.whole("n_init", 1, 1..=MOST_RUNS)?;
        let start = reader.own(
            "init_params",
            Value::from("kmeans"),
            |value| match value.as_str() {
                Some("kmeans") => Some(Start::Kmeans),
                Some("random") => Some(Start::Random),
                _ => None,
            },
            "\"kmeans\" or \"random\"",
        )?;
        let standardize = reader.flag("standardize", true)?;
        let settings = Self { components, covariance, tolerance, regular, iterations, runs, start, standardize };
        Ok((settings, reader.used()))
    }
}
