//! Files of the allowed folders, as objects.
//!
//! They belong to the operator, so nothing is kept beside them: the ETag of a file is made of its inode, size and time of change,
//! and reading one for a whole reads the file where it lies. A write goes to a hidden file beside the target and is
//! renamed over it; the lock under which the precondition is judged is that of the folder itself.

use std::fs::{self, File, Permissions};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use tempfile::{Builder, TempPath};

use super::embedded::{Identity, is_absence, read_range, sync_folder};
use super::source::{self, Source};
use super::walk::{Entry, Walk};
use super::{
    Error, Fetched, Folders, Listing, LocalObject, ObjectInfo, Precondition, Written, check_media_type, media_type_of,
};

/// How the hidden file of a write under way begins and ends. Listings leave it out.
const DRAFT: (&str, &str) = (".kumiko-", ".part");

/// Who may read what is written, before the process's umask.
const FILE_MODE: u32 = 0o644;

/// What is known of the file at a resolved path.
pub(super) fn head(path: &Path) -> Result<ObjectInfo, Error> {
    Ok(open(path)?.1)
}

/// Reads the file at a resolved path, or part of it.
pub(super) fn fetch(path: &Path, range: Option<Range<u64>>) -> Result<Fetched, Error> {
    let (file, info) = open(path)?;
    let bytes = read_range(file, info.size, range).map_err(|source| Error::io("read", path, source))?;
    Ok(Fetched { info, bytes })
}

/// The file at a resolved path, read where it lies.
pub(super) fn localize(path: &Path) -> Result<LocalObject, Error> {
    Ok(LocalObject::in_place(head(path)?, path.to_owned()))
}

/// Writes the file at a resolved path, and makes the folders above it. A file has no place for a media type, so its name tells.
pub(super) fn put(
    path: &Path,
    source: &Source,
    media_type: Option<&str>,
    precondition: &Precondition,
) -> Result<Written, Error> {
    media_type.map_or(Ok(()), check_media_type)?;
    judge(path, precondition)?;
    let folder = path.parent().ok_or_else(|| Error::NotAFile { path: path.display().to_string() })?;
    fs::create_dir_all(folder).map_err(|source| Error::io("create the folder", folder, source))?;
    let (draft, sha256) = draft(folder, path, source)?;
    let lock = lock_folder(folder)?;
    judge(path, precondition)?;
    draft.persist(path).map_err(|refused| Error::io("move into place", path, refused.error))?;
    let info = head(path)?;
    drop(lock);
    sync_folder(folder)?;
    Ok(Written { info, sha256 })
}

/// Deletes the file at a resolved path.
pub(super) fn delete(path: &Path, precondition: &Precondition) -> Result<(), Error> {
    let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else {
        return precondition.check(&path.display().to_string(), None);
    };
    let _lock = lock_folder(folder)?;
    if !judge(path, precondition)? {
        return Ok(());
    }
    fs::remove_file(path).map_err(|source| Error::io("delete", path, source))?;
    sync_folder(folder)
}

/// The files whose path begins with that of `folder`, a slash, and `beginning`; `folder` is resolved.
pub(super) fn list(
    folders: &Folders,
    folder: &Path,
    beginning: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing, Error> {
    let base = format!("{}/", folder.display().to_string().trim_end_matches('/'));
    let prefix = format!("{base}{beginning}");
    let mut after = cursor.unwrap_or_default().to_owned();
    let mut objects = Vec::new();
    loop {
        let wanted = limit - objects.len();
        let read = |entry: &fs::DirEntry| read_entry(folders, entry);
        let folder_name = |name: &str| name.to_owned();
        let walk = Walk { prefix: &prefix, after: &after, enough: wanted + 1, read: &read, folder_name: &folder_name };
        let mut found = walk.run(folder, &base)?;
        let more = found.len() > wanted;
        found.truncate(wanted);
        for entry in found {
            after.clone_from(&entry.key);
            match head(&entry.path) {
                // A link keeps the name under which it was found.
                Ok(info) => objects.push(ObjectInfo { uri: entry.key, ..info }),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if !more || objects.len() == limit {
            return Ok(Listing { objects, cursor: more.then_some(after) });
        }
    }
}

/// Links to files are listed where they stay in the allowed folders; links to folders are not followed.
fn read_entry(folders: &Folders, entry: &fs::DirEntry) -> Entry {
    let name = entry.file_name();
    let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else { return Entry::Other };
    if name.starts_with(DRAFT.0) && name.ends_with(DRAFT.1) {
        return Entry::Other;
    }
    let stays = || fs::canonicalize(entry.path()).is_ok_and(|real| real.is_file() && folders.contains(&real));
    if kind.is_dir() {
        Entry::Folder(name.to_owned())
    } else if kind.is_file() || (kind.is_symlink() && stays()) {
        Entry::Object(name.to_owned())
    } else {
        Entry::Other
    }
}

fn open(path: &Path) -> Result<(File, ObjectInfo), Error> {
    let file = source::open(path)?;
    let metadata = file.metadata().map_err(|source| Error::io("look at", path, source))?;
    let identity = Identity::of(&metadata);
    let uri = path.display().to_string();
    let media_type = media_type_of(&uri).to_owned();
    Ok((
        file,
        ObjectInfo { size: identity.size, etag: identity.etag(), media_type, modified: identity.modified(), uri },
    ))
}

/// Holds the precondition against the file as it stands; whether there is one.
fn judge(path: &Path, precondition: &Precondition) -> Result<bool, Error> {
    let uri = path.display().to_string();
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            precondition.check(&uri, Some(&Identity::of(&metadata).etag())).map(|()| true)
        }
        Ok(_) => Err(Error::NotAFile { path: uri }),
        Err(source) if is_absence(&source) => precondition.check(&uri, None).map(|()| false),
        Err(source) => Err(Error::io("look at", path, source)),
    }
}

fn draft(folder: &Path, target: &Path, source: &Source) -> Result<(TempPath, String), Error> {
    let file = Builder::new()
        .prefix(DRAFT.0)
        .suffix(DRAFT.1)
        .permissions(Permissions::from_mode(FILE_MODE))
        .tempfile_in(folder);
    let mut file = file.map_err(|source| Error::io("create a file in", folder, source))?;
    let sha256 = source.copy_to(file.as_file_mut(), target)?;
    // The clock that stamps files ticks every few milliseconds; two writes in one tick shall differ.
    let settled = file.as_file().set_modified(SystemTime::now()).and_then(|()| file.as_file().sync_all());
    settled.map_err(|source| Error::io("write", target, source))?;
    Ok((file.into_temp_path(), sha256))
}

fn lock_folder(folder: &Path) -> Result<File, Error> {
    let file = File::open(folder).map_err(|source| Error::io("open", folder, source))?;
    file.lock().map_err(|source| Error::io("lock", folder, source))?;
    Ok(file)
}
