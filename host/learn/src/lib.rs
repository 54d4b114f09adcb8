//! Numerical kernels: estimators, metrics and the native model format. Plain Rust over columns of numbers: no tables, no
//! protocol, no files but those that a caller lends to [`train_columnwise`] for what memory does not hold.
//!
//! The way through it: [`train`] checks the [`TrainingData`], reads the hyperparameters strictly, lets the algorithm's
//! estimator learn (`estimator.rs` lists them all) and measures what came out. The [`Model`] predicts for [`Features`] matched by
//! name, and turns into bytes and back (`docs/model-format.md`). [`metrics`] measures predictions against known answers, and
//! [`explain`] says what each column adds to a prediction.
//!
//! Two rules hold everywhere. Results do not depend on the number of threads: work is cut into pieces whose size follows from
//! the data alone, and pieces are put together in order. And nothing here panics on what a caller hands in.

mod binning;
mod blocks;
mod boosting;
mod calibration;
mod checkpoint;
mod class_weights;
mod clustering;
mod columnwise;
mod data;
mod distances;
mod eigen;
mod error;
mod estimator;
pub mod explain;
mod forest;
mod format;
mod hyperparameters;
mod linear;
mod matrix;
pub mod metrics;
mod model;
mod nearest_rows;
mod neighbours;
mod neural;
mod packed;
mod prefetch;
mod random;
mod ranks;
mod reduction;
pub mod reinforcement;
mod threads;
mod training;
pub mod trees;

pub use boosting::Boosted;
pub use calibration::{Calibrated, CalibrationMap, Isotonic, Sigmoid};
pub use clustering::{DbscanModel, KmeansModel, Mixture};
pub use columnwise::{ColumnSource, ColumnwiseData, ScratchFiles};
pub use data::{Features, Predictions, Target, TrainingData, class_codes};
pub use error::Error;
pub use estimator::{Estimator, check_hyperparameters};
pub use forest::Forest;
pub use linear::{LinearModel, LogisticModel};
pub use model::Model;
pub use neural::{LayerView, Network, NetworkOutput, NetworkView};
pub use reduction::{AutoencoderModel, Embedding, PcaModel};
pub use reinforcement::Policy;
pub use training::{train, train_columnwise};
