//! The protocol's endpoint: who asks, how often, for what, with what; then the call itself, or rmcp.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use futures::{FutureExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, COOKIE};
use http::{Method, StatusCode};
use kumiko_mcp::{Caller, Selection};
use kumiko_vocabulary::{Fault, FaultKind};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::StreamableHttpService;

use crate::authenticate::X_API_KEY;
use crate::direct::Direct;
use crate::headers;
use crate::principal::Principal;
use crate::query;
use crate::refusal::Refusal;
use crate::router::Shared;
use crate::session::{Opening, Sessions};

/// How long a request's body may take to arrive. The largest that is accepted needs 140 KB a second.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// When to try again where there is no room for a session: clients come and go in seconds.
const FULL_RETRY: Duration = Duration::from_secs(5);

/// The header that names a session.
const SESSION_ID: &str = "mcp-session-id";

/// The header by which the newer era names a request's method. rmcp refuses a request whose body says otherwise.
const METHOD: &str = "mcp-method";

/// The endpoint's state.
pub(crate) struct Endpoint<H: ServerHandler> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) service: StreamableHttpService<H, Sessions>,
    pub(crate) direct: Direct<H>,
}

/// Answers a request to the endpoint.
pub(crate) async fn endpoint<H: ServerHandler + Clone + Send + 'static>(
    State(endpoint): State<Arc<Endpoint<H>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match endpoint.serve(peer.ip(), request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

impl<H: ServerHandler + Clone + Send + 'static> Endpoint<H> {
    async fn serve(&self, peer: IpAddr, request: Request) -> Result<Response, Refusal> {
        let (mut parts, body) = request.into_parts();
        let shared = &self.shared;
        let principal = shared.authenticator.identify(&parts.headers, peer).await?;
        if parts.method == Method::POST {
            self.count(&principal)?;
        }
        let caller = self.caller(&principal, parts.uri.query())?;
        let in_session = parts.headers.contains_key(SESSION_ID);
        if let Some(id) = parts.headers.get(SESSION_ID) {
            let id = id.to_str().unwrap_or_default();
            if !shared.sessions.belongs_to(id, &principal.identity) {
                return Err(no_session());
            }
        }
        let body = self.read(body).await?;
        // What proves the caller is not for the handler, nor for anything that it may write down.
        for name in [AUTHORIZATION, X_API_KEY, COOKIE] {
            parts.headers.remove(name);
        }
        parts.extensions.insert(caller);
        if !in_session && let Some(call) = self.direct.recognise(&parts, &body) {
            return Ok(self.direct.answer(call, parts).await);
        }
        let endless = parts.method == Method::GET
            || parts.headers.get(METHOD).is_some_and(|method| method == "subscriptions/listen");

        let opening = Opening::new(principal.identity.clone());
        let request = Request::from_parts(parts, Body::from(body));
        let response = Arc::clone(&opening).scope(self.service.handle(request)).await;
        if opening.was_full() {
            let message = "there are as many sessions as there may be";
            return Err(Refusal::unavailable("sessions_exhausted", message, FULL_RETRY));
        }
        let response = response.map(Body::new);
        Ok(if endless && headers::is_stream(response.headers()) { self.bounded(response, principal) } else { response })
    }

    fn count(&self, principal: &Principal) -> Result<(), Refusal> {
        match principal.limiter.as_ref().map(|limiter| limiter.check()) {
            Some(Err(wait)) => {
                Err(Refusal::too_many("rate_limited", "this key has made as many calls as it may", wait))
            }
            _ => Ok(()),
        }
    }

    /// What the handler learns of the caller: what the credential allows, narrowed by what the URL chooses.
    fn caller(&self, principal: &Principal, query: Option<&str>) -> Result<Caller, Refusal> {
        let choice = query::parse(query)?;
        let capabilities = principal.selection.and(&choice.capabilities);
        if let (Selection::Only(left), Selection::Only(chosen)) = (&capabilities, &choice.capabilities)
            && left.is_empty()
        {
            let scope: Vec<String> = chosen.iter().map(|name| format!("kumiko:{name}")).collect();
            return Err(self.shared.authenticator.insufficient_scope(&scope.join(" ")));
        }
        Ok(Caller { name: principal.name.clone(), capabilities, compact: choice.compact })
    }

    /// The whole body: rmcp needs all of it anyway, and a body that never ends must not hold its place.
    async fn read(&self, body: Body) -> Result<Bytes, Refusal> {
        let limit = self.shared.maximum_body_bytes;
        let collect = async {
            let mut stream = body.into_data_stream();
            let (mut first, mut collected) = (Bytes::new(), Vec::new());
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|_| {
                    Refusal::bad_request(Fault::invalid("body_unreadable", "the request's body ended in the middle"))
                })?;
                if piece.len() > limit - first.len() - collected.len() {
                    let message = format!("the request's body has more than {limit} bytes");
                    let fault = Fault::invalid("body_too_large", message)
                        .hint("put large data into the object store and send its uri");
                    return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, fault));
                }
                if first.is_empty() && collected.is_empty() {
                    first = piece;
                    continue;
                }
                collected.extend_from_slice(&std::mem::take(&mut first));
                collected.extend_from_slice(&piece);
            }
            // What came in one piece, as small bodies do, is not copied.
            if collected.is_empty() {
                return Ok(first);
            }
            Ok::<_, Refusal>(Bytes::from(collected))
        };
        tokio::time::timeout(BODY_PATIENCE, collect).await.unwrap_or_else(|_| {
            let message = format!("the request's body took longer than {} seconds", BODY_PATIENCE.as_secs());
            let fault = Fault::new(FaultKind::Stopped, "body_too_slow", message);
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, fault))
        })
    }

    /// The same stream, which ends when the server stops or its reader's proof no longer stands: it would not end by
    /// itself.
    fn bounded(&self, response: Response, principal: Principal) -> Response {
        let stopping = self.shared.stopped();
        let keys = self.shared.authenticator.keys.clone();
        let over = async move {
            tokio::select! {
                () = stopping => {}
                () = principal.ended(keys) => {}
            }
        };
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(over.boxed())))
    }
}

fn no_session() -> Refusal {
    let fault = Fault::not_found("session_not_found", "there is no session with this id").hint(
        "open another with `initialize`; a session ends when it is idle for long, \
             and belongs to the caller that opened it",
    );
    Refusal::new(StatusCode::NOT_FOUND, fault)
}
