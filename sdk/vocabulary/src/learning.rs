//! Training a model: what is asked for ([`TrainingSpecification`]) and what a model tells about itself ([`ModelMetadata`]).
//!
//! Hyperparameters carry the names that scikit-learn gives them. The host checks them strictly: an unknown name is refused with
//! the nearest known one, a value out of range with the range.

mod metadata;
mod specification;

pub use metadata::{
    DataOrigin, FeatureImportance, FeatureSignature, FeatureType, HeadlineMetrics, LossPoint, MODEL_FORMAT_VERSION,
    ModelMetadata, ModelSignature,
};
pub use specification::{Algorithm, DEFAULT_SEED, Task, TrainingSpecification};
