//! `kumiko plugin add`, `update`, `remove` and `verify`: plugins from elsewhere, and the lock file that says where from.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::Context as _;
use kumiko_catalog::Grants;
use kumiko_grants::edit;
use kumiko_sources::{
    Credentials, Fetched, Fetcher, Installed, PluginName, PublicKey, Reference, Request, Standing, Trust, Update,
};
use kumiko_vocabulary::Fault;

use crate::command_line::AddArguments;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::{assembly, logging, plugin, terminal};

/// Fetches a component, checks it, shows what it is and what it asks for, and installs it.
pub(crate) async fn add(settings: &Settings, arguments: AddArguments) -> anyhow::Result<Exit> {
    logging::quietly(settings);
    let source = Reference::parse(&arguments.source).map_err(Fault::from)?;
    let name = match &arguments.name {
        Some(name) => PluginName::parse(name).map_err(Fault::from)?,
        None => source.suggested_name().ok_or_else(|| {
            Fault::invalid("plugin_name_invalid", format!("`{source}` suggests no name for the plugin"))
                .hint("give one with --name")
        })?,
    };
    let (installed, trust) = (installed(settings)?, trust(settings)?);
    let fetched = fetcher(settings)?.fetch(&source).await.map_err(Fault::from)?;
    let verdict = trust.judge(&fetched).map_err(Fault::from)?;
    let loaded = plugin::load(settings, std::path::Path::new(&name.file()), &fetched.bytes).await?;
    let manifest = loaded.manifest();
    terminal::say(format!("{} {}: {}", manifest.name, manifest.version, manifest.description));
    terminal::say(format!("from      {}", fetched.origin));
    terminal::say(format!("sha256    {}", fetched.sha256));
    terminal::say(format!("signed by {}", verdict.signed_by.as_deref().unwrap_or("nobody that is trusted here")));
    terminal::say(format!(
        "tools     {}",
        manifest.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ")
    ));
    terminal::say("\nimports (all that it could touch):");
    for import in &loaded.inspection().imports {
        terminal::say(format!("  {import}"));
    }
    let change = edit::Change::from(arguments.grants.clone());
    terminal::say("\ngrants (all that it may touch):");
    terminal::say(if change.is_empty() {
        "  none; `kumiko plugin grant` adds some".to_owned()
    } else {
        format!("  {}", arguments.grants)
    });
    if !arguments.yes && !agreed("install it?")? {
        return Ok(Exit::Refused);
    }
    if !change.is_empty() {
        let shipped = assembly::shipped_grants()?;
        let begin_with = shipped.section(&manifest.name).map(AsRef::as_ref);
        edit::grant(&settings.grants, &manifest.name, &change, begin_with).map_err(Fault::from)?;
    }
    let request = Request { name: name.clone(), source, fetched, verdict, added: present() };
    installed.install(request).map_err(Fault::from)?;
    terminal::say(format!("installed {}", installed.folder().join(name.file()).display()));
    Ok(Exit::Success)
}

/// Looks for other bytes under the same reference, and installs them.
pub(crate) async fn update(settings: &Settings, names: &[String], yes: bool) -> anyhow::Result<Exit> {
    logging::quietly(settings);
    let (installed, trust, fetcher) = (installed(settings)?, trust(settings)?, fetcher(settings)?);
    for name in chosen(&installed, names)? {
        let Some(fetched) = installed.look_for_update(&name, &fetcher).await.map_err(Fault::from)? else {
            terminal::say(format!("{}: up to date", name.as_str()));
            continue;
        };
        let asks = asks_for_more(settings, &installed, &name, &fetched).await?;
        terminal::say(format!("{}: {}{asks}", name.as_str(), fetched.origin));
        if !yes && !agreed("install it?")? {
            continue;
        }
        match installed.update(&name, &fetcher, &trust, &present()).await.map_err(Fault::from)? {
            Update::UpToDate(_) => terminal::say(format!("{}: up to date", name.as_str())),
            Update::Replaced { .. } => terminal::say(format!("{}: installed", name.as_str())),
        }
    }
    Ok(Exit::Success)
}

/// What an update would import that the installed version does not.
async fn asks_for_more(
    settings: &Settings,
    installed: &Installed,
    name: &PluginName,
    fetched: &Fetched,
) -> anyhow::Result<String> {
    let path = installed.folder().join(name.file());
    let after = plugin::load(settings, &path, &fetched.bytes).await?;
    let before = std::fs::read(&path).ok().and_then(|bytes| kumiko_runtime::inspect(&bytes).ok()).unwrap_or_default();
    let further: Vec<&str> = after
        .inspection()
        .imports
        .iter()
        .filter(|import| !before.imports.contains(import))
        .map(String::as_str)
        .collect();
    Ok(if further.is_empty() { String::new() } else { format!("\n  imports besides: {}", further.join(", ")) })
}

/// Removes plugins, their entries in the lock file, and with `--revoke` their grants.
pub(crate) fn remove(settings: &Settings, names: &[String], revoke: bool) -> anyhow::Result<Exit> {
    let installed = installed(settings)?;
    for name in names {
        let name = PluginName::parse(name).map_err(Fault::from)?;
        installed.remove(&name).map_err(Fault::from)?;
        if revoke && Grants::read(&settings.grants).map_err(Fault::from)?.section(name.as_str()).is_some() {
            edit::revoke_all(&settings.grants, name.as_str()).map_err(Fault::from)?;
        }
        terminal::say(format!("{}: removed", name.as_str()));
    }
    Ok(Exit::Success)
}

/// Compares every installed file with the lock file, and both with what is trusted at present.
pub(crate) fn verify(settings: &Settings) -> anyhow::Result<Exit> {
    let (installed, trust) = (installed(settings)?, trust(settings)?);
    let mut exit = Exit::Success;
    for (name, entry, standing) in installed.list().map_err(Fault::from)? {
        let told = match &standing {
            Standing::Whole => match trust.admit(&name.file(), &entry.sha256, Some(&entry)) {
                Ok(()) => "whole".to_owned(),
                Err(error) => error.to_string(),
            },
            Standing::Missing => "the file is missing".to_owned(),
            Standing::Changed { found } => format!("the file has other bytes than were installed: {found}"),
        };
        if told != "whole" {
            exit = Exit::Plugin;
        }
        terminal::say(format!("{}: {told}", name.as_str()));
    }
    Ok(exit)
}

fn chosen(installed: &Installed, names: &[String]) -> anyhow::Result<Vec<PluginName>> {
    if names.is_empty() {
        let all = installed.list().map_err(Fault::from)?;
        return Ok(all.into_iter().map(|(name, ..)| name).collect());
    }
    let parsed = names.iter().map(|name| PluginName::parse(name));
    Ok(parsed.collect::<Result<_, _>>().map_err(Fault::from)?)
}

/// The plugin folder, put in order after whatever broke off.
fn installed(settings: &Settings) -> anyhow::Result<Installed> {
    std::fs::create_dir_all(&settings.plugins)
        .with_context(|| format!("the plugin folder {} cannot be made", settings.plugins.display()))?;
    let installed = Installed::new(&settings.plugins);
    installed.repair().map_err(Fault::from)?;
    Ok(installed)
}

fn fetcher(settings: &Settings) -> anyhow::Result<Fetcher> {
    let configuration = settings.sources.docker_configuration.clone().or_else(Credentials::docker_configuration);
    let credentials = match configuration {
        Some(file) => Credentials::default().with_docker_configuration(file),
        None => Credentials::default(),
    };
    let own = kumiko_sources::Settings { credentials, ..kumiko_sources::Settings::default() };
    Ok(Fetcher::new(own).map_err(Fault::from)?)
}

/// What the operator trusts.
pub(crate) fn trust(settings: &Settings) -> anyhow::Result<Trust> {
    let keys = settings.sources.trusted_keys.iter().map(|(name, file)| {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("the trusted key `{name}` cannot be read from {}", file.display()))?;
        Ok((name.clone(), PublicKey::from_pem(name, &text).map_err(Fault::from)?))
    });
    Ok(Trust {
        keys: keys.collect::<anyhow::Result<_>>()?,
        required: settings.sources.require_signature,
        revoked: settings.sources.revoked.clone(),
    })
}

/// Asks the person; without one at the terminal the answer is no.
fn agreed(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        terminal::note("nobody is there to be asked; --yes answers for you");
        return Ok(false);
    }
    terminal::note(format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn present() -> String {
    kumiko_telemetry::rfc3339(std::time::SystemTime::now())
}
