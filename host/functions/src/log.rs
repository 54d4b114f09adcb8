//! `kumiko:host/log`: lines of a plugin for the operator.

use std::sync::Arc;

use wasmtime::component::HasData;

use crate::bindings::kumiko::host::log as contract;

/// How much a line matters; the contract's levels in order.
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

/// One line as it leaves the guest: printable, cut to [`MAXIMUM_LINE`].
#[derive(Clone, Debug)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub message: String,
}

/// Where a guest's lines go; the layer above adds plugin, tool and request.
pub trait LogSink: Send + Sync {
    /// Whether lines of this level are kept.
    fn enabled(&self, level: Level) -> bool;
    /// Takes one line.
    fn write(&self, line: LogLine);
}

/// Keeps no lines.
pub(crate) struct Nowhere;

impl LogSink for Nowhere {
    fn enabled(&self, _: Level) -> bool {
        false
    }

    fn write(&self, _: LogLine) {}
}

/// A line longer than this many bytes is cut: a log is read by people.
pub(crate) const MAXIMUM_LINE: usize = 8 * 1024;

/// What one call may log.
pub struct LogContext {
    sink: Arc<dyn LogSink>,
    remaining: usize,
    dropped: u64,
}

impl LogContext {
    /// A context that keeps up to `limit` bytes.
    #[must_use]
    pub fn new(sink: Arc<dyn LogSink>, limit: usize) -> Self {
        Self { sink, remaining: limit, dropped: 0 }
    }

    /// How many lines were dropped because the limit was reached.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

pub(crate) struct Log;

impl HasData for Log {
    type Data<'a> = LogView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct LogView<'a> {
    pub(crate) context: &'a mut LogContext,
}

impl contract::Host for LogView<'_> {
    async fn write(&mut self, level: contract::Level, message: String) -> wasmtime::Result<()> {
        let level = level.into();
        if !self.context.sink.enabled(level) {
            return Ok(());
        }
        let message = printable(&message);
        match self.context.remaining.checked_sub(message.len()) {
            Some(remaining) => {
                self.context.remaining = remaining;
                self.context.sink.write(LogLine { level, message });
            }
            None => self.context.dropped += 1,
        }
        Ok(())
    }

    async fn enabled(&mut self, level: contract::Level) -> wasmtime::Result<bool> {
        Ok(self.context.sink.enabled(level.into()))
    }
}

/// The text without control characters (a terminal would obey them) and cut at a character's edge.
fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAXIMUM_LINE));
    for character in text.chars() {
        let character = if character.is_control() { '\u{fffd}' } else { character };
        if line.len() + character.len_utf8() > MAXIMUM_LINE {
            break;
        }
        line.push(character);
    }
    line
}

impl From<contract::Level> for Level {
    fn from(level: contract::Level) -> Self {
        match level {
            contract::Level::Trace => Self::Trace,
            contract::Level::Debug => Self::Debug,
            contract::Level::Info => Self::Info,
            contract::Level::Warn => Self::Warn,
            contract::Level::Error => Self::Error,
        }
    }
}
