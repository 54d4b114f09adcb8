//! Answers of a store, kept for a while.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::{SecretName, SecretStore, SecretStoreError, SecretValue};

/// How long a value is kept: a rotated secret is in use after this, and a store that counts requests is asked 12 times
/// an hour.
const EXPIRY: Duration = Duration::from_secs(5 * 60);
/// How long it is kept that there is no such secret: short, because an operator is about to add it.
const ABSENT_EXPIRY: Duration = Duration::from_secs(5);

/// What is known of one secret. The lock is held while the store is asked, so that others who miss wait for the same
/// answer.
type Entry = Arc<tokio::sync::Mutex<Option<(Instant, Option<SecretValue>)>>>;

/// A store that asks another one at most once in a while for each name. Errors are not kept.
pub struct Cached {
    store: Arc<dyn SecretStore>,
    expiry: Duration,
    entries: Mutex<HashMap<SecretName, Entry>>,
}

impl Cached {
    /// Keeps the answers of `store` for five minutes.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>) -> Self {
        Self::with_expiry(store, EXPIRY)
    }

    /// Keeps the answers of `store` for `expiry`; that there is no such secret, for five seconds at most.
    #[must_use]
    pub fn with_expiry(store: Arc<dyn SecretStore>, expiry: Duration) -> Self {
        Self { store, expiry, entries: Mutex::default() }
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cached").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

#[async_trait]
impl SecretStore for Cached {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        let entry =
            Arc::clone(self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default());
        let mut known = entry.lock().await;
        if let Some((since, answer)) = known.as_ref() {
            let expiry = if answer.is_some() { self.expiry } else { self.expiry.min(ABSENT_EXPIRY) };
            if since.elapsed() < expiry {
                return Ok(answer.clone());
            }
        }
        let answer = self.store.get(name).await?;
        *known = Some((Instant::now(), answer.clone()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is asked; the first `failures` times it fails.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        failures: usize,
        absent: bool,
    }

    #[async_trait]
    impl SecretStore for Counting {
        async fn get(&self, _: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if asked < self.failures {
                return Err(SecretStoreError::new("away"));
            }
            Ok((!self.absent).then(|| SecretValue::new(format!("value {asked}"))))
        }
    }

    fn name() -> SecretName {
        SecretName::parse("token").unwrap()
    }

    #[tokio::test]
    async fn those_who_miss_at_once_ask_once() {
        let store = Arc::new(Counting::default());
        let cached = Cached::new(store.clone());
        let name = name();
        let answers = futures::future::join_all((0..50).map(|_| cached.get(&name))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap().expose() == "value 0"));
        assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_expired_answer_is_asked_for_again() {
        let store = Arc::new(Counting::default());
        let cached = Cached::with_expiry(store.clone(), Duration::ZERO);
        assert_eq!(cached.get(&name()).await.unwrap().unwrap().expose(), "value 0");
        assert_eq!(cached.get(&name()).await.unwrap().unwrap().expose(), "value 1");
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let store = Arc::new(Counting { failures: 1, ..Counting::default() });
        let cached = Cached::new(store.clone());
        assert!(cached.get(&name()).await.is_err());
        assert_eq!(cached.get(&name()).await.unwrap().unwrap().expose(), "value 1");
        assert_eq!(cached.get(&name()).await.unwrap().unwrap().expose(), "value 1");
    }

    #[tokio::test]
    async fn that_there_is_none_is_kept_as_well() {
        let store = Arc::new(Counting { absent: true, ..Counting::default() });
        let cached = Cached::new(store.clone());
        assert!(cached.get(&name()).await.unwrap().is_none() && cached.get(&name()).await.unwrap().is_none());
        assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    }
}
