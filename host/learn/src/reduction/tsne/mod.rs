//! t-SNE (van der Maaten and Hinton, 2008): a map of the rows in two or three dimensions in which neighbours stay together.
//!
//! In order: `affinities` finds each row's nearest rows, exactly, and says how near they are; the points begin at the first principal
//! components; `descent` moves them so that nearness in the map is like that in the data, where `repulsion` sums up what pushes
//! points apart. Distances between far groups in the map mean little.
//!
//! A map has no place for rows that it was not made of. The model keeps its points, and a digest of its rows: asked about just those
//! rows it gives their points, and refuses others.

mod affinities;
mod descent;
mod repulsion;
mod settings;

use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::data::Predictions;
use crate::distances::Rows;
use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::matrix::Scaling;
use crate::metrics::trustworthiness;
use crate::random::Random;

use affinities::Affinities;
use settings::{Settings, Start};

/// The deviation of the first component where the points begin: so close that none is lost on the way.
const START_DEVIATION: f64 = 1e-4;
/// Neighbours that trustworthiness looks at.
const NEIGHBOURS: usize = 5;
/// Rows behind the trustworthiness in a model's headline.
const HEADLINE_ROWS: usize = 2_000;

/// What `tsne` leaves behind: the points of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    columns: u32,
    components: u32,
    /// Point after point.
    #[serde(with = "crate::packed")]
    points: Vec<f32>,
    /// Of the training rows' values, column after column: SHA-256, in hexadecimal.
    rows: String,
}

impl Embedding {
    /// For each component the number of each training row.
    pub(crate) fn output(&self) -> Predictions {
        let components = self.components.max(1) as usize;
        let component = |first: usize| self.points.iter().skip(first).step_by(components).copied().collect();
        Predictions::Components((0..components).map(component).collect())
    }

    /// The points of the rows that the map was made of; an error for others.
    pub(crate) fn place(&self, columns: &[&[f32]]) -> Result<Predictions, Error> {
        if columns.first().is_some_and(|column| column.is_empty()) {
            return Ok(Predictions::Components(vec![Vec::new(); self.components as usize]));
        }
        if digest(columns) == self.rows {
            Ok(self.output())
        } else {
            Err(Error::OtherRows { algorithm: Algorithm::Tsne })
        }
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        let fits = self.columns as usize == columns
            && (2..=3).contains(&self.components)
            && self.points.len().is_multiple_of(self.components as usize);
        if !fits {
            return Err("the map does not fit the signature".to_owned());
        }
        if self.points.iter().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err("a point of the map is no finite number".to_owned())
        }
    }
}

fn digest(columns: &[&[f32]]) -> String {
    let mut hash = Sha256::new();
    for column in columns {
        hash.update((column.len() as u64).to_le_bytes());
        // In pieces, so that the bytes of a long column are never all there twice.
        for piece in column.chunks(4_096) {
            hash.update(piece.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks the hyperparameters alone.
pub(crate) fn check(given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    Settings::read(given).map(|(_, used)| used)
}

/// Makes the map.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = Settings::read(given)?;
    if problem.validation.is_some() {
        return Err(Error::OtherRows { algorithm: Algorithm::Tsne });
    }
    let scaling = Scaling::new(&problem.columns, settings.standardize);
    let rows = Rows::new(scaling.rows(&problem.columns), problem.columns.len());
    if settings.perplexity >= rows.len() as f64 {
        return Err(Error::HyperparameterValue {
            algorithm: Algorithm::Tsne,
            name: "perplexity".to_owned(),
            value: settings.perplexity.to_string(),
            expected: format!("less than the number of rows, {}", rows.len()),
        });
    }
    problem.control.report(0.0, None, "finding neighbours");
    let affinities = Affinities::new(&rows, settings.perplexity);
    let (points, divergence, curve) = if settings.components == 2 {
        arranged::<2>(problem, &settings, &scaling, &affinities)?
    } else {
        arranged::<3>(problem, &settings, &scaling, &affinities)?
    };
    let map = Rows::new(points.clone(), settings.components);
    let trust = trustworthiness::measure(&rows, &map, NEIGHBOURS, HEADLINE_ROWS, problem.seed);
    let embedding = Embedding {
        columns: problem.columns.len() as u32,
        components: settings.components as u32,
        points,
        rows: digest(&problem.columns),
    };
    let output = embedding.output();
    let mut fitted = Fitted::new(Estimator::Tsne(embedding), used);
    fitted.loss_curve = curve;
    fitted.measures =
        HeadlineMetrics { kl_divergence: Some(divergence), trustworthiness: trust, ..HeadlineMetrics::default() };
    fitted.training_output = Some(output);
    fitted.notes.push("the map is of the training rows; it cannot place other rows".to_owned());
    Ok(fitted)
}

type Arranged = (Vec<f32>, f64, Vec<kumiko_vocabulary::learning::LossPoint>);

fn arranged<const D: usize>(
    problem: &Problem<'_>,
    settings: &Settings,
    scaling: &Scaling,
    affinities: &Affinities,
) -> Result<Arranged, Error> {
    let points = start::<D>(problem, settings, scaling)?;
    let outcome = descent::descend(affinities, points, settings, problem.checkpoint.as_ref(), problem.control)?;
    Ok((outcome.points.into_iter().flatten().collect(), outcome.divergence, outcome.curve))
}

/// Where the points begin.
fn start<const D: usize>(
    problem: &Problem<'_>,
    settings: &Settings,
    scaling: &Scaling,
) -> Result<Vec<[f32; D]>, Error> {
    let rows = problem.columns.first().map_or(0, |column| column.len());
    let mut random = Random::new(problem.seed, 0);
    if settings.start == Start::Components
        && let Some(scores) = super::pca::leading(&problem.columns, scaling, D, problem.seed, problem.control)?
    {
        let first = scores.iter().map(|score| score.first().copied().unwrap_or_default()).collect::<Vec<f64>>();
        let deviation = (first.iter().map(|score| score * score).sum::<f64>() / rows as f64).sqrt();
        if deviation > 0.0 {
            let factor = START_DEVIATION / deviation;
            let point = |score: &Vec<f64>| {
                std::array::from_fn(|component| score.get(component).map_or(0.0, |score| (score * factor) as f32))
            };
            return Ok(scores.iter().map(point).collect());
        }
    }
    Ok((0..rows).map(|_| std::array::from_fn(|_| (random.normal() * START_DEVIATION) as f32)).collect())
}
