//! How well a clustering does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learning::DEFAULT_SEED;

/// How to measure a clustering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusteringSpecification {
    /// A column of known classes to compare the clusters with. It is no feature and teaches nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// Whether distances are measured between columns brought to mean 0 and standard deviation 1. Without it a column of
    /// large numbers decides alone.
    #[serde(default = "default_standardize")]
    pub standardize: bool,
    /// The seed of the sample behind the silhouette of many rows.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

impl Default for ClusteringSpecification {
    fn default() -> Self {
        Self { label_column: None, standardize: default_standardize(), seed: DEFAULT_SEED }
    }
}

fn default_standardize() -> bool {
    true
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// Measures of a clustering. Rows in no cluster (noise) are left out of the measures of shape, and are a class of their own
/// beside known classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusteringReport {
    /// The number of rows.
    pub rows: u64,
    /// The number of clusters that have rows.
    pub clusters: u64,
    /// The rows in no cluster.
    pub noise_rows: u64,
    /// Mean silhouette, −1 to 1: how much nearer a row is to its own cluster than to the next one. Absent with fewer than two
    /// clusters, or as many clusters as rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silhouette: Option<f64>,
    /// The rows that the silhouette has been measured on: all in clusters, or a random sample of them where they are many.
    pub silhouette_rows: u64,
    /// Davies–Bouldin index, 0 or more: mean over the clusters of their width against the distance to the most similar
    /// cluster. Lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub davies_bouldin: Option<f64>,
    /// Calinski–Harabasz index: variance between clusters against that within. Higher is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calinski_harabasz: Option<f64>,
    /// Sum of squared distances of rows to their cluster's centre.
    pub inertia: f64,
    /// How the clusters agree with known classes, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<LabelAgreement>,
    /// The clusters, by number.
    pub table: Vec<ClusterSummary>,
    /// What a person should know about these measures: a sample instead of all rows, a single cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How clusters agree with known classes, whatever either are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelAgreement {
    /// Pairs of rows on which both agree, corrected for chance: 1 is perfect, 0 is chance, below 0 is worse.
    pub adjusted_rand_index: f64,
    /// Mutual information over the mean of the entropies, 0 to 1.
    pub normalized_mutual_information: f64,
    /// Whether each cluster has rows of one class alone, 0 to 1.
    pub homogeneity: f64,
    /// Whether all rows of a class are in one cluster, 0 to 1.
    pub completeness: f64,
    /// Harmonic mean of homogeneity and completeness.
    pub v_measure: f64,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterSummary {
    /// The cluster's number.
    pub cluster: u32,
    /// Its rows.
    pub size: u64,
    /// Its share of all rows, noise included.
    pub share: f64,
    /// The mean of each feature over its rows, in the features' own units and the order in which they were given.
    pub center: Vec<f64>,
    /// Mean silhouette of its rows, as far as they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silhouette: Option<f64>,
}
