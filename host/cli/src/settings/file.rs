//! The configuration file.

use std::collections::BTreeMap;
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
pub(super) struct ComputeSection {
    pub(super) cache_bytes: Option<u64>,
    pub(super) places: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
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
    file.allow = file.allow.map(|paths| paths.into_iter().map(anchored).collect());
    Ok(file)
}
