//! `kumiko key create`, `list` and `revoke`: the keys that clients of the HTTP server come with.

use kumiko_http::{KeyRing, Rate};
use kumiko_vocabulary::Fault;

use crate::command_line::KeyCommand;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::terminal;

/// Carries out one command.
pub(crate) fn run(settings: &Settings, command: KeyCommand) -> anyhow::Result<Exit> {
    let keys = KeyRing::load(&settings.http.keys).map_err(Fault::from)?;
    match command {
        KeyCommand::Create { name, capabilities, calls_per_minute, burst } => {
            let rate = calls_per_minute
                .map(|calls_per_minute| Rate { calls_per_minute, burst: burst.unwrap_or(calls_per_minute) });
            let text = keys.create(&name, capabilities, rate, None).map_err(Fault::from)?;
            terminal::note("this is shown once; clients send it as `X-API-Key` or `Authorization: Bearer`");
            terminal::say(text);
        }
        KeyCommand::List => {
            let rows: Vec<Vec<String>> = keys
                .list()
                .into_iter()
                .map(|key| {
                    let capabilities = key.scopes.join(", ");
                    let state = if key.has_expired() { "expired" } else { "valid" };
                    vec![
                        key.id.clone(),
                        key.name.clone(),
                        if capabilities.is_empty() { "all".to_owned() } else { capabilities },
                        state.to_owned(),
                    ]
                })
                .collect();
            terminal::say(terminal::table(&["ID", "NAME", "CAPABILITIES", "STATE"], &rows));
        }
        KeyCommand::Revoke { id } => {
            let key = keys.revoke(&id).map_err(Fault::from)?;
            terminal::say(format!("{} ({}): revoked", key.id, key.name));
        }
    }
    Ok(Exit::Success)
}
