//! `kumiko serve`.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use kumiko_http::{Console, Extras, Readiness, Tally};
use kumiko_mcp::{Caller, Selection, Server};
use kumiko_services_aws::CloudWatchLogs;
use kumiko_telemetry::{Audit, AuditEvent, CallObserver, gauges};
use kumiko_vocabulary::Fault;
use serde_json::json;

use crate::assembly::{self, Running};
use crate::command_line::ServeArguments;
use crate::exit::Exit;
use crate::record::Record;
use crate::settings::Settings;
use crate::{cloud, logging, terminal};

/// Serves one client on standard input and output until it closes its end, or clients over HTTP until the process is told to stop.
pub(crate) async fn serve(settings: &Settings, arguments: ServeArguments) -> anyhow::Result<Exit> {
    let cloud = cloud::log(settings).await?;
    let _traces = logging::start(settings, cloud.as_ref().map(CloudWatchLogs::writer))?;
    let exit = run(settings, arguments).await;
    if let Some(cloud) = cloud {
        // The last lines leave before the process does.
        cloud.close().await;
    }
    exit
}

async fn run(settings: &Settings, arguments: ServeArguments) -> anyhow::Result<Exit> {
    let caller = Caller {
        name: "".into(),
        capabilities: match arguments.capabilities.as_slice() {
            [] => Selection::All,
            some => Selection::Only(Arc::new(some.iter().cloned().collect())),
        },
        compact: arguments.compact,
    };
    if arguments.http.is_some() || settings.http.listen.is_some() {
        return over_http(settings, arguments, caller).await;
    }
    if terminal::watched() && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        terminal::note(
            "kumiko speaks MCP on standard input and output: it is meant to be started by an MCP client. Ctrl-C ends it.",
        );
    }
    let audit = audit(settings)?;
    let observers = cloud::metrics(settings).await?.map(|metrics| Arc::new(metrics) as Arc<dyn CallObserver>);
    let observers = observers.into_iter().collect();
    let running = assembly::running(settings, |masker| Record::new(Some(audit), masker, observers)).await?;
    let jobs = running.run_jobs(settings);
    let server = Server::new(running.catalog, caller)?;
    tokio::select! {
        served = kumiko_mcp::serve_stdio(server) => served.map_err(anyhow::Error::from_boxed)?,
        stopped = stop_requested() => stopped?,
    }
    jobs.stop().await;
    running.record.journal.flush();
    Ok(Exit::Success)
}

async fn over_http(settings: &Settings, arguments: ServeArguments, caller: Caller) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let tally = Arc::new(Tally::default());
    let audit = audit(settings)?;
    let mut observers: Vec<Arc<dyn CallObserver>> = vec![tally.clone()];
    observers.extend(cloud::metrics(settings).await?.map(|metrics| Arc::new(metrics) as Arc<dyn CallObserver>));
    let running =
        assembly::running(settings, |masker| Record::new(Some(Arc::clone(&audit)), masker, observers)).await?;
    let server = Server::new(Arc::clone(&running.catalog), caller)?;
    let extras = extras(&running, audit, tally, started, arguments.console || settings.http.console)?;
    let http = settings.http.resolve(&arguments)?;
    let jobs = running.run_jobs(settings);
    let bound = kumiko_http::bind(http, server, extras).await.map_err(Fault::from)?;
    terminal::note(format!("listening on {}", bound.url()));
    bound
        .serve(async {
            // Where the system cannot tell of signals, only its own end stops the server.
            if stop_requested().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await
        .map_err(Fault::from)?;
    jobs.stop().await;
    running.record.journal.flush();
    Ok(Exit::Success)
}

/// The audit log of the data folder, which is made where there is none.
fn audit(settings: &Settings) -> anyhow::Result<Arc<Audit>> {
    let folder = &settings.data;
    std::fs::create_dir_all(folder).with_context(|| format!("the data folder {} cannot be made", folder.display()))?;
    Ok(Arc::new(Audit::open(folder).map_err(Fault::from)?))
}

/// What the HTTP face shows beside the protocol.
fn extras(
    running: &Running,
    audit: Arc<Audit>,
    tally: Arc<Tally>,
    started: Instant,
    console: bool,
) -> Result<Extras, Fault> {
    let Running { catalog, record, runtime, compute, cache, .. } = running;
    let metrics = Arc::clone(&record.metrics);
    let (memory, waiting, cached) = (runtime.clone(), compute.clone(), Arc::clone(cache));
    let (loaded, failed) = (Arc::clone(catalog), Arc::clone(catalog));
    let register = |(name, help): (&str, &str), gauge: Box<dyn Fn() -> f64 + Send + Sync>| {
        metrics.register_gauge(name, help, gauge).map_err(Fault::from)
    };
    register(gauges::GUEST_MEMORY_BYTES, Box::new(move || memory.memory_in_use() as f64))?;
    register(gauges::COMPUTE_QUEUE, Box::new(move || waiting.waiting() as f64))?;
    register(gauges::CACHE_BYTES, Box::new(move || cached.bytes() as f64))?;
    register(gauges::PLUGINS_LOADED, Box::new(move || loaded.snapshot().plugins().len() as f64))?;
    register(gauges::PLUGINS_FAILED, Box::new(move || failed.snapshot().failures().len() as f64))?;
    let (guest, kept) = (runtime.clone(), Arc::clone(cache));
    let page = Console {
        catalog: Arc::clone(catalog),
        journal: Arc::clone(&record.journal),
        tally,
        guest_memory: Arc::new(move || guest.memory_in_use() as f64),
        cache: Arc::new(move || kept.bytes() as f64),
        started,
    };
    let (ready, scraped, answered) = (Arc::clone(catalog), Arc::clone(&metrics), metrics);
    Ok(Extras {
        ready: Arc::new(move || Readiness {
            ready: ready.is_ready(),
            detail: json!({ "plugins": ready.snapshot().plugins().len(), "failures": ready.snapshot().failures().len() }),
        }),
        metrics: Arc::new(move || scraped.encode()),
        console: console.then(|| page.router()),
        on_http: Arc::new(move |_, status| answered.http_answered(status.as_u16())),
        on_refused: Arc::new(move |peer, code| {
            audit.record(AuditEvent::AuthenticationFailed {
                address: peer.to_string(),
                key: None,
                reason: code.to_owned(),
            });
        }),
    })
}

/// Returns when the process is told to stop: by a person, or by whatever manages it.
#[cfg(unix)]
async fn stop_requested() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Returns when the process is told to stop.
#[cfg(not(unix))]
async fn stop_requested() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
