//! The journal: what an operation on a plugin folder is about to do, written before it does it.
//!
//! There is one for the folder, because one operation runs at a time. It is removed when the operation is complete, so
//! one that is found tells of an operation that broke off.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lock::{document, parse, text_of};
use crate::{Entry, Error, PluginName, durable};

/// The journal's name in the plugin folder.
const JOURNAL_FILE: &str = ".plugins.journal";
/// The version of the format.
const VERSION: u32 = 1;
const HEADER: &str = "# An operation of `kumiko plugin` that is under way, or broke off; the next one completes it.\n";

/// What is about to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Operation {
    /// The incoming file becomes the plugin's, and the lock gets the entry.
    Install {
        /// The plugin.
        name: PluginName,
        /// What the lock will know of it.
        entry: Box<Entry>,
    },
    /// The file goes, then the entry.
    Remove {
        /// The plugin.
        name: PluginName,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    version: u32,
    operation: Operation,
}

impl Operation {
    /// Where a folder's journal is.
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join(JOURNAL_FILE)
    }

    /// The operation that is under way in a folder, or broke off there.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = Self::path(folder);
        let Some(text) = text_of(&path)? else { return Ok(None) };
        let journal: Journal = parse(&path, &text, VERSION)?;
        Ok(Some(journal.operation))
    }

    /// Writes the journal. From here on the operation will be completed, by whomever.
    pub(crate) fn begin(self, folder: &Path) -> Result<(), Error> {
        let path = Self::path(folder);
        durable::replace(&path, &document(&path, HEADER, &Journal { version: VERSION, operation: self })?)
    }

    /// Removes the journal: the operation is complete.
    pub(crate) fn end(folder: &Path) -> Result<(), Error> {
        durable::remove(&Self::path(folder))
    }
}
