//! Where a request goes: scheme, host and port.
//!
//! They are compared in one form: names as the URL standard writes them (lower case, IDNA, no dot at the end), addresses as
//! numbers whatever their notation.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The protocols that a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP in the clear.
    Http,
}

impl Scheme {
    /// The word in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port of a URL that names none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// The scheme of this name, where it is one of the two.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "https" => Some(Self::Https),
            "http" => Some(Self::Http),
            _ => None,
        }
    }
}

/// A host in the one form that is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HostName {
    /// A name to resolve.
    Name(String),
    /// An address given literally.
    Address(IpAddr),
}

impl HostName {
    /// The form of a parsed host; the reason where it is none.
    pub(crate) fn of(host: Host<&str>) -> Result<Self, &'static str> {
        match host {
            Host::Ipv4(address) => Ok(Self::Address(address.into())),
            Host::Ipv6(address) => Ok(Self::Address(address.into())),
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                if name.is_empty() || name.split('.').any(str::is_empty) {
                    return Err("the host name has an empty part");
                }
                Ok(Self::Name(name.to_owned()))
            }
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(formatter),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// Scheme, host and port of one request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub(crate) scheme: Scheme,
    pub(crate) host: HostName,
    pub(crate) port: u16,
}

impl Origin {
    /// Where a URL leads.
    ///
    /// # Errors
    /// Which part of the URL is missing or not accepted.
    pub(crate) fn of(url: &Url) -> Result<Self, &'static str> {
        let scheme = Scheme::named(url.scheme()).ok_or("only http and https are sent")?;
        let host = HostName::of(url.host().ok_or("it names no host")?)?;
        let port = url.port().unwrap_or_else(|| scheme.default_port());
        if port == 0 {
            return Err("port 0 cannot be reached");
        }
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(formatter, self.scheme, &self.host, self.port)
    }
}

/// Writes an origin without the port that its scheme implies.
pub(crate) fn write_origin(
    formatter: &mut fmt::Formatter<'_>,
    scheme: Scheme,
    host: &dyn fmt::Display,
    port: u16,
) -> fmt::Result {
    write!(formatter, "{}://{host}", scheme.as_str())?;
    if port == scheme.default_port() { Ok(()) } else { write!(formatter, ":{port}") }
}
