//! What the whole-system tests stand on: the shipped binary, the built components, and a client that speaks JSON-RPC over the
//! binary's standard streams and sees every message.
//!
//! `cargo xtask test` builds everything and says where it is by environment variables; a test that misses one says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on must stop, and shows what it measured"
)]

pub mod faults;
mod http;
pub mod process;
mod session;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

pub use http::{HttpConnection, HttpServer, call_request};
pub use session::Session;

/// A path that `cargo xtask test` provides.
#[must_use]
pub fn provided(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} is not set: run the tests by `cargo xtask test`, which builds and obtains what they need")
    })
}

/// A server's surroundings: a data folder, a plugin folder and a folder that tools may use by plain path. Gone when dropped.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// An empty place.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["plugins", "files"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder in a temporary folder");
        }
        Self { folder }
    }

    /// A place with the named components in its plugin folder: capabilities, examples or fixtures.
    #[must_use]
    pub fn with_plugins(names: &[&str]) -> Self {
        let place = Self::new();
        for name in names {
            place.install(name);
        }
        place
    }

    /// Copies a component into the plugin folder.
    pub fn install(&self, name: &str) {
        std::fs::copy(component(name), self.plugins().join(format!("{name}.wasm")))
            .expect("the component can be copied");
    }

    /// The plugin folder.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder that tools may use by plain path.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// Writes a file that tools may read and returns its path as text.
    #[must_use]
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.files().join(name);
        std::fs::write(&path, content).expect("the file can be written");
        path.display().to_string()
    }

    /// The binary with this place's folders, in an environment of its own.
    #[must_use]
    pub fn kumiko(&self) -> Command {
        let mut command = Command::new(provided("KUMIKO_BINARY"));
        command.env_clear().env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.arg("--plugins").arg(self.plugins()).arg("--data").arg(self.data()).arg("--allow").arg(self.files());
        command
    }

    /// Runs a command of the binary to its end.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.kumiko().args(arguments).output().expect("the binary runs")
    }

    /// Calls a tool through `kumiko call --json`: the exit code and what was printed.
    #[must_use]
    pub fn call(&self, tool: &str, arguments: &Value) -> (i32, Value) {
        let output = self.run(["call", tool, "--json", "--args", &arguments.to_string()]);
        let printed = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("`kumiko call {tool}` printed no JSON: {}", String::from_utf8_lossy(&output.stderr))
        });
        (output.status.code().expect("an exit code"), printed)
    }
}

/// The path of a built component, wherever it belongs.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    let file = format!("{name}.wasm");
    ["KUMIKO_PLUGINS_BUILT", "KUMIKO_EXAMPLE_PLUGINS", "KUMIKO_TEST_PLUGINS"]
        .into_iter()
        .map(|variable| provided(variable).join(&file))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("there is no built component `{name}`"))
}

/// The root of the repository: that of the checkout whose tests run, also where several share one target directory.
#[must_use]
pub fn repository() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let tests = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        tests.parent().expect("the tests lie in the repository").to_owned()
    });
    &ROOT
}
