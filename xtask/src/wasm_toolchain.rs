//! Which compiler builds the plugins: found on the machine, or obtained.
//!
//! Two ways lead to a component for `wasm32-unknown-unknown`:
//! - [`Way::Rustup`]: the compiler in use has the target's standard library, or `rustup target add` brings it;
//! - [`Way::Debian`]: Debian's `rustc-web` builds the standard library from the sources in `rust-web-src`, which
//!   stable cargo does only under `RUSTC_BOOTSTRAP`.
//!
//! [`next_step`] decides from [`Facts`] alone. [`Toolchain::obtain`] carries its decisions out until one of them is a
//! toolchain or there is nothing left to try.

mod decision;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::decision::{CHOICE_VARIABLE, Facts, Means, Step, Way, chosen_way, next_step, nothing_left};
use crate::debian;
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::workspace::Workspace;

/// What the plugins are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";
/// The program that links a core module and wraps it as a component; it starts [`CORE_LINKER`].
const COMPONENT_LINKER: &str = "wasm-component-ld";
const CORE_LINKER: &str = "wasm-ld";

/// A compiler and linker that make components.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    way: Way,
    search_path: OsString,
}

impl Toolchain {
    /// Finds a toolchain, or brings one to the machine.
    ///
    /// # Errors
    /// Nothing is there and nothing can be brought; the message says what was tried and the hint what helps.
    pub(crate) fn obtain(workspace: &Workspace) -> Outcome<Self> {
        let compiler = Compiler::in_use(workspace)?;
        let mut facts = compiler.facts(chosen_way(env::var(CHOICE_VARIABLE).ok().as_deref())?);
        loop {
            match next_step(&facts) {
                Step::BuildWith(way) => return Ok(Self { way, search_path: compiler.search_path()? }),
                Step::AddTarget => {
                    let mut add = workspace.program("rustup");
                    let added = process::run("adding the target", add.args(["target", "add", TARGET]));
                    facts.standard_library = compiler.has_standard_library();
                    facts.rustup = Means::Failed;
                    report(added);
                }
                Step::InstallPackages => {
                    report(debian::install_toolchain());
                    facts.debian_lacks = compiler.debian_lacks();
                    facts.packages = Means::Failed;
                }
                Step::GiveUp => return Err(nothing_left(&facts)),
            }
        }
    }

    /// `cargo build` for the target; the caller adds the packages.
    pub(crate) fn build(&self, workspace: &Workspace) -> Command {
        let mut command = match self.way {
            Way::Rustup => workspace.cargo(),
            Way::Debian => workspace.cargo_at(debian::CARGO),
        };
        command.args(["build", "--profile", "plugin", "--target", TARGET]).env("PATH", &self.search_path);
        if self.way == Way::Debian {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", debian::RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", COMPONENT_LINKER);
        }
        command
    }

    /// The way in words, for the line that announces the build.
    pub(crate) fn words(&self) -> &'static str {
        match self.way {
            Way::Rustup => "the compiler in use",
            Way::Debian => "Debian's rustc-web, which builds the standard library first",
        }
    }
}

/// A means that failed is no end yet: the person sees why, and the next one is tried.
fn report(attempt: Outcome) {
    if let Err(problem) = attempt {
        eprintln!("{problem}");
    }
}

/// The compiler that cargo uses without further settings.
struct Compiler {
    sysroot: PathBuf,
    /// The triple of the machine, which names the folders of the linkers.
    host: String,
}

impl Compiler {
    fn in_use(workspace: &Workspace) -> Outcome<Self> {
        let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |question: &[&str]| process::answer(workspace.program(&program).args(question));
        let sysroot = ask(&["--print", "sysroot"]);
        let host =
            ask(&["-vV"]).and_then(|text| text.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned)));
        match (sysroot, host) {
            (Some(sysroot), Some(host)) => Ok(Self { sysroot: PathBuf::from(sysroot), host }),
            _ => Err(Problem::new(format!("`{}` does not say where its libraries lie", program.display()))
                .hint("check that `rustc --print sysroot` and `rustc -vV` work")),
        }
    }

    fn facts(&self, chosen: Option<Way>) -> Facts {
        let there = |is_there: bool| if is_there { Means::Untried } else { Means::NotHere };
        Facts {
            chosen,
            standard_library: self.has_standard_library(),
            rustup: there(is_on_search_path("rustup")),
            debian_lacks: self.debian_lacks(),
            packages: there(debian::can_install()),
        }
    }

    fn has_standard_library(&self) -> bool {
        let libraries = self.sysroot.join("lib/rustlib").join(TARGET).join("lib");
        libraries.read_dir().is_ok_and(|mut entries| entries.next().is_some())
    }

    fn debian_lacks(&self) -> Vec<String> {
        let mut lacks = debian::toolchain_lacks();
        for linker in [COMPONENT_LINKER, CORE_LINKER] {
            if !self.linker_folders().iter().any(|folder| folder.join(linker).exists()) {
                lacks.push(linker.to_owned());
            }
        }
        lacks
    }

    /// Where the linkers lie: the compiler's own folders, then Debian's. Folders without a linker are left out, as
    /// Debian's `gcc-ld`, whose `ld` would take the place of the native linker.
    fn linker_folders(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for root in [self.sysroot.as_path(), Path::new("/usr")] {
            let programs = root.join("lib/rustlib").join(&self.host).join("bin");
            folders.extend([programs.join("gcc-ld"), programs]);
        }
        folders.extend(debian::core_linker_folder());
        folders.retain(|folder| [COMPONENT_LINKER, CORE_LINKER].iter().any(|linker| folder.join(linker).exists()));
        folders
    }

    /// The search path of programs with the linkers' folders first.
    fn search_path(&self) -> Outcome<OsString> {
        let inherited = env::var_os("PATH").unwrap_or_default();
        env::join_paths(self.linker_folders().into_iter().chain(env::split_paths(&inherited)))
            .map_err(|error| Problem::new(format!("PATH cannot be extended by the linkers' folders: {error}")))
    }
}

/// Looked up rather than started: rustup takes a tenth of a second to say its version.
fn is_on_search_path(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
