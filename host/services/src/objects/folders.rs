//! The local folders whose files may be read and written by plain path.
//!
//! A path is first judged as text, then resolved: the deepest part of it that exists is found without its symbolic links, and
//! that must lie in an allowed folder, itself found without symbolic links when the server started. What does not exist
//! outside the folders is denied just like what does, so nobody learns what is there.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::embedded::is_absence;
use super::uri::check_characters;
use super::{Error, error::shown};

/// The longest path, in bytes, as on Linux.
const PATH_LIMIT: usize = 4_096;

/// The allowed folders, in the operator's order. None by default.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    folders: Vec<Folder>,
}

#[derive(Clone, Debug)]
struct Folder {
    /// As the operator wrote it, made absolute.
    given: PathBuf,
    /// Without symbolic links.
    real: PathBuf,
}

impl Folders {
    /// Allows these folders. Each must exist.
    ///
    /// # Errors
    /// [`Error::BadFolder`], which names the first that is no folder.
    pub fn new(folders: Vec<PathBuf>) -> Result<Self, Error> {
        let open = |path: PathBuf| {
            let bad = |source| Error::BadFolder { path: path.clone(), source };
            let real = fs::canonicalize(&path).map_err(bad)?;
            if !real.is_dir() {
                return Err(bad(io::ErrorKind::NotADirectory.into()));
            }
            if real.to_str().is_none() {
                return Err(bad(io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8")));
            }
            let given = std::path::absolute(&path).map_err(bad)?;
            Ok(Folder { given, real })
        };
        Ok(Self { folders: folders.into_iter().map(open).collect::<Result<_, _>>()? })
    }

    /// The allowed folders without symbolic links.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|folder| folder.real.as_path())
    }

    /// Where a plain path or a `file:` uri leads, without symbolic links. What it names need not exist. A relative path starts at
    /// the first allowed folder.
    ///
    /// # Errors
    /// [`Error::InvalidUri`] for a text that is no path, [`Error::OutsideFolders`] or [`Error::LeadsOut`] where it leads out.
    pub fn resolve(&self, text: &str) -> Result<PathBuf, Error> {
        let path = self.absolute(text)?;
        let inside =
            self.folders.iter().any(|folder| path.starts_with(&folder.given) || path.starts_with(&folder.real));
        let outside = || match inside {
            true => Error::LeadsOut { path: text.to_owned() },
            false => self.outside(text),
        };
        let mut missing = Vec::new();
        let mut existing = path.as_path();
        let mut real = loop {
            match fs::canonicalize(existing) {
                Ok(real) => break real,
                // A link that leads nowhere would lead somewhere as soon as something is written.
                Err(source) if is_absence(&source) && fs::symlink_metadata(existing).is_err() => {}
                Err(source) if is_absence(&source) => return Err(outside()),
                Err(source) if inside => return Err(Error::io("find", existing, source)),
                Err(_) => return Err(self.outside(text)),
            }
            let (Some(above), Some(name)) = (existing.parent(), existing.file_name()) else { return Err(outside()) };
            missing.push(name.to_owned());
            existing = above;
        };
        if !self.contains(&real) {
            return Err(outside());
        }
        real.extend(missing.iter().rev());
        Ok(real)
    }

    /// Whether a path without symbolic links lies in an allowed folder.
    pub(crate) fn contains(&self, real: &Path) -> bool {
        self.folders.iter().any(|folder| real.starts_with(&folder.real))
    }

    /// The first allowed folder: where relative paths start.
    pub(crate) fn first(&self) -> Option<&Path> {
        self.paths().next()
    }

    fn absolute(&self, text: &str) -> Result<PathBuf, Error> {
        let plain = plain_path(text)?;
        let judged = match plain.as_str() {
            "" => Err("it is empty".to_owned()),
            long if long.len() > PATH_LIMIT => {
                Err(format!("it has {} bytes, and {PATH_LIMIT} is the most", long.len()))
            }
            text => check_characters(text),
        };
        judged.map_err(|reason| Error::invalid_uri(text, reason))?;
        let path = Path::new(&plain);
        if path.components().any(|component| component == Component::ParentDir) {
            return Err(Error::invalid_uri(text, "it has the segment \"..\""));
        }
        let path = match (path.is_absolute(), self.first()) {
            (true, _) => path.to_owned(),
            (false, Some(first)) => first.join(path),
            (false, None) => return Err(self.outside(text)),
        };
        Ok(path.components().collect())
    }

    fn outside(&self, text: &str) -> Error {
        Error::OutsideFolders { path: text.to_owned(), folders: self.paths().map(Path::to_owned).collect() }
    }
}

/// The path in a plain path or a `file:` uri.
///
/// # Errors
/// [`Error::UnknownScheme`], and [`Error::InvalidUri`] for a `file:` uri that is none.
pub(crate) fn plain_path(text: &str) -> Result<String, Error> {
    let Some(rest) = text.strip_prefix("file:/") else {
        return match text.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => {
                Err(Error::UnknownScheme { uri: text.to_owned(), scheme: scheme.to_owned() })
            }
            _ => Ok(text.to_owned()),
        };
    };
    let path = match rest.strip_prefix('/') {
        None => rest,
        Some(authority) => match authority.split_once('/') {
            Some(("" | "localhost", path)) => path,
            _ => return Err(Error::invalid_uri(text, "a file uri names no other machine: write file:///folder/name")),
        },
    };
    let decoded = percent_decode(path)
        .ok_or_else(|| Error::invalid_uri(text, "its percent-encoding does not decode to UTF-8"))?;
    Ok(format!("/{decoded}"))
}

/// Whether a text can be the scheme of a uri.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.'))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let code = piece.get(..2).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The allowed folders as a message names them.
pub(crate) fn allowed_words(folders: &[PathBuf]) -> String {
    if folders.is_empty() {
        return "there are none".to_owned();
    }
    shown(&folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "))
}
