//! Log lines in CloudWatch Logs.
//!
//! ```text
//! push() ─► queue ─► every 5 s, or when a request is full ─► PutLogEvents ─► group / stream
//!                                                                            (made where they are missing)
//! ```
//!
//! A request that may succeed later is tried again after 1 s, 2 s, … 60 s, while the queue goes on within its bound.
//! One that the service refuses for good is dropped and counted, so that it does not hold up what comes after it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use tokio::task::JoinHandle;

use super::batches::{self, LINE_OVERHEAD, Line};
use super::queue::Queue;
use super::{LAST_SEND_TIMEOUT, wait_after};
use crate::account::{self, AwsSettings};
use crate::error::{Error, refused};

/// How often lines are sent.
const INTERVAL: Duration = Duration::from_secs(5);

/// The most bytes of one line as the service counts: 256 KiB, which its viewers and its subscribers take.
const LONGEST_LINE: usize = 256 * 1_024 - LINE_OVERHEAD;

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The log group.
    pub group: String,
    /// The stream in it.
    pub stream: String,
}

impl LogSettings {
    /// `CLOUDWATCH_LOG_GROUP` and `CLOUDWATCH_LOG_STREAM`; `None` where the group is not set. The stream is called
    /// after the process and its start where it is not set, so that servers do not share one.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let group = variable("CLOUDWATCH_LOG_GROUP")?;
        let stream = variable("CLOUDWATCH_LOG_STREAM")
            .unwrap_or_else(|| format!("kumiko-{}-{}", milliseconds(SystemTime::now()) / 1_000, std::process::id()));
        Some(Self { group, stream })
    }
}

/// A sink for log lines.
pub struct CloudWatchLogs {
    queue: Arc<Queue>,
    task: JoinHandle<()>,
}

impl CloudWatchLogs {
    /// Connects and begins to send. Group and stream are made when the first lines are sent.
    ///
    /// # Errors
    /// [`Error::Credentials`] and [`Error::Configuration`] name what is missing.
    pub async fn start(aws: &AwsSettings, settings: LogSettings) -> Result<Self, Error> {
        let client = Client::new(&account::connect(aws).await?);
        let queue = Arc::new(Queue::default());
        let sender = Sender { client, settings, queue: Arc::clone(&queue), prepared: false };
        Ok(Self { queue, task: tokio::spawn(sender.run()) })
    }

    /// Adds a line. Returns at once; where there is no room, the oldest line goes.
    pub fn push(&self, timestamp: SystemTime, message: &str) {
        push(&self.queue, timestamp, message);
    }

    /// Lines that were lost, because there was no room for them or because the service refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// A writer whose lines go to this sink, for a subscriber of `tracing`.
    #[must_use]
    pub fn writer(&self) -> LogWriter {
        LogWriter { queue: Arc::clone(&self.queue) }
    }

    /// Sends what waits, for 5 seconds at most, and ends.
    pub async fn close(self) {
        self.queue.close();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(LAST_SEND_TIMEOUT, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// A writer whose lines go to CloudWatch Logs. Each write is taken to hold whole lines, as those of
/// `tracing-subscriber` do.
#[derive(Clone)]
pub struct LogWriter {
    queue: Arc<Queue>,
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let present = SystemTime::now();
        for line in String::from_utf8_lossy(bytes).lines() {
            push(&self.queue, present, line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn push(queue: &Queue, timestamp: SystemTime, message: &str) {
    // The service takes no empty line.
    if message.is_empty() {
        return;
    }
    let mut end = message.len().min(LONGEST_LINE);
    while !message.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let message = message.get(..end).unwrap_or_default().to_owned();
    queue.push(Line { timestamp: milliseconds(timestamp), message });
}

/// Milliseconds since 1970.
fn milliseconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Sends the lines, in a task.
struct Sender {
    client: Client,
    settings: LogSettings,
    queue: Arc<Queue>,
    /// Whether group and stream are known to exist.
    prepared: bool,
}

impl Sender {
    async fn run(mut self) {
        loop {
            // A wait that ends by itself sends what there is.
            let _ = tokio::time::timeout(INTERVAL, self.queue.full.notified()).await;
            let closed = self.queue.is_closed();
            for batch in batches::cut(self.queue.take()) {
                self.deliver(batch).await;
            }
            if closed {
                return;
            }
        }
    }

    /// Sends one request until the service takes it or refuses it for good.
    async fn deliver(&mut self, batch: Vec<Line>) {
        let mut failures = 0;
        while let Err(error) = self.send(&batch).await {
            failures += 1;
            if failures == 1 {
                tracing::warn!(target: "kumiko::cloudwatch", lines = batch.len(), "log lines were not taken: {error}");
            }
            if !error.passes() {
                self.queue.count_dropped(batch.len());
                return;
            }
            tokio::time::sleep(wait_after(failures)).await;
        }
        if failures > 0 {
            tracing::info!(target: "kumiko::cloudwatch", failures, "log lines are taken again");
        }
    }

    async fn send(&mut self, batch: &[Line]) -> Result<(), Error> {
        if !self.prepared {
            self.prepare().await?;
        }
        match self.put(batch).await {
            // Somebody deleted the group or the stream.
            Err(error) if error.is("ResourceNotFoundException") => {
                self.prepare().await?;
                self.put(batch).await
            }
            put => put,
        }
    }

    async fn put(&self, batch: &[Line]) -> Result<(), Error> {
        let LogSettings { group, stream } = &self.settings;
        let events = batch.iter().map(|line| {
            InputLogEvent::builder().timestamp(line.timestamp).message(&line.message).build().map_err(|error| {
                let (resource, code) = (self.resource(), "BuildError".to_owned());
                Error::Refused { operation: "PutLogEvents", resource, code, message: error.to_string() }
            })
        });
        let events = events.collect::<Result<Vec<_>, Error>>()?;
        let request = self.client.put_log_events().log_group_name(group).log_stream_name(stream);
        let answer = request.set_log_events(Some(events)).send().await;
        let answer = answer.map_err(|error| refused(error, "PutLogEvents", &self.resource()))?;
        if let Some(rejected) = answer.rejected_log_events_info() {
            // Lines before these two ends are too old, lines from this start on too new.
            let old = rejected.too_old_log_event_end_index().max(rejected.expired_log_event_end_index());
            let old = old.and_then(|end| usize::try_from(end).ok()).unwrap_or(0);
            let start = rejected.too_new_log_event_start_index().and_then(|start| usize::try_from(start).ok());
            self.queue.count_dropped(old.saturating_add(start.map_or(0, |start| batch.len().saturating_sub(start))));
        }
        Ok(())
    }

    /// Makes the group and the stream where they are missing.
    async fn prepare(&mut self) -> Result<(), Error> {
        let LogSettings { group, stream } = &self.settings;
        let request = self.client.create_log_stream().log_group_name(group).log_stream_name(stream);
        match made(request.clone().send().await.map_err(|error| refused(error, "CreateLogStream", &self.resource()))) {
            Err(error) if error.is("ResourceNotFoundException") => {
                let created = self.client.create_log_group().log_group_name(group).send().await;
                made(created.map_err(|error| refused(error, "CreateLogGroup", group)))?;
                made(request.send().await.map_err(|error| refused(error, "CreateLogStream", &self.resource())))?;
            }
            other => other?,
        }
        self.prepared = true;
        Ok(())
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.settings.group, self.settings.stream)
    }
}

/// That it was there before is as good.
fn made<T>(answer: Result<T, Error>) -> Result<(), Error> {
    match answer {
        Err(error) if error.is("ResourceAlreadyExistsException") => Ok(()),
        other => other.map(|_| ()),
    }
}
