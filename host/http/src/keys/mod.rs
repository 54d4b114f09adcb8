//! API keys: who holds one may call, until it is revoked or expires.
//!
//! A key's text is `kmk_<id>_<secret>`. The id finds the entry, the secret proves that its holder may use it; only the
//! secret's digest is kept. A fast digest is enough: the secret is 190 random bits, and nobody searches those.
//!
//! The ring is what `keys.toml` says. Another process may change the file at any time, so it is looked at while
//! requests come, at most once a second; what was revoked there ends within that second.

mod file;

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use self::file::Stamp;
use crate::error::Error;
use crate::limits::Limiter;
use crate::random::{self, BASE32, BASE62};

/// What each key's text starts with, so that people and scanners of leaked secrets recognise one.
pub(crate) const PREFIX: &str = "kmk_";

/// Characters of the id: 40 bits, so that two keys never meet.
const ID_LENGTH: usize = 8;

/// Characters of the secret: 190 bits.
const SECRET_LENGTH: usize = 32;

/// The longest name of a key, in characters.
const NAME_LENGTH: usize = 64;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many calls a key's holder may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests to the protocol's endpoint in a minute, on the long run.
    pub calls_per_minute: NonZeroU32,
    /// How many of them may come at once.
    pub burst: NonZeroU32,
}

/// A key as it is kept: everything but its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The part of its text by which it is found; not a secret.
    pub id: String,
    /// What people call it; callers are told apart by it in logs.
    pub name: String,
    /// The capabilities that its holder may see and call; empty for all.
    pub scopes: Vec<String>,
    /// How often its holder may call; `None` for as often as they like.
    pub rate: Option<Rate>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it stops being accepted, in seconds since 1970; `None` for never.
    pub expires: Option<u64>,
    /// The digest of its secret.
    sha256: [u8; 32],
}

impl Key {
    /// Whether its time is over.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= now())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the digest: it is nothing that a log needs.
        formatter.debug_struct("Key").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A key with the state of its rate limit.
pub(crate) struct Held {
    pub(crate) key: Key,
    pub(crate) limiter: Option<Arc<Limiter>>,
}

/// The keys of a server. Clones share everything.
#[derive(Clone, Default)]
pub struct KeyRing {
    shared: Arc<Shared>,
}

struct Shared {
    /// Where the keys are kept; `None` for in this process alone.
    path: Option<PathBuf>,
    keys: RwLock<Arc<HashMap<String, Arc<Held>>>>,
    look: Mutex<Look>,
    changes: watch::Sender<u64>,
}

/// When the file was looked at last, and what it looked like.
#[derive(Default)]
struct Look {
    at: Option<Instant>,
    stamp: Option<Stamp>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { path: None, keys: RwLock::default(), look: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyRing").field("path", &self.shared.path).field("keys", &self.list()).finish()
    }
}

impl KeyRing {
    /// The keys of a file. A file that does not exist has none yet.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is not one that a key ring wrote.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let ring = Self { shared: Arc::new(Shared { path: Some(path.into()), ..Shared::default() }) };
        if let Some(path) = &ring.shared.path {
            let stamp = Stamp::of(path)?;
            ring.replace(file::read(path)?);
            ring.look().stamp = stamp;
        }
        Ok(ring)
    }

    /// Makes a key and returns its text, which is shown once and kept nowhere.
    ///
    /// `scopes` are the capabilities that its holder may use, empty for all; `expires` is when it stops being accepted.
    ///
    /// # Errors
    ///
    /// Where the name or a scope is not one, another key has the name, `expires` lies in the past, or the file cannot
    /// be written.
    pub fn create(
        &self,
        name: &str,
        scopes: Vec<String>,
        rate: Option<Rate>,
        expires: Option<SystemTime>,
    ) -> Result<String, Error> {
        check_name(name)?;
        for scope in &scopes {
            check_scope(scope)?;
        }
        let expires = expires.map(seconds);
        if expires.is_some_and(|expires| expires <= now()) {
            return Err(Error::KeyRefused { reason: "it would expire in the past".to_owned() });
        }
        let secret = random::text(BASE62, SECRET_LENGTH)?;
        let id = random::text(BASE32, ID_LENGTH)?;
        let text = format!("{PREFIX}{id}_{secret}");
        let sha256 = random::digest(&secret);
        let key = Key { id, name: name.to_owned(), scopes, rate, created: now(), expires, sha256 };
        self.change(|keys| {
            if keys.iter().any(|other| other.name == key.name || other.id == key.id) {
                let reason = format!("there is a key with the name `{}` already", key.name);
                return Err(Error::KeyRefused { reason });
            }
            keys.push(key);
            Ok(())
        })?;
        Ok(text)
    }

    /// The keys, in the order of their making.
    #[must_use]
    pub fn list(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.keys().values().map(|held| held.key.clone()).collect();
        keys.sort_by(|left, right| (left.created, &left.name).cmp(&(right.created, &right.name)));
        keys
    }

    /// Ends a key for good and returns what it was.
    ///
    /// # Errors
    ///
    /// Where there is no key of this id, or the file cannot be written.
    pub fn revoke(&self, id: &str) -> Result<Key, Error> {
        self.change(|keys| {
            let position = keys.iter().position(|key| key.id == id);
            position.map(|position| keys.remove(position)).ok_or_else(|| Error::UnknownKey { id: id.to_owned() })
        })
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys().is_empty()
    }

    /// The key that a text proves, if it does. A wrong secret, an unknown id and an expired key take the same time and
    /// look the same.
    pub(crate) fn verify(&self, text: &str) -> Option<Arc<Held>> {
        self.refresh();
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let held = self.keys().get(id).cloned();
        let given = random::digest(secret);
        let expected = held.as_ref().map_or([0; 32], |held| held.key.sha256);
        let same = random::same(&given, &expected);
        held.filter(|held| same && !held.key.has_expired())
    }

    /// Whether the key of this id is still one.
    pub(crate) fn is_valid(&self, id: &str) -> bool {
        self.keys().get(id).is_some_and(|held| !held.key.has_expired())
    }

    /// Hears of every change of the ring.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Looks at the file, unless that was done less than a second ago.
    fn refresh(&self) {
        let due = |look: &Look| look.at.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        // Whoever finds it busy goes on with what is there.
        if self.shared.look.try_lock().is_ok_and(|look| due(&look)) {
            self.follow();
        }
    }

    /// Looks at the file and takes what it says if it has changed. A file that is damaged changes nothing; one that is
    /// gone takes all keys along.
    pub(crate) fn follow(&self) {
        let Some(path) = &self.shared.path else { return };
        let mut look = self.look();
        look.at = Some(Instant::now());
        match Stamp::of(path) {
            Ok(stamp) if stamp == look.stamp => {}
            Ok(stamp) => {
                look.stamp = stamp;
                match file::read(path) {
                    Ok(keys) => {
                        tracing::info!(path = %path.display(), keys = keys.len(), "the key file has changed");
                        self.replace(keys);
                    }
                    Err(error) => tracing::error!(%error, "the keys stay as they were"),
                }
            }
            Err(error) => tracing::error!(%error, "the keys stay as they were"),
        }
    }

    fn keys(&self) -> Arc<HashMap<String, Arc<Held>>> {
        self.shared.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        self.shared.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes other keys. A key that stays keeps the state of its rate limit, or a change of another key would refill
    /// it.
    fn replace(&self, keys: Vec<Key>) {
        let mut shared = self.shared.keys.write().unwrap_or_else(PoisonError::into_inner);
        let held: HashMap<String, Arc<Held>> = keys
            .into_iter()
            .map(|key| {
                let before = shared.get(&key.id).filter(|before| before.key.rate == key.rate);
                let limiter = match before {
                    Some(before) => before.limiter.clone(),
                    None => key.rate.map(|rate| Arc::new(Limiter::new(rate))),
                };
                (key.id.clone(), Arc::new(Held { key, limiter }))
            })
            .collect();
        *shared = Arc::new(held);
        drop(shared);
        self.shared.changes.send_modify(|revision| *revision += 1);
    }

    /// Changes what is kept: from the file as it is at this moment, alone among processes.
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Key>) -> Result<T, Error>) -> Result<T, Error> {
        let Some(path) = &self.shared.path else {
            let mut keys = self.list();
            let changed = change(&mut keys)?;
            self.replace(keys);
            return Ok(changed);
        };
        let _alone = file::lock(path)?;
        let mut keys = file::read(path)?;
        let changed = change(&mut keys)?;
        file::write(path, &keys)?;
        self.look().stamp = Stamp::of(path)?;
        self.replace(keys);
        Ok(changed)
    }
}

/// This moment, in seconds since 1970.
pub(crate) fn now() -> u64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn check_name(name: &str) -> Result<(), Error> {
    let refused = |reason: String| Err(Error::KeyRefused { reason });
    if name.trim() != name || name.is_empty() || name.chars().count() > NAME_LENGTH {
        return refused(format!(
            "its name has to have 1 to {NAME_LENGTH} characters and no space at either end, `{name}` has not"
        ));
    }
    if name.chars().any(char::is_control) {
        return refused("its name has control characters".to_owned());
    }
    Ok(())
}

fn check_scope(scope: &str) -> Result<(), Error> {
    if crate::query::is_capability(scope) {
        return Ok(());
    }
    let reason = format!("a scope is the name of a capability (letters, digits, `_`, `-` and `.`), `{scope}` is not");
    Err(Error::KeyRefused { reason })
}

/// Whether a text could be an id.
fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| BASE32.contains(&byte))
}

/// The file's path with something behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
