//! Settings: what they are, where they come from, and what is wrong with them.
//!
//! Every setting has one key in the configuration file and one or more environment variables. The first of option, environment,
//! file and default that says something wins. All that can be wrong is found at start.

mod file;
mod http;
mod memory;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ipnet::IpNet;
use kumiko_catalog::PluginSettings;
use kumiko_runtime::Limits;
use kumiko_sources::Sha256;

pub(crate) use http::HttpSettings;
pub(crate) use resolve::Origin;

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The configuration file cannot be read.
    #[error("the configuration file {path} cannot be read: {source}\nhint: check the path given with --config or KUMIKO_CONFIG", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration file says something that is not a setting, or not one of this type.
    #[error("the configuration file {path} is wrong, line {line}: {message}\nhint: docs/operators.md lists every key", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value cannot be used.
    #[error("{setting} (from {origin}) is `{value}`: {expected}")]
    Value {
        /// The setting's key.
        setting: String,
        /// Where the value came from.
        origin: Origin,
        /// The value.
        value: String,
        /// What was expected.
        expected: String,
    },
}

/// Where plugins may come from, and whose signatures count.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceSettings {
    /// Whether a plugin without a signature by a trusted key is refused.
    pub(crate) require_signature: bool,
    /// The trusted keys: PEM files by name.
    pub(crate) trusted_keys: BTreeMap<String, PathBuf>,
    /// Digests that are refused.
    pub(crate) revoked: BTreeSet<Sha256>,
    /// The file with the credentials of registries, where it is not Docker's own.
    pub(crate) docker_configuration: Option<PathBuf>,
}

/// Where objects are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// In the data folder.
    Embedded,
    /// In S3.
    S3 {
        /// The endpoint, where it is not AWS.
        endpoint: Option<String>,
        /// The region.
        region: Option<String>,
        /// Whether writes ask for `aws:kms` encryption.
        encrypt: bool,
        /// The key for it; the bucket's own where there is none.
        kms_key_id: Option<String>,
    },
}

/// Everything the server runs by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The configuration file in use.
    pub(crate) config: Option<PathBuf>,
    /// Objects, caches and keys.
    pub(crate) data: PathBuf,
    /// The plugin folder.
    pub(crate) plugins: PathBuf,
    /// Folders whose files may be named by plain path.
    pub(crate) allow: Vec<PathBuf>,
    /// How much to log.
    pub(crate) log_level: tracing::Level,
    /// Where objects are kept.
    pub(crate) storage: Storage,
    /// The bucket for objects that were given no place.
    pub(crate) bucket: String,
    /// Memory for frames and models that may be wanted again, in bytes.
    pub(crate) cache_bytes: usize,
    /// What a table may take in memory, in bytes.
    pub(crate) frame_bytes: u64,
    /// Pieces of numerical work that run at once.
    pub(crate) compute_places: usize,
    /// Jobs that this server runs at once.
    pub(crate) job_places: usize,
    /// The limits of a call.
    pub(crate) limits: Limits,
    /// The operator's grants file; it need not exist.
    pub(crate) grants: PathBuf,
    /// Serving over HTTP.
    pub(crate) http: HttpSettings,
    /// Where plugins may come from, and whose signatures count.
    pub(crate) sources: SourceSettings,
    /// What stands before the names of secrets in AWS Secrets Manager; it is not asked where this is absent.
    pub(crate) secrets_prefix: Option<String>,
    /// Whether calls are told to CloudWatch as metrics.
    pub(crate) cloudwatch_metrics: bool,
    /// The endpoint of AWS, where it is not AWS.
    pub(crate) aws_endpoint: Option<String>,
    /// The region.
    pub(crate) aws_region: Option<String>,
    /// Networks that plugins may reach although they are private or this machine's own.
    pub(crate) private_networks: Vec<IpNet>,
    /// What is set for single plugins, by the plugin file's name without `.wasm`.
    pub(crate) plugin_settings: BTreeMap<String, PluginSettings>,
    /// Each setting as text, with where it came from, for `doctor`.
    pub(crate) origins: Vec<(&'static str, String, Origin)>,
}
