//! Debian's packages: the Rust toolchain that Debian keeps current for its browsers, and what Python needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::problem::{Outcome, Problem};
use crate::process;

/// Debian's compiler and cargo, beside which rustup's may stand.
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
pub(crate) const CARGO: &str = "/usr/bin/cargo";
/// Compiler, cargo, the standard library's sources, and the programs that link components.
pub(crate) const TOOLCHAIN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];
/// `rust-web-llvm`'s name for the core linker: a link whose target is named as the package that holds it.
const CORE_LINKER_LINK: &str = "/usr/bin/rust-lld";

/// Whether packages can be installed: apt-get is there, and this is root or may become root unasked.
pub(crate) fn can_install() -> bool {
    Path::new("/usr/bin/apt-get").exists()
        && (is_root() || process::answer(Command::new("sudo").args(["-n", "true"])).is_some())
}

/// Installs packages after refreshing the lists: before that, apt offers an older compiler or none.
///
/// # Errors
/// apt-get's own failure; its output has been shown.
pub(crate) fn install(packages: &[&str]) -> Outcome {
    process::run("refreshing the package lists", privileged("apt-get").args(["update", "-q"]))?;
    let mut install = privileged("apt-get");
    install.args(["install", "-q", "-y", "--no-install-recommends"]).args(packages);
    process::run("installing packages", &mut install)
}

/// A program that `variable` names, that is on the search path, or that Debian's package of the same name brings.
///
/// # Errors
/// It is nowhere and cannot be installed.
pub(crate) fn program(variable: &str, name: &str) -> Outcome<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = named.or_else(|| on_search_path(name)) {
        return Ok(path);
    }
    if can_install() {
        install(&[name])?;
    }
    on_search_path(name).ok_or_else(|| {
        Problem::new(format!("there is no `{name}`, which the tests run against"))
            .hint(format!("install it (on Debian: `apt-get install {name}`), or name it with {variable}"))
    })
}

fn on_search_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Installs the toolchain, and the core linker that its link asks for.
///
/// # Errors
/// As [`install`].
pub(crate) fn install_toolchain() -> Outcome {
    install(&TOOLCHAIN_PACKAGES)?;
    let link = Path::new(CORE_LINKER_LINK);
    match fs::read_link(link) {
        Ok(package) if !link.exists() => install(&[&package.to_string_lossy()]),
        _ => Ok(()),
    }
}

/// What Debian's toolchain lacks, in words; the linkers are the caller's to look for.
pub(crate) fn toolchain_lacks() -> Vec<String> {
    let required = env!("CARGO_PKG_RUST_VERSION");
    let mut lacks = Vec::new();
    for program in [RUSTC, CARGO] {
        let version = process::answer(Command::new(program).arg("--version"));
        // A program that is not there, or gives no version, is older than any.
        if version.as_deref().and_then(minor_version) < number_after_the_dot(required) {
            lacks.push(format!("{program} {required} or later"));
        }
    }
    let sources = process::answer(Command::new(RUSTC).args(["--print", "sysroot"]))
        .map(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock"));
    if !sources.is_some_and(|lock| lock.exists()) {
        lacks.push("the standard library's sources".to_owned());
    }
    lacks
}

/// The folder of the core linker that fits Debian's compiler, whether it is installed or not: the package `lld-22`,
/// which the link names, keeps it in `/usr/lib/llvm-22/bin`.
pub(crate) fn core_linker_folder() -> Option<PathBuf> {
    let package = fs::read_link(CORE_LINKER_LINK).ok()?;
    let version = package.file_name()?.to_str()?.strip_prefix("lld-")?;
    Some(PathBuf::from(format!("/usr/lib/llvm-{version}/bin")))
}

fn is_root() -> bool {
    process::answer(Command::new("id").arg("-u")).is_some_and(|user| user == "0")
}

fn privileged(program: &str) -> Command {
    let mut command = if is_root() {
        Command::new(program)
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", program]);
        command
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The middle number of `rustc 1.96.0 (ac68faa20 2026-05-25)`.
fn minor_version(answer: &str) -> Option<u32> {
    number_after_the_dot(answer.split_whitespace().nth(1)?)
}

fn number_after_the_dot(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_read_from_the_compilers_answer() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor_version("cargo 1.85.0"), Some(85));
        assert_eq!(minor_version("cargo"), None);
    }

    #[test]
    fn the_required_version_can_be_compared() {
        assert!(number_after_the_dot(env!("CARGO_PKG_RUST_VERSION")).is_some());
    }
}
