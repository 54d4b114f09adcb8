//! How often: calls for each key, and failed proofs of identity for each peer.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::keys::Rate;

/// Failed proofs in a minute from one peer, on the long run.
const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Failed proofs from one peer at once: a client with an old key and a few connections stays below.
const FAILURES_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// Peers with failures that are kept apart; beyond it those that have waited long enough are forgotten.
const KEPT_PEERS: usize = 4096;

/// The calls of one key.
pub(crate) struct Limiter {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Limiter {
    pub(crate) fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.calls_per_minute).allow_burst(rate.burst);
        Self { limiter: RateLimiter::direct(quota), clock: DefaultClock::default() }
    }

    /// Counts one call, or says how long to wait for the next.
    pub(crate) fn check(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

/// Failed proofs of identity, by peer. It slows down who fails, and never who succeeds: secrets are too long to be
/// guessed at any rate, and behind one address there may be a whole team.
pub(crate) struct Failures {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Failures {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_minute(FAILURES_PER_MINUTE).allow_burst(FAILURES_AT_ONCE);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts one failure, or says how long to wait for the next attempt.
    pub(crate) fn count(&self, peer: IpAddr) -> Result<(), Duration> {
        self.limiter.check_key(&network(peer)).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets peers that may try as if they had never failed.
    pub(crate) fn tidy(&self) {
        if self.limiter.len() > KEPT_PEERS {
            self.limiter.retain_recent();
        }
    }
}

/// What counts as one peer: an IPv4 address, or the /64 network that a single IPv6 subscriber has at least.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_fails_too_often_has_to_wait_and_others_do_not() {
        let failures = Failures::new();
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..FAILURES_AT_ONCE.get() {
            failures.count(peer).unwrap();
        }
        let wait = failures.count(peer).unwrap_err();
        assert!(wait <= Duration::from_secs(6), "{wait:?}");
        failures.count("::ffff:192.0.2.1".parse().unwrap()).unwrap_err();
        failures.count("192.0.2.2".parse().unwrap()).unwrap();
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let network_of = |text: &str| network(text.parse().unwrap());
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::ffff:0:1"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
    }
}
