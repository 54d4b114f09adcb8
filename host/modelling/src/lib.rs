//! Models on frames: where tables meet kernels.
//!
//! The kernels know columns of numbers; frames know columns of anything. Here a frame becomes what a kernel reads: columns are
//! matched by name, text and missing values go through the model's own pipeline, classes become codes, and predictions
//! become a frame again. A model that was trained on unprepared data carries the pipeline that prepared it.

mod bias;
mod columnwise;
mod evaluate;
mod explain;
mod loaded;
mod matrix;
mod policy;
mod predict;
mod train;
mod validate;

use std::path::Path;

use kumiko_vocabulary::Fault;

pub use bias::bias;
pub use columnwise::{Stored, train_columnwise};
pub use evaluate::{Report, compare, evaluate, evaluate_clustering};
pub use explain::{Explained, explain};
pub use loaded::AnyModel;
pub use policy::{evaluate_policy, train_policy};
pub use predict::{predict, training_output};
pub use train::train;
pub use validate::cross_validate;

/// Reads a model in any form that [`AnyModel::from_bytes`] knows. `name` is what the caller calls the file.
///
/// # Errors
///
/// A file that cannot be read, and whatever is wrong with its bytes.
pub fn read(path: &Path, name: &str) -> Result<AnyModel, Fault> {
    let bytes = std::fs::read(path)
        .map_err(|error| Fault::failed("model_unreadable", format!("`{name}` cannot be read: {error}")))?;
    AnyModel::from_bytes(&bytes, name)
}
