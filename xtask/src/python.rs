//! Python environments in the target directory: made once, made anew when their requirements change.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::debian;
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::workspace::Workspace;

/// The oldest Python that the required packages support.
const OLDEST: (u32, u32) = (3, 11);
/// Debian's packages for an interpreter that lacks the modules that make an environment.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// One environment with its packages installed.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment `target/<name>` with what `requirements` (a path in the checkout) lists.
    ///
    /// # Errors
    /// There is no suitable Python, or the packages cannot be installed.
    pub(crate) fn obtain(workspace: &Workspace, name: &str, requirements: &str) -> Outcome<Self> {
        let environment = Self { folder: workspace.target(name) };
        let requirements = workspace.source(requirements);
        let wanted = fs::read_to_string(&requirements)
            .map_err(|error| Problem::file("read the requirements", &requirements, &error))?;
        let stamp = environment.folder.join("requirements.installed");
        let is_current = fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
        if is_current && process::answer(Command::new(environment.program("python")).arg("--version")).is_some() {
            return Ok(environment);
        }
        environment.create()?;
        let mut install = Command::new(environment.program("python"));
        install.args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
        process::run("installing Python packages", &mut install).map_err(|problem| {
            problem.hint("the packages come from PyPI: check the network, or point pip at a mirror with PIP_INDEX_URL")
        })?;
        // Last, so that an installation that broke off is not taken for a complete one.
        fs::write(&stamp, wanted).map_err(|error| Problem::file("write", &stamp, &error))?;
        Ok(environment)
    }

    /// A program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The search path for programs with the environment's own first.
    ///
    /// # Errors
    /// The environment's path cannot stand in a search path.
    pub(crate) fn search_path(&self) -> Outcome<OsString> {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.join("bin")).chain(env::split_paths(&inherited));
        env::join_paths(folders)
            .map_err(|error| Problem::new(format!("{} cannot stand in PATH: {error}", self.folder.display())))
    }

    fn create(&self) -> Outcome {
        let make = |interpreter: &str| {
            let mut command = Command::new(interpreter);
            process::run("creating a Python environment", command.args(["-m", "venv", "--clear"]).arg(&self.folder))
        };
        let found = interpreter();
        if let Some(interpreter) = found.as_deref()
            && can_make_environments(interpreter)
        {
            return make(interpreter);
        }
        if debian::can_install() {
            debian::install(&PACKAGES)?;
        }
        match interpreter().filter(|interpreter| can_make_environments(interpreter)) {
            Some(interpreter) => make(&interpreter),
            None => Err(nothing_suitable(found.as_deref())),
        }
    }
}

/// The first interpreter on the search path, or Debian's own, that is recent enough.
fn interpreter() -> Option<String> {
    let named = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "/usr/bin/python3"];
    named.into_iter().find(|name| version(name).is_some_and(|version| version >= OLDEST)).map(str::to_owned)
}

fn version(interpreter: &str) -> Option<(u32, u32)> {
    let question = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let answer = process::answer(Command::new(interpreter).args(["-c", question]))?;
    let (major, minor) = answer.split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Debian ships `venv` without `ensurepip`, in which case it fails halfway.
fn can_make_environments(interpreter: &str) -> bool {
    process::answer(Command::new(interpreter).args(["-c", "import venv, ensurepip"])).is_some()
}

fn nothing_suitable(interpreter: Option<&str>) -> Problem {
    let (major, minor) = OLDEST;
    let what = match interpreter {
        Some(interpreter) => format!("{interpreter} lacks the modules venv and ensurepip"),
        None => format!("there is no Python {major}.{minor} or later"),
    };
    Problem::new(format!("{what}: the test servers and the benchmarks' peers are Python programs"))
        .hint(format!("on Debian: `apt-get install {}`", PACKAGES.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_python_has_no_version() {
        assert_eq!(version("rustc"), None);
        assert_eq!(version("kumiko-no-such-program"), None);
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_to_get_it() {
        let absent = nothing_suitable(None).to_string();
        assert!(absent.contains("no Python 3.11") && absent.contains("apt-get install python3"), "{absent}");
        let partial = nothing_suitable(Some("python3")).to_string();
        assert!(partial.contains("python3 lacks the modules venv and ensurepip"), "{partial}");
    }
}
