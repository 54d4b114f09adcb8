//! Objects in S3, or in whatever speaks its protocol.
//!
//! Small objects go in one request, large files in parts; large objects come in parallel ranges of one ETag, into a cache on
//! disk. Preconditions are S3's own (`If-Match`, `If-None-Match`), so they hold between all writers of a bucket.
//!
//! A write whose answer is lost on the way is sent again, and the second time its own precondition fails. So every write leaves a
//! random word with the object, and a refused writer that finds its own word there has succeeded.

mod cache;
mod connect;
mod download;
mod errors;
mod upload;

use std::ops::Range;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use bytes::Bytes;
use kumiko_services::objects::{
    Error, Fetched, Listing, LocalObject, ObjectInfo, ObjectPrefix, ObjectStore, ObjectUri, Precondition, Spool,
    Written, bare_etag, check_page, media_type_of,
};

use cache::Cache;
pub use connect::S3Settings;
use errors::{Place, refused};

/// How often a read begins again when its body breaks off or the object changes under it.
const READ_ATTEMPTS: usize = 3;

/// The longest text that S3 takes as the start of a listing, in bytes.
const CURSOR_LIMIT: usize = 1_024;

/// Objects in S3. Clones share connections and cache.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    encryption: Option<Encryption>,
    spool: Spool,
    cache: Cache,
}

/// How S3 is told to encrypt what is written.
#[derive(Clone, Debug)]
struct Encryption {
    /// The KMS key; the account's own for S3 where there is none.
    key: Option<String>,
}

impl S3Store {
    /// The client, for what is not an operation on objects.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same store with room for `bytes` of downloaded objects on disk. The default is [`S3Settings::CACHE_BYTES`].
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: u64) -> Self {
        self.cache.set_limit(bytes);
        self
    }

    /// One attempt at reading.
    async fn attempt(&self, uri: &ObjectUri, range: Option<&str>) -> Result<Fetched, Error> {
        let request = self.client.get_object().bucket(uri.bucket()).key(uri.key()).set_range(range.map(str::to_owned));
        let answer = request.send().await.map_err(|error| refused(error, &Place::object("GetObject", uri)))?;
        let info = info_of_part(uri, &answer);
        let expected = answer.content_length;
        let body = answer.body.collect().await;
        let bytes = body.map_err(|error| errors::broken_body("GetObject", uri, &error))?.into_bytes();
        match expected {
            Some(expected) if i64::try_from(bytes.len()) != Ok(expected) => {
                let reason = format!("{} bytes came instead of {expected}", bytes.len());
                Err(Error::Damaged { uri: uri.to_string(), reason })
            }
            _ => Ok(Fetched { info, bytes }),
        }
    }
}

/// Whether the same read may succeed if it is begun again at once.
fn is_broken_off(error: &Error) -> bool {
    matches!(error, Error::Damaged { .. })
}

fn info_of_head(uri: &ObjectUri, head: &HeadObjectOutput) -> ObjectInfo {
    ObjectInfo {
        uri: uri.to_string(),
        size: length(head.content_length),
        etag: bare_etag(head.e_tag.as_deref().unwrap_or_default()).to_owned(),
        media_type: head.content_type.clone().unwrap_or_else(|| media_type_of(uri.key()).to_owned()),
        modified: milliseconds(head.last_modified.as_ref()),
    }
}

fn info_of_part(uri: &ObjectUri, part: &GetObjectOutput) -> ObjectInfo {
    // `bytes 0-9/1234`: the whole is behind the slash.
    let whole = part
        .content_range
        .as_deref()
        .and_then(|range| range.rsplit_once('/'))
        .and_then(|(_, whole)| whole.parse().ok());
    ObjectInfo {
        uri: uri.to_string(),
        size: whole.unwrap_or_else(|| length(part.content_length)),
        etag: bare_etag(part.e_tag.as_deref().unwrap_or_default()).to_owned(),
        media_type: part.content_type.clone().unwrap_or_else(|| media_type_of(uri.key()).to_owned()),
        modified: milliseconds(part.last_modified.as_ref()),
    }
}

fn length(bytes: Option<i64>) -> u64 {
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// A time in milliseconds since 1970-01-01 UTC, to the second: some servers tell more in a listing than in a header, and the
/// same object shall have the same time everywhere.
fn milliseconds(time: Option<&DateTime>) -> u64 {
    time.and_then(|time| u64::try_from(time.secs()).ok()).unwrap_or(0).saturating_mul(1_000)
}

/// The time of a write that S3 has just accepted. Its own is not in the answer.
fn just_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|age| u64::try_from(age.as_millis()).ok()).unwrap_or(0)
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn head(&self, uri: &ObjectUri) -> Result<ObjectInfo, Error> {
        let request = self.client.head_object().bucket(uri.bucket()).key(uri.key());
        let head = request.send().await.map_err(|error| refused(error, &Place::object("HeadObject", uri)))?;
        Ok(info_of_head(uri, &head))
    }

    async fn fetch(&self, uri: &ObjectUri, range: Option<Range<u64>>) -> Result<Fetched, Error> {
        let header = match range {
            None => None,
            Some(range) if range.start < range.end => Some(format!("bytes={}-{}", range.start, range.end - 1)),
            Some(_) => return Ok(Fetched { info: self.head(uri).await?, bytes: Bytes::new() }),
        };
        for _ in 1..READ_ATTEMPTS {
            match self.attempt(uri, header.as_deref()).await {
                Err(error) if is_broken_off(&error) => tracing::debug!(%error, "reading again"),
                answer => return past_the_end(self, uri, answer).await,
            }
        }
        past_the_end(self, uri, self.attempt(uri, header.as_deref()).await).await
    }

    async fn put_bytes(
        &self,
        uri: &ObjectUri,
        body: Bytes,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        upload::put_bytes(self, uri, body, media_type, precondition).await
    }

    async fn put_file(
        &self,
        uri: &ObjectUri,
        path: &Path,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        upload::put_file(self, uri, path, media_type, precondition).await
    }

    async fn list(&self, prefix: &ObjectPrefix, cursor: Option<&str>, limit: usize) -> Result<Listing, Error> {
        check_page(cursor, limit)?;
        if let Some(cursor) = cursor.filter(|cursor| cursor.len() > CURSOR_LIMIT) {
            return Err(Error::InvalidCursor { cursor: cursor.to_owned() });
        }
        let mut objects = Vec::new();
        let mut after = cursor.map(str::to_owned);
        loop {
            let wanted = limit - objects.len();
            let request = self.client.list_objects_v2().bucket(prefix.bucket()).prefix(prefix.key());
            let request = request.set_start_after(after.clone()).max_keys(i32::try_from(wanted).unwrap_or(i32::MAX));
            let page = request.send().await.map_err(|error| refused(error, &Place::bucket("ListObjectsV2", prefix)))?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                after = Some(key.to_owned());
                // A key that no uri can name, such as the `folder/` that consoles make, is nothing a tool could open.
                let Ok(uri) = ObjectUri::new(prefix.bucket(), key) else { continue };
                objects.push(ObjectInfo {
                    uri: uri.to_string(),
                    size: length(object.size()),
                    etag: bare_etag(object.e_tag().unwrap_or_default()).to_owned(),
                    media_type: media_type_of(key).to_owned(),
                    modified: milliseconds(object.last_modified()),
                });
            }
            let more = page.is_truncated().unwrap_or(false) && !page.contents().is_empty();
            if !more || objects.len() >= limit {
                return Ok(Listing { objects, cursor: after.filter(|_| more) });
            }
        }
    }

    async fn delete(&self, uri: &ObjectUri, precondition: &Precondition) -> Result<(), Error> {
        let expected = match precondition {
            Precondition::None => None,
            Precondition::Unchanged(etag) => Some(upload::quoted(etag)),
            // There is nothing to delete if it holds, so nothing can come in between.
            Precondition::Absent => {
                return match self.head(uri).await {
                    Ok(info) => precondition.check(&info.uri, Some(&info.etag)),
                    Err(Error::NotFound { .. }) => Ok(()),
                    Err(error) => Err(error),
                };
            }
        };
        let request = self.client.delete_object().bucket(uri.bucket()).key(uri.key()).set_if_match(expected);
        let place = Place::object("DeleteObject", uri).under(precondition);
        request.send().await.map(|_| ()).map_err(|error| refused(error, &place))
    }

    async fn localize(&self, uri: &ObjectUri) -> Result<LocalObject, Error> {
        download::localize(self, uri).await
    }

    fn spool(&self) -> &Spool {
        &self.spool
    }
}

/// A range that begins past the object's end is refused by S3 and empty by contract.
async fn past_the_end(store: &S3Store, uri: &ObjectUri, answer: Result<Fetched, Error>) -> Result<Fetched, Error> {
    match answer {
        Err(Error::Service { code, .. }) if code == "InvalidRange" => {
            Ok(Fetched { info: store.head(uri).await?, bytes: Bytes::new() })
        }
        answer => answer,
    }
}
