//! The time of day.

use std::time::Duration;

use crate::host::{self, Host};

/// The time since 1970-01-01 UTC. It is not monotonic: an operator may set the clock.
#[must_use]
pub fn now() -> Duration {
    let (seconds, nanoseconds) = host::call(Host::clock_now);
    Duration::new(seconds, nanoseconds)
}

/// The milliseconds since 1970-01-01 UTC, the unit of [`crate::objects::ObjectInfo::modified`].
#[must_use]
pub fn milliseconds() -> u64 {
    u64::try_from(now().as_millis()).unwrap_or(u64::MAX)
}
