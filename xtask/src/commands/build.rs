//! `cargo xtask build`: the components, then the host.
//!
//! The components come first: where no toolchain can make them, a person learns it before the long native build.

use crate::arguments::Selection;
use crate::plugins;
use crate::problem::Outcome;
use crate::process;
use crate::progress::Progress;
use crate::wasm_toolchain::Toolchain;
use crate::workspace::Workspace;

/// How many phases [`plugins`] announces.
const PLUGIN_PHASES: usize = 2;
/// How many phases [`host`] announces.
const HOST_PHASES: usize = 1;
/// How many phases a whole build announces.
pub(crate) const PHASES: usize = PLUGIN_PHASES + HOST_PHASES;

/// Builds what is selected.
///
/// # Errors
/// No toolchain for the components, or a compiler's refusal.
pub(crate) fn run(workspace: &Workspace, selection: Selection) -> Outcome {
    let mut progress = Progress::of(match selection {
        Selection::Everything => PHASES,
        Selection::Plugins => PLUGIN_PHASES,
        Selection::Host => HOST_PHASES,
    });
    if selection != Selection::Host {
        plugins(workspace, &mut progress)?;
    }
    if selection != Selection::Plugins {
        host(workspace, &mut progress)?;
    }
    progress.finish();
    Ok(())
}

/// Builds every component in one run of cargo, and puts each where the server or the tests look for it.
///
/// # Errors
/// As [`run`].
pub(crate) fn plugins(workspace: &Workspace, progress: &mut Progress) -> Outcome {
    progress.phase("looking for a toolchain that builds plugins");
    let toolchain = Toolchain::obtain(workspace)?;
    let folders = [
        ("plugins", workspace.plugins()),
        ("examples/plugins", workspace.example_plugins()),
        ("tests/plugins", workspace.test_plugins()),
    ];
    let mut found = Vec::new();
    for (source, destination) in folders {
        found.push((plugins::discover(&workspace.source(source))?, destination));
    }
    let packages = found.iter().flat_map(|(plugins, _)| plugins);
    progress.phase(&format!("building {} plugins with {}", packages.clone().count(), toolchain.words()));
    let mut command = toolchain.build(workspace);
    for plugin in packages {
        command.args(["--package", &plugin.package]);
    }
    process::run("building the plugins", &mut command)?;
    for (plugins, destination) in &found {
        plugins::place(workspace, plugins, destination)?;
    }
    Ok(())
}

/// Builds the native workspace. The whole of it is always selected: cargo then gives every dependency the same
/// features for every command, so that no command rebuilds what another built.
///
/// # Errors
/// As [`run`].
pub(crate) fn host(workspace: &Workspace, progress: &mut Progress) -> Outcome {
    progress.phase(if workspace.binary().exists() {
        "building the host"
    } else {
        "building the host: the first time about 25 minutes on two cores"
    });
    process::run("building the host", workspace.cargo().args(["build", "--release", "--workspace"]))
}
