//! The grants in force: the operator's file over those that plugins were shipped with, read again when the file changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use kumiko_grants::{Access, Error, Grants};

use crate::folder::Stamp;

/// The grants of a running server.
pub struct GrantsInForce {
    path: PathBuf,
    shipped: Grants,
    current: ArcSwap<Grants>,
    seen: Mutex<Option<Stamp>>,
}

impl GrantsInForce {
    /// Reads the operator's file, which need not exist.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: &Path, shipped: Grants) -> Result<Arc<Self>, Error> {
        let seen = Mutex::new(Stamp::of(path));
        let current = ArcSwap::from_pointee(Grants::read(path)?.over(&shipped));
        Ok(Arc::new(Self { path: path.to_owned(), shipped, current, seen }))
    }

    /// What a plugin may reach at this moment.
    #[must_use]
    pub fn access(&self, plugin: &str) -> Access {
        self.current.load().access(plugin)
    }

    /// Reads the file again if it is another one than before; true where that was so. A file that is not in order changes nothing.
    pub(crate) fn refresh(&self) -> bool {
        let stamp = Stamp::of(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == stamp {
            return false;
        }
        *seen = stamp;
        match Grants::read(&self.path) {
            Ok(grants) => {
                self.current.store(Arc::new(grants.over(&self.shipped)));
                tracing::info!(file = %self.path.display(), "grants read");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the grants file is not in order; the grants before it stay in force");
                false
            }
        }
    }
}

/// The kinds of grants that a component asks for, as its imports show: for each, the keys of which one has to be there.
pub(crate) fn asks(imports: &[String]) -> BTreeSet<&'static [&'static str]> {
    const OBJECTS: &[&str] = &["read", "write"];
    imports
        .iter()
        .filter_map(|import| match import.split('@').next().unwrap_or_default() {
            "kumiko:host/objects" | "kumiko:host/frames" | "kumiko:host/models" => Some(OBJECTS),
            "kumiko:host/http" | "wasi:http/outgoing-handler" => Some(&["http"][..]),
            "kumiko:host/secrets" => Some(&["secrets"][..]),
            "kumiko:host/tools" => Some(&["tools"][..]),
            "kumiko:host/jobs" => Some(&["services"][..]),
            _ => None,
        })
        .collect()
}

/// What a component asks for that an earlier version did not ask for and that is not granted.
pub(crate) fn missing(imports: &[String], earlier: &[String], access: &Access) -> Vec<&'static str> {
    let granted = access.grants().kinds();
    let asked_before = asks(earlier);
    asks(imports)
        .into_iter()
        .filter(|keys| !asked_before.contains(keys) && !keys.iter().any(|key| granted.contains(key)))
        .filter_map(|keys| keys.first().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_successor_asks_for_anew_has_to_be_granted() {
        let imports = |names: &[&str]| names.iter().map(|name| format!("kumiko:host/{name}@1.0.0")).collect::<Vec<_>>();
        let none = Access::new("a", Arc::default());
        assert_eq!(missing(&imports(&["log", "http"]), &imports(&["log"]), &none), ["http"]);
        assert!(missing(&imports(&["objects"]), &imports(&["frames"]), &none).is_empty());
        assert_eq!(missing(&imports(&["jobs"]), &imports(&["objects"]), &none), ["services"]);
        let grants = Grants::parse("[a]\nhttp = [\"api.example.com\"]\n", Path::new("grants.toml")).unwrap();
        assert!(missing(&imports(&["http"]), &imports(&["log"]), &grants.access("a")).is_empty());
    }

    #[test]
    fn a_changed_file_is_in_force_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grants.toml");
        let grants = GrantsInForce::open(&path, Grants::default()).unwrap();
        assert!(!grants.refresh() && grants.access("a").read("s3://x/y").is_err());
        std::fs::write(&path, "[a]\nread = [\"s3://x/\"]\n").unwrap();
        assert!(grants.refresh() && grants.access("a").read("s3://x/y").is_ok());
        std::fs::write(&path, "[a]\nread = s3://x/\n# longer than before\n").unwrap();
        assert!(!grants.refresh() && grants.access("a").read("s3://x/y").is_ok());
    }
}
