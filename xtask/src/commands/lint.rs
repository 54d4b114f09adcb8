//! `cargo xtask lint` and `cargo xtask fmt`: style, spelling, and the dependencies' licences and advisories.

use crate::problem::{Outcome, Problem};
use crate::process;
use crate::progress::Progress;
use crate::python::Environment;
use crate::workspace::Workspace;

/// The spelling checker, which PyPI carries as a program.
const REQUIREMENTS: &str = "xtask/requirements/lint.txt";

/// Runs every check, whichever fail, and names those that did.
///
/// # Errors
/// At least one check failed.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut progress = Progress::of(4);
    let mut failed = Vec::new();
    let mut note = |check: &'static str, outcome: Outcome| {
        if let Err(problem) = outcome {
            eprintln!("{problem}");
            failed.push(check);
        }
    };
    progress.phase("checking the formatting");
    note("formatting", process::run("formatting", workspace.cargo().args(["fmt", "--all", "--check"])));
    progress.phase("checking the spelling");
    note("spelling", spelling(workspace));
    progress.phase("checking the dependencies");
    note("dependencies", dependencies(workspace));
    progress.phase("running clippy");
    let mut clippy = workspace.cargo();
    clippy.args(["clippy", "--release", "--workspace", "--all-targets", "--keep-going", "--", "--deny", "warnings"]);
    note("clippy", process::run("clippy", &mut clippy));
    progress.finish();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Problem::new(format!("these checks failed: {}", failed.join(", ")))
            .hint("what each of them found stands above; `cargo xtask fmt` mends the formatting"))
    }
}

/// Formats every source file.
///
/// # Errors
/// rustfmt is not there, or a file does not parse.
pub(crate) fn format(workspace: &Workspace) -> Outcome {
    process::run("formatting", workspace.cargo().args(["fmt", "--all"]))
}

fn spelling(workspace: &Workspace) -> Outcome {
    let environment = Environment::obtain(workspace, "lint-venv", REQUIREMENTS)?;
    process::run("spelling", &mut workspace.program(environment.program("typos")))
}

/// cargo-deny compiles for minutes, so it is used where it is installed and not brought along.
fn dependencies(workspace: &Workspace) -> Outcome {
    let deny = |arguments: &[&str]| {
        let mut command = workspace.cargo();
        command.arg("deny").args(arguments);
        command
    };
    if process::answer(&mut deny(&["--version"])).is_none() {
        eprintln!("      left out: cargo-deny is not installed; `cargo install --locked cargo-deny` brings it");
        return Ok(());
    }
    process::run("dependencies", &mut deny(&["check", "bans", "licenses", "sources"]))?;
    if process::answer(&mut deny(&["fetch", "db"])).is_none() {
        eprintln!("      left out: advisories, because their database cannot be fetched from github.com");
        return Ok(());
    }
    process::run("dependencies", &mut deny(&["check", "advisories"]))
}
