//! `cargo xtask test`: everything that must hold, in one run, with the number of checks as its last line.

use std::io;
use std::path::PathBuf;

use super::{build, built_for_tests, print};
use crate::debian;
use crate::node::Packages;
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::progress::Progress;
use crate::python::Environment;
use crate::test_summary::Totals;
use crate::workspace::Workspace;

/// Clients and servers of the whole-system tests, and Node.
const REQUIREMENTS: &str = "xtask/requirements/test.txt";
/// Clients that run on Node.
const NODE_REQUIREMENTS: &str = "xtask/requirements/node";

/// Obtains the test servers, builds, checks the formatting and runs the tests; `arguments` go to `cargo test`.
///
/// # Errors
/// Something cannot be obtained or built, or a check failed.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let mut progress = Progress::of(1 + build::PHASES + 2);
    let provided = provide(workspace, &mut progress)?;
    let mut totals = Totals::default();
    progress.phase("checking the formatting");
    totals.add(is_formatted(workspace));

    progress.phase("compiling and running the tests");
    let mut command = workspace.cargo();
    command.args(["test", "--release", "--workspace", "--no-fail-fast"]).args(arguments);
    command.envs(provided);
    let failed_before = totals.failed;
    let mut screen = io::stdout();
    let status = process::run_and_read("running the tests", &mut command, &mut screen, |line| totals.read(line))?;
    if !status.success() && totals.failed == failed_before {
        // A program that does not compile, or dies, prints no summary.
        totals.add(false);
    }
    progress.finish();
    print(&format!("{totals}\n"))?;
    if totals.failed == 0 {
        Ok(())
    } else {
        Err(Problem::new(format!("{} of {} checks failed", totals.failed, totals.passed + totals.failed)).hint(
            "`cargo xtask test -- NAME` runs the tests whose name contains NAME; `cargo xtask fmt` mends the formatting",
        ))
    }
}

/// Obtains the test servers and clients, builds, and says where each of them is by an environment variable.
///
/// # Errors
/// Something cannot be obtained or built.
pub(crate) fn provide(workspace: &Workspace, progress: &mut Progress) -> Outcome<Vec<(&'static str, PathBuf)>> {
    progress.phase("obtaining the test servers and clients");
    let python = Environment::obtain(workspace, "test-venv", REQUIREMENTS)?;
    let node = Packages::obtain(workspace, "test-node", NODE_REQUIREMENTS, &python)?;
    let registry = debian::program("KUMIKO_DOCKER_REGISTRY", "docker-registry")?;
    let browser = debian::program("KUMIKO_CHROMIUM", "chromium")?;
    build::plugins(workspace, progress)?;
    build::host(workspace, progress)?;
    let mut provided = built_for_tests(workspace).to_vec();
    provided.extend([
        ("KUMIKO_PYTHON", python.program("python")),
        ("KUMIKO_MOTO_SERVER", python.program("moto_server")),
        ("KUMIKO_NODE", python.program("node")),
        ("KUMIKO_NODE_PACKAGES", node.folder()),
        ("KUMIKO_DOCKER_REGISTRY", registry),
        ("KUMIKO_CHROMIUM", browser),
    ]);
    Ok(provided)
}

/// Whether every file is formatted; the differences are shown.
fn is_formatted(workspace: &Workspace) -> bool {
    let checked = process::run("checking the formatting", workspace.cargo().args(["fmt", "--all", "--check"]));
    if let Err(problem) = &checked {
        eprintln!("{problem}");
    }
    checked.is_ok()
}
