//! The commands, one file each.

mod bench;
mod build;
mod demo;
mod faults;
mod lint;
mod test;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::arguments::{HELP, Invocation};
use crate::problem::{Outcome, Problem};
use crate::workspace::Workspace;

/// Carries out one command.
///
/// # Errors
/// Whatever stopped it, in words.
pub(crate) fn run(invocation: &Invocation, workspace: &Workspace) -> Outcome {
    match invocation {
        Invocation::Help => print(HELP),
        Invocation::Build(selection) => build::run(workspace, *selection),
        Invocation::Test(arguments) => test::run(workspace, arguments),
        Invocation::Demo(arguments) => demo::run(workspace, arguments),
        Invocation::Bench(names) => bench::run(workspace, names),
        Invocation::Faults(rows) => faults::run(workspace, rows),
        Invocation::BenchList => bench::list(workspace),
        Invocation::Lint => lint::run(workspace),
        Invocation::Format => lint::format(workspace),
    }
}

/// Where tests and benchmarks find what is built for them.
fn built_for_tests(workspace: &Workspace) -> [(&'static str, PathBuf); 4] {
    [
        ("KUMIKO_BINARY", workspace.binary()),
        ("KUMIKO_PLUGINS_BUILT", workspace.plugins()),
        ("KUMIKO_EXAMPLE_PLUGINS", workspace.example_plugins()),
        ("KUMIKO_TEST_PLUGINS", workspace.test_plugins()),
    ]
}

/// Writes a command's result to standard output; progress and problems go to standard error.
fn print(text: &str) -> Outcome {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Problem::new(format!("standard output cannot be written: {error}")))
}
