//! `train_unsupervised_clustering` and `train_unsupervised_dimensionality_reduction`: trainings without known answers.
//!
//! What comes out for each training row is written as a data set beside the model: the cluster of each row, or its components. t-SNE
//! makes a map of its training rows and of no others, so for it this data set is the result.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::{Exhibition, StoredFigure};
use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::markdown::{Table, measures, number};
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects;
use kumiko_sdk::outputs::{Destination, StoredObject, data_name, fingerprint, write_options};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{ColumnSummary, FileFormat, ReadOptions};
use kumiko_sdk::vocabulary::learning::{
    Algorithm, DEFAULT_SEED, HeadlineMetrics, LossPoint, ModelMetadata, Task, TrainingSpecification,
};
use serde_json::Map;

use crate::arguments::Choice;
use crate::outcome::{DataReference, thin};
use crate::train::draw;

/// The digits of a fingerprint that a name ends in.
const FINGERPRINT_DIGITS: usize = 8;
/// Columns of the output whose summary is told.
const COLUMNS_TOLD: usize = 10;

/// An algorithm that finds groups of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum ClusteringAlgorithm {
    /// So many centres, each row with its nearest.
    #[default]
    Kmeans,
    /// Dense regions of any shape; their number is found, and rows outside of them are noise.
    Dbscan,
    /// A mixture of normal distributions, with the probability of each cluster.
    GaussianMixture,
    /// k-means on the few numbers that a neural network squeezes each row into.
    Autoencoder,
}

impl Choice for ClusteringAlgorithm {
    const TASK: Task = Task::Clustering;

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Kmeans => Algorithm::Kmeans,
            Self::Dbscan => Algorithm::Dbscan,
            Self::GaussianMixture => Algorithm::GaussianMixture,
            Self::Autoencoder => Algorithm::Autoencoder,
        }
    }
}

/// An algorithm that makes few columns of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = choices::plain)]
pub(crate) enum ReductionAlgorithm {
    /// The directions in which the rows vary most.
    #[default]
    Pca,
    /// A map in two or three dimensions that keeps neighbours together. It has the training rows alone and places no others.
    Tsne,
    /// The few numbers that a neural network squeezes each row into and restores it from.
    Autoencoder,
}

impl Choice for ReductionAlgorithm {
    const TASK: Task = Task::DimensionalityReduction;

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Pca => Algorithm::Pca,
            Self::Tsne => Algorithm::Tsne,
            Self::Autoencoder => Algorithm::Autoencoder,
        }
    }
}

/// What to learn from what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(bound = "A: JsonSchema + Default + Serialize")]
pub(crate) struct UnsupervisedArguments<A: Default> {
    /// How the model is made.
    #[serde(default)]
    algorithm: A,
    /// The data set to learn from: `s3://bucket/key`, or a path in an allowed folder. Every column is a feature unless it is excluded. Text
    /// and missing values are prepared by a pipeline that is kept in the model, unless `pipeline_s3_uri` names one.
    train_data_s3_uri: String,
    /// The format of the data set. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// The algorithm's settings by the names and with the defaults of scikit-learn: `n_clusters`, `eps`, `min_samples`, `n_components`,
    /// `covariance_type`, `perplexity` … An unknown name is refused with those that are known. `standardize` (true) brings the columns to equal
    /// spread first.
    #[serde(default)]
    hyperparameters: Option<Map<String, Value>>,
    /// What the model is called, and the folder that it is kept in. A training of the same name replaces the model.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"))]
    training_job_name: Option<String>,
    /// Where the model goes. Without it, `models/<training_job_name>/model.kumiko` in the server's own bucket.
    model_output_s3_uri: Option<String>,
    /// Where the data set of clusters or components goes, a row for each training row; its ending decides the format. Without it,
    /// `models/<training_job_name>/output.csv` in the server's own bucket.
    output_s3_uri: Option<String>,
    /// Whether to replace what is at `model_output_s3_uri` and `output_s3_uri`.
    #[serde(default)]
    overwrite: bool,
    /// A fitted pipeline, as `preprocess_unsupervised` saves it. The data is prepared by it, and so is whatever the model is used on later.
    pipeline_s3_uri: Option<String>,
    /// A column of row weights, zero or more each; not a feature. Of the algorithms `kmeans` alone takes one.
    weight_column: Option<String>,
    /// Columns that are no features: identifiers, and a column of classes that is known.
    #[serde(default)]
    excluded_columns: Vec<String>,
    /// The seed of everything random. The same seed on the same data gives the same model, byte for byte.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw the course of the training, where the algorithm goes in steps.
    #[serde(default = "yes")]
    generate_plots: bool,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

fn yes() -> bool {
    true
}

impl<A: Choice> UnsupervisedArguments<A> {
    fn specification(&self, name: Option<&str>) -> TrainingSpecification {
        TrainingSpecification {
            algorithm: self.algorithm.algorithm(),
            task: A::TASK,
            target_column: None,
            hyperparameters: self.hyperparameters.clone().unwrap_or_default(),
            calibration: None,
            weight_column: self.weight_column.clone(),
            excluded_columns: self.excluded_columns.clone(),
            seed: self.seed,
            training_job_name: name.map(str::to_owned),
            training_data_uri: Some(self.train_data_s3_uri.clone()),
        }
    }

    fn name(&self, data: &DataReference) -> String {
        self.training_job_name.clone().unwrap_or_else(|| {
            let recipe = json!([self.specification(None), self.pipeline_s3_uri]).to_string();
            let fingerprint = fingerprint(&[&data.uri, &data.etag, &recipe]);
            let digits = fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(&fingerprint);
            format!("{}-{}-{digits}", data_name(&data.uri), self.algorithm.algorithm().as_str())
        })
    }
}

/// A model that was learnt without answers, and what it made of its rows.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UnsupervisedOutcome {
    /// What the model is called.
    training_job_name: String,
    /// Where the model is.
    model_s3_uri: String,
    /// The model in the store, with size and digest.
    model: StoredObject,
    /// The data set of clusters or components: a row for each training row, in their order.
    output: StoredObject,
    /// The columns of the output, the first ten: of clusters how many rows each has.
    output_columns: Vec<ColumnSummary>,
    /// How the model was made.
    algorithm: Algorithm,
    /// What it is for.
    task: Task,
    /// The data set that it learnt from, as it stood before the training.
    training_data: DataReference,
    /// The number of rows that it learnt from.
    training_rows: u64,
    /// The number of features after preparation.
    feature_count: u64,
    /// What was measured on these rows.
    training_metrics: HeadlineMetrics,
    /// How long the training took, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    training_seconds: Option<f64>,
    /// Every hyperparameter as it was used, defaults included.
    hyperparameters: Map<String, Value>,
    /// The seed of everything random.
    seed: u64,
    /// What the training minimised, step by step, at most 100 points of it, for algorithms that go in steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loss_curve: Vec<LossPoint>,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know.
    notes: Vec<String>,
}

/// Finds groups of rows that are alike, on a data set without known answers, and keeps the model in the store.
///
/// Answers with the number of clusters, their sizes, silhouette and other measures, and writes the cluster of every row as a data set. Measure
/// the clusters further with `evaluate_clustering`, and put other rows into them with `predict`.
#[tool(title = "Train a clustering", destructive, idempotent, long_running, aliases = ["train_clustering"])]
pub(crate) fn train_unsupervised_clustering(
    arguments: UnsupervisedArguments<ClusteringAlgorithm>,
) -> Result<Reply<UnsupervisedOutcome>> {
    train(&arguments)
}

/// Makes few columns of many that keep what matters, and keeps the model in the store.
///
/// Answers with the variance explained or the error of restoring, and writes the components of every row as a data set, to be looked at or
/// learnt from. `predict` gives the components of other rows, except for t-SNE, which makes a map of its training rows alone.
#[tool(
    title = "Train a dimensionality reduction",
    destructive,
    idempotent,
    long_running,
    aliases = ["train_unsupervised_dimension_reduction"]
)]
pub(crate) fn train_unsupervised_dimensionality_reduction(
    arguments: UnsupervisedArguments<ReductionAlgorithm>,
) -> Result<Reply<UnsupervisedOutcome>> {
    train(&arguments)
}

fn train<A: Choice>(arguments: &UnsupervisedArguments<A>) -> Result<Reply<UnsupervisedOutcome>> {
    let data = DataReference::from(objects::head(&arguments.train_data_s3_uri)?);
    let name = arguments.name(&data);
    let place = |named: &Option<String>, default: &str| {
        Destination::new(named.as_deref(), arguments.overwrite, &format!("models/{name}/{default}"))
    };
    let destination = place(&arguments.model_output_s3_uri, "model.kumiko");
    let output_destination = place(&arguments.output_s3_uri, "output.csv");
    let options = write_options(output_destination.uri(), None)?;
    destination.check()?;
    output_destination.check()?;

    let read = ReadOptions { format: arguments.file_format, ..ReadOptions::default() };
    let pipeline = arguments.pipeline_s3_uri.as_deref().map(Pipeline::load).transpose()?;
    let frame = Frame::open(&arguments.train_data_s3_uri, &read)?;
    let inputs = TrainingInputs { validation: None, preprocessing: pipeline.as_ref() };
    let model = Model::train(&frame, &arguments.specification(Some(&name)), inputs)?;
    let metadata = model.metadata()?;
    let made = model.training_output()?;
    let summary = made.summary(0)?;

    let mut notes = Vec::new();
    let gallery = if arguments.generate_plots { draw(&metadata, 0, &mut notes) } else { Default::default() };
    let folder = destination.folder("figures");
    gallery.check(&folder)?;
    let output = made.write(output_destination.uri(), &options, output_destination.precondition())?;
    let written = model.save(destination.uri(), destination.precondition())?;
    let exhibition = gallery.store(&folder).unwrap_or_else(|fault| {
        notes.push(format!("the figures were not stored: {}", fault.message));
        Exhibition::default()
    });
    let columns = summary.columns.into_iter().take(COLUMNS_TOLD).collect();
    let mut outcome =
        UnsupervisedOutcome::new(metadata, StoredObject::from(&written), StoredObject::from(&output), columns, data);
    outcome.notes.extend(notes);
    outcome.figures = exhibition.figures();
    let text = outcome.text();
    let links = [
        Link::from(&outcome.model).title(format!("Model {}", outcome.training_job_name)),
        Link::from(&outcome.output).title("Clusters or components"),
    ];
    let mut reply = Reply::new(outcome).text(text);
    for link in links {
        reply = reply.link(link);
    }
    Ok(exhibition.show(reply))
}

impl UnsupervisedOutcome {
    fn new(
        metadata: ModelMetadata,
        model: StoredObject,
        output: StoredObject,
        output_columns: Vec<ColumnSummary>,
        data: DataReference,
    ) -> Self {
        Self {
            training_job_name: metadata.name,
            model_s3_uri: model.uri.clone(),
            model,
            output,
            output_columns,
            algorithm: metadata.algorithm,
            task: metadata.task,
            training_data: data,
            training_rows: metadata.training_rows,
            feature_count: u64::try_from(metadata.signature.features.len()).unwrap_or(u64::MAX),
            training_metrics: metadata.training_metrics,
            training_seconds: metadata.training_seconds,
            hyperparameters: metadata.hyperparameters,
            seed: metadata.seed,
            loss_curve: thin(metadata.loss_curve),
            figures: Vec::new(),
            notes: metadata.notes,
        }
    }

    fn text(&self) -> String {
        let seconds = self.training_seconds.map(|seconds| format!(" in {} s", number(seconds))).unwrap_or_default();
        let mut table = Table::new(["Metric", "Value"]);
        for (name, value) in measures(&self.training_metrics) {
            table.push([name, number(value)]);
        }
        let mut text = format!(
            "Trained `{}` ({}, {}) on {} rows with {} features{seconds}.\n\n{table}",
            self.training_job_name,
            self.algorithm.as_str(),
            self.task.as_str(),
            self.training_rows,
            self.feature_count,
        );
        for note in &self.notes {
            text.push_str(&format!("\nNote: {note}\n"));
        }
        text.push_str(&format!(
            "\nThe model is at {}, what it made of its rows at {}",
            self.model_s3_uri, self.output.uri
        ));
        text
    }
}
