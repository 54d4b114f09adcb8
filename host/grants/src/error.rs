//! What can be wrong with a grants file.

use std::path::PathBuf;

use kumiko_vocabulary::{Fault, FaultKind};

/// A grants file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("the grants file {path} cannot be {action}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that is no grant.
    #[error("the grants file {path} is wrong, line {line}: {message}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A grant that was given is none.
    #[error("`{text}` is no grant of `{key}`: {expected}")]
    Grant {
        /// The key of the section: `read`, `http`.
        key: &'static str,
        /// What was given.
        text: String,
        /// What was expected.
        expected: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (kind, code) = match &error {
            Error::Io { .. } => (FaultKind::Failed, "grants_unreadable"),
            Error::Malformed { .. } => (FaultKind::InvalidArguments, "grants_malformed"),
            Error::Grant { .. } => (FaultKind::InvalidArguments, "grant_malformed"),
        };
        Self::new(kind, code, error.to_string())
            .hint("docs/operators.md shows the grants file; `kumiko plugin grant` writes it")
    }
}
