//! Everything that is loaded at one moment. A snapshot never changes; another one takes its place.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kumiko_runtime::{Icon, Plugin, Tool, prompts};

use crate::arguments::Schema;
use crate::gate::Gate;
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
    /// The name of the trusted key that signed it, where one did.
    pub signed_by: Option<String>,
    /// The size of the component in bytes.
    pub size: u64,
    /// When it was loaded.
    pub loaded: SystemTime,
    /// What runs.
    pub plugin: Plugin,
    /// Its tools under the names they are advertised by.
    pub tools: Vec<Arc<LoadedTool>>,
    pub(crate) gate: Arc<Gate>,
}

impl LoadedPlugin {
    /// For how much longer the plugin is held off because it kept trapping.
    #[must_use]
    pub fn held_off(&self) -> Option<Duration> {
        self.gate.held()
    }
}

/// A tool that can be called.
pub struct LoadedTool {
    /// The advertised name, prefix included.
    pub name: String,
    /// What the plugin says of it.
    pub tool: Tool,
    pub(crate) digest: Arc<str>,
    pub(crate) gate: Arc<Gate>,
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

    /// The tool of this name, whatever kind of name it is: its own, an alias, or either behind a capability and a dot.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<LoadedTool>> {
        self.tools.get(name).or_else(|| self.tools.get(self.aliases.get(name)?))
    }

    /// The prompts in the order of their names.
    #[must_use]
    pub fn prompts(&self) -> Vec<(Arc<LoadedPlugin>, prompts::Prompt)> {
        let mut all: Vec<_> = self
            .plugins
            .iter()
            .flat_map(|plugin| {
                plugin.plugin.manifest().prompts.iter().map(|prompt| (Arc::clone(plugin), prompt.clone()))
            })
            .collect();
        all.sort_by(|(_, left), (_, right)| left.name.cmp(&right.name));
        all
    }

    /// A prompt by its name.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<(Arc<LoadedPlugin>, prompts::Prompt)> {
        self.plugins.iter().find_map(|plugin| {
            let prompt = plugin.plugin.manifest().prompts.iter().find(|prompt| prompt.name == name)?;
            Some((Arc::clone(plugin), prompt.clone()))
        })
    }

    /// The plugins that may have a resource: the one that lists it, or else those with a template that begins as it does.
    #[must_use]
    pub fn providers(&self, uri: &str) -> Vec<Arc<LoadedPlugin>> {
        let lists =
            |plugin: &&Arc<LoadedPlugin>| plugin.plugin.manifest().resources.iter().any(|entry| entry.uri == uri);
        if let Some(plugin) = self.plugins.iter().find(lists) {
            return vec![Arc::clone(plugin)];
        }
        let begins = |template: &str| uri.starts_with(template.split('{').next().unwrap_or(template));
        self.plugins
            .iter()
            .filter(|plugin| plugin.plugin.manifest().templates.iter().any(|entry| begins(&entry.uri_template)))
            .cloned()
            .collect()
    }

    /// The plugin that has a template.
    #[must_use]
    pub fn template_owner(&self, uri_template: &str) -> Option<Arc<LoadedPlugin>> {
        let has = |plugin: &&Arc<LoadedPlugin>| {
            plugin.plugin.manifest().templates.iter().any(|entry| entry.uri_template == uri_template)
        };
        self.plugins.iter().find(has).cloned()
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

    /// Every name of the capability.
    pub fn capability_names(&self) -> impl Iterator<Item = &str> {
        let manifest = self.plugin.manifest();
        std::iter::once(manifest.name.as_str()).chain(manifest.aliases.iter().map(String::as_str))
    }

    /// The picture of the plugin it comes from.
    #[must_use]
    pub fn icon(&self) -> Option<&Icon> {
        self.plugin.manifest().icon.as_ref()
    }

    /// The longest that a call of it may take.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.plugin.limits().wall(self.tool.long_running)
    }

    /// The version of the plugin it comes from.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.plugin.manifest().version
    }
}
