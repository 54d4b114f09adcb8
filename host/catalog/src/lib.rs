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
mod gate;
mod grants;
mod jobs;
mod loader;
mod nearest;
mod objects;
mod offered;
mod schema_cost;
mod snapshot;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use kumiko_functions::{Notices, Peers, Services};
use kumiko_runtime::{Compiler, Limits, Runtime};
use kumiko_vocabulary::Fault;
use tokio::sync::{broadcast, watch};

pub use call::{Asked, Began, CallLog, Client, Outcome, PluginEvent, Request, RunningCall};
pub use gate::GateSettings;
pub use grants::GrantsInForce;
pub use kumiko_functions::{
    CallContext, CallControl, Level, LogContext, LogLine, LogSink, Notice, ProgressSink, Update,
};
pub use kumiko_grants::{Access, Grants, PluginGrants};
pub use kumiko_runtime::{
    CallFailure, Icon, Manifest, PromptReply, Reply, Tool, contract, contract_types, prompts, resources,
};
pub use nearest::nearest;
pub use objects::StoredObject;
pub use snapshot::{Failure, LoadedPlugin, LoadedTool, Snapshot};

/// Which components may be loaded at all; the binary implements it.
pub trait Admission: std::fmt::Debug + Send + Sync {
    /// Judges a component before anything of it is compiled or run. Gives the name of whoever signed it, where that is somebody
    /// who is trusted.
    ///
    /// # Errors
    ///
    /// Why it is not let in. What was loaded from the file before goes on serving.
    fn admit(&self, component: &Path, bytes: &[u8]) -> Result<Option<String>, Fault>;
}

/// Where plugins come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The folder that is watched. Every `*.wasm` in it is a plugin.
    pub folder: PathBuf,
    /// What an operator set for single plugins, by the plugin file's name without `.wasm`.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// Names of tools that no plugin may have, because the server has them itself.
    pub reserved: &'static [&'static str],
    /// Which of them are let in.
    pub admission: Arc<dyn Admission>,
}

/// What an operator set for one plugin.
#[derive(Clone, Debug, Default)]
pub struct PluginSettings {
    /// A prefix for the names of its tools: what lets two plugins with the same tool names in.
    pub prefix: String,
    /// The limits of its calls; the server's own where absent.
    pub limits: Option<Arc<Limits>>,
    /// How many calls at once and a minute.
    pub gate: GateSettings,
}

/// The loaded plugins, kept up to date by a task of its own.
pub struct Catalog {
    snapshot: Arc<ArcSwap<Snapshot>>,
    revision: watch::Receiver<u64>,
    ready: watch::Receiver<bool>,
    log: Arc<dyn CallLog>,
    log_bytes: usize,
    services: Services,
    grants: Arc<GrantsInForce>,
    peers: Arc<dyn Peers>,
    notices: Arc<dyn Notices>,
    heard: broadcast::Sender<Notice>,
}

/// Notices that were given and not yet heard by the slowest client; what it misses beyond them, it asks for anew.
const NOTICES_KEPT: usize = 256;

/// Passes notices on to whoever listens.
struct Board(broadcast::Sender<Notice>);

impl Notices for Board {
    fn notify(&self, notice: Notice) {
        // Nobody may be listening.
        let _ = self.0.send(notice);
    }
}

impl Catalog {
    /// Starts loading in the background and returns at once.
    pub fn start(
        runtime: Runtime,
        services: Services,
        compiler: Compiler,
        sources: Sources,
        grants: Arc<GrantsInForce>,
        log: Arc<dyn CallLog>,
    ) -> Arc<Self> {
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let (revision_sender, revision) = watch::channel(0);
        let (ready_sender, ready) = watch::channel(false);
        let log_bytes = runtime.limits().log_bytes;
        let publisher = loader::Publisher::new(Arc::clone(&snapshot), revision_sender, ready_sender);
        let own_services = services.clone();
        let loader =
            loader::Loader::new(runtime, services, compiler, sources, publisher, Arc::clone(&grants), Arc::clone(&log));
        tokio::spawn(loader.run());
        let (heard, _) = broadcast::channel(NOTICES_KEPT);
        Arc::new_cyclic(|own| Self {
            snapshot,
            revision,
            ready,
            log,
            log_bytes,
            services: own_services,
            grants,
            peers: Arc::new(call::PeerCalls(own.clone())),
            notices: Arc::new(Board(heard.clone())),
            heard,
        })
    }

    /// What plugins and the host have to tell clients, from here on.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.heard.subscribe()
    }

    /// The grants in force.
    #[must_use]
    pub fn grants(&self) -> &Arc<GrantsInForce> {
        &self.grants
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

    /// Whether everything that lay in the folder at the start was loaded or refused.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits as [`Catalog::ready`] does, as long as the call is wanted.
    async fn ready_or_cancelled(&self, control: &CallControl) -> Result<(), Fault> {
        tokio::select! {
            () = self.ready() => Ok(()),
            () = control.cancellation().cancelled() => Err(kumiko_vocabulary::control::cancelled()),
        }
    }

    /// Returns once everything that lay in the folder at the start was loaded or refused.
    pub async fn ready(&self) {
        // The sender lives as long as the loader task; where that is gone, nothing more will come.
        let _ = self.ready.clone().wait_for(|ready| *ready).await;
    }
}
