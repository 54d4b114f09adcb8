//! What operators on AWS watch: log lines in CloudWatch Logs, figures in CloudWatch.
//!
//! Both take what is recorded into memory at once and send it from a task of their own, so a service that does not
//! answer holds up nobody. What cannot be sent is kept within a bound and tried again; beyond the bound the oldest goes
//! first, and is counted.

mod batches;
mod logs;
mod metrics;
mod queue;

use std::time::Duration;

pub use logs::{CloudWatchLogs, LogSettings, LogWriter};
pub use metrics::{CloudWatchMetrics, NAMESPACE};

/// How long the last of it may take to be sent when the server ends.
const LAST_SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The wait before the next try after so many failures in a row.
fn wait_after(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u64> = (1..=8).map(|failures| wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}
