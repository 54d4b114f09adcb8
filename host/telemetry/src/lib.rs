//! What operators watch: the journal of calls, metrics, the audit log, traces.
//!
//! ```text
//!            begin                       end, or dropped
//! Call ────────────► Running (a guard) ──────────────────► CallRecord ─┬─► one line of the log (target `kumiko::call`)
//!                        │                                             ├─► the last 500, for the console
//!                        └─ in `Journal::running`                      └─► observers: `Metrics`, `Audit`, whoever asks
//! ```
//!
//! A call is told once, to the [`Journal`]; the others observe it. Each of the four works without the others, and none
//! of them holds up a call for longer than a lock, but for the audit log when its disk cannot follow: there the caller
//! waits, because a line of it is never dropped.

mod audit;
mod call;
mod clock;
mod error;
mod gather;
mod journal;
mod mask;
mod metrics;
mod summary;
mod traces;

pub use audit::{Audit, AuditEvent, Verified, VerifiedChain, verify, verify_all};
pub use call::{Call, CallObserver, CallRecord, Outcome};
pub use clock::rfc3339;
pub use error::Error;
pub use journal::{CALL_TARGET, Form, Journal, RECENT_CALLS, Running, RunningCall};
pub use mask::masked;
pub use metrics::{CONTENT_TYPE, Metrics, gauges};
pub use summary::result_summary;
pub use traces::{Guard, TraceContext, TraceSettings, layer};
