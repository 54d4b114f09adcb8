//! The logic behind the commands: `cargo xtask <command>`; the `Justfile` and `.ci/run` only delegate to it.
//!
//! A command is a function in `commands/` that announces its phases (`progress`), starts other programs (`process`)
//! and stops at the first [`problem::Problem`], which says what happened and what to do. What a command needs and
//! the machine lacks is obtained on the way: the wasm standard library (`wasm_toolchain`), Python packages (`python`).

mod arguments;
mod commands;
mod debian;
mod node;
mod plugins;
mod problem;
mod process;
mod progress;
mod python;
mod test_summary;
mod wasm_toolchain;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = arguments::Invocation::parse(&arguments)
        .and_then(|invocation| commands::run(&invocation, &workspace::Workspace::locate()?));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
