//! Listing a folder in the byte order of keys.
//!
//! A folder `a` stands for the keys that begin with `a/`. Sorting a folder's entries by name, with `/` after the names of folders,
//! is therefore the order of the keys below them, and a walk from the top yields them sorted without holding more than
//! one folder at a time. Subtrees that lie before the cursor or outside the prefix are not entered.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Error;
use super::embedded::is_absence;

/// What an entry of a folder means to a listing.
pub(super) enum Entry {
    /// Keys begin with this name and a slash.
    Folder(String),
    /// A key ends with this name.
    Object(String),
    /// Nothing.
    Other,
}

/// A listing under way.
pub(super) struct Walk<'a> {
    /// What the keys begin with.
    pub(super) prefix: &'a str,
    /// The last key that is not wanted any more; empty at the beginning.
    pub(super) after: &'a str,
    /// How many keys are enough.
    pub(super) enough: usize,
    /// Reads a directory entry.
    pub(super) read: &'a dyn Fn(&fs::DirEntry) -> Entry,
    /// Where the folder of a name lies, for going straight to it.
    pub(super) folder_name: &'a dyn Fn(&str) -> String,
}

/// A key and its file.
pub(super) struct Found {
    pub(super) key: String,
    pub(super) path: PathBuf,
}

impl Walk<'_> {
    /// The keys under `folder`, which stands for the keys that begin with `base`.
    pub(super) fn run(&self, folder: &Path, base: &str) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        let _ = self.enter(folder, base, &mut found)?;
        Ok(found)
    }

    fn enter(&self, folder: &Path, base: &str, found: &mut Vec<Found>) -> Result<ControlFlow<()>, Error> {
        if let Some((name, _)) = self.prefix.strip_prefix(base).and_then(|rest| rest.split_once('/')) {
            let below = folder.join((self.folder_name)(name));
            return match fs::symlink_metadata(&below) {
                Ok(metadata) if metadata.is_dir() => self.enter(&below, &format!("{base}{name}/"), found),
                _ => Ok(ControlFlow::Continue(())),
            };
        }
        for (key, path) in self.entries(folder, base)? {
            let is_folder = key.ends_with('/');
            let wanted = key.starts_with(self.prefix)
                && (key.as_str() > self.after || (is_folder && self.after.starts_with(&key)));
            if !wanted || found.last().is_some_and(|last| last.key == key) {
                continue;
            }
            if is_folder {
                if self.enter(&path, &key, found)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            } else {
                found.push(Found { key, path });
            }
            if found.len() >= self.enough {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The entries of a folder in order, those of folders ending in `/`. A folder that has just gone is empty.
    fn entries(&self, folder: &Path, base: &str) -> Result<Vec<(String, PathBuf)>, Error> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(source) if is_absence(&source) => return Ok(Vec::new()),
            Err(source) => return Err(Error::io("read the folder", folder, source)),
        };
        let mut named = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| Error::io("read the folder", folder, source))?;
            match (self.read)(&entry) {
                Entry::Folder(name) => named.push((format!("{base}{name}/"), entry.path())),
                Entry::Object(name) => named.push((format!("{base}{name}"), entry.path())),
                Entry::Other => {}
            }
        }
        named.sort();
        Ok(named)
    }
}
