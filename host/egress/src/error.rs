//! How a request or a secret is refused, and how that reads to a client.
//!
//! No variant holds a URL with secrets put in: places are told by origin, without path and query.

use std::net::IpAddr;

use kumiko_vocabulary::{Fault, FaultKind};

use crate::{HEADER_BYTES_LIMIT, HEADER_COUNT_LIMIT, Masker};

/// Why a request was not sent, or its answer not handed on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule or the binding of a secret cannot be read.
    #[error("`{text}` is no rule for outgoing requests: {reason}")]
    Pattern {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that is no name of a secret.
    #[error("`{}` is no name of a secret: {reason}", name.escape_debug())]
    SecretName {
        /// The text.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The HTTP client cannot be set up.
    #[error("outgoing HTTP cannot start: {reason}")]
    Setup {
        /// The chain of causes.
        reason: String,
    },
    /// The URL is none that is sent.
    #[error("the URL of the request is not accepted: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The method is none that is sent.
    #[error("the method of the request is not accepted: {reason}")]
    Method {
        /// What is wrong with it.
        reason: String,
    },
    /// A header is not sent.
    #[error("the header `{}` is not accepted: {reason}", name.escape_debug())]
    Header {
        /// The header's name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The request has more headers than are sent.
    #[error(
        "the request has {count} headers of {bytes} bytes; {HEADER_COUNT_LIMIT} of {HEADER_BYTES_LIMIT} are the most"
    )]
    TooManyHeaders {
        /// How many.
        count: usize,
        /// Bytes of their names and values.
        bytes: usize,
    },
    /// The request's body is too large.
    #[error("the body of the request has {bytes} bytes; {limit} are the most")]
    RequestTooLarge {
        /// Its size, secrets included.
        bytes: usize,
        /// The most it may have.
        limit: usize,
    },
    /// No rule of the plugin allows the request.
    #[error("the plugin `{plugin}` was not granted to send {method} to {origin}")]
    Denied {
        /// The plugin.
        plugin: String,
        /// The method.
        method: String,
        /// Scheme, host and port.
        origin: String,
        /// The rule that would allow it.
        rule: String,
    },
    /// The host leads to an address that is not public.
    #[error("{host} leads to {address}, {class}, which this server does not reach")]
    AddressDenied {
        /// The host of the URL.
        host: String,
        /// The address that is refused.
        address: IpAddr,
        /// What it is.
        class: String,
    },
    /// The name has no address.
    #[error("the name {host} cannot be resolved: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// No connection came to stand.
    #[error("{origin} cannot be reached: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// The chain of causes.
        reason: String,
    },
    /// The exchange broke off.
    #[error("the exchange with {origin} broke off: {reason}")]
    Broken {
        /// Scheme, host and port.
        origin: String,
        /// The chain of causes.
        reason: String,
    },
    /// Time ran out.
    #[error("the request did not finish within {milliseconds} ms")]
    Timeout {
        /// What it had.
        milliseconds: u128,
    },
    /// Too many requests of the plugin are under way.
    #[error("{limit} requests of the plugin `{plugin}` are under way, and none ended within {milliseconds} ms")]
    Busy {
        /// The plugin.
        plugin: String,
        /// How many may be.
        limit: usize,
        /// How long this one waited.
        milliseconds: u128,
    },
    /// The response is larger than what is read.
    #[error("the response of {origin} has a body of more than {limit} bytes")]
    ResponseTooLarge {
        /// Scheme, host and port.
        origin: String,
        /// The most that is read.
        limit: usize,
    },
    /// A redirect that is not followed.
    #[error("{origin} redirects to where the request cannot follow: {reason}")]
    Redirect {
        /// Who redirects: scheme, host and port.
        origin: String,
        /// What is wrong with the target.
        reason: String,
    },
    /// More redirects than are followed.
    #[error("the request was redirected more than {limit} times")]
    TooManyRedirects {
        /// The most that are followed.
        limit: usize,
    },
    /// A place for a secret that cannot be read.
    #[error("{place} has a place for a secret that cannot be read: {reason}")]
    Template {
        /// Which part of the request.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The body names a secret, and the request does not say that it may.
    #[error("the body of the request names the secret `{name}`, and the request does not allow secrets in its body")]
    SecretInBody {
        /// The secret.
        name: String,
    },
    /// The plugin may not use the secret, or not there.
    #[error("the plugin `{plugin}` was not granted the secret `{name}`{}", target(origin.as_deref()))]
    SecretDenied {
        /// The plugin.
        plugin: String,
        /// The secret.
        name: String,
        /// Where it would have gone, where that is the question.
        origin: Option<String>,
        /// What would have to stand in the section.
        grant: String,
    },
    /// No store has the secret.
    #[error("there is no secret `{name}`")]
    SecretNotFound {
        /// The secret.
        name: String,
    },
    /// A store does not answer.
    #[error("the secret `{name}` cannot be read: {reason}")]
    SecretUnavailable {
        /// The secret.
        name: String,
        /// What the store says.
        reason: String,
    },
    /// The value cannot stand where it is wanted.
    #[error("the secret `{name}` cannot stand in {place}: its value has control characters, such as the end of a line")]
    SecretUnusable {
        /// The secret.
        name: String,
        /// Which part of the request.
        place: String,
    },
}

/// The end of the sentence about a secret that is not granted.
fn target(origin: Option<&str>) -> String {
    origin.map_or_else(String::new, |origin| format!(" for {origin}"))
}

impl Error {
    /// The stable word for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pattern { .. } => "http_rule_malformed",
            Self::SecretName { .. } => "secret_name_malformed",
            Self::Setup { .. } => "http_setup_failed",
            Self::Url { .. } => "http_url_refused",
            Self::Method { .. } => "http_method_refused",
            Self::Header { .. } | Self::TooManyHeaders { .. } => "http_header_refused",
            Self::RequestTooLarge { .. } => "http_request_too_large",
            Self::Denied { .. } => "http_denied",
            Self::AddressDenied { .. } => "http_address_denied",
            Self::Unresolved { .. } => "http_name_unresolved",
            Self::Unreachable { .. } => "http_unreachable",
            Self::Broken { .. } => "http_broken_off",
            Self::Timeout { .. } => "http_timeout",
            Self::Busy { .. } => "http_busy",
            Self::ResponseTooLarge { .. } => "http_response_too_large",
            Self::Redirect { .. } => "http_redirect_denied",
            Self::TooManyRedirects { .. } => "http_too_many_redirects",
            Self::Template { .. } => "secret_place_malformed",
            Self::SecretInBody { .. } => "secret_in_body",
            Self::SecretDenied { .. } => "secret_denied",
            Self::SecretNotFound { .. } => "secret_not_found",
            Self::SecretUnavailable { .. } => "secret_unavailable",
            Self::SecretUnusable { .. } => "secret_unusable",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Pattern { .. }
            | Self::SecretName { .. }
            | Self::Url { .. }
            | Self::Method { .. }
            | Self::Header { .. }
            | Self::TooManyHeaders { .. }
            | Self::RequestTooLarge { .. }
            | Self::Template { .. }
            | Self::SecretInBody { .. } => FaultKind::InvalidArguments,
            Self::Denied { .. } | Self::AddressDenied { .. } | Self::Redirect { .. } | Self::SecretDenied { .. } => {
                FaultKind::Denied
            }
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Timeout { .. }
            | Self::Busy { .. }
            | Self::SecretUnavailable { .. } => FaultKind::Unavailable,
            Self::ResponseTooLarge { .. } => FaultKind::Stopped,
            Self::SecretNotFound { .. } => FaultKind::NotFound,
            Self::Setup { .. } | Self::TooManyRedirects { .. } | Self::SecretUnusable { .. } => FaultKind::Failed,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let advice = match self {
            Self::Denied { plugin, rule, .. } => {
                return format!("add to the section [{plugin}] of the grants file: http = [\"{rule}\"]");
            }
            Self::SecretDenied { plugin, grant, .. } => {
                return format!("add to the section [{plugin}] of the grants file: {grant}");
            }
            Self::AddressDenied { address, .. } => {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                return format!(
                    "an operator who means it adds \"{address}/{bits}\" to the private networks of the settings"
                );
            }
            Self::Pattern { .. } => {
                "a rule is `GET,POST https://api.example.com`, `api.example.com` or `* http://127.0.0.1:8080`"
            }
            Self::SecretName { .. } => {
                "a name has 1 to 128 letters, digits, `_`, `-` and `.`, and begins with a letter or digit"
            }
            Self::Setup { .. } => "check the certificates in the settings, each in PEM form",
            Self::Url { .. } => "send to http:// or https:// with a host, with everything unusual percent-encoded",
            Self::Method { .. } => "use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS",
            Self::Header { .. } => {
                "leave out line ends, and what belongs to the connection (host, connection, transfer-encoding …)"
            }
            Self::TooManyHeaders { .. } => "send less in headers and more in the body",
            Self::RequestTooLarge { .. } => "send it in parts, or through the object store",
            Self::Unresolved { .. } => "check the name's spelling and the server's name resolution",
            Self::Unreachable { .. } | Self::Broken { .. } => "repeat the call later; check that the service is up",
            Self::Timeout { .. } | Self::Busy { .. } => {
                "repeat the call later, ask for less, or raise the limit in the settings"
            }
            Self::ResponseTooLarge { .. } => "ask for less, page by page where the service can",
            Self::Redirect { .. } => "request the final address directly, where it is granted",
            Self::TooManyRedirects { .. } => "request the final address directly",
            Self::Template { .. } => "write {{secret:NAME}} with a name of letters, digits, `_`, `-` and `.`",
            Self::SecretInBody { .. } => "set `secrets_in_body` in the request if the secret belongs there",
            Self::SecretNotFound { .. } => "an operator puts it into one of the configured stores of secrets",
            Self::SecretUnavailable { .. } => "repeat the call later; an operator checks the store of secrets",
            Self::SecretUnusable { .. } => "store the value without line ends",
        };
        advice.to_owned()
    }

    /// The same error with every known secret taken out of its texts.
    #[must_use]
    pub(crate) fn masked(mut self, masker: &Masker) -> Self {
        let texts: [Option<&mut String>; 2] = match &mut self {
            Self::Pattern { text, reason } => [Some(text), Some(reason)],
            Self::Template { place, reason } => [Some(place), Some(reason)],
            Self::SecretUnusable { place, .. } => [Some(place), None],
            Self::Setup { reason } | Self::Url { reason } | Self::Method { reason } => [Some(reason), None],
            Self::Header { name, .. } => [Some(name), None],
            Self::Denied { origin, rule, .. } => [Some(origin), Some(rule)],
            Self::AddressDenied { host, .. } => [Some(host), None],
            Self::Unresolved { host, reason } => [Some(host), Some(reason)],
            Self::Unreachable { origin, reason }
            | Self::Broken { origin, reason }
            | Self::Redirect { origin, reason } => [Some(origin), Some(reason)],
            Self::ResponseTooLarge { origin, .. } => [Some(origin), None],
            Self::SecretDenied { origin, grant, .. } => [origin.as_mut(), Some(grant)],
            Self::SecretUnavailable { reason, .. } => [Some(reason), None],
            // What these hold are numbers and names that the operator chose.
            Self::SecretName { .. }
            | Self::TooManyHeaders { .. }
            | Self::RequestTooLarge { .. }
            | Self::Timeout { .. }
            | Self::Busy { .. }
            | Self::TooManyRedirects { .. }
            | Self::SecretInBody { .. }
            | Self::SecretNotFound { .. } => [None, None],
        };
        for text in texts.into_iter().flatten() {
            masker.mask_in_place(text);
        }
        self
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::new(error.kind(), error.code(), error.to_string()).hint(error.hint())
    }
}
