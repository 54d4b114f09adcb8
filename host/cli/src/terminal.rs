//! Text for people, on the streams where they expect it.
//!
//! Standard output carries what was asked for (and, under `serve`, the protocol alone); everything else goes to standard error.

use std::io::{IsTerminal as _, Write as _};

/// Writes a line to standard output. A reader that has gone away (`kumiko tools | head`) is no error.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// Writes a line to standard error.
pub(crate) fn note(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
}

/// Writes an error with its chain of causes.
pub(crate) fn complain(error: &anyhow::Error) {
    note(format!("error: {error:#}"));
}

/// Whether a person watches standard error.
pub(crate) fn watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Lines up the columns of a table. The last column may be of any width.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|title| title.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}
