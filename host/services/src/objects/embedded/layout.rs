//! Where the file of a key lies, and the way back.
//!
//! A key is a path: `data/train.csv` in the bucket `lab` is the file `objects/lab/data/train.csv`. Two things differ:
//! - `%` in a segment is written `%25`, so that a name with `%` in it can mean something else;
//! - an object whose key is also the beginning of others, `a` beside `a/b`, is the file `a%self` beside the folder `a`.
//!
//! So a reader looks for `a`, and for `a%self` where `a` is no file. The first of the two is moved to the second by one rename
//! before the folder is made, and never back, so there is no moment at which neither is there.
//!
//! The store makes no symbolic links and follows none.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::objects::{Error, ObjectUri};

/// What follows the name of an object that shares it with a folder. `%25` is the only other thing that begins with `%`.
const SELF: &str = "%self";

/// The longest file name that file systems take, in bytes.
const NAME_LIMIT: usize = 255;

/// The folders of one bucket.
pub(super) struct Layout {
    bucket: PathBuf,
}

/// Where an object's file may be.
pub(super) struct Names {
    /// The folder that holds it.
    pub(super) folder: PathBuf,
    /// The file where no folder has the name.
    pub(super) plain: PathBuf,
    /// The file where a folder has the name.
    pub(super) aside: PathBuf,
}

impl Layout {
    /// The layout under the folder of one bucket, given without symbolic links.
    pub(super) fn new(bucket: PathBuf) -> Self {
        Self { bucket }
    }

    /// The names that an object may have; nothing is looked up.
    pub(super) fn names(&self, uri: &ObjectUri) -> Result<Names, Error> {
        let mut folder = self.bucket.clone();
        let (folders, last) = uri.key().rsplit_once('/').map_or(("", uri.key()), |(folders, last)| (folders, last));
        for segment in folders.split('/').filter(|segment| !segment.is_empty()) {
            folder.push(encode(uri, segment)?);
        }
        let last = encode(uri, last)?;
        Ok(Names { plain: folder.join(&last), aside: folder.join(format!("{last}{SELF}")), folder })
    }

    /// The file that holds the object, where there is one.
    pub(super) fn find(&self, uri: &ObjectUri) -> Result<Option<PathBuf>, Error> {
        let names = self.names(uri)?;
        match fs::canonicalize(&names.folder) {
            Ok(real) if real == names.folder => {}
            Ok(_) => return Err(Error::LeadsOut { path: uri.to_string() }),
            Err(source) if is_absence(&source) => return Ok(None),
            Err(source) => return Err(Error::io("find the folder", &names.folder, source)),
        }
        for path in [names.plain, names.aside] {
            match kind(uri, &path)? {
                Some(Kind::File) => return Ok(Some(path)),
                Some(Kind::Folder) | None => {}
            }
        }
        Ok(None)
    }

    /// The file to write the object to. Makes the folders above it, moving objects aside whose names they take.
    /// The caller holds the bucket's lock.
    pub(super) fn make_way(&self, uri: &ObjectUri) -> Result<PathBuf, Error> {
        let names = self.names(uri)?;
        let mut folder = self.bucket.clone();
        fs::create_dir_all(&folder).map_err(|source| Error::io("create the folder", &folder, source))?;
        for name in names.folder.strip_prefix(&self.bucket).unwrap_or(Path::new("")) {
            let above = folder.clone();
            folder.push(name);
            match kind(uri, &folder)? {
                Some(Kind::Folder) => continue,
                Some(Kind::File) => {
                    let mut aside = name.to_owned();
                    aside.push(SELF);
                    if aside.len() > NAME_LIMIT {
                        return Err(too_long(uri, aside.len()));
                    }
                    let aside = above.join(aside);
                    fs::rename(&folder, &aside).map_err(|source| Error::io("move aside", &folder, source))?;
                }
                None => {}
            }
            fs::create_dir(&folder).map_err(|source| Error::io("create the folder", &folder, source))?;
            sync_folder(&above)?;
        }
        let aside = match kind(uri, &names.plain)? {
            Some(Kind::File) => return Ok(names.plain),
            Some(Kind::Folder) => true,
            None => kind(uri, &names.aside)?.is_some(),
        };
        if !aside {
            return Ok(names.plain);
        }
        match names.aside.file_name().map_or(0, |name| name.len()) {
            length if length > NAME_LIMIT => Err(too_long(uri, length)),
            _ => Ok(names.aside),
        }
    }

    /// Removes the folders above a deleted object that hold nothing any more. The caller holds the bucket's lock.
    pub(super) fn prune(&self, names: &Names) {
        let mut folder = names.folder.as_path();
        while folder != self.bucket && fs::remove_dir(folder).is_ok() {
            let Some(above) = folder.parent() else { break };
            folder = above;
        }
    }
}

/// The segment that a file name stands for, and nothing where the store would not have written that name.
pub(super) fn decode(name: &str, is_folder: bool) -> Option<String> {
    let name = if is_folder { name } else { name.strip_suffix(SELF).unwrap_or(name) };
    let mut pieces = name.split('%');
    let mut segment = pieces.next()?.to_owned();
    for piece in pieces {
        segment.push('%');
        segment.push_str(piece.strip_prefix("25")?);
    }
    Some(segment)
}

fn encode(uri: &ObjectUri, segment: &str) -> Result<String, Error> {
    let name = segment.replace('%', "%25");
    if name.len() > NAME_LIMIT { Err(too_long(uri, name.len())) } else { Ok(name) }
}

fn too_long(uri: &ObjectUri, bytes: usize) -> Error {
    Error::SegmentTooLong { uri: uri.to_string(), bytes, limit: NAME_LIMIT }
}

enum Kind {
    File,
    Folder,
}

/// What is at `path` itself. Whatever a store does not make is refused.
fn kind(uri: &ObjectUri, path: &Path) -> Result<Option<Kind>, Error> {
    match fs::symlink_metadata(path).map(|metadata: Metadata| metadata.file_type()) {
        Ok(kind) if kind.is_file() => Ok(Some(Kind::File)),
        Ok(kind) if kind.is_dir() => Ok(Some(Kind::Folder)),
        Ok(kind) if kind.is_symlink() => Err(Error::LeadsOut { path: uri.to_string() }),
        Ok(_) => Err(Error::NotAFile { path: uri.to_string() }),
        Err(source) if is_absence(&source) || source.kind() == io::ErrorKind::InvalidFilename => Ok(None),
        Err(source) => Err(Error::io("look at", path, source)),
    }
}

/// Whether the system says that there is nothing of that name, or that a file stands where a folder would have to be.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Makes a rename in `folder` outlast a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    fs::File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|source| Error::io("sync the folder", folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hostile keys are made of.
    const PIECES: [&str; 24] = [
        "/",
        "/",
        "/",
        "..",
        ".",
        "a",
        "b",
        "%",
        "%2e",
        "%25",
        "%self",
        "%2f",
        "\\",
        "\0",
        "\n",
        " ",
        "~",
        "\u{2024}",
        "\u{ff0f}",
        "ü",
        "..",
        "%%",
        "self",
        "aaaaaaaaaaaaaaaa",
    ];

    /// One hundred thousand keys of up to twelve pieces, the same in every run.
    fn keys() -> impl Iterator<Item = String> {
        let mut state = 1_u64;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        (0..100_000).map(move |_| (0..=draw(12)).map(|_| PIECES[draw(PIECES.len() as u64) as usize]).collect())
    }

    #[test]
    fn every_key_lies_in_its_bucket_and_is_read_back_from_its_name() {
        let bucket = Path::new("/data/objects/lab");
        let layout = Layout::new(bucket.to_owned());
        let mut accepted = 0;
        for key in keys() {
            let Ok(uri) = ObjectUri::new("lab", &key) else { continue };
            accepted += 1;
            let names = layout.names(&uri).unwrap();
            for (path, is_aside) in [(&names.plain, false), (&names.aside, true)] {
                let below = path.strip_prefix(bucket).unwrap_or_else(|_| panic!("{key:?} became {}", path.display()));
                let mut segments = Vec::new();
                for component in below.components() {
                    let std::path::Component::Normal(name) = component else { panic!("{key:?} has {component:?}") };
                    segments.push(name.to_str().unwrap());
                }
                let last = segments.len() - 1;
                let decoded: Vec<_> =
                    segments.iter().enumerate().map(|(place, name)| decode(name, place < last).unwrap()).collect();
                assert_eq!(decoded.join("/"), key);
                assert_eq!(segments[last].ends_with(SELF), is_aside, "{key:?}");
            }
        }
        assert!(accepted > 5_000, "{accepted}");
    }

    #[test]
    fn a_name_that_the_store_would_not_write_stands_for_no_key() {
        for name in ["50%.csv", "%2e%2e", "a%", "%%self", "%2"] {
            assert_eq!(decode(name, false), None, "{name}");
        }
        assert_eq!(decode("a%self", true), None);
        assert_eq!(decode("a%25self", false).as_deref(), Some("a%self"));
        assert_eq!(decode("a%self", false).as_deref(), Some("a"));
    }
}
