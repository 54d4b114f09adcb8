//! Objects: bytes under a uri, `s3://bucket/key` or a path under a folder that the operator allowed.
//!
//! An object appears whole or not at all. Every write answers with the object's ETag and digest, and every write and
//! delete can be bound to a [`Precondition`].

use serde::de::DeserializeOwned;

use crate::content::Link;
use crate::host::{self, Host, UploadHandle};
use crate::{Fault, Result};

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Where it is, in its plain form.
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

/// What must hold for a write or a delete to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: the last writer wins.
    #[default]
    None,
    /// The object must not exist; else `conflict` with code `object_exists`.
    Absent,
    /// The object must still have this ETag; else `conflict` with code `object_changed`.
    Unchanged(String),
}

/// What a write left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The object as it stands.
    pub info: ObjectInfo,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl From<&Written> for Link {
    fn from(written: &Written) -> Self {
        Self::from(&written.info)
    }
}

impl From<&ObjectInfo> for Link {
    fn from(info: &ObjectInfo) -> Self {
        Self { media_type: Some(info.media_type.clone()), size: Some(info.size), ..Self::new(info.uri.as_str()) }
    }
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, ordered by uri.
    pub objects: Vec<ObjectInfo>,
    /// Where the next page begins; absent on the last.
    pub cursor: Option<String>,
}

/// Where a tool puts an object for which it was given no place: a uri that ends in `/`.
#[must_use]
pub fn home() -> String {
    host::call(Host::object_home)
}

/// What is known of an object.
///
/// # Errors
/// `object_not_found` where there is none.
pub fn head(uri: &str) -> Result<ObjectInfo> {
    host::call(|host| Host::object_head(host, uri))
}

/// A whole object of at most 8 MiB.
///
/// # Errors
/// `object_not_found`; `object_too_large`: read it in ranges.
pub fn get(uri: &str) -> Result<Vec<u8>> {
    host::call(|host| Host::object_get(host, uri))
}

/// Up to `length` bytes (at most 8 MiB) from `offset`. Fewer come back at the object's end, none past it.
///
/// # Errors
/// `object_not_found`.
pub fn get_range(uri: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
    host::call(|host| Host::object_get_range(host, uri, offset, length))
}

/// A whole object of at most 8 MiB as text.
///
/// # Errors
/// Those of [`get`], and `object_not_utf8`.
pub fn get_text(uri: &str) -> Result<String> {
    String::from_utf8(get(uri)?).map_err(|error| {
        Fault::invalid(
            "object_not_utf8",
            format!("{uri} is not UTF-8: byte {} is none", error.utf8_error().valid_up_to()),
        )
    })
}

/// A whole object of at most 8 MiB, read as JSON.
///
/// # Errors
/// Those of [`get`], and `object_not_json` where the text is no JSON of this type.
pub fn get_json<T: DeserializeOwned>(uri: &str) -> Result<T> {
    serde_json::from_slice(&get(uri)?)
        .map_err(|error| Fault::invalid("object_not_json", format!("{uri} is not the JSON that was expected: {error}")))
}

/// Writes an object whole. Without a media type the name suggests one.
///
/// # Errors
/// `object_exists` and `object_changed` where the precondition does not hold.
pub fn put(uri: &str, body: &[u8], media_type: Option<&str>, precondition: &Precondition) -> Result<Written> {
    host::call(|host| Host::object_put(host, uri, body, media_type, precondition))
}

/// Copies an object within the host, whatever its size. The copy has the source's media type.
///
/// # Errors
/// `object_not_found`; `object_exists` and `object_changed` where the precondition does not hold.
pub fn copy(source: &str, destination: &str, precondition: &Precondition) -> Result<Written> {
    host::call(|host| Host::object_copy(host, source, destination, precondition))
}

/// One page of at most `limit` (1 to 1,000) objects whose uri begins with `prefix`.
///
/// # Errors
/// A cursor that no listing handed out.
pub fn list(prefix: &str, cursor: Option<&str>, limit: u32) -> Result<Listing> {
    host::call(|host| Host::object_list(host, prefix, cursor, limit))
}

/// Deletes an object. Deleting what is not there succeeds, unless the precondition says otherwise.
///
/// # Errors
/// `object_changed` where the precondition does not hold.
pub fn delete(uri: &str, precondition: &Precondition) -> Result<()> {
    host::call(|host| Host::object_delete(host, uri, precondition))
}

/// An object too large for one [`put`], while it is being written. Nothing is visible before [`Upload::finish`]; an
/// upload that is dropped leaves nothing.
#[derive(Debug)]
pub struct Upload {
    handle: UploadHandle,
}

impl Upload {
    /// Begins an object.
    ///
    /// # Errors
    /// `object_exists` and `object_changed` where the precondition does not hold.
    pub fn create(uri: &str, media_type: Option<&str>, precondition: &Precondition) -> Result<Self> {
        host::call(|host| Host::object_create(host, uri, media_type, precondition)).map(|handle| Self { handle })
    }

    /// Appends bytes, at most 8 MiB a call.
    ///
    /// # Errors
    /// A call with more bytes than that.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        host::call(|host| Host::upload_write(host, &self.handle, bytes))
    }

    /// Makes the object visible.
    ///
    /// # Errors
    /// `object_exists` and `object_changed` where the precondition does not hold any more.
    pub fn finish(self) -> Result<Written> {
        host::call(|host| Host::upload_finish(host, &self.handle))
    }
}
