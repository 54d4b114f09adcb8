//! `kumiko`: an MCP server whose tools are WebAssembly components.
//!
//! The commands are thin: each resolves the settings, builds the layers it needs ([`assembly`]) and says how it went by its exit
//! code ([`exit`]).

mod assembly;
mod audit;
mod call;
mod cloud;
mod command_line;
mod demo;
mod doctor;
mod exit;
mod keys;
mod logging;
mod plugin;
mod record;
mod serve;
mod settings;
mod terminal;
mod tools;

use std::process::ExitCode;

use clap::Parser as _;

use crate::command_line::{Arguments, Command, PluginCommand};
use crate::exit::Exit;
use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal::complain(&error);
            Exit::of(&error).into()
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    // Compiling runs in a process of its own, without settings, without threads of the server's.
    if let Some(Command::CompileComponent { memory_bytes }) = arguments.command {
        return plugin::compile_component(memory_bytes);
    }
    let settings = Settings::resolve(&arguments.options, |name| std::env::var_os(name))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(async {
        match arguments.command {
            _ if arguments.list_tools => tools::list(&settings, arguments.json).await,
            Some(Command::Serve(arguments)) => serve::serve(&settings, arguments).await,
            None => serve::serve(&settings, command_line::ServeArguments::default()).await,
            Some(Command::Key(command)) => keys::run(&settings, command),
            Some(Command::Audit(command)) => audit::run(&settings, command),
            Some(Command::Call(call)) => call::call(&settings, call).await,
            Some(Command::Tools { json }) => tools::list(&settings, json).await,
            Some(Command::Plugin(PluginCommand::List { json })) => plugin::list(&settings, json).await,
            Some(Command::Plugin(PluginCommand::Inspect { file, json })) => {
                plugin::inspect(&settings, &file, json).await
            }
            Some(Command::Plugin(PluginCommand::Add(arguments))) => plugin::sources::add(&settings, arguments).await,
            Some(Command::Plugin(PluginCommand::Update { names, yes })) => {
                plugin::sources::update(&settings, &names, yes).await
            }
            Some(Command::Plugin(PluginCommand::Remove { names, revoke })) => {
                plugin::sources::remove(&settings, &names, revoke)
            }
            Some(Command::Plugin(PluginCommand::Verify)) => plugin::sources::verify(&settings),
            Some(Command::Plugin(PluginCommand::Grant(arguments))) => plugin::grants::grant(&settings, arguments),
            Some(Command::Plugin(PluginCommand::Revoke(arguments))) => plugin::grants::revoke(&settings, arguments),
            Some(Command::Doctor { json }) => doctor::check(&settings, json).await,
            Some(Command::Demo) => demo::run(&settings).await,
            Some(Command::CompileComponent { .. }) => Ok(Exit::Usage),
        }
    });
    // Work that nobody waits for any more does not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    exit
}
