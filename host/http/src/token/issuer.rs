//! The issuer's keys: fetched when the first token comes, kept, and fetched again when they are old or a token names a
//! key that is not among them.
//!
//! Whoever sends tokens decides what keys they name, so fetching is paced: once a minute at most, by one request at a
//! time, while the others go on with what is there. Keys that are old are better than none for a day; after that they
//! are not trusted any more.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::error::Error;
use crate::settings::{TokenSettings, is_loopback, secure_url};

/// How often the keys may be fetched.
const FETCH_EVERY: Duration = Duration::from_secs(60);

/// After which time keys are fetched again: an issuer that withdraws one is followed within it.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// How long keys are trusted while the issuer does not answer.
const TRUSTED: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest document that is read, in bytes; an issuer with a dozen keys sends 20 KB.
const DOCUMENT_BYTES: usize = 1024 * 1024;

/// The keys of an issuer.
pub(super) struct Issuer {
    client: Client,
    name: String,
    url: Url,
    jwks: Option<Url>,
    known: RwLock<Option<Known>>,
    fetching: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<Vec<Jwk>>,
    since: Instant,
}

/// The keys cannot be had.
pub(super) struct Unavailable {
    /// When to try again.
    pub(super) wait: Duration,
}

/// What an issuer says about itself, as far as it matters here (OpenID Connect Discovery, RFC 8414).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(super) fn new(settings: &TokenSettings) -> Result<Self, Error> {
        let url = secure_url("token.issuer", &settings.issuer)?;
        let jwks = settings.jwks_uri.as_deref().map(|text| secure_url("token.jwks_uri", text)).transpose()?;
        let mut builder = Client::builder().timeout(PATIENCE).redirect(Policy::none());
        if is_loopback(jwks.as_ref().unwrap_or(&url)) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| Error::IssuerClient { reason: error.to_string() })?;
        let name = settings.issuer.clone();
        Ok(Self { client, name, url, jwks, known: RwLock::default(), fetching: Mutex::default() })
    }

    /// The key that a token names, if it is one of the issuer's and fits the algorithm.
    pub(super) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Option<DecodingKey>, Unavailable> {
        if let Some(known) = self.known() {
            let found = pick(&known.keys, id, algorithm);
            if found.is_some() && known.since.elapsed() < FRESH {
                return Ok(found);
            }
            // Old, or without this key. Only one request asks; the others answer from what there is.
            if let Ok(last) = self.fetching.try_lock() {
                self.fetch(last).await;
            }
        } else {
            // There is nothing to answer from yet, so everybody waits for the first answer.
            let last = self.fetching.lock().await;
            if self.known().is_none() {
                self.fetch(last).await;
            }
        }
        match self.known() {
            Some(known) => Ok(pick(&known.keys, id, algorithm)),
            None => Err(Unavailable { wait: FETCH_EVERY }),
        }
    }

    /// The keys as far as they are still trusted.
    fn known(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|known| known.since.elapsed() < TRUSTED)
    }

    /// Fetches the keys, unless that was tried less than a minute ago.
    async fn fetch(&self, mut last: tokio::sync::MutexGuard<'_, Option<Instant>>) {
        if last.is_some_and(|last| last.elapsed() < FETCH_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        match self.download().await {
            Ok(keys) => {
                tracing::debug!(issuer = %self.name, keys = keys.len(), "the issuer's keys were fetched");
                let known = Known { keys: Arc::new(keys), since: Instant::now() };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
            }
            Err(reason) => tracing::warn!(issuer = %self.name, reason, "the issuer's keys cannot be fetched"),
        }
    }

    async fn download(&self) -> Result<Vec<Jwk>, String> {
        let url = match &self.jwks {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let mut document: Value = self.get(url).await?;
        let keys = document.get_mut("keys").map(Value::take);
        let Some(Value::Array(keys)) = keys else { return Err("the key set has no list `keys`".to_owned()) };
        // One key of a kind that is not known must not hide the others.
        Ok(keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    /// Where the issuer's metadata says that its keys are.
    async fn discover(&self) -> Result<Url, String> {
        let mut reasons = Vec::new();
        for url in discovery_urls(&self.url) {
            match self.get::<Metadata>(url.clone()).await {
                // A document that names another issuer is another issuer's.
                Ok(metadata) if metadata.issuer == self.name => {
                    return secure_url("jwks_uri", &metadata.jwks_uri).map_err(|error| error.to_string());
                }
                Ok(metadata) => reasons.push(format!("{url} names the issuer `{}`", metadata.issuer)),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: Url) -> Result<T, String> {
        let failed = |error: reqwest::Error| format!("{url}: {}", chain(&error));
        let response = self.client.get(url.clone()).header("accept", "application/json").send().await;
        let mut response = response.map_err(failed)?;
        if !response.status().is_success() {
            return Err(format!("{url} answers {}", response.status()));
        }
        let mut document = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if piece.len() > DOCUMENT_BYTES - document.len() {
                return Err(format!("{url} has more than {DOCUMENT_BYTES} bytes"));
            }
            document.extend_from_slice(&piece);
        }
        serde_json::from_slice(&document).map_err(|error| format!("{url}: {error}"))
    }
}

/// Where an issuer's metadata may be: behind its path (OpenID Connect) or before it (RFC 8414).
fn discovery_urls(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/').to_owned();
    let paths =
        [format!("{path}/.well-known/openid-configuration"), format!("/.well-known/oauth-authorization-server{path}")];
    let with = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    paths.into_iter().map(with).collect()
}

/// The key of this id for this algorithm. A token that names none is signed with the only key that fits, or with none
/// that is known.
fn pick(keys: &[Jwk], id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let mut fitting = keys.iter().filter(|key| fits(key, algorithm));
    let key = match id {
        Some(id) => fitting.find(|key| key.common.key_id.as_deref() == Some(id))?,
        None => {
            let only = fitting.next()?;
            if fitting.next().is_some() {
                return None;
            }
            only
        }
    };
    DecodingKey::from_jwk(key).ok()
}

/// Whether a key is for signatures of this algorithm. What a token's header says decides nothing about the kind of a
/// key.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let common = &key.common;
    let for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let for_algorithm = common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        (AlgorithmParameters::RSA(_), algorithm) => algorithm.family() == jsonwebtoken::AlgorithmFamily::Rsa,
        _ => false,
    };
    for_signatures && for_algorithm && kind
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(fields: Value) -> Jwk {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn metadata_is_looked_for_behind_the_issuers_path_and_before_it() {
        let of = |issuer: &str| -> Vec<String> {
            discovery_urls(&issuer.parse().unwrap()).iter().map(Url::to_string).collect()
        };
        assert_eq!(
            of("https://a.example"),
            [
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server"
            ]
        );
        assert_eq!(
            of("https://a.example/team/"),
            [
                "https://a.example/team/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/team"
            ]
        );
    }

    #[test]
    fn a_key_fits_the_algorithms_of_its_kind_only() {
        let rsa = key(json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }));
        assert!(fits(&rsa, Algorithm::RS256) && fits(&rsa, Algorithm::PS512));
        assert!(!fits(&rsa, Algorithm::HS256) && !fits(&rsa, Algorithm::ES256) && !fits(&rsa, Algorithm::EdDSA));
        let bound = key(json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256" }));
        assert!(fits(&bound, Algorithm::RS256) && !fits(&bound, Algorithm::RS512));
        let sealing = key(json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc" }));
        assert!(!fits(&sealing, Algorithm::RS256));
        let secret = key(json!({ "kty": "oct", "k": "AQAB" }));
        assert!(!fits(&secret, Algorithm::HS256) && !fits(&secret, Algorithm::RS256));
        let curve = key(json!({ "kty": "EC", "crv": "P-384", "x": "AQAB", "y": "AQAB" }));
        assert!(fits(&curve, Algorithm::ES384) && !fits(&curve, Algorithm::ES256));
    }

    #[test]
    fn a_token_that_names_no_key_is_checked_with_the_only_one_that_fits() {
        let one = key(json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "1" }));
        let other = key(json!({ "kty": "RSA", "n": "AQAC", "e": "AQAB", "kid": "2" }));
        let curve = key(json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB", "kid": "3" }));
        let keys = [one.clone(), other, curve.clone()];
        assert!(pick(&keys, None, Algorithm::RS256).is_none());
        assert!(pick(&[one, curve], None, Algorithm::RS256).is_some());
        assert!(pick(&keys, Some("2"), Algorithm::RS256).is_some());
        assert!(pick(&keys, Some("3"), Algorithm::RS256).is_none());
    }
}
