//! Write a Kumiko tool as a documented, typed function.
//!
//! ```
//! use kumiko_sdk::prelude::*;
//!
//! plugin! { name: "hello", description: "Greets people.", tools: [greet] }
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Greeting {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeted {
//!     /// The greeting.
//!     message: String,
//! }
//!
//! /// Greets somebody by name.
//! #[tool(read_only, idempotent)]
//! fn greet(arguments: Greeting) -> Result<Greeted> {
//!     Ok(Greeted { message: format!("Hello, {}!", arguments.name) })
//! }
//!
//! # fn main() {
//! let reply = plugin().call("greet", json!({ "name": "Ada" })).unwrap();
//! assert_eq!(reply.structured["message"], "Hello, Ada!");
//! # }
//! ```
//!
//! The doc comments are what an agent reads: those of the function describe the tool, those of the fields its arguments
//! and its result. From the types come the JSON Schemas of both. Built for `wasm32-unknown-unknown` the crate is a
//! component that the server loads; built for any other target it is a library whose tools a test calls directly.
//!
//! What the host does for a tool is in the modules [`objects`], [`frames`], [`models`], [`charts`], [`log`],
//! [`progress`], [`time`] and [`random`]. A component imports those that its tools use and no others. Where a test
//! calls such a tool, it installs a host first: [`host::with`], or the crate `kumiko-test-kit`, which has a complete
//! one in memory.

// The macros and the generated bindings name this crate by its public name, inside and outside.
#[cfg(any(target_arch = "wasm32", test))]
extern crate self as kumiko_sdk;

pub mod answer;
pub mod arguments;
pub mod charts;
pub mod choices;
pub mod content;
pub mod context;
mod document;
pub mod fault;
pub mod figures;
pub mod frames;
pub mod host;
pub mod http;
pub mod input;
pub mod jobs;
pub mod log;
pub mod markdown;
pub mod models;
pub mod notices;
pub mod objects;
pub mod outputs;
pub mod plugin;
pub mod progress;
pub mod prompts;
pub mod random;
pub mod resources;
pub mod schema;
pub mod second_names;
pub mod secrets;
pub mod time;
pub mod tools;

#[cfg(any(target_arch = "wasm32", test))]
#[doc(hidden)]
pub mod bindings;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
#[cfg(any(target_arch = "wasm32", test))]
#[doc(hidden)]
pub use wit_bindgen;

pub use answer::{Answer, Reply};
pub use content::Content;
pub use context::Context;
pub use fault::{Fault, FaultKind, Result};
pub use kumiko_macros::{plugin, tool};
pub use kumiko_vocabulary as vocabulary;
pub use plugin::{Annotations, Icon, Plugin, Tool};

/// Everything that a file with tools needs.
///
/// The derives `Serialize`, `Deserialize` and `JsonSchema` name the crates `serde` and `schemars`, so a plugin's
/// `Cargo.toml` lists these two beside `kumiko-sdk`.
pub mod prelude {
    pub use crate::input::InputRequired;
    pub use crate::{Answer, Content, Context, Fault, FaultKind, Reply, Result, log, plugin, progress, tool};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// Makes `fn plugin() -> Plugin` the component's exports. Written by `plugin!`.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! export_component {
    ($plugin:ident) => {
        #[allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated code")]
        const _: () = {
            struct Component;

            impl $crate::bindings::Guest for Component {
                fn describe() -> $crate::bindings::Manifest {
                    $crate::guest::describe(&$plugin())
                }

                fn call(
                    invocation: $crate::bindings::Invocation,
                ) -> ::core::result::Result<$crate::bindings::Answer, $crate::bindings::Fault> {
                    $crate::guest::call(&$plugin(), invocation)
                }
            }

    $crate::bindings::export_capability!(Component with_types_in $crate::bindings);
        };
    };
}

/// Natively a plugin has no exports.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! export_component {
    ($plugin:ident) => {};
}
