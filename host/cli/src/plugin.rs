//! `kumiko plugin`: what is loaded, and what a file is.

pub(crate) mod grants;
pub(crate) mod sources;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use kumiko_catalog::CallLog as _;
use kumiko_functions::{CallContext, CallControl, LogContext};
use kumiko_runtime::{Error, Plugin, compiler, inspect as read_outside};
use kumiko_vocabulary::Fault;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::record::Record;
use crate::settings::Settings;
use crate::{assembly, logging, terminal};

/// Characters of a digest that tell plugins apart at a glance.
const SHORT_DIGEST: usize = 12;

/// Lists what is loaded and what is not.
pub(crate) async fn list(settings: &Settings, as_json: bool) -> anyhow::Result<Exit> {
    logging::quietly(settings);
    let catalog = assembly::catalog(settings).await?;
    catalog.ready().await;
    let snapshot = catalog.snapshot();
    let exit = if snapshot.failures().is_empty() { Exit::Success } else { Exit::Plugin };
    if as_json {
        let plugins: Vec<_> = snapshot
            .plugins()
            .iter()
            .map(|loaded| {
                let manifest = loaded.plugin.manifest();
                json!({
                    "name": manifest.name, "version": manifest.version, "description": manifest.description, "path": loaded.path,
                    "sha256": loaded.digest, "signed_by": loaded.signed_by, "size": loaded.size, "tools": loaded.tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
                    "imports": loaded.plugin.inspection().imports,
                })
            })
            .collect();
        let failures: Vec<_> = snapshot
            .failures()
            .iter()
            .map(|failure| json!({ "path": failure.path, "code": failure.code, "message": failure.message, "hint": failure.hint, "earlier_serves": failure.earlier_serves }))
            .collect();
        terminal::say(serde_json::to_string_pretty(&json!({ "plugins": plugins, "failures": failures }))?);
        return Ok(exit);
    }
    let rows: Vec<Vec<String>> = snapshot
        .plugins()
        .iter()
        .map(|loaded| {
            let manifest = loaded.plugin.manifest();
            let digest = loaded.digest.chars().take(SHORT_DIGEST).collect();
            vec![
                manifest.name.clone(),
                manifest.version.clone(),
                loaded.tools.len().to_string(),
                digest,
                loaded.path.display().to_string(),
            ]
        })
        .collect();
    terminal::say(terminal::table(&["PLUGIN", "VERSION", "TOOLS", "SHA-256", "FILE"], &rows));
    for failure in snapshot.failures() {
        let serving = if failure.earlier_serves { " (an earlier version serves)" } else { "" };
        terminal::say(format!(
            "\n{}: refused{serving}: {}\nhint: {}\ncode: {}",
            failure.path.display(),
            failure.message,
            failure.hint,
            failure.code
        ));
    }
    Ok(exit)
}

/// Shows what a component is, by reading it first and running its `describe` under limits after.
pub(crate) async fn inspect(settings: &Settings, file: &Path, as_json: bool) -> anyhow::Result<Exit> {
    logging::quietly(settings);
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Ok(refuse(
                file,
                &Fault::not_found("plugin_unreadable", format!("it cannot be read: {error}")),
                as_json,
            ));
        }
    };
    let plugin = match load(settings, file, &bytes).await {
        Ok(plugin) => plugin,
        Err(error) => {
            return match error.downcast::<Error>() {
                Ok(error) => Ok(refuse(file, &error.into(), as_json)),
                Err(error) => Err(error),
            };
        }
    };
    let (manifest, inspection) = (plugin.manifest(), plugin.inspection());
    if as_json {
        let tools: Vec<_> = manifest
            .tools
            .iter()
            .map(|tool| json!({ "name": tool.name, "title": tool.title, "description": tool.description, "aliases": tool.aliases, "long_running": tool.long_running }))
            .collect();
        terminal::say(serde_json::to_string_pretty(&json!({
            "name": manifest.name, "aliases": manifest.aliases, "version": manifest.version, "description": manifest.description, "size": bytes.len(),
            "imports": inspection.imports, "exports": inspection.exports, "tools": tools,
        }))?);
        return Ok(Exit::Success);
    }
    terminal::say(format!("{} {}: {}", manifest.name, manifest.version, manifest.description));
    terminal::say(format!("{} bytes, {} tools", bytes.len(), manifest.tools.len()));
    terminal::say("\nimports (all that it could touch):");
    for import in &inspection.imports {
        terminal::say(format!("  {import}"));
    }
    terminal::say("\ntools:");
    for tool in &manifest.tools {
        terminal::say(format!("  {}  {}", tool.name, tool.description.lines().next().unwrap_or_default()));
    }
    Ok(Exit::Success)
}

/// Loads a component as the server would.
pub(crate) async fn load(settings: &Settings, file: &Path, bytes: &[u8]) -> anyhow::Result<Plugin> {
    read_outside(bytes)?;
    let host = assembly::host(settings).await?;
    let component = host.compiler.component(bytes).await?;
    let label = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let contexts = || {
        let log = LogContext::new(Record::passing().lines(&label, "", "describe", ""), settings.limits.log_bytes);
        CallContext::new(CallControl::new(None, CancellationToken::new()), log)
    };
    let limits = Arc::new(settings.limits.clone());
    Ok(Plugin::new(&host.runtime, &host.services, &component, bytes, limits, contexts).await?)
}

fn refuse(file: &Path, fault: &Fault, as_json: bool) -> Exit {
    if as_json {
        terminal::say(serde_json::to_string_pretty(&json!({ "fault": fault })).unwrap_or_default());
    } else {
        terminal::note(format!("error: {} cannot be loaded: {fault}\ncode: {}", file.display(), fault.code));
    }
    Exit::Plugin
}

/// The child of the compile cache: a component in, machine code out.
pub(crate) fn compile_component(memory_bytes: usize) -> anyhow::Result<Exit> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    match compiler::compile(&bytes, memory_bytes) {
        Ok(code) => {
            std::io::stdout().write_all(&code)?;
            Ok(Exit::Success)
        }
        Err(Error::Compile { reason } | Error::Workshop { reason }) => {
            terminal::note(reason);
            Ok(Exit::Plugin)
        }
        Err(error) => Err(error.into()),
    }
}
