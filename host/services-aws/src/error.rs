//! How a request to AWS fails, other than one for an object.
//!
//! Only the service's error code and its one-sentence message go into an error: no header, no request, no signature.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Characters of an answer that a message repeats.
const SHOWN: usize = 300;

/// Why a request to AWS did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There are no credentials, or the service does not know them.
    Credentials {
        /// What is wrong with them.
        reason: String,
    },
    /// A setting is missing or wrong.
    Configuration {
        /// The setting.
        setting: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The name is none that a secret can have.
    SecretName {
        /// The name.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The secret holds bytes that are no text.
    SecretNotText {
        /// The secret's full name.
        name: String,
    },
    /// The service refuses these credentials this operation.
    Denied {
        /// What was tried, as the service calls it.
        operation: &'static str,
        /// On what.
        resource: String,
        /// What the service says.
        reason: String,
    },
    /// The service does not answer just then.
    Unavailable {
        /// What was tried, as the service calls it.
        operation: &'static str,
        /// On what.
        resource: String,
        /// What happened instead.
        reason: String,
    },
    /// The service refuses.
    Refused {
        /// What was tried, as the service calls it.
        operation: &'static str,
        /// On what.
        resource: String,
        /// The service's code.
        code: String,
        /// The service's words.
        message: String,
    },
}

impl Error {
    /// The stable word for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Credentials { .. } => "credentials_missing",
            Self::Configuration { .. } => "configuration_invalid",
            Self::SecretName { .. } => "secret_name_invalid",
            Self::SecretNotText { .. } => "secret_not_text",
            Self::Denied { .. } => "aws_access_denied",
            Self::Unavailable { .. } => "aws_unavailable",
            Self::Refused { .. } => "aws_refused",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Credentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the server a role"
            }
            Self::Configuration { .. } => "correct the setting and start the server again",
            Self::SecretName { .. } => "name the secret without the prefix, in letters, digits and the signs /_+=.@-",
            Self::SecretNotText { .. } => "store the secret as a text, or in Base64",
            Self::Denied { .. } => "allow the operation in the policy of the server's role",
            Self::Unavailable { .. } => "try again; if it persists, check the way to the endpoint",
            Self::Refused { .. } => "read the service's message",
        }
    }

    /// Whether the same request may succeed later without anybody changing a policy or a setting.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Credentials { .. })
    }

    /// Whether the service refused with this code.
    pub(crate) fn is(&self, expected: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == expected)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials { reason } => write!(formatter, "no usable AWS credentials: {reason}"),
            Self::Configuration { setting, reason } => write!(formatter, "{setting} is not usable: {reason}"),
            Self::SecretName { name, reason } => write!(formatter, "\"{}\" names no secret: {reason}", bounded(name)),
            Self::SecretNotText { name } => write!(formatter, "the secret {name} holds bytes that are no UTF-8 text"),
            Self::Denied { operation, resource, reason } => {
                write!(formatter, "{operation} of {resource} is not permitted: {reason}")
            }
            Self::Unavailable { operation, resource, reason } => {
                write!(formatter, "{operation} of {resource} did not get through: {reason}")
            }
            Self::Refused { operation, resource, code, message } => {
                write!(formatter, "{operation} of {resource} was refused with {code}: {message}")
            }
        }
    }
}

impl StdError for Error {}

/// Why a request did not succeed.
pub(crate) fn refused<E>(error: SdkError<E, HttpResponse>, operation: &'static str, resource: &str) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let resource = resource.to_owned();
    match &error {
        SdkError::ServiceError(answer) => {
            let (code, message) = (answer.err().code().unwrap_or_default(), answer.err().message().unwrap_or_default());
            answered(answer.raw().status().as_u16(), code, message, operation, resource)
        }
        SdkError::TimeoutError(_) => {
            Error::Unavailable { operation, resource, reason: "no answer came in time".to_owned() }
        }
        other => {
            let reason = bounded(&DisplayErrorContext(other).to_string());
            match reason.contains("credentials") {
                true => Error::Credentials { reason },
                false => Error::Unavailable { operation, resource, reason },
            }
        }
    }
}

/// What an answer with that status, error code and message means.
fn answered(status: u16, code: &str, message: &str, operation: &'static str, resource: String) -> Error {
    let code = if code.is_empty() { format!("status {status}") } else { code.to_owned() };
    let message = bounded(message);
    let words = format!("{code}: {message}");
    match (code.as_str(), status) {
        (
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "IncompleteSignature"
            | "MissingAuthenticationToken",
            _,
        ) => Error::Credentials { reason: words },
        ("AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation", _) | (_, 401 | 403) => {
            Error::Denied { operation, resource, reason: words }
        }
        ("LimitExceededException", _) => Error::Refused { operation, resource, code, message },
        (code, _) if code.contains("Throttl") || code.contains("Unavailable") || code.contains("Internal") => {
            Error::Unavailable { operation, resource, reason: words }
        }
        (_, 429 | 500..=599) => Error::Unavailable { operation, resource, reason: words },
        _ => Error::Refused { operation, resource, code, message },
    }
}

/// Somebody else's words as a message may repeat them.
pub(crate) fn bounded(text: &str) -> String {
    let mut bounded: String = text.chars().filter(|character| !character.is_control()).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        bounded.push('…');
    }
    bounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_aws_has_a_meaning() {
        for (status, code, expected, passes) in [
            (400, "ResourceNotFoundException", "aws_refused", false),
            (400, "InvalidParameterException", "aws_refused", false),
            (400, "LimitExceededException", "aws_refused", false),
            (400, "AccessDeniedException", "aws_access_denied", false),
            (403, "", "aws_access_denied", false),
            (400, "UnrecognizedClientException", "credentials_missing", true),
            (400, "ExpiredTokenException", "credentials_missing", true),
            (400, "ThrottlingException", "aws_unavailable", true),
            (500, "InternalServiceError", "aws_unavailable", true),
            (503, "ServiceUnavailableException", "aws_unavailable", true),
            (502, "", "aws_unavailable", true),
        ] {
            let error = answered(status, code, "words", "PutLogEvents", "group/stream".to_owned());
            assert_eq!((error.code(), error.passes()), (expected, passes), "{status} {code}");
        }
        assert!(answered(400, "ResourceNotFoundException", "", "x", String::new()).is("ResourceNotFoundException"));
    }
}
