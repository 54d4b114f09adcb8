//! Training a model: what is asked for ([`TrainingSpecification`]) and what a model tells about itself ([`ModelMetadata`]).
//!
//! Hyperparameters carry the names that scikit-learn gives them. The host checks them strictly: an unknown name is refused with
//! the nearest known one, a value out of range with the range.

mod metadata;
mod reinforcement;
mod specification;
mod validation;

pub use metadata::{
    DataOrigin, FeatureImportance, FeatureSignature, FeatureType, HeadlineMetrics, LossPoint, MODEL_FORMAT_VERSION,
    ModelMetadata, ModelSignature,
};
pub use reinforcement::{
    ReinforcementAlgorithm, ReinforcementReport, ReinforcementSpecification, ReinforcementTraining, ReturnPoint,
};
pub use specification::{Algorithm, Calibration, DEFAULT_SEED, Task, TrainingSpecification};
pub use validation::{CrossValidation, CrossValidationReport, DEFAULT_FOLDS, FoldMethod, MAXIMUM_FOLDS};
