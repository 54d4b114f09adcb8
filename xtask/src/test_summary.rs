//! What a test run amounts to, read from the summaries that cargo's test harness prints.

use std::fmt;

/// How many checks passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Totals {
    /// Adds what one line of output says, where it is the summary of a test program:
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.31s`.
    pub(crate) fn read(&mut self, line: &str) {
        let Some((_, counts)) = line.trim_start().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            match (words.next().and_then(|number| number.parse::<usize>().ok()), words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }

    /// Counts one check that is no test of the harness.
    pub(crate) fn add(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_several_programs_add_up_and_other_lines_count_nothing() {
        let output = "\
running 2 tests
test reads_a_file ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s
     Running tests/stdio.rs
test 3 passed; 4 failed ... FAILED
test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s";
        let mut totals = Totals::default();
        output.lines().for_each(|line| totals.read(line));
        assert_eq!(totals, Totals { passed: 12, failed: 3 });
    }

    #[test]
    fn the_last_line_is_plain() {
        let mut totals = Totals { passed: 41, failed: 0 };
        totals.add(true);
        totals.add(false);
        assert_eq!(totals.to_string(), "42 passed, 1 failed");
    }
}
