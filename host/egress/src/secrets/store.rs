//! Where secrets come from.

use async_trait::async_trait;

use crate::{SecretName, SecretValue};

/// Most bytes of a value: what the cloud's store allows, and far above any key.
pub const SECRET_BYTES_LIMIT: usize = 64 << 10;

/// Why a store gives no answer. It is no error that a store does not have a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SecretStoreError {
    /// What went wrong and where. It never holds a value.
    pub reason: String,
}

impl SecretStoreError {
    /// A store that gives no answer for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Keeps secrets by name.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The value of a secret; nothing where the store has none of this name, or an empty one.
    ///
    /// # Errors
    /// The store cannot be asked, or what it has is no text of at most [`SECRET_BYTES_LIMIT`] bytes.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError>;
}
