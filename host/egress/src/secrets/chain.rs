//! Several stores as one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{SecretName, SecretStore, SecretStoreError, SecretValue};

/// Stores that are asked in turn; the first that has the secret answers. A store that fails ends the search: what
/// a later store calls by the same name may be another secret.
#[derive(Clone, Default)]
pub struct Chain {
    stores: Vec<Arc<dyn SecretStore>>,
}

impl Chain {
    /// These stores in this order.
    #[must_use]
    pub fn new(stores: Vec<Arc<dyn SecretStore>>) -> Self {
        Self { stores }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Chain({} stores)", self.stores.len())
    }
}

#[async_trait]
impl SecretStore for Chain {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        for store in &self.stores {
            if let Some(value) = store.get(name).await? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Files};

    #[tokio::test]
    async fn the_first_store_that_has_the_secret_answers() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(second.path().join("a"), "second").unwrap();
        let chain = Chain::new(vec![
            Arc::new(Environment::default()),
            Arc::new(Files::new(first.path())),
            Arc::new(Files::new(second.path())),
        ]);
        let name = SecretName::parse("a").unwrap();
        assert_eq!(chain.get(&name).await.unwrap().unwrap().expose(), "second");
        std::fs::write(first.path().join("a"), "first").unwrap();
        assert_eq!(chain.get(&name).await.unwrap().unwrap().expose(), "first");
        assert!(chain.get(&SecretName::parse("b").unwrap()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_store_that_fails_is_not_passed_over() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(first.path().join("a")).unwrap();
        std::fs::write(second.path().join("a"), "second").unwrap();
        let chain = Chain::new(vec![Arc::new(Files::new(first.path())), Arc::new(Files::new(second.path()))]);
        assert!(chain.get(&SecretName::parse("a").unwrap()).await.is_err());
    }
}
