//! `cargo xtask bench`: our figures beside those of what people use, from the same run on the same machine.
//!
//! A benchmark is a `[[bench]]` target `<name>` of a crate in `host/` or `sdk/`, or of `tests/`. Where
//! `benches/<name>_peer.py` lies beside it, both are called with the same two paths: the peer first, which writes its data
//! to the first and its results to the second, then the benchmark, which reads both and prints the table of ratios. A
//! benchmark that runs its floor itself has no peer and gets no paths.

use std::fs;
use std::path::{Path, PathBuf};

use super::{built_for_tests, print};
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::progress::Progress;
use crate::python::Environment;
use crate::workspace::Workspace;

/// The peers' libraries.
const REQUIREMENTS: &str = "xtask/requirements/bench.txt";
/// Folders of crates that may have benchmarks.
const FOLDERS: [&str; 2] = ["host", "sdk"];
/// The crate that may have benchmarks of the whole system.
const SYSTEM_TESTS: &str = "tests";

/// One benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Benchmark {
    name: String,
    /// The script that measures the peer.
    peer: Option<PathBuf>,
}

/// Prints the names of the benchmarks.
///
/// # Errors
/// A manifest cannot be read.
pub(crate) fn list(workspace: &Workspace) -> Outcome {
    print(&discover(workspace)?.iter().map(|benchmark| format!("{}\n", benchmark.name)).collect::<String>())
}

/// Runs the named benchmarks, or all of them.
///
/// # Errors
/// An unknown name, or a benchmark or its peer that fails.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Outcome {
    let known = discover(workspace)?;
    if let Some(unknown) = names.iter().find(|name| known.iter().all(|benchmark| benchmark.name != **name)) {
        let list: Vec<&str> = known.iter().map(|benchmark| benchmark.name.as_str()).collect();
        return Err(
            Problem::new(format!("there is no benchmark `{unknown}`")).hint(format!("there are: {}", list.join(", ")))
        );
    }
    let is_selected = |benchmark: &&Benchmark| names.is_empty() || names.contains(&benchmark.name);
    let selected: Vec<&Benchmark> = known.iter().filter(is_selected).collect();
    let peers = selected.iter().filter(|benchmark| benchmark.peer.is_some()).count();

    let mut progress = Progress::of(super::build::PHASES + selected.len() + peers + usize::from(peers > 0));
    super::build::plugins(workspace, &mut progress)?;
    super::build::host(workspace, &mut progress)?;
    let python = if peers > 0 {
        progress.phase("obtaining the peers");
        Some(Environment::obtain(workspace, "bench-venv", REQUIREMENTS)?)
    } else {
        None
    };
    for benchmark in selected {
        measure(workspace, benchmark, python.as_ref(), &mut progress)?;
    }
    progress.finish();
    Ok(())
}

/// Runs one benchmark after its peer.
fn measure(
    workspace: &Workspace,
    benchmark: &Benchmark,
    python: Option<&Environment>,
    progress: &mut Progress,
) -> Outcome {
    let name = &benchmark.name;
    // The whole workspace is selected for the reason that `build::host` gives; only this name's target runs.
    let mut own = workspace.cargo();
    own.args(["bench", "--workspace", "--bench", name]).envs(built_for_tests(workspace));
    if let (Some(script), Some(python)) = (&benchmark.peer, python) {
        let folder = workspace.target("bench");
        fs::create_dir_all(&folder).map_err(|error| Problem::file("create the folder", &folder, &error))?;
        let paths = [folder.join(format!("{name}.data")), folder.join(format!("{name}.results"))];
        progress.phase(&format!("{name}: its peer"));
        process::run(name, workspace.program(python.program("python")).arg(script).args(&paths))?;
        own.arg("--").args(&paths);
    }
    progress.phase(&format!("{name}: kumiko"));
    process::run(name, &mut own)
}

/// All benchmarks by name.
fn discover(workspace: &Workspace) -> Outcome<Vec<Benchmark>> {
    let mut crates = vec![workspace.source(SYSTEM_TESTS)];
    for folder in FOLDERS {
        let folder = workspace.source(folder);
        let entries = fs::read_dir(&folder).map_err(|error| Problem::file("read the folder", &folder, &error))?;
        crates.extend(entries.flatten().map(|entry| entry.path()));
    }
    let mut benchmarks = Vec::new();
    for folder in crates {
        let manifest = folder.join("Cargo.toml");
        if manifest.is_file() {
            for name in targets(&read(&manifest)?) {
                let peer = Some(folder.join(format!("benches/{name}_peer.py"))).filter(|path| path.is_file());
                benchmarks.push(Benchmark { name, peer });
            }
        }
    }
    benchmarks.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(benchmarks)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| Problem::file("read", path, &error))
}

/// The names in a manifest's `[[bench]]` tables.
fn targets(manifest: &str) -> Vec<String> {
    let mut in_bench = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_bench = line == "[[bench]]";
        } else if in_bench
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "name"
        {
            names.push(value.trim().trim_matches('"').to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmarks_of_a_manifest_are_its_bench_targets() {
        let manifest = "[package]\nname = \"kumiko-learn\"\n\n[[bench]]\nname = \"forest\"\nharness = false\n\n\
                        [[bench]]\nharness = false\nname = \"call\"\n[lib]\nname = \"other\"\n";
        assert_eq!(targets(manifest), ["forest", "call"]);
    }

    #[test]
    fn an_unknown_benchmark_is_refused_by_name() {
        // Of the checkout whose tests run, also where several share one target directory.
        let own =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = own.parent().unwrap();
        let workspace = Workspace::at(root, &root.join("target"));
        let problem = run(&workspace, &["no-such-benchmark".to_owned()]).unwrap_err().to_string();
        assert!(problem.contains("there is no benchmark `no-such-benchmark`"), "{problem}");
    }
}
