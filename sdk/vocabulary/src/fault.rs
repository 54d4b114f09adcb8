//! How a call fails, as the contract words it (`kumiko:host/types.fault`).
//!
//! Every library of the host has its own error type with fields; each converts into a [`Fault`] where a guest or a client
//! is told. So there is one list of kinds, one shape, and one place where a message meets its hint.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who can mend a failure, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An argument is missing, malformed or out of range: the caller mends the call.
    InvalidArguments,
    /// What the arguments name does not exist.
    NotFound,
    /// A precondition does not hold.
    Conflict,
    /// The operator has not granted this.
    Denied,
    /// The call ran into a limit or was cancelled.
    Stopped,
    /// A service does not answer just then: the same call may succeed later.
    Unavailable,
    /// Everything else.
    Failed,
}

impl FaultKind {
    /// The kind in snake case, as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArguments => "invalid_arguments",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Stopped => "stopped",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

/// A failure in a form that a program can branch on and a person can act on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Who can mend it.
    pub kind: FaultKind,
    /// A stable word for the exact case, in snake case. `docs/errors.md` lists them.
    pub code: String,
    /// What happened, where, and what was expected.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Anything a program could use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<Value>>,
}

impl Fault {
    /// A fault of the given kind.
    pub fn new(kind: FaultKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), hint: None, data: None }
    }

    /// The caller's arguments are at fault.
    pub fn invalid(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FaultKind::InvalidArguments, code, message)
    }

    /// Something named does not exist.
    pub fn not_found(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FaultKind::NotFound, code, message)
    }

    /// Everything that is nobody's mistake in particular.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FaultKind::Failed, code, message)
    }

    /// The same fault with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault with something for programs.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = Some(Box::new(data));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
