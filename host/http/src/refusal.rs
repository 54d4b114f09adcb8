//! A request that is not served: a status, a fault as JSON, and the headers that HTTP has for the case.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kumiko_vocabulary::{Fault, FaultKind};

/// A request that is not served, and why.
pub(crate) struct Refusal {
    status: StatusCode,
    // Boxed: it travels through results of the common path.
    fault: Box<Fault>,
    retry_after: Option<Duration>,
    challenge: Option<HeaderValue>,
}

impl Refusal {
    /// A refusal of any status.
    pub(crate) fn new(status: StatusCode, fault: Fault) -> Self {
        Self { status, fault: Box::new(fault), retry_after: None, challenge: None }
    }

    /// The request makes no sense as it is.
    pub(crate) fn bad_request(fault: Fault) -> Self {
        Self::new(StatusCode::BAD_REQUEST, fault)
    }

    /// The caller has not proved who it is.
    pub(crate) fn unauthorized(fault: Fault) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, fault)
    }

    /// The caller may not do this.
    pub(crate) fn forbidden(fault: Fault) -> Self {
        Self::new(StatusCode::FORBIDDEN, fault)
    }

    /// There is nothing here.
    pub(crate) fn no_path(path: &str) -> Self {
        let fault = Fault::not_found("path_not_found", format!("there is nothing at `{path}`"));
        Self::new(StatusCode::NOT_FOUND, fault.hint("the protocol's endpoint is `/mcp` unless configured otherwise"))
    }

    /// The caller asks too often.
    pub(crate) fn too_many(code: &'static str, message: &str, wait: Duration) -> Self {
        let fault = Fault::new(FaultKind::Unavailable, code, message);
        let hint = "wait as long as the header `Retry-After` says";
        Self::new(StatusCode::TOO_MANY_REQUESTS, fault.hint(hint)).retry_after(wait)
    }

    /// Something that is needed is not there just then.
    pub(crate) fn unavailable(code: &'static str, message: &str, wait: Duration) -> Self {
        let fault = Fault::new(FaultKind::Unavailable, code, message).hint("try again later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, fault).retry_after(wait)
    }

    /// The same refusal with the time after which to try again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same refusal with the way to prove oneself.
    pub(crate) fn challenge(mut self, challenge: &Challenge<'_>) -> Self {
        // Text that is none of a header's is left out rather than breaking the answer.
        self.challenge =
            Some(HeaderValue::from_str(&challenge.to_string()).unwrap_or_else(|_| HeaderValue::from_static("Bearer")));
        self
    }

    /// The stable word for the case.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &str {
        &self.fault.code
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.status, self.fault.code, self.fault)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(*self.fault)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            // Rounded up: who comes back exactly then is served.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What `WWW-Authenticate` says (RFC 6750, RFC 9728).
#[derive(Default)]
pub(crate) struct Challenge<'a> {
    /// Where the metadata of the protected resource is.
    pub(crate) metadata: Option<&'a str>,
    /// What is wrong with the token, in a word of RFC 6750 and for a person.
    pub(crate) error: Option<(&'static str, &'a str)>,
    /// The scope that would be needed.
    pub(crate) scope: Option<&'a str>,
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer")?;
        let (error, description) = self.error.unzip();
        let parameters = [
            ("error", error),
            ("error_description", description),
            ("scope", self.scope),
            ("resource_metadata", self.metadata),
        ];
        let given = parameters.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        for (position, (name, value)) in given.enumerate() {
            let separator = if position == 0 { " " } else { ", " };
            let quoted = value.replace(['"', '\\'], "'");
            write!(formatter, "{separator}{name}=\"{quoted}\"")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_has_what_is_known_in_the_words_of_the_standards() {
        assert_eq!(Challenge::default().to_string(), "Bearer");
        let challenge = Challenge {
            metadata: Some("https://a/.well-known/oauth-protected-resource"),
            error: Some(("invalid_token", "it is \"over\"")),
            scope: None,
        };
        assert_eq!(
            challenge.to_string(),
            "Bearer error=\"invalid_token\", error_description=\"it is 'over'\", \
             resource_metadata=\"https://a/.well-known/oauth-protected-resource\""
        );
    }

    #[test]
    fn the_time_to_wait_is_rounded_up_to_seconds() {
        let response = Refusal::too_many("rate_limited", "", Duration::from_millis(1001)).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }
}
