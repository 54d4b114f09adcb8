//! `kumiko tools` and `--list-tools`.

use serde_json::json;

use crate::exit::Exit;
use crate::settings::Settings;
use crate::{assembly, logging, terminal};

/// Lists the tools in the order of their names.
pub(crate) async fn list(settings: &Settings, as_json: bool) -> anyhow::Result<Exit> {
    let _traces = logging::start(
        &Settings { log_level: settings.log_level.min(tracing::Level::WARN), ..settings.clone() },
        None,
    )?;
    let catalog = assembly::catalog(settings).await?;
    catalog.ready().await;
    let snapshot = catalog.snapshot();
    if as_json {
        let tools: Vec<_> = snapshot
            .tools()
            .map(|loaded| {
                let tool = &loaded.tool;
                json!({
                    "name": loaded.name,
                    "capability": loaded.capability(),
                    "version": loaded.version(),
                    "title": tool.title,
                    "description": tool.description,
                    "inputSchema": tool.input_schema,
                    "outputSchema": tool.output_schema,
                    "aliases": tool.aliases,
                    "annotations": {
                        "readOnlyHint": tool.annotations.read_only,
                        "destructiveHint": tool.annotations.destructive,
                        "idempotentHint": tool.annotations.idempotent,
                        "openWorldHint": tool.annotations.open_world,
                    },
                })
            })
            .collect();
        terminal::say(serde_json::to_string_pretty(&tools)?);
        return Ok(Exit::Success);
    }
    let rows: Vec<Vec<String>> = snapshot
        .tools()
        .map(|loaded| {
            let first_line = loaded.tool.description.lines().next().unwrap_or_default();
            vec![loaded.name.clone(), loaded.capability().to_owned(), first_line.to_owned()]
        })
        .collect();
    if rows.is_empty() {
        terminal::note(format!("no tools: there is no plugin in {}", settings.plugins.display()));
        terminal::note("hint: name a folder with plugins by --plugins, or copy `.wasm` components there");
        return Ok(Exit::Success);
    }
    terminal::say(terminal::table(&["TOOL", "CAPABILITY", "WHAT IT DOES"], &rows));
    Ok(Exit::Success)
}
