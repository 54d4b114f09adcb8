//! Why the HTTP face cannot start, and why a key cannot be kept.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use kumiko_vocabulary::{Fault, FaultKind};

/// What goes wrong before or beside serving. What goes wrong with a single request is answered to its client instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Nobody could call: no key, no issuer of tokens, and anonymous callers are not allowed.
    NoCredentials {
        /// Where it was to listen.
        listen: SocketAddr,
    },
    /// Anonymous callers are allowed on an address that other machines reach.
    AnonymousBeyondLoopback {
        /// Where it was to listen.
        listen: SocketAddr,
    },
    /// A setting does not have a value that it can have.
    Setting {
        /// The setting's key.
        key: &'static str,
        /// What it was set to.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key file is not what this server writes.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The key file cannot be read or written.
    KeyFileAccess {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// There is no key of this id.
    UnknownKey {
        /// The id.
        id: String,
    },
    /// A key cannot be made like this.
    KeyRefused {
        /// The rule that it breaks.
        reason: String,
    },
    /// The system gives no randomness.
    Randomness,
    /// The client that fetches the issuer's keys cannot be set up.
    IssuerClient {
        /// What the library says.
        reason: String,
    },
    /// Serving ended by an error of the system.
    Serve {
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials { listen } => {
                write!(formatter, "nobody could use the server on {listen}: it has no key and no issuer of tokens")
            }
            Self::AnonymousBeyondLoopback { listen } => {
                write!(formatter, "anonymous callers are allowed, but {listen} is not a loopback address")
            }
            Self::Setting { key, value, expected } => {
                write!(formatter, "the setting `{key}` is `{value}`, but {expected}")
            }
            Self::Listen { address, source } => write!(formatter, "cannot listen on {address}: {source}"),
            Self::Certificate { path, reason } => {
                write!(formatter, "the TLS file {} cannot be used: {reason}", path.display())
            }
            Self::KeyFile { path, line, reason } => {
                write!(formatter, "the key file {}, line {line}: {reason}", path.display())
            }
            Self::KeyFileAccess { path, action, source } => {
                write!(formatter, "cannot {action} the key file {}: {source}", path.display())
            }
            Self::UnknownKey { id } => write!(formatter, "there is no key with the id `{id}`"),
            Self::KeyRefused { reason } => write!(formatter, "this key cannot be made: {reason}"),
            Self::Randomness => formatter.write_str("the system gives no randomness"),
            Self::IssuerClient { reason } => {
                write!(formatter, "the client for the token issuer cannot be set up: {reason}")
            }
            Self::Serve { source } => write!(formatter, "serving HTTP ended: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::KeyFileAccess { source, .. } | Self::Serve { source } => Some(source),
            _ => None,
        }
    }
}

impl Error {
    /// The stable word for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials { .. } => "no_credentials",
            Self::AnonymousBeyondLoopback { .. } => "anonymous_beyond_loopback",
            Self::Setting { .. } => "setting_invalid",
            Self::Listen { .. } => "cannot_listen",
            Self::Certificate { .. } => "certificate_invalid",
            Self::KeyFile { .. } => "key_file_invalid",
            Self::KeyFileAccess { .. } => "key_file_access",
            Self::UnknownKey { .. } => "key_not_found",
            Self::KeyRefused { .. } => "key_refused",
            Self::Randomness => "no_randomness",
            Self::IssuerClient { .. } => "issuer_client",
            Self::Serve { .. } => "serving_ended",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoCredentials { .. } => {
                "make a key with `kumiko key create <name>`, or configure an issuer of tokens; on a loopback address \
                 anonymous callers can be allowed instead"
            }
            Self::AnonymousBeyondLoopback { .. } => {
                "listen on 127.0.0.1, or make a key with `kumiko key create <name>` and do without anonymous callers"
            }
            Self::Setting { .. } => "correct the setting and start again",
            Self::Listen { .. } => "another program may have the port; choose another, or 0 for any free one",
            Self::Certificate { .. } => {
                "a certificate is a chain of PEM certificates, the server's own first; \
                 its key is PEM too (PKCS#8, PKCS#1 or SEC1)"
            }
            Self::KeyFile { .. } => "restore the file from a backup, or remove it and make the keys again",
            Self::KeyFileAccess { .. } => "the file and its folder must belong to the user that the server runs as",
            Self::UnknownKey { .. } => "`kumiko key list` shows the keys with their ids",
            Self::KeyRefused { .. } => "correct what the message names and try again",
            Self::Randomness => "the operating system has to offer a source of randomness",
            Self::IssuerClient { .. } => "check the system's root certificates",
            Self::Serve { .. } => "the system's log may say more",
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::UnknownKey { .. } => FaultKind::NotFound,
            Error::Listen { .. }
            | Error::KeyFileAccess { .. }
            | Error::Randomness
            | Error::IssuerClient { .. }
            | Error::Serve { .. } => FaultKind::Failed,
            _ => FaultKind::InvalidArguments,
        };
        Fault::new(kind, error.code(), error.to_string()).hint(error.hint())
    }
}
