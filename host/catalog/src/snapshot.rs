//! Everything that is loaded at one moment. A snapshot never changes; another one takes its place.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use kumiko_runtime::{Plugin, Tool};

use crate::arguments::Schema;
use crate::nearest;

/// The loaded plugins, their tools by every name, and what could not be loaded.
#[derive(Default)]
pub struct Snapshot {
    revision: u64,
    plugins: Vec<Arc<LoadedPlugin>>,
    tools: BTreeMap<String, Arc<LoadedTool>>,
    aliases: HashMap<String, String>,
    failures: Vec<Failure>,
}

/// A plugin that serves.
pub struct LoadedPlugin {
    /// The file it came from.
    pub path: PathBuf,
    /// The SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// The size of the component in bytes.
    pub size: u64,
    /// When it was loaded.
    pub loaded: SystemTime,
    /// What runs.
    pub plugin: Plugin,
    /// Its tools under the names they are advertised by.
    pub tools: Vec<Arc<LoadedTool>>,
}

/// A tool that can be called.
pub struct LoadedTool {
    /// The advertised name, prefix included.
    pub name: String,
    /// What the plugin says of it.
    pub tool: Tool,
    pub(crate) plugin: Plugin,
    pub(crate) input: Schema,
    pub(crate) output: Option<Schema>,
}

/// A file that does not serve as it stands.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The file.
    pub path: PathBuf,
    /// The stable word for the case.
    pub code: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// True where an earlier version of the file goes on serving.
    pub earlier_serves: bool,
}

impl Snapshot {
    /// Builds a snapshot. Where two plugins offer one name the first keeps it; the loader has refused the second before.
    pub(crate) fn new(revision: u64, plugins: Vec<Arc<LoadedPlugin>>, failures: Vec<Failure>) -> Self {
        let mut tools = BTreeMap::new();
        let mut aliases = HashMap::new();
        for plugin in &plugins {
            let manifest = plugin.plugin.manifest();
            for loaded in &plugin.tools {
                tools.entry(loaded.name.clone()).or_insert_with(|| Arc::clone(loaded));
                for alias in &loaded.tool.aliases {
                    aliases.entry(alias.clone()).or_insert_with(|| loaded.name.clone());
                }
                // `<capability>.<tool>`, for every name of the capability and of the tool.
                for capability in std::iter::once(&manifest.name).chain(&manifest.aliases) {
                    for name in std::iter::once(&loaded.tool.name).chain(&loaded.tool.aliases) {
                        aliases.entry(format!("{capability}.{name}")).or_insert_with(|| loaded.name.clone());
                    }
                }
            }
        }
        Self { revision, plugins, tools, aliases, failures }
    }

    /// Rises with each swap.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The plugins, by file name.
    #[must_use]
    pub fn plugins(&self) -> &[Arc<LoadedPlugin>] {
        &self.plugins
    }

    /// What could not be loaded, by file name.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The tools in the order of their names.
    pub fn tools(&self) -> impl Iterator<Item = &Arc<LoadedTool>> {
        self.tools.values()
    }

    /// Up to `limit` tools whose names come after `after`, and whether more follow.
    #[must_use]
    pub fn page(&self, after: Option<&str>, limit: usize) -> (Vec<Arc<LoadedTool>>, bool) {
        let from = match after {
            Some(name) => (std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded),
            None => (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
        };
        let mut following = self.tools.range::<str, _>(from).map(|(_, tool)| Arc::clone(tool));
        let page = following.by_ref().take(limit).collect();
        (page, following.next().is_some())
    }

    /// The tool of this name, whatever kind of name it is: its own, an alias, or either behind a capability and a dot.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<LoadedTool>> {
        self.tools.get(name).or_else(|| self.tools.get(self.aliases.get(name)?))
    }

    /// The name somebody probably meant.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
        nearest(bare, self.tools.keys().map(String::as_str))
    }
}

impl LoadedTool {
    /// The capability the tool belongs to.
    #[must_use]
    pub fn capability(&self) -> &str {
        &self.plugin.manifest().name
    }

    /// The version of the plugin it comes from.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.plugin.manifest().version
    }
}
