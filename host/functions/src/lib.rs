//! Host functions: what a plugin can ask of the host, one file for each interface of `kumiko:host`.
//!
//! Every file has the same four parts: a context with what the interface needs for one call, a view that borrows it
//! together with the resource table, the generated trait implemented on the view, and an entry in [`add_to_linker`]. A function
//! here is thin: it parses its documents, calls the service, frame or kernel below, and converts the error. Whatever computes
//! goes through [`Compute`], so that no async thread is ever blocked.

pub mod bindings;

mod cache;
mod charts;
mod compute;
mod documents;
mod fault;
mod frames;
mod log;
mod models;
mod objects;
mod progress;
mod state;

pub use cache::{Cache, Cached};
pub use compute::Compute;
pub use fault::{Refusal, from_contract, into_contract};
pub use log::{Level, LogContext, LogLine, LogSink};
pub use progress::{CallControl, ProgressSink, Update};
pub use state::{CallContext, CallState, Services, add_to_linker};
