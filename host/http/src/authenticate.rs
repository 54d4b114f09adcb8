//! From a request's headers to who asks.
//!
//! A credential comes in `X-API-Key`, or as `Authorization: Bearer`: what starts with `kmk_` is a key, anything else a
//! token of the issuer. Nothing else is a proof: no query, no cookie (but the console's own), no session id.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use kumiko_mcp::Selection;
use kumiko_vocabulary::{Fault, FaultKind};

use crate::extras::OnRefused;
use crate::keys::{self, KeyRing};
use crate::limits::Failures;
use crate::principal::{Identity, Principal};
use crate::refusal::{Challenge, Refusal};
use crate::token::{TokenProblem, Tokens};

/// The header for keys.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Finds out who asks.
pub(crate) struct Authenticator {
    pub(crate) keys: KeyRing,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) anonymous: bool,
    pub(crate) failures: Failures,
    pub(crate) on_refused: OnRefused,
}

/// What a request's headers offer as a proof.
enum Offered<'a> {
    Nothing,
    Text(&'a str),
    /// More than one credential, or none that could be read.
    Confused,
}

impl Authenticator {
    /// Who sends these headers from `peer`.
    pub(crate) async fn identify(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Principal, Refusal> {
        match offered(headers) {
            Offered::Nothing if self.anonymous => Ok(Principal::anonymous()),
            Offered::Nothing => Err(self.missing(peer)),
            Offered::Text(text) => self.prove(text, peer).await,
            Offered::Confused => Err(self.wrong(peer, None)),
        }
    }

    /// Whom a credential proves.
    pub(crate) async fn prove(&self, text: &str, peer: IpAddr) -> Result<Principal, Refusal> {
        if text.starts_with(keys::PREFIX) {
            return self.key(text).ok_or_else(|| self.wrong(peer, None));
        }
        let Some(tokens) = &self.tokens else { return Err(self.wrong(peer, None)) };
        match tokens.verify(text).await {
            Ok(principal) => Ok(principal),
            Err(TokenProblem::Invalid(why)) => Err(self.wrong(peer, Some(why))),
            Err(TokenProblem::NoScope) => {
                (self.on_refused)(peer, "insufficient_scope");
                Err(self.insufficient_scope("kumiko:all"))
            }
            Err(TokenProblem::IssuerUnavailable { wait }) => {
                let message = "the issuer's keys cannot be fetched, so no token can be checked";
                Err(Refusal::unavailable("issuer_unavailable", message, wait))
            }
        }
    }

    /// Whether a request offers a credential in its headers.
    pub(crate) fn is_offered(headers: &HeaderMap) -> bool {
        !matches!(offered(headers), Offered::Nothing)
    }

    /// The caller may not use what it asks for; `scope` would allow it.
    pub(crate) fn insufficient_scope(&self, scope: &str) -> Refusal {
        let message = "the credential allows none of the capabilities asked for";
        let fault = Fault::new(FaultKind::Denied, "insufficient_scope", message).hint(format!(
            "ask for the scope `{scope}`, or name capabilities in the words of the credential's own scopes"
        ));
        Refusal::forbidden(fault).challenge(&Challenge {
            metadata: self.metadata(),
            error: Some(("insufficient_scope", message)),
            scope: Some(scope),
        })
    }

    fn key(&self, text: &str) -> Option<Principal> {
        let held = self.keys.verify(text)?;
        let key = &held.key;
        let selection = match key.scopes.as_slice() {
            [] => Selection::All,
            scopes => Selection::Only(Arc::new(scopes.iter().cloned().collect())),
        };
        Some(Principal {
            identity: Identity::Key(key.id.as_str().into()),
            name: key.name.as_str().into(),
            selection,
            ends: key.expires,
            limiter: held.limiter.clone(),
        })
    }

    fn missing(&self, peer: IpAddr) -> Refusal {
        (self.on_refused)(peer, "credentials_missing");
        let fault = Fault::new(FaultKind::Denied, "credentials_missing", "this server serves known callers only").hint(
            "send a key in the header `X-API-Key` or `Authorization: Bearer`; \
                 the operator makes one with `kumiko key create`",
        );
        Refusal::unauthorized(fault).challenge(&Challenge { metadata: self.metadata(), ..Challenge::default() })
    }

    /// One answer for everything that is wrong with a key, so that nobody learns which keys there are. `why` is about a
    /// token that its issuer really signed, or about its outer form: what its holder knows anyway.
    fn wrong(&self, peer: IpAddr, why: Option<&'static str>) -> Refusal {
        if let Err(wait) = self.failures.count(peer) {
            (self.on_refused)(peer, "too_many_failures");
            return Refusal::too_many("too_many_failures", "too many wrong credentials came from this address", wait);
        }
        (self.on_refused)(peer, "credentials_invalid");
        tracing::info!(%peer, why, "a wrong credential");
        let message = why.unwrap_or("the credential is not accepted");
        let fault = Fault::new(FaultKind::Denied, "credentials_invalid", message)
            .hint("check that it is whole and for this server; it may have expired or been revoked");
        Refusal::unauthorized(fault).challenge(&Challenge {
            metadata: self.metadata(),
            error: Some(("invalid_token", message)),
            scope: None,
        })
    }

    fn metadata(&self) -> Option<&str> {
        self.tokens.as_ref().map(Tokens::metadata_url)
    }
}

fn offered(headers: &HeaderMap) -> Offered<'_> {
    let mut values = headers.get_all(X_API_KEY).iter().chain(headers.get_all(AUTHORIZATION).iter());
    let Some(value) = values.next() else { return Offered::Nothing };
    if values.next().is_some() {
        return Offered::Confused;
    }
    let Ok(text) = value.to_str() else { return Offered::Confused };
    if headers.contains_key(X_API_KEY) {
        return Offered::Text(text.trim());
    }
    match text.split_once(' ') {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") => Offered::Text(text.trim()),
        _ => Offered::Confused,
    }
}
