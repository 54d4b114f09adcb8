//! One line per phase of a command, with the time it took.

use std::time::{Duration, Instant};

/// Counts a command's phases and prints them to standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    total: usize,
    current: usize,
    phase_started: Instant,
}

impl Progress {
    /// A command of `total` phases.
    pub(crate) fn of(total: usize) -> Self {
        Self { total, current: 0, phase_started: Instant::now() }
    }

    /// Announces the next phase, after the time that the one before it took.
    pub(crate) fn phase(&mut self, what: &str) {
        self.finish();
        self.current += 1;
        self.phase_started = Instant::now();
        eprintln!("[{}/{}] {what}", self.current, self.total);
    }

    /// Prints the time of the phase under way, if there is one.
    pub(crate) fn finish(&self) {
        if self.current > 0 {
            eprintln!("      done in {}", words(self.phase_started.elapsed()));
        }
    }
}

/// A duration as a person says it: tenths of a second below a minute, minutes and seconds above.
fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        assert_eq!(words(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(words(Duration::from_secs(1504)), "25 min 4 s");
    }
}
