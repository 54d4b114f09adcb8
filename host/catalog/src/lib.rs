//! What is loaded at any moment, and how a plugin folder becomes that.
//!
//! ```text
//! folder ─ watch ─► one loader task ─ settle, hash, compile, link, describe ─► one immutable snapshot, swapped whole
//! call ─ name or alias ─► snapshot ─ arguments checked ─► plugin ─ result checked ─► answer
//! ```
//!
//! A call holds the plugin that it found in the snapshot, so a swap in the middle of it changes nothing for it. A file that
//! cannot be loaded leaves what was loaded from it serving, and the reason is in the snapshot for everybody who asks.

mod arguments;
mod call;
mod folder;
mod loader;
mod nearest;
mod snapshot;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kumiko_functions::Services;
use kumiko_runtime::{Compiler, Runtime};
use tokio::sync::watch;

pub use call::{CallLog, Client, Ended, Request};
pub use kumiko_functions::{CallContext, CallControl, LogContext, LogLine, LogSink, ProgressSink, Update};
pub use kumiko_runtime::{CallFailure, Manifest, Reply, Tool, contract, contract_types};
pub use nearest::nearest;
pub use snapshot::{Failure, LoadedPlugin, LoadedTool, Snapshot};

/// Where plugins come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The folder that is watched. Every `*.wasm` in it is a plugin.
    pub folder: PathBuf,
    /// A prefix for the tool names of a plugin, by the plugin file's name without `.wasm`: what lets two plugins with
    /// the same tool names in.
    pub prefixes: BTreeMap<String, String>,
}

/// The loaded plugins, kept up to date by a task of its own.
pub struct Catalog {
    snapshot: Arc<ArcSwap<Snapshot>>,
    revision: watch::Receiver<u64>,
    ready: watch::Receiver<bool>,
    log: Arc<dyn CallLog>,
    log_bytes: usize,
}

impl Catalog {
    /// Starts loading in the background and returns at once.
    pub fn start(
        runtime: Runtime,
        services: Services,
        compiler: Compiler,
        sources: Sources,
        log: Arc<dyn CallLog>,
    ) -> Arc<Self> {
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let (revision_sender, revision) = watch::channel(0);
        let (ready_sender, ready) = watch::channel(false);
        let log_bytes = runtime.limits().log_bytes;
        let publisher = loader::Publisher::new(Arc::clone(&snapshot), revision_sender, ready_sender);
        let loader = loader::Loader::new(runtime, services, compiler, sources, publisher, Arc::clone(&log));
        tokio::spawn(loader.run());
        Arc::new(Self { snapshot, revision, ready, log, log_bytes })
    }

    /// What is loaded at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The snapshot's revision, to be waited on: it rises with each swap.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }

    /// Returns once everything that lay in the folder at the start was loaded or refused.
    pub async fn ready(&self) {
        // The sender lives as long as the loader task; where that is gone, nothing more will come.
        let _ = self.ready.clone().wait_for(|ready| *ready).await;
    }
}
