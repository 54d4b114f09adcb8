//! The engine: components in, answers out, nothing else touched.
//!
//! ```text
//! bytes ─ inspect ─► what it imports, which contract it was built for        (no compiling)
//!       ─ compile ─► machine code, here or in another process                (slow, cacheable)
//!       ─ Plugin  ─► linked once, described once under limits
//!       ─ call    ─► a pooled instance of its own, run under limits, dropped
//! ```
//!
//! A guest that traps, loops or takes too much ends its own call with a typed fault. Three clocks watch it: the epoch ticker
//! counts the guest's own processor time and lets other tasks run, a timer around the call bounds wall time also while the guest waits
//! in a host function, and the call's cancellation token ends it at once.

mod background;
mod call;
pub mod compiler;
mod engine;
mod error;
mod inspect;
mod limiter;
pub mod limits;
mod manifest;
mod meter;
mod offered;
mod plugin;
mod priority;
mod spare;

pub use call::{CallFailure, Reply};
pub use compiler::{Compiler, Workshop};
pub use engine::Runtime;
pub use error::Error;
pub use inspect::{CONTRACT_VERSION, Inspection, inspect};
pub use kumiko_functions::bindings::exports::kumiko::plugin::tools as contract;
pub use kumiko_functions::bindings::kumiko::host::types as contract_types;
pub use kumiko_functions::bindings::prompts::exports::kumiko::plugin::prompts;
pub use kumiko_functions::bindings::resources::exports::kumiko::plugin::resources;
pub use limits::Limits;
pub use manifest::{Annotations, Icon, Manifest, Tool};
pub use offered::PromptReply;
pub use plugin::Plugin;
