//! Objects in memory, with the promises that every store of the server keeps.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use kumiko_services::objects::digest::sha256;
use kumiko_services::objects::{
    Error, Fetched, Listing, LocalObject, ObjectInfo, ObjectPrefix, ObjectStore, ObjectUri, Precondition, Spool,
    Written, check_media_type, check_page, media_type_of,
};
use tempfile::TempDir;

/// The time of day in a test, which stands still until the test moves it.
pub(crate) type Clock = Arc<Mutex<Duration>>;

/// One object.
#[derive(Clone)]
struct Stored {
    info: ObjectInfo,
    bytes: Bytes,
}

/// Objects by uri. Only what has to be a file, because a reader of data sets wants one, becomes a file for as long as
/// it is read.
pub(crate) struct MemoryStore {
    objects: Mutex<BTreeMap<ObjectUri, Stored>>,
    clock: Clock,
    spool: Spool,
    // Fields are dropped in this order: the folder goes after the spool in it.
    _folder: TempDir,
}

impl MemoryStore {
    /// An empty store.
    pub(crate) fn new(clock: Clock) -> Result<Self, Error> {
        let io = |source| Error::io("create a folder in", &std::env::temp_dir(), source);
        let folder = tempfile::Builder::new().prefix("kumiko-test-").tempdir().map_err(io)?;
        Ok(Self { objects: Mutex::default(), clock, spool: Spool::open(folder.path())?, _folder: folder })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectUri, Stored>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, uri: &ObjectUri) -> Result<Stored, Error> {
        self.lock().get(uri).cloned().ok_or_else(|| Error::NotFound { uri: uri.to_string() })
    }

    fn now(&self) -> u64 {
        let now = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn head(&self, uri: &ObjectUri) -> Result<ObjectInfo, Error> {
        self.find(uri).map(|stored| stored.info)
    }

    async fn fetch(&self, uri: &ObjectUri, range: Option<Range<u64>>) -> Result<Fetched, Error> {
        let Stored { info, bytes } = self.find(uri)?;
        let bytes = match range {
            None => bytes,
            Some(range) => {
                let bound = |end: u64| usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len());
                let (start, end) = (bound(range.start), bound(range.end));
                bytes.slice(start..end.max(start))
            }
        };
        Ok(Fetched { info, bytes })
    }

    async fn put_bytes(
        &self,
        uri: &ObjectUri,
        body: Bytes,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        if let Some(media_type) = media_type {
            check_media_type(media_type)?;
        }
        let sha256 = sha256(&body);
        let info = ObjectInfo {
            uri: uri.to_string(),
            size: body.len() as u64,
            etag: sha256.clone(),
            media_type: media_type.unwrap_or_else(|| media_type_of(uri.key())).to_owned(),
            modified: self.now(),
        };
        let mut objects = self.lock();
        precondition.check(&info.uri, objects.get(uri).map(|stored| stored.info.etag.as_str()))?;
        objects.insert(uri.clone(), Stored { info: info.clone(), bytes: body });
        Ok(Written { info, sha256 })
    }

    async fn put_file(
        &self,
        uri: &ObjectUri,
        path: &Path,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
        self.put_bytes(uri, bytes.into(), media_type, precondition).await
    }

    async fn list(&self, prefix: &ObjectPrefix, cursor: Option<&str>, limit: usize) -> Result<Listing, Error> {
        check_page(cursor, limit)?;
        let after = cursor.unwrap_or_default();
        let objects = self.lock();
        let mut found = objects.iter().filter(|(uri, _)| {
            uri.bucket() == prefix.bucket() && uri.key().starts_with(prefix.key()) && uri.key() > after
        });
        let page: Vec<(&ObjectUri, &Stored)> = found.by_ref().take(limit).collect();
        let cursor = found.next().and(page.last()).map(|(uri, _)| uri.key().to_owned());
        Ok(Listing { objects: page.into_iter().map(|(_, stored)| stored.info.clone()).collect(), cursor })
    }

    async fn delete(&self, uri: &ObjectUri, precondition: &Precondition) -> Result<(), Error> {
        let mut objects = self.lock();
        precondition.check(&uri.to_string(), objects.get(uri).map(|stored| stored.info.etag.as_str()))?;
        objects.remove(uri);
        Ok(())
    }

    async fn localize(&self, uri: &ObjectUri) -> Result<LocalObject, Error> {
        let Stored { info, bytes } = self.find(uri)?;
        let scratch = self.spool.scratch()?;
        std::fs::write(scratch.path(), &bytes).map_err(|source| Error::io("write", scratch.path(), source))?;
        Ok(LocalObject::held(info, scratch.into_held()))
    }

    fn spool(&self) -> &Spool {
        &self.spool
    }
}
