//! From four sources to one value, for each setting.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use kumiko_catalog::{GateSettings, PluginSettings};
use kumiko_http::{TlsSettings, TokenSettings};
use kumiko_runtime::Limits;
use kumiko_sources::Sha256;

use super::file::{self, File};
use super::memory;
use super::{HttpSettings, Settings, SettingsError, SourceSettings, Storage};
use crate::command_line::Options;

/// The bucket for objects that were given no place, unless configured.
const DEFAULT_BUCKET: &str = "mlops";

/// Memory for frames and models that may be wanted again: a quarter of a small machine's.
const DEFAULT_CACHE_BYTES: u64 = 1024 * 1024 * 1024;

/// Pieces of numerical work at once: each uses all cores by itself, the second keeps them busy while the first reads.
const DEFAULT_COMPUTE_PLACES: u64 = 2;
/// Jobs that run at once unless an operator says otherwise: one, so that a place of the compute pool is left to calls.
const DEFAULT_JOB_PLACES: u64 = 1;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A command-line option.
    Option(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => write!(formatter, "option {name}"),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::File => formatter.write_str("configuration file"),
            Self::Default => formatter.write_str("default"),
        }
    }
}

/// A value that was found, and where.
struct Found<T> {
    value: T,
    origin: Origin,
}

/// The environment, and a record of every setting that was looked up.
struct Sources<E> {
    environment: E,
    origins: Vec<(&'static str, String, Origin)>,
}

impl<E: Fn(&str) -> Option<OsString>> Sources<E> {
    fn variable(&self, names: &[&'static str]) -> Option<Found<OsString>> {
        // An empty variable says nothing: that is how shells and service managers unset one.
        names.iter().find_map(|name| {
            let value = (self.environment)(name).filter(|value| !value.is_empty())?;
            Some(Found { value, origin: Origin::Environment(name) })
        })
    }

    fn record<T: fmt::Debug>(&mut self, key: &'static str, found: &Found<T>) {
        self.origins.push((key, format!("{:?}", found.value), found.origin.clone()));
    }

    fn text(
        &mut self,
        key: &'static str,
        variables: &[&'static str],
        option: Option<(&'static str, String)>,
        file: Option<String>,
    ) -> Option<Found<String>> {
        let found = option
            .map(|(name, value)| Found { value, origin: Origin::Option(name) })
            .or_else(|| {
                self.variable(variables)
                    .map(|found| Found { value: found.value.to_string_lossy().into_owned(), origin: found.origin })
            })
            .or_else(|| file.map(|value| Found { value, origin: Origin::File }));
        if let Some(found) = &found {
            self.record(key, found);
        }
        found
    }

    fn path(
        &mut self,
        key: &'static str,
        variable: &'static str,
        option: (&'static str, Option<PathBuf>),
        file: Option<PathBuf>,
    ) -> Option<PathBuf> {
        let (name, value) = option;
        let found = value
            .map(|value| Found { value, origin: Origin::Option(name) })
            .or_else(|| {
                self.variable(&[variable])
                    .map(|found| Found { value: PathBuf::from(found.value), origin: found.origin })
            })
            .or_else(|| file.map(|value| Found { value, origin: Origin::File }))?;
        self.record(key, &found);
        Some(found.value)
    }

    fn number(
        &mut self,
        key: &'static str,
        variable: &'static str,
        file: Option<u64>,
        default: u64,
    ) -> Result<u64, SettingsError> {
        let found = match self.variable(&[variable]) {
            Some(found) => {
                let text = found.value.to_string_lossy().into_owned();
                let value =
                    text.parse().map_err(|_| wrong(key, &found.origin, &text, "a whole number was expected"))?;
                Found { value, origin: found.origin }
            }
            None => file.map_or(Found { value: default, origin: Origin::Default }, |value| Found {
                value,
                origin: Origin::File,
            }),
        };
        if found.value == 0 {
            return Err(wrong(key, &found.origin, "0", "it must be at least 1"));
        }
        self.record(key, &found);
        Ok(found.value)
    }

    fn flag(
        &mut self,
        key: &'static str,
        variable: &'static str,
        file: Option<bool>,
        default: bool,
    ) -> Result<bool, SettingsError> {
        let found = match self.variable(&[variable]) {
            Some(found) => {
                let text = found.value.to_string_lossy().to_lowercase();
                let value = match text.as_str() {
                    "1" | "true" | "yes" | "on" => true,
                    "0" | "false" | "no" | "off" => false,
                    _ => return Err(wrong(key, &found.origin, &text, "true or false was expected")),
                };
                Found { value, origin: found.origin }
            }
            None => file.map_or(Found { value: default, origin: Origin::Default }, |value| Found {
                value,
                origin: Origin::File,
            }),
        };
        self.record(key, &found);
        Ok(found.value)
    }
}

impl Settings {
    /// Brings options, environment and file together.
    pub(crate) fn resolve(
        options: &Options,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SettingsError> {
        let mut sources = Sources { environment, origins: Vec::new() };
        let config = sources.path("config", "KUMIKO_CONFIG", ("--config", options.config.clone()), None);
        let file = config.as_deref().map(file::read).transpose()?.unwrap_or_default();

        let data = match sources.path("data", "KUMIKO_DATA", ("--data", options.data.clone()), file.data.clone()) {
            Some(data) => data,
            None => {
                let found = Found { value: default_data(&sources.environment), origin: Origin::Default };
                sources.record("data", &found);
                found.value
            }
        };
        let plugins = match sources.path(
            "plugin_folder",
            "KUMIKO_PLUGINS",
            ("--plugins", options.plugins.clone()),
            file.plugin_folder.clone(),
        ) {
            Some(folder) => existing_folder("plugin_folder", folder, &sources.origins)?,
            None => {
                let found = Found { value: default_plugins(&data), origin: Origin::Default };
                sources.record("plugin_folder", &found);
                found.value
            }
        };
        let allow = allowed(options, &file, &mut sources)?;
        let log_level = log_level(options, &file, &mut sources)?;
        let (storage, bucket) = storage(&file, &mut sources)?;
        let cache_bytes = sources.number(
            "compute.cache_bytes",
            "KUMIKO_CACHE_BYTES",
            file.compute.cache_bytes,
            DEFAULT_CACHE_BYTES,
        )?;
        let frame_bytes = sources.number(
            "compute.frame_bytes",
            "KUMIKO_FRAME_BYTES",
            file.compute.frame_bytes,
            memory::available() / 2,
        )?;
        let compute_places =
            sources.number("compute.places", "KUMIKO_COMPUTE_PLACES", file.compute.places, DEFAULT_COMPUTE_PLACES)?;
        let job_places =
            sources.number("compute.job_places", "KUMIKO_JOB_PLACES", file.compute.job_places, DEFAULT_JOB_PLACES)?;
        let limits = limits(&file, &mut sources)?;
        let plugin_settings = plugin_settings(&file, &limits)?;
        let grants =
            match sources.path("grants", "KUMIKO_GRANTS", ("--grants", options.grants.clone()), file.grants.clone()) {
                Some(file) => file,
                None => {
                    let found = Found { value: data.join("grants.toml"), origin: Origin::Default };
                    sources.record("grants", &found);
                    found.value
                }
            };
        let data_for_keys = data.clone();
        Ok(Self {
            config,
            data,
            plugins,
            allow,
            log_level,
            storage,
            bucket,
            cache_bytes: size(cache_bytes),
            frame_bytes,
            compute_places: size(compute_places),
            job_places: size(job_places),
            limits,
            grants,
            http: http(&file, &data_for_keys, &mut sources)?,
            sources: source_settings(&file, &mut sources)?,
            secrets_prefix: sources
                .text("aws.secrets_prefix", &["MLOPS_SECRETS_PREFIX"], None, file.aws.secrets_prefix.clone())
                .map(|found| found.value),
            cloudwatch_metrics: sources.flag("aws.metrics", "KUMIKO_CLOUDWATCH_METRICS", file.aws.metrics, false)?,
            aws_endpoint: sources
                .variable(&["AWS_ENDPOINT_URL"])
                .map(|found| found.value.to_string_lossy().into_owned()),
            aws_region: sources
                .variable(&["AWS_REGION", "AWS_DEFAULT_REGION"])
                .map(|found| found.value.to_string_lossy().into_owned())
                .or_else(|| file.storage.region.clone()),
            private_networks: private_networks(&file, &mut sources)?,
            plugin_settings,
            origins: sources.origins,
        })
    }
}

fn allowed<E: Fn(&str) -> Option<OsString>>(
    options: &Options,
    file: &File,
    sources: &mut Sources<E>,
) -> Result<Vec<PathBuf>, SettingsError> {
    let found = if !options.allow.is_empty() {
        Found { value: options.allow.clone(), origin: Origin::Option("--allow") }
    } else if let Some(variable) = sources.variable(&["KUMIKO_ALLOW"]) {
        Found { value: std::env::split_paths(&variable.value).collect(), origin: variable.origin }
    } else {
        file.allow
            .clone()
            .map_or(Found { value: Vec::new(), origin: Origin::Default }, |value| Found { value, origin: Origin::File })
    };
    for folder in &found.value {
        if !folder.is_dir() {
            return Err(wrong("allow", &found.origin, &folder.display().to_string(), "it is not an existing folder"));
        }
    }
    sources.record("allow", &found);
    Ok(found.value)
}

fn log_level<E: Fn(&str) -> Option<OsString>>(
    options: &Options,
    file: &File,
    sources: &mut Sources<E>,
) -> Result<tracing::Level, SettingsError> {
    let option = options.log_level.clone().map(|level| ("--log-level", level));
    match sources.text("log_level", &["KUMIKO_LOG_LEVEL", "LOG_LEVEL"], option, file.log_level.clone()) {
        // The design's environments write levels as Python does.
        Some(found) if found.value.eq_ignore_ascii_case("warning") => Ok(tracing::Level::WARN),
        Some(found) => found.value.parse().map_err(|_| {
            wrong("log_level", &found.origin, &found.value, "error, warn, info, debug or trace was expected")
        }),
        None => {
            sources.record("log_level", &Found { value: "info", origin: Origin::Default });
            Ok(tracing::Level::INFO)
        }
    }
}

fn storage<E: Fn(&str) -> Option<OsString>>(
    file: &File,
    sources: &mut Sources<E>,
) -> Result<(Storage, String), SettingsError> {
    let section = &file.storage;
    let backend = sources.text("storage.backend", &["KUMIKO_STORAGE"], None, section.backend.clone());
    let bucket = match sources.text("storage.bucket", &["MLOPS_S3_BUCKET"], None, section.bucket.clone()) {
        Some(found) => found.value,
        None => {
            sources.record("storage.bucket", &Found { value: DEFAULT_BUCKET, origin: Origin::Default });
            DEFAULT_BUCKET.to_owned()
        }
    };
    let storage = match backend {
        None => {
            sources.record("storage.backend", &Found { value: "embedded", origin: Origin::Default });
            Storage::Embedded
        }
        Some(found) if found.value == "embedded" => Storage::Embedded,
        Some(found) if found.value == "s3" => Storage::S3 {
            endpoint: sources
                .text("storage.endpoint", &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], None, section.endpoint.clone())
                .map(|found| found.value),
            region: sources
                .text("storage.region", &["AWS_REGION", "AWS_DEFAULT_REGION"], None, section.region.clone())
                .map(|found| found.value),
            encrypt: sources.flag("storage.encrypt", "KUMIKO_S3_ENCRYPT", section.encrypt, true)?,
            kms_key_id: sources
                .text("storage.kms_key_id", &["KUMIKO_KMS_KEY_ID"], None, section.kms_key_id.clone())
                .map(|found| found.value),
        },
        Some(found) => {
            return Err(wrong("storage.backend", &found.origin, &found.value, "`embedded` or `s3` was expected"));
        }
    };
    Ok((storage, bucket))
}

fn limits<E: Fn(&str) -> Option<OsString>>(file: &File, sources: &mut Sources<E>) -> Result<Limits, SettingsError> {
    let section = &file.limits;
    let default = Limits::default();
    Ok(Limits {
        cpu_milliseconds: sources.number(
            "limits.cpu_milliseconds",
            "KUMIKO_CPU_MILLISECONDS",
            section.cpu_milliseconds,
            default.cpu_milliseconds,
        )?,
        long_running_cpu_milliseconds: sources.number(
            "limits.long_running_cpu_milliseconds",
            "KUMIKO_LONG_RUNNING_CPU_MILLISECONDS",
            section.long_running_cpu_milliseconds,
            default.long_running_cpu_milliseconds,
        )?,
        wall_milliseconds: sources.number(
            "limits.wall_milliseconds",
            "KUMIKO_WALL_MILLISECONDS",
            section.wall_milliseconds,
            default.wall_milliseconds,
        )?,
        long_running_wall_milliseconds: sources.number(
            "limits.long_running_wall_milliseconds",
            "KUMIKO_LONG_RUNNING_WALL_MILLISECONDS",
            section.long_running_wall_milliseconds,
            default.long_running_wall_milliseconds,
        )?,
        memory_bytes: size(sources.number(
            "limits.memory_bytes",
            "KUMIKO_MEMORY_BYTES",
            section.memory_bytes,
            default.memory_bytes as u64,
        )?),
        result_bytes: size(sources.number(
            "limits.result_bytes",
            "KUMIKO_RESULT_BYTES",
            section.result_bytes,
            default.result_bytes as u64,
        )?),
        log_bytes: size(sources.number(
            "limits.log_bytes",
            "KUMIKO_LOG_BYTES",
            section.log_bytes,
            default.log_bytes as u64,
        )?),
    })
}

/// What the file says of single plugins. Limits that a section leaves out are those of all calls.
fn plugin_settings(file: &File, all: &Limits) -> Result<BTreeMap<String, PluginSettings>, SettingsError> {
    let mut plugins = BTreeMap::new();
    for (plugin, section) in &file.plugins {
        let prefix = section.prefix.clone().unwrap_or_default();
        if prefix.len() > 32
            || !prefix.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
        {
            let setting = format!("plugins.{plugin}.prefix");
            return Err(wrong(
                &setting,
                &Origin::File,
                &prefix,
                "up to 32 of a-z, A-Z, 0-9, `_` and `-` were expected",
            ));
        }
        let at_least_one = |key: &str, value: Option<u64>| match value {
            Some(0) => Err(wrong(&format!("plugins.{plugin}.{key}"), &Origin::File, "0", "it must be at least 1")),
            value => Ok(value),
        };
        let limit = |key: &str, value: Option<u64>, unset: u64| {
            at_least_one(&format!("limits.{key}"), value).map(|value| value.unwrap_or(unset))
        };
        let own = &section.limits;
        let limits = Limits {
            cpu_milliseconds: limit("cpu_milliseconds", own.cpu_milliseconds, all.cpu_milliseconds)?,
            long_running_cpu_milliseconds: limit(
                "long_running_cpu_milliseconds",
                own.long_running_cpu_milliseconds,
                all.long_running_cpu_milliseconds,
            )?,
            wall_milliseconds: limit("wall_milliseconds", own.wall_milliseconds, all.wall_milliseconds)?,
            long_running_wall_milliseconds: limit(
                "long_running_wall_milliseconds",
                own.long_running_wall_milliseconds,
                all.long_running_wall_milliseconds,
            )?,
            memory_bytes: size(limit("memory_bytes", own.memory_bytes, all.memory_bytes as u64)?),
            result_bytes: size(limit("result_bytes", own.result_bytes, all.result_bytes as u64)?),
            log_bytes: size(limit("log_bytes", own.log_bytes, all.log_bytes as u64)?),
        };
        let gate = GateSettings {
            concurrent_calls: at_least_one("concurrent_calls", section.concurrent_calls)?.map(size),
            calls_per_minute: at_least_one("calls_per_minute", section.calls_per_minute.map(u64::from))?
                .and(section.calls_per_minute),
        };
        plugins.insert(plugin.clone(), PluginSettings { prefix, limits: Some(Arc::new(limits)), gate });
    }
    Ok(plugins)
}

/// Serving over HTTP.
fn http<E: Fn(&str) -> Option<OsString>>(
    file: &File,
    data: &Path,
    sources: &mut Sources<E>,
) -> Result<HttpSettings, SettingsError> {
    let section = &file.http;
    let listen = match sources.text("http.listen", &["KUMIKO_HTTP"], None, section.listen.map(|at| at.to_string())) {
        Some(found) => Some(found.value.parse().map_err(|_| {
            wrong("http.listen", &found.origin, &found.value, "an address such as 127.0.0.1:8000 was expected")
        })?),
        None => None,
    };
    Ok(HttpSettings {
        listen,
        path: section.path.clone(),
        keys: section.keys.clone().unwrap_or_else(|| data.join("keys.toml")),
        anonymous: sources.flag("http.anonymous", "KUMIKO_HTTP_ANONYMOUS", section.anonymous, false)?,
        console: sources.flag("http.console", "KUMIKO_HTTP_CONSOLE", section.console, false)?,
        allowed_hosts: section.allowed_hosts.clone(),
        allowed_origins: section.allowed_origins.clone(),
        tls: section.tls.clone().map(|tls| TlsSettings { certificate: tls.certificate, key: tls.key }),
        token: section.token.clone().map(|token| TokenSettings {
            jwks_uri: token.jwks_uri,
            ..TokenSettings::new(token.issuer, token.resource)
        }),
    })
}

/// Where plugins may come from.
fn source_settings<E: Fn(&str) -> Option<OsString>>(
    file: &File,
    sources: &mut Sources<E>,
) -> Result<SourceSettings, SettingsError> {
    let section = &file.sources;
    let revoked = section.revoked.iter().map(|text| {
        Sha256::parse(text)
            .map_err(|_| wrong("sources.revoked", &Origin::File, text, "64 hexadecimal digits were expected"))
    });
    Ok(SourceSettings {
        require_signature: sources.flag(
            "sources.require_signature",
            "KUMIKO_REQUIRE_SIGNATURE",
            section.require_signature,
            false,
        )?,
        trusted_keys: section.trusted_keys.clone(),
        revoked: revoked.collect::<Result<_, _>>()?,
        docker_configuration: section.docker_configuration.clone(),
    })
}

/// Networks that plugins may reach although they are private.
fn private_networks<E: Fn(&str) -> Option<OsString>>(
    file: &File,
    sources: &mut Sources<E>,
) -> Result<Vec<IpNet>, SettingsError> {
    const KEY: &str = "egress.private_networks";
    let found = match sources.variable(&["KUMIKO_PRIVATE_NETWORKS"]) {
        Some(variable) => {
            let text = variable.value.to_string_lossy().into_owned();
            let value = text.split(',').map(|network| network.trim().to_owned()).collect();
            Found { value, origin: variable.origin }
        }
        None => {
            file.egress.private_networks.clone().map_or(Found { value: Vec::new(), origin: Origin::Default }, |value| {
                Found { value, origin: Origin::File }
            })
        }
    };
    sources.record(KEY, &found);
    let parse = |text: &String| {
        text.parse()
            .map_err(|_| wrong(KEY, &found.origin, text, "a network such as 10.0.0.0/8 or 127.0.0.1/32 was expected"))
    };
    found.value.iter().map(parse).collect()
}

fn existing_folder(
    key: &'static str,
    folder: PathBuf,
    origins: &[(&'static str, String, Origin)],
) -> Result<PathBuf, SettingsError> {
    if folder.is_dir() {
        return Ok(folder);
    }
    let origin =
        origins.iter().rev().find(|(name, ..)| *name == key).map_or(Origin::Default, |(.., origin)| origin.clone());
    Err(wrong(key, &origin, &folder.display().to_string(), "it is not an existing folder"))
}

/// `$XDG_DATA_HOME/kumiko`, else `~/.local/share/kumiko`, else a folder where the server was started.
fn default_data(environment: &impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from("kumiko-data"), |folder| folder.join("kumiko"))
}

/// `plugins` in the data folder; while that does not exist, the folder of that name that came with the binary.
fn default_plugins(data: &Path) -> PathBuf {
    let own = data.join("plugins");
    if own.is_dir() {
        return own;
    }
    let shipped = std::env::current_exe().ok().and_then(|binary| Some(binary.parent()?.parent()?.join("plugins")));
    shipped.filter(|folder| folder.is_dir()).unwrap_or(own)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn wrong(setting: &str, origin: &Origin, value: &str, expected: &str) -> SettingsError {
    SettingsError::Value {
        setting: setting.to_owned(),
        origin: origin.clone(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn resolve(options: &Options, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables: HashMap<String, OsString> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Settings::resolve(options, |name| variables.get(name).cloned())
    }

    fn with_file(content: &str) -> (tempfile::TempDir, Options) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kumiko.toml");
        std::fs::write(&path, content).unwrap();
        (folder, Options { config: Some(path), ..Options::default() })
    }

    #[test]
    fn an_option_wins_over_the_environment_over_the_file_over_the_default() {
        let (_folder, mut options) = with_file("data = \"/from-file\"\nlog_level = \"error\"\n");
        assert_eq!(resolve(&options, &[]).unwrap().data, PathBuf::from("/from-file"));
        assert_eq!(
            resolve(&options, &[("KUMIKO_DATA", "/from-environment")]).unwrap().data,
            PathBuf::from("/from-environment")
        );
        options.data = Some("/from-option".into());
        assert_eq!(
            resolve(&options, &[("KUMIKO_DATA", "/from-environment")]).unwrap().data,
            PathBuf::from("/from-option")
        );
        let nothing = resolve(&Options::default(), &[("XDG_DATA_HOME", "/share")]).unwrap();
        assert_eq!(nothing.data, PathBuf::from("/share/kumiko"));
    }

    #[test]
    fn every_kind_of_setting_follows_that_order() {
        let (_folder, options) = with_file(
            "log_level = \"error\"\n[limits]\ncpu_milliseconds = 5\n[storage]\nbackend = \"s3\"\nencrypt = false\n",
        );
        let file = resolve(&options, &[]).unwrap();
        assert_eq!((file.log_level, file.limits.cpu_milliseconds), (tracing::Level::ERROR, 5));
        assert!(matches!(file.storage, Storage::S3 { encrypt: false, .. }));
        let environment = [
            ("LOG_LEVEL", "DEBUG"),
            ("KUMIKO_CPU_MILLISECONDS", "7"),
            ("KUMIKO_S3_ENCRYPT", "true"),
            ("AWS_REGION", "eu-west-1"),
        ];
        let environment = resolve(&options, &environment).unwrap();
        assert_eq!((environment.log_level, environment.limits.cpu_milliseconds), (tracing::Level::DEBUG, 7));
        assert!(
            matches!(environment.storage, Storage::S3 { encrypt: true, region: Some(region), .. } if region == "eu-west-1")
        );
    }

    #[test]
    fn the_design_s_own_variable_names_are_understood() {
        let settings = resolve(&Options::default(), &[("MLOPS_S3_BUCKET", "team"), ("LOG_LEVEL", "WARNING")]).unwrap();
        assert_eq!((settings.bucket.as_str(), settings.log_level), ("team", tracing::Level::WARN));
    }

    #[test]
    fn an_unknown_key_is_named_with_file_and_line() {
        let (_folder, options) = with_file("log_level = \"info\"\n\n[limits]\ncpu_millis = 5\n");
        let error = resolve(&options, &[]).unwrap_err().to_string();
        assert!(error.contains("kumiko.toml") && error.contains("line 4") && error.contains("cpu_millis"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_with_file_and_line() {
        let (_folder, options) = with_file("[limits]\nmemory_bytes = \"much\"\n");
        let error = resolve(&options, &[]).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_wrong_variable_is_named_as_such() {
        let error = resolve(&Options::default(), &[("KUMIKO_WALL_MILLISECONDS", "soon")]).unwrap_err().to_string();
        assert!(error.contains("KUMIKO_WALL_MILLISECONDS") && error.contains("soon"), "{error}");
        let error = resolve(&Options::default(), &[("KUMIKO_STORAGE", "tape")]).unwrap_err().to_string();
        assert!(error.contains("embedded"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_refused_at_start() {
        let options = Options { allow: vec!["/no/such/folder".into()], ..Options::default() };
        assert!(resolve(&options, &[]).unwrap_err().to_string().contains("--allow"));
        let options = Options { plugins: Some("/no/such/folder".into()), ..Options::default() };
        assert!(resolve(&options, &[]).unwrap_err().to_string().contains("--plugins"));
    }

    #[test]
    fn paths_in_the_file_start_at_the_file() {
        let (folder, options) = with_file("data = \"store\"\n");
        assert_eq!(resolve(&options, &[]).unwrap().data, folder.path().join("store"));
    }
}
