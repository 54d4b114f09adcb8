//! How the process ends.

use std::process::ExitCode;

use kumiko_vocabulary::{Fault, FaultKind};

use crate::settings::SettingsError;

/// The exit codes. `kumiko --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Success,
    /// 1: it went wrong for a reason that is nobody's mistake in the command.
    Failure,
    /// 2: the command line, the environment or the configuration file is wrong.
    Usage,
    /// 3: the tool, or the host for it, refused the call: its arguments, what they name, or a precondition.
    Refused,
    /// 4: a plugin cannot be loaded.
    Plugin,
    /// 5: the call was cancelled or ran into a limit.
    Stopped,
}

impl Exit {
    /// The code for an error that reached the top.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if error.is::<SettingsError>() {
            return Self::Usage;
        }
        error.downcast_ref::<Fault>().map_or(Self::Failure, Self::of_fault)
    }

    /// The code for a call that failed.
    pub(crate) fn of_fault(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::InvalidArguments | FaultKind::NotFound | FaultKind::Conflict | FaultKind::Denied => {
                Self::Refused
            }
            FaultKind::Stopped => Self::Stopped,
            FaultKind::Unavailable | FaultKind::Failed => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Plugin => 4,
            Exit::Stopped => 5,
        })
    }
}
