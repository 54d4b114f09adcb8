//! Lines for the operator: `log::info!("read {rows} rows")`.
//!
//! They go to the host's log with the plugin's name, the tool and the request, and count against the call's log limit.

use crate::host::{self, Host};

/// How much a line matters, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step, for the plugin's author.
    Trace,
    /// Details that help to find a fault.
    Debug,
    /// What an operator wants to know.
    Info,
    /// Something odd that did no harm.
    Warn,
    /// Something that did.
    Error,
}

/// Writes one line.
pub fn write(level: Level, message: &str) {
    host::call(|host| Host::log_write(host, level, message));
}

/// Whether a line of this level would be kept. The macros ask before they put a line together.
#[must_use]
pub fn enabled(level: Level) -> bool {
    host::call(|host| Host::log_enabled(host, level))
}

/// Writes one line where its level is kept, put together as by `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! log_line {
    ($level:ident, $($message:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::write($crate::log::Level::$level, &::std::format!($($message)+));
        }
    };
}

/// Declares the macro of one level.
macro_rules! level {
    ($(#[$meta:meta])* $macro:ident, $public:ident, $level:ident, $dollar:tt) => {
        $(#[$meta])*
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            ($dollar($dollar message:tt)+) => { $crate::log_line!($level, $dollar($dollar message)+) };
        }
        pub use $macro as $public;
    };
}

level!(log_trace, trace, Trace, $);
level!(log_debug, debug, Debug, $);
level!(log_info, info, Info, $);
level!(log_warn, warn, Warn, $);
level!(log_error, error, Error, $);
