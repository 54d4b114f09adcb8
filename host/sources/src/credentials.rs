//! Who the host is to a registry: what the operator set for it, or else what Docker's `config.json` has in `auths`.
//!
//! Docker's file is read when a registry asks, so that `docker login` has an effect without a restart. Credentials that
//! live in a helper program are not fetched: running programs named by a file is nothing that a server does.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::Error;

/// The largest configuration file that is read, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A user name and a password, or the token that a registry takes in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name.
    pub username: String,
    /// The password. It stands in no message and no debugging output.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The credentials for all registries.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    set: BTreeMap<String, Credential>,
    docker: Option<PathBuf>,
}

impl Credentials {
    /// The same, with a credential for a registry (`host` or `host:port`), which goes before Docker's.
    #[must_use]
    pub fn with(mut self, registry: &str, credential: Credential) -> Self {
        self.set.insert(registry.to_ascii_lowercase(), credential);
        self
    }

    /// The same, with a configuration file of Docker. A file that does not exist has no credentials in it.
    #[must_use]
    pub fn with_docker_configuration(mut self, file: impl Into<PathBuf>) -> Self {
        self.docker = Some(file.into());
        self
    }

    /// Where Docker keeps its configuration for this user: `$DOCKER_CONFIG/config.json`, or `.docker/config.json` at home.
    #[must_use]
    pub fn docker_configuration() -> Option<PathBuf> {
        let folder = match std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(&std::env::var_os("HOME")?).join(".docker"),
        };
        Some(folder.join("config.json"))
    }

    /// The credential for a registry. Reads a file, so it blocks for a moment.
    ///
    /// # Errors
    /// `credentials_invalid` where Docker's file cannot be read, and `credentials_unsupported` where it says that a helper
    /// keeps the credentials of this registry or that they are an identity token.
    pub fn find(&self, registry: &str) -> Result<Option<Credential>, Error> {
        if let Some(credential) = self.set.get(registry) {
            return Ok(Some(credential.clone()));
        }
        let Some(file) = &self.docker else { return Ok(None) };
        let invalid = |reason: String| Error::Credentials { file: file.clone(), reason };
        let text = match std::fs::metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > LARGEST_FILE => {
                return Err(invalid(format!("it has more than {LARGEST_FILE} bytes")));
            }
            Ok(_) => std::fs::read(file).map_err(|error| invalid(error.to_string()))?,
            Err(error) => return Err(invalid(error.to_string())),
        };
        // The parser's own message may repeat a value, so its position alone is told.
        let configuration: DockerConfiguration = serde_json::from_slice(&text)
            .map_err(|error| invalid(format!("line {} is not as Docker writes it", error.line())))?;
        configuration.find(registry, file)
    }
}

/// The part of Docker's `config.json` that is about credentials.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DockerConfiguration {
    auths: BTreeMap<String, DockerEntry>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: String,
}

/// What stands under a registry in `auths`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DockerEntry {
    auth: String,
    username: String,
    password: String,
    #[serde(rename = "identitytoken")]
    identity_token: String,
}

impl DockerConfiguration {
    fn find(&self, registry: &str, file: &Path) -> Result<Option<Credential>, Error> {
        let unsupported = |keeper: String| Error::CredentialsUnsupported {
            registry: registry.to_owned(),
            file: file.to_owned(),
            keeper,
        };
        if let Some((_, helper)) = self.helpers.iter().find(|(key, _)| host_of(key) == registry) {
            return Err(unsupported(format!("the credential helper `docker-credential-{helper}`")));
        }
        let Some((_, entry)) = self.auths.iter().find(|(key, _)| host_of(key) == registry) else { return Ok(None) };
        if !entry.identity_token.is_empty() {
            return Err(unsupported("an identity token".to_owned()));
        }
        if !entry.auth.is_empty() {
            let pair = STANDARD.decode(entry.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let Some((username, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
                let reason = format!("`auth` of `{registry}` is not the base64 form of `user:password`");
                return Err(Error::Credentials { file: file.to_owned(), reason });
            };
            return Ok(Some(Credential { username: username.to_owned(), password: password.to_owned() }));
        }
        if !entry.username.is_empty() {
            return Ok(Some(Credential { username: entry.username.clone(), password: entry.password.clone() }));
        }
        // An empty entry is how Docker notes that its store has the credentials.
        if self.store.is_empty() {
            Ok(None)
        } else {
            Err(unsupported(format!("the credential store `docker-credential-{}`", self.store)))
        }
    }
}

/// The registry that a key of Docker's file means: older ones are addresses, as `https://index.docker.io/v1/`.
fn host_of(key: &str) -> String {
    let host = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host).to_ascii_lowercase();
    if host == "index.docker.io" { "docker.io".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(configuration: &str, registry: &str) -> Result<Option<Credential>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, configuration).unwrap();
        Credentials::default().with_docker_configuration(file).find(registry)
    }

    fn credential(username: &str, password: &str) -> Option<Credential> {
        Some(Credential { username: username.to_owned(), password: password.to_owned() })
    }

    #[test]
    fn a_login_of_docker_is_found_by_its_host() {
        // `user:pass:word` in base64.
        let configuration =
            r#"{"auths": {"https://Registry.Example:5000/v2/": {"auth": "dXNlcjpwYXNzOndvcmQ="}}, "other": 1}"#;
        assert_eq!(find(configuration, "registry.example:5000").unwrap(), credential("user", "pass:word"));
        assert_eq!(find(configuration, "registry.example").unwrap(), None);
    }

    #[test]
    fn the_key_that_docker_has_for_its_own_registry_is_understood() {
        let configuration = r#"{"auths": {"https://index.docker.io/v1/": {"username": "u", "password": "p"}}}"#;
        assert_eq!(find(configuration, "docker.io").unwrap(), credential("u", "p"));
    }

    #[test]
    fn what_is_set_goes_before_dockers_file_and_a_missing_file_has_nothing() {
        let set = credential("a", "b").unwrap();
        let credentials =
            Credentials::default().with("Host:1", set.clone()).with_docker_configuration("/nowhere/config.json");
        assert_eq!(credentials.find("host:1").unwrap(), Some(set));
        assert_eq!(credentials.find("other").unwrap(), None);
    }

    #[test]
    fn credentials_in_helpers_and_tokens_are_named_as_unsupported() {
        let cases = [
            (r#"{"credHelpers": {"host": "ecr-login"}}"#, "docker-credential-ecr-login"),
            (r#"{"auths": {"host": {}}, "credsStore": "desktop"}"#, "docker-credential-desktop"),
            (r#"{"auths": {"host": {"identitytoken": "x"}}}"#, "identity token"),
        ];
        for (configuration, word) in cases {
            let error = find(configuration, "host").unwrap_err();
            assert_eq!(error.code(), "credentials_unsupported");
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(find(configuration, "elsewhere").unwrap(), None);
        }
    }

    #[test]
    fn a_broken_file_is_an_error_that_repeats_no_secret() {
        for configuration in [r#"{"auths": {"host": {"auth": "c2VjcmV0"}}}"#, "{\"auths\": \"c2VjcmV0\"}", "c2VjcmV0"] {
            let error = find(configuration, "host").unwrap_err();
            assert_eq!(error.code(), "credentials_invalid");
            assert!(!error.to_string().contains("ecret") && !error.to_string().contains("c2Vj"), "{error}");
        }
        assert!(!format!("{:?}", credential("user", "secret")).contains("secret"));
    }
}
