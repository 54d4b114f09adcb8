//! Who asks, once it is proved.

use std::sync::Arc;
use std::time::Duration;

use kumiko_mcp::Selection;

use crate::keys::{KeyRing, now};
use crate::limits::Limiter;

/// What tells callers apart. Two requests with the same identity come from the same caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// Nobody in particular, on this machine.
    Anonymous,
    /// The holder of a key, by the key's id.
    Key(Arc<str>),
    /// The subject of the issuer's tokens.
    Subject(Arc<str>),
}

/// A caller with what the proof of identity allows.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) identity: Identity,
    /// What logs call it.
    pub(crate) name: Arc<str>,
    /// The capabilities that it may see and call.
    pub(crate) selection: Selection,
    /// When the proof ends, in seconds since 1970.
    pub(crate) ends: Option<u64>,
    /// How often it may call.
    pub(crate) limiter: Option<Arc<Limiter>>,
}

impl Principal {
    /// Whoever reaches a server that asks for no proof.
    pub(crate) fn anonymous() -> Self {
        Self {
            identity: Identity::Anonymous,
            name: "anonymous".into(),
            selection: Selection::All,
            ends: None,
            limiter: None,
        }
    }

    /// Whether the proof still stands: its time is not over and its key is not revoked.
    pub(crate) fn stands(&self, keys: &KeyRing) -> bool {
        self.ends.is_none_or(|ends| now() < ends) && self.identity.stands(keys)
    }

    /// Waits until the proof no longer stands.
    pub(crate) async fn ended(&self, keys: KeyRing) {
        let mut changes = keys.changes();
        while self.stands(&keys) {
            let rest = self.ends.map(|ends| Duration::from_secs(ends.saturating_sub(now())));
            let over = async {
                match rest {
                    Some(rest) => tokio::time::sleep(rest).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Identity {
    /// Whether the key behind it, if it is one, is still valid.
    pub(crate) fn stands(&self, keys: &KeyRing) -> bool {
        match self {
            Self::Key(id) => keys.is_valid(id),
            Self::Anonymous | Self::Subject(_) => true,
        }
    }
}
