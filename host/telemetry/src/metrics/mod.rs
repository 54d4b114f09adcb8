//! Figures for Prometheus, in the OpenMetrics text format.
//!
//! Counters are set here as things happen. Gauges that belong to others are functions, asked when somebody scrapes.
//! Whoever writes plugins chooses the codes of their errors, so no more than [`MOST_CODES`] codes of one tool become
//! labels; the rest counts as `other`.

mod labels;
mod process;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::call::{Call, CallObserver, CallRecord};
use crate::error::Error;
use labels::{CallLabels, DenialLabels, HttpLabels, LimitLabels, PluginLabels, ReloadLabels, ToolLabels};

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The most codes of one tool that become labels.
const MOST_CODES: usize = 32;

/// The longest code that becomes a label, in bytes.
const LONGEST_CODE: usize = 64;

/// What stands for all other codes.
const OTHER_CODE: &str = "other";

/// Bounds of the buckets of durations, in seconds: from 1 ms, where a call is nothing but its overhead, to 4 h, the
/// longest training.
const DURATION_BOUNDS: [f64; 17] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0, 3_600.0, 14_400.0];

/// Names and descriptions of the gauges that other parts of the server own, for [`Metrics::register_gauge`].
pub mod gauges {
    /// Plugins that serve.
    pub const PLUGINS_LOADED: (&str, &str) = ("kumiko_plugins_loaded", "Plugins that serve");
    /// Files that are no plugins that can serve.
    pub const PLUGINS_FAILED: (&str, &str) = ("kumiko_plugins_failed", "Plugins that failed to load");
    /// Pieces of work that wait for a place in the compute pool.
    pub const COMPUTE_QUEUE: (&str, &str) = ("kumiko_compute_queue", "Pieces of work that wait for the compute pool");
    /// Memory that guests have, in bytes.
    pub const GUEST_MEMORY_BYTES: (&str, &str) = ("kumiko_guest_memory_bytes", "Memory in use by guests");
    /// Memory that the cache of frames and models has, in bytes.
    pub const CACHE_BYTES: (&str, &str) = ("kumiko_cache_bytes", "Memory in use by cached frames and models");
}

/// All figures of one server.
pub struct Metrics {
    registry: Mutex<Registered>,
    codes: Mutex<HashMap<ToolLabels, HashSet<String>>>,
    calls: Family<CallLabels, Counter>,
    durations: Family<ToolLabels, Histogram>,
    running: Gauge,
    reloads: Family<ReloadLabels, Counter>,
    breaker_openings: Family<PluginLabels, Counter>,
    denials: Family<DenialLabels, Counter>,
    rate_limited: Family<LimitLabels, Counter>,
    http_requests: Family<HttpLabels, Counter>,
}

#[derive(Default)]
struct Registered {
    registry: Registry,
    names: HashSet<String>,
}

impl Metrics {
    /// All figures, at zero.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            codes: Mutex::default(),
            calls: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS)),
            running: Gauge::default(),
            reloads: Family::default(),
            breaker_openings: Family::default(),
            denials: Family::default(),
            rate_limited: Family::default(),
            http_requests: Family::default(),
        };
        let mut registered = metrics.registered();
        // The format adds `_total` to the names of counters.
        registered.add("kumiko_tool_calls", "Tool calls that ended", metrics.calls.clone());
        registered.add(
            "kumiko_tool_call_duration_seconds",
            "How long tool calls took, waiting included",
            metrics.durations.clone(),
        );
        registered.add("kumiko_tool_calls_running", "Tool calls that run", metrics.running.clone());
        registered.add("kumiko_reloads", "Changes of a plugin's file that were dealt with", metrics.reloads.clone());
        registered.add("kumiko_breaker_openings", "Times that a plugin was held off", metrics.breaker_openings.clone());
        registered.add("kumiko_grants_denied", "Requests that no grant allows", metrics.denials.clone());
        registered.add("kumiko_rate_limited", "Calls refused because too many came", metrics.rate_limited.clone());
        registered.add("kumiko_http_requests", "HTTP requests that were answered", metrics.http_requests.clone());
        registered.registry.register_collector(Box::new(process::Process));
        registered.names.extend(process::NAMES.map(str::to_owned));
        drop(registered);
        metrics
    }

    /// Counts a change of a plugin's file: `outcome` is `loaded`, `refused` or `removed`.
    pub fn reloaded(&self, outcome: &'static str) {
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
    }

    /// Counts that a plugin is held off after its traps.
    pub fn breaker_opened(&self, capability: &str) {
        self.breaker_openings.get_or_create(&PluginLabels { capability: capability.to_owned() }).inc();
    }

    /// Counts a refusal for want of a grant: `resource_kind` is the kind of what was asked for, such as `object` or
    /// `http`.
    pub fn grant_denied(&self, capability: &str, resource_kind: &'static str) {
        self.denials.get_or_create(&DenialLabels { capability: capability.to_owned(), resource_kind }).inc();
    }

    /// Counts a call refused by a rate limit: `limit` says whose, such as `key` or `plugin`.
    pub fn rate_limited(&self, limit: &'static str) {
        self.rate_limited.get_or_create(&LimitLabels { limit }).inc();
    }

    /// Counts an HTTP request that was answered with this status.
    pub fn http_answered(&self, status: u16) {
        self.http_requests.get_or_create(&HttpLabels { status }).inc();
    }

    /// Adds a gauge whose value is asked for at each scrape. The function must be quick and must not wait.
    ///
    /// # Errors
    /// [`Error::MetricName`] where the name is not valid, [`Error::MetricTaken`] where it is in use.
    pub fn register_gauge(
        &self,
        name: &str,
        help: &str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let mut characters = name.chars();
        let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if !begins || !characters.all(|character| character.is_ascii_alphanumeric() || character == '_') {
            return Err(Error::MetricName { name: name.to_owned() });
        }
        let mut registered = self.registered();
        if !registered.names.insert(name.to_owned()) {
            return Err(Error::MetricTaken { name: name.to_owned() });
        }
        let help = help.replace(['\n', '\\'], " ");
        registered.registry.register_collector(Box::new(ReadGauge {
            name: name.to_owned(),
            help,
            read: Box::new(read),
        }));
        Ok(())
    }

    /// Everything, as [`CONTENT_TYPE`] says.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // A collector that fails leaves its own part out, and writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registered().registry);
        text
    }

    /// The code as a label.
    fn label(&self, tool: &ToolLabels, code: Option<&str>) -> String {
        let Some(code) = code else { return String::new() };
        if code.len() > LONGEST_CODE || !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        {
            return OTHER_CODE.to_owned();
        }
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = codes.entry(tool.clone()).or_default();
        if known.contains(code) || known.len() < MOST_CODES && known.insert(code.to_owned()) {
            return code.to_owned();
        }
        OTHER_CODE.to_owned()
    }

    fn registered(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl CallObserver for Metrics {
    fn began(&self, _: &Call) {
        self.running.inc();
    }

    fn ended(&self, record: &CallRecord) {
        self.running.dec();
        let tool = ToolLabels { capability: record.capability.clone(), tool: record.tool.clone() };
        self.durations.get_or_create(&tool).observe(record.duration.as_secs_f64());
        let code = self.label(&tool, record.outcome.code());
        let ToolLabels { capability, tool } = tool;
        self.calls.get_or_create(&CallLabels { capability, tool, status: record.outcome.status(), code }).inc();
    }
}

impl Registered {
    fn add(&mut self, name: &str, help: &str, metric: impl prometheus_client::registry::Metric) {
        self.names.insert(name.to_owned());
        self.registry.register(name, help, metric);
    }
}

/// A gauge that somebody else owns.
struct ReadGauge {
    name: String,
    help: String,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl fmt::Debug for ReadGauge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReadGauge").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for ReadGauge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = encoder.encode_descriptor(&self.name, &self.help, None, MetricType::Gauge)?;
        ConstGauge::new((self.read)()).encode(encoder)
    }
}
