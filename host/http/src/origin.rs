//! Which names and which pages a request may come by: `Host` and `Origin`.
//!
//! A page of any site can send requests to a server on its visitor's machine, and can make its own name point there.
//! The `Host` header tells the name, the `Origin` header the page; browsers let no page write either.

use std::net::SocketAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};
use kumiko_vocabulary::{Fault, FaultKind};

use crate::error::Error;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// The names of this machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The names and pages that are allowed.
#[derive(Debug)]
pub(crate) struct Allowed {
    hosts: Vec<Host>,
    origins: Vec<Origin>,
}

/// A name, on one port or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    /// In lower case, an IPv6 address in brackets.
    name: String,
    port: Option<u16>,
}

/// Pages of one scheme and name, on one port or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: Host,
}

impl Allowed {
    /// What the settings allow, for a server that listens on `address`.
    pub(crate) fn of(settings: &Settings, address: SocketAddr) -> Result<Self, Error> {
        let mut hosts = Vec::new();
        for text in &settings.allowed_hosts {
            hosts.push(Host::parse(text).ok_or_else(|| Error::Setting {
                key: "allowed_hosts",
                value: text.clone(),
                expected: "a name or an address was expected, with a port or without".to_owned(),
            })?);
        }
        if hosts.is_empty() {
            hosts.extend(LOOPBACK.iter().filter_map(|name| Host::parse(name)));
            if !address.ip().is_unspecified() {
                hosts.extend(Host::parse(&SocketAddr::new(address.ip(), 0).to_string()).map(Host::on_any_port));
            }
            let resource = settings.token.as_ref().and_then(|token| url::Url::parse(&token.resource).ok());
            hosts.extend(resource.and_then(|url| Host::parse(url.host_str()?)));
        }
        let mut origins = Vec::new();
        for text in &settings.allowed_origins {
            origins.push(Origin::parse(text).ok_or_else(|| Error::Setting {
                key: "allowed_origins",
                value: text.clone(),
                expected: "`scheme://host`, `scheme://host:port` or `scheme://host:*` was expected".to_owned(),
            })?);
        }
        if origins.is_empty() {
            for host in &hosts {
                let of = |scheme: &str| Origin { scheme: scheme.to_owned(), host: host.clone() };
                origins.extend([of("http"), of("https")]);
            }
        }
        Ok(Self { hosts, origins })
    }

    /// The hosts in rmcp's words.
    pub(crate) fn host_texts(&self) -> Vec<String> {
        self.hosts.iter().map(Host::text).collect()
    }

    /// The origins in rmcp's words.
    pub(crate) fn origin_texts(&self) -> Vec<String> {
        let text = |origin: &Origin| match origin.host.port {
            Some(_) => format!("{}://{}", origin.scheme, origin.host.text()),
            None => format!("{}://{}:*", origin.scheme, origin.host.name),
        };
        self.origins.iter().map(text).collect()
    }

    /// Refuses a request by a name that is not the server's, or from a page that is not trusted.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if uri.authority().is_none() && self.is_plainly_allowed(headers) {
            return Ok(());
        }
        let Some(named) = named(headers) else {
            let fault = Fault::invalid("host_invalid", "the request has no `Host` header, or more than one");
            return Err(Refusal::bad_request(fault));
        };
        // A request that carries the whole URL names a host there as well.
        let also = uri.authority().map(Host::of);
        for host in std::iter::once(&named).chain(also.as_ref()) {
            if !self.hosts.iter().any(|allowed| allowed.covers(host, None)) {
                let message =
                    format!("the request is for the host `{}`, which is not a name of this server", host.text());
                let fault = Fault::new(FaultKind::Denied, "host_not_allowed", message)
                    .hint("the operator adds the server's names to `allowed_hosts`");
                return Err(Refusal::forbidden(fault));
            }
        }
        Ok(())
    }

    /// Whether the one host that a request names is spelt as an allowed one, with its port or, where any will do, another: what nearly all
    /// requests have, told without taking the name apart.
    fn is_plainly_allowed(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(HOST).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Ok(text) = value.to_str() else { return false };
        self.hosts.iter().any(|allowed| {
            let Some(rest) = text.strip_prefix(&allowed.name) else { return false };
            let named = rest.strip_prefix(':').filter(|port| !port.starts_with(['0', '+']));
            match (rest.is_empty(), named.and_then(|port| port.parse::<u16>().ok())) {
                (true, _) => allowed.port.is_none(),
                (false, Some(port)) => allowed.port.is_none_or(|allowed| allowed == port),
                (false, None) => false,
            }
        })
    }

    /// A request without `Origin` comes from no page.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut values = headers.get_all(ORIGIN).iter();
        let Some(value) = values.next() else { return Ok(()) };
        let text = value.to_str().unwrap_or("?");
        let origin = Origin::parse(text).filter(|_| values.next().is_none());
        match origin {
            Some(origin) if self.origins.iter().any(|allowed| allowed.covers(&origin)) => Ok(()),
            _ => Err(foreign_origin(text)),
        }
    }
}

/// Whether a request comes from a page that this server itself served: `Origin` and `Host` name the same.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).and_then(|value| Origin::parse(value.to_str().ok()?));
    let (Some(origin), Some(host)) = (origin, named(headers)) else { return false };
    let port = default_port(&origin.scheme);
    origin.host.name == host.name && origin.host.port.or(port) == host.port.or(port)
}

/// The refusal of a page that is not trusted.
pub(crate) fn foreign_origin(origin: &str) -> Refusal {
    let fault =
        Fault::new(FaultKind::Denied, "origin_not_allowed", format!("the page's origin `{origin}` is not trusted"))
            .hint("the operator adds trusted pages to `allowed_origins`");
    Refusal::forbidden(fault)
}

/// The host that a request names, if it names exactly one.
fn named(headers: &HeaderMap) -> Option<Host> {
    let mut values = headers.get_all(HOST).iter();
    let host = Host::parse(values.next()?.to_str().ok()?);
    host.filter(|_| values.next().is_none())
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let host = Self::of(&authority);
        // `user@host`, `host:` and `host:name` are authorities too, but no hosts.
        (!host.name.is_empty() && host.text().eq_ignore_ascii_case(text)).then_some(host)
    }

    fn of(authority: &Authority) -> Self {
        Self { name: authority.host().to_ascii_lowercase(), port: authority.port_u16() }
    }

    fn on_any_port(self) -> Self {
        Self { port: None, ..self }
    }

    /// Whether `other` is one of these; `default` is the port that `other` means when it names none.
    fn covers(&self, other: &Self, default: Option<u16>) -> bool {
        self.name == other.name && (self.port.is_none() || self.port == other.port.or(default))
    }

    fn text(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Origin {
    /// An origin as a browser sends it, or as a setting names it: there `:*` is any port, and no port is the scheme's
    /// own.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            return None;
        }
        let host = match rest.strip_suffix(":*") {
            Some(name) => Host::parse(name).filter(|host| host.port.is_none())?,
            None => {
                let host = Host::parse(rest)?;
                Host { port: host.port.or(default_port(&scheme)), ..host }
            }
        };
        Some(Self { scheme, host })
    }

    fn covers(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host.covers(&other.host, default_port(&other.scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str], origins: &[&str], listen: &str) -> Allowed {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let settings = Settings { allowed_hosts: texts(hosts), allowed_origins: texts(origins), ..Settings::default() };
        Allowed::of(&settings, listen.parse().unwrap()).unwrap()
    }

    fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn host_passes(allowed: &Allowed, uri: &str, host: &str) -> bool {
        allowed.check_host(&uri.parse().unwrap(), &headers(&[(HOST, host)])).is_ok()
    }

    fn origin_passes(allowed: &Allowed, origin: &str) -> bool {
        allowed.check_origin(&headers(&[(ORIGIN, origin)])).is_ok()
    }

    #[test]
    fn a_local_server_answers_to_the_names_of_this_machine_only() {
        let allowed = allowed(&[], &[], "127.0.0.1:8000");
        for host in ["localhost", "localhost:8000", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"] {
            assert!(host_passes(&allowed, "/mcp", host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "localhost@evil.example",
            "localhost:",
            "localhost:x",
            "192.0.2.1",
        ] {
            assert!(!host_passes(&allowed, "/mcp", host), "{host}");
        }
        assert!(!host_passes(&allowed, "http://evil.example/mcp", "localhost"));
        let twice = HeaderMap::from_iter([(HOST, "localhost".parse().unwrap())]);
        assert!(allowed.check_host(&"/".parse().unwrap(), &twice).is_ok());
        let mut twice = twice;
        twice.append(HOST, "localhost".parse().unwrap());
        assert_eq!(allowed.check_host(&"/".parse().unwrap(), &twice).unwrap_err().code(), "host_invalid");
    }

    #[test]
    fn a_server_that_has_an_address_of_its_own_answers_to_it() {
        let allowed = allowed(&[], &[], "192.0.2.1:8000");
        assert!(host_passes(&allowed, "/mcp", "192.0.2.1:8000") && host_passes(&allowed, "/mcp", "192.0.2.1"));
        let everywhere = super::tests::allowed(&[], &[], "0.0.0.0:8000");
        assert!(!host_passes(&everywhere, "/mcp", "0.0.0.0:8000"));
    }

    #[test]
    fn names_that_are_set_replace_the_usual_ones_and_may_be_bound_to_a_port() {
        let allowed = allowed(&["mcp.example:8443", "other.example"], &[], "0.0.0.0:1");
        assert!(host_passes(&allowed, "/", "mcp.example:8443") && host_passes(&allowed, "/", "other.example:5"));
        assert!(!host_passes(&allowed, "/", "mcp.example") && !host_passes(&allowed, "/", "localhost"));
    }

    #[test]
    fn pages_of_the_servers_own_names_are_trusted_unless_others_are_set() {
        let usual = allowed(&[], &[], "127.0.0.1:8000");
        for origin in ["http://localhost:6274", "https://127.0.0.1", "http://[::1]:3"] {
            assert!(origin_passes(&usual, origin), "{origin}");
        }
        for origin in
            ["http://evil.example", "null", "", "http://localhost.evil.example", "localhost", "file://localhost"]
        {
            assert!(!origin_passes(&usual, origin), "{origin}");
        }
        let set = allowed(&[], &["https://app.example", "http://dev.example:*"], "127.0.0.1:8000");
        for origin in ["https://app.example", "https://app.example:443", "http://dev.example:99"] {
            assert!(origin_passes(&set, origin), "{origin}");
        }
        for origin in ["http://app.example", "https://app.example:444", "http://localhost:6274"] {
            assert!(!origin_passes(&set, origin), "{origin}");
        }
        assert!(set.check_origin(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn the_same_origin_is_the_host_that_the_request_is_for() {
        let same = |host, origin| same_origin(&headers(&[(HOST, host), (ORIGIN, origin)]));
        assert!(same("localhost:8000", "http://localhost:8000"));
        assert!(same("mcp.example", "https://mcp.example") && same("mcp.example:443", "https://mcp.example"));
        assert!(!same("localhost:8000", "http://localhost:6274") && !same("localhost:8000", "null"));
        assert!(!same_origin(&headers(&[(HOST, "localhost")])));
    }

    #[test]
    fn what_rmcp_is_told_means_the_same() {
        let allowed = allowed(&["a.example:8"], &["https://b.example", "http://c.example:*"], "127.0.0.1:1");
        assert_eq!(allowed.host_texts(), ["a.example:8"]);
        assert_eq!(allowed.origin_texts(), ["https://b.example:443", "http://c.example:*"]);
    }

    #[test]
    fn a_setting_that_names_no_host_or_origin_is_refused() {
        let address = "127.0.0.1:1".parse().unwrap();
        for host in ["", "a b", "http://a", "a:x"] {
            let settings = Settings { allowed_hosts: vec![host.to_owned()], ..Settings::default() };
            assert_eq!(Allowed::of(&settings, address).unwrap_err().code(), "setting_invalid", "{host}");
        }
        for origin in ["a.example", "*", "https://", "https://a:1:*", "null"] {
            let settings = Settings { allowed_origins: vec![origin.to_owned()], ..Settings::default() };
            assert_eq!(Allowed::of(&settings, address).unwrap_err().code(), "setting_invalid", "{origin}");
        }
    }
}
