//! One artifact's folder in a registry over the distribution API, and how the host proves who it is.
//!
//! A request goes out without credentials. Where the registry answers 401 and says what it wants, the host obtains it
//! and asks once more: its user name and password for `Basic`, or a token from the service that the registry names for
//! `Bearer`. What convinced the registry goes along with the requests that follow.

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::challenge::{self, Challenge};
use crate::http::{self, Http};
use crate::reference::is_loopback;
use crate::{Credential, Credentials, Error, OciReference, Settings};

/// The largest answer of a token service that is read, in bytes.
const TOKEN_BYTES: u64 = 64 * 1024;

/// A conversation with a registry about one artifact.
pub(crate) struct Registry<'a> {
    http: &'a Http,
    credentials: &'a Credentials,
    host: String,
    repository: String,
    folder: String,
    local: bool,
    authorization: Option<HeaderValue>,
}

impl<'a> Registry<'a> {
    /// Sends nothing yet.
    pub(crate) fn new(http: &'a Http, settings: &'a Settings, reference: &OciReference) -> Self {
        let host = reference.registry().to_owned();
        // Docker's registry answers under another name than the one that everybody gives it.
        let server = if host == "docker.io" { "registry-1.docker.io" } else { &host };
        let repository = reference.repository().to_owned();
        let local = Url::parse(&format!("http://{server}/")).is_ok_and(|address| is_loopback(&address));
        let scheme = if local { "http" } else { "https" };
        let folder = format!("{scheme}://{server}/v2/{repository}/");
        Self { http, credentials: &settings.credentials, host, repository, folder, local, authorization: None }
    }

    /// What lies at a path below the artifact's folder, at most `limit` bytes.
    pub(crate) async fn get(&mut self, path: &str, accept: &str, limit: u64, what: &str) -> Result<Bytes, Error> {
        let address = parsed(&format!("{}{path}", self.folder), what)?;
        let mut response = self.send(&address, accept, what).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            let challenges = challenges_of(&response);
            self.authorization = Some(self.answer(&challenges, what).await?);
            response = self.send(&address, accept, what).await?;
        }
        if response.status() != StatusCode::OK {
            return Err(http::refusal(response, what).await);
        }
        http::whole(response, limit, what).await
    }

    async fn send(&self, address: &Url, accept: &str, what: &str) -> Result<Response, Error> {
        let mut request = self.http.get(address).header(ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        http::send(request, what).await
    }

    /// What satisfies a registry that answered 401 with these challenges.
    async fn answer(&self, challenges: &[Challenge], what: &str) -> Result<HeaderValue, Error> {
        let refused = |reason: String| Error::Refused { what: what.to_owned(), reason };
        let credential = self.credential().await?;
        if let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme == "bearer") {
            return self.token(bearer, credential, what).await;
        }
        if !challenges.iter().any(|challenge| challenge.scheme == "basic") {
            return Err(refused("the registry answers 401 and asks for neither a password nor a token".to_owned()));
        }
        let credential = credential
            .ok_or_else(|| refused(format!("`{}` asks for a user name and password, and none are known", self.host)))?;
        let request = basic(self.http.get(&parsed(&self.folder, what)?), &credential);
        let header = request.build().ok().and_then(|request| request.headers().get(AUTHORIZATION).cloned());
        header.ok_or_else(|| refused("the user name or password cannot be sent".to_owned()))
    }

    /// A token from the service that the registry names.
    async fn token(
        &self,
        bearer: &Challenge,
        credential: Option<Credential>,
        what: &str,
    ) -> Result<HeaderValue, Error> {
        let refused = |reason: String| Error::Refused { what: what.to_owned(), reason };
        let realm = bearer.parameters.get("realm").map(String::as_str).unwrap_or_default();
        let mut address =
            Url::parse(realm).map_err(|_| refused(format!("its token service `{realm}` is no address")))?;
        let acceptable = if is_loopback(&address) { self.local } else { address.scheme() == "https" };
        if !acceptable {
            return Err(refused(format!("its token service {realm} is not on `https`, so nothing is sent there")));
        }
        let scope = format!("repository:{}:pull", self.repository);
        {
            let mut query = address.query_pairs_mut();
            if let Some(service) = bearer.parameters.get("service") {
                query.append_pair("service", service);
            }
            query.append_pair("scope", bearer.parameters.get("scope").unwrap_or(&scope));
        }
        let mut request = self.http.get(&address);
        if let Some(credential) = &credential {
            request = basic(request, credential);
        }
        let service = format!("a token for {what}");
        let response = http::send(request, &service).await?;
        if response.status() != StatusCode::OK {
            return Err(http::refusal(response, &service).await);
        }
        let body = match http::whole(response, TOKEN_BYTES, &service).await {
            Err(Error::TooLarge { limit, .. }) => Err(refused(format!("its token has more than {limit} bytes"))),
            other => other,
        }?;
        let token = serde_json::from_slice::<Token>(&body).ok().and_then(|answer| answer.token.or(answer.access_token));
        let token = token.ok_or_else(|| refused("the answer of its token service has no token in it".to_owned()))?;
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| refused("its token service gave a token that cannot be sent".to_owned()))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The credential for this registry, looked up where blocking is allowed.
    async fn credential(&self) -> Result<Option<Credential>, Error> {
        let (credentials, host) = (self.credentials.clone(), self.host.clone());
        let found = tokio::task::spawn_blocking(move || credentials.find(&host)).await;
        found.unwrap_or_else(|error| Err(Error::Client { reason: error.to_string() }))
    }
}

/// What a token service answers; the specification lets it choose between two names.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a registry asks for.
fn challenges_of(response: &Response) -> Vec<Challenge> {
    let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
    headers.filter_map(|value| value.to_str().ok()).flat_map(challenge::parse).collect()
}

fn basic(request: RequestBuilder, credential: &Credential) -> RequestBuilder {
    request.basic_auth(&credential.username, Some(&credential.password))
}

fn parsed(address: &str, what: &str) -> Result<Url, Error> {
    Url::parse(address).map_err(|error| Error::Answer { what: what.to_owned(), reason: error.to_string() })
}
