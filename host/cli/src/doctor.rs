//! `kumiko doctor`: is everything as it should be, and where does each setting come from.

use kumiko_services::objects::Precondition;
use serde_json::json;

use crate::exit::Exit;
use crate::settings::Settings;
use crate::{assembly, logging, terminal};

/// One thing that was looked at.
struct Check {
    name: &'static str,
    /// What was found; an error where it is not as it should be.
    found: Result<String, String>,
}

/// Runs every check and prints them with the settings.
pub(crate) async fn check(settings: &Settings, as_json: bool) -> anyhow::Result<Exit> {
    logging::quietly(settings);
    let checks = vec![store(settings).await, plugins(settings).await];
    let healthy = checks.iter().all(|check| check.found.is_ok());
    if as_json {
        let settings: Vec<_> = settings
            .origins
            .iter()
            .map(|(key, value, origin)| json!({ "key": key, "value": value, "origin": origin.to_string() }))
            .collect();
        let checks: Vec<_> = checks
            .iter()
            .map(|check| json!({ "check": check.name, "healthy": check.found.is_ok(), "found": check.found.as_ref().unwrap_or_else(|error| error) }))
            .collect();
        terminal::say(serde_json::to_string_pretty(
            &json!({ "version": env!("CARGO_PKG_VERSION"), "settings": settings, "checks": checks }),
        )?);
    } else {
        terminal::say(format!("kumiko {}\n", env!("CARGO_PKG_VERSION")));
        let rows: Vec<Vec<String>> = settings
            .origins
            .iter()
            .map(|(key, value, origin)| vec![(*key).to_owned(), value.clone(), origin.to_string()])
            .collect();
        terminal::say(terminal::table(&["SETTING", "VALUE", "FROM"], &rows));
        terminal::say("");
        for check in &checks {
            match &check.found {
                Ok(found) => terminal::say(format!("ok      {}: {found}", check.name)),
                Err(error) => terminal::say(format!("FAILED  {}: {error}", check.name)),
            }
        }
    }
    Ok(if healthy { Exit::Success } else { Exit::Failure })
}

/// Writes, reads and deletes an object where tools write by default.
async fn store(settings: &Settings) -> Check {
    let found = async {
        let host = assembly::host(settings).await?;
        let uri = format!("{}.kumiko-doctor", host.services.home);
        let objects = &host.services.objects;
        objects.put_bytes(&uri, "probe".into(), None, &Precondition::None).await?;
        let read = objects.get(&uri, None).await?;
        objects.delete(&uri, &Precondition::None).await?;
        anyhow::ensure!(read.as_ref() == b"probe", "what was read is not what was written");
        Ok(format!("objects can be written to, read from and deleted under {}", host.services.home))
    };
    Check { name: "object store", found: found.await.map_err(|error: anyhow::Error| format!("{error:#}")) }
}

/// Loads every plugin.
async fn plugins(settings: &Settings) -> Check {
    let found = async {
        let catalog = assembly::catalog(settings).await?;
        catalog.ready().await;
        let snapshot = catalog.snapshot();
        let refused: Vec<String> = snapshot
            .failures()
            .iter()
            .map(|failure| format!("{}: {} (hint: {})", failure.path.display(), failure.message, failure.hint))
            .collect();
        anyhow::ensure!(refused.is_empty(), "{}", refused.join("; "));
        anyhow::ensure!(
            !snapshot.plugins().is_empty(),
            "there is no plugin in {} (hint: name another folder by --plugins)",
            settings.plugins.display()
        );
        Ok(format!(
            "{} plugins with {} tools in {}",
            snapshot.plugins().len(),
            snapshot.tools().count(),
            settings.plugins.display()
        ))
    };
    Check { name: "plugins", found: found.await.map_err(|error: anyhow::Error| format!("{error:#}")) }
}
