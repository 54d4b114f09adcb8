//! Patterns of origins, as rules and the bindings of secrets name them.
//!
//! A pattern without a scheme means `https`, one without a port the scheme's own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::origin::{HostName, write_origin};
use crate::{Error, Origin, Scheme};

/// Which hosts a pattern means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostPattern {
    /// This one.
    Exactly(HostName),
    /// Every name with one or more labels left of this one.
    Below(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(host) => host.fmt(formatter),
            Self::Below(name) => write!(formatter, "*.{name}"),
        }
    }
}

/// The origins that a rule or the binding of a secret means: `api.example.com` (https, port 443), `*.example.com`,
/// `http://127.0.0.1:8080`, `https://[2001:db8::1]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginPattern {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
}

impl OriginPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Error::Pattern`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        read(text).map_err(|reason| Error::Pattern { text: text.to_owned(), reason })
    }

    /// Whether a request there is meant.
    #[must_use]
    pub fn covers(&self, origin: &Origin) -> bool {
        self.scheme == origin.scheme
            && self.port == origin.port
            && match (&self.host, &origin.host) {
                (HostPattern::Exactly(host), asked) => host == asked,
                (HostPattern::Below(name), HostName::Name(asked)) => asked
                    .strip_suffix(name.as_str())
                    .and_then(|left| left.strip_suffix('.'))
                    .is_some_and(|left| !left.is_empty()),
                (HostPattern::Below(_), HostName::Address(_)) => false,
            }
    }
}

impl From<&Origin> for OriginPattern {
    fn from(origin: &Origin) -> Self {
        Self { scheme: origin.scheme, host: HostPattern::Exactly(origin.host.clone()), port: origin.port }
    }
}

impl FromStr for OriginPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for OriginPattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<OriginPattern> for String {
    fn from(pattern: OriginPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(formatter, self.scheme, &self.host, self.port)
    }
}

/// Reads a pattern, or says what is wrong with it.
fn read(text: &str) -> Result<OriginPattern, String> {
    let (scheme, authority) = match text.split_once("://") {
        None => (Scheme::Https, text),
        Some((name, rest)) => {
            let scheme = Scheme::named(&name.to_ascii_lowercase())
                .ok_or_else(|| format!("the scheme is `{name}`; only https and http are sent"))?;
            (scheme, rest)
        }
    };
    if authority.is_empty() {
        return Err("it names no host".to_owned());
    }
    if authority.contains(['/', '?', '#', '\\']) {
        return Err("it names a host and a port, without path, query or fragment".to_owned());
    }
    if authority.contains('@') {
        return Err("it names a host, without user name or password".to_owned());
    }
    if authority.contains(|character: char| character.is_whitespace() || character.is_control() || character == '%') {
        return Err("spaces, control characters and percent signs belong to no host name".to_owned());
    }
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => scheme.default_port(),
        Some(digits) => {
            digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| format!("`{digits}` is no port: 1 to 65535"))?
        }
    };
    Ok(OriginPattern { scheme, host: read_host(host)?, port })
}

/// Host and port of an authority; an IPv6 address stands in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or("the bracket of the IPv6 address is not closed")?;
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("`{rest}` follows the IPv6 address; only a port may")),
        };
    }
    match authority.split_once(':') {
        None => Ok((authority, None)),
        Some((_, port)) if port.contains(':') => Err("an IPv6 address stands in brackets: [::1]".to_owned()),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

fn read_host(text: &str) -> Result<HostPattern, String> {
    let (below, name) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if name.contains('*') {
        return Err("a star stands for the labels left of a name, at its beginning: *.example.com".to_owned());
    }
    let host = Host::parse(name).map_err(|error| format!("`{name}` is no host name: {error}"))?;
    let host = match &host {
        Host::Domain(name) => HostName::of(Host::Domain(name.as_str())),
        Host::Ipv4(address) => HostName::of(Host::Ipv4(*address)),
        Host::Ipv6(address) => HostName::of(Host::Ipv6(*address)),
    }?;
    match (below, host) {
        (false, host) => Ok(HostPattern::Exactly(host)),
        (true, HostName::Name(name)) => Ok(HostPattern::Below(name)),
        (true, HostName::Address(_)) => Err("an address has no names below it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn covers(pattern: &str, url: &str) -> bool {
        OriginPattern::parse(pattern).unwrap().covers(&Origin::of(&Url::parse(url).unwrap()).unwrap())
    }

    #[test]
    fn a_name_means_itself_over_https_in_any_spelling() {
        for url in ["https://api.example.com", "https://API.Example.COM:443/x?y", "https://api.example.com./"] {
            assert!(covers("api.example.com", url), "{url}");
        }
        for url in [
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://example.com",
            "https://x.api.example.com",
        ] {
            assert!(!covers("api.example.com", url), "{url}");
        }
    }

    #[test]
    fn a_star_means_one_or_more_labels() {
        assert!(covers("*.example.com", "https://a.example.com") && covers("*.example.com", "https://a.b.example.com"));
        for url in ["https://example.com", "https://evilexample.com", "https://example.com.evil.org"] {
            assert!(!covers("*.example.com", url), "{url}");
        }
    }

    #[test]
    fn an_address_is_compared_as_a_number() {
        for url in ["http://127.0.0.1:8080", "http://127.1:8080", "http://0x7f000001:8080", "http://2130706433:8080"] {
            assert!(covers("http://127.0.0.1:8080", url), "{url}");
        }
        assert!(covers("https://[::1]:9", "https://[0:0:0:0:0:0:0:1]:9"));
        assert!(!covers("http://127.0.0.1", "http://[::ffff:127.0.0.1]"));
    }

    #[test]
    fn a_name_in_another_script_is_its_punycode() {
        assert!(
            covers("bücher.example", "https://xn--bcher-kva.example")
                && covers("xn--bcher-kva.example", "https://BÜCHER.example")
        );
    }

    #[test]
    fn a_pattern_is_written_in_its_shortest_full_form() {
        for (text, written) in [
            ("API.example.com.", "https://api.example.com"),
            ("*.Example.com", "https://*.example.com"),
            ("http://127.1:8080", "http://127.0.0.1:8080"),
            ("HTTP://h:80", "http://h"),
            ("[::1]:8443", "https://[::1]:8443"),
        ] {
            let pattern = OriginPattern::parse(text).unwrap();
            assert_eq!(pattern.to_string(), written);
            assert_eq!(OriginPattern::parse(written).unwrap(), pattern);
        }
    }

    #[test]
    fn a_mistake_in_a_pattern_is_named() {
        for (text, word) in [
            ("", "no host"),
            ("https://", "no host"),
            ("ftp://a", "`ftp`"),
            ("a/b", "path"),
            ("https://a/", "path"),
            ("u:p@a", "user name"),
            ("a:0", "port"),
            ("a:66000", "port"),
            ("a:", "port"),
            ("::1", "brackets"),
            ("[::1", "not closed"),
            ("[::1]x", "only a port"),
            ("*", "star"),
            ("a.*.b", "star"),
            ("*.127.0.0.1", "address"),
            ("a b", "spaces"),
            ("%61.com", "percent"),
            ("a..b", "empty part"),
            ("1.2.3.4.5", "no host name"),
        ] {
            let error = OriginPattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
