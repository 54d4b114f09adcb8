//! The file: sections by plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Access, Error, Prefix};

/// What one plugin was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginGrants {
    /// Objects it may read.
    pub read: Vec<Prefix>,
    /// Objects it may write and delete.
    pub write: Vec<Prefix>,
    /// Requests it may send: `GET https://api.example.com`.
    pub http: Vec<String>,
    /// Secrets it may use, each with the hosts that it may be sent to.
    pub secrets: BTreeMap<String, Vec<String>>,
    /// Services of the host it may use.
    pub services: BTreeSet<String>,
    /// Tools of other plugins it may call.
    pub tools: BTreeSet<String>,
}

impl PluginGrants {
    /// The kinds of grants of which there is at least one: the keys of the section.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<&'static str> {
        let kinds = [
            ("read", self.read.is_empty()),
            ("write", self.write.is_empty()),
            ("http", self.http.is_empty()),
            ("secrets", self.secrets.is_empty()),
            ("services", self.services.is_empty()),
            ("tools", self.tools.is_empty()),
        ];
        kinds.into_iter().filter(|(_, empty)| !empty).map(|(kind, _)| kind).collect()
    }
}

/// Every plugin's grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    sections: BTreeMap<String, Arc<PluginGrants>>,
}

impl Grants {
    /// Reads grants; `path` is what errors call the text.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the line.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let sections: BTreeMap<String, Arc<PluginGrants>> = toml::from_str::<BTreeMap<String, PluginGrants>>(text)
            .map_err(|error| malformed(path, text, &error))?
            .into_iter()
            .map(|(name, grants)| (name, Arc::new(grants)))
            .collect();
        Ok(Self { sections })
    }

    /// Reads a grants file. One that is not there grants nothing.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Malformed`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(Error::Io { path: path.to_owned(), action: "read", source }),
        }
    }

    /// These grants, with those of `shipped` for plugins that have no section here.
    #[must_use]
    pub fn over(mut self, shipped: &Self) -> Self {
        for (name, grants) in &shipped.sections {
            self.sections.entry(name.clone()).or_insert_with(|| Arc::clone(grants));
        }
        self
    }

    /// The section of a plugin.
    #[must_use]
    pub fn section(&self, plugin: &str) -> Option<&Arc<PluginGrants>> {
        self.sections.get(plugin)
    }

    /// What a plugin may reach.
    #[must_use]
    pub fn access(&self, plugin: &str) -> Access {
        Access::new(plugin, self.sections.get(plugin).cloned().unwrap_or_default())
    }
}

/// The line of an error in a TOML document.
pub(crate) fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let before = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes().iter().take(before).filter(|byte| **byte == b'\n').count() + 1;
    Error::Malformed { path: path.to_owned(), line, message: error.message().trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
# The team's own store.
[feature_store]
read = ["s3://features/", "files"]
http = ["GET https://api.example.com"]
secrets = { api_key = ["api.example.com"] }
tools = ["load_dataset"]
"#;

    #[test]
    fn a_file_is_sections_by_plugin() {
        let grants = Grants::parse(FILE, Path::new("grants.toml")).unwrap();
        let section = grants.section("feature_store").unwrap();
        assert_eq!(section.kinds().into_iter().collect::<Vec<_>>(), ["http", "read", "secrets", "tools"]);
        assert!(grants.section("other").is_none());
    }

    #[test]
    fn an_unknown_key_and_a_wrong_prefix_are_named_with_their_line() {
        for (text, word) in [("[a]\n\nreads = []\n", "reads"), ("[a]\n\nread = [\"etc\"]\n", "etc")] {
            let error = Grants::parse(text, Path::new("grants.toml")).unwrap_err();
            assert!(matches!(error, Error::Malformed { line: 3, .. }), "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_section_of_the_operator_takes_the_place_of_the_one_shipped() {
        let shipped =
            Grants::parse("[a]\nread = [\"s3://\"]\n[b]\nread = [\"s3://\"]\n", Path::new("shipped")).unwrap();
        let own = Grants::parse("[a]\n", Path::new("own")).unwrap().over(&shipped);
        assert!(own.access("a").read("s3://x/y").is_err());
        assert!(own.access("b").read("s3://x/y").is_ok());
    }
}
