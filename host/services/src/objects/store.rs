//! The trait that every object store implements, and the records it speaks in.

use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Error, LocalObject, ObjectPrefix, ObjectUri, Spool};

/// The most objects that one page of a listing holds.
pub const LIST_LIMIT: usize = 1_000;

/// The longest cursor, in bytes: the longest path.
const CURSOR_LIMIT: usize = 4_096;

/// What must hold for a write or a delete to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: the last writer wins.
    None,
    /// The object must not exist.
    Absent,
    /// The object must still have this ETag.
    Unchanged(String),
}

impl Precondition {
    /// Judges what was found: the ETag of the object, or nothing where there is no object.
    ///
    /// # Errors
    /// [`Error::Exists`] or [`Error::Changed`].
    pub fn check(&self, uri: &str, found: Option<&str>) -> Result<(), Error> {
        match self {
            Self::None => Ok(()),
            Self::Absent if found.is_none() => Ok(()),
            Self::Absent => Err(Error::Exists { uri: uri.to_owned() }),
            Self::Unchanged(expected) if found == Some(bare_etag(expected)) => Ok(()),
            Self::Unchanged(expected) => {
                Err(Error::Changed { uri: uri.to_owned(), expected: expected.clone(), found: found.map(str::to_owned) })
            }
        }
    }
}

/// An ETag without the quotation marks in which HTTP carries it.
#[must_use]
pub fn bare_etag(etag: &str) -> &str {
    etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(etag)
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Where it is, in its plain form: `s3://bucket/key`, or an absolute path.
    pub uri: String,
    /// The size in bytes.
    pub size: u64,
    /// Changes whenever the bytes do. Opaque: compare, do not parse.
    pub etag: String,
    /// The media type, as stored or as the name suggests.
    pub media_type: String,
    /// When it was last written, in milliseconds since 1970-01-01 UTC.
    pub modified: u64,
}

/// What a write left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The object as it stands.
    pub info: ObjectInfo,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in the byte order of their uris.
    pub objects: Vec<ObjectInfo>,
    /// Where the next page begins; absent on the last. It stays good when objects come and go in between.
    pub cursor: Option<String>,
}

/// Bytes together with what they are bytes of, from one and the same version of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The whole object.
    pub info: ObjectInfo,
    /// The bytes asked for.
    pub bytes: Bytes,
}

/// A place that keeps objects. Every implementation means the same by every operation.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// What is known of an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    async fn head(&self, uri: &ObjectUri) -> Result<ObjectInfo, Error>;

    /// Reads an object, or the part of it in `range`: what lies past the object's end is left out, so a range beyond it is empty.
    /// Everything asked for is held in memory; for more than a few megabytes use [`ObjectStore::localize`].
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    async fn fetch(&self, uri: &ObjectUri, range: Option<Range<u64>>) -> Result<Fetched, Error>;

    /// The bytes of [`ObjectStore::fetch`] alone.
    ///
    /// # Errors
    /// As [`ObjectStore::fetch`].
    async fn get(&self, uri: &ObjectUri, range: Option<Range<u64>>) -> Result<Bytes, Error> {
        Ok(self.fetch(uri, range).await?.bytes)
    }

    /// Writes an object whole. Without a media type, the name decides.
    ///
    /// # Errors
    /// [`Error::Exists`] or [`Error::Changed`] where the precondition does not hold; nothing is written then.
    async fn put_bytes(
        &self,
        uri: &ObjectUri,
        body: Bytes,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error>;

    /// Writes an object from a local file, whatever its size. The file must not change meanwhile.
    ///
    /// # Errors
    /// As [`ObjectStore::put_bytes`].
    async fn put_file(
        &self,
        uri: &ObjectUri,
        path: &Path,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error>;

    /// The objects whose uri begins with `prefix`, in the byte order of their keys, at most `limit` (1 to [`LIST_LIMIT`]) a page.
    ///
    /// # Errors
    /// [`Error::InvalidLimit`], and whatever keeps the store from being read.
    async fn list(&self, prefix: &ObjectPrefix, cursor: Option<&str>, limit: usize) -> Result<Listing, Error>;

    /// Deletes an object. Deleting what is not there succeeds, unless the precondition says otherwise.
    ///
    /// # Errors
    /// [`Error::Exists`] or [`Error::Changed`] where the precondition does not hold.
    async fn delete(&self, uri: &ObjectUri, precondition: &Precondition) -> Result<(), Error>;

    /// A local file with exactly the bytes of one version of the object. It stays as it is while the value lives, whoever
    /// overwrites or deletes the object.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    async fn localize(&self, uri: &ObjectUri) -> Result<LocalObject, Error>;

    /// The folder for files on their way in or out.
    fn spool(&self) -> &Spool;
}

/// Refuses a page size that no page may have, and a cursor that no page can have ended with.
///
/// # Errors
/// [`Error::InvalidLimit`] or [`Error::InvalidCursor`].
pub fn check_page(cursor: Option<&str>, limit: usize) -> Result<(), Error> {
    if !(1..=LIST_LIMIT).contains(&limit) {
        return Err(Error::InvalidLimit { limit });
    }
    match cursor {
        Some(cursor) if cursor.len() > CURSOR_LIMIT || cursor.contains(char::is_control) => {
            Err(Error::InvalidCursor { cursor: cursor.to_owned() })
        }
        _ => Ok(()),
    }
}
