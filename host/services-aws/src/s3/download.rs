//! Large objects onto the local disk: parallel ranges of one ETag.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kumiko_services::objects::{
    Error, LocalObject, ObjectInfo, ObjectStore as _, ObjectUri, Precondition, ScratchFile,
};

use super::errors::{Place, broken_body, refused};
use super::{READ_ATTEMPTS, S3Store, is_broken_off, upload::quoted};

/// Bytes of one request.
const RANGE: u64 = 8 * 1024 * 1024;

/// Requests at a time. Each holds its range in memory.
const AT_A_TIME: usize = 6;

/// The object as a local file, downloaded or from the cache.
pub(super) async fn localize(store: &S3Store, uri: &ObjectUri) -> Result<LocalObject, Error> {
    let mut changed = None;
    for _ in 0..READ_ATTEMPTS {
        let info = store.head(uri).await?;
        let (cache, spool, wanted) = (store.cache.clone(), store.spool.clone(), info.clone());
        if let Some(held) = blocking(move || Ok(cache.find(&wanted, &spool))).await? {
            return Ok(LocalObject::held(info, held));
        }
        match download(store, uri, &info).await {
            Ok(scratch) => {
                let (cache, kept) = (store.cache.clone(), info.clone());
                return blocking(move || {
                    cache.keep(&kept, scratch.path());
                    Ok(LocalObject::held(info, scratch.into_held()))
                })
                .await;
            }
            // Somebody overwrote it between two ranges: what counts is the object as it has become.
            Err(error @ Error::Changed { .. }) => changed = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(changed.unwrap_or_else(|| Error::NotFound { uri: uri.to_string() }))
}

async fn download(store: &S3Store, uri: &ObjectUri, info: &ObjectInfo) -> Result<ScratchFile, Error> {
    let spool = store.spool.clone();
    let size = info.size;
    let (scratch, file) = blocking(move || {
        let mut scratch = spool.scratch()?;
        let prepared = scratch.file_mut().set_len(size).and_then(|()| scratch.file_mut().try_clone());
        let file = prepared.map_err(|source| Error::io("make room in", scratch.path(), source))?;
        Ok((scratch, Arc::new(file)))
    })
    .await?;
    let offsets = (0..size.div_ceil(RANGE)).map(|number| number * RANGE);
    stream::iter(offsets)
        .map(|offset| fill(store, uri, info, Arc::clone(&file), offset))
        .buffer_unordered(AT_A_TIME)
        .try_collect::<()>()
        .await?;
    Ok(scratch)
}

/// Downloads one range into its place in the file.
async fn fill(store: &S3Store, uri: &ObjectUri, info: &ObjectInfo, file: Arc<File>, offset: u64) -> Result<(), Error> {
    let end = info.size.min(offset + RANGE);
    let mut tries = 1;
    let bytes = loop {
        match part(store, uri, info, offset, end).await {
            Err(error) if tries < READ_ATTEMPTS && is_broken_off(&error) => tries += 1,
            answer => break answer?,
        }
    };
    let path = store.spool.folder().to_owned();
    blocking(move || file.write_all_at(&bytes, offset).map_err(|source| Error::io("write in", &path, source))).await
}

async fn part(
    store: &S3Store,
    uri: &ObjectUri,
    info: &ObjectInfo,
    offset: u64,
    end: u64,
) -> Result<bytes::Bytes, Error> {
    let unchanged = Precondition::Unchanged(info.etag.clone());
    let request = store.client.get_object().bucket(uri.bucket()).key(uri.key());
    let request = request.if_match(quoted(&info.etag)).range(format!("bytes={offset}-{}", end - 1));
    let place = Place::object("GetObject", uri).under(&unchanged);
    let answer = request.send().await.map_err(|error| refused(error, &place))?;
    let bytes = answer.body.collect().await.map_err(|error| broken_body("GetObject", uri, &error))?.into_bytes();
    match u64::try_from(bytes.len()) == Ok(end - offset) {
        true => Ok(bytes),
        false => {
            let reason = format!("{} bytes came instead of {}", bytes.len(), end - offset);
            Err(Error::Damaged { uri: uri.to_string(), reason })
        }
    }
}

/// Runs file work where it may block, off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(reason) => Err(Error::Interrupted { reason: reason.to_string() }),
    }
}
