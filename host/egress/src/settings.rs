//! What an operator decides for all plugins at once.

use std::time::Duration;

use ipnet::IpNet;

/// How long a connection may take to stand, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take with its redirects and its body. A tool call has 30 s by default, so no request outlives
/// it.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a body, either way: it is held in memory, once for each request under way.
const BODY_BYTES: usize = 8 << 20;
/// Redirects that are followed. Sites that move their pages take two or three.
const REDIRECTS: usize = 5;
/// Requests of one plugin at a time: enough to use a service well, too few to flood it.
const CONCURRENT_REQUESTS: usize = 8;

/// The limits of outgoing HTTP, the same for every plugin.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks that may be reached although their addresses are not public. An address of a metadata service is
    /// reachable only where a network of that single address stands here (`169.254.169.254/32`).
    pub private_networks: Vec<IpNet>,
    /// Certificates in PEM form that are trusted beside those of the system.
    pub root_certificates: Vec<Vec<u8>>,
    /// How long a connection may take to stand, TLS included. 10 s by default.
    pub connect_timeout: Duration,
    /// How long a request may take as a whole, with redirects and body. A request may ask for less. 30 s by default.
    pub total_timeout: Duration,
    /// Most bytes of a request's body. 8 MiB by default.
    pub request_body_bytes: usize,
    /// Most bytes of a response's body. 8 MiB by default.
    pub response_body_bytes: usize,
    /// Most redirects that one request follows. 5 by default.
    pub redirects: usize,
    /// Requests of one plugin at a time; further ones wait within their own time. 8 by default.
    pub concurrent_requests: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            private_networks: Vec::new(),
            root_certificates: Vec::new(),
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            request_body_bytes: BODY_BYTES,
            response_body_bytes: BODY_BYTES,
            redirects: REDIRECTS,
            concurrent_requests: CONCURRENT_REQUESTS,
        }
    }
}
