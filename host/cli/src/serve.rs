//! `kumiko serve`.

use kumiko_mcp::Server;

use crate::exit::Exit;
use crate::settings::Settings;
use crate::{assembly, logging, terminal};

/// Serves one client on standard input and output until it closes its end, or the process is told to stop.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<Exit> {
    logging::start(settings);
    if terminal::watched() && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        terminal::note(
            "kumiko speaks MCP on standard input and output: it is meant to be started by an MCP client. Ctrl-C ends it.",
        );
    }
    let catalog = assembly::catalog(settings).await?;
    let server = Server::new(catalog)?;
    tokio::select! {
        served = kumiko_mcp::serve_stdio(server) => served.map_err(anyhow::Error::from_boxed)?,
        stopped = stop_requested() => stopped?,
    }
    Ok(Exit::Success)
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
