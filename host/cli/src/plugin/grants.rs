//! `kumiko plugin grant` and `kumiko plugin revoke`: changes to the grants file.

use kumiko_egress::{Policy, SecretAccess};
use kumiko_grants::edit::{self, Change};
use kumiko_grants::{Grants, PluginGrants};
use kumiko_vocabulary::Fault;

use crate::command_line::GrantArguments;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::{assembly, terminal};

/// Adds grants to a plugin's section and shows the section.
pub(crate) fn grant(settings: &Settings, arguments: GrantArguments) -> anyhow::Result<Exit> {
    let GrantArguments { plugin, all, grants } = arguments;
    if all {
        return Err(Fault::invalid("grant_malformed", "`--all` takes grants away; a grant names what it allows").into());
    }
    let change = Change::from(grants);
    if !change.is_empty() {
        check(&plugin, &change)?;
        let shipped = assembly::shipped_grants()?;
        edit::grant(&settings.grants, &plugin, &change, begin_with(&shipped, &plugin)).map_err(Fault::from)?;
    }
    show(settings, &plugin)
}

/// Takes grants away from a plugin's section and shows the section.
pub(crate) fn revoke(settings: &Settings, arguments: GrantArguments) -> anyhow::Result<Exit> {
    let GrantArguments { plugin, all, grants } = arguments;
    let change = Change::from(grants);
    if all {
        edit::revoke_all(&settings.grants, &plugin).map_err(Fault::from)?;
    } else if !change.is_empty() {
        let shipped = assembly::shipped_grants()?;
        edit::revoke(&settings.grants, &plugin, &change, begin_with(&shipped, &plugin)).map_err(Fault::from)?;
    }
    show(settings, &plugin)
}

/// The first grant of one's own takes the place of the section that a capability was shipped with, so it begins with what that has.
fn begin_with<'a>(shipped: &'a Grants, plugin: &str) -> Option<&'a PluginGrants> {
    shipped.section(plugin).map(AsRef::as_ref)
}

/// Finds what is no request and no secret before it is written.
fn check(plugin: &str, change: &Change) -> anyhow::Result<()> {
    Policy::parse(plugin, &change.http).map_err(Fault::from)?;
    let secrets = change.secrets.iter().filter_map(|text| text.split_once('='));
    SecretAccess::parse(plugin, secrets.map(|(name, hosts)| (name, hosts.split(',').map(str::trim))))
        .map_err(Fault::from)?;
    Ok(())
}

/// Prints what a plugin was granted.
pub(crate) fn show(settings: &Settings, plugin: &str) -> anyhow::Result<Exit> {
    let own = Grants::read(&settings.grants).map_err(Fault::from)?;
    let from = match own.section(plugin) {
        Some(_) => settings.grants.display().to_string(),
        None => "as shipped, or nothing".to_owned(),
    };
    let grants = own.over(&assembly::shipped_grants()?).access(plugin);
    terminal::say(format!("[{plugin}]  # {from}"));
    for line in lines(grants.grants()) {
        terminal::say(line);
    }
    Ok(Exit::Success)
}

/// A section as it is written, or a word where there is nothing in it.
pub(crate) fn lines(grants: &PluginGrants) -> Vec<String> {
    let list = |key: &str, texts: Vec<String>| {
        (!texts.is_empty()).then(|| {
            format!("{key} = [{}]", texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", "))
        })
    };
    let mut lines: Vec<String> = [
        list("read", grants.read.iter().map(ToString::to_string).collect()),
        list("write", grants.write.iter().map(ToString::to_string).collect()),
        list("http", grants.http.clone()),
        list("services", grants.services.iter().cloned().collect()),
        list("tools", grants.tools.iter().cloned().collect()),
    ]
    .into_iter()
    .flatten()
    .collect();
    lines.extend(grants.secrets.iter().map(|(name, hosts)| format!("secrets.{name} = {hosts:?}")));
    if lines.is_empty() {
        lines.push("# nothing is granted".to_owned());
    }
    lines
}
