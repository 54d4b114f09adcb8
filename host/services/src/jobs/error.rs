//! Everything that can be wrong with a job before its tool is asked.

use kumiko_vocabulary::{Fault, FaultKind};

use crate::objects;

/// Why a job cannot be started, found or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is none.
    #[error(
        "`{name}` is no name for a job; expected 1 to 63 letters, digits, `.`, `_` and `-`, the first a letter or digit"
    )]
    Name {
        /// The name given.
        name: String,
    },
    /// The name was given before.
    #[error("there is a job `{name}` already")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is no such job.
    #[error("there is no job `{name}`")]
    NotFound {
        /// The name.
        name: String,
    },
    /// A limit of the order is out of range.
    #[error("`{what}` of the job is {given}; expected 1 to {most}")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// What was asked for.
        given: u64,
        /// The most that can be.
        most: u64,
    },
    /// The record in the store is not one.
    #[error("the record of the job `{name}` cannot be read: {reason}")]
    Damaged {
        /// The job.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Others keep changing the record.
    #[error("the record of the job `{name}` keeps being changed by others")]
    Contended {
        /// The job.
        name: String,
    },
    /// The object store says no.
    #[error(transparent)]
    Objects(#[from] objects::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Name { .. } => Self::invalid("job_name_invalid", message),
            Error::Exists { name } => Self::new(FaultKind::Conflict, "job_exists", message)
                .hint(format!("names are given once: choose another, or ask after `{name}`")),
            Error::NotFound { .. } => Self::new(FaultKind::NotFound, "job_not_found", message)
                .hint("a job is known by the name that it was started with"),
            Error::Limit { .. } => Self::invalid("job_limit_invalid", message),
            Error::Damaged { .. } => Self::failed("job_record_damaged", message).hint(
                "the record is an object under jobs/ in the server's own bucket; start the work under another name",
            ),
            Error::Contended { .. } => Self::new(FaultKind::Unavailable, "job_record_contended", message),
            Error::Objects(error) => error.into(),
        }
    }
}
