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
mod http;
mod jobs;
mod log;
mod models;
mod notices;
mod objects;
mod peers;
mod progress;
mod reach;
mod state;
mod wasi_http;

pub use cache::{Cache, Cached};
pub use compute::Compute;
pub use fault::{Refusal, from_contract, into_contract};
pub use kumiko_services::objects::ObjectInfo;
pub use log::{Level, LogContext, LogLine, LogSink};
pub use notices::{Notice, Notices, Unheard};
pub use peers::{PeerReply, Peers};
pub use progress::{CallControl, ProgressSink, Update};
pub use state::{CallContext, CallState, Services, add_to_linker};
