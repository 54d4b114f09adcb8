//! Objects into S3: in one request, or in parts.
//!
//! An upload in parts becomes visible with its last request, which carries the precondition. Whoever gives up before, or is
//! cancelled, has the parts removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kumiko_services::objects::{
    Error, ObjectInfo, ObjectStore as _, ObjectUri, Precondition, Written, bare_etag, check_media_type, digest,
    media_type_of,
};

use super::download::blocking;
use super::errors::{Place, refused};
use super::{Encryption, S3Store, info_of_head, just_now};

/// A file of at most this many bytes goes in one request, and a larger one in parts of at least as many.
const PART: u64 = 8 * 1024 * 1024;

/// The most parts that S3 takes.
const PARTS: u64 = 10_000;

/// The largest object that S3 takes, in bytes.
const LARGEST: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// Parts sent at a time.
const AT_A_TIME: usize = 6;

/// The metadata under which a write leaves its word.
const WORD: &str = "kumiko-write";

/// An ETag as HTTP carries it.
pub(super) fn quoted(etag: &str) -> String {
    format!("\"{}\"", bare_etag(etag))
}

/// What goes with every way of writing one object.
struct Target<'a> {
    store: &'a S3Store,
    uri: &'a ObjectUri,
    media_type: &'a str,
    precondition: &'a Precondition,
    word: String,
}

impl<'a> Target<'a> {
    fn new(
        store: &'a S3Store,
        uri: &'a ObjectUri,
        media_type: Option<&'a str>,
        precondition: &'a Precondition,
    ) -> Result<Self, Error> {
        media_type.map_or(Ok(()), check_media_type)?;
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Error::io("read", Path::new("random bytes"), io::Error::other(error)))?;
        let word = hex::encode(random);
        let media_type = media_type.unwrap_or_else(|| media_type_of(uri.key()));
        Ok(Self { store, uri, media_type, precondition, word })
    }

    fn place(&self, operation: &'static str) -> Place<'a> {
        Place::object(operation, self.uri).under(self.precondition)
    }

    fn if_match(&self) -> Option<String> {
        match self.precondition {
            Precondition::Unchanged(etag) => Some(quoted(etag)),
            _ => None,
        }
    }

    fn if_none_match(&self) -> Option<String> {
        (*self.precondition == Precondition::Absent).then(|| "*".to_owned())
    }

    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match &self.store.encryption {
            Some(Encryption { key }) => (Some(ServerSideEncryption::AwsKms), key.clone()),
            None => (None, None),
        }
    }

    async fn put(&self, body: ByteStream, size: u64) -> Result<ObjectInfo, Error> {
        let (encryption, key) = self.encryption();
        let request = self.store.client.put_object().bucket(self.uri.bucket()).key(self.uri.key()).body(body);
        let request = request.content_type(self.media_type).metadata(WORD, &self.word);
        let request = request.set_if_match(self.if_match()).set_if_none_match(self.if_none_match());
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(key);
        match request.send().await {
            Ok(answer) => Ok(self.info(size, answer.e_tag())),
            Err(error) => self.unless_written(refused(error, &self.place("PutObject"))).await,
        }
    }

    fn info(&self, size: u64, etag: Option<&str>) -> ObjectInfo {
        ObjectInfo {
            uri: self.uri.to_string(),
            size,
            etag: bare_etag(etag.unwrap_or_default()).to_owned(),
            media_type: self.media_type.to_owned(),
            modified: just_now(),
        }
    }

    /// A conflict with nobody but this very write, sent twice, is no conflict.
    async fn unless_written(&self, error: Error) -> Result<ObjectInfo, Error> {
        if !matches!(error, Error::Exists { .. } | Error::Changed { .. }) {
            return Err(error);
        }
        let head = self.store.client.head_object().bucket(self.uri.bucket()).key(self.uri.key()).send().await;
        match head {
            Ok(head) if head.metadata().and_then(|metadata| metadata.get(WORD)) == Some(&self.word) => {
                Ok(info_of_head(self.uri, &head))
            }
            _ => Err(error),
        }
    }

    /// Ends a large write that cannot succeed before its bytes are sent. The answer that counts is the one at the upload's end.
    async fn check_beforehand(&self) -> Result<(), Error> {
        if *self.precondition == Precondition::None {
            return Ok(());
        }
        match self.store.head(self.uri).await {
            Ok(info) => self.precondition.check(&info.uri, Some(&info.etag)),
            Err(Error::NotFound { uri }) => self.precondition.check(&uri, None),
            Err(error) => Err(error),
        }
    }

    /// Sends a file in parts. `before` is the state in which the file's digest was taken.
    async fn put_parts(&self, path: &Path, before: &State) -> Result<ObjectInfo, Error> {
        let size = before.size;
        let (encryption, key) = self.encryption();
        let request = self.store.client.create_multipart_upload().bucket(self.uri.bucket()).key(self.uri.key());
        let request = request.content_type(self.media_type).metadata(WORD, &self.word);
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(key);
        let begun =
            request.send().await.map_err(|error| refused(error, &Place::object("CreateMultipartUpload", self.uri)))?;
        let upload = begun.upload_id().unwrap_or_default();
        let mut guard = Abort { upload: Some((self.store.client.clone(), self.uri.clone(), upload.to_owned())) };

        let part = part_size(size);
        let mut parts: Vec<CompletedPart> = stream::iter(0..size.div_ceil(part))
            .map(|number| self.put_part(path, upload, number, number * part..size.min((number + 1) * part)))
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        parts.sort_by_key(CompletedPart::part_number);
        if state(path).await? != *before {
            let reason = format!("{} changed while it was sent", path.display());
            return Err(Error::Damaged { uri: self.uri.to_string(), reason });
        }

        let request = self
            .store
            .client
            .complete_multipart_upload()
            .bucket(self.uri.bucket())
            .key(self.uri.key())
            .upload_id(upload);
        let request = request.multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        let request = request.set_if_match(self.if_match()).set_if_none_match(self.if_none_match());
        let info = match request.send().await {
            Ok(answer) => self.info(size, answer.e_tag()),
            Err(error) => self.unless_written(refused(error, &self.place("CompleteMultipartUpload"))).await?,
        };
        guard.upload = None;
        Ok(info)
    }

    async fn put_part(
        &self,
        path: &Path,
        upload: &str,
        number: u64,
        range: std::ops::Range<u64>,
    ) -> Result<CompletedPart, Error> {
        let body = body(path, range).await?;
        let number = i32::try_from(number + 1).unwrap_or(i32::MAX);
        let request = self.store.client.upload_part().bucket(self.uri.bucket()).key(self.uri.key());
        let request = request.upload_id(upload).part_number(number).body(body);
        let answer = request.send().await.map_err(|error| refused(error, &Place::object("UploadPart", self.uri)))?;
        // S3 holds the parts against the checksums that it computed itself when they came.
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32);
        Ok(part.build())
    }
}

/// Writes an object from memory.
pub(super) async fn put_bytes(
    store: &S3Store,
    uri: &ObjectUri,
    body: Bytes,
    media_type: Option<&str>,
    precondition: &Precondition,
) -> Result<Written, Error> {
    let target = Target::new(store, uri, media_type, precondition)?;
    let size = body.len() as u64;
    let hashed = body.clone();
    let sha256 = blocking(move || Ok(digest::sha256(&hashed))).await?;
    let info = target.put(ByteStream::from(body), size).await?;
    Ok(Written { info, sha256 })
}

/// Writes an object from a file.
pub(super) async fn put_file(
    store: &S3Store,
    uri: &ObjectUri,
    path: &Path,
    media_type: Option<&str>,
    precondition: &Precondition,
) -> Result<Written, Error> {
    let before = state(path).await?;
    if before.size > LARGEST {
        return Err(Error::TooLarge { uri: uri.to_string(), size: before.size, limit: LARGEST });
    }
    let file = path.to_owned();
    if before.size <= PART {
        let read = move || fs::read(&file).map_err(|source| Error::io("read", &file, source));
        return put_bytes(store, uri, blocking(read).await?.into(), media_type, precondition).await;
    }
    let target = Target::new(store, uri, media_type, precondition)?;
    target.check_beforehand().await?;
    let hash = move || {
        let digest = File::open(&file).and_then(|mut file| digest::sha256_of(&mut file));
        digest.map(|(_, sha256)| sha256).map_err(|source| Error::io("read", &file, source))
    };
    let sha256 = blocking(hash).await?;
    let info = target.put_parts(path, &before).await?;
    Ok(Written { info, sha256 })
}

/// What shows that a file was written to.
#[derive(PartialEq, Eq)]
struct State {
    size: u64,
    modified: Option<SystemTime>,
}

async fn state(path: &Path) -> Result<State, Error> {
    let path: PathBuf = path.to_owned();
    blocking(move || match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(State { size: metadata.len(), modified: metadata.modified().ok() }),
        Ok(_) => Err(Error::NotAFile { path: path.display().to_string() }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            Err(Error::NotFound { uri: path.display().to_string() })
        }
        Err(source) => Err(Error::io("look at", &path, source)),
    })
    .await
}

async fn body(path: &Path, range: std::ops::Range<u64>) -> Result<ByteStream, Error> {
    let part = ByteStream::read_from()
        .path(path)
        .offset(range.start)
        .length(Length::Exact(range.end - range.start))
        .build()
        .await;
    part.map_err(|error| Error::io("read", path, io::Error::other(error)))
}

/// The size of the parts of an object, in bytes: the smallest that makes no more parts than S3 takes.
fn part_size(size: u64) -> u64 {
    PART.max(size.div_ceil(PARTS))
}

/// Removes the parts of an upload that does not come to its end.
struct Abort {
    upload: Option<(Client, ObjectUri, String)>,
}

impl Drop for Abort {
    fn drop(&mut self) {
        let Some((client, uri, upload)) = self.upload.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let request = client.abort_multipart_upload().bucket(uri.bucket()).key(uri.key()).upload_id(upload);
            if request.send().await.is_err() {
                tracing::warn!(%uri, "the parts of an upload that was given up may be left in the bucket");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_their_number_stays_within_the_limit() {
        assert_eq!(part_size(PART + 1), PART);
        assert_eq!(part_size(PART * PARTS), PART);
        assert_eq!(part_size(PART * PARTS + 1), PART + 1);
        assert!(LARGEST.div_ceil(part_size(LARGEST)) <= PARTS);
    }
}
