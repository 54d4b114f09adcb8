//! What the rest of the server contributes to the HTTP face.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

/// Whether the server can do its work, and what it waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness {
    /// Whether `/readyz` answers 200.
    pub ready: bool,
    /// What a person should know: an object of any shape, free of secrets. Anybody who reaches the server by an allowed
    /// name can read it.
    pub detail: Value,
}

/// Which part of the HTTP face a request belongs to: few values, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The protocol's endpoint.
    Mcp,
    /// `/healthz` and `/readyz`.
    Health,
    /// `/metrics`.
    Metrics,
    /// Everything below `/console`.
    Console,
    /// The metadata of the protected resource.
    Metadata,
    /// No path that the server has.
    Unknown,
}

impl Route {
    /// The route as one lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Console => "console",
            Self::Metadata => "metadata",
            Self::Unknown => "unknown",
        }
    }
}

/// Says whether the server is ready.
pub type Ready = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Writes the metrics in the OpenMetrics text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Hears of every response's status once its head is decided.
pub type OnHttp = Arc<dyn Fn(Route, StatusCode) + Send + Sync>;

/// Hears of every failed proof of identity: the peer's address and the code of the refusal.
pub type OnRefused = Arc<dyn Fn(IpAddr, &'static str) + Send + Sync>;

/// What stands behind the routes beside the protocol. The default is always ready, has no metrics and no console, and
/// tells nobody.
#[derive(Clone)]
pub struct Extras {
    /// Behind `/readyz`. It is asked at each request, so it has to answer at once.
    pub ready: Ready,
    /// Behind `/metrics`.
    pub metrics: Metrics,
    /// Behind `/console`, with that prefix taken off. It need not authenticate anybody: requests reach it with a proof
    /// of identity only, and with a [`kumiko_mcp::Caller`] among their extensions. A stream of events has to write at
    /// least every 25 seconds.
    pub console: Option<axum::Router>,
    /// Counts responses.
    pub on_http: OnHttp,
    /// Counts, or writes down, failed proofs of identity.
    pub on_refused: OnRefused,
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            ready: Arc::new(|| Readiness { ready: true, detail: Value::Object(serde_json::Map::new()) }),
            metrics: Arc::new(String::new),
            console: None,
            on_http: Arc::new(|_, _| {}),
            on_refused: Arc::new(|_, _| {}),
        }
    }
}
