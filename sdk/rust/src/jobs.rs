//! Calls that go on after the call that began them, and over the end of a server.

use crate::host::{self, Host};
use crate::vocabulary::jobs::{Job, JobOrder, JobPage};
use crate::{Result, document};

/// Starts a job and returns at once. The tool is one of this plugin's own, or one that the operator granted.
///
/// # Errors
/// `service_denied` and `tool_denied` where it was not granted, `job_exists` where the name was given before, `invalid_arguments` where
/// the arguments do not fit the tool.
pub fn start(order: &JobOrder) -> Result<Job> {
    let order = document::write(order)?;
    document::read(&host::call(|host| Host::job_start(host, &order))?)
}

/// What is known of a job.
///
/// # Errors
/// `job_not_found`.
pub fn get(name: &str) -> Result<Job> {
    document::read(&host::call(|host| Host::job_get(host, name))?)
}

/// Jobs whose name begins with `prefix`, in the order of their names, at most `limit` (1 to 100) from behind `cursor`.
///
/// # Errors
/// A prefix or cursor that is no name.
pub fn list(prefix: &str, cursor: Option<&str>, limit: u32) -> Result<JobPage> {
    document::read(&host::call(|host| Host::job_list(host, prefix, cursor, limit))?)
}

/// Asks a job to stop. One that has ended stays as it is.
///
/// # Errors
/// `job_not_found`.
pub fn stop(name: &str) -> Result<Job> {
    document::read(&host::call(|host| Host::job_stop(host, name))?)
}
