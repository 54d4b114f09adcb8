//! Why something that operators watch cannot be had.

use std::path::PathBuf;

use kumiko_vocabulary::{Fault, FaultKind};

/// Why the audit log, a metric or the export of traces does not work. All of these show when the server starts or when
/// an operator asks; none of them reaches a caller of tools.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The audit log cannot be opened, read or written.
    #[error("{action} the audit log {}: {source}", path.display())]
    AuditFile {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The thread that writes the audit log is gone.
    #[error("the audit log is closed; what was recorded last may not be in the file")]
    AuditClosed,
    /// A line of the audit log is not what was written.
    #[error("line {line} of the audit log {} is not as it was written: {reason}", path.display())]
    AuditDamaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What does not fit.
        reason: String,
    },
    /// The name is none that a metric may have.
    #[error("\"{name}\" is no name of a metric; expected letters, digits and underscores, a letter first")]
    MetricName {
        /// The name.
        name: String,
    },
    /// The name belongs to another metric.
    #[error("there is a metric \"{name}\" already")]
    MetricTaken {
        /// The name.
        name: String,
    },
    /// The address of the collector cannot be used.
    #[error("the collector of traces \"{endpoint}\" cannot be used: {reason}")]
    TraceEndpoint {
        /// The address as given, without what stands before an `@`.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The export of traces does not start.
    #[error("the export of traces does not start: {reason}")]
    TraceExport {
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// The stable word for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AuditFile { .. } => "audit_unavailable",
            Self::AuditClosed => "audit_closed",
            Self::AuditDamaged { .. } => "audit_damaged",
            Self::MetricName { .. } => "metric_name_invalid",
            Self::MetricTaken { .. } => "metric_name_taken",
            Self::TraceEndpoint { .. } => "trace_endpoint_invalid",
            Self::TraceExport { .. } => "trace_export_failed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::AuditFile { .. } => "the user of the server must be able to write this file and its folder",
            Self::AuditClosed => "look for an earlier error of the audit log, and start the server again",
            Self::AuditDamaged { .. } => "compare with a backup; lines are only ever added, by the server alone",
            Self::MetricName { .. } => "choose a name such as kumiko_plugins_loaded",
            Self::MetricTaken { .. } => "register each metric once",
            Self::TraceEndpoint { .. } => {
                "set OTEL_EXPORTER_OTLP_ENDPOINT to the address of an OTLP/HTTP collector, like http://127.0.0.1:4318"
            }
            Self::TraceExport { .. } => "check the limits on threads and open files of the server",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::AuditFile { .. } | Self::AuditClosed => FaultKind::Unavailable,
            Self::AuditDamaged { .. } | Self::TraceExport { .. } => FaultKind::Failed,
            Self::MetricTaken { .. } => FaultKind::Conflict,
            Self::MetricName { .. } | Self::TraceEndpoint { .. } => FaultKind::InvalidArguments,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::new(error.kind(), error.code(), error.to_string()).hint(error.hint())
    }
}
