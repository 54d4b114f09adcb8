//! Numerical kernels: estimators, metrics and the native model format. Plain Rust over columns of numbers: no tables, no
//! files, no protocol.
//!
//! The way through it: [`train`] checks the [`TrainingData`], reads the hyperparameters strictly, lets the algorithm's
//! estimator learn (`estimator.rs` lists them all) and measures what came out. The [`Model`] predicts for [`Features`] matched by
//! name, and turns into bytes and back (`docs/model-format.md`). [`metrics`] measures predictions against known answers.
//!
//! Two rules hold everywhere. Results do not depend on the number of threads: work is cut into pieces whose size follows from
//! the data alone, and pieces are put together in order. And nothing here panics on what a caller hands in.

mod blocks;
mod class_weights;
mod data;
mod error;
mod estimator;
mod forest;
mod format;
mod hyperparameters;
mod linear;
pub mod metrics;
mod model;
mod packed;
mod random;
mod training;

pub use data::{Features, Predictions, Target, TrainingData, class_codes};
pub use error::Error;
pub use estimator::{Estimator, check_hyperparameters};
pub use forest::Forest;
pub use linear::{LinearModel, LogisticModel};
pub use model::Model;
pub use training::train;
