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
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(Exit::Success)
}
