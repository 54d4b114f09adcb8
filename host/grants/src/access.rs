//! What one plugin may reach, and how it is told that it may not.

use std::fmt;
use std::sync::Arc;

use kumiko_vocabulary::{Fault, FaultKind};

use crate::PluginGrants;

/// What a plugin wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To read an object.
    Read,
    /// To write or delete an object.
    Write,
    /// To use a service.
    Service,
    /// To call another plugin's tool.
    Tool,
}

impl Reach {
    /// The key of the section that grants it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Service => "services",
            Self::Tool => "tools",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Read => "read_denied",
            Self::Write => "write_denied",
            Self::Service => "service_denied",
            Self::Tool => "tool_denied",
        }
    }
}

/// A grant that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The plugin.
    pub plugin: Arc<str>,
    /// What it wanted.
    pub reach: Reach,
    /// To what.
    pub target: String,
    /// What would have to stand in the section.
    pub grant: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.reach {
            Reach::Read => "read",
            Reach::Write => "write",
            Reach::Service => "use the service",
            Reach::Tool => "call the tool",
        };
        write!(formatter, "the plugin `{}` was not granted to {wanted} {}", self.plugin, self.target)
    }
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Self {
        let (plugin, key, grant) = (&denial.plugin, denial.reach.key(), &denial.grant);
        Self::new(FaultKind::Denied, denial.reach.code(), denial.to_string()).hint(format!(
            "an operator allows it with `kumiko plugin grant {plugin} --{key} {grant}`, or by {key} = [\"{grant}\"] in the section [{plugin}] \
             of the grants file"
        ))
    }
}

/// What one plugin may reach. Clones share it.
#[derive(Clone, Debug)]
pub struct Access {
    plugin: Arc<str>,
    grants: Arc<PluginGrants>,
}

impl Access {
    /// What `plugin` may reach by `grants`.
    #[must_use]
    pub fn new(plugin: &str, grants: Arc<PluginGrants>) -> Self {
        Self { plugin: plugin.into(), grants }
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Arc<str> {
        &self.plugin
    }

    /// Its grants.
    #[must_use]
    pub fn grants(&self) -> &Arc<PluginGrants> {
        &self.grants
    }

    /// Whether an object may be read, given by its plain form.
    ///
    /// # Errors
    /// The grant that is missing.
    pub fn read(&self, uri: &str) -> Result<(), Denial> {
        let allowed = self.grants.read.iter().any(|prefix| prefix.covers(uri));
        self.allowed(allowed, Reach::Read, uri, || folder(uri))
    }

    /// Whether an object may be written or deleted, given by its plain form.
    ///
    /// # Errors
    /// The grant that is missing.
    pub fn write(&self, uri: &str) -> Result<(), Denial> {
        let allowed = self.grants.write.iter().any(|prefix| prefix.covers(uri));
        self.allowed(allowed, Reach::Write, uri, || folder(uri))
    }

    /// Whether a service may be used.
    ///
    /// # Errors
    /// The grant that is missing.
    pub fn service(&self, name: &str) -> Result<(), Denial> {
        self.allowed(self.grants.services.contains(name), Reach::Service, name, || name.to_owned())
    }

    /// Whether a tool of another plugin may be called.
    ///
    /// # Errors
    /// The grant that is missing.
    pub fn tool(&self, name: &str) -> Result<(), Denial> {
        self.allowed(self.grants.tools.contains(name), Reach::Tool, name, || name.to_owned())
    }

    fn allowed(&self, allowed: bool, reach: Reach, target: &str, grant: impl FnOnce() -> String) -> Result<(), Denial> {
        if allowed {
            return Ok(());
        }
        Err(Denial { plugin: Arc::clone(&self.plugin), reach, target: format!("`{target}`"), grant: grant() })
    }
}

/// The prefix that an operator would grant for an object: the folder it lies in.
fn folder(uri: &str) -> String {
    let end = uri.rfind('/').map_or(uri.len(), |slash| slash + 1);
    let folder = uri.get(..end).unwrap_or(uri);
    if folder == "s3://" { format!("{uri}/") } else { folder.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prefix;

    #[test]
    fn a_denial_names_the_plugin_the_object_and_the_line_that_would_allow_it() {
        let grants = PluginGrants { read: vec![Prefix::parse("s3://data/").unwrap()], ..PluginGrants::default() };
        let access = Access::new("trainer", Arc::new(grants));
        assert!(access.read("s3://data/a.csv").is_ok());
        let fault = Fault::from(access.write("s3://data/models/a.json").unwrap_err());
        assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "write_denied"));
        assert!(fault.message.contains("`trainer`") && fault.message.contains("s3://data/models/a.json"), "{fault}");
        let hint = fault.hint.unwrap();
        assert!(hint.contains("write = [\"s3://data/models/\"]") && hint.contains("[trainer]"), "{hint}");
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let access = Access::new("stranger", Arc::default());
        assert!(access.read("s3://a/b").is_err() && access.write("/srv/a").is_err());
        assert!(access.service("mail").is_err() && access.tool("load_dataset").is_err());
    }
}
