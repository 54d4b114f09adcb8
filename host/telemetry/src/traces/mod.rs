//! Traces: the spans of the server's own parts, exported where a collector is named.
//!
//! ```text
//! span ends ─► queue of 2,048 ─► every 5 s, or 512 spans ─► POST <endpoint>/v1/traces
//! ```
//!
//! A full queue drops spans; a call never waits for one. The variables of OpenTelemetry hold where no setting says
//! otherwise: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TIMEOUT`,
//! `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, and those of the queue (`OTEL_BSP_…`).

mod context;
mod exporter;

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::error::Error;
pub use context::TraceContext;
use exporter::Exporter;

/// The name of the server among other services, where no variable gives one.
const SERVICE_NAME: &str = "kumiko";

/// What the software development kit calls a service without a name.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// How long the collector may take for one batch, where no variable says otherwise. OTLP's own default.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last spans may take when the server ends.
const LAST_EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where traces go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceSettings {
    /// The base address of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`. `OTEL_EXPORTER_OTLP_ENDPOINT` where
    /// it is absent; nothing is exported where that is too.
    pub endpoint: Option<String>,
    /// The server's version, told to the collector.
    pub version: Option<String>,
}

/// Holds the export; dropped, it sends what waits, for 5 seconds at most.
#[must_use = "the export ends when this is dropped"]
#[derive(Debug)]
pub struct Guard(SdkTracerProvider);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_EXPORT_TIMEOUT) {
            tracing::warn!(target: "kumiko::traces", "the last spans may not have reached their collector: {error}");
        }
    }
}

/// The layer that exports the spans of targets that begin with `kumiko`, and what holds the export; `None` where no
/// collector is named. Spans of libraries are left out: those of HTTP clients carry addresses and headers.
///
/// The subscriber's other layers need filters of their own: a filter of the whole subscriber would take spans from this
/// one.
///
/// # Errors
/// [`Error::TraceEndpoint`] where the address cannot be used, [`Error::TraceExport`] where the export does not start.
pub fn layer<S>(settings: &TraceSettings) -> Result<Option<(impl Layer<S> + use<S>, Guard)>, Error>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let Some(endpoint) = settings.endpoint.clone().or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT")) else {
        return Ok(None);
    };
    check(&endpoint)?;
    let exporter = Exporter::new(&endpoint, timeout())?;
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).build())
        .with_resource(resource(settings))
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE_NAME))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(SERVICE_NAME)));
    Ok(Some((layer, Guard(provider))))
}

/// The address appears in messages, so nothing secret may stand in it.
fn check(endpoint: &str) -> Result<(), Error> {
    let refused = |endpoint: &str, reason: &str| {
        Err(Error::TraceEndpoint { endpoint: endpoint.to_owned(), reason: reason.to_owned() })
    };
    if let Some((_, after)) = endpoint.rsplit_once('@') {
        return refused(after, "it has a user name in it; credentials go into OTEL_EXPORTER_OTLP_HEADERS");
    }
    match reqwest::Url::parse(endpoint) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => refused(endpoint, "it is not http:// or https://"),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            refused(endpoint, "it has a query or a fragment")
        }
        Ok(_) => Ok(()),
        Err(error) => refused(endpoint, &error.to_string()),
    }
}

/// Who sends the spans.
fn resource(settings: &TraceSettings) -> Resource {
    let detected = Resource::builder().build();
    let unnamed = detected.get(&Key::new("service.name")) == Some(Value::from(UNKNOWN_SERVICE));
    let mut builder = Resource::builder();
    if unnamed {
        builder = builder.with_service_name(SERVICE_NAME);
    }
    if let Some(version) = &settings.version {
        builder = builder.with_attribute(KeyValue::new("service.version", version.clone()));
    }
    builder.build()
}

/// The time for one batch.
fn timeout() -> Duration {
    let variable = variable("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|milliseconds| milliseconds.parse().ok());
    variable.map_or(EXPORT_TIMEOUT, Duration::from_millis)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_its_password() {
        for endpoint in ["", "127.0.0.1:4318", "grpc://collector:4317", "http://", "http://collector/?key=1"] {
            assert!(matches!(check(endpoint), Err(Error::TraceEndpoint { .. })), "{endpoint}");
        }
        let refused = check("http://user:hunter2@collector:4318").unwrap_err();
        assert!(!refused.to_string().contains("hunter2") && !format!("{refused:?}").contains("hunter2"), "{refused}");
        check("http://127.0.0.1:4318").unwrap();
        check("https://collector.example/otlp/").unwrap();
    }
}
