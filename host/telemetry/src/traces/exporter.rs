//! Spans on their way to a collector, over OTLP/HTTP.
//!
//! The batch processor calls an exporter on a thread of its own and waits there for its answer. The HTTP client needs a
//! runtime, so the exporter has one, which runs on that thread alone: a collector that hangs holds up nothing but it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::{Builder, Runtime};

use crate::error::Error;

/// Where OTLP/HTTP takes spans, below the base address.
const TRACES_PATH: &str = "v1/traces";

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends batches, one at a time.
pub(super) struct Exporter {
    inner: opentelemetry_otlp::SpanExporter,
    runtime: Runtime,
    /// Whether the last batch did not get through, so that the log says so once and not for each batch.
    failing: AtomicBool,
}

impl Exporter {
    /// An exporter to the collector with this base address.
    pub(super) fn new(endpoint: &str, timeout: Duration) -> Result<Self, Error> {
        let failed = |reason: String| Error::TraceExport { reason };
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // The runtime stands still between two batches, so nobody would see a connection close.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let inner = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/{TRACES_PATH}", endpoint.trim_end_matches('/')))
            .with_timeout(timeout)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| failed(error.to_string()))?;
        Ok(Self { inner, runtime, failing: AtomicBool::new(false) })
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.runtime.block_on(self.inner.export(batch));
        let failing = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failing => {
                tracing::warn!(target: "kumiko::traces", "spans do not reach their collector and are lost: {error}");
            }
            Ok(()) if failing => tracing::info!(target: "kumiko::traces", "spans reach their collector again"),
            _ => {}
        }
        sent
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exporter").finish_non_exhaustive()
    }
}
