//! The table of faults: what may go wrong, what must hold, and what was measured.
//!
//! A test of a row runs in its everyday size, where it asserts what must hold on any machine, and in its full size under `cargo xtask
//! faults`, which prints the figures beside their targets.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

/// Set to `full` by `cargo xtask faults`.
const SIZE: &str = "KUMIKO_FAULTS";
/// The file that rows are appended to, if any.
const TABLE: &str = "KUMIKO_FAULTS_TABLE";
/// The everyday size is the full one divided by this.
const EVERYDAY: usize = 20;
/// And no less than this.
const LEAST: usize = 5;

/// Whether the tests run in their full size.
#[must_use]
pub fn in_full() -> bool {
    std::env::var(SIZE).is_ok_and(|size| size == "full")
}

/// How often to repeat what the full size repeats `full` times.
#[must_use]
pub fn times(full: usize) -> usize {
    if in_full() { full } else { (full / EVERYDAY).max(LEAST).min(full) }
}

/// One row of the table. Its figures are written when it is dropped.
pub struct Row {
    id: &'static str,
    fault: String,
    lines: String,
}

impl Row {
    /// A row by its id and the fault in words, with its size.
    #[must_use]
    pub fn new(id: &'static str, fault: impl Into<String>) -> Self {
        Self { id, fault: fault.into(), lines: String::new() }
    }

    /// A figure beside its target, which a slow machine may miss: shown, and judged by the reader.
    pub fn figure(
        &mut self,
        what: &str,
        measured: impl std::fmt::Display,
        target: impl std::fmt::Display,
        holds: bool,
    ) {
        let verdict = if holds { "holds" } else { "MISSED" };
        let _ = writeln!(self.lines, "{}\t{}\t{what}\t{measured}\t{target}\t{verdict}", self.id, self.fault);
    }

    /// A duration in milliseconds beside the longest that it should take.
    pub fn at_most(&mut self, what: &str, measured: Duration, target: Duration) {
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        self.figure(what, milliseconds(measured), format_args!("≤ {}", milliseconds(target)), measured <= target);
    }

    /// A count that must be nought on any machine.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn none(&mut self, what: &str, count: usize) {
        self.figure(what, count, 0, count == 0);
        assert_eq!(count, 0, "{}: {what}", self.id);
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        print!("{}", self.lines);
        if let Some(table) = std::env::var_os(TABLE) {
            let file = OpenOptions::new().create(true).append(true).open(table);
            file.and_then(|mut file| file.write_all(self.lines.as_bytes())).expect("the table can be written");
        }
    }
}

/// The value below which this share of the durations lies.
///
/// # Panics
///
/// Where there are none.
#[must_use]
pub fn quantile(durations: &mut [Duration], share: f64) -> Duration {
    durations.sort();
    durations[((durations.len() - 1) as f64 * share).round() as usize]
}
