//! Metrics as a scraper reads them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use kumiko_telemetry::{Call, CallObserver, Error, Journal, Metrics, Outcome, gauges};
use kumiko_vocabulary::Fault;
use serde_json::json;

fn call(tool: &str) -> Call {
    Call {
        request_id: "r".to_owned(),
        caller: None,
        capability: "demo".to_owned(),
        version: "1.0.0".to_owned(),
        digest: None,
        tool: tool.to_owned(),
        arguments: json!({}),
        trace: None,
    }
}

fn observed() -> (Arc<Metrics>, Arc<Journal>) {
    let metrics = Arc::new(Metrics::new());
    let journal = Journal::new(vec![Arc::clone(&metrics) as Arc<dyn CallObserver>]);
    (metrics, journal)
}

/// The value of the series that is written so.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

#[test]
fn calls_are_counted_by_tool_status_and_code() {
    let (metrics, journal) = observed();
    let running = journal.begin(call("echo"));
    assert_eq!(value(&metrics.encode(), "kumiko_tool_calls_running"), 1.0);
    running.end(Outcome::success(&json!({})));
    journal.begin(call("echo")).end(Outcome::from(&Fault::not_found("object_not_found", "none")));
    drop(journal.begin(call("echo")));
    let text = metrics.encode();
    let labels = |status: &str, code: &str| {
        format!("kumiko_tool_calls_total{{capability=\"demo\",tool=\"echo\",status=\"{status}\",code=\"{code}\"}}")
    };
    assert_eq!(value(&text, &labels("success", "")), 1.0);
    assert_eq!(value(&text, &labels("error", "object_not_found")), 1.0);
    assert_eq!(value(&text, &labels("cancelled", "")), 1.0);
    assert_eq!(value(&text, "kumiko_tool_calls_running"), 0.0);
    let buckets = |bound: &str| {
        format!("kumiko_tool_call_duration_seconds_bucket{{le=\"{bound}\",capability=\"demo\",tool=\"echo\"}}")
    };
    assert_eq!(value(&text, &buckets("14400.0")), 3.0);
    assert_eq!(value(&text, &buckets("+Inf")), 3.0);
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn codes_that_a_plugin_makes_up_do_not_become_series_without_end() {
    let (metrics, journal) = observed();
    for number in 0..1_000 {
        journal.begin(call("echo")).end(Outcome::from(&Fault::failed(format!("code_{number}"), "no")));
    }
    journal.begin(call("echo")).end(Outcome::from(&Fault::failed("with \"quotes\"\n", "no")));
    let text = metrics.encode();
    let series = text.lines().filter(|line| line.starts_with("kumiko_tool_calls_total{")).count();
    assert_eq!(series, 33, "{text}");
    let other = "kumiko_tool_calls_total{capability=\"demo\",tool=\"echo\",status=\"error\",code=\"other\"}";
    assert_eq!(value(&text, other), 969.0);
}

#[test]
fn what_happens_elsewhere_is_counted() {
    let metrics = Metrics::new();
    metrics.reloaded("refused");
    metrics.breaker_opened("demo");
    metrics.grant_denied("demo", "object");
    metrics.rate_limited("key");
    metrics.http_answered(403);
    metrics.http_answered(403);
    let text = metrics.encode();
    assert_eq!(value(&text, "kumiko_reloads_total{outcome=\"refused\"}"), 1.0);
    assert_eq!(value(&text, "kumiko_breaker_openings_total{capability=\"demo\"}"), 1.0);
    assert_eq!(value(&text, "kumiko_grants_denied_total{capability=\"demo\",resource_kind=\"object\"}"), 1.0);
    assert_eq!(value(&text, "kumiko_rate_limited_total{limit=\"key\"}"), 1.0);
    assert_eq!(value(&text, "kumiko_http_requests_total{status=\"403\"}"), 2.0);
}

#[test]
fn a_gauge_of_somebody_else_is_read_at_each_scrape() {
    let metrics = Metrics::new();
    let loaded = Arc::new(AtomicU64::new(3));
    let read = Arc::clone(&loaded);
    let (name, help) = gauges::PLUGINS_LOADED;
    metrics.register_gauge(name, help, move || read.load(Ordering::SeqCst) as f64).unwrap();
    assert_eq!(value(&metrics.encode(), name), 3.0);
    loaded.store(4, Ordering::SeqCst);
    assert_eq!(value(&metrics.encode(), name), 4.0);
}

#[test]
fn a_gauge_that_would_break_the_scrape_is_refused() {
    let metrics = Metrics::new();
    for name in ["", "1st", "with space", "a-b", "ümlaut", "a\n"] {
        let refused = metrics.register_gauge(name, "", || 0.0).unwrap_err();
        assert!(matches!(refused, Error::MetricName { .. }), "{name}");
    }
    metrics.register_gauge("mine", "line\nbreak", || 0.0).unwrap();
    for name in ["mine", "kumiko_tool_calls", "process_open_fds"] {
        let refused = metrics.register_gauge(name, "", || 0.0).unwrap_err();
        assert!(matches!(refused, Error::MetricTaken { .. }), "{name}");
    }
    for line in metrics.encode().lines() {
        assert!(line.starts_with('#') || line.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn the_process_is_described_as_the_system_sees_it() {
    let metrics = Metrics::new();
    let resident: f64 = value(&metrics.encode(), "process_resident_memory_bytes");
    assert!((1e6..1e10).contains(&resident), "{resident}");
    let open = value(&metrics.encode(), "process_open_fds");
    let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
    assert!(value(&metrics.encode(), "process_open_fds") >= open.max(100.0), "{open}");
    drop(files);
    let started = value(&metrics.encode(), "process_start_time_seconds");
    let present = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((present - 3_600.0..present + 2.0).contains(&started), "{started}, at {present}");
    let before = value(&metrics.encode(), "process_cpu_seconds_total");
    // Work, until the system has counted a tick of it.
    while value(&metrics.encode(), "process_cpu_seconds_total") <= before {}
}
