//! The record of a job, and the ways in which it may change. Plain state: no clock, no store.

use kumiko_vocabulary::jobs::{Job, JobOrder, JobProgress, JobStatus, MAXIMUM_JOB_SECONDS};
use kumiko_vocabulary::{Fault, FaultKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;

/// The longest name: it becomes part of an object's key and of a file's name.
const LONGEST_NAME: usize = 63;
/// The most attempts an order may ask for.
const MOST_ATTEMPTS: u64 = 100;
/// The least share of the work that a forecast is made from: earlier ones mislead.
const FORECAST_SHARE: f64 = 0.01;

/// A job with what only its runners care about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// What everybody may know.
    pub(super) job: Job,
    /// Who asked, for the log of its calls.
    pub(super) caller: String,
    /// Who runs it, while somebody does.
    pub(super) lease: Option<Lease>,
}

/// The right to run a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// The server: a random name of its own for each start.
    pub(super) owner: String,
    /// When the right ends unless it is renewed, in seconds since 1970-01-01 UTC.
    pub(super) until: f64,
}

/// How a run ended.
#[derive(Clone)]
pub(super) enum End {
    /// With a result.
    Completed(Value),
    /// With a failure of its own.
    Failed(Fault),
    /// The server stops: another one goes on at once.
    Released,
}

/// What the owner of a lease learns when it renews.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// Go on.
    Held,
    /// Go on only to come to an end.
    Stopping,
    /// The job is somebody else's, or ended.
    Lost,
}

/// Checks an order before anything is written.
pub(super) fn check(order: &JobOrder) -> Result<(), Error> {
    check_name(&order.name)?;
    let limits = [
        ("maximum_seconds", order.maximum_seconds, MAXIMUM_JOB_SECONDS),
        ("maximum_attempts", u64::from(order.maximum_attempts), MOST_ATTEMPTS),
    ];
    match limits.into_iter().find(|(_, given, most)| *given == 0 || given > most) {
        Some((what, given, most)) => Err(Error::Limit { what, given, most }),
        None => Ok(()),
    }
}

/// Checks a name.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if first && rest && name.len() <= LONGEST_NAME { Ok(()) } else { Err(Error::Name { name: name.to_owned() }) }
}

impl Record {
    /// A record of an order that nobody has begun.
    pub(super) fn new(order: JobOrder, plugin: &str, caller: &str, now: f64) -> Self {
        let job = Job {
            order,
            plugin: plugin.to_owned(),
            status: JobStatus::Queued,
            created_at: now,
            started_at: None,
            ended_at: None,
            attempts: 0,
            progress: None,
            seconds_left: None,
            result: None,
            failure: None,
        };
        Self { job, caller: caller.to_owned(), lease: None }
    }

    /// Whether somebody holds the job at this moment.
    fn is_held(&self, now: f64) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    /// Whether the record is to be changed by whoever looks at it: begun, or ended because it cannot go on.
    pub(super) fn is_claimable(&self, now: f64) -> bool {
        !self.job.status.is_terminal() && !self.is_held(now)
    }

    /// Takes a claimable job over. True where it is to be run; false where it has come to its end by this: it was asked to stop, it
    /// was begun too often, or its time was up while nobody ran it.
    pub(super) fn claim(&mut self, lease: Lease, now: f64) -> bool {
        if self.job.status == JobStatus::Stopping {
            self.end(JobStatus::Stopped, Some(stopped()), now);
            return false;
        }
        if self.job.attempts >= self.job.order.maximum_attempts {
            let attempts = self.job.attempts;
            let fault = Fault::failed(
                "job_attempts_limit",
                format!("the job was begun {attempts} times and its server died each time"),
            )
            .hint("look into the server's log for what ended it; raise `maximum_attempts` to let it try more often");
            self.end(JobStatus::Failed, Some(fault), now);
            return false;
        }
        if self.seconds_allowed(now) <= 0.0 {
            self.end(JobStatus::Failed, Some(self.out_of_time()), now);
            return false;
        }
        self.job.status = JobStatus::Running;
        self.job.started_at.get_or_insert(now);
        self.job.attempts += 1;
        self.lease = Some(lease);
        true
    }

    /// How long the job may still run.
    pub(super) fn seconds_allowed(&self, now: f64) -> f64 {
        self.job.order.maximum_seconds as f64 - self.job.started_at.map_or(0.0, |began| now - began)
    }

    /// The failure of a job whose time is up.
    pub(super) fn out_of_time(&self) -> Fault {
        let seconds = self.job.order.maximum_seconds;
        Fault::new(FaultKind::Stopped, "job_time_limit", format!("the job ran into its limit of {seconds} s"))
            .hint("raise `maximum_seconds`, or ask for less work")
    }

    /// Renews the lease and notes the progress of this attempt.
    pub(super) fn renew(&mut self, lease: Lease, progress: Option<JobProgress>) -> Renewal {
        if self.job.status.is_terminal() || self.lease.as_ref().is_none_or(|held| held.owner != lease.owner) {
            return Renewal::Lost;
        }
        if let Some(progress) = progress {
            self.job.seconds_left = forecast(&progress);
            self.job.progress = Some(progress);
        }
        self.lease = Some(lease);
        if self.job.status == JobStatus::Stopping { Renewal::Stopping } else { Renewal::Held }
    }

    /// Asks the job to stop. What waits is stopped at once.
    pub(super) fn ask_to_stop(&mut self, now: f64) {
        match self.job.status {
            status if status.is_terminal() => {}
            JobStatus::Queued if !self.is_held(now) => self.end(JobStatus::Stopped, Some(stopped()), now),
            _ => self.job.status = JobStatus::Stopping,
        }
    }

    /// Notes how a run ended. False where the job is not the owner's any more, and nothing changes.
    pub(super) fn finish(&mut self, owner: &str, end: End, now: f64) -> bool {
        if self.job.status.is_terminal() || self.lease.as_ref().is_none_or(|held| held.owner != owner) {
            return false;
        }
        match end {
            End::Completed(result) => {
                self.job.result = Some(result);
                self.end(JobStatus::Completed, None, now);
            }
            End::Failed(_) if self.job.status == JobStatus::Stopping => {
                self.end(JobStatus::Stopped, Some(stopped()), now);
            }
            End::Failed(fault) => self.end(JobStatus::Failed, Some(fault), now),
            End::Released => {
                // Not the job's fault: an orderly stop of the server does not count as an attempt.
                self.job.attempts = self.job.attempts.saturating_sub(1);
                if self.job.status == JobStatus::Running {
                    self.job.status = JobStatus::Queued;
                }
                self.lease = None;
            }
        }
        true
    }

    fn end(&mut self, status: JobStatus, failure: Option<Fault>, now: f64) {
        self.job.status = status;
        self.job.failure = failure;
        self.job.ended_at = Some(now);
        self.job.seconds_left = None;
        self.lease = None;
    }
}

fn stopped() -> Fault {
    Fault::new(FaultKind::Stopped, "job_stopped", "the job was stopped before it finished")
}

/// The time left by the pace of the present phase.
fn forecast(progress: &JobProgress) -> Option<f64> {
    let share = progress.done / progress.total.filter(|total| *total > 0.0)?;
    (FORECAST_SHARE..=1.0).contains(&share).then(|| (progress.at - progress.since).max(0.0) * (1.0 - share) / share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record() -> Record {
        Record::new(JobOrder::new("night", "train", serde_json::Map::new()), "trainer", "ada", 100.0)
    }

    fn lease(owner: &str, until: f64) -> Lease {
        Lease { owner: owner.to_owned(), until }
    }

    #[test]
    fn a_job_whose_server_died_is_anybodys_once_the_lease_has_run_out() {
        let mut record = record();
        assert!(record.claim(lease("a", 115.0), 100.0));
        assert!(!record.is_claimable(110.0));
        assert!(record.is_claimable(115.0));
        assert!(record.claim(lease("b", 130.0), 116.0));
        assert_eq!(record.job.attempts, 2);
        assert_eq!(record.renew(lease("a", 140.0), None), Renewal::Lost);
        assert!(!record.finish("a", End::Completed(json!(1)), 117.0));
        assert!(record.finish("b", End::Completed(json!(2)), 118.0));
        assert_eq!(record.job.result, Some(json!(2)));
    }

    #[test]
    fn a_job_that_kills_its_server_each_time_ends_after_its_attempts() {
        let mut record = record();
        for attempt in 0..3 {
            assert!(record.claim(lease("a", 0.0), 100.0 + f64::from(attempt)));
        }
        assert!(!record.claim(lease("a", 0.0), 104.0));
        assert_eq!(record.job.status, JobStatus::Failed);
        assert_eq!(record.job.failure.unwrap().code, "job_attempts_limit");
    }

    #[test]
    fn an_orderly_stop_of_the_server_costs_no_attempt_and_leaves_the_job_to_the_next() {
        let mut record = record();
        assert!(record.claim(lease("a", 115.0), 100.0));
        assert!(record.finish("a", End::Released, 101.0));
        assert_eq!((record.job.status, record.job.attempts), (JobStatus::Queued, 0));
        assert!(record.is_claimable(101.0));
    }

    #[test]
    fn a_stopped_job_is_stopped_whether_it_waited_ran_or_lost_its_server() {
        let mut waiting = record();
        waiting.ask_to_stop(101.0);
        assert_eq!(waiting.job.status, JobStatus::Stopped);

        let mut running = record();
        running.claim(lease("a", 115.0), 100.0);
        running.ask_to_stop(101.0);
        assert_eq!(running.renew(lease("a", 120.0), None), Renewal::Stopping);
        running.finish("a", End::Failed(Fault::failed("cancelled", "")), 102.0);
        assert_eq!(running.job.status, JobStatus::Stopped);

        let mut orphaned = record();
        orphaned.claim(lease("a", 115.0), 100.0);
        orphaned.ask_to_stop(101.0);
        assert!(orphaned.is_claimable(116.0));
        assert!(!orphaned.claim(lease("b", 130.0), 116.0));
        assert_eq!(orphaned.job.status, JobStatus::Stopped);
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        let mut record = record();
        record.claim(lease("a", 115.0), 100.0);
        record.finish("a", End::Completed(json!(1)), 101.0);
        let before = record.clone();
        record.ask_to_stop(102.0);
        assert_eq!(record, before);
        assert!(!record.is_claimable(1e9));
    }

    #[test]
    fn the_time_left_follows_the_pace_of_the_phase() {
        let mut record = record();
        record.claim(lease("a", 115.0), 100.0);
        let progress = |done| JobProgress { done, total: Some(100.0), message: String::new(), since: 100.0, at: 120.0 };
        record.renew(lease("a", 140.0), Some(progress(25.0)));
        assert_eq!(record.job.seconds_left, Some(60.0));
        record.renew(lease("a", 140.0), Some(progress(0.0)));
        assert_eq!(record.job.seconds_left, None);
    }

    #[test]
    fn the_time_of_all_attempts_counts() {
        let mut record = record();
        record.job.order.maximum_seconds = 60;
        assert!(record.claim(lease("a", 115.0), 100.0));
        assert_eq!(record.seconds_allowed(130.0), 30.0);
        assert!(!record.claim(lease("b", 200.0), 161.0));
        assert_eq!(record.job.failure.unwrap().code, "job_time_limit");
    }

    #[test]
    fn names_and_limits_are_checked_before_anything_is_written() {
        for name in ["", "-a", "a/b", "../a", &"a".repeat(64), "ä", "a b"] {
            assert!(matches!(check_name(name), Err(Error::Name { .. })), "{name}");
        }
        let mut order = JobOrder::new("ok", "t", serde_json::Map::new());
        assert!(check(&order).is_ok());
        order.maximum_seconds = 0;
        assert!(matches!(check(&order), Err(Error::Limit { what: "maximum_seconds", .. })));
    }
}
