//! What can be set about the HTTP face, and what is checked of it before it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::error::Error;
use crate::keys::KeyRing;

/// Where it listens unless told otherwise: reachable from this machine alone.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// The largest request body unless set, in bytes. Data sets travel through the object store, not through arguments.
const DEFAULT_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Sessions at once unless set. One holds a task and a few channels, about 20 KB.
const DEFAULT_SESSIONS: usize = 1024;

/// Connections at once unless set. A client with a session open uses two.
const DEFAULT_CONNECTIONS: usize = 1024;

/// How long a stop waits for requests in flight unless set.
const DEFAULT_STOP_WITHIN: Duration = Duration::from_secs(30);

/// Signature algorithms accepted unless set: what issuers use today, none with a shared secret.
const DEFAULT_ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];

/// Paths that the server has beside the protocol's.
const RESERVED: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/console", "/.well-known"];

/// The settings of the HTTP face.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on; port 0 is any free one. Default 127.0.0.1:8000.
    pub listen: SocketAddr,
    /// The path of the protocol's endpoint. Default `/mcp`.
    pub path: String,
    /// The keys that clients may come with.
    pub keys: KeyRing,
    /// Whose tokens clients may come with.
    pub token: Option<TokenSettings>,
    /// What browsers may call from: `scheme://host`, `scheme://host:port` or `scheme://host:*`. Where empty, the
    /// allowed hosts on any port.
    pub allowed_origins: Vec<String>,
    /// The names by which clients may call the server: `host` for any port, or `host:port`. Where empty, `localhost`,
    /// the loopback addresses, the address listened on, and the host of the tokens' resource.
    pub allowed_hosts: Vec<String>,
    /// Certificate and key; without them connections are plain.
    pub tls: Option<TlsSettings>,
    /// The largest request body, in bytes. Default 4 MiB.
    pub maximum_body_bytes: usize,
    /// Sessions at once. Default 1,024.
    pub maximum_sessions: usize,
    /// Connections at once. Default 1,024.
    pub maximum_connections: usize,
    /// How long a stop waits for requests in flight. Default 30 seconds.
    pub stop_within: Duration,
    /// Whether a request without any credential is served. Possible on a loopback address only. Default no.
    pub anonymous: bool,
}

/// Where the certificate lies. Both files are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate chain as PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key as PEM.
    pub key: PathBuf,
}

/// Whose tokens are accepted, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The issuer, exactly as its tokens name it in `iss`: an `https` URL, or `http` on a loopback address.
    pub issuer: String,
    /// The URL of this server's endpoint, as clients know it. A token has to name it in `aud`.
    pub resource: String,
    /// Where the issuer's keys are. Where `None`, its metadata says.
    pub jwks_uri: Option<String>,
    /// The signature algorithms accepted. Default RS256, PS256, ES256, ES384 and EdDSA.
    pub algorithms: Vec<String>,
}

impl TokenSettings {
    /// Tokens of `issuer` for `resource`, with the default algorithms and the keys that the issuer's metadata names.
    pub fn new(issuer: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            resource: resource.into(),
            jwks_uri: None,
            algorithms: DEFAULT_ALGORITHMS.map(str::to_owned).to_vec(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            path: "/mcp".to_owned(),
            keys: KeyRing::default(),
            token: None,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            tls: None,
            maximum_body_bytes: DEFAULT_BODY_BYTES,
            maximum_sessions: DEFAULT_SESSIONS,
            maximum_connections: DEFAULT_CONNECTIONS,
            stop_within: DEFAULT_STOP_WITHIN,
            anonymous: false,
        }
    }
}

impl Settings {
    /// Finds what cannot be, before anything is opened. Hosts, origins and tokens are checked where they are taken
    /// apart.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.anonymous && !self.listen.ip().is_loopback() {
            return Err(Error::AnonymousBeyondLoopback { listen: self.listen });
        }
        if !self.anonymous && self.token.is_none() && self.keys.is_empty() {
            return Err(Error::NoCredentials { listen: self.listen });
        }
        self.check_path()?;
        for (key, value) in [
            ("maximum_body_bytes", self.maximum_body_bytes),
            ("maximum_sessions", self.maximum_sessions),
            ("maximum_connections", self.maximum_connections),
        ] {
            if value == 0 {
                let expected = "a number of at least 1 was expected".to_owned();
                return Err(Error::Setting { key, value: value.to_string(), expected });
            }
        }
        Ok(())
    }

    fn check_path(&self) -> Result<(), Error> {
        let wrong =
            |expected: &str| Error::Setting { key: "path", value: self.path.clone(), expected: expected.to_owned() };
        let plain = |character: char| character.is_ascii_alphanumeric() || "/-_.".contains(character);
        if !self.path.starts_with('/') || self.path.len() < 2 || self.path.ends_with('/') || self.path.contains("//") {
            return Err(wrong("a path like `/mcp` was expected: it starts with `/` and does not end with it"));
        }
        if !self.path.chars().all(plain) {
            return Err(wrong("a path has letters, digits, `-`, `_`, `.` and `/` only"));
        }
        let taken = |reserved: &&str| self.path == **reserved || self.path.starts_with(&format!("{reserved}/"));
        if RESERVED.iter().any(taken) {
            return Err(wrong("the server has another use for this path"));
        }
        Ok(())
    }

    /// The name that messages and clients on this machine use for the endpoint.
    pub(crate) fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}{}", self.path)
    }
}

/// A URL that may be fetched or named for authentication: `https`, or `http` on this machine.
pub(crate) fn secure_url(key: &'static str, text: &str) -> Result<Url, Error> {
    let wrong = |expected: &str| Error::Setting { key, value: text.to_owned(), expected: expected.to_owned() };
    let url = Url::parse(text).map_err(|_| wrong("a URL was expected"))?;
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong("a URL with a host, without a user and without a fragment was expected"));
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(wrong("a URL that starts with `https://` was expected, or `http://` on a loopback address"));
    }
    Ok(url)
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous() -> Settings {
        Settings { anonymous: true, ..Settings::default() }
    }

    #[test]
    fn nobody_to_serve_is_an_error_that_says_how_to_make_a_key() {
        let error = Settings::default().check().unwrap_err();
        assert_eq!(error.code(), "no_credentials");
        assert!(error.hint().contains("kumiko key create"), "{}", error.hint());
    }

    #[test]
    fn anonymous_callers_are_for_loopback_addresses() {
        anonymous().check().unwrap();
        let listen = "[::1]:0".parse().unwrap();
        Settings { listen, ..anonymous() }.check().unwrap();
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
            let settings = Settings { listen: address.parse().unwrap(), ..anonymous() };
            assert_eq!(settings.check().unwrap_err().code(), "anonymous_beyond_loopback", "{address}");
        }
    }

    #[test]
    fn a_path_that_is_none_or_taken_is_refused() {
        for path in ["", "/", "mcp", "/mcp/", "/a//b", "/{x}", "/a b", "/metrics", "/console/mcp", "/.well-known/x"] {
            let settings = Settings { path: path.to_owned(), ..anonymous() };
            assert_eq!(settings.check().unwrap_err().code(), "setting_invalid", "{path}");
        }
        Settings { path: "/team/mcp".to_owned(), ..anonymous() }.check().unwrap();
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        let settings = Settings { maximum_sessions: 0, ..anonymous() };
        assert!(settings.check().unwrap_err().to_string().contains("maximum_sessions"));
    }

    #[test]
    fn authentication_needs_https_except_on_this_machine() {
        for url in ["https://issuer.example/x", "http://127.0.0.1:9/x", "http://[::1]/", "http://localhost:8"] {
            secure_url("issuer", url).unwrap();
        }
        for url in ["http://issuer.example", "ftp://localhost", "https://user@issuer.example", "issuer", "https://a/#b"]
        {
            secure_url("issuer", url).unwrap_err();
        }
    }
}
