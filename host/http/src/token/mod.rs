//! Tokens: this server as a protected resource of an OAuth issuer (RFC 6750, 8725, 9068, 9728).
//!
//! A token is accepted when the issuer signed it with a key that it publishes and an algorithm that is allowed, when it
//! names this server as its audience, and while its time lasts. Tokens of the issuer for another service are refused:
//! their holder may be that service.

mod issuer;
mod scope;

use std::collections::BTreeSet;
use std::str::FromStr as _;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, AlgorithmFamily, Validation, decode, decode_header};
use kumiko_mcp::Selection;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use self::issuer::{Issuer, Unavailable};
use crate::error::Error;
use crate::principal::{Identity, Principal};
use crate::router::METADATA;
use crate::settings::{TokenSettings, secure_url};

/// How far the issuer's clock and this one may be apart, in seconds.
const LEEWAY: u64 = 60;

/// Checks tokens of one issuer.
pub(crate) struct Tokens {
    issuer: Issuer,
    /// Its name, exactly as tokens have it.
    issuer_name: String,
    resource: String,
    resource_path: String,
    metadata_url: String,
    /// What is checked of a token, for each algorithm that is allowed.
    validations: Vec<(Algorithm, Validation)>,
}

/// Why a token does not prove anything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenProblem {
    /// It is none, or none of this issuer, or none for this server, or its time is not now.
    Invalid(&'static str),
    /// It is one, but allows nothing here.
    NoScope,
    /// Nobody knows: the issuer's keys cannot be had.
    IssuerUnavailable {
        /// When to try again.
        wait: std::time::Duration,
    },
}

/// What is read of a token beside what the library checks.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: Number,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    scp: Value,
}

impl Tokens {
    /// Reads the settings. Nothing is fetched before the first token comes.
    pub(crate) fn new(settings: &TokenSettings) -> Result<Self, Error> {
        let resource = secure_url("token.resource", &settings.resource)?;
        if resource.query().is_some() {
            let expected = "a URL without a query was expected".to_owned();
            return Err(Error::Setting { key: "token.resource", value: settings.resource.clone(), expected });
        }
        let resource_path = resource.path().trim_end_matches('/').to_owned();
        let metadata_url = format!("{}{METADATA}{resource_path}", resource.origin().ascii_serialization());
        Ok(Self {
            issuer: Issuer::new(settings)?,
            issuer_name: settings.issuer.clone(),
            resource: settings.resource.clone(),
            resource_path,
            metadata_url,
            validations: validations(settings)?,
        })
    }

    /// Where clients find the metadata.
    pub(crate) fn metadata_url(&self) -> &str {
        &self.metadata_url
    }

    /// The paths at which this server answers with the metadata: with the path of the resource as clients know it, with
    /// the endpoint's own (they differ behind a proxy that takes a prefix off), and without any.
    pub(crate) fn metadata_paths(&self, endpoint: &str) -> BTreeSet<String> {
        // A path of the resource that no route can have is answered without it.
        let plain = |path: &&str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
        let paths = ["", endpoint, self.resource_path.as_str()].into_iter().filter(plain);
        paths.map(|path| format!("{METADATA}{path}")).collect()
    }

    /// The metadata of the protected resource (RFC 9728).
    pub(crate) fn metadata(&self) -> Value {
        json!({
            "resource": self.resource,
            "authorization_servers": [self.issuer_name],
            "bearer_methods_supported": ["header"],
            "scopes_supported": [scope::ALL],
            "resource_name": "Kumiko",
        })
    }

    /// Whom a token proves.
    pub(crate) async fn verify(&self, token: &str) -> Result<Principal, TokenProblem> {
        let no_token = TokenProblem::Invalid("the credential is not accepted");
        let Ok(header) = decode_header(token) else { return Err(no_token) };
        let Some((_, validation)) = self.validations.iter().find(|(algorithm, _)| *algorithm == header.alg) else {
            return Err(TokenProblem::Invalid("the token's signature algorithm is not allowed"));
        };
        // Extensions that a reader must understand: there are none that this one does.
        if header.crit.is_some() {
            return Err(TokenProblem::Invalid("the token needs an extension that is not supported"));
        }
        let key = match self.issuer.key(header.kid.as_deref(), header.alg).await {
            Ok(Some(key)) => key,
            Ok(None) => {
                return Err(TokenProblem::Invalid("the token is signed with a key that its issuer does not publish"));
            }
            Err(Unavailable { wait }) => return Err(TokenProblem::IssuerUnavailable { wait }),
        };
        let claims = decode::<Claims>(token, &key, validation).map_err(|error| problem(error.kind()))?.claims;
        // The library also accepts a list that names the issuer among others.
        if claims.iss != self.issuer_name {
            return Err(problem(&ErrorKind::InvalidIssuer));
        }
        let selection = scope::selection([&claims.scope, &claims.scp]);
        if matches!(&selection, Selection::Only(names) if names.is_empty()) {
            return Err(TokenProblem::NoScope);
        }
        // Seconds as a number of any form; what lies beyond the range of whole seconds never ends.
        let ends = claims.exp.as_u64().or_else(|| claims.exp.as_f64().map(|seconds| seconds as u64));
        Ok(Principal {
            identity: Identity::Subject(claims.sub.as_str().into()),
            name: claims.sub.into(),
            selection,
            ends: ends.map(|ends| ends.saturating_add(LEEWAY)),
            limiter: None,
        })
    }
}

/// What is checked of a token, for each algorithm of the settings.
fn validations(settings: &TokenSettings) -> Result<Vec<(Algorithm, Validation)>, Error> {
    let wrong = |value: &str, expected: &str| Error::Setting {
        key: "token.algorithms",
        value: value.to_owned(),
        expected: expected.to_owned(),
    };
    if settings.algorithms.is_empty() {
        return Err(wrong("", "at least one algorithm was expected"));
    }
    let of = |name: &String| {
        let algorithm = Algorithm::from_str(name)
            .map_err(|_| wrong(name, "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA was expected"))?;
        if algorithm.family() == AlgorithmFamily::Hmac {
            return Err(wrong(
                name,
                "an algorithm with a public key was expected: whoever checks a shared secret can sign with it",
            ));
        }
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_audience(&[&settings.resource]);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok((algorithm, validation))
    };
    settings.algorithms.iter().map(of).collect()
}

/// What a token's holder is told. What concerns the claims is said only once the signature is proved.
fn problem(kind: &ErrorKind) -> TokenProblem {
    TokenProblem::Invalid(match kind {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is for another service",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks one of `exp`, `iss`, `aud` and `sub`",
        _ => "the credential is not accepted",
    })
}
