//! Node packages in the target directory: installed once, and anew when their lock file changes. Node itself comes with the Python
//! environment, so that nothing has to be on the machine beforehand.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::problem::{Outcome, Problem};
use crate::process;
use crate::python::Environment;
use crate::workspace::Workspace;

/// Installed packages.
#[derive(Clone, Debug)]
pub(crate) struct Packages {
    folder: PathBuf,
}

impl Packages {
    /// The packages that `requirements`, a folder of the checkout with a manifest and its lock file, names, in `target/<name>`.
    ///
    /// # Errors
    /// The packages cannot be installed.
    pub(crate) fn obtain(workspace: &Workspace, name: &str, requirements: &str, python: &Environment) -> Outcome<Self> {
        const LOCK: &str = "package-lock.json";
        let packages = Self { folder: workspace.target(name) };
        let source = workspace.source(requirements);
        let stamp = packages.folder.join("installed-lock.json");
        let lock = source.join(LOCK);
        let wanted = fs::read(&lock).map_err(|error| Problem::file("read the requirements", &lock, &error))?;
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) && packages.are_whole(python)? {
            return Ok(packages);
        }
        fs::create_dir_all(&packages.folder)
            .map_err(|error| Problem::file("create the folder", &packages.folder, &error))?;
        for file in ["package.json", LOCK] {
            let from = source.join(file);
            fs::copy(&from, packages.folder.join(file)).map_err(|error| Problem::file("copy", &from, &error))?;
        }
        let mut install = Command::new(python.program("npm"));
        // npm starts node by its name.
        install
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&packages.folder)
            .env("PATH", python.search_path()?);
        process::run("installing Node packages", &mut install).map_err(|problem| {
            problem.hint(
                "the packages come from the npm registry: check the network, or name a mirror with npm_config_registry",
            )
        })?;
        if !packages.are_whole(python)? {
            return Err(Problem::new(format!("npm left packages out of {}", packages.folder.display()))
                .hint("`npm ls --all` in that folder names them; `npm cache verify` mends a broken cache"));
        }
        fs::write(&stamp, wanted).map_err(|error| Problem::file("write", &stamp, &error))?;
        Ok(packages)
    }

    /// Whether every package that the lock file names is installed: a kept target directory may have lost some.
    fn are_whole(&self, python: &Environment) -> Outcome<bool> {
        let mut list = Command::new(python.program("npm"));
        list.args(["ls", "--all", "--silent"]).current_dir(&self.folder).env("PATH", python.search_path()?);
        Ok(process::answer(&mut list).is_some())
    }

    /// The folder in which each package has a folder of its name.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.join("node_modules")
    }
}
