//! Jobs as records in the object store.
//!
//! Under `jobs/` in the server's own bucket:
//!
//! | object | what |
//! | --- | --- |
//! | `jobs/<name>/job.json` | the record; changed by compare-and-swap alone |
//! | `jobs/<name>/checkpoint` | what the work kept last; gone when the job has ended |
//! | `jobs-active/<name>` | empty; there while the job has not ended, so that runners need not read the records of years |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use kumiko_vocabulary::jobs::{Job, JobOrder, JobPage};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::record::{self, Record};
use super::{Error, Jobs};
use crate::objects::{self, LIST_LIMIT, Objects, Precondition};

/// How often a change is tried again that others were quicker with.
const SWAP_ATTEMPTS: usize = 20;
/// The media type of a record.
const MEDIA_TYPE: &str = "application/json";
/// The most jobs of one page: each is an object to be read.
const LARGEST_PAGE: usize = 100;

/// Jobs in the object store. Clones share everything.
#[derive(Clone)]
pub struct EmbeddedJobs {
    pub(super) shared: Arc<Shared>,
}

/// What the service and its runner have in common.
pub(super) struct Shared {
    pub(super) objects: Arc<Objects>,
    home: String,
    /// Jobs that run in this process, to be stopped without waiting for the next renewal.
    running: Mutex<HashMap<String, CancellationToken>>,
    /// Wakes the runner: there is a new order, or a free place.
    pub(super) wake: Notify,
}

impl EmbeddedJobs {
    /// Jobs whose records lie under `home`, a uri that ends in `/`. Nothing runs until [`EmbeddedJobs::run`] is called.
    #[must_use]
    pub fn new(objects: Arc<Objects>, home: &str) -> Self {
        let shared = Shared { objects, home: home.to_owned(), running: Mutex::default(), wake: Notify::new() };
        Self { shared: Arc::new(shared) }
    }
}

#[async_trait]
impl Jobs for EmbeddedJobs {
    async fn start(&self, order: JobOrder, plugin: &str, caller: &str) -> Result<Job, Error> {
        record::check(&order)?;
        let shared = &self.shared;
        let name = order.name.clone();
        let record = Record::new(order, plugin, caller, now());
        // The mark first: a record without a mark would never be begun, a mark without a record is swept away.
        shared.mark(&name).await?;
        match shared.put(&name, &record, &Precondition::Absent).await {
            Ok(()) => {}
            Err(Error::Objects(objects::Error::Exists { .. })) => return Err(Error::Exists { name }),
            Err(error) => return Err(error),
        }
        shared.wake.notify_one();
        Ok(record.job)
    }

    async fn get(&self, name: &str) -> Result<Job, Error> {
        record::check_name(name)?;
        Ok(self.shared.read(name).await?.0.job)
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>, limit: usize) -> Result<JobPage, Error> {
        if !prefix.is_empty() {
            record::check_name(prefix)?;
        }
        if let Some(cursor) = cursor {
            record::check_name(cursor)?;
        }
        let limit = limit.clamp(1, LARGEST_PAGE);
        let names = self.shared.names(prefix).await?;
        // A cursor is the last name of the page before, so it stays good whatever comes and goes.
        let mut rest = names.into_iter().filter(|name| cursor.is_none_or(|cursor| name.as_str() > cursor)).peekable();
        let mut jobs = Vec::new();
        while jobs.len() < limit
            && let Some(name) = rest.next()
        {
            match self.shared.read(&name).await {
                Ok((record, _)) => jobs.push(record.job),
                // Deleted since it was listed.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let more = rest.peek().is_some();
        let cursor = jobs.last().filter(|_| more).map(|job| job.order.name.clone());
        Ok(JobPage { jobs, cursor })
    }

    async fn stop(&self, name: &str) -> Result<Job, Error> {
        record::check_name(name)?;
        let (record, ()) = self.shared.change(name, |record| record.ask_to_stop(now())).await?;
        if record.job.status.is_terminal() {
            self.shared.unmark(name).await;
        } else if let Some(running) = lock(&self.shared.running).get(name) {
            running.cancel();
        }
        Ok(record.job)
    }
}

impl Shared {
    fn record_uri(&self, name: &str) -> String {
        format!("{}jobs/{name}/job.json", self.home)
    }

    pub(super) fn checkpoint_uri(&self, name: &str) -> String {
        format!("{}jobs/{name}/checkpoint", self.home)
    }

    fn mark_uri(&self, name: &str) -> String {
        format!("{}jobs-active/{name}", self.home)
    }

    async fn mark(&self, name: &str) -> Result<(), Error> {
        self.objects.put_bytes(&self.mark_uri(name), Vec::new().into(), None, &Precondition::None).await?;
        Ok(())
    }

    /// Takes the mark and the checkpoint of a job away that has ended. What cannot be taken away is swept by a later look.
    pub(super) async fn unmark(&self, name: &str) {
        for uri in [self.checkpoint_uri(name), self.mark_uri(name)] {
            // A leftover costs a look, nothing else.
            let _ = self.objects.delete(&uri, &Precondition::None).await;
        }
    }

    /// The names of jobs that have not ended.
    pub(super) async fn active(&self) -> Result<Vec<String>, Error> {
        let folder = format!("{}jobs-active/", self.home);
        Ok(self
            .under(&folder)
            .await?
            .into_iter()
            .filter_map(|uri| Some(uri.strip_prefix(&folder)?.to_owned()))
            .collect())
    }

    /// The names of all jobs that begin with `prefix`, in order.
    async fn names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let folder = format!("{}jobs/", self.home);
        let uris = self.under(&format!("{folder}{prefix}")).await?;
        let name = |uri: &String| Some(uri.strip_prefix(&folder)?.strip_suffix("/job.json")?.to_owned());
        let mut names: Vec<String> = uris.iter().filter_map(name).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn under(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let (mut uris, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = self.objects.list(prefix, cursor.as_deref(), LIST_LIMIT).await?;
            uris.extend(page.objects.into_iter().map(|info| info.uri));
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(uris),
            }
        }
    }

    /// A record and the ETag it was read with.
    pub(super) async fn read(&self, name: &str) -> Result<(Record, String), Error> {
        let fetched = match self.objects.fetch(&self.record_uri(name), None).await {
            Err(objects::Error::NotFound { .. }) => return Err(Error::NotFound { name: name.to_owned() }),
            fetched => fetched?,
        };
        let record = serde_json::from_slice(&fetched.bytes)
            .map_err(|error| Error::Damaged { name: name.to_owned(), reason: error.to_string() })?;
        Ok((record, fetched.info.etag))
    }

    async fn put(&self, name: &str, record: &Record, precondition: &Precondition) -> Result<(), Error> {
        let body = serde_json::to_vec(record)
            .map_err(|error| Error::Damaged { name: name.to_owned(), reason: error.to_string() })?;
        self.objects.put_bytes(&self.record_uri(name), body.into(), Some(MEDIA_TYPE), precondition).await?;
        Ok(())
    }

    /// Changes a record by compare-and-swap: reads, applies `change`, writes what differs, and begins again where somebody was quicker.
    /// Gives the record as it stands after that, and what `change` said of it.
    pub(super) async fn change<T>(
        &self,
        name: &str,
        mut change: impl FnMut(&mut Record) -> T + Send,
    ) -> Result<(Record, T), Error> {
        for _ in 0..SWAP_ATTEMPTS {
            let (before, etag) = self.read(name).await?;
            let mut record = before.clone();
            let said = change(&mut record);
            if record == before {
                return Ok((record, said));
            }
            match self.put(name, &record, &Precondition::Unchanged(etag)).await {
                Ok(()) => return Ok((record, said)),
                Err(Error::Objects(objects::Error::Changed { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended { name: name.to_owned() })
    }

    pub(super) fn runs(&self, name: &str, cancellation: CancellationToken) {
        lock(&self.running).insert(name.to_owned(), cancellation);
    }

    pub(super) fn runs_no_more(&self, name: &str) {
        lock(&self.running).remove(name);
        self.wake.notify_one();
    }

    pub(super) fn running(&self) -> usize {
        lock(&self.running).len()
    }

    pub(super) fn is_running(&self, name: &str) -> bool {
        lock(&self.running).contains_key(name)
    }
}

fn lock(
    running: &Mutex<HashMap<String, CancellationToken>>,
) -> std::sync::MutexGuard<'_, HashMap<String, CancellationToken>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since 1970-01-01 UTC. Servers that share a store compare these, so their clocks must agree within the lease.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
