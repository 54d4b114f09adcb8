//! Run a plugin's tools natively in `cargo test`, with an in-memory host.
//!
//! ```no_run
//! # use kumiko_sdk::Plugin;
//! # fn plugin() -> Plugin { unimplemented!() }
//! use kumiko_test_kit::{TestHost, json};
//!
//! # fn test() -> kumiko_sdk::Result<()> {
//! let host = TestHost::new()?;
//! host.put("s3://data/people.csv", "name,age\nAda,36\n")?;
//! let reply = host.call(&plugin(), "load_dataset", json!({ "s3_uri": "s3://data/people.csv" }))?;
//! assert_eq!(reply.structured["rows"], 1);
//! # Ok(())
//! # }
//! ```
//!
//! What a test sees is what the server does: frames, models and charts are those of the server, arguments and results
//! are held against the tool's schemas, and objects keep the promises of the server's stores, in memory. What a test
//! wants to know of a call it asks the [`TestHost`] afterwards: which objects there are, what was logged, how progress
//! was reported. The clock stands still and random numbers come in a fixed order, so that a test finds the same every
//! time.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod check;
mod functions;
mod kit;
mod store;
mod watch;

pub use check::problems;
pub use kit::{DEFAULT_TIME, TestHost};
pub use serde_json::json;
pub use watch::Report;
