//! What a job keeps on its way, to go on from after its server died.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kumiko_vocabulary::Fault;
use tokio::runtime::Handle;

use crate::objects::{Objects, Precondition};

/// The least time between two checkpoints: what is lost by a death of the server, against what keeping costs.
const INTERVAL: Duration = Duration::from_secs(5);
/// The media type of a checkpoint.
const MEDIA_TYPE: &str = "application/octet-stream";
/// The longest key: a digest and a name.
const LONGEST_KEY: usize = 255;

/// The one checkpoint of a job: an object beside its record. Called from threads where blocking is allowed.
pub struct Checkpoint {
    objects: Arc<Objects>,
    uri: String,
    runtime: Handle,
    kept_at: Mutex<Instant>,
}

impl Checkpoint {
    /// The checkpoint at `uri`. Must be made inside the runtime that does the waiting.
    pub(super) fn new(objects: Arc<Objects>, uri: String) -> Self {
        Self { objects, uri, runtime: Handle::current(), kept_at: Mutex::new(Instant::now()) }
    }

    /// What was kept last under this key; none where nothing was, where another key has taken its place, or where it cannot be read:
    /// work then begins at its beginning, which is slower and never wrong.
    #[must_use]
    pub fn kept(&self, key: &str) -> Option<Vec<u8>> {
        let bytes = self.runtime.block_on(self.objects.get(&self.uri, None)).ok()?;
        let (length, rest) = bytes.split_first()?;
        let (name, state) = rest.split_at_checked(usize::from(*length))?;
        (name == key.as_bytes()).then(|| state.to_vec())
    }

    /// Whether the last checkpoint was kept long enough ago.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.kept_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= INTERVAL
    }

    /// Keeps a state in place of the one before.
    ///
    /// # Errors
    /// What the object store says; a key of more than 255 bytes.
    pub fn keep(&self, key: &str, state: &[u8]) -> Result<(), Fault> {
        let length = u8::try_from(key.len()).map_err(|_| {
            Fault::invalid(
                "checkpoint_key_invalid",
                format!("a key has at most {LONGEST_KEY} bytes, not {}", key.len()),
            )
        })?;
        let mut bytes = Vec::with_capacity(1 + key.len() + state.len());
        bytes.push(length);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(state);
        let written = self.runtime.block_on(self.objects.put_bytes(
            &self.uri,
            bytes.into(),
            Some(MEDIA_TYPE),
            &Precondition::None,
        ));
        // Also after a failure: a store that refuses is not asked again at once.
        *self.kept_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        written.map(|_| ()).map_err(Fault::from)
    }
}
