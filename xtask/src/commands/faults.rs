//! `cargo xtask faults`: the table of faults in full size, row by row, with what was measured beside what is to be reached.

use std::fs;
use std::io;

use super::{build, print, test};
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Columns of the table as the tests write it, separated by tabs.
const COLUMNS: [&str; 6] = ["row", "fault", "figure", "measured", "target", ""];

/// Builds, runs the tests of the named rows one after another in their full size, or those of all rows, and prints the table.
///
/// # Errors
/// Something cannot be obtained or built, or a row does not hold.
pub(crate) fn run(workspace: &Workspace, rows: &[String]) -> Outcome {
    let mut progress = Progress::of(1 + build::PHASES + 1);
    let provided = test::provide(workspace, &mut progress)?;
    let table = workspace.target("faults.tsv");
    if table.exists() {
        fs::remove_file(&table).map_err(|error| Problem::file("remove", &table, &error))?;
    }
    progress.phase("running the rows in full size");
    let mut command = workspace.cargo();
    // The whole workspace for the reason that `build::host` gives.
    command.args(["test", "--release", "--workspace", "--test", "faults", "--"]);
    // One at a time: they measure. A test's name begins with its row, behind its module.
    command
        .args(["--test-threads", "1", "--nocapture"])
        .args(rows.iter().map(|row| format!("::{}_", row.to_lowercase())));
    command.envs(provided).env("KUMIKO_FAULTS", "full").env("KUMIKO_FAULTS_TABLE", &table);
    let status = process::run_and_read("running the rows", &mut command, &mut io::stderr(), |_| ())?;
    progress.finish();
    let written = fs::read_to_string(&table).unwrap_or_default();
    print(&aligned(&written))?;
    if status.success() { Ok(()) } else { Err(Problem::new("not every row holds; the tests above say which")) }
}

/// The table for people: its lines by row, its columns as wide as their widest cell.
fn aligned(written: &str) -> String {
    let mut lines: Vec<Vec<&str>> = written.lines().map(|line| line.split('\t').collect()).collect();
    lines.sort_by_key(|cells| order(cells.first().copied().unwrap_or_default()));
    lines.insert(0, COLUMNS.to_vec());
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            lines.iter().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for cells in lines {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `C10` after `C9`.
fn order(row: &str) -> (char, u32) {
    let mut characters = row.chars();
    let section = characters.next().unwrap_or_default();
    (section, characters.as_str().parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_and_columns_in_line() {
        let written = "G10\todd values\tpanics\t0\t0\tholds\nG9\tcancelled\tp99\t12.0 ms\t≤ 50.0 ms\tholds\n";
        let text = aligned(written);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("row  fault       figure  measured  target"), "{text}");
        assert!(lines[1].starts_with("G9   cancelled   p99     12.0 ms   ≤ 50.0 ms  holds"), "{text}");
        assert!(lines[2].starts_with("G10  odd values  panics  0         0          holds"), "{text}");
    }
}
