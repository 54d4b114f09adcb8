//! The one task that loads. It looks at the folder, lets a file come to rest, makes a plugin of it, and publishes.
//!
//! A file counts as changed when two samples, [`SETTLE`] apart, agree with each other and not with what is loaded, and its
//! bytes hash differently. It is read once; everything after works on those bytes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use kumiko_functions::{CallContext, CallControl, LogContext, Services};
use kumiko_runtime::{Compiler, Error, Plugin, Runtime, Tool, inspect};
use kumiko_vocabulary::{Fault, FaultKind};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::arguments::Schema;
use crate::folder::{self, Stamp, Watch};
use crate::{CallLog, Failure, LoadedPlugin, LoadedTool, Snapshot, Sources};

/// The time between two samples of a file that is not at rest.
const SETTLE: Duration = Duration::from_millis(50);

/// How long a file may be gone before its plugin goes: a rename is a removal and a creation.
const GRACE: Duration = Duration::from_millis(500);

/// The refusals that end by themselves when another file goes.
const CONFLICTS: [&str; 2] = ["capability_conflict", "tool_name_conflict"];

/// While many files load, clients see what is ready at least this often.
const PUBLISH: Duration = Duration::from_millis(250);

/// The write side of the snapshot.
pub(crate) struct Publisher {
    snapshot: Arc<ArcSwap<Snapshot>>,
    revision: watch::Sender<u64>,
    ready: watch::Sender<bool>,
}

impl Publisher {
    pub(crate) fn new(
        snapshot: Arc<ArcSwap<Snapshot>>,
        revision: watch::Sender<u64>,
        ready: watch::Sender<bool>,
    ) -> Self {
        Self { snapshot, revision, ready }
    }

    /// Swaps the snapshot; everybody who waits on the revision is told.
    fn publish(&self, files: &BTreeMap<PathBuf, Known>) {
        let revision = *self.revision.borrow() + 1;
        let plugins = files.values().filter_map(|known| known.serving.clone()).collect();
        let failures = files.values().filter_map(|known| known.failure.clone()).collect();
        self.snapshot.store(Arc::new(Snapshot::new(revision, plugins, failures)));
        self.revision.send_replace(revision);
    }
}

/// What is known of one file.
#[derive(Default)]
struct Known {
    /// The state of the file that was dealt with.
    settled: Option<Stamp>,
    /// The digest of the bytes that were dealt with, whatever came of them.
    digest: Option<String>,
    /// A sample that awaits its second.
    sampled: Option<Stamp>,
    /// Since when the file is gone.
    gone: Option<Instant>,
    serving: Option<Arc<LoadedPlugin>>,
    failure: Option<Failure>,
}

/// The loader's state.
pub(crate) struct Loader {
    runtime: Runtime,
    services: Services,
    compiler: Compiler,
    sources: Sources,
    publisher: Publisher,
    log: Arc<dyn CallLog>,
    files: BTreeMap<PathBuf, Known>,
    published: Instant,
    unpublished: bool,
}

impl Loader {
    pub(crate) fn new(
        runtime: Runtime,
        services: Services,
        compiler: Compiler,
        sources: Sources,
        publisher: Publisher,
        log: Arc<dyn CallLog>,
    ) -> Self {
        Self {
            runtime,
            services,
            compiler,
            sources,
            publisher,
            log,
            files: BTreeMap::new(),
            published: Instant::now(),
            unpublished: false,
        }
    }

    /// Loads what lies in the folder, then follows its changes until the process ends.
    pub(crate) async fn run(mut self) {
        let mut watch = Watch::new(&self.sources.folder);
        self.look(true).await;
        self.publish();
        self.publisher.ready.send_replace(true);
        loop {
            watch.wait(self.next_sample()).await;
            self.look(false).await;
            if self.unpublished {
                self.publish();
            }
        }
    }

    fn publish(&mut self) {
        self.publisher.publish(&self.files);
        self.published = Instant::now();
        self.unpublished = false;
    }

    /// When the next look is due by itself.
    fn next_sample(&self) -> Option<Duration> {
        let pending = |known: &Known| known.sampled.is_some() || known.gone.is_some() || known.settled.is_none();
        self.files.values().any(pending).then_some(SETTLE)
    }

    /// Compares the folder with what is known and deals with each file that has come to rest. At the start every file counts as
    /// at rest; one that is still being copied then is refused as cut short, and taken when it has changed.
    async fn look(&mut self, first: bool) {
        let found = match folder::list(&self.sources.folder) {
            Ok(found) => found,
            Err(error) => {
                // Whatever happened to the folder, what was loaded from it goes on serving.
                tracing::warn!(folder = %self.sources.folder.display(), %error, "the plugin folder cannot be read; what is loaded goes on serving");
                return;
            }
        };
        self.forget_removed(&found);
        for (path, stamp) in found {
            let known = self.files.entry(path.clone()).or_default();
            known.gone = None;
            if known.settled.as_ref() == Some(&stamp) {
                known.sampled = None;
            } else if first || known.sampled.as_ref() == Some(&stamp) {
                known.sampled = None;
                self.take(&path, stamp).await;
            } else {
                known.sampled = Some(stamp);
            }
        }
    }

    fn forget_removed(&mut self, found: &BTreeMap<PathBuf, Stamp>) {
        let mut removed = Vec::new();
        for (path, known) in &mut self.files {
            if !found.contains_key(path) && known.gone.get_or_insert_with(Instant::now).elapsed() >= GRACE {
                removed.push(path.clone());
            }
        }
        for path in removed {
            self.files.remove(&path);
            self.reconsider_conflicts();
            self.unpublished = true;
            tracing::info!(plugin = %path.display(), "plugin removed");
        }
    }

    /// A file that has just been renamed leaves its old name behind for a moment; the plugin under that name gives way.
    fn take_over(&mut self, path: &Path) {
        let name = |known: &Known| known.serving.as_ref().map(|loaded| loaded.plugin.manifest().name.clone());
        let taken = self.files.get(path).and_then(name);
        self.files.retain(|other, known| other == path || known.gone.is_none() || name(known) != taken);
    }

    /// Files that were refused because another one had their name are looked at again: that other one has gone or changed.
    fn reconsider_conflicts(&mut self) {
        for known in self.files.values_mut() {
            if known.failure.as_ref().is_some_and(|failure| CONFLICTS.contains(&failure.code.as_str())) {
                known.settled = None;
                known.digest = None;
            }
        }
    }

    /// Reads a file at rest and loads it, unless its bytes are those that were dealt with before.
    async fn take(&mut self, path: &Path, stamp: Stamp) {
        let read = tokio::fs::read(path).await;
        let (digest, loaded) = match read {
            Ok(bytes) => {
                let digest = hexadecimal(&Sha256::digest(&bytes));
                if self.files.get(path).is_some_and(|known| known.digest.as_ref() == Some(&digest)) {
                    if let Some(known) = self.files.get_mut(path) {
                        known.settled = Some(stamp);
                    }
                    return;
                }
                let loaded = self.load(path, &bytes, &digest).await;
                (Some(digest), loaded)
            }
            Err(error) => (
                None,
                Err(Fault::failed("plugin_unreadable", format!("it cannot be read: {error}"))
                    .hint("check the file's permissions")),
            ),
        };
        let known = self.files.entry(path.to_owned()).or_default();
        known.settled = Some(stamp);
        known.digest = digest;
        match loaded {
            Ok(plugin) => {
                let manifest = plugin.plugin.manifest();
                tracing::info!(
                    plugin = manifest.name,
                    version = manifest.version,
                    digest = plugin.digest,
                    tools = plugin.tools.len(),
                    "plugin loaded"
                );
                known.serving = Some(Arc::new(plugin));
                known.failure = None;
                self.take_over(path);
                self.reconsider_conflicts();
            }
            Err(fault) => {
                let earlier_serves = known.serving.is_some();
                tracing::warn!(plugin = %path.display(), code = fault.code, earlier_serves, "plugin refused: {}", fault.message);
                let hint = fault.hint.unwrap_or_default();
                known.failure = Some(Failure {
                    path: path.to_owned(),
                    code: fault.code,
                    message: fault.message,
                    hint,
                    earlier_serves,
                });
            }
        }
        self.unpublished = true;
        if self.published.elapsed() >= PUBLISH {
            self.publish();
        }
    }

    async fn load(&self, path: &Path, bytes: &[u8], digest: &str) -> Result<LoadedPlugin, Fault> {
        // What can be refused by reading is refused before anything is compiled.
        inspect(bytes)?;
        let component = self.compiler.component(bytes).await?;
        let label = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let sink = self.log.lines(&label, "", "describe", "");
        let context = CallContext {
            control: CallControl::new(None, CancellationToken::new()),
            log: LogContext::new(sink, self.runtime.limits().log_bytes),
        };
        let plugin = Plugin::new(&self.runtime, &self.services, &component, bytes, context).await?;
        let prefix = self.sources.prefixes.get(&label).map_or("", String::as_str);
        let tools =
            plugin.manifest().tools.iter().map(|tool| ready(&plugin, tool, prefix)).collect::<Result<Vec<_>, _>>()?;
        self.check_names(path, &label, &plugin, &tools)?;
        Ok(LoadedPlugin {
            path: path.to_owned(),
            digest: digest.to_owned(),
            size: bytes.len() as u64,
            loaded: SystemTime::now(),
            plugin,
            tools,
        })
    }

    /// Refuses a plugin that offers a name which another one has.
    fn check_names(&self, path: &Path, label: &str, plugin: &Plugin, tools: &[Arc<LoadedTool>]) -> Result<(), Fault> {
        let mut taken: HashMap<&str, &Path> = HashMap::new();
        for other in self
            .files
            .iter()
            .filter(|(other, known)| *other != path && known.gone.is_none())
            .filter_map(|(_, known)| known.serving.as_ref())
        {
            if other.plugin.manifest().name == plugin.manifest().name {
                let message =
                    format!("`{}` already serves the capability `{}`", other.path.display(), plugin.manifest().name);
                return Err(
                    Fault::new(FaultKind::Conflict, "capability_conflict", message).hint("remove one of the two files")
                );
            }
            for tool in &other.tools {
                for name in std::iter::once(&tool.name).chain(&tool.tool.aliases) {
                    taken.insert(name, &other.path);
                }
            }
        }
        for tool in tools {
            for name in std::iter::once(&tool.name).chain(&tool.tool.aliases) {
                if let Some(owner) = taken.get(name.as_str()) {
                    let message = format!("its tool `{name}` is already offered by `{}`", owner.display());
                    let hint =
                        format!("to load both, add to the configuration file: [plugins.{label}] prefix = \"{label}_\"");
                    return Err(Fault::new(FaultKind::Conflict, "tool_name_conflict", message).hint(hint));
                }
            }
        }
        Ok(())
    }
}

/// A tool with its schemas compiled and its name prefixed. With a prefix the aliases go: they would clash as the names would.
fn ready(plugin: &Plugin, tool: &Tool, prefix: &str) -> Result<Arc<LoadedTool>, Fault> {
    let invalid = |which: &str, reason: String| Error::Manifest {
        reason: format!("the {which} schema of `{}` is not valid: {reason}", tool.name),
    };
    let mut tool = tool.clone();
    let name = format!("{prefix}{}", tool.name);
    if name.len() > 64 {
        return Err(Error::Manifest { reason: format!("`{name}` is longer than 64 characters with its prefix") }.into());
    }
    if !prefix.is_empty() {
        tool.aliases.clear();
    }
    let input = Schema::new(&tool.input_schema).map_err(|reason| invalid("input", reason))?;
    let output = tool
        .output_schema
        .as_ref()
        .map(|schema| Schema::new(schema))
        .transpose()
        .map_err(|reason| invalid("output", reason))?;
    Ok(Arc::new(LoadedTool { name, tool, plugin: plugin.clone(), input, output }))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
