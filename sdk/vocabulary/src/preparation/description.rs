//! What a pipeline has learnt, for people and agents to read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PipelineSpecification;
use crate::data::{Column, NumericSummary, ValueCount};

/// What a fitted pipeline expects, learnt and makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineDescription {
    /// What it was asked to do.
    pub specification: PipelineSpecification,
    /// The columns that it reads.
    pub input_columns: Vec<Column>,
    /// The columns that it makes, in order, the target included.
    pub output_columns: Vec<Column>,
    /// What becomes of each column that it reads.
    pub columns: Vec<ColumnDescription>,
    /// What fitting found.
    pub fit: FitReport,
}

/// What a column is to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRole {
    /// A number that is filled and scaled.
    Numeric,
    /// A category that is filled and encoded.
    Categorical,
    /// What is to be predicted.
    Target,
    /// It passes through.
    Passthrough,
    /// It is left out.
    Dropped,
    /// A step reads it.
    Source,
}

/// What becomes of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnDescription {
    /// The column.
    pub name: String,
    /// What it is to the pipeline.
    pub role: ColumnRole,
    /// What was learnt and is done, in words.
    pub treatment: String,
    /// The columns made of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
}

/// What fitting found in the frame it was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FitReport {
    /// The rows it was given.
    pub rows_given: u64,
    /// The rows it learnt from and returned.
    pub rows_kept: u64,
    /// Rows left out because their target is missing.
    pub rows_without_target: u64,
    /// Rows left out by `handle_missing: drop`.
    pub rows_with_missing_values: u64,
    /// Cells of number columns that are NaN or infinite and count as missing.
    pub values_not_finite: u64,
    /// The features returned, the target and what passes through not included.
    pub features: u64,
    /// The target's distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetSummary>,
}

/// The distribution of a target over the rows kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetSummary {
    /// Each class and its rows, in the order of the classes; at most the first 1,000 classes.
    Classes(Vec<ValueCount>),
    /// Statistics of a number.
    Number(NumericSummary),
}
