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
//! Beyond the host there is what a test prepared: answers to requests, secrets, other plugins' tools. Anything else is
//! refused, as without a grant.
//!
//! ```
//! use kumiko_sdk::http::Request;
//! use kumiko_sdk::{notices, secrets, tools};
//! use kumiko_test_kit::{HttpAnswer, Notice, TestHost, json};
//!
//! # fn main() -> kumiko_sdk::Result<()> {
//! let host = TestHost::new()?;
//! host.http("GET https://api.example.com/features*", HttpAnswer::json(&json!(["petal_width"])))?;
//! host.secret("api_key", "k-123456", &["api.example.com"])?;
//! host.tool("load_dataset", json!({ "rows": 150 }));
//!
//! // What a tool does:
//! fn measure() -> kumiko_sdk::Result<()> {
//!     let key = secrets::placeholder("api_key");
//!     let answer = Request::get("https://api.example.com/features?of=iris").header("x-key", key).send()?;
//!     assert_eq!(answer.json::<Vec<String>>()?, ["petal_width"]);
//!     let loaded = tools::call("load_dataset", &json!({ "s3_uri": "s3://data/iris.csv" }))?;
//!     assert_eq!(loaded.structured["rows"], 150);
//!     notices::resource_updated("features://iris");
//!     Ok(())
//! }
//! host.run(measure)?;
//!
//! // What came of it:
//! assert!(host.requests()[0].headers.contains(&("x-key".to_owned(), "k-123456".to_owned())));
//! assert_eq!(host.tool_calls()[0].arguments["s3_uri"], "s3://data/iris.csv");
//! assert_eq!(host.notices(), [Notice::ResourceUpdated("features://iris".to_owned())]);
//! # Ok(())
//! # }
//! ```
//!
//! What a test sees is what the server does: frames, models, charts and the way of a request up to the network are
//! those of the server, arguments and results are held against the tool's schemas, and objects keep the promises of the
//! server's stores, in memory. What a test
//! wants to know of a call it asks the [`TestHost`] afterwards: which objects there are, what was logged, how progress
//! was reported. The clock stands still and random numbers come in a fixed order, so that a test finds the same every
//! time.

mod check;
mod functions;
mod kit;
mod network;
mod notices;
mod offered;
mod peers;
mod store;
mod watch;

pub use check::problems;
pub use kit::{DEFAULT_TIME, TestHost};
pub use network::HttpAnswer;
pub use notices::Notice;
pub use offered::{prompt_problems, resource_problems};
pub use peers::ToolCall;
pub use serde_json::json;
pub use watch::Report;
