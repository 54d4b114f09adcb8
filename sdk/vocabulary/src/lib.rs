//! The documents that tools and host exchange as JSON, and the way a call fails.
//!
//! The contract (`wit/`) passes larger documents as JSON text; these are their types. A tool's argument struct can embed
//! them, so that an agent sees their schema, and the host parses the same types on the other side. Every type
//! refuses unknown fields.

pub mod arguments;
pub mod control;
pub mod fault;

pub mod data;
pub mod evaluation;
pub mod figures;
pub mod jobs;
pub mod learning;
pub mod preparation;

pub use control::Control;
pub use fault::{Fault, FaultKind};
