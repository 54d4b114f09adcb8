//! What can be set about serving over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use kumiko_http::{KeyRing, Settings, TlsSettings, TokenSettings};
use kumiko_vocabulary::Fault;

use crate::command_line::ServeArguments;

/// The section `[http]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpSettings {
    /// Where to listen; not at all where absent.
    pub(crate) listen: Option<SocketAddr>,
    /// The path of the endpoint.
    pub(crate) path: Option<String>,
    /// The file with the keys.
    pub(crate) keys: PathBuf,
    /// Whether a key is needed.
    pub(crate) anonymous: bool,
    /// Whether there is a console.
    pub(crate) console: bool,
    /// The names by which clients may call the server.
    pub(crate) allowed_hosts: Vec<String>,
    /// What browsers may call from.
    pub(crate) allowed_origins: Vec<String>,
    /// Certificate and key.
    pub(crate) tls: Option<TlsSettings>,
    /// Whose tokens are accepted.
    pub(crate) token: Option<TokenSettings>,
}

impl HttpSettings {
    /// With what the command line says besides.
    pub(crate) fn resolve(&self, arguments: &ServeArguments) -> anyhow::Result<Settings> {
        let unset = Settings::default();
        Ok(Settings {
            listen: arguments.http.or(self.listen).unwrap_or(unset.listen),
            path: self.path.clone().unwrap_or_else(|| unset.path.clone()),
            keys: KeyRing::load(&self.keys).map_err(Fault::from)?,
            token: self.token.clone(),
            allowed_origins: self.allowed_origins.clone(),
            allowed_hosts: self.allowed_hosts.clone(),
            tls: self.tls.clone(),
            anonymous: arguments.anonymous || self.anonymous,
            ..unset
        })
    }
}
