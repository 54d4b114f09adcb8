//! Progress and log lines of a call on their way to the client: in order, and all of them before the answer.

#![expect(deprecated, reason = "the protocol keeps log messages for the clients that still ask for them")]

use std::sync::Arc;

use kumiko_catalog::{Level, LogLine, LogSink, ProgressSink, Update};
use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use serde_json::Value;
use tokio::sync::mpsc;

/// One thing the client is told while a call runs.
pub(crate) enum Word {
    /// How far it has come.
    Progress(Update),
    /// What the plugin has to say.
    Line(LogLine),
}

/// The end that the call holds, where anybody listens.
#[derive(Clone)]
pub(crate) struct Sender {
    words: mpsc::UnboundedSender<Word>,
    level: Option<Level>,
}

/// The end that the request's own task holds.
pub(crate) struct Receiver {
    /// Absent where nobody listens.
    words: Option<mpsc::UnboundedReceiver<Word>>,
    token: Option<ProgressToken>,
}

/// A channel for one call. Progress is passed on where there is a token, lines from `level` on.
pub(crate) fn channel(token: Option<ProgressToken>, level: Option<Level>) -> (Option<Sender>, Receiver) {
    if token.is_none() && level.is_none() {
        return (None, Receiver { words: None, token });
    }
    let (words, received) = mpsc::unbounded_channel();
    (Some(Sender { words, level }), Receiver { words: Some(received), token })
}

impl Sender {
    /// Where the call reports progress, if anybody listens.
    pub(crate) fn progress(&self, token: Option<&ProgressToken>) -> Option<Arc<dyn ProgressSink>> {
        token.map(|_| Arc::new(self.clone()) as Arc<dyn ProgressSink>)
    }

    /// Where the call's lines go, if anybody listens.
    pub(crate) fn lines(&self) -> Option<Arc<dyn LogSink>> {
        self.level.map(|_| Arc::new(self.clone()) as Arc<dyn LogSink>)
    }
}

impl ProgressSink for Sender {
    fn report(&self, update: Update) {
        // Once the call has ended nobody listens, and nobody needs to.
        let _ = self.words.send(Word::Progress(update));
    }
}

impl LogSink for Sender {
    fn enabled(&self, level: Level) -> bool {
        self.level.is_some_and(|least| level >= least)
    }

    fn write(&self, line: LogLine) {
        let _ = self.words.send(Word::Line(line));
    }
}

impl Receiver {
    /// Waits for `running` and passes on what it says meanwhile, the last words before the answer.
    pub(crate) async fn attend<T>(
        &mut self,
        peer: &Peer<RoleServer>,
        logger: &str,
        running: impl Future<Output = T>,
    ) -> T {
        let Self { words: Some(words), token } = self else { return running.await };
        let mut running = std::pin::pin!(running);
        loop {
            tokio::select! {
                biased;
                Some(word) = words.recv() => pass_on(peer, logger, token.as_ref(), word).await,
                ended = &mut running => {
                    while let Ok(word) = words.try_recv() {
                        pass_on(peer, logger, token.as_ref(), word).await;
                    }
                    return ended;
                }
            }
        }
    }
}

async fn pass_on(peer: &Peer<RoleServer>, logger: &str, token: Option<&ProgressToken>, word: Word) {
    // A client that is gone cancels the call by itself.
    let _ = match (word, token) {
        (Word::Progress(update), Some(token)) => {
            // The protocol knows no phases: its number only grows.
            let mut progress = ProgressNotificationParam::new(token.clone(), update.before + update.done);
            progress.total = update.total.map(|total| update.before + total);
            progress.message = Some(update.message).filter(|message| !message.is_empty());
            peer.notify_progress(progress).await
        }
        (Word::Progress(_), None) => Ok(()),
        (Word::Line(line), _) => {
            let line = LoggingMessageNotificationParam::new(wire_level(line.level), Value::String(line.message));
            peer.notify_logging_message(line.with_logger(logger)).await
        }
    };
}

fn wire_level(level: Level) -> LoggingLevel {
    match level {
        Level::Trace | Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Warn => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
    }
}

/// The least level of a plugin's lines that a client asks for by a level of the protocol.
pub(crate) fn least(level: LoggingLevel) -> Level {
    match level {
        LoggingLevel::Debug => Level::Trace,
        LoggingLevel::Info | LoggingLevel::Notice => Level::Info,
        LoggingLevel::Warning => Level::Warn,
        LoggingLevel::Error | LoggingLevel::Critical | LoggingLevel::Alert | LoggingLevel::Emergency => Level::Error,
    }
}
