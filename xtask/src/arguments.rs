//! What the person typed after `cargo xtask`: a command, its flags and names, and what follows `--`.

use crate::problem::{Outcome, Problem};

/// The text of `cargo xtask help`.
pub(crate) const HELP: &str = "\
usage: cargo xtask <command>

commands
  build [--plugins-only | --host-only]
                     the host at target/release/kumiko, every capability at target/plugins/<name>.wasm,
                     every example plugin at target/plugins-examples/<name>.wasm
  test [-- ARGUMENTS]
                     obtains the test servers, builds, checks the formatting and runs every test; ARGUMENTS go to
                     `cargo test` (a test's name, `--test NAME`, `-- --nocapture`)
  demo [-- ARGUMENTS]
                     builds, then runs the demonstration on examples/data; ARGUMENTS go to `kumiko demo`
  bench [NAME ...]   builds, then runs the benchmarks beside their peers, whose figures they print with the ratios;
                     without NAME, all of them
  bench --list       the names of the benchmarks
  faults [ROW ...]   builds, then runs the table of faults in its full size and prints what was measured beside what is to
                     be reached; without ROW (`G1`, `R1`, …) all of it, for tens of minutes
  lint               formatting, clippy with warnings denied, spelling, licences and advisories of the dependencies
  fmt                formats every source file
  help               this text

environment
  CARGO_TARGET_DIR         where `target/` lies, as for cargo
  KUMIKO_WASM_TOOLCHAIN    `rustup` or `debian`: which toolchain builds the plugins; without it, what the machine has
";

/// One command with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Print [`HELP`].
    Help,
    /// Build what is selected.
    Build(Selection),
    /// Run every check and test; the arguments are cargo test's.
    Test(Vec<String>),
    /// Build and run the demonstration; the arguments are those of `kumiko demo`.
    Demo(Vec<String>),
    /// Run the named benchmarks, or all of them where none is named.
    Bench(Vec<String>),
    /// Print the names of the benchmarks.
    BenchList,
    /// Run the named rows of the table of faults, or all of them where none is named.
    Faults(Vec<String>),
    /// Check style, spelling and dependencies.
    Lint,
    /// Format every source file.
    Format,
}

/// Which half of the product a build makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The host and the plugins.
    Everything,
    /// The native workspace with the binary `kumiko`.
    Host,
    /// The components.
    Plugins,
}

impl Invocation {
    /// Reads the words after `cargo xtask`. No word at all asks for help.
    ///
    /// # Errors
    /// An unknown command or flag, named in the message.
    pub(crate) fn parse(words: &[String]) -> Outcome<Self> {
        let Some((command, rest)) = words.split_first() else {
            return Ok(Self::Help);
        };
        let (own, passed_on) = split_at_dashes(rest);
        let invocation = match (command.as_str(), own) {
            ("help" | "--help" | "-h", _) => Self::Help,
            ("build", []) => Self::Build(Selection::Everything),
            ("build", [flag]) if flag == "--plugins-only" => Self::Build(Selection::Plugins),
            ("build", [flag]) if flag == "--host-only" => Self::Build(Selection::Host),
            ("test", []) => Self::Test(passed_on.to_vec()),
            ("demo", []) => Self::Demo(passed_on.to_vec()),
            ("bench", [flag]) if flag == "--list" => Self::BenchList,
            ("bench", names) if names.iter().all(|name| !name.starts_with('-')) => Self::Bench(names.to_vec()),
            ("faults", rows) if rows.iter().all(|row| !row.starts_with('-')) => Self::Faults(rows.to_vec()),
            ("lint", []) => Self::Lint,
            ("fmt", []) => Self::Format,
            ("build" | "test" | "demo" | "bench" | "faults" | "lint" | "fmt", unexpected) => {
                return Err(Problem::new(format!("`{command}` does not take `{}`", unexpected.join(" ")))
                    .hint("`cargo xtask help` lists the options of each command"));
            }
            (unknown, _) => {
                return Err(Problem::new(format!("there is no command `{unknown}`"))
                    .hint("`cargo xtask help` lists the commands"));
            }
        };
        let takes_more = matches!(invocation, Self::Test(_) | Self::Demo(_));
        if passed_on.is_empty() || takes_more {
            Ok(invocation)
        } else {
            Err(Problem::new(format!("`{command}` passes nothing on after `--`"))
                .hint("`cargo xtask help` lists the options of each command"))
        }
    }
}

/// The words before the first `--`, and those after it.
fn split_at_dashes(words: &[String]) -> (&[String], &[String]) {
    let mut parts = words.splitn(2, |word| word == "--");
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Invocation> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Invocation::parse(&words)
    }

    #[test]
    fn what_follows_the_dashes_reaches_the_tests_untouched() {
        let expected = ["--test", "stdio", "--", "--nocapture"].map(str::to_owned).to_vec();
        assert_eq!(parse("test -- --test stdio -- --nocapture"), Ok(Invocation::Test(expected)));
    }

    #[test]
    fn no_word_at_all_asks_for_help() {
        assert_eq!(parse(""), Ok(Invocation::Help));
    }

    #[test]
    fn a_build_can_be_limited_to_one_half() {
        assert_eq!(parse("build"), Ok(Invocation::Build(Selection::Everything)));
        assert_eq!(parse("build --plugins-only"), Ok(Invocation::Build(Selection::Plugins)));
        assert_eq!(parse("build --host-only"), Ok(Invocation::Build(Selection::Host)));
    }

    #[test]
    fn benchmarks_are_named_without_dashes() {
        assert_eq!(parse("bench forest call"), Ok(Invocation::Bench(vec!["forest".into(), "call".into()])));
        assert_eq!(parse("bench --list"), Ok(Invocation::BenchList));
        assert!(parse("bench --fast").unwrap_err().to_string().contains("`bench` does not take `--fast`"));
    }

    #[test]
    fn an_unknown_word_is_named_in_the_refusal() {
        assert!(parse("deploy").unwrap_err().to_string().contains("no command `deploy`"));
        assert!(parse("build --fast").unwrap_err().to_string().contains("`build` does not take `--fast`"));
        assert!(parse("test stdio").unwrap_err().to_string().contains("`test` does not take `stdio`"));
        assert!(parse("lint -- x").unwrap_err().to_string().contains("passes nothing on"));
    }

    #[test]
    fn the_help_names_every_command() {
        for command in ["build", "test", "demo", "bench", "faults", "lint", "fmt", "help"] {
            assert!(HELP.contains(&format!("\n  {command}")), "{command}");
        }
    }
}
