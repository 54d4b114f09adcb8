//! Models in other people's formats: XGBoost's JSON, written and read, and ONNX, written and run. Bytes in, bytes out: no files, no
//! network, no tables.
//!
//! - [`xgboost`]: boosted trees as Python's xgboost saves and loads them.
//! - [`onnx`]: every supervised model as one graph that onnxruntime runs, with its pipeline in it; and an interpreter of the operators
//!   that classical models and dense networks are made of, for graphs from elsewhere.
//!
//! What is read here comes from anybody. Sizes are held against [`Limits`] before anything is made of them, every reference is checked
//! once, and what cannot be done is refused by its name.

mod ensemble;
mod error;
mod limits;
pub mod onnx;
pub mod xgboost;

pub use error::Error;
pub use limits::Limits;
