//! The plugin folder: what lies in it, and when a look is worth it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A look that happens whatever the system reports: network folders, symlink swaps further up and exhausted watch limits give no
/// events.
const POLL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    identity: u64,
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
        if let Ok(metadata) = std::fs::metadata(&path)
            && metadata.is_file()
        {
            files.insert(
                path,
                Stamp { size: metadata.len(), modified: metadata.modified().ok(), identity: identity(&metadata) },
            );
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
        let watcher = notify::recommended_watcher(move |_: notify::Result<notify::Event>| {
            let _ = sender.try_send(());
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
