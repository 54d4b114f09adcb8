//! Figures in CloudWatch: calls, errors and durations of each tool.
//!
//! A minute's calls become a few values: how many, how many failed, and which durations came how often, so that
//! CloudWatch can tell percentiles. Durations are rounded to two digits, which bounds how many different ones there
//! are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{LAST_SEND_TIMEOUT, wait_after};
use crate::account::{self, AwsSettings};
use crate::error::{Error, refused};

/// The namespace of all figures.
pub const NAMESPACE: &str = "Kumiko";

/// How often figures are sent: the resolution that CloudWatch keeps.
const INTERVAL: Duration = Duration::from_secs(60);

/// The most values with their counts that one datum takes.
const MOST_VALUES: usize = 150;

/// The most data of one request. The service takes 1,000 and 1 MB; one with 150 values has up to 8 KB.
const MOST_DATA: usize = 100;

/// The most data that wait while the service does not answer: an hour of 40 tools.
const BOUND: usize = 10_000;

/// The calls of one tool since they were last sent.
#[derive(Default)]
struct Tally {
    calls: u64,
    errors: u64,
    /// How often each duration came, in microseconds.
    durations: BTreeMap<u64, u64>,
}

/// Capability and tool.
type Key = (String, String);

#[derive(Default)]
struct Shared {
    tallies: Mutex<BTreeMap<Key, Tally>>,
    dropped: AtomicU64,
}

/// A sink for figures of calls.
pub struct CloudWatchMetrics {
    shared: Arc<Shared>,
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl CloudWatchMetrics {
    /// Connects and begins to send.
    ///
    /// # Errors
    /// [`Error::Credentials`] and [`Error::Configuration`] name what is missing.
    pub async fn start(aws: &AwsSettings) -> Result<Self, Error> {
        let client = Client::new(&account::connect(aws).await?);
        let shared = Arc::new(Shared::default());
        let (closing, closed) = watch::channel(false);
        let sender = Sender { client, shared: Arc::clone(&shared), waiting: VecDeque::new(), failures: 0 };
        Ok(Self { shared, closing, task: tokio::spawn(sender.run(closed)) })
    }

    /// Counts a call that ended.
    pub fn record(&self, capability: &str, tool: &str, duration: Duration, failed: bool) {
        let mut tallies = self.shared.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry((capability.to_owned(), tool.to_owned())).or_default();
        tally.calls += 1;
        tally.errors += u64::from(failed);
        *tally.durations.entry(rounded(duration)).or_default() += 1;
    }

    /// Values that were lost, because the service did not take them for too long or refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Sends what there is, for 5 seconds at most, and ends.
    pub async fn close(self) {
        let _ = self.closing.send(true);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(LAST_SEND_TIMEOUT, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// Microseconds, rounded to two digits.
fn rounded(duration: Duration) -> u64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let digits = micros.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.saturating_pow(digits.saturating_sub(1));
    (micros.saturating_add(unit / 2) / unit).saturating_mul(unit)
}

/// Sends the figures, in a task.
struct Sender {
    client: Client,
    shared: Arc<Shared>,
    waiting: VecDeque<MetricDatum>,
    failures: u32,
}

impl Sender {
    async fn run(mut self, mut closed: watch::Receiver<bool>) {
        loop {
            let pause = if self.failures == 0 { INTERVAL } else { wait_after(self.failures) };
            // Without its sender, nobody records any more.
            let ends = tokio::time::timeout(pause, closed.wait_for(|closed| *closed)).await.is_ok();
            self.collect();
            self.send().await;
            if ends {
                return;
            }
        }
    }

    /// Makes data of what was counted; the oldest go where there is no room.
    fn collect(&mut self) {
        let tallies = std::mem::take(&mut *self.shared.tallies.lock().unwrap_or_else(PoisonError::into_inner));
        let present = DateTime::from(SystemTime::now());
        self.waiting.extend(tallies.into_iter().flat_map(|(key, tally)| data(&key, &tally, present)));
        let excess = self.waiting.len().saturating_sub(BOUND);
        self.waiting.drain(..excess);
        self.count_dropped(excess);
    }

    /// Sends what waits, request by request, up to the first that does not get through.
    async fn send(&mut self) {
        while !self.waiting.is_empty() {
            let batch: Vec<_> = self.waiting.iter().take(MOST_DATA).cloned().collect();
            let count = batch.len();
            let answer = self.client.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(batch)).send().await;
            if let Err(error) = answer.map_err(|error| refused(error, "PutMetricData", NAMESPACE)) {
                self.failures = self.failures.saturating_add(1);
                if self.failures == 1 {
                    tracing::warn!(target: "kumiko::cloudwatch", values = count, "figures were not taken: {error}");
                }
                if error.passes() {
                    return;
                }
                self.count_dropped(count);
            } else if self.failures > 0 {
                tracing::info!(target: "kumiko::cloudwatch", failures = self.failures, "figures are taken again");
                self.failures = 0;
            }
            self.waiting.drain(..count);
        }
    }

    fn count_dropped(&self, data: usize) {
        self.shared.dropped.fetch_add(u64::try_from(data).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The data of one tool.
fn data((capability, tool): &Key, tally: &Tally, present: DateTime) -> Vec<MetricDatum> {
    let datum = |name: &str, unit: StandardUnit| {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        MetricDatum::builder()
            .metric_name(name)
            .dimensions(dimension("Capability", capability))
            .dimensions(dimension("Tool", tool))
            .timestamp(present)
            .unit(unit)
    };
    let mut data = vec![
        datum("Calls", StandardUnit::Count).value(tally.calls as f64).build(),
        datum("Errors", StandardUnit::Count).value(tally.errors as f64).build(),
    ];
    let durations: Vec<(f64, f64)> =
        tally.durations.iter().map(|(micros, count)| (*micros as f64 / 1_000.0, *count as f64)).collect();
    for part in durations.chunks(MOST_VALUES) {
        let (values, counts) = part.iter().copied().unzip();
        let durations = datum("Duration", StandardUnit::Milliseconds);
        data.push(durations.set_values(Some(values)).set_counts(Some(counts)).build());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_two_digits() {
        for (micros, expected) in [
            (0, 0),
            (7, 7),
            (99, 99),
            (104, 100),
            (105, 110),
            (12_345, 12_000),
            (999_999, 1_000_000),
            (14_400_000_000, 14_000_000_000),
        ] {
            assert_eq!(rounded(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn a_tool_with_many_different_durations_takes_several_data() {
        let mut tally = Tally { calls: 400, errors: 3, ..Tally::default() };
        tally.durations.extend((0..400).map(|micros| (micros, 1)));
        let data = data(&("demo".to_owned(), "echo".to_owned()), &tally, DateTime::from_secs(0));
        let lengths: Vec<_> = data.iter().map(|datum| (datum.metric_name().unwrap(), datum.values().len())).collect();
        assert_eq!(lengths, [("Calls", 0), ("Errors", 0), ("Duration", 150), ("Duration", 150), ("Duration", 100)]);
        assert_eq!((data[0].value(), data[1].value()), (Some(400.0), Some(3.0)));
        assert_eq!(data[4].counts().len(), 100);
    }
}
