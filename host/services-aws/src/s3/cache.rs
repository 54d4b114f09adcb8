//! Downloaded objects on disk, by uri and ETag.
//!
//! An entry is a file that nobody writes to any more; who uses it holds a link of his own, so that removing an entry disturbs
//! nobody. The time of change of an entry is that of its last use, and the longest unused go first. Processes may share
//! the folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kumiko_services::objects::{Error, Held, ObjectInfo, Spool, digest};

/// A bounded folder of downloaded objects.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    limit: u64,
}

impl Cache {
    pub(super) fn open(folder: &Path, limit: u64) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|source| Error::io("create the folder", folder, source))?;
        Ok(Self { folder: folder.to_owned(), limit })
    }

    pub(super) fn set_limit(&mut self, bytes: u64) {
        self.limit = bytes;
    }

    /// The bytes of an object, where they are here.
    pub(super) fn find(&self, info: &ObjectInfo, spool: &Spool) -> Option<Held> {
        let path = self.path(info);
        let held = spool.hold(&path).ok()?;
        let file = File::open(held.path()).ok()?;
        if file.metadata().ok()?.len() != info.size {
            let _ = fs::remove_file(&path);
            return None;
        }
        // Who may not set the time loses the order of use, and nothing else.
        let _ = file.set_modified(SystemTime::now());
        Some(held)
    }

    /// Keeps the bytes in `file`, which nobody writes to any more, and removes what has no room beside them.
    pub(super) fn keep(&self, info: &ObjectInfo, file: &Path) {
        if info.size > self.limit {
            return;
        }
        match fs::hard_link(file, self.path(info)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // The cache is a saving, not a promise.
            Err(error) => return tracing::debug!(%error, "a downloaded object is not kept"),
        }
        if let Err(error) = self.trim() {
            tracing::debug!(%error, "the folder of downloaded objects cannot be read");
        }
    }

    fn trim(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may have removed it just then.
            let Ok(metadata) = entry.metadata() else { continue };
            entries.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in entries {
            if total <= self.limit {
                break;
            }
            let _ = fs::remove_file(path);
            total = total.saturating_sub(size);
        }
        Ok(())
    }

    fn path(&self, info: &ObjectInfo) -> PathBuf {
        self.folder.join(digest::sha256(format!("{}\n{}", info.uri, info.etag).as_bytes()))
    }
}
