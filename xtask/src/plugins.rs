//! Which plugins the checkout holds, and where each one's component goes.
//!
//! A folder in `plugins/` or `examples/plugins/` with a `Cargo.toml` is a plugin; it gives the component its name.
//! A folder without one holds a plugin of another language, which has its own way to build.

use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::{Outcome, Problem};
use crate::workspace::Workspace;

/// One crate that compiles to one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plugin {
    /// The folder's name, and so the component's: `<name>.wasm`.
    pub(crate) name: String,
    /// The package's name in cargo.
    pub(crate) package: String,
    /// The name of the file that cargo makes, without its ending.
    pub(crate) library: String,
}

/// The plugins in one folder, by name.
///
/// # Errors
/// The folder cannot be read, or a manifest names no package.
pub(crate) fn discover(folder: &Path) -> Outcome<Vec<Plugin>> {
    let entries = fs::read_dir(folder).map_err(|error| Problem::file("read the folder", folder, &error))?;
    let mut plugins = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Problem::file("read the folder", folder, &error))?.path();
        let manifest = path.join("Cargo.toml");
        let (true, Some(name)) = (manifest.is_file(), path.file_name().and_then(|name| name.to_str())) else {
            continue;
        };
        let text = fs::read_to_string(&manifest).map_err(|error| Problem::file("read", &manifest, &error))?;
        let package = value(&text, "package", "name").ok_or_else(|| {
            Problem::new(format!("{} gives its package no name", manifest.display()))
                .hint("add `name = \"plugin-…\"` under `[package]`")
        })?;
        let library = value(&text, "lib", "name").unwrap_or_else(|| package.replace('-', "_"));
        plugins.push(Plugin { name: name.to_owned(), package, library });
    }
    plugins.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(plugins)
}

/// Puts each plugin's component from cargo's folder into `destination`, and takes away the component of a plugin
/// that is gone. Files that no build put there stay.
///
/// # Errors
/// A component is missing or a file cannot be written.
pub(crate) fn place(workspace: &Workspace, plugins: &[Plugin], destination: &Path) -> Outcome {
    fs::create_dir_all(destination).map_err(|error| Problem::file("create the folder", destination, &error))?;
    let record = destination.with_extension("built");
    for name in fs::read_to_string(&record).unwrap_or_default().lines() {
        if plugins.iter().all(|plugin| plugin.name != name) {
            let stale = destination.join(format!("{name}.wasm"));
            if stale.exists() {
                fs::remove_file(&stale).map_err(|error| Problem::file("remove", &stale, &error))?;
            }
        }
    }
    for plugin in plugins {
        let built = workspace.target(&format!("wasm32-unknown-unknown/plugin/{}.wasm", plugin.library));
        replace_where_different(&built, &destination.join(format!("{}.wasm", plugin.name)))?;
    }
    let names: String = plugins.iter().map(|plugin| format!("{}\n", plugin.name)).collect();
    fs::write(&record, names).map_err(|error| Problem::file("write", &record, &error))
}

/// Copies a file unless the destination already has its contents. Contents decide, not times: cargo gives back an
/// older file when a build returns to an earlier toolchain. A server may watch the destination, so it is replaced whole.
fn replace_where_different(source: &Path, destination: &Path) -> Outcome {
    let contents = fs::read(source).map_err(|error| Problem::file("read the component", source, &error))?;
    if fs::read(destination).is_ok_and(|existing| existing == contents) {
        return Ok(());
    }
    let partial: PathBuf = destination.with_extension("wasm.partial");
    fs::write(&partial, contents)
        .and_then(|()| fs::rename(&partial, destination))
        .map_err(|error| Problem::file("write", destination, &error))
}

/// The string at `key` in `[section]` of a manifest: the two lines of TOML that are needed here.
fn value(manifest: &str, section: &str, key: &str) -> Option<String> {
    let heading = format!("[{section}]");
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (name.trim() == key).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty_folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("kumiko-xtask-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_folder_gives_the_component_its_name_and_the_manifest_the_package() {
        let folder = empty_folder("discover");
        for (name, manifest) in [
            ("ml_training", "[package]\nname = \"plugin-ml_training\"\n\n[dependencies]\n"),
            (
                "hello",
                "# first\n[package]\ndescription = \"name\"\nname = \"hello\" # short\n[lib]\nname = \"greeter\"\n",
            ),
        ] {
            fs::create_dir_all(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("Cargo.toml"), manifest).unwrap();
        }
        fs::create_dir_all(folder.join("in_python")).unwrap();
        fs::write(folder.join("README.md"), "text").unwrap();

        let plugin = |name: &str, package: &str, library: &str| Plugin {
            name: name.to_owned(),
            package: package.to_owned(),
            library: library.to_owned(),
        };
        let expected = vec![
            plugin("hello", "hello", "greeter"),
            plugin("ml_training", "plugin-ml_training", "plugin_ml_training"),
        ];
        assert_eq!(discover(&folder), Ok(expected));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_manifest_without_a_name_is_refused_by_path() {
        let folder = empty_folder("nameless");
        fs::create_dir_all(folder.join("nameless")).unwrap();
        fs::write(folder.join("nameless/Cargo.toml"), "[package]\n[lib]\nname = \"x\"\n").unwrap();
        let problem = discover(&folder).unwrap_err().to_string();
        assert!(problem.contains("nameless/Cargo.toml gives its package no name"), "{problem}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_component_with_the_same_contents_is_left_alone() {
        let folder = empty_folder("replace");
        let (source, destination) = (folder.join("built.wasm"), folder.join("placed.wasm"));
        fs::write(&source, "one").unwrap();
        replace_where_different(&source, &destination).unwrap();
        let placed = fs::metadata(&destination).unwrap().modified().unwrap();
        replace_where_different(&source, &destination).unwrap();
        assert_eq!(fs::metadata(&destination).unwrap().modified().unwrap(), placed);

        fs::write(&source, "two").unwrap();
        replace_where_different(&source, &destination).unwrap();
        assert_eq!(fs::read_to_string(&destination).unwrap(), "two");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_component_of_a_plugin_that_is_gone_goes_too_and_a_stranger_stays() {
        let folder = empty_folder("place");
        let workspace = Workspace::at(&folder, &folder);
        let built = folder.join("wasm32-unknown-unknown/plugin");
        fs::create_dir_all(&built).unwrap();
        fs::write(built.join("old.wasm"), "old").unwrap();
        let old = Plugin { name: "old".into(), package: "old".into(), library: "old".into() };
        let destination = workspace.plugins();
        place(&workspace, &[old], &destination).unwrap();
        fs::write(destination.join("stranger.wasm"), "by hand").unwrap();
        assert!(destination.join("old.wasm").exists());

        place(&workspace, &[], &destination).unwrap();
        assert!(!destination.join("old.wasm").exists());
        assert!(destination.join("stranger.wasm").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
