//! `kumiko audit verify`: whether the audit log is as it was written.

use std::path::PathBuf;

use kumiko_telemetry::{Verified, verify_all};
use kumiko_vocabulary::{Fault, FaultKind};

use crate::command_line::AuditCommand;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::terminal;

/// Carries out one command.
pub(crate) fn run(settings: &Settings, command: AuditCommand) -> anyhow::Result<Exit> {
    let AuditCommand::Verify { files, contains } = command;
    let files: Vec<PathBuf> = if files.is_empty() { vec![settings.data.join("audit.log")] } else { files };
    let wanted = contains.map(|hash| hash.to_ascii_lowercase());
    let whole = verify_all(&files, wanted.as_deref()).map_err(Fault::from)?;
    if let Some(hash) = wanted
        && !whole.found
    {
        let message = format!("no line of the audit log has the hash {hash}");
        return Err(Fault::new(FaultKind::Failed, "audit_line_missing", message)
            .hint("compare with a backup: its line was changed or taken away, or it is in a part that was not named")
            .into());
    }
    match whole.last_hash {
        Some(hash) => {
            let Verified { first, last, lines } = whole.lines;
            terminal::say(format!("{lines} lines, {first} to {last}: whole\nthe hash of the last one: {hash}"));
        }
        None => terminal::say("no lines"),
    }
    Ok(Exit::Success)
}
