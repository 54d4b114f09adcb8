//! The HTTP face as its clients meet it: real connections, the real router, rmcp behind it, and a handler that says
//! what it learned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod console;
mod front;
mod keys;
mod place;
mod sessions;
mod start;
mod stop;
mod tls;
mod tokens;
