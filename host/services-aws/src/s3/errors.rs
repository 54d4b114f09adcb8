//! What S3 answers, in the words of [`Error`].
//!
//! Only S3's error code and its one-sentence message go into an error: no header, no request, no signature.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use kumiko_services::objects::{Error, ObjectPrefix, ObjectUri, Precondition};

use crate::error::bounded;

/// What was tried, on what.
pub(super) struct Place<'a> {
    operation: &'static str,
    uri: String,
    bucket: &'a str,
    precondition: &'a Precondition,
}

impl<'a> Place<'a> {
    pub(super) fn object(operation: &'static str, uri: &'a ObjectUri) -> Self {
        Self { operation, uri: uri.to_string(), bucket: uri.bucket(), precondition: &Precondition::None }
    }

    pub(super) fn bucket(operation: &'static str, prefix: &'a ObjectPrefix) -> Self {
        let uri = format!("s3://{}/{}", prefix.bucket(), prefix.key());
        Self { operation, uri, bucket: prefix.bucket(), precondition: &Precondition::None }
    }

    /// The same, where the request carried a precondition.
    pub(super) fn under(self, precondition: &'a Precondition) -> Self {
        Self { precondition, ..self }
    }

    /// The error of a precondition that did not hold.
    fn conflict(&self) -> Option<Error> {
        match self.precondition {
            Precondition::None => None,
            Precondition::Absent => Some(Error::Exists { uri: self.uri.clone() }),
            Precondition::Unchanged(expected) => {
                Some(Error::Changed { uri: self.uri.clone(), expected: expected.clone(), found: None })
            }
        }
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable { uri: self.uri.clone(), operation: self.operation, reason }
    }

    fn configuration(&self, setting: &str, reason: String) -> Error {
        Error::Configuration {
            setting: setting.to_owned(),
            reason: format!("{} of {} says: {reason}", self.operation, self.uri),
        }
    }
}

/// Why a request did not succeed.
pub(super) fn refused<E>(error: SdkError<E, HttpResponse>, place: &Place<'_>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            answered(status, answer.err().code().unwrap_or_default(), answer.err().message().unwrap_or_default(), place)
        }
        SdkError::TimeoutError(_) => place.unavailable("no answer came in time".to_owned()),
        other => {
            let reason = bounded(&DisplayErrorContext(other).to_string());
            match reason.contains("credentials") {
                true => Error::Credentials { reason },
                false => place.unavailable(reason),
            }
        }
    }
}

/// What an answer with that status, error code and message means.
fn answered(status: u16, code: &str, message: &str, place: &Place<'_>) -> Error {
    let uri = place.uri.clone();
    let words = match message {
        "" => format!("{code} (HTTP status {status})"),
        message => format!("{code}: {}", bounded(message)),
    };
    match (code, status) {
        ("NoSuchBucket", _) => Error::BucketNotFound { bucket: place.bucket.to_owned() },
        // With `If-Match`, an object that is gone is one that has changed.
        ("NoSuchKey" | "NotFound" | "", 404) => place.conflict().unwrap_or(Error::NotFound { uri }),
        ("PreconditionFailed" | "ConditionalRequestConflict" | "OperationAborted", _) | (_, 409 | 412) => {
            place.conflict().unwrap_or_else(|| place.unavailable(words))
        }
        (
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "UnrecognizedClientException",
            _,
        ) => Error::Credentials { reason: words },
        ("RequestTimeTooSkewed" | "RequestExpired", _) => place.configuration("this machine's clock", words),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) | (_, 301) => {
            place.configuration("the AWS region", words)
        }
        (code, _) if code.starts_with("KMS.") => place.configuration("the KMS key", words),
        ("BadDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody", _) => Error::Damaged { uri, reason: words },
        ("InvalidRange", _) | (_, 416) => Error::Service {
            uri,
            operation: place.operation,
            code: "InvalidRange".to_owned(),
            message: bounded(message),
        },
        ("SlowDown" | "RequestTimeout" | "RequestLimitExceeded", _) | (_, 429 | 500..=599) => place.unavailable(words),
        (code, _) if code.contains("Throttl") => place.unavailable(words),
        ("AccessDenied" | "AllAccessDisabled" | "AccountProblem", _) | (_, 401 | 403) => {
            Error::AccessDenied { uri, operation: place.operation, reason: words }
        }
        ("", _) => Error::Service {
            uri,
            operation: place.operation,
            code: format!("status {status}"),
            message: bounded(message),
        },
        (code, _) => {
            Error::Service { uri, operation: place.operation, code: code.to_owned(), message: bounded(message) }
        }
    }
}

/// A body that broke off, or whose checksum is wrong.
pub(super) fn broken_body(operation: &'static str, uri: &ObjectUri, error: &(impl StdError + 'static)) -> Error {
    let reason = bounded(&format!("{operation}: {}", DisplayErrorContext(error)));
    Error::Damaged { uri: uri.to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, code: &str, precondition: &Precondition) -> &'static str {
        let uri = ObjectUri::parse("s3://bucket/key").unwrap();
        answered(status, code, "words", &Place::object("PutObject", &uri).under(precondition)).code()
    }

    #[test]
    fn every_answer_of_s3_has_a_meaning() {
        let unchanged = Precondition::Unchanged("e".into());
        for (status, code, precondition, expected) in [
            (404, "NoSuchKey", &Precondition::None, "object_not_found"),
            (404, "", &Precondition::None, "object_not_found"),
            (404, "NoSuchBucket", &unchanged, "bucket_not_found"),
            (404, "NoSuchKey", &unchanged, "object_changed"),
            (412, "PreconditionFailed", &unchanged, "object_changed"),
            (412, "PreconditionFailed", &Precondition::Absent, "object_exists"),
            (409, "ConditionalRequestConflict", &Precondition::Absent, "object_exists"),
            (409, "OperationAborted", &Precondition::None, "object_store_unavailable"),
            (403, "AccessDenied", &Precondition::None, "object_access_denied"),
            (403, "", &Precondition::None, "object_access_denied"),
            (403, "InvalidAccessKeyId", &Precondition::None, "credentials_missing"),
            (400, "ExpiredToken", &Precondition::None, "credentials_missing"),
            (403, "RequestTimeTooSkewed", &Precondition::None, "configuration_invalid"),
            (301, "PermanentRedirect", &Precondition::None, "configuration_invalid"),
            (400, "KMS.NotFoundException", &Precondition::None, "configuration_invalid"),
            (503, "SlowDown", &Precondition::None, "object_store_unavailable"),
            (500, "InternalError", &Precondition::None, "object_store_unavailable"),
            (400, "ThrottlingException", &Precondition::None, "object_store_unavailable"),
            (400, "BadDigest", &Precondition::None, "object_damaged"),
            (400, "InvalidArgument", &Precondition::None, "object_store_refused"),
        ] {
            assert_eq!(meaning(status, code, precondition), expected, "{status} {code}");
        }
    }
}
