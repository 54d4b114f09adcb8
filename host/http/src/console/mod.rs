//! The console: a page for operators, and what it asks for.
//!
//! The page is plain files compiled into the program (`console/` in this crate). Behind it are a few requests that answer JSON: what is
//! loaded, which calls run and ran, a few numbers, and a call of any tool, under the same checks as a client's.

mod api;
mod assets;
mod tally;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::routing::{get, post};
use kumiko_catalog::Catalog;
use kumiko_telemetry::Journal;

pub(crate) use assets::open_files;
pub use tally::Tally;

/// A number that somebody else knows.
pub type Gauge = Arc<dyn Fn() -> f64 + Send + Sync>;

/// What the console shows.
#[derive(Clone)]
pub struct Console {
    /// What is loaded.
    pub catalog: Arc<Catalog>,
    /// The calls.
    pub journal: Arc<Journal>,
    /// Their numbers.
    pub tally: Arc<Tally>,
    /// Memory of the guests that run, in bytes.
    pub guest_memory: Gauge,
    /// Frames and models kept in memory, in bytes.
    pub cache: Gauge,
    /// When the server started.
    pub started: Instant,
}

impl Console {
    /// The requests behind the page. Whoever reaches them has proved who they are.
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/state", get(api::state))
            .route("/api/tools", get(api::tools))
            .route("/api/calls", get(api::calls))
            .route("/api/metrics", get(api::metrics))
            .route("/api/call", post(api::call))
            .with_state(Arc::new(self))
    }
}
