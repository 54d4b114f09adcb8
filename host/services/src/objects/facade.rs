//! One door to all objects, whatever their uri.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::folders::plain_path;
use super::source::Source;
use super::{
    Error, Fetched, Folders, Listing, LocalObject, ObjectInfo, ObjectPrefix, ObjectStore, ObjectUri, Precondition,
    ScratchFile, Written, blocking, check_page, files, uri,
};

/// Objects by uri: `s3://bucket/key`, `file:///folder/name`, or a path that is absolute or starts at the first allowed folder.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    folders: Arc<Folders>,
}

/// What a uri turns out to name.
enum Place {
    Object(ObjectUri),
    File(PathBuf),
}

impl Objects {
    /// Objects of `store`, and the files of `folders`.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, folders: Folders) -> Self {
        Self { store, folders: Arc::new(folders) }
    }

    /// The folders whose files may be named by plain path.
    #[must_use]
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The plain form of a uri: `s3://bucket/key`, or an absolute path without symbolic links. Two uris name the same object if and
    /// only if their plain forms are equal, so this is what grants are held against. Nothing need exist there.
    ///
    /// # Errors
    /// As every operation: [`Error::InvalidUri`], [`Error::UnknownScheme`], [`Error::OutsideFolders`], [`Error::LeadsOut`].
    pub async fn plain_form(&self, uri: &str) -> Result<String, Error> {
        Ok(match self.place(uri).await? {
            Place::Object(uri) => uri.to_string(),
            Place::File(path) => path.display().to_string(),
        })
    }

    /// What is known of an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    pub async fn head(&self, uri: &str) -> Result<ObjectInfo, Error> {
        match self.place(uri).await? {
            Place::Object(uri) => self.store.head(&uri).await,
            Place::File(path) => blocking(move || files::head(&path)).await,
        }
    }

    /// Reads an object or the part of it in `range`, together with what is known of the version that was read.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    pub async fn fetch(&self, uri: &str, range: Option<Range<u64>>) -> Result<Fetched, Error> {
        match self.place(uri).await? {
            Place::Object(uri) => self.store.fetch(&uri, range).await,
            Place::File(path) => blocking(move || files::fetch(&path, range)).await,
        }
    }

    /// The bytes of [`Objects::fetch`] alone.
    ///
    /// # Errors
    /// As [`Objects::fetch`].
    pub async fn get(&self, uri: &str, range: Option<Range<u64>>) -> Result<Bytes, Error> {
        Ok(self.fetch(uri, range).await?.bytes)
    }

    /// Writes an object whole.
    ///
    /// # Errors
    /// [`Error::Exists`] or [`Error::Changed`] where the precondition does not hold; nothing is written then.
    pub async fn put_bytes(
        &self,
        uri: &str,
        body: Bytes,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        match self.place(uri).await? {
            Place::Object(uri) => self.store.put_bytes(&uri, body, media_type, precondition).await,
            Place::File(path) => put(path, Source::Bytes(body), media_type, precondition).await,
        }
    }

    /// Writes an object from a local file that the server itself has made, most often a [`ScratchFile`].
    ///
    /// # Errors
    /// As [`Objects::put_bytes`].
    pub async fn put_file(
        &self,
        uri: &str,
        path: &Path,
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written, Error> {
        match self.place(uri).await? {
            Place::Object(uri) => self.store.put_file(&uri, path, media_type, precondition).await,
            Place::File(target) => put(target, Source::File(path.to_owned()), media_type, precondition).await,
        }
    }

    /// Copies an object, whatever its size and wherever the two are. It keeps its media type.
    ///
    /// # Errors
    /// As [`Objects::localize`] and [`Objects::put_file`].
    pub async fn copy(&self, source: &str, destination: &str, precondition: &Precondition) -> Result<Written, Error> {
        let local = self.localize(source).await?;
        self.put_file(destination, local.path(), Some(&local.info.media_type), precondition).await
    }

    /// The objects whose uri begins with `prefix`, in the byte order of their uris, at most `limit` (1 to 1,000) a page. An empty
    /// prefix stands for the first allowed folder.
    ///
    /// # Errors
    /// As every operation. A prefix under which nothing lies is no error.
    pub async fn list(&self, prefix: &str, cursor: Option<&str>, limit: usize) -> Result<Listing, Error> {
        check_page(cursor, limit)?;
        if uri::is_s3(prefix) {
            return self.store.list(&ObjectPrefix::parse(prefix)?, cursor, limit).await;
        }
        let (folders, prefix, cursor) = (Arc::clone(&self.folders), prefix.to_owned(), cursor.map(str::to_owned));
        blocking(move || {
            let (folder, beginning) = path_prefix(&folders, &prefix)?;
            files::list(&folders, &folder, &beginning, cursor.as_deref(), limit)
        })
        .await
    }

    /// Deletes an object. Deleting what is not there succeeds, unless the precondition says otherwise.
    ///
    /// # Errors
    /// [`Error::Exists`] or [`Error::Changed`] where the precondition does not hold.
    pub async fn delete(&self, uri: &str, precondition: &Precondition) -> Result<(), Error> {
        match self.place(uri).await? {
            Place::Object(uri) => self.store.delete(&uri, precondition).await,
            Place::File(path) => {
                let precondition = precondition.clone();
                blocking(move || files::delete(&path, &precondition)).await
            }
        }
    }

    /// A local file with the object's bytes, for reading what is too large for memory.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    pub async fn localize(&self, uri: &str) -> Result<LocalObject, Error> {
        match self.place(uri).await? {
            Place::Object(uri) => self.store.localize(&uri).await,
            Place::File(path) => blocking(move || files::localize(&path)).await,
        }
    }

    /// A file to write a large result to before it is put. It is removed when the value goes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn scratch(&self) -> Result<ScratchFile, Error> {
        self.store.spool().scratch()
    }

    /// A file without a name, beside the store: gone when it is closed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn unnamed_file(&self) -> Result<File, Error> {
        self.store.spool().unnamed()
    }

    async fn place(&self, text: &str) -> Result<Place, Error> {
        if uri::is_s3(text) {
            return ObjectUri::parse(text).map(Place::Object);
        }
        let (folders, text) = (Arc::clone(&self.folders), text.to_owned());
        blocking(move || folders.resolve(&text).map(Place::File)).await
    }
}

async fn put(
    path: PathBuf,
    source: Source,
    media_type: Option<&str>,
    precondition: &Precondition,
) -> Result<Written, Error> {
    let (media_type, precondition) = (media_type.map(str::to_owned), precondition.clone());
    blocking(move || files::put(&path, &source, media_type.as_deref(), &precondition)).await
}

/// The folder that a prefix leads into, and what the names in it begin with.
fn path_prefix(folders: &Folders, prefix: &str) -> Result<(PathBuf, String), Error> {
    let plain = plain_path(prefix)?;
    if plain.is_empty() || plain == "." {
        return Ok((folders.resolve(".")?, String::new()));
    }
    let whole = folders.resolve(&plain);
    match whole {
        Err(Error::InvalidUri { .. }) => return whole.map(|path| (path, String::new())),
        // What lies beside an allowed folder is not allowed, so its path stands for what is in it.
        Ok(path) if plain.ends_with('/') || folders.paths().any(|folder| folder == path) => {
            return Ok((path, String::new()));
        }
        _ => {}
    }
    let (folder, beginning) = plain.rsplit_once('/').unwrap_or((".", &plain));
    match folders.resolve(if folder.is_empty() { "/" } else { folder }) {
        Ok(folder) => Ok((folder, beginning.to_owned())),
        Err(error) => Err(whole.err().unwrap_or(error)),
    }
}
