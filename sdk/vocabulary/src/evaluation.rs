//! Measuring models: what is asked for ([`EvaluationSpecification`], [`ComparisonSpecification`]) and what comes back.
//!
//! Measures are defined as scikit-learn defines them. One that the rows cannot give is absent, never NaN: JSON has no word for it.

mod classification;
mod comparison;
mod regression;
mod specification;

pub use classification::{
    AreaAverages, ClassMetrics, ClassificationReport, MetricAverages, PrecisionRecallCurve, PrecisionRecallPoint,
    RocCurve, RocPoint,
};
pub use comparison::{
    ComparedModel, Comparison, ComparisonMetric, ComparisonSpecification, PairedComparison, SignificanceTest,
};
pub use regression::{RegressionReport, ResidualPoint};
pub use specification::{
    Average, ConfidenceInterval, DEFAULT_BOOTSTRAP_SAMPLES, DEFAULT_CURVE_POINTS, DEFAULT_RESIDUAL_POINTS,
    EvaluationSpecification, MAXIMUM_BOOTSTRAP_SAMPLES,
};
