//! The door of the console: programs come with a key or a token in a header, people log in with one and come with a
//! cookie.
//!
//! The cookie holds a random word that means something to this process only, for twelve hours at most, and only as long
//! as the credential behind it stands. Browsers send cookies along with whatever a page asks them to, so a request that
//! changes something has to come from a page that this server served.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONTENT_SECURITY_POLICY, COOKIE, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use kumiko_mcp::Caller;
use kumiko_vocabulary::{Fault, FaultKind};

use crate::authenticate::{Authenticator, X_API_KEY};
use crate::console::open_files;
use crate::keys::KeyRing;
use crate::origin::{foreign_origin, same_origin};
use crate::principal::Principal;
use crate::random::{self, BASE62};
use crate::refusal::Refusal;
use crate::router::Shared;

/// The cookie's name.
const COOKIE_NAME: &str = "kumiko_console";

/// How long a login lasts: a working day.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Logins at once; whoever comes then takes the place of the oldest.
const MAXIMUM_LOGINS: usize = 1024;

/// The largest login, in bytes: a credential and its name.
const LOGIN_BYTES: usize = 16 * 1024;

/// What the pages may do: use the files that lie beside them and ask this server, and nothing else. Text never becomes markup.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
);

/// Who is logged in, by the digest of the cookie's word.
#[derive(Default)]
pub(crate) struct ConsoleSessions {
    logins: Mutex<HashMap<[u8; 32], Login>>,
}

struct Login {
    principal: Principal,
    since: Instant,
}

impl ConsoleSessions {
    /// Logs somebody in and returns the cookie's word.
    fn open(&self, principal: Principal) -> Result<String, Refusal> {
        let word = random::text(BASE62, 43)
            .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Fault::from(error)))?;
        let mut logins = self.lock();
        if logins.len() >= MAXIMUM_LOGINS {
            let oldest = logins.iter().min_by_key(|(_, login)| login.since).map(|(digest, _)| *digest);
            oldest.and_then(|digest| logins.remove(&digest));
        }
        logins.insert(random::digest(&word), Login { principal, since: Instant::now() });
        Ok(word)
    }

    /// Who has this word.
    fn find(&self, word: &str, keys: &KeyRing) -> Option<Principal> {
        // By digest: how long it takes to find says nothing about the words that exist.
        let logins = self.lock();
        let login = logins.get(&random::digest(word)).filter(|login| login.stands(keys))?;
        Some(login.principal.clone())
    }

    fn close(&self, word: &str) {
        self.lock().remove(&random::digest(word));
    }

    /// Forgets who is no longer logged in.
    pub(crate) fn tidy(&self, keys: &KeyRing) {
        self.lock().retain(|_, login| login.stands(keys));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Login>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    fn stands(&self, keys: &KeyRing) -> bool {
        self.since.elapsed() < LIFETIME && self.principal.stands(keys)
    }
}

/// The console behind its door. The pages themselves are open: they hold nothing, and the login is one of them.
pub(crate) fn guarded(console: Router, shared: Arc<Shared>) -> Router {
    let inside = console.layer(middleware::from_fn_with_state(Arc::clone(&shared), require_key));
    open_files()
        .layer(middleware::map_response(|mut response: Response| async {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
            response
        }))
        .route("/api/login", post(log_in))
        .route("/api/logout", post(log_out))
        .with_state(shared)
        .fallback_service(inside)
}

/// Lets a request through to the console with the caller among its extensions, if it proves who asks.
async fn require_key(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let principal = match enter(&shared, peer, headers, request.method().is_safe()).await {
        Ok(principal) => principal,
        Err(refusal) => return refusal.into_response(),
    };
    for name in [http::header::AUTHORIZATION, X_API_KEY, COOKIE] {
        request.headers_mut().remove(name);
    }
    let caller = Caller { name: principal.name, capabilities: principal.selection, compact: false };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn enter(shared: &Shared, peer: SocketAddr, headers: &HeaderMap, safe: bool) -> Result<Principal, Refusal> {
    let authenticator = &shared.authenticator;
    // A header is not sent along by a browser on its own: it is a proof, and of the page's will as well.
    if Authenticator::is_offered(headers) {
        return authenticator.identify(headers, peer.ip()).await;
    }
    let login = word(headers).and_then(|word| shared.console_sessions.find(word, &authenticator.keys));
    let (principal, by_cookie) = match login {
        Some(principal) => (principal, true),
        None => (authenticator.identify(headers, peer.ip()).await?, false),
    };
    let from_here = same_origin(headers) || (!by_cookie && !headers.contains_key(ORIGIN));
    if !safe && !from_here {
        return Err(foreign(headers));
    }
    Ok(principal)
}

/// What the login page sends.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Credential {
    key: String,
}

async fn log_in(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Refusal> {
    // Otherwise a page could log its visitor in as somebody else.
    if !same_origin(request.headers()) {
        return Err(foreign(request.headers()));
    }
    let body = axum::body::to_bytes(request.into_body(), LOGIN_BYTES).await.map_err(|_| {
        let fault = Fault::invalid("body_too_large", format!("the login has more than {LOGIN_BYTES} bytes"));
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, fault)
    })?;
    let Credential { key } = serde_json::from_slice(&body).map_err(|error| {
        let fault = Fault::invalid("login_malformed", format!("the login is not {{\"key\": …}}: {error}"));
        Refusal::new(StatusCode::BAD_REQUEST, fault)
    })?;
    let principal = shared.authenticator.prove(key.trim(), peer.ip()).await?;
    let word = shared.console_sessions.open(principal)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &word, LIFETIME, shared.tls);
    Ok(response)
}

async fn log_out(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if !same_origin(request.headers()) {
        return foreign(request.headers()).into_response();
    }
    if let Some(word) = word(request.headers()) {
        shared.console_sessions.close(word);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", Duration::ZERO, shared.tls);
    response
}

fn foreign(headers: &HeaderMap) -> Refusal {
    match headers.get(ORIGIN) {
        Some(origin) => foreign_origin(origin.to_str().unwrap_or("?")),
        None => Refusal::forbidden(
            Fault::new(
                FaultKind::Denied,
                "origin_missing",
                "a request that changes something has to say which page it comes from",
            )
            .hint("browsers send `Origin`; a program sends a key in `X-API-Key` instead of a cookie"),
        ),
    }
}

/// The word in the console's cookie.
fn word(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, word)| word)
}

fn set_cookie(response: &mut Response, word: &str, lifetime: Duration, tls: bool) {
    let secure = if tls { "; Secure" } else { "" };
    let seconds = lifetime.as_secs();
    let text = format!("{COOKIE_NAME}={word}; Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}
