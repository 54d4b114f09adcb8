//! From names to the addresses that a connection may use.
//!
//! A name is resolved once for each request and each redirect, by the host; every address is judged, and one that is
//! refused refuses the name. The client never resolves anything itself: it asks [`Pins`], which know the judged
//! addresses of the names that are being requested and nothing else. So an answer that changes in between (DNS
//! rebinding) is never seen.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ipnet::IpNet;

use crate::{Error, address, origin::HostName};

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Every address of `name`, which is in lower case, in punycode and without a dot at its end.
    ///
    /// # Errors
    /// What the system says when the name cannot be resolved.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The addresses of a host, all of them judged.
pub(crate) async fn judged(resolver: &dyn Resolver, host: &HostName, allowed: &[IpNet]) -> Result<Vec<IpAddr>, Error> {
    let addresses = match host {
        HostName::Address(address) => vec![*address],
        HostName::Name(name) => {
            let unresolved = |reason: String| Error::Unresolved { host: name.clone(), reason };
            let addresses = resolver.resolve(name).await.map_err(|error| unresolved(error.to_string()))?;
            if addresses.is_empty() {
                return Err(unresolved("it has no addresses".to_owned()));
            }
            addresses
        }
    };
    for address in &addresses {
        address::judge(*address, allowed).map_err(|class| Error::AddressDenied {
            host: host.to_string(),
            address: *address,
            class: class.to_string(),
        })?;
    }
    Ok(addresses)
}

/// The judged addresses of one name, and how many requests rely on them.
#[derive(Debug, Default)]
struct Entry {
    addresses: Vec<IpAddr>,
    requests: usize,
}

/// What the HTTP client gets to know of the network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins(Arc<Mutex<HashMap<String, Entry>>>);

impl Pins {
    /// Lets the client connect to these addresses of a host until the guard is dropped. Two requests to one name share
    /// what was judged last: both answers passed.
    pub(crate) fn pin(&self, host: &HostName, addresses: Vec<IpAddr>) -> Pinned {
        let name = host.to_string();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(name.clone()).or_default();
        entry.addresses = addresses;
        entry.requests += 1;
        Pinned { pins: self.clone(), name }
    }
}

impl reqwest::dns::Resolve for Pins {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.get(name.as_str()).map(|entry| entry.addresses.clone());
        Box::pin(std::future::ready(match found {
            // Port 0 stands for the URL's own.
            Some(addresses) => {
                Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as reqwest::dns::Addrs)
            }
            None => Err("the name was not judged".into()),
        }))
    }
}

/// Keeps a name connectable.
pub(crate) struct Pinned {
    pins: Pins,
    name: String,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut entries = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&self.name) {
            entry.requests -= 1;
            if entry.requests == 0 {
                entries.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lookup(pins: &Pins, name: &str) -> Option<Vec<SocketAddr>> {
        use reqwest::dns::Resolve as _;
        pins.resolve(name.parse().unwrap()).await.ok().map(Iterator::collect)
    }

    #[tokio::test]
    async fn the_client_knows_judged_names_while_they_are_requested_and_no_others() {
        let pins = Pins::default();
        let host = HostName::Name("a.example".to_owned());
        assert!(lookup(&pins, "a.example").await.is_none());
        let first = pins.pin(&host, vec!["1.1.1.1".parse().unwrap()]);
        let second = pins.pin(&host, vec!["1.0.0.1".parse().unwrap()]);
        drop(first);
        assert_eq!(lookup(&pins, "a.example").await.unwrap(), ["1.0.0.1:0".parse().unwrap()]);
        assert!(lookup(&pins, "b.example").await.is_none());
        drop(second);
        assert!(lookup(&pins, "a.example").await.is_none());
    }

    #[tokio::test]
    async fn the_system_knows_localhost_as_a_loopback_address() {
        let addresses = SystemResolver.resolve("localhost").await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
        let refused = judged(&SystemResolver, &HostName::Name("localhost".to_owned()), &[]).await.unwrap_err();
        assert!(matches!(refused, Error::AddressDenied { .. }), "{refused}");
    }
}
