//! The plugin folder: what lies in it, and when a look is worth it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A look that happens whatever the system reports: network folders, symlink swaps further up and exhausted watch limits give no
/// events.
const POLL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    modified: Option<SystemTime>,
    identity: u64,
}

impl Stamp {
    /// How long ago the file was last written, as far as the system tells.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.modified?.elapsed().ok()
    }

    /// The state of a file; `None` where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        Some(Self { size: metadata.len(), modified: metadata.modified().ok(), identity: identity(&metadata) })
    }
}

/// Every plugin file in the folder, following symlinks.
pub(crate) fn list(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // A file that vanishes between the two calls is not there.
        if let Some(stamp) = Stamp::of(&path) {
            files.insert(path, stamp);
        }
    }
    Ok(files)
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(_metadata: &std::fs::Metadata) -> u64 {
    0
}

/// Wakes whoever waits when something in the folder may have changed.
pub(crate) struct Watch {
    events: mpsc::Receiver<()>,
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches `folder`, by polling alone where the system offers nothing better.
    pub(crate) fn new(folder: &Path) -> Self {
        // One place is enough: what matters is that something happened since the last look.
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is an event too: a look that woke the next look would never end.
            let only_read = |event: &notify::Event| {
                matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write))
            };
            if !event.as_ref().is_ok_and(only_read) {
                let _ = sender.try_send(());
            }
        })
        .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
        if let Err(error) = &watcher {
            tracing::warn!(folder = %folder.display(), %error, "the system reports no file events; the plugin folder is looked at every {} seconds", POLL.as_secs());
        }
        Self { events, watcher: watcher.ok() }
    }

    /// Returns when a look is worth it, at the latest after `at_most`.
    pub(crate) async fn wait(&mut self, at_most: Option<Duration>) {
        let at_most = at_most.unwrap_or(POLL).min(POLL);
        if self.watcher.is_none() {
            return tokio::time::sleep(at_most).await;
        }
        let _ = tokio::time::timeout(at_most, self.events.recv()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_wakes_nobody_and_a_change_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        std::fs::write(&file, b"one").unwrap();
        let mut watch = Watch::new(folder.path());
        assert!(watch.watcher.is_some(), "this system reports file events");
        for _ in 0..3 {
            list(folder.path()).unwrap();
            std::fs::read(&file).unwrap();
            let woken = tokio::time::timeout(Duration::from_millis(200), watch.events.recv()).await;
            assert!(woken.is_err(), "reading is no change");
        }
        std::fs::write(&file, b"two").unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.events.recv()).await.expect("a change is reported");
    }
}
