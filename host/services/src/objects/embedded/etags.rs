//! ETags and stored media types of the embedded store, kept beside the objects.
//!
//! An ETag is the SHA-256 of the bytes. It is remembered by inode, size and time of change, so that a file which an
//! operator copies in by hand gets one at its first use and a different one when it is replaced. A record may be lost at any
//! time: then the bytes are read again, and the media type follows from the name.
//!
//! A write leaves two records, for the file that is there and for the one about to take its place, before the rename
//! happens: whichever of the two a crash leaves, its record is there.

use std::fs::{self, File, Metadata};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::objects::{Error, ObjectUri, digest};

/// How long a file must have been left alone before its digest is remembered: a change within the clock tick of the last
/// one would not show in its time.
const SETTLED: Duration = Duration::from_secs(2);

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    inode: u64,
    pub(crate) size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }

    /// When the file was last written, in milliseconds since 1970-01-01 UTC; 0 for times before.
    pub(crate) fn modified(&self) -> u64 {
        u64::try_from(self.seconds.saturating_mul(1_000).saturating_add(self.nanoseconds / 1_000_000)).unwrap_or(0)
    }

    /// An ETag for a file that is not to be read for it.
    pub(crate) fn etag(&self) -> String {
        format!("{:x}-{:x}-{:x}-{:x}", self.inode, self.size, self.seconds, self.nanoseconds)
    }
}

/// What is remembered of one state of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) identity: Identity,
    pub(super) etag: String,
    /// The media type, where the writer gave one.
    pub(super) media_type: Option<String>,
}

/// The records of all objects, one small file an object.
pub(super) struct Etags {
    folder: PathBuf,
}

impl Etags {
    pub(super) fn open(folder: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&folder).map_err(|source| Error::io("create the folder", &folder, source))?;
        Ok(Self { folder })
    }

    /// The record of an open file, and whether it was remembered. Where it was not, the file is read for its digest.
    pub(super) fn of(&self, uri: &ObjectUri, file: &mut File) -> io::Result<(Record, bool)> {
        if let Some(record) = self.remembered(uri, file)? {
            return Ok((record, true));
        }
        let identity = Identity::of(&file.metadata()?);
        let (_, etag) = digest::sha256_of(file)?;
        file.rewind()?;
        Ok((Record { identity, etag, media_type: None }, false))
    }

    /// What is remembered of an open file.
    pub(super) fn remembered(&self, uri: &ObjectUri, file: &File) -> io::Result<Option<Record>> {
        let identity = Identity::of(&file.metadata()?);
        Ok(self.read(uri).into_iter().find(|record| record.identity == identity))
    }

    /// Remembers the states that the object's file may be found in. The caller holds the bucket's lock.
    pub(super) fn remember(&self, uri: &ObjectUri, records: &[&Record], drafts: &Path) -> io::Result<()> {
        let path = self.path(uri);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut draft = NamedTempFile::new_in(drafts)?;
        draft.write_all(serde_json::to_string(records)?.as_bytes())?;
        draft.persist(path).map_err(|refused| refused.error)?;
        Ok(())
    }

    /// Forgets an object. The caller holds the bucket's lock.
    pub(super) fn forget(&self, uri: &ObjectUri) {
        let _ = fs::remove_file(self.path(uri));
    }

    fn read(&self, uri: &ObjectUri) -> Vec<Record> {
        fs::read(self.path(uri)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    fn path(&self, uri: &ObjectUri) -> PathBuf {
        let name = digest::sha256(uri.to_string().as_bytes());
        let (first, rest) = name.split_at(2);
        self.folder.join(first).join(rest)
    }
}

/// Whether the file has been left alone long enough for its time of change to tell the next change from the last.
pub(super) fn has_settled(file: &File) -> bool {
    let age = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map(|modified| SystemTime::now().duration_since(modified));
    matches!(age, Ok(Ok(age)) if age >= SETTLED)
}
