//! The routes, and what they share.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Json, Router, middleware};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Uri};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::authenticate::Authenticator;
use crate::console_login::{self, ConsoleSessions};
use crate::direct::Direct;
use crate::extras::{Extras, Route};
use crate::front::front;
use crate::mcp::{Endpoint, endpoint};
use crate::origin::Allowed;
use crate::refusal::Refusal;
use crate::session::Sessions;
use crate::settings::Settings;

/// Where the metadata of the protected resource is found (RFC 9728), before the resource's own path.
pub(crate) const METADATA: &str = "/.well-known/oauth-protected-resource";

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) authenticator: Authenticator,
    pub(crate) allowed: Allowed,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) console_sessions: ConsoleSessions,
    pub(crate) extras: Extras,
    pub(crate) path: String,
    pub(crate) maximum_body_bytes: usize,
    /// Whether the endpoint is reached by programs of this machine only.
    pub(crate) loopback: bool,
    /// Whether connections are encrypted by this server.
    pub(crate) tls: bool,
    /// Whether the server stops.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Shared {
    /// Which part of the server a path belongs to.
    pub(crate) fn route(&self, path: &str) -> Route {
        match path {
            path if path == self.path => Route::Mcp,
            "/healthz" | "/readyz" => Route::Health,
            "/metrics" => Route::Metrics,
            "/console" => Route::Console,
            path if path.starts_with("/console/") => Route::Console,
            path if path.starts_with(METADATA) => Route::Metadata,
            _ => Route::Unknown,
        }
    }

    /// Waits until the server stops.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // The sender is gone only when the server is.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}

/// What ends the sessions that rmcp keeps.
pub(crate) type EndSessions = Box<dyn Fn() + Send + Sync>;

/// The router, and what ends its sessions.
pub(crate) fn router<H: ServerHandler + Clone + Send + Sync + 'static>(
    settings: &Settings,
    shared: &Arc<Shared>,
    handler: H,
) -> (Router, EndSessions) {
    let config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        // Checked by the front already; where both agree, neither can be forgotten.
        .with_allowed_hosts(shared.allowed.host_texts())
        .with_allowed_origins(shared.allowed.origin_texts())
        .enforce_origin_validation()
        .with_max_request_body_bytes(settings.maximum_body_bytes);
    let sessions_end = config.cancellation_token.clone();
    let direct = Direct::new(handler.clone(), sessions_end.clone());
    let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&shared.sessions), config);
    let endpoint_state = Arc::new(Endpoint { shared: Arc::clone(shared), service, direct });

    let mut router =
        Router::new().route("/healthz", get(healthy)).route("/readyz", get(ready)).route("/metrics", get(metrics));
    if let Some(tokens) = &shared.authenticator.tokens {
        for path in tokens.metadata_paths(&settings.path) {
            router = router.route(&path, get(metadata));
        }
    }
    if let Some(console) = shared.extras.console.clone() {
        router = router.nest_service("/console", console_login::guarded(console, Arc::clone(shared)));
    }
    let router = router
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::clone(shared))
        .merge(Router::new().route(&settings.path, any(endpoint::<H>)).with_state(endpoint_state))
        .layer(middleware::from_fn_with_state(Arc::clone(shared), front));
    (router, Box::new(move || sessions_end.cancel()))
}

async fn healthy() -> Json<Value> {
    Json(json!({ "healthy": true }))
}

async fn ready(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let stopping = *shared.stopping.borrow();
    let readiness = (shared.extras.ready)();
    let ready = readiness.ready && !stopping;
    let mut answer = json!({ "ready": ready });
    // Who asks by a name that is none of the server's may be a page that made its own name point here.
    let known = shared.allowed.check(&uri, &headers).is_ok();
    if let (true, Value::Object(answer)) = (known, &mut answer) {
        answer.insert("stopping".to_owned(), Value::Bool(stopping));
        answer.insert("detail".to_owned(), readiness.detail);
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(answer)).into_response()
}

async fn metrics(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !shared.loopback {
        shared.authenticator.identify(&headers, peer.ip()).await?;
    }
    let text = (shared.extras.metrics)();
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

async fn metadata(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match &shared.authenticator.tokens {
        Some(tokens) => Json(tokens.metadata()).into_response(),
        None => nothing(request).await.into_response(),
    }
}

async fn nothing(request: Request) -> Refusal {
    Refusal::no_path(request.uri().path())
}

async fn wrong_method(request: Request) -> Refusal {
    let message = format!("`{}` is not answered to `{}`", request.uri().path(), request.method());
    let fault = kumiko_vocabulary::Fault::invalid("method_not_allowed", message);
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, fault)
}
