//! Autoencoders as models: the few latent numbers of each row, or clusters of them.
//!
//! `neural::autoencoder` learns the columns from themselves, standardised always; for clustering, k-means then groups the latent numbers,
//! standardised as well, so that no latent dimension decides alone.

use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clustering::{KmeansModel, kmeans};
use crate::data::Predictions;
use crate::error::Error;
use crate::estimator::{Answers, Estimator, Fitted, Problem};
use crate::hyperparameters::Hyperparameters;
use crate::neural::autoencoder::{self, Autoencoder, AutoencoderSettings};

/// Clusters at most.
const MOST_CLUSTERS: usize = 65_536;
/// Runs of k-means on the latent numbers: they are few, so several cost little.
const RUNS: usize = 10;

/// What `autoencoder` leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutoencoderModel {
    network: Autoencoder,
    /// Of clustering: centres among the latent numbers.
    clusters: Option<KmeansModel>,
}

impl AutoencoderModel {
    /// Latent numbers of a row.
    #[must_use]
    pub fn latent_dimensions(&self) -> usize {
        self.network.latent_dimensions()
    }

    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let latent = self.latent(columns);
        match &self.clusters {
            Some(clusters) => clusters.predict(&borrowed(&latent)),
            None => Predictions::Components(latent),
        }
    }

    /// The latent numbers. Rows have been checked before they come here, so none is refused.
    fn latent(&self, columns: &[&[f32]]) -> Vec<Vec<f32>> {
        self.network.encode(columns).unwrap_or_else(|_| vec![Vec::new(); self.latent_dimensions()])
    }

    pub(crate) fn measure(&self, columns: &[&[f32]], seed: u64) -> HeadlineMetrics {
        let clusters = self.clusters.as_ref().map(|clusters| clusters.measure(&borrowed(&self.latent(columns)), seed));
        HeadlineMetrics { reconstruction_error: self.error(columns), ..clusters.unwrap_or_default() }
    }

    /// The mean squared error of a restored, standardised value.
    fn error(&self, columns: &[&[f32]]) -> Option<f64> {
        let errors = self.network.reconstruction_error(columns).ok()?;
        (!errors.is_empty()).then(|| errors.iter().map(|error| f64::from(*error)).sum::<f64>() / errors.len() as f64)
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        self.network.check(columns)?;
        self.clusters.as_ref().map_or(Ok(()), |clusters| clusters.check(self.latent_dimensions()))
    }
}

fn borrowed(columns: &[Vec<f32>]) -> Vec<&[f32]> {
    columns.iter().map(Vec::as_slice).collect()
}

struct Settings {
    network: AutoencoderSettings,
    /// Of clustering: how many clusters, and how many runs to find them.
    clusters: Option<(usize, usize)>,
}

fn read(task: Task, given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    let mut known = AutoencoderSettings::NAMES.to_vec();
    if task == Task::Clustering {
        known.extend(["n_clusters", "n_init"]);
    }
    let mut reader = Hyperparameters::new(Algorithm::Autoencoder, given, &known)?;
    let network = AutoencoderSettings::read(&mut reader)?;
    let clusters = if task == Task::Clustering {
        Some((reader.whole("n_clusters", 8, 1..=MOST_CLUSTERS)?, reader.whole("n_init", RUNS, 1..=10_000)?))
    } else {
        None
    };
    Ok((Settings { network, clusters }, reader.used()))
}

/// Checks the hyperparameters alone.
pub(crate) fn check(task: Task, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(task, given).map(|(_, used)| used)
}

/// Fits the model.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(problem.answers.task(), given)?;
    let rows = problem.columns.first().map_or(0, |column| column.len());
    if let Some((clusters, _)) = settings.clusters.filter(|(clusters, _)| *clusters > rows) {
        return Err(Error::HyperparameterValue {
            algorithm: Algorithm::Autoencoder,
            name: "n_clusters".to_owned(),
            value: clusters.to_string(),
            expected: format!("at most the number of rows, {rows}"),
        });
    }
    let checkpoint = problem.checkpoint.as_ref();
    let learnt = autoencoder::fit(&problem.columns, &settings.network, problem.seed, checkpoint, problem.control)?;
    let mut model = AutoencoderModel { network: learnt.autoencoder, clusters: None };
    let mut notes = learnt.notes;
    let mut measures =
        HeadlineMetrics { reconstruction_error: model.error(&problem.columns), ..HeadlineMetrics::default() };
    let latent = model.network.encode(&problem.columns)?;
    let mut output = Predictions::Components(latent);
    if let (Some((clusters, runs)), Predictions::Components(latent)) = (settings.clusters, &output) {
        let names: Vec<String> = (1..=latent.len()).map(|number| format!("latent_{number}")).collect();
        let problem = Problem {
            names: &names,
            columns: borrowed(latent),
            answers: Answers::None(Task::Clustering),
            weights: None,
            validation: None,
            // The network's last state stays: grouping a few latent numbers anew costs little beside training it.
            checkpoint: None,
            ..*problem
        };
        let hyperparameters = json!({ "n_clusters": clusters, "n_init": runs });
        let grouped = kmeans::fit(&problem, hyperparameters.as_object().unwrap_or(&Map::new()))?;
        if let Estimator::Kmeans(clusters) = grouped.estimator {
            model.clusters = Some(clusters);
        }
        measures = HeadlineMetrics { reconstruction_error: measures.reconstruction_error, ..grouped.measures };
        notes.extend(grouped.notes);
        if let Some(clusters) = grouped.training_output {
            output = clusters;
        }
    }
    let mut fitted = Fitted::new(Estimator::Autoencoder(model), used);
    fitted.loss_curve = learnt.curve;
    fitted.notes = notes;
    fitted.measures = measures;
    fitted.training_output = Some(output);
    Ok(fitted)
}
