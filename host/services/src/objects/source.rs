//! Where the bytes of a write come from.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::embedded::is_absence;
use super::{Error, digest};

/// The body of a write.
pub(super) enum Source {
    /// In memory.
    Bytes(Bytes),
    /// In a local file.
    File(PathBuf),
}

impl Source {
    /// Copies everything to `target`, which is at `path`; the SHA-256 of it.
    pub(super) fn copy_to(&self, target: &mut impl Write, path: &Path) -> Result<String, Error> {
        let copied = match self {
            Self::Bytes(body) => digest::copy_with_sha256(&mut body.as_ref(), target),
            Self::File(source) => digest::copy_with_sha256(&mut open(source)?, target),
        };
        copied.map(|(_, sha256)| sha256).map_err(|source| Error::io("write", path, source))
    }
}

/// Opens a regular file for reading.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let refused = |source: io::Error| match is_absence(&source) {
        true => Error::NotFound { uri: path.display().to_string() },
        false => Error::io("open", path, source),
    };
    // A pipe would block at open, so what it is comes first.
    if !fs::metadata(path).map_err(refused)?.is_file() {
        return Err(Error::NotAFile { path: path.display().to_string() });
    }
    File::open(path).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_failures() {
        let path = Path::new("/dev/full");
        let mut full = File::options().write(true).open(path).unwrap();
        let refused = Source::Bytes(Bytes::from_static(b"no room")).copy_to(&mut full, path).unwrap_err();
        assert!(matches!(refused, Error::Full { .. }), "{refused:?}");
    }

    #[test]
    fn a_pipe_is_refused_before_anybody_waits_for_it() {
        let refused = open(Path::new("/dev/null")).unwrap_err();
        assert!(matches!(refused, Error::NotAFile { .. }), "{refused:?}");
    }
}
