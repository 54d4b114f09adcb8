//! Measuring and explaining models: what is asked for ([`EvaluationSpecification`], [`ComparisonSpecification`],
//! [`BiasSpecification`], [`ExplanationSpecification`]) and what comes back.
//!
//! Measures are defined as scikit-learn defines them. One that the rows cannot give is absent, never NaN: JSON has no word for it.

mod bias;
mod classification;
mod clustering;
mod comparison;
mod explanation;
mod regression;
mod specification;

pub use bias::{BiasFacet, BiasMeasure, BiasMetric, BiasReport, BiasSpecification, BiasStage, CellValue, FacetBias};
pub use classification::{
    AreaAverages, CalibrationBin, ClassCalibration, ClassMetrics, ClassificationReport, MetricAverages,
    PrecisionRecallCurve, PrecisionRecallPoint, RocCurve, RocPoint,
};
pub use clustering::{ClusterSummary, ClusteringReport, ClusteringSpecification, LabelAgreement};
pub use comparison::{
    ComparedModel, Comparison, ComparisonMetric, ComparisonSpecification, PairedComparison, SignificanceTest,
};
pub use explanation::{
    DEFAULT_BACKGROUND_ROWS, DEFAULT_PERMUTATIONS, ExplainedOutput, ExplanationMethod, ExplanationOutput,
    ExplanationReport, ExplanationSpecification, FeatureExplanation, MAXIMUM_BACKGROUND_ROWS, MAXIMUM_PERMUTATIONS,
    RowExplanation,
};
pub use regression::{RegressionReport, ResidualPoint};
pub use specification::{
    Average, ConfidenceInterval, DEFAULT_BOOTSTRAP_SAMPLES, DEFAULT_CALIBRATION_BINS, DEFAULT_CURVE_POINTS,
    DEFAULT_RESIDUAL_POINTS, EvaluationSpecification, MAXIMUM_BOOTSTRAP_SAMPLES, MAXIMUM_CALIBRATION_BINS,
};
