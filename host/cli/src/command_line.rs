//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
Settings come from, in this order: an option, an environment variable, the configuration file, a default. `kumiko doctor` shows \
each setting with where it came from.

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 the call was refused (arguments, not found, conflict, denied), \
4 a plugin cannot be loaded, 5 cancelled or over a limit.";

/// An MCP server whose tools are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "kumiko", version, after_help = AFTER_HELP, args_conflicts_with_subcommands = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,

    /// List the tools and end, as `kumiko tools` does.
    #[arg(long)]
    pub(crate) list_tools: bool,

    /// With `--list-tools`: as JSON.
    #[arg(long, requires = "list_tools")]
    pub(crate) json: bool,

    /// What to do; `serve` where nothing is said.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// The folder whose `*.wasm` files are the plugins [env: KUMIKO_PLUGINS].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,

    /// The folder where objects, caches and keys are kept [env: KUMIKO_DATA].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The configuration file [env: KUMIKO_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// A folder whose files tools may read and write by plain path; may be repeated [env: KUMIKO_ALLOW, separated by `:`].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) allow: Vec<PathBuf>,

    /// How much to log: error, warn, info, debug or trace [env: KUMIKO_LOG_LEVEL, LOG_LEVEL].
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve MCP on standard input and output.
    Serve {
        /// Standard input and output; the default.
        #[arg(long)]
        stdio: bool,
    },
    /// Call one tool and print its result.
    Call(CallArguments),
    /// List the tools.
    Tools {
        /// As JSON, with schemas.
        #[arg(long)]
        json: bool,
    },
    /// Look at plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Check the settings, the store and every plugin.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Watch real data go through an MCP session and come out as a trained and evaluated model.
    Demo,
    /// Compile the component on standard input to machine code on standard output.
    #[command(name = kumiko_runtime::compiler::COMPILE_COMMAND, hide = true)]
    CompileComponent {
        /// The memory limit of the engine that the code is for, in bytes.
        memory_bytes: usize,
    },
}

/// Looking at plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// List the plugins with their versions, tools and failures.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a component file is: contract, imports, tools.
    Inspect {
        /// The component.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// One call.
#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// The tool: its name, an alias, or either behind its capability and a dot.
    pub(crate) tool: String,

    /// The arguments as a JSON object.
    #[arg(long, value_name = "JSON", conflicts_with = "args_file")]
    pub(crate) args: Option<String>,

    /// A file with the arguments; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) args_file: Option<PathBuf>,

    /// Print the whole result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
