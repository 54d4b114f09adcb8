//! Other programs: started, waited for, and reported in words when they end badly or are not there.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::process::{Command, ExitStatus, Stdio};

use crate::problem::{Outcome, Problem};

/// Runs a program whose output goes straight to the person.
///
/// # Errors
/// The program is not there, or ended with another status than success; `what` names the work in the message.
pub(crate) fn run(what: &str, command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| not_started(what, command, &error))?;
    succeeded(what, command, status)
}

/// Runs a program whose standard output is both passed on to `screen` and handed, line by line, to `each`.
///
/// Returns how it ended, whatever that is: the caller has read the lines and may know better.
///
/// # Errors
/// The program is not there, or its output cannot be read or passed on.
pub(crate) fn run_and_read(
    what: &str,
    command: &mut Command,
    screen: &mut impl Write,
    mut each: impl FnMut(&str),
) -> Outcome<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(what, command, &error))?;
    let reading = child.stdout.take().map_or(Ok(()), |output| {
        BufReader::new(output).split(b'\n').try_for_each(|line| {
            let line = line?;
            each(&String::from_utf8_lossy(&line));
            screen.write_all(&line)?;
            screen.write_all(b"\n")
        })
    });
    let status = child.wait().and_then(|status| reading.map(|()| status));
    status.map_err(|error| Problem::new(format!("{what}: the output of `{}` broke off: {error}", shown(command))))
}

/// What a program prints to standard output when it succeeds; nothing where it is not there or ends badly.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Turns a bad end into words.
///
/// # Errors
/// The status is not success.
pub(crate) fn succeeded(what: &str, command: &Command, status: ExitStatus) -> Outcome {
    if status.success() {
        Ok(())
    } else {
        Err(Problem::new(format!("{what}: `{}` ended with {status}", shown(command))))
    }
}

fn not_started(what: &str, command: &Command, error: &io::Error) -> Problem {
    let program = command.get_program().display().to_string();
    if error.kind() == ErrorKind::NotFound {
        Problem::new(format!("{what}: there is no `{program}` on this machine")).hint(format!("install `{program}`"))
    } else {
        Problem::new(format!("{what}: `{program}` cannot be started: {error}"))
    }
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let problem = run("counting", &mut Command::new("kumiko-no-such-program")).unwrap_err();
        assert!(problem.to_string().contains("counting: there is no `kumiko-no-such-program`"), "{problem}");
    }

    #[test]
    fn a_bad_end_names_the_work_and_the_command() {
        let problem = run("compiling", Command::new("rustc").arg("--no-such-flag").stderr(Stdio::null())).unwrap_err();
        assert!(problem.to_string().starts_with("error: compiling: `rustc --no-such-flag` ended with"), "{problem}");
    }

    #[test]
    fn output_is_read_line_by_line() {
        let (mut screen, mut lines) = (Vec::new(), Vec::new());
        let mut command = Command::new("rustc");
        let status = run_and_read("asking", command.arg("-vV"), &mut screen, |line| lines.push(line.to_owned()));
        assert!(status.unwrap().success());
        assert!(lines.iter().any(|line| line.starts_with("host: ")), "{lines:?}");
        assert_eq!(String::from_utf8(screen).unwrap().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_program_that_fails_has_no_answer() {
        assert_eq!(answer(Command::new("rustc").arg("--no-such-flag")), None);
        assert_eq!(answer(&mut Command::new("kumiko-no-such-program")), None);
    }
}
