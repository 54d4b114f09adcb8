//! `cargo xtask demo`: the main job on a public data set, from a checkout.

use super::build;
use crate::problem::Outcome;
use crate::process;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Builds, then runs `kumiko demo`; `arguments` go to it.
///
/// # Errors
/// The build or the demonstration fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let mut progress = Progress::of(build::PHASES + 1);
    build::plugins(workspace, &mut progress)?;
    build::host(workspace, &mut progress)?;
    progress.phase("running the demonstration");
    let mut command = workspace.program(workspace.binary());
    command
        .arg("demo")
        .arg("--plugins")
        .arg(workspace.plugins())
        .arg("--data")
        .arg(workspace.target("demo-data"))
        .args(arguments);
    process::run("the demonstration", &mut command)?;
    progress.finish();
    Ok(())
}
