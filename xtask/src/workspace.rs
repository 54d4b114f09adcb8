//! Where things lie: the checkout, the target directory and what is built into it; and cargo, started from there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::problem::{Outcome, Problem};

/// The checkout that this program was compiled from, and the target directory that it was compiled into.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds both directories from this program itself: its manifest lies in `<root>/xtask`, its executable in
    /// `<target>/release`. So the target directory is the one that cargo chose, by whichever setting. The manifest's
    /// directory is read when it runs, because checkouts that share a target directory share this executable.
    ///
    /// # Errors
    /// The executable lies elsewhere: it was not started by `cargo xtask`.
    pub(crate) fn locate() -> Outcome<Self> {
        let manifest_directory =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let executable = env::current_exe()
            .map_err(|error| Problem::new(format!("this program's own path cannot be read: {error}")))?;
        let root = manifest_directory.parent();
        let target = executable.parent().and_then(Path::parent);
        match (root, target) {
            (Some(root), Some(target)) => Ok(Self { root: root.to_owned(), target: target.to_owned() }),
            _ => Err(Problem::new(format!("{} does not lie in a target directory", executable.display()))
                .hint("start it with `cargo xtask`")),
        }
    }

    /// A checkout and a target directory at given paths.
    #[cfg(test)]
    pub(crate) fn at(root: &Path, target: &Path) -> Self {
        Self { root: root.to_owned(), target: target.to_owned() }
    }

    /// A path in the checkout.
    pub(crate) fn source(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A path in the target directory.
    pub(crate) fn target(&self, path: &str) -> PathBuf {
        self.target.join(path)
    }

    /// The server's binary.
    pub(crate) fn binary(&self) -> PathBuf {
        self.target(&format!("release/kumiko{}", env::consts::EXE_SUFFIX))
    }

    /// The folder of the capabilities' components.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target("plugins")
    }

    /// The folder of the example plugins' components, apart from the capabilities so that a server started on
    /// [`Self::plugins`] offers those alone.
    pub(crate) fn example_plugins(&self) -> PathBuf {
        self.target("plugins-examples")
    }

    /// The folder of the components that only the tests use.
    pub(crate) fn test_plugins(&self) -> PathBuf {
        self.target("plugins-tests")
    }

    /// The cargo that started this program, in the checkout's root and with the same target directory.
    pub(crate) fn cargo(&self) -> Command {
        self.cargo_at(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// A given cargo, in the checkout's root and with the same target directory.
    pub(crate) fn cargo_at(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(describes_this_program) {
                command.env_remove(name);
            }
        }
        if let Some(paths) = env::var_os("LD_LIBRARY_PATH") {
            // `cargo run` prepends the directories of its own compiler, whose libraries another compiler must not load.
            let kept = env::split_paths(&paths).filter(|path| !self.belongs_to_the_build(path));
            match env::join_paths(kept) {
                Ok(kept) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", kept),
                _ => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
        command
    }

    /// Whether a library directory lies in the target directory or in a compiler's own installation.
    fn belongs_to_the_build(&self, path: &Path) -> bool {
        let in_a_compiler = path.components().any(|component| component.as_os_str() == "rustlib");
        path.starts_with(&self.target) || in_a_compiler || path.join("rustlib").is_dir()
    }

    /// A program in the checkout's root.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }
}

/// Whether cargo set this variable to describe the program that it runs. Build scripts watch such variables: left in
/// place they would make `cargo build` and `cargo xtask build` rebuild each other's dependencies.
fn describes_this_program(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_person_survive_and_traces_of_this_program_do_not() {
        for own in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_NAME"] {
            assert!(describes_this_program(own), "{own}");
        }
        for setting in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "CARGO_BUILD_JOBS", "RUSTUP_TOOLCHAIN"] {
            assert!(!describes_this_program(setting), "{setting}");
        }
    }
}
