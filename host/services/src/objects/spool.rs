//! The spool: files on their way into the store or out of it.
//!
//! Processes that share a data folder share the spool's root; each has a folder of its own in it, with a lock file beside it
//! that is held as long as the process lives. Whoever opens the spool next removes the folders whose lock nobody holds:
//! that is what a killed process leaves.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::{Builder, NamedTempFile, TempPath};

use super::{Error, ObjectInfo};

/// How a scratch file is told from other files of the spool.
const SCRATCH_ENDING: &str = "scratch";

/// Who may read what is written here, before the process's umask: objects of the embedded store are plain files for everybody
/// who may enter the data folder.
const FILE_MODE: u32 = 0o644;

/// A folder for files on their way. Clones share it; the last one removes it.
#[derive(Clone, Debug)]
pub struct Spool {
    claim: Arc<Claim>,
}

#[derive(Debug)]
struct Claim {
    folder: PathBuf,
    lock_path: PathBuf,
    counter: AtomicU64,
    /// Held until the process ends; the system lets go of it even then.
    _lock: File,
}

impl Spool {
    /// Makes a folder of its own under `root`, and removes what dead processes have left there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(|source| Error::io("create the folder", root, source))?;
        let root = fs::canonicalize(root).map_err(|source| Error::io("find the folder", root, source))?;
        // Between making the folder and holding its lock, nobody else may sweep.
        let _opening = lock(&root.join("opening.lock"))?;
        sweep(&root)?;
        let folder = Builder::new()
            .prefix("process-")
            .tempdir_in(&root)
            .map_err(|source| Error::io("create a folder in", &root, source))?;
        let folder = folder.keep();
        let lock_path = folder.with_extension("lock");
        let held = lock(&lock_path)?;
        Ok(Self { claim: Arc::new(Claim { folder, lock_path, counter: AtomicU64::new(0), _lock: held }) })
    }

    /// The folder. Everything in it goes when the process ends.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.claim.folder
    }

    /// An empty file to write a large result to, on the file system of the store.
    ///
    /// # Errors
    /// What the file system says.
    pub fn scratch(&self) -> Result<ScratchFile, Error> {
        let file = Builder::new()
            .prefix("")
            .suffix(&format!(".{SCRATCH_ENDING}"))
            .permissions(Permissions::from_mode(FILE_MODE))
            .tempfile_in(self.folder())
            .map_err(|source| Error::io("create a file in", self.folder(), source))?;
        Ok(ScratchFile { file, spool: self.clone() })
    }

    /// A file without a name: it is gone when it is closed, even by a process that is killed.
    pub(crate) fn unnamed(&self) -> Result<File, Error> {
        tempfile::tempfile_in(self.folder()).map_err(|source| Error::io("create a file in", self.folder(), source))
    }

    /// Whether `path` is a scratch file of this spool.
    pub(crate) fn owns_scratch(&self, path: &Path) -> bool {
        path.parent() == Some(self.folder()) && path.extension().is_some_and(|ending| ending == SCRATCH_ENDING)
    }

    /// Takes hold of the bytes of `file` as they are, under a name of the spool's own: a hard link, so that whoever replaces or
    /// removes `file` does not touch them. Where the file system has no links, the bytes are copied.
    ///
    /// # Errors
    /// What the file system says; nothing is left then.
    pub fn hold(&self, file: &Path) -> io::Result<Held> {
        let number = self.claim.counter.fetch_add(1, Ordering::Relaxed);
        let path = self.folder().join(format!("{number}.held"));
        match fs::hard_link(file, &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(_) => {
                if let Err(error) = fs::copy(file, &path) {
                    let _ = fs::remove_file(&path);
                    return Err(error);
                }
            }
        }
        Ok(Held { path: TempPath::try_from_path(path)?, _spool: self.clone() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The folder first: as long as it is there, its lock is held and nobody sweeps it.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Opens a lock file and waits until nobody else holds it.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = open_lock(path)?;
    file.lock().map_err(|source| Error::io("lock", path, source))?;
    Ok(file)
}

/// Opens a lock file, and makes it where it is missing.
pub(crate) fn open_lock(path: &Path) -> Result<File, Error> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(|source| Error::io("open", path, source))
}

/// Removes the folders whose owners are gone. The caller holds the lock under which folders are made.
fn sweep(root: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(root).map_err(|source| Error::io("read the folder", root, source))? {
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with("process-") {
            continue;
        }
        let lock_path = path.with_extension("lock");
        let claim = open_lock(&lock_path)?;
        match claim.try_lock() {
            Ok(()) => {
                let folder = path.with_extension("");
                if let Err(source) = fs::remove_dir_all(&folder)
                    && source.kind() != io::ErrorKind::NotFound
                {
                    return Err(Error::io("remove the leftover folder", &folder, source));
                }
                let _ = fs::remove_file(&lock_path);
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &lock_path, source)),
        }
    }
    Ok(())
}

/// A file to write to, removed when the value goes. Once it is put into a store, do not write to it again: the embedded store
/// takes over the file itself.
#[derive(Debug)]
pub struct ScratchFile {
    file: NamedTempFile,
    spool: Spool,
}

impl ScratchFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file, open for writing.
    pub fn file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Closes the file and keeps its bytes for reading.
    #[must_use]
    pub fn into_held(self) -> Held {
        Held { path: self.file.into_temp_path(), _spool: self.spool }
    }
}

/// Bytes that stay as they are, under a path that is removed when the value goes.
#[derive(Debug)]
pub struct Held {
    path: TempPath,
    /// The folder lives as long as a file in it is wanted.
    _spool: Spool,
}

impl Held {
    /// Where they are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the file to its final place in one step, over whatever is there.
    pub(crate) fn persist(self, target: &Path) -> io::Result<()> {
        self.path.persist(target).map_err(|refused| refused.error)
    }
}

/// An object as a local file. The file lives as long as this value.
#[derive(Debug)]
pub struct LocalObject {
    /// What the file holds.
    pub info: ObjectInfo,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Held(Held),
    InPlace(PathBuf),
}

impl LocalObject {
    /// An object whose bytes the spool holds.
    #[must_use]
    pub fn held(info: ObjectInfo, held: Held) -> Self {
        Self { info, place: Place::Held(held) }
    }

    /// A file of an allowed folder, read where it lies. It is the operator's: who writes into it while it is read is seen.
    pub(crate) fn in_place(info: ObjectInfo, path: PathBuf) -> Self {
        Self { info, place: Place::InPlace(path) }
    }

    /// The file with the object's bytes. Do not write to it.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Held(held) => held.path(),
            Place::InPlace(path) => path,
        }
    }
}
