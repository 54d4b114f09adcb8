//! The hyperparameters of t-SNE, by scikit-learn's names and defaults.

use kumiko_vocabulary::learning::Algorithm;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::hyperparameters::Hyperparameters;

/// Iterations at most.
const MOST_ITERATIONS: usize = 1_000_000;

/// Where the points begin.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Start {
    /// At the first principal components.
    Components,
    /// Close together at random.
    Random,
}

/// What a map is made by.
pub(super) struct Settings {
    pub(super) components: usize,
    pub(super) perplexity: f64,
    pub(super) exaggeration: f64,
    /// None for one that follows from the number of rows.
    pub(super) rate: Option<f64>,
    pub(super) iterations: usize,
    pub(super) patience: usize,
    pub(super) least_gradient: f64,
    pub(super) start: Start,
    pub(super) angle: f64,
    pub(super) standardize: bool,
}

impl Settings {
    /// Reads the hyperparameters; also gives them as they are used.
    pub(super) fn read(given: &Map<String, Value>) -> Result<(Self, Map<String, Value>), Error> {
        const KNOWN: [&str; 10] = [
            "n_components",
            "perplexity",
            "early_exaggeration",
            "learning_rate",
            "max_iter",
            "n_iter_without_progress",
            "min_grad_norm",
            "init",
            "angle",
            "standardize",
        ];
        let mut reader = Hyperparameters::new(Algorithm::Tsne, given, &KNOWN)?;
        let components = reader.whole("n_components", 2, 2..=3)?;
        let perplexity = reader.number("perplexity", 30.0, |value| value >= 1.0, "a number of 1 or more")?;
        let exaggeration = reader.number("early_exaggeration", 12.0, |value| value >= 1.0, "a number of 1 or more")?;
        let rate = reader.own(
            "learning_rate",
            Value::from("auto"),
            |value| match (value.as_str(), value.as_f64()) {
                (Some("auto"), _) => Some(None),
                (None, Some(rate)) if rate > 0.0 && rate.is_finite() => Some(Some(rate)),
                _ => None,
            },
            "\"auto\" or a number above 0",
        )?;
        let iterations = reader.whole("max_iter", 1_000, 250..=MOST_ITERATIONS)?;
        let patience = reader.whole("n_iter_without_progress", 300, 1..=MOST_ITERATIONS)?;
        let least_gradient = reader.number("min_grad_norm", 1e-7, |value| value >= 0.0, "a number of zero or more")?;
        let start = reader.own(
            "init",
            Value::from("pca"),
            |value| match value.as_str() {
                Some("pca") => Some(Start::Components),
                Some("random") => Some(Start::Random),
                _ => None,
            },
            "\"pca\" or \"random\"",
        )?;
        let angle = reader.number("angle", 0.5, |value| (0.0..=1.0).contains(&value), "a number from 0 to 1")?;
        let standardize = reader.flag("standardize", true)?;
        let settings = Self {
            components,
            perplexity,
            exaggeration,
            rate,
            iterations,
            patience,
            least_gradient,
            start,
            angle,
            standardize,
        };
        Ok((settings, reader.used()))
    }
}
