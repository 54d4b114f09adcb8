//! The key file: TOML, one `[[key]]` table for each key.
//!
//! ```toml
//! [[key]]
//! id = "7k2m9xqa"
//! name = "ci"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! scopes = ["data_preparation"]
//! calls_per_minute = 600
//! burst = 60
//! created = 1795300000
//! ```
//!
//! Of TOML it uses what one line holds: each value is text, a whole number or a list of texts, written so that it is
//! JSON at the same time. Nobody but this module writes the file, so nothing else has to be read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Key, Rate, beside, is_id};
use crate::error::Error;
use crate::random;

const HEADER: &str = "\
# The keys of clients. The server keeps this file: `kumiko key create`, `list` and `revoke` change it.
# A key's text is not in here, only the SHA-256 digest of its secret. Times are seconds since 1970.
";

/// What a file looks like from outside: enough to see that it was replaced or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: u64,
}

impl Stamp {
    /// The stamp of a file; `None` where there is none.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, Error> {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        match fs::metadata(path) {
            Ok(found) => Ok(Some(Self {
                length: found.len(),
                modified: found.modified().ok(),
                #[cfg(unix)]
                inode: found.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::KeyFileAccess { path: path.to_owned(), action: "look at", source }),
        }
    }
}

/// One table of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    id: String,
    name: String,
    sha256: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calls_per_minute: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<NonZeroU32>,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

impl Record {
    fn of(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            sha256: random::hexadecimal(&key.sha256),
            scopes: key.scopes.clone(),
            calls_per_minute: key.rate.map(|rate| rate.calls_per_minute),
            burst: key.rate.map(|rate| rate.burst),
            created: key.created,
            expires: key.expires,
        }
    }

    fn into_key(self) -> Result<Key, String> {
        if !is_id(&self.id) {
            return Err(format!("`{}` is no id of a key", self.id));
        }
        let sha256 =
            random::from_hexadecimal(&self.sha256).ok_or("`sha256` has to be 64 hexadecimal digits".to_owned())?;
        let rate = match (self.calls_per_minute, self.burst) {
            (Some(calls_per_minute), burst) => {
                Some(Rate { calls_per_minute, burst: burst.unwrap_or(calls_per_minute) })
            }
            (None, None) => None,
            (None, Some(_)) => return Err("`burst` needs `calls_per_minute` beside it".to_owned()),
        };
        Ok(Key {
            id: self.id,
            name: self.name,
            scopes: self.scopes,
            rate,
            created: self.created,
            expires: self.expires,
            sha256,
        })
    }
}

/// The keys of a file; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<Key>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::KeyFileAccess { path: path.to_owned(), action: "read", source }),
    };
    parse(&text).map_err(|(line, reason)| Error::KeyFile { path: path.to_owned(), line, reason })
}

/// The keys of a text, or the line that is wrong and why.
pub(super) fn parse(text: &str) -> Result<Vec<Key>, (usize, String)> {
    let mut tables: Vec<(usize, Map<String, Value>)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[key]]" {
            tables.push((number, Map::new()));
            continue;
        }
        let (name, value) = line.split_once('=').ok_or((number, "`[[key]]` or `name = value` expected".to_owned()))?;
        let value = value_of(value).map_err(|reason| (number, reason))?;
        let (_, table) = tables.last_mut().ok_or((number, "a value stands before the first `[[key]]`".to_owned()))?;
        if table.insert(name.trim().to_owned(), value).is_some() {
            return Err((number, format!("`{}` is there twice", name.trim())));
        }
    }
    let mut keys: Vec<Key> = Vec::with_capacity(tables.len());
    for (line, table) in tables {
        let record: Record = serde_json::from_value(Value::Object(table)).map_err(|error| (line, error.to_string()))?;
        let key = record.into_key().map_err(|reason| (line, reason))?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err((line, format!("the id `{}` is there twice", key.id)));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// The value of a line, behind which a comment may stand.
fn value_of(text: &str) -> Result<Value, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next().ok_or("a value is missing")?.map_err(|error| format!("no value: {error}"))?;
    let rest = text.get(values.byte_offset()..).unwrap_or_default().trim();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(value);
    }
    Err(format!("`{rest}` stands behind the value"))
}

/// The text of a file with these keys.
pub(super) fn format(keys: &[Key]) -> String {
    let mut text = HEADER.to_owned();
    for key in keys {
        text.push_str("\n[[key]]\n");
        if let Ok(Value::Object(table)) = serde_json::to_value(Record::of(key)) {
            for (name, value) in table {
                text.push_str(&format!("{name} = {value}\n"));
            }
        }
    }
    text
}

/// Replaces a file, whole or not at all, readable by its owner alone.
pub(super) fn write(path: &Path, keys: &[Key]) -> Result<(), Error> {
    let failed = |source| Error::KeyFileAccess { path: path.to_owned(), action: "write", source };
    let draft = beside(path, ".draft");
    // One that an interrupted write left: whoever holds the lock may take it away.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = private(&draft).map_err(failed)?;
    file.write_all(format(keys).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The new name has to survive a power cut; where folders cannot be synchronised, the system does what it can.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Waits until no other process changes the file; ends when what it returns is dropped.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::KeyFileAccess { path: path.to_owned(), action: "lock", source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let lock = beside(path, ".lock");
    let file = match private(&lock) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(&lock),
        made => made,
    };
    let file = file.map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// A file that did not exist before, for its owner alone.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
