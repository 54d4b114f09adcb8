//! `plugins.lock`: which plugins were installed into a folder, from where, and what their bytes must be.
//!
//! ```toml
//! version = 1
//!
//! [plugins.hello]
//! file = "hello.wasm"
//! source = "oci://registry.example/tools/hello:1"
//! origin = "oci://registry.example/tools/hello@sha256:…"
//! sha256 = "…"
//! signed_by = "release"
//! added = "2026-01-31T12:00:00Z"
//! ```
//!
//! The plugins are sorted by name, so that the file shows in version control what changed. It is read whole and replaced
//! whole. An error names the file and the line.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{Error, PluginName, Reference, Sha256, durable};

/// The lock's name in the plugin folder.
pub const LOCK_FILE: &str = "plugins.lock";
/// The version of the format.
const VERSION: u32 = 1;
const HEADER: &str = "\
# The plugins of this folder that were installed from a source: where each is from, and the digest that its file must
# have. `kumiko plugin add|update|remove` keeps this file. Keep it with the folder.
";

/// What the lock knows of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The component's file in the plugin folder: `<name>.wasm`.
    pub file: String,
    /// The reference as it was asked for; updates ask for it again.
    pub source: Reference,
    /// What the reference meant when it was fetched: for a registry, the manifest by its digest.
    pub origin: Reference,
    /// The component's digest.
    pub sha256: Sha256,
    /// The name of the trusted key that signed it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// When it was installed or last replaced, as RFC 3339 text.
    pub added: String,
}

/// The lock's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    plugins: BTreeMap<PluginName, Entry>,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    plugins: &'a BTreeMap<PluginName, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(default)]
    plugins: BTreeMap<Spanned<PluginName>, Entry>,
}

impl Lock {
    /// Reads a lock file. One that does not exist is an empty lock.
    ///
    /// # Errors
    /// `lock_invalid` with file and line, or `plugin_folder_failed` where it cannot be read at all.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let Some(text) = text_of(path)? else { return Ok(Self::default()) };
        let read: Read = parse(path, &text, VERSION)?;
        let mut plugins = BTreeMap::new();
        for (name, entry) in read.plugins {
            let line = line_of(&text, name.span().start);
            let name = name.into_inner();
            if entry.file != name.file() {
                let reason = format!("`{name}` has the file `{}`, expected is `{}`", entry.file, name.file());
                return Err(Error::Lock { file: path.to_owned(), line, reason });
            }
            plugins.insert(name, entry);
        }
        Ok(Self { plugins })
    }

    /// Replaces a lock file whole: written beside, forced to disk, renamed, and the folder forced to disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        durable::replace(path, &document(path, HEADER, &Written { version: VERSION, plugins: &self.plugins })?)
    }

    /// The plugins in the order of their names.
    pub fn plugins(&self) -> impl Iterator<Item = (&PluginName, &Entry)> {
        self.plugins.iter()
    }

    /// What is known of a plugin.
    #[must_use]
    pub fn get(&self, name: &PluginName) -> Option<&Entry> {
        self.plugins.get(name)
    }

    /// Sets what is known of a plugin.
    pub(crate) fn set(&mut self, name: PluginName, entry: Entry) {
        self.plugins.insert(name, entry);
    }

    /// Forgets a plugin.
    pub(crate) fn forget(&mut self, name: &PluginName) {
        self.plugins.remove(name);
    }

    /// The entry of a file in the folder, whose bytes must have the entry's digest.
    ///
    /// # Errors
    /// `plugin_not_locked` where no entry has this file, `digest_mismatch` where its digest is another.
    pub fn check(&self, file: &str, sha256: &Sha256) -> Result<&Entry, Error> {
        let entry = self.plugins.values().find(|entry| entry.file == file);
        let entry = entry.ok_or_else(|| Error::NotLocked { file: file.to_owned() })?;
        if entry.sha256 == *sha256 {
            return Ok(entry);
        }
        Err(Error::DigestMismatch {
            what: format!("`{file}` in the plugin folder"),
            expected: entry.sha256.clone(),
            found: sha256.clone(),
        })
    }
}

/// A document as the text of a file, behind a comment that says what it is.
pub(crate) fn document(path: &Path, header: &str, document: &impl Serialize) -> Result<Vec<u8>, Error> {
    let text = toml::to_string(document).map_err(|error| Error::Files {
        action: "writing",
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(format!("{header}{text}").into_bytes())
}

/// A file's text, or nothing where there is no such file.
pub(crate) fn text_of(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Error::Lock { file: path.to_owned(), line, reason: "is not UTF-8".to_owned() }
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::files("reading", path, &error)),
    }
}

/// Reads a document of a version. The version is looked at first: another one may have other keys.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &str, version: u32) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Spanned<u32>,
    }
    let invalid = |error: toml::de::Error| Error::Lock {
        file: path.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        reason: error.message().to_owned(),
    };
    let found: Versioned = toml::from_str(text).map_err(invalid)?;
    if *found.version.get_ref() != version {
        return Err(Error::Lock {
            file: path.to_owned(),
            line: line_of(text, found.version.span().start),
            reason: format!("is of version {}, this host reads version {version}", found.version.get_ref()),
        });
    }
    toml::from_str(text).map_err(invalid)
}

/// The line of an offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        let source = Reference::parse(&format!("oci://registry.example/tools/{name}:1")).unwrap();
        let Reference::Oci(artifact) = &source else { panic!("an artifact") };
        Entry {
            file: format!("{name}.wasm"),
            origin: Reference::Oci(artifact.pinned(Sha256::of(b"manifest"))),
            source,
            sha256: Sha256::of(name.as_bytes()),
            signed_by: (name == "signed").then(|| "release".to_owned()),
            added: "2026-01-31T12:00:00Z".to_owned(),
        }
    }

    fn lock(names: &[&str]) -> Lock {
        let mut lock = Lock::default();
        for name in names {
            lock.set(PluginName::parse(name).unwrap(), entry(name));
        }
        lock
    }

    #[test]
    fn what_is_written_is_read_again_and_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        assert_eq!(Lock::read(&path).unwrap(), Lock::default(), "no file is an empty lock");
        let lock = lock(&["signed", "b", "a"]);
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# The plugins of this folder"), "{text}");
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
        assert_eq!(headings, ["[plugins.a]", "[plugins.b]", "[plugins.signed]"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left in the folder");
    }

    #[test]
    fn a_file_is_checked_by_its_digest() {
        let lock = lock(&["a"]);
        assert_eq!(lock.check("a.wasm", &Sha256::of(b"a")).unwrap(), &entry("a"));
        assert_eq!(lock.check("a.wasm", &Sha256::of(b"b")).unwrap_err().code(), "digest_mismatch");
        assert_eq!(lock.check("b.wasm", &Sha256::of(b"b")).unwrap_err().code(), "plugin_not_locked");
    }

    #[test]
    fn an_error_names_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        lock(&["a"]).write(&path).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        let line_of = |start: &str| 1 + good.lines().position(|line| line.starts_with(start)).unwrap();
        let cases = [
            ("file = \"a.wasm\"", "file = \"../a.wasm\"", line_of("[plugins.a]"), "expected is `a.wasm`"),
            ("version = 1", "version = 2", line_of("version"), "version 2"),
            ("version = 1", "", 1, "version"),
            ("sha256 = \"", "sha256 = \"x", line_of("sha256"), "SHA-256"),
            ("source = \"oci:", "source = \"ftp:", line_of("source"), "scheme"),
            ("added = ", "colour = 1\nadded = ", line_of("added"), "colour"),
            ("[plugins.a]", "[plugins.\"..\"]", line_of("[plugins.a]"), "cannot be a plugin's name"),
            ("added = \"", "added = ", line_of("added"), ""),
            ("version = 1", "version = 1\nextra = 2", line_of("version") + 1, "extra"),
        ];
        for (from, to, line, word) in cases {
            assert!(good.contains(from), "{from}");
            std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
            let error = Lock::read(&path).unwrap_err();
            let message = error.to_string();
            assert_eq!(error.code(), "lock_invalid");
            assert!(message.starts_with(&format!("{}:{line}: ", path.display())), "{to}: {message}, line {line}");
            assert!(message.contains(word), "{to}: {message}");
        }
        std::fs::write(&path, b"version = 1\n# \xff\n").unwrap();
        assert!(Lock::read(&path).unwrap_err().to_string().contains("plugins.lock:2: is not UTF-8"));
    }
}
