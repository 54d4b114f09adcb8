//! `cargo xtask test`: everything that must hold, in one run, with the number of checks as its last line.

use std::io;

use super::{build, built_for_tests, print};
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::progress::Progress;
use crate::python::Environment;
use crate::test_summary::Totals;
use crate::workspace::Workspace;

/// Clients and servers of the whole-system tests.
const REQUIREMENTS: &str = "xtask/requirements/test.txt";

/// Obtains the test servers, builds, checks the formatting and runs the tests; `arguments` go to `cargo test`.
///
/// # Errors
/// Something cannot be obtained or built, or a check failed.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let mut progress = Progress::of(1 + build::PHASES + 2);
    progress.phase("obtaining the test servers");
    let python = Environment::obtain(workspace, "test-venv", REQUIREMENTS)?;
    build::plugins(workspace, &mut progress)?;
    build::host(workspace, &mut progress)?;

    let mut totals = Totals::default();
    progress.phase("checking the formatting");
    totals.add(is_formatted(workspace));

    progress.phase("compiling and running the tests");
    let mut command = workspace.cargo();
    command.args(["test", "--release", "--workspace", "--no-fail-fast"]).args(arguments);
    command.envs(built_for_tests(workspace));
    command.env("KUMIKO_PYTHON", python.program("python")).env("KUMIKO_MOTO_SERVER", python.program("moto_server"));
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

/// Whether every file is formatted; the differences are shown.
fn is_formatted(workspace: &Workspace) -> bool {
    let checked = process::run("checking the formatting", workspace.cargo().args(["fmt", "--all", "--check"]));
    if let Err(problem) = &checked {
        eprintln!("{problem}");
    }
    checked.is_ok()
}
