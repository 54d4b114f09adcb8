//! The one HTTP client of this crate: bounded bodies, bounded redirects, and words for what goes wrong.
//!
//! Requests to this machine never go through a proxy: it would see in the clear what plain HTTP is allowed for here only
//! because it stays on the machine. A redirect goes to `https` and never from another machine to this one, so that no
//! server can send the host to its own loopback services. The client drops `Authorization` where a redirect leaves the
//! host that it was meant for.

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;

use crate::Error;
use crate::reference::is_loopback;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many redirects are followed: registries hand layers to a content network in one or two.
const MAXIMUM_REDIRECTS: usize = 5;
/// How much of a refusal's text is repeated in an error, in characters.
const SHOWN: usize = 200;

/// The client, in its two forms.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    outside: Client,
    loopback: Client,
}

impl Http {
    pub(crate) fn new() -> Result<Self, Error> {
        let builder = || {
            Client::builder()
                .user_agent(concat!("kumiko/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(Policy::custom(redirect))
        };
        let built =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| Error::Client { reason: causes(&error) });
        Ok(Self { outside: built(builder())?, loopback: built(builder().no_proxy())? })
    }

    /// A request for an address.
    pub(crate) fn get(&self, address: &Url) -> RequestBuilder {
        let client = if is_loopback(address) { &self.loopback } else { &self.outside };
        client.get(address.clone())
    }
}

/// Whether a redirect is followed.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAXIMUM_REDIRECTS {
        return attempt.error(format!("more than {MAXIMUM_REDIRECTS} redirects"));
    }
    let from_here = attempt.previous().last().is_some_and(is_loopback);
    let to_here = is_loopback(attempt.url());
    let allowed = if to_here { from_here } else { attempt.url().scheme() == "https" };
    if allowed {
        return attempt.follow();
    }
    let reason = format!("it redirects to {}, which is not followed", attempt.url());
    attempt.error(reason)
}

/// Sends a request. The error is about the connection; every status is an answer.
pub(crate) async fn send(request: RequestBuilder, what: &str) -> Result<Response, Error> {
    request.send().await.map_err(|error| broken(&error, what))
}

/// The answer's own words for a status that is no success.
pub(crate) async fn refusal(response: Response, what: &str) -> Error {
    let status = response.status();
    let body = beginning(response, 4 * SHOWN as u64, what).await.unwrap_or_default();
    let text: String =
        String::from_utf8_lossy(&body).chars().filter(|character| !character.is_control()).take(SHOWN).collect();
    let (what, reason) = (what.to_owned(), format!("HTTP status {status}: {}", text.trim()));
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { what, reason },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused { what, reason },
        StatusCode::TOO_MANY_REQUESTS => Error::Unreachable { what, reason },
        _ if status.is_server_error() => Error::Unreachable { what, reason },
        _ => Error::Answer { what, reason },
    }
}

/// The whole body, refused as soon as it is known to be longer than the limit in bytes.
pub(crate) async fn whole(mut response: Response, limit: u64, what: &str) -> Result<Bytes, Error> {
    let too_large = |size| Error::TooLarge { what: what.to_owned(), size, limit };
    let said = response.content_length();
    if said.is_some_and(|size| size > limit) {
        return Err(too_large(said));
    }
    let mut body = BytesMut::with_capacity(usize::try_from(said.unwrap_or(0)).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error, what))? {
        if body.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large(None));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The beginning of a body, at most `limit` bytes; what follows is not read.
pub(crate) async fn beginning(mut response: Response, limit: u64, what: &str) -> Result<Vec<u8>, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error, what))? {
        body.extend_from_slice(&chunk);
        if body.len() >= limit {
            break;
        }
    }
    body.truncate(limit);
    Ok(body)
}

/// A request that found no answer, or whose answer broke off.
fn broken(error: &reqwest::Error, what: &str) -> Error {
    Error::Unreachable { what: what.to_owned(), reason: causes(error) }
}

/// The innermost causes of an error; the outer ones repeat the address.
fn causes(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push(inner.to_string());
        cause = inner.source();
    }
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}
