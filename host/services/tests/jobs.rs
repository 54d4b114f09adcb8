//! Jobs over a real store: what survives the death of a server, and who may write what.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kumiko_services::jobs::{EmbeddedJobs, Error, JobReport, JobWatch, JobWork, Jobs as _};
use kumiko_services::objects::{EmbeddedStore, Folders, Objects};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::jobs::{Job, JobOrder, JobStatus};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// Long enough for any step of a test, on the slowest machine.
const SOON: Duration = Duration::from_secs(60);

/// Work whose steps a test decides: `"quick"` answers, `"slow"` counts until it is stopped, `"panic"` panics, `"wait"` never looks
/// whether it is stopped, `"keeps"` keeps a state and then waits, unless it finds one.
#[derive(Default)]
struct Work {
    begun: AtomicUsize,
    found: Mutex<Vec<Option<Vec<u8>>>>,
}

#[async_trait]
impl JobWork for Work {
    async fn run(&self, job: &Job, caller: &str, watch: JobWatch) -> Result<Value, Fault> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        assert_eq!(caller, "ada");
        match job.order.tool.as_str() {
            "quick" => Ok(json!({ "of": job.order.arguments["of"] })),
            "panic" => panic!("on purpose"),
            "wait" => std::future::pending().await,
            "keeps" => {
                let checkpoint = Arc::clone(&watch.checkpoint);
                let found = tokio::task::spawn_blocking(move || {
                    let found = checkpoint.kept("a key");
                    assert_eq!(checkpoint.kept("another key"), None);
                    checkpoint.keep("a key", b"half").unwrap();
                    found
                })
                .await
                .unwrap();
                let go_on = found.is_none();
                self.found.lock().unwrap().push(found);
                if go_on {
                    watch.cancellation.cancelled().await;
                    return Err(Fault::failed("cancelled", "stopped"));
                }
                Ok(json!("from half"))
            }
            _ => {
                let elapsed = Duration::from_secs(2);
                (watch.report)(JobReport { done: 25.0, total: Some(100.0), message: "counting".to_owned(), elapsed });
                watch.cancellation.cancelled().await;
                Err(Fault::failed("cancelled", "stopped"))
            }
        }
    }
}

struct Place {
    _folder: tempfile::TempDir,
    objects: Arc<Objects>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
        Self { objects: Arc::new(Objects::new(store, Folders::new(Vec::new()).unwrap())), _folder: folder }
    }

    /// A service of its own over the same store, as another process has it.
    fn jobs(&self) -> EmbeddedJobs {
        EmbeddedJobs::new(Arc::clone(&self.objects), "s3://mlops/")
    }
}

/// A server that runs jobs.
struct Server {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    fn start(jobs: &EmbeddedJobs, work: &Arc<Work>) -> Self {
        let (jobs, work, shutdown) = (jobs.clone(), Arc::clone(work), CancellationToken::new());
        let token = shutdown.clone();
        let task = tokio::spawn(async move { jobs.run(NonZeroUsize::new(2).unwrap(), work, token).await });
        Self { shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

fn order(name: &str, tool: &str) -> JobOrder {
    JobOrder::new(name, tool, Map::from_iter([("of".to_owned(), json!(name))]))
}

async fn until(jobs: &EmbeddedJobs, name: &str, holds: impl Fn(&Job) -> bool) -> Job {
    tokio::time::timeout(SOON, async {
        loop {
            let job = jobs.get(name).await.unwrap();
            if holds(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("the job {name} never got there"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_after_the_call_that_started_it_and_keeps_its_result() {
    let place = Place::new();
    let (jobs, work) = (place.jobs(), Arc::new(Work::default()));
    // Ordered before any server runs: by a process that ends at once, for example.
    let job = jobs.start(order("night", "quick"), "trainer", "ada").await.unwrap();
    assert_eq!(job.status, JobStatus::Queued);
    let server = Server::start(&place.jobs(), &work);
    let job = until(&jobs, "night", |job| job.status.is_terminal()).await;
    assert_eq!((job.status, job.result), (JobStatus::Completed, Some(json!({ "of": "night" }))));
    assert!(job.ended_at.unwrap() >= job.started_at.unwrap() && job.attempts == 1);
    server.stop().await;
    let left = place.objects.list("s3://mlops/jobs-active/", None, 10).await.unwrap();
    assert!(left.objects.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_given_once_however_many_ask_for_it_at_once() {
    let place = Place::new();
    let asked = (0..16).map(|_| {
        let jobs = place.jobs();
        tokio::spawn(async move { jobs.start(order("same", "quick"), "trainer", "ada").await })
    });
    let mut given = 0;
    for asked in asked.collect::<Vec<_>>() {
        match asked.await.unwrap() {
            Ok(_) => given += 1,
            Err(Error::Exists { name }) => assert_eq!(name, "same"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(given, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_store_run_each_job_once() {
    let place = Place::new();
    let jobs = place.jobs();
    for number in 0..12 {
        jobs.start(order(&format!("job-{number:02}"), "quick"), "trainer", "ada").await.unwrap();
    }
    let works = [Arc::new(Work::default()), Arc::new(Work::default())];
    let servers = works.each_ref().map(|work| Server::start(&place.jobs(), work));
    for number in 0..12 {
        until(&jobs, &format!("job-{number:02}"), |job| job.status == JobStatus::Completed).await;
    }
    for server in servers {
        server.stop().await;
    }
    assert_eq!(works.iter().map(|work| work.begun.load(Ordering::SeqCst)).sum::<usize>(), 12);
    let page = jobs.list("job-", None, 5).await.unwrap();
    assert_eq!((page.jobs.len(), page.cursor.as_deref()), (5, Some("job-04")));
    let rest = jobs.list("job-", page.cursor.as_deref(), 100).await.unwrap();
    assert_eq!((rest.jobs.len(), rest.cursor), (7, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_order_leaves_its_jobs_to_the_next_with_what_they_kept() {
    let place = Place::new();
    let (jobs, work) = (place.jobs(), Arc::new(Work::default()));
    jobs.start(order("long", "keeps"), "trainer", "ada").await.unwrap();
    let server = Server::start(&jobs, &work);
    until(&jobs, "long", |_| work.found.lock().unwrap().len() == 1).await;
    server.stop().await;
    assert_eq!(jobs.get("long").await.unwrap().status, JobStatus::Queued);
    let server = Server::start(&place.jobs(), &work);
    let job = until(&jobs, "long", |job| job.status.is_terminal()).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Completed, 1));
    assert_eq!(*work.found.lock().unwrap(), [None, Some(b"half".to_vec())]);
    server.stop().await;
    assert!(place.objects.head("s3://mlops/jobs/long/checkpoint").await.is_err(), "a checkpoint is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_loses_its_job_to_another_when_its_lease_runs_out() {
    let place = Place::new();
    let (jobs, work) = (place.jobs(), Arc::new(Work::default()));
    jobs.start(order("orphan", "keeps"), "trainer", "ada").await.unwrap();
    // A runtime of its own, dropped with everything in it: as near to a death as one process gets.
    let (doomed, doomed_work) = (place.jobs(), Arc::clone(&work));
    let runtime = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            Server::start(&doomed, &doomed_work);
            while doomed_work.found.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(move || runtime.join().unwrap()).await.unwrap();
    assert_eq!(jobs.get("orphan").await.unwrap().status, JobStatus::Running);
    let server = Server::start(&place.jobs(), &work);
    let job = until(&jobs, "orphan", |job| job.status.is_terminal()).await;
    assert_eq!((job.status, job.attempts, job.result), (JobStatus::Completed, 2, Some(json!("from half"))));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_tells_its_progress_and_stops_when_asked_even_by_another_process() {
    let place = Place::new();
    let (jobs, work) = (place.jobs(), Arc::new(Work::default()));
    jobs.start(order("count", "slow"), "trainer", "ada").await.unwrap();
    let server = Server::start(&place.jobs(), &work);
    let job = until(&jobs, "count", |job| job.progress.is_some()).await;
    let progress = job.progress.unwrap();
    assert_eq!((progress.done, progress.total, progress.message.as_str()), (25.0, Some(100.0), "counting"));
    assert_eq!(jobs.stop("count").await.unwrap().status, JobStatus::Stopping);
    let job = until(&jobs, "count", |job| job.status.is_terminal()).await;
    assert_eq!((job.status, job.failure.unwrap().code.as_str()), (JobStatus::Stopped, "job_stopped"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ignores_its_limit_ends_all_the_same_and_a_panic_ends_its_own_job_alone() {
    let place = Place::new();
    let (jobs, work) = (place.jobs(), Arc::new(Work::default()));
    let server = Server::start(&jobs, &work);
    jobs.start(JobOrder { maximum_seconds: 1, ..order("stubborn", "wait") }, "trainer", "ada").await.unwrap();
    jobs.start(order("broken", "panic"), "trainer", "ada").await.unwrap();
    let job = until(&jobs, "stubborn", |job| job.status.is_terminal()).await;
    assert_eq!((job.status, job.failure.unwrap().code.as_str()), (JobStatus::Failed, "job_time_limit"));
    let job = until(&jobs, "broken", |job| job.status.is_terminal()).await;
    assert_eq!((job.status, job.failure.unwrap().code.as_str()), (JobStatus::Failed, "internal"));
    jobs.start(order("after", "quick"), "trainer", "ada").await.unwrap();
    until(&jobs, "after", |job| job.status == JobStatus::Completed).await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_job_is_refused_in_words() {
    let place = Place::new();
    let jobs = place.jobs();
    assert!(matches!(jobs.get("nowhere").await, Err(Error::NotFound { .. })));
    assert!(matches!(jobs.stop("nowhere").await, Err(Error::NotFound { .. })));
    assert!(matches!(jobs.start(order("../escape", "quick"), "trainer", "ada").await, Err(Error::Name { .. })));
    let uri = "s3://mlops/jobs/odd/job.json";
    place
        .objects
        .put_bytes(uri, b"{".to_vec().into(), None, &kumiko_services::objects::Precondition::None)
        .await
        .unwrap();
    assert!(matches!(jobs.get("odd").await, Err(Error::Damaged { .. })));
}
