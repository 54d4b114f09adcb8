//! The runner: claims jobs that nobody holds, does their work, and keeps its lease on them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kumiko_vocabulary::jobs::JobProgress;
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::checkpoint::Checkpoint;
use super::embedded::{EmbeddedJobs, Shared, now};
use super::record::{End, Lease, Record, Renewal};
use super::{Error, JobReport, JobWatch, JobWork};

/// How long a claim holds without being renewed: how long a job rests after its server died.
const LEASE: Duration = Duration::from_secs(15);
/// How often a lease is renewed, and progress written. A store that fails four times in a row costs the lease.
const RENEWAL: Duration = Duration::from_secs(3);
/// How often the store is looked at for jobs that others ordered or left.
const LOOK: Duration = Duration::from_secs(5);
/// How long work that was told to stop is waited for before its job is given back anyway.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the end of a job is tried to be noted: as long as the lease holds.
const NOTING_ATTEMPTS: u32 = 5;

impl EmbeddedJobs {
    /// Runs jobs until `shutdown`, at most `places` at a time; then gives back what it runs, for the next server to go on with.
    pub async fn run(&self, places: NonZeroUsize, work: Arc<dyn JobWork>, shutdown: CancellationToken) {
        let runner =
            Arc::new(Runner { shared: Arc::clone(&self.shared), work, owner: owner(), shutdown: shutdown.clone() });
        let mut runs = JoinSet::new();
        loop {
            if let Err(error) = runner.look(places, &mut runs).await {
                tracing::warn!("jobs cannot be looked for: {error}");
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            while runs.try_join_next().is_some() {}
        }
        while runs.join_next().await.is_some() {}
    }
}

/// A random name for this start of the server.
fn owner() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the time tells starts apart.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = now().to_bits().to_le_bytes().repeat(2).try_into().unwrap_or_default();
    }
    hex::encode(bytes)
}

struct Runner {
    shared: Arc<Shared>,
    work: Arc<dyn JobWork>,
    owner: String,
    shutdown: CancellationToken,
}

impl Runner {
    fn lease(&self) -> Lease {
        Lease { owner: self.owner.clone(), until: now() + LEASE.as_secs_f64() }
    }

    /// Begins as many jobs as there are free places, the oldest first.
    async fn look(self: &Arc<Self>, places: NonZeroUsize, runs: &mut JoinSet<()>) -> Result<(), Error> {
        let mut waiting = Vec::new();
        for name in self.shared.active().await? {
            if self.shared.is_running(&name) {
                continue;
            }
            match self.shared.read(&name).await {
                Ok((record, _)) if record.job.status.is_terminal() => self.shared.unmark(&name).await,
                Ok((record, _)) if record.is_claimable(now()) => waiting.push((record.job.created_at, name)),
                Ok(_) => {}
                // An order whose record was not written, or not yet: swept only once it cannot be on its way any more.
                Err(Error::NotFound { .. }) => {}
                Err(error) => tracing::warn!(job = name, "a job cannot be begun: {error}"),
            }
        }
        waiting.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
        for (_, name) in waiting {
            if self.shared.running() >= places.get() || self.shutdown.is_cancelled() {
                return Ok(());
            }
            let claimed = self.shared.change(&name, |record| {
                let now = now();
                record.is_claimable(now).then(|| record.claim(self.lease(), now))
            });
            match claimed.await {
                Ok((record, Some(true))) => {
                    let cancellation = CancellationToken::new();
                    self.shared.runs(&name, cancellation.clone());
                    let runner = Arc::clone(self);
                    runs.spawn(async move {
                        runner.run(name.clone(), record, cancellation).await;
                        runner.shared.runs_no_more(&name);
                    });
                }
                Ok((_, Some(false))) => self.shared.unmark(&name).await,
                // Somebody was quicker.
                Ok((_, None)) | Err(Error::Contended { .. }) => {}
                Err(error) => tracing::warn!(job = name, "a job cannot be claimed: {error}"),
            }
        }
        Ok(())
    }

    /// Does the work of one claimed job and notes its end.
    async fn run(&self, name: String, record: Record, cancellation: CancellationToken) {
        let began = now();
        tracing::info!(job = name, tool = record.job.order.tool, attempt = record.job.attempts, "a job begins");
        let latest = Arc::new(Mutex::new(None::<JobProgress>));
        let report = Arc::clone(&latest);
        let watch = JobWatch {
            report: Arc::new(move |JobReport { done, total, message, elapsed }| {
                let at = now();
                let progress = JobProgress { done, total, message, since: at - elapsed.as_secs_f64(), at };
                *report.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
            }),
            cancellation: cancellation.clone(),
            checkpoint: Arc::new(Checkpoint::new(Arc::clone(&self.shared.objects), self.shared.checkpoint_uri(&name))),
        };
        let work = Arc::clone(&self.work);
        let (job, caller) = (record.job.clone(), record.caller.clone());
        // A task of its own: a panic in it is the end of this job and of nothing else.
        let mut working = tokio::spawn(async move { work.run(&job, &caller, watch).await });
        let deadline = tokio::time::sleep(Duration::from_secs_f64(record.seconds_allowed(began).max(0.0)));
        tokio::pin!(deadline);
        let mut renewal = tokio::time::interval(RENEWAL);
        renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let end = loop {
            tokio::select! {
                result = &mut working => break ended(result),
                () = self.shutdown.cancelled() => {
                    cancellation.cancel();
                    // What finishes on its last steps is kept; what does not is done again.
                    break match tokio::time::timeout(PATIENCE, &mut working).await {
                        Ok(Ok(Ok(result))) => End::Completed(result),
                        _ => End::Released,
                    };
                }
                () = &mut deadline => {
                    cancellation.cancel();
                    let _ = tokio::time::timeout(PATIENCE, &mut working).await;
                    break End::Failed(record.out_of_time());
                }
                _ = renewal.tick() => {
                    let progress = latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let renewed = self.shared.change(&name, |record| record.renew(self.lease(), progress.clone())).await;
                    match renewed {
                        Ok((_, Renewal::Held)) => {}
                        Ok((_, Renewal::Stopping)) => cancellation.cancel(),
                        Ok((_, Renewal::Lost)) | Err(Error::NotFound { .. }) => {
                            tracing::warn!(job = name, "the job was taken over by another server, or is gone");
                            cancellation.cancel();
                            let _ = tokio::time::timeout(PATIENCE, &mut working).await;
                            return;
                        }
                        // The lease may still hold until the next try.
                        Err(error) => tracing::warn!(job = name, "the record of a job cannot be written: {error}"),
                    }
                }
            }
        };
        working.abort();
        self.finish(&name, end).await;
    }

    async fn finish(&self, name: &str, end: End) {
        let released = matches!(end, End::Released);
        for attempt in 0..NOTING_ATTEMPTS {
            match self.shared.change(name, |record| record.finish(&self.owner, end.clone(), now())).await {
                Ok((record, true)) => {
                    tracing::info!(job = name, status = record.job.status.as_str(), "a job ended");
                    if !released {
                        self.shared.unmark(name).await;
                    }
                    return;
                }
                Ok((_, false)) => {
                    tracing::warn!(job = name, "the end of the job is not noted: another server has taken it over");
                    return;
                }
                Err(error) => {
                    tracing::warn!(job = name, attempt, "the end of the job cannot be noted: {error}");
                    tokio::time::sleep(RENEWAL).await;
                }
            }
        }
    }
}

fn ended(result: Result<Result<Value, Fault>, tokio::task::JoinError>) -> End {
    match result {
        Ok(Ok(result)) => End::Completed(result),
        Ok(Err(fault)) => End::Failed(fault),
        Err(error) => End::Failed(
            Fault::new(FaultKind::Failed, "internal", format!("the job ran into a defect of the host: {error}"))
                .hint("the server goes on; its log has the details"),
        ),
    }
}
