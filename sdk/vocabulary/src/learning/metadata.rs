//! What a model tells about itself: the JSON header of its file and the answer to whoever asks what it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Algorithm, ReinforcementTraining, Task};

/// The version of the native model format that this code writes, and the highest that it reads.
pub const MODEL_FORMAT_VERSION: u32 = 1;

/// Name, algorithm, signature, measures and origin of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelMetadata {
    /// The version of the file format that the model has been written in.
    pub format_version: u32,
    /// What the model is called.
    pub name: String,
    /// How the model was made.
    pub algorithm: Algorithm,
    /// What it is for.
    pub task: Task,
    /// What goes in and what comes out.
    pub signature: ModelSignature,
    /// Every hyperparameter as it was used, defaults included.
    pub hyperparameters: Map<String, Value>,
    /// The seed of everything random in the training.
    pub seed: u64,
    /// Measures on the rows that the model learnt from, or on some 20,000 of them, evenly spread. They flatter it: judge it by
    /// others.
    pub training_metrics: HeadlineMetrics,
    /// Measures on the validation rows, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_metrics: Option<HeadlineMetrics>,
    /// How much each feature matters to the model, largest first; the shares add up to 1. For forests the mean decrease of
    /// impurity, for linear models the absolute coefficient times the feature's standard deviation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_importances: Vec<FeatureImportance>,
    /// The number of rows that the model learnt from.
    pub training_rows: u64,
    /// The number of rows that it was validated on; 0 where there were none.
    #[serde(default)]
    pub validation_rows: u64,
    /// The data set that it learnt from, where it came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_data: Option<DataOrigin>,
    /// The version of the server that trained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// How long the training took, in seconds of wall time. Known in the answer to the training alone: a saved model does
    /// not hold it, so that the same training gives the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_seconds: Option<f64>,
    /// The loss that the training minimised, step by step, for algorithms that go in steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loss_curve: Vec<LossPoint>,
    /// Reinforcement learning: how the training went and how well the policy does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reinforcement: Option<ReinforcementTraining>,
    /// What a person should know about this training: no convergence within the iterations allowed, a rank-deficient matrix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl ModelMetadata {
    /// What is to be said of a model that another program made: what its file holds, and that no more is known. `origin` is where it
    /// comes from, in words.
    #[must_use]
    pub fn from_elsewhere(name: &str, algorithm: Algorithm, signature: ModelSignature, origin: &str) -> Self {
        Self {
            format_version: MODEL_FORMAT_VERSION,
            name: name.to_owned(),
            algorithm,
            task: if signature.classes.is_some() { Task::Classification } else { Task::Regression },
            signature,
            hyperparameters: Map::new(),
            seed: 0,
            training_metrics: HeadlineMetrics::default(),
            validation_metrics: None,
            feature_importances: Vec::new(),
            training_rows: 0,
            validation_rows: 0,
            training_data: None,
            server_version: None,
            training_seconds: None,
            loss_curve: Vec::new(),
            reinforcement: None,
            notes: vec![format!("{origin}: how it was trained and measured is not known")],
        }
    }
}

/// What goes into a model and what comes out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSignature {
    /// The columns that the estimator reads, matched by name. With a pipeline in the model these are the columns after it.
    pub features: Vec<FeatureSignature>,
    /// The column that it predicts; absent for clustering and dimensionality reduction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The classes, in the order of the probabilities; of classifiers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

/// One column that a model reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureSignature {
    /// The column's name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type", default)]
    pub feature_type: FeatureType,
    /// Whether the model accepts missing values in it.
    #[serde(default)]
    pub nullable: bool,
}

/// What a feature column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeatureType {
    /// Numbers, read with 32 bits.
    #[default]
    Number,
    /// Texts; of graphs from elsewhere alone.
    Text,
}

/// One feature's share in what a model decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureImportance {
    /// The feature's name.
    pub feature: String,
    /// Its share, 0 to 1.
    pub importance: f64,
}

/// A data set, pinned to its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataOrigin {
    /// Where it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The SHA-256 of what was learnt from, in hexadecimal: names and 32-bit values of the features, column by column, then the
    /// answers. The same rows give the same digest in whatever file they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The few measures by which a model is known. Those of other tasks, and those that a data set cannot give (an area under
/// the ROC curve with one class), are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadlineMetrics {
    /// Classification: the share of rows whose class is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Classification: harmonic mean of precision and recall; of the second class where there are two, weighted by support otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Classification: mean negative log likelihood of the true class, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_loss: Option<f64>,
    /// Classification: area under the ROC curve; mean of one class against the rest where there are more than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc_auc: Option<f64>,
    /// Regression: root of the mean squared error, in the target's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Regression: mean absolute error, in the target's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// Regression: the share of variance explained; at most 1, below 0 for a model worse than the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// Forests with `oob_score`: accuracy or R² on the rows that a tree did not see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_bag_score: Option<f64>,
    /// Clustering: the number of clusters that have rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<u64>,
    /// Density-based clustering: the rows that are in no cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_rows: Option<u64>,
    /// Clustering: mean silhouette of the rows in clusters, −1 to 1, higher is better; where there are many rows, of some 2,000
    /// drawn with the model's seed. In the units that the model measures distances in, like all measures of clusters here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silhouette: Option<f64>,
    /// Clustering: Davies–Bouldin index, 0 or more, lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub davies_bouldin: Option<f64>,
    /// Clustering: Calinski–Harabasz index, higher is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calinski_harabasz: Option<f64>,
    /// k-means: sum of squared distances to the nearest centre, weighted as the rows are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inertia: Option<f64>,
    /// Mixtures: mean log likelihood of a row, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// Mixtures: Bayesian information criterion, lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<f64>,
    /// Mixtures: Akaike information criterion, lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aic: Option<f64>,
    /// Principal components: the share of variance that the components kept explain together, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_variance: Option<f64>,
    /// Dimensionality reduction that can be undone: mean squared error of a restored value, in the units that the model works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction_error: Option<f64>,
    /// t-SNE: Kullback–Leibler divergence of the map's neighbourhoods from the data's, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl_divergence: Option<f64>,
    /// t-SNE: how far neighbours in the map are neighbours in the data, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trustworthiness: Option<f64>,
}

/// The loss after one step of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossPoint {
    /// The step: iteration, epoch or round, from 0 (before the first).
    pub step: u32,
    /// The objective on the training rows, penalty included.
    pub training: f64,
    /// The loss on the validation rows, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
}
