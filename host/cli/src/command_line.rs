//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kumiko_grants::edit::Change;

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

    /// The grants file: what each plugin may reach [env: KUMIKO_GRANTS].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) grants: Option<PathBuf>,

    /// How much to log: error, warn, info, debug or trace [env: KUMIKO_LOG_LEVEL, LOG_LEVEL].
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve MCP on standard input and output, or over HTTP.
    Serve(ServeArguments),
    /// The keys of clients over HTTP.
    #[command(subcommand)]
    Key(KeyCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
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

/// How to serve.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArguments {
    /// Standard input and output; the default.
    #[arg(long, conflicts_with = "http")]
    pub(crate) stdio: bool,

    /// Over HTTP, at this address [env: KUMIKO_HTTP].
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8000")]
    pub(crate) http: Option<SocketAddr>,

    /// Over HTTP: serve whoever reaches this machine's own address, without a key.
    #[arg(long)]
    pub(crate) anonymous: bool,

    /// Over HTTP: the console for operators, at /console.
    #[arg(long)]
    pub(crate) console: bool,

    /// Only these capabilities; separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) capabilities: Vec<String>,

    /// List only the three tools that find, describe and call all others.
    #[arg(long)]
    pub(crate) compact: bool,
}

/// The keys of clients over HTTP.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, once.
    Create {
        /// Whose it is.
        name: String,
        /// The capabilities it is for; all where none is named.
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        capabilities: Vec<String>,
        /// Calls a minute.
        #[arg(long)]
        calls_per_minute: Option<NonZeroU32>,
        /// Calls at once beyond that; as many as a minute's where absent.
        #[arg(long, requires = "calls_per_minute")]
        burst: Option<NonZeroU32>,
    },
    /// List the keys.
    List,
    /// End a key.
    Revoke {
        /// Its id, as `kumiko key list` shows it.
        id: String,
    },
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Find lines that are missing, doubled, broken or changed.
    Verify {
        /// Its parts, from the oldest to the youngest; `audit.log` in the data folder where none is named.
        files: Vec<PathBuf>,
        /// A hash that this command printed before: its line has to be there, unchanged.
        #[arg(long, value_name = "HASH")]
        contains: Option<String>,
    },
}

/// What to grant or to take away.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GrantOptions {
    /// Objects to read: `s3://bucket/prefix/`, `s3://` for all, `files` for the allowed folders; may be repeated.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) read: Vec<String>,

    /// Objects to write and delete, as for --read.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) write: Vec<String>,

    /// Requests to send: `"GET https://api.example.com"`; may be repeated.
    #[arg(long, value_name = "REQUEST")]
    pub(crate) http: Vec<String>,

    /// Secrets to use and the hosts they may be sent to: `name=host,host`; may be repeated.
    #[arg(long, value_name = "NAME=HOST")]
    pub(crate) secrets: Vec<String>,

    /// Services of the server; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) services: Vec<String>,

    /// Tools of other plugins; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) tools: Vec<String>,
}

impl From<GrantOptions> for Change {
    fn from(options: GrantOptions) -> Self {
        let GrantOptions { read, write, http, secrets, services, tools } = options;
        Self { read, write, http, secrets, services, tools }
    }
}

impl std::fmt::Display for GrantOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lists = [
            ("read", &self.read),
            ("write", &self.write),
            ("http", &self.http),
            ("secrets", &self.secrets),
            ("services", &self.services),
            ("tools", &self.tools),
        ];
        let told: Vec<String> = lists
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(key, list)| format!("{key}: {}", list.join(", ")))
            .collect();
        formatter.write_str(&told.join("; "))
    }
}

/// A plugin and what to grant it.
#[derive(Clone, Debug, Args)]
pub(crate) struct GrantArguments {
    /// The plugin's name, as `kumiko plugin list` shows it.
    pub(crate) plugin: String,

    /// With `revoke`: everything.
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) grants: GrantOptions,
}

/// A plugin to install.
#[derive(Clone, Debug, Args)]
pub(crate) struct AddArguments {
    /// Where it is: a file, `https://…/x.wasm`, `oci://registry/name:tag` or `oci://registry/name@sha256:…`.
    pub(crate) source: String,

    /// The name of its file in the plugin folder, without `.wasm`.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Install it without asking.
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) grants: GrantOptions,
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
    /// Fetch a plugin, show what it is and asks for, and install it.
    Add(AddArguments),
    /// Look for other bytes where plugins came from, and install them.
    Update {
        /// The plugins; all that were installed by `add` where none is named.
        names: Vec<String>,
        /// Install without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Remove plugins.
    Remove {
        /// The plugins.
        #[arg(required = true)]
        names: Vec<String>,
        /// Take their grants away as well.
        #[arg(long)]
        revoke: bool,
    },
    /// Compare the installed files with the lock file and with what is trusted.
    Verify,
    /// Let a plugin reach more; without any grant, show what it may reach.
    Grant(GrantArguments),
    /// Let a plugin reach less.
    Revoke(GrantArguments),
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
