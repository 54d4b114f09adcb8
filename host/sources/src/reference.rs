//! How a plugin is named by whoever wants it: a registry's artifact, an address, or a path.
//!
//! Order of parsing: the text up to `://` is the scheme; a text without one is a path. Within `oci://` the first segment
//! is the registry, `@` begins the digest, and a `:` behind the last `/` begins the tag. The canonical form has the
//! registry in lower case, the tag written out where there is no digest, and paths absolute; parsing it again gives the
//! same reference.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, PluginName, Sha256};

/// The tag of an OCI reference that names neither tag nor digest.
const DEFAULT_TAG: &str = "latest";
/// The longest name within a registry, in bytes, as the distribution specification has it.
const LONGEST_REPOSITORY: usize = 255;
/// The longest tag, in bytes, as the distribution specification has it.
const LONGEST_TAG: usize = 128;

/// Where a plugin is to come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reference {
    /// An artifact in an OCI registry.
    Oci(OciReference),
    /// A file on a web server: `https`, or `http` on this machine.
    Web(Url),
    /// A file of this machine, by its absolute path.
    File(PathBuf),
}

/// An artifact in an OCI registry. It has a tag, a digest, or both; then the digest decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OciReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Sha256>,
}

impl Reference {
    /// Reads a reference: `oci://registry[:port]/name[:tag][@sha256:…]`, `https://…/x.wasm`, `file:///…`, or a path, which
    /// is made absolute from the current folder. `http://` is for `127.0.0.1`, `localhost` and `[::1]` alone.
    ///
    /// # Errors
    /// `reference_invalid`, with the part that is wrong and why.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |part, reason: &str| Error::Reference { text: text.to_owned(), part, reason: reason.to_owned() };
        if text.chars().any(char::is_control) {
            return Err(wrong("text", "has control characters in it"));
        }
        match text.split_once("://") {
            Some(("oci", rest)) => {
                OciReference::parse(rest).map(Self::Oci).map_err(|(part, reason)| wrong(part, &reason))
            }
            Some(("https" | "http", _)) => web(text).map(Self::Web).map_err(|(part, reason)| wrong(part, reason)),
            Some(("file", _)) => file(text).map(Self::File).map_err(|reason| wrong("path", reason)),
            Some((scheme, _)) if !scheme.contains('/') => {
                Err(wrong("scheme", &format!("`{scheme}` is none of `oci`, `https`, `file`")))
            }
            _ => path(Path::new(text)).map(Self::File).map_err(|reason| wrong("path", reason)),
        }
    }

    /// The name that the plugin gets where nobody chooses one: the last segment of the artifact's name, or the file's
    /// name without `.wasm`. `None` where that is no valid name.
    #[must_use]
    pub fn suggested_name(&self) -> Option<PluginName> {
        let last = match self {
            Self::Oci(reference) => reference.repository.rsplit('/').next()?,
            Self::Web(address) => address.path_segments()?.next_back()?.strip_suffix(".wasm")?,
            Self::File(path) => path.file_stem()?.to_str()?,
        };
        PluginName::parse(last).ok()
    }
}

impl OciReference {
    /// The registry's host, in lower case, with its port where one is given.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The artifact's name within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where one is given, or `latest` where neither tag nor digest is.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The manifest's digest, where the reference is pinned.
    #[must_use]
    pub fn digest(&self) -> Option<&Sha256> {
        self.digest.as_ref()
    }

    /// The same artifact by its manifest's digest alone.
    #[must_use]
    pub fn pinned(&self, digest: Sha256) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// Reads what stands behind `oci://`. The error is the wrong part and the reason.
    fn parse(text: &str) -> Result<Self, (&'static str, String)> {
        let (registry, rest) =
            text.split_once('/').ok_or(("name", "is missing: no `/` behind the registry".to_owned()))?;
        let registry = registry.to_ascii_lowercase();
        check_registry(&registry).map_err(|reason| ("registry", reason))?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) if digest.starts_with("sha256:") => {
                (rest, Some(Sha256::parse(digest).map_err(|error| ("digest", format!("is wrong: {error}")))?))
            }
            Some((_, digest)) => return Err(("digest", format!("`{digest}` does not begin with `sha256:`"))),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        check_repository(repository).map_err(|reason| ("name", reason))?;
        if let Some(tag) = tag {
            check_tag(tag).map_err(|reason| ("tag", reason))?;
        }
        let tag = match (tag, &digest) {
            (None, None) => Some(DEFAULT_TAG),
            (tag, _) => tag,
        };
        Ok(Self { registry, repository: repository.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

/// Host and port: letters, digits, `.` and `-`, or an IPv6 address in brackets.
fn check_registry(registry: &str) -> Result<(), String> {
    if registry.is_empty() {
        return Err("is missing".to_owned());
    }
    if registry.contains('@') {
        return Err("has a user name in it; credentials belong into the host's settings".to_owned());
    }
    let (host, port) = match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("has no IPv6 address in its brackets: `{address}`"));
            }
            if !rest.is_empty() && !rest.starts_with(':') {
                return Err(format!("has `{rest}` behind its brackets, where a `:` and the port may stand"));
            }
            (None, rest.strip_prefix(':'))
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(registry), None),
        },
    };
    if let Some(host) = host {
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !host.split('.').all(label) {
            return Err(format!("`{host}` is no host name"));
        }
    }
    match port {
        Some(port) if port.starts_with('0') || port.starts_with('+') || port.parse::<u16>().is_err() => {
            Err(format!("has the port `{port}`, which is no number from 1 to 65535"))
        }
        _ => Ok(()),
    }
}

/// Segments of lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn check_repository(repository: &str) -> Result<(), String> {
    if repository.is_empty() {
        return Err("is missing".to_owned());
    }
    if repository.len() > LONGEST_REPOSITORY {
        return Err(format!("has more than {LONGEST_REPOSITORY} characters"));
    }
    for segment in repository.split('/') {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let joints = segment.split(|character: char| character.is_ascii() && plain(character as u8));
        let joined = joints
            .filter(|joint| !joint.is_empty())
            .all(|joint| matches!(joint, "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-'));
        let ends = [segment.bytes().next(), segment.bytes().next_back()];
        if !joined || !ends.into_iter().all(|end| end.is_some_and(plain)) {
            return Err(format!(
                "has the segment `{segment}`: lower-case letters and digits, joined by `.`, `_`, `__` or `-`, are expected"
            ));
        }
    }
    Ok(())
}

/// A letter, digit or `_`, then also `.` and `-`.
fn check_tag(tag: &str) -> Result<(), String> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let valid = tag.bytes().next().is_some_and(word)
        && tag.len() <= LONGEST_TAG
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
    if valid {
        Ok(())
    } else {
        Err(format!("`{tag}` is none: at most {LONGEST_TAG} letters, digits, `_`, `.` and `-` are expected"))
    }
}

/// An address of a web server. The error is the wrong part and the reason.
fn web(text: &str) -> Result<Url, (&'static str, &'static str)> {
    let address = Url::parse(text).map_err(|_| ("address", "is no URL"))?;
    if address.scheme() == "http" && !is_loopback(&address) {
        return Err(("scheme", "`http` is for this machine alone; use `https`"));
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err(("address", "has a user name or password in it, which would be written into the lock file"));
    }
    if address.query().is_some() {
        return Err(("address", "has a query in it, which would be written into the lock file with all it holds"));
    }
    if address.fragment().is_some() {
        return Err(("address", "has a fragment in it"));
    }
    if !address.path().ends_with(".wasm") || address.path().ends_with("/.wasm") {
        return Err(("path", "does not end in a file name with `.wasm`"));
    }
    Ok(address)
}

/// `file://` and an absolute path.
fn file(text: &str) -> Result<PathBuf, &'static str> {
    let address = Url::parse(text).map_err(|_| "is no URL")?;
    let found = address.to_file_path().map_err(|()| "is not an absolute one of this machine (`file:///…`)")?;
    match found.to_str() {
        None => Err("is not UTF-8"),
        Some(text) if text.chars().any(char::is_control) => Err("has control characters in it"),
        Some(_) => path(&found),
    }
}

/// A path, made absolute.
fn path(path: &Path) -> Result<PathBuf, &'static str> {
    if path.as_os_str().is_empty() {
        return Err("is empty");
    }
    std::path::absolute(path).map_err(|_| "cannot be made absolute: the current folder is gone")
}

/// Whether an address is on this machine, by the three names that say so.
pub(crate) fn is_loopback(address: &Url) -> bool {
    matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oci(reference) => reference.fmt(formatter),
            Self::Web(address) => address.fmt(formatter),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(formatter, "@sha256:{digest}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Reference {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
