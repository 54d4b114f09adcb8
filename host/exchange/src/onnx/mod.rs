//! ONNX: models written as graphs, and graphs from elsewhere run.
//!
//! `proto` has the file's messages and `graph` what makes them; `export` turns models into graphs. `run` reads a graph, checks it once,
//! and runs it.

mod export;
mod graph;
mod proto;
mod run;

pub use export::{Description, export, export_trees};
pub use run::{ColumnValues, ElementKind, InputColumn, OnnxModel, OnnxPort, OnnxPredictions, OnnxSignature};
