//! The protocol face: what an MCP client sees of the catalog.
//!
//! One handler serves both eras of the protocol: sessions opened by `initialize` (2024-11-05 to 2025-11-25) and self-contained
//! requests (2026-07-28). rmcp speaks the wire; what it leaves to servers is here: arguments checked, panics contained,
//! progress paced and ordered before the answer, changes told to everybody who listens, questions to the client bridged over both eras.

mod answer;
mod caller;
mod input;
mod lines;
mod page;
mod prompts;
mod relay;
mod resources;
mod rounds;
mod server;
mod session;
mod surface;
mod tasks;
mod tools;

pub use caller::{Caller, Selection};
pub use server::{Server, serve_stdio};
pub use surface::RESERVED;

/// The product's mark, as SVG.
pub const MARK: &str = include_str!("mark.svg");
