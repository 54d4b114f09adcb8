//! The one task that loads. It looks at the folder, lets a file come to rest, makes a plugin of it, and publishes.
//!
//! A file counts as changed when two samples, [`SETTLE`] apart, agree with each other and not with what is loaded, and its
//! bytes hash differently. It is read once; everything after works on those bytes.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use kumiko_functions::{CallContext, CallControl, LogContext, Services};
use kumiko_runtime::limits::COMPONENT_BYTES;
use kumiko_runtime::{Compiler, Error, Plugin, Runtime, Tool, inspect};
use kumiko_vocabulary::{Fault, FaultKind};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::arguments::Schema;
use crate::folder::{self, Stamp, Watch};
use crate::gate::Gate;
use crate::{
    CallLog, Failure, GrantsInForce, LoadedPlugin, LoadedTool, PluginEvent, PluginSettings, Snapshot, Sources, grants,
};

/// The time between two samples of a file that is not at rest.
const SETTLE: Duration = Duration::from_millis(50);

/// How long a file that ends too early may go on growing before it is refused: whoever copies it may be held up for a moment.
const COPYING: Duration = Duration::from_secs(1);

/// The refusals of a file that ends too early.
const CUT_SHORT: [&str; 2] = ["component_damaged", "not_webassembly"];

/// How long a file may be gone before its plugin goes: a rename is a removal and a creation.
const GRACE: Duration = Duration::from_millis(500);

/// The refusals that end by themselves when another file goes.
const CONFLICTS: [&str; 4] =
    ["capability_conflict", "tool_name_conflict", "prompt_name_conflict", "resource_uri_conflict"];

/// The refusal that ends by itself when the grants change.
const WAITING: [&str; 1] = ["grant_missing"];

/// The refusals that may end by themselves at any time, and how long to wait before each next attempt.
const PASSING: [&str; 2] = ["plugin_unreadable", "compiler_unavailable"];
const RETRY: Duration = Duration::from_secs(2);

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
    /// A sample that awaits its second, and when it was taken.
    sampled: Option<(Stamp, Instant)>,
    /// When a refusal that may have ended is looked at again.
    retry: Option<Instant>,
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
    grants: Arc<GrantsInForce>,
    log: Arc<dyn CallLog>,
    files: BTreeMap<PathBuf, Known>,
    published: Instant,
    unpublished: bool,
    /// What is to be told once it is published.
    news: Vec<News>,
}

/// What became of a plugin, and is seen by calls from the next publication on.
enum News {
    Loaded(Arc<LoadedPlugin>),
    /// The file that is gone, and what it served.
    Removed(PathBuf, Option<Arc<LoadedPlugin>>),
}

impl Loader {
    pub(crate) fn new(
        runtime: Runtime,
        services: Services,
        compiler: Compiler,
        sources: Sources,
        publisher: Publisher,
        grants: Arc<GrantsInForce>,
        log: Arc<dyn CallLog>,
    ) -> Self {
        Self {
            runtime,
            services,
            compiler,
            sources,
            publisher,
            grants,
            log,
            files: BTreeMap::new(),
            published: Instant::now(),
            unpublished: false,
            news: Vec::new(),
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
        // Told only now: whoever reads that a plugin is loaded may call it.
        for news in std::mem::take(&mut self.news) {
            self.tell(&news);
        }
    }

    fn tell(&self, news: &News) {
        match news {
            News::Loaded(loaded) => {
                let manifest = loaded.plugin.manifest();
                tracing::info!(
                    plugin = manifest.name,
                    version = manifest.version,
                    digest = loaded.digest,
                    tools = loaded.tools.len(),
                    "plugin loaded"
                );
                let detail = format!("version {}", manifest.version);
                let (name, digest) = (manifest.name.as_str(), loaded.digest.as_str());
                self.log.plugin(&PluginEvent { what: "loaded", plugin: name, digest, detail: &detail });
            }
            News::Removed(path, served) => {
                tracing::info!(plugin = %path.display(), "plugin removed");
                if let Some(served) = served {
                    let plugin = &served.plugin.manifest().name;
                    self.log.plugin(&PluginEvent { what: "removed", plugin, digest: &served.digest, detail: "" });
                }
            }
        }
    }

    /// When the next look is due by itself.
    fn next_sample(&self) -> Option<Duration> {
        let pending = |known: &Known| known.sampled.is_some() || known.gone.is_some() || known.settled.is_none();
        let retried = |known: &Known| known.retry.is_some();
        let due = self.files.values().any(pending).then_some(SETTLE);
        due.or_else(|| self.files.values().any(retried).then_some(RETRY))
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
        if self.grants.refresh() {
            self.reconsider(&WAITING);
        }
        self.forget_removed(&found);
        for (path, stamp) in found {
            let known = self.files.entry(path.clone()).or_default();
            known.gone = None;
            if known.settled.as_ref() == Some(&stamp) {
                known.sampled = None;
                if known.retry.is_some_and(|at| at <= Instant::now()) {
                    self.take(&path, stamp, first).await;
                }
            } else if first || known.sampled.as_ref().is_some_and(|(same, at)| *same == stamp && at.elapsed() >= SETTLE)
            {
                known.sampled = None;
                self.take(&path, stamp, first).await;
            } else if known.sampled.as_ref().is_none_or(|(earlier, _)| *earlier != stamp) {
                known.sampled = Some((stamp, Instant::now()));
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
            let gone = self.files.remove(&path);
            self.reconsider(&CONFLICTS);
            self.unpublished = true;
            self.news.push(News::Removed(path, gone.and_then(|known| known.serving)));
        }
    }

    /// A file that has just been renamed leaves its old name behind for a moment; the plugin under that name gives way.
    fn take_over(&mut self, path: &Path) {
        let name = |known: &Known| known.serving.as_ref().map(|loaded| loaded.plugin.manifest().name.clone());
        let taken = self.files.get(path).and_then(name);
        self.files.retain(|other, known| other == path || known.gone.is_none() || name(known) != taken);
    }

    /// Files that were refused with one of these codes are looked at again: what stood against them has gone or changed.
    fn reconsider(&mut self, codes: &[&str]) {
        for known in self.files.values_mut() {
            if known.failure.as_ref().is_some_and(|failure| codes.contains(&failure.code.as_str())) {
                known.settled = None;
                known.digest = None;
            }
        }
    }

    /// Reads a file at rest and loads it, unless its bytes are those that were dealt with before.
    async fn take(&mut self, path: &Path, stamp: Stamp, first: bool) {
        let (digest, loaded) = match read(path, &stamp).await {
            Ok((bytes, digest)) => {
                if self.files.get(path).is_some_and(|known| known.digest.as_ref() == Some(&digest)) {
                    if let Some(known) = self.files.get_mut(path) {
                        known.settled = Some(stamp);
                    }
                    return;
                }
                let loaded = self.load(path, &bytes, &digest).await;
                (Some(digest), loaded)
            }
            Err(fault) => (None, Err(fault)),
        };
        let known = self.files.entry(path.to_owned()).or_default();
        if let Err(fault) = &loaded
            && CUT_SHORT.contains(&fault.code.as_str())
            && !first
            && stamp.age().is_some_and(|age| age < COPYING)
        {
            known.sampled = Some((stamp, Instant::now()));
            return;
        }
        let passing = loaded.as_ref().err().is_some_and(|fault| PASSING.contains(&fault.code.as_str()));
        known.retry = passing.then(|| Instant::now() + RETRY);
        known.settled = Some(stamp);
        known.digest = digest.filter(|_| !passing);
        if let (Err(fault), Some(failure)) = (&loaded, &known.failure)
            && passing
            && failure.code == fault.code
        {
            // Said once is enough.
            return;
        }
        match loaded {
            Ok(plugin) => {
                let plugin = Arc::new(plugin);
                self.news.push(News::Loaded(Arc::clone(&plugin)));
                known.serving = Some(plugin);
                known.failure = None;
                self.take_over(path);
                self.reconsider(&CONFLICTS);
            }
            Err(fault) => {
                let earlier_serves = known.serving.is_some();
                tracing::warn!(plugin = %path.display(), code = fault.code, earlier_serves, "plugin refused: {}", fault.message);
                let hint = fault.hint.unwrap_or_default();
                let (name, digest) = (path.file_stem().unwrap_or_default().to_string_lossy(), known.digest.as_deref());
                self.log.plugin(&PluginEvent {
                    what: "refused",
                    plugin: &name,
                    digest: digest.unwrap_or_default(),
                    detail: &fault.code,
                });
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
        let inspection = inspect(bytes)?;
        let signed_by = self.sources.admission.admit(path, bytes)?;
        let component = self.compiler.component(bytes).await?;
        let label = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let unset = PluginSettings::default();
        let settings = self.sources.plugins.get(&label).unwrap_or(&unset);
        let limits = settings.limits.clone().unwrap_or_else(|| Arc::new(self.runtime.limits().clone()));
        let contexts = || {
            let lines = self.log.lines(&label, "", "describe", "");
            let control = CallControl::new(None, CancellationToken::new());
            CallContext::new(control, LogContext::new(lines, limits.log_bytes))
        };
        let plugin =
            Plugin::new(&self.runtime, &self.services, &component, bytes, Arc::clone(&limits), contexts).await?;
        self.check_grants(path, &inspection.imports, &plugin)?;
        let gate = Arc::new(Gate::new(&plugin.manifest().name, settings.gate));
        let tools = plugin
            .manifest()
            .tools
            .iter()
            .map(|tool| ready(&plugin, tool, &settings.prefix, digest, &gate))
            .collect::<Result<Vec<_>, _>>()?;
        self.check_names(path, &label, &plugin, &tools)?;
        Ok(LoadedPlugin {
            path: path.to_owned(),
            digest: digest.to_owned(),
            signed_by,
            size: bytes.len() as u64,
            loaded: SystemTime::now(),
            plugin,
            tools,
            gate,
        })
    }

    /// A successor that asks for more than is granted waits, and what it would have replaced goes on serving.
    fn check_grants(&self, path: &Path, imports: &[String], plugin: &Plugin) -> Result<(), Fault> {
        let Some(earlier) = self.files.get(path).and_then(|known| known.serving.as_ref()) else { return Ok(()) };
        let name = &plugin.manifest().name;
        let missing = grants::missing(imports, &earlier.plugin.inspection().imports, &self.grants.access(name));
        let Some(first) = missing.first() else { return Ok(()) };
        let message = format!(
            "version {} of `{name}` asks for more than it was granted: {}",
            plugin.manifest().version,
            missing.join(", ")
        );
        Err(Fault::new(FaultKind::Denied, "grant_missing", message).hint(format!(
            "`kumiko plugin grant {name} --{first} …` allows it, and it is loaded; `kumiko plugin inspect` shows what it imports"
        )))
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
            check_offered(plugin, other)?;
        }
        for tool in tools {
            for name in std::iter::once(&tool.name).chain(&tool.tool.aliases) {
                let by_server = self.sources.reserved.contains(&name.as_str()).then(|| "the server itself".to_owned());
                let owner =
                    by_server.or_else(|| taken.get(name.as_str()).map(|owner| format!("`{}`", owner.display())));
                if let Some(owner) = owner {
                    let message = format!("its tool `{name}` is already offered by {owner}");
                    let hint =
                        format!("to load both, add to the configuration file: [plugins.{label}] prefix = \"{label}_\"");
                    return Err(Fault::new(FaultKind::Conflict, "tool_name_conflict", message).hint(hint));
                }
            }
        }
        Ok(())
    }
}

/// A file and its digest. One that is too large is refused unread.
async fn read(path: &Path, stamp: &Stamp) -> Result<(Vec<u8>, String), Fault> {
    if stamp.size > COMPONENT_BYTES {
        return Err(Error::TooLarge { size: stamp.size, limit: COMPONENT_BYTES }.into());
    }
    let unreadable = |error: std::io::Error| {
        Fault::failed("plugin_unreadable", format!("it cannot be read: {error}")).hint("check the file's permissions")
    };
    let path = path.to_owned();
    let work = move || {
        let mut bytes = Vec::new();
        // It may grow meanwhile.
        std::fs::File::open(path)?.take(COMPONENT_BYTES + 1).read_to_end(&mut bytes)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        Ok((bytes, digest))
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| unreadable(std::io::Error::other(error)))?
        .map_err(unreadable)
}

/// Refuses a plugin that has a prompt or a resource of another one.
fn check_offered(plugin: &Plugin, other: &LoadedPlugin) -> Result<(), Fault> {
    let (own, others) = (plugin.manifest(), other.plugin.manifest());
    let conflict = |code: &str, what: String| {
        Fault::new(FaultKind::Conflict, code, format!("{what} is already offered by `{}`", other.path.display()))
            .hint("remove one of the two files")
    };
    for prompt in &own.prompts {
        if others.prompts.iter().any(|taken| taken.name == prompt.name) {
            return Err(conflict("prompt_name_conflict", format!("its prompt `{}`", prompt.name)));
        }
    }
    for entry in &own.resources {
        if others.resources.iter().any(|taken| taken.uri == entry.uri) {
            return Err(conflict("resource_uri_conflict", format!("its resource `{}`", entry.uri)));
        }
    }
    for entry in &own.templates {
        if others.templates.iter().any(|taken| taken.uri_template == entry.uri_template) {
            return Err(conflict("resource_uri_conflict", format!("its template `{}`", entry.uri_template)));
        }
    }
    Ok(())
}

/// A tool with its schemas compiled and its name prefixed. With a prefix the aliases go: they would clash as the names would.
fn ready(plugin: &Plugin, tool: &Tool, prefix: &str, digest: &str, gate: &Arc<Gate>) -> Result<Arc<LoadedTool>, Fault> {
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
    let (plugin, gate) = (plugin.clone(), Arc::clone(gate));
    Ok(Arc::new(LoadedTool { name, tool, digest: digest.into(), gate, plugin, input, output }))
}
