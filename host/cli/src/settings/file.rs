//! The configuration file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SettingsError;

/// The file as it is written: every key is optional, an unknown one is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) data: Option<PathBuf>,
    pub(super) plugin_folder: Option<PathBuf>,
    pub(super) allow: Option<Vec<PathBuf>>,
    pub(super) log_level: Option<String>,
    pub(super) grants: Option<PathBuf>,
    #[serde(default)]
    pub(super) egress: EgressSection,
    #[serde(default)]
    pub(super) http: HttpSection,
    #[serde(default)]
    pub(super) aws: AwsSection,
    #[serde(default)]
    pub(super) sources: SourcesSection,
    #[serde(default)]
    pub(super) storage: StorageSection,
    #[serde(default)]
    pub(super) compute: ComputeSection,
    #[serde(default)]
    pub(super) limits: LimitsSection,
    #[serde(default)]
    pub(super) plugins: BTreeMap<String, PluginSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StorageSection {
    pub(super) backend: Option<String>,
    pub(super) bucket: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) encrypt: Option<bool>,
    pub(super) kms_key_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AwsSection {
    pub(super) secrets_prefix: Option<String>,
    pub(super) metrics: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSection {
    pub(super) listen: Option<SocketAddr>,
    pub(super) path: Option<String>,
    pub(super) keys: Option<PathBuf>,
    pub(super) anonymous: Option<bool>,
    pub(super) console: Option<bool>,
    #[serde(default)]
    pub(super) allowed_hosts: Vec<String>,
    #[serde(default)]
    pub(super) allowed_origins: Vec<String>,
    pub(super) tls: Option<TlsSection>,
    pub(super) token: Option<TokenSection>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenSection {
    pub(super) issuer: String,
    pub(super) resource: String,
    pub(super) jwks_uri: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourcesSection {
    pub(super) require_signature: Option<bool>,
    #[serde(default)]
    pub(super) trusted_keys: BTreeMap<String, PathBuf>,
    #[serde(default)]
    pub(super) revoked: Vec<String>,
    pub(super) docker_configuration: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EgressSection {
    pub(super) private_networks: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComputeSection {
    pub(super) cache_bytes: Option<u64>,
    pub(super) frame_bytes: Option<u64>,
    pub(super) places: Option<u64>,
    pub(super) job_places: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    pub(super) cpu_milliseconds: Option<u64>,
    pub(super) long_running_cpu_milliseconds: Option<u64>,
    pub(super) wall_milliseconds: Option<u64>,
    pub(super) long_running_wall_milliseconds: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) result_bytes: Option<u64>,
    pub(super) log_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PluginSection {
    pub(super) prefix: Option<String>,
    #[serde(default)]
    pub(super) limits: LimitsSection,
    pub(super) concurrent_calls: Option<u64>,
    pub(super) calls_per_minute: Option<u32>,
}

/// Reads a file. Relative paths in it start at the file's own folder, so that it means the same wherever the server is started.
pub(super) fn read(path: &Path) -> Result<File, SettingsError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
    let mut file: File = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        SettingsError::File { path: path.to_owned(), line, message: error.message().to_owned() }
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let anchored = |path: PathBuf| folder.join(path);
    file.data = file.data.map(anchored);
    file.plugin_folder = file.plugin_folder.map(anchored);
    file.grants = file.grants.map(anchored);
    file.http.keys = file.http.keys.map(anchored);
    file.http.tls =
        file.http.tls.map(|tls| TlsSection { certificate: anchored(tls.certificate), key: anchored(tls.key) });
    file.sources.docker_configuration = file.sources.docker_configuration.map(anchored);
    for key in file.sources.trusted_keys.values_mut() {
        *key = anchored(std::mem::take(key));
    }
    file.allow = file.allow.map(|paths| paths.into_iter().map(anchored).collect());
    Ok(file)
}
