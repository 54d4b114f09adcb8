//! Writes and deletes of the embedded store.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use super::{Identity, Record, Shared, info, sync_folder};
use crate::objects::source::{self, Source};
use crate::objects::{Error, Held, ObjectUri, Precondition, Spool, Written, check_media_type, digest, spool};

/// A file that is whole and on disk, and lacks nothing but its name.
struct Draft {
    held: Held,
    identity: Identity,
    sha256: String,
}

impl Shared {
    pub(super) fn put(
        &self,
        uri: &ObjectUri,
        source: &Source,
        media_type: Option<String>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        if let Some(media_type) = &media_type {
            check_media_type(media_type)?;
        }
        let layout = self.layout(uri.bucket());
        let names = layout.names(uri)?;
        // A write that cannot succeed ends before its bytes are copied. The answer that counts is the one under the lock.
        match self.found(uri) {
            _ if *precondition == Precondition::None => {}
            Ok((_, _, info)) => precondition.check(&info.uri, Some(&info.etag))?,
            Err(Error::NotFound { uri }) => precondition.check(&uri, None)?,
            Err(error) => return Err(error),
        }
        let draft = draft(&self.spool, source)?;
        let record = Record { identity: draft.identity, etag: draft.sha256.clone(), media_type };

        let lock = spool::lock(&self.lock_path(uri.bucket()))?;
        let current = self.judge(uri, precondition)?;
        let publish = || {
            let target = layout.make_way(uri)?;
            let records: Vec<&Record> = [Some(&record), current.as_ref()].into_iter().flatten().collect();
            self.etags
                .remember(uri, &records, self.spool.folder())
                .map_err(|source| Error::io("write beside", &target, source))?;
            draft.held.persist(&target).map_err(|source| Error::io("move into place", &target, source))
        };
        if let Err(error) = publish() {
            layout.prune(&names);
            return Err(error);
        }
        drop(lock);
        sync_folder(&names.folder)?;
        Ok(Written { info: info(uri, record), sha256: draft.sha256 })
    }

    pub(super) fn delete(&self, uri: &ObjectUri, precondition: &Precondition) -> Result<(), Error> {
        let layout = self.layout(uri.bucket());
        let names = layout.names(uri)?;
        let _lock = spool::lock(&self.lock_path(uri.bucket()))?;
        self.judge(uri, precondition)?;
        // The name that is looked for first goes last, so that no older file comes to light in between.
        let mut deleted = false;
        for path in [&names.aside, &names.plain] {
            if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
                fs::remove_file(path).map_err(|source| Error::io("delete", path, source))?;
                deleted = true;
            }
        }
        if !deleted {
            return Ok(());
        }
        sync_folder(&names.folder)?;
        self.etags.forget(uri);
        layout.prune(&names);
        Ok(())
    }

    /// Holds the precondition against the object as it stands; what is known of that object. The caller holds the bucket's lock.
    fn judge(&self, uri: &ObjectUri, precondition: &Precondition) -> Result<Option<Record>, Error> {
        let text = uri.to_string();
        let Some((path, mut file)) = self.open(uri)? else {
            return precondition.check(&text, None).map(|()| None);
        };
        let failed = |source| Error::io("read", &path, source);
        if *precondition == Precondition::None {
            return self.etags.remembered(uri, &file).map_err(failed);
        }
        let (record, _) = self.etags.of(uri, &mut file).map_err(failed)?;
        precondition.check(&text, Some(&record.etag))?;
        Ok(Some(record))
    }
}

/// Brings the bytes to disk in the spool. A scratch file is taken over as it is, once; everything else is copied.
fn draft(spool: &Spool, source: &Source) -> Result<Draft, Error> {
    let (held, sha256) = match source {
        Source::File(path) if is_untaken_scratch(spool, path) => {
            let digest =
                digest::sha256_of(&mut source::open(path)?).map_err(|source| Error::io("read", path, source))?;
            (spool.hold(path).map_err(|source| Error::io("take hold of", path, source))?, digest.1)
        }
        _ => {
            let mut scratch = spool.scratch()?;
            let path = scratch.path().to_owned();
            let sha256 = source.copy_to(scratch.file_mut(), &path)?;
            (scratch.into_held(), sha256)
        }
    };
    let path = held.path();
    let settle = || -> io::Result<Identity> {
        let file = File::options().read(true).write(true).open(path)?;
        // The clock that stamps files ticks every few milliseconds; two writes in one tick shall differ.
        file.set_modified(SystemTime::now())?;
        file.sync_all()?;
        Ok(Identity::of(&file.metadata()?))
    };
    let identity = settle().map_err(|source| Error::io("write", path, source))?;
    Ok(Draft { identity, held, sha256 })
}

/// Whether the file is a scratch file that no object has become yet: two objects must not be one file.
fn is_untaken_scratch(spool: &Spool, path: &Path) -> bool {
    spool.owns_scratch(path) && fs::metadata(path).is_ok_and(|metadata| metadata.nlink() == 1)
}
