//! Objects in a directory, with the semantics of S3.
//!
//! ```text
//! ROOT/objects/BUCKET/KEY   the objects, as plain files (layout.rs)
//! ROOT/etags/               what is remembered of them (etags.rs)
//! ROOT/locks/BUCKET         one lock a bucket, held for the instant in which a change becomes visible
//! ROOT/spool/               files on their way (../spool.rs)
//! ```
//!
//! A write goes to the spool and to disk first. Then, under the bucket's lock: read the current ETag, judge the precondition,
//! remember both ETags, rename. Readers take no lock: they open a file, and what they have opened stays whole. The lock is one
//! of the file system's, so it holds between processes, and a killed process lets go of it.

mod etags;
mod layout;
mod write;

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub(super) use etags::Identity;
use etags::{Etags, Record, has_settled};
use layout::Layout;
pub(super) use layout::{is_absence, sync_folder};

use super::source::Source;
use super::walk::{Entry, Walk};
use super::{
    Error, Fetched, Listing, LocalObject, ObjectInfo, ObjectPrefix, ObjectStore, ObjectUri, Precondition, Spool,
    Written, blocking, check_page, media_type_of, spool,
};

/// How often a reader looks again after an object moved between finding it and opening it.
const ATTEMPTS: usize = 8;

/// Objects in a directory. Any number of processes may open the same one.
#[derive(Clone)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

struct Shared {
    objects: PathBuf,
    locks: PathBuf,
    etags: Etags,
    spool: Spool,
}

impl EmbeddedStore {
    /// Opens the store in `root`, and makes it where there is none. Leftovers of killed processes are removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(|source| Error::io("create the folder", root, source))?;
        let root = fs::canonicalize(root).map_err(|source| Error::io("find the folder", root, source))?;
        let (objects, locks) = (root.join("objects"), root.join("locks"));
        for folder in [&objects, &locks] {
            fs::create_dir_all(folder).map_err(|source| Error::io("create the folder", folder, source))?;
            if fs::canonicalize(folder).ok().as_ref() != Some(folder) {
                return Err(Error::LeadsOut { path: folder.display().to_string() });
            }
        }
        let etags = Etags::open(root.join("etags"))?;
        let spool = Spool::open(&root.join("spool"))?;
        Ok(Self { shared: Arc::new(Shared { objects, locks, etags, spool }) })
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        blocking(move || work(&shared)).await
    }
}

impl Shared {
    fn layout(&self, bucket: &str) -> Layout {
        Layout::new(self.objects.join(bucket))
    }

    fn lock_path(&self, bucket: &str) -> PathBuf {
        self.locks.join(bucket)
    }

    /// Opens the file of an object, where there is one.
    fn open(&self, uri: &ObjectUri) -> Result<Option<(PathBuf, File)>, Error> {
        let layout = self.layout(uri.bucket());
        for _ in 0..ATTEMPTS {
            let Some(path) = layout.find(uri)? else { return Ok(None) };
            match File::open(&path) {
                Ok(file) => return Ok(Some((path, file))),
                Err(source) if is_absence(&source) => {}
                Err(source) => return Err(Error::io("open", &path, source)),
            }
        }
        Ok(None)
    }

    /// The record of an open file. A digest that had to be computed is remembered, unless somebody is writing just then.
    fn record(&self, uri: &ObjectUri, path: &Path, file: &mut File) -> Result<Record, Error> {
        let settled = has_settled(file);
        let (record, remembered) = self.etags.of(uri, file).map_err(|source| Error::io("read", path, source))?;
        if !remembered && settled {
            // It is a saving, not a promise: a full disk must not keep anybody from reading.
            let _ = self.remember(uri, &record);
        }
        Ok(record)
    }

    fn remember(&self, uri: &ObjectUri, record: &Record) -> Result<(), Error> {
        let lock_path = self.lock_path(uri.bucket());
        let lock = spool::open_lock(&lock_path)?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        let Some(path) = self.layout(uri.bucket()).find(uri)? else { return Ok(()) };
        let metadata = fs::metadata(&path).map_err(|source| Error::io("look at", &path, source))?;
        if Identity::of(&metadata) == record.identity {
            let remembered = self.etags.remember(uri, &[record], self.spool.folder());
            remembered.map_err(|source| Error::io("write beside", &path, source))?;
        }
        Ok(())
    }

    fn found(&self, uri: &ObjectUri) -> Result<(PathBuf, File, ObjectInfo), Error> {
        let (path, mut file) = self.open(uri)?.ok_or_else(|| Error::NotFound { uri: uri.to_string() })?;
        let record = self.record(uri, &path, &mut file)?;
        Ok((path, file, info(uri, record)))
    }

    fn fetch(&self, uri: &ObjectUri, range: Option<Range<u64>>) -> Result<Fetched, Error> {
        let (path, file, info) = self.found(uri)?;
        let bytes = read_range(file, info.size, range).map_err(|source| Error::io("read", &path, source))?;
        Ok(Fetched { info, bytes })
    }

    fn list(&self, prefix: &ObjectPrefix, cursor: Option<&str>, limit: usize) -> Result<Listing, Error> {
        let bucket = self.objects.join(prefix.bucket());
        match fs::symlink_metadata(&bucket) {
            Ok(metadata) if metadata.is_symlink() => {
                return Err(Error::LeadsOut { path: format!("s3://{}", prefix.bucket()) });
            }
            Ok(_) => {}
            Err(source) if is_absence(&source) => return Ok(Listing { objects: Vec::new(), cursor: None }),
            Err(source) => return Err(Error::io("look at", &bucket, source)),
        }
        let lock_path = self.lock_path(prefix.bucket());
        let mut after = cursor.unwrap_or_default().to_owned();
        let mut objects = Vec::new();
        loop {
            let wanted = limit - objects.len();
            let mut found = {
                // Names move under the lock only, so what was there before and after is in the listing.
                let lock = spool::open_lock(&lock_path)?;
                lock.lock_shared().map_err(|source| Error::io("lock", &lock_path, source))?;
                let folder_name = |name: &str| name.replace('%', "%25");
                let walk = Walk {
                    prefix: prefix.key(),
                    after: &after,
                    enough: wanted + 1,
                    read: &read_entry,
                    folder_name: &folder_name,
                };
                walk.run(&bucket, "")?
            };
            let more = found.len() > wanted;
            found.truncate(wanted);
            for entry in found {
                after.clone_from(&entry.key);
                // A hand-made name that is no key, or an object deleted since, is not listed.
                let Ok(uri) = ObjectUri::new(prefix.bucket(), &entry.key) else { continue };
                match self.found(&uri) {
                    Ok((_, _, info)) => objects.push(info),
                    Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if !more || objects.len() == limit {
                return Ok(Listing { objects, cursor: more.then_some(after) });
            }
        }
    }

    fn localize(&self, uri: &ObjectUri) -> Result<LocalObject, Error> {
        for _ in 0..ATTEMPTS {
            let Some(path) = self.layout(uri.bucket()).find(uri)? else { break };
            let held = match self.spool.hold(&path) {
                Ok(held) => held,
                Err(source) if is_absence(&source) => continue,
                Err(source) => return Err(Error::io("take hold of", &path, source)),
            };
            // The link has the inode of the object, so its record is that of the object as it was linked.
            let mut file = File::open(held.path()).map_err(|source| Error::io("open", held.path(), source))?;
            let record = self.record(uri, held.path(), &mut file)?;
            return Ok(LocalObject::held(info(uri, record), held));
        }
        Err(Error::NotFound { uri: uri.to_string() })
    }
}

/// What a store says of a file it has a record of.
fn info(uri: &ObjectUri, record: Record) -> ObjectInfo {
    ObjectInfo {
        uri: uri.to_string(),
        size: record.identity.size,
        modified: record.identity.modified(),
        media_type: record.media_type.unwrap_or_else(|| media_type_of(uri.key()).to_owned()),
        etag: record.etag,
    }
}

fn read_entry(entry: &fs::DirEntry) -> Entry {
    let name = entry.file_name();
    let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else { return Entry::Other };
    match layout::decode(name, kind.is_dir()) {
        Some(segment) if kind.is_dir() => Entry::Folder(segment),
        Some(segment) if kind.is_file() => Entry::Object(segment),
        _ => Entry::Other,
    }
}

/// Reads the part of a file of `size` bytes that lies in `range`.
pub(super) fn read_range(mut file: File, size: u64, range: Option<Range<u64>>) -> io::Result<Bytes> {
    let range = range.unwrap_or(0..size);
    let (start, end) = (range.start.min(size), range.end.min(size));
    let mut bytes = Vec::new();
    if start < end {
        file.seek(SeekFrom::Start(start))?;
        bytes.reserve_exact(usize::try_from(end - start).map_err(io::Error::other)?);
        file.take(end - start).read_to_end(&mut bytes)?;
    }
    Ok(bytes.into())
}

#[async_trait]
impl ObjectStore for EmbeddedStore {
    async fn head(&self, uri: &ObjectUri) -> Result<ObjectInfo, Error> {
        let uri = uri.clone();
        self.work(move |shared| Ok(shared.found(&uri)?.2)).await
    }

    async fn fetch(&self, uri: &ObjectUri, range: Option<Range<u64>>) -> Result<Fetched, Error> {
        let uri = uri.clone();
        self.work(move |shared| shared.fetch(&uri, range)).await
    }

    async fn put_bytes(
        &self,
        uri: &ObjectUri,
        body: Bytes,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        let (uri, media_type, precondition) = (uri.clone(), media_type.map(str::to_owned), precondition.clone());
        self.work(move |shared| shared.put(&uri, &Source::Bytes(body), media_type, &precondition)).await
    }

    async fn put_file(
        &self,
        uri: &ObjectUri,
        path: &Path,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        let (uri, media_type, precondition) = (uri.clone(), media_type.map(str::to_owned), precondition.clone());
        let path = path.to_owned();
        self.work(move |shared| shared.put(&uri, &Source::File(path), media_type, &precondition)).await
    }

    async fn list(&self, prefix: &ObjectPrefix, cursor: Option<&str>, limit: usize) -> Result<Listing, Error> {
        check_page(cursor, limit)?;
        let (prefix, cursor) = (prefix.clone(), cursor.map(str::to_owned));
        self.work(move |shared| shared.list(&prefix, cursor.as_deref(), limit)).await
    }

    async fn delete(&self, uri: &ObjectUri, precondition: &Precondition) -> Result<(), Error> {
        let (uri, precondition) = (uri.clone(), precondition.clone());
        self.work(move |shared| shared.delete(&uri, &precondition)).await
    }

    async fn localize(&self, uri: &ObjectUri) -> Result<LocalObject, Error> {
        let uri = uri.clone();
        self.work(move |shared| shared.localize(&uri)).await
    }

    fn spool(&self) -> &Spool {
        &self.shared.spool
    }
}
