//! How an operation on objects fails, and how that reads to a client.

use std::io;
use std::path::{Path, PathBuf};

use kumiko_vocabulary::{Fault, FaultKind};

use super::{LIST_LIMIT, folders::allowed_words};

/// Characters of a refused text that a message repeats.
const SHOWN: usize = 160;

/// Why an operation on objects did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no uri of an object.
    #[error("\"{}\" is not a valid object uri: {reason}", shown(uri))]
    InvalidUri {
        /// The text.
        uri: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// The uri has a scheme that names no kind of object.
    #[error(
        "\"{}\" has the scheme \"{}\"; objects are s3://bucket/key, file:///folder/name, or a plain path",
        shown(uri),
        shown(scheme)
    )]
    UnknownScheme {
        /// The text.
        uri: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// A part of the key between slashes has no room in a file name.
    #[error("a segment of \"{}\" takes {bytes} bytes as a file name; {limit} is the most", shown(uri))]
    SegmentTooLong {
        /// The object.
        uri: String,
        /// What the segment takes.
        bytes: usize,
        /// The most it may take.
        limit: usize,
    },
    /// The page size of a listing is out of range.
    #[error("a listing has 1 to {LIST_LIMIT} objects a page, not {limit}")]
    InvalidLimit {
        /// What was asked for.
        limit: usize,
    },
    /// The cursor of a listing comes from no listing.
    #[error("the cursor \"{}\" comes from no earlier page of this listing", shown(cursor))]
    InvalidCursor {
        /// The text.
        cursor: String,
    },
    /// The media type is none.
    #[error("\"{}\" is not a media type; expected type/subtype in ASCII, such as text/csv", shown(media_type))]
    InvalidMediaType {
        /// The text.
        media_type: String,
    },
    /// There is no such object.
    #[error("there is no object {}", shown(uri))]
    NotFound {
        /// The object.
        uri: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket {bucket}")]
    BucketNotFound {
        /// The bucket.
        bucket: String,
    },
    /// The object must not exist, and does.
    #[error("{} exists already", shown(uri))]
    Exists {
        /// The object.
        uri: String,
    },
    /// The object is not what the caller last saw.
    #[error("{} was changed by somebody else: expected etag {expected}, found {}", shown(uri), found.as_deref().unwrap_or("no object"))]
    Changed {
        /// The object.
        uri: String,
        /// What the caller last saw.
        expected: String,
        /// What is there, where that is known.
        found: Option<String>,
    },
    /// The path lies outside every allowed folder.
    #[error("the path \"{}\" lies outside the allowed folders ({})", shown(path), allowed_words(folders))]
    OutsideFolders {
        /// The path as given.
        path: String,
        /// What is allowed.
        folders: Vec<PathBuf>,
    },
    /// A symbolic link on the way leads out of the folder that holds it.
    #[error("a symbolic link in \"{}\" leads out of the folder it stands in", shown(path))]
    LeadsOut {
        /// The path as given.
        path: String,
    },
    /// What is there is a folder, a device or a socket.
    #[error("{} is a folder or something else that is no regular file", shown(path))]
    NotAFile {
        /// The path or uri as given.
        path: String,
    },
    /// The folder named in the configuration is no folder.
    #[error("{} cannot be used as an allowed folder: {source}", path.display())]
    BadFolder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The store refuses these credentials this operation.
    #[error("{operation} of {} is not permitted: {reason}", shown(uri))]
    AccessDenied {
        /// The object.
        uri: String,
        /// What was tried, as the store calls it.
        operation: &'static str,
        /// What the store says.
        reason: String,
    },
    /// There are no credentials, or the store does not know them.
    #[error("no usable AWS credentials: {reason}")]
    Credentials {
        /// What is wrong with them.
        reason: String,
    },
    /// A setting is missing or wrong.
    #[error("{setting} is not usable: {reason}")]
    Configuration {
        /// The setting.
        setting: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// There is no room left.
    #[error("no space is left in {}; nothing was written", path.display())]
    Full {
        /// The file or folder being written.
        path: PathBuf,
    },
    /// The object is larger than the store takes.
    #[error("{} would have {size} bytes; {limit} is the most", shown(uri))]
    TooLarge {
        /// The object.
        uri: String,
        /// Its size in bytes.
        size: u64,
        /// The most, in bytes.
        limit: u64,
    },
    /// The bytes that arrived are not those that were sent.
    #[error("{} did not arrive whole: {reason}", shown(uri))]
    Damaged {
        /// The object.
        uri: String,
        /// What does not fit.
        reason: String,
    },
    /// The store does not answer just then.
    #[error("{operation} of {} did not get through: {reason}", shown(uri))]
    Unavailable {
        /// The object.
        uri: String,
        /// What was tried, as the store calls it.
        operation: &'static str,
        /// What happened instead.
        reason: String,
    },
    /// The store refuses, with a code that has no meaning here.
    #[error("{operation} of {} was refused with {code}: {message}", shown(uri))]
    Service {
        /// The object.
        uri: String,
        /// What was tried, as the store calls it.
        operation: &'static str,
        /// The store's code.
        code: String,
        /// The store's words.
        message: String,
    },
    /// The file system refuses.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The work ended before its result was there, because the host is shutting down.
    #[error("the work on the object was interrupted: {reason}")]
    Interrupted {
        /// What the runtime says.
        reason: String,
    },
}

impl Error {
    /// What the file system said, with the cases that have a meaning of their own told apart.
    #[must_use]
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// A text that breaks a rule of uris.
    pub(crate) fn invalid_uri(uri: &str, reason: impl Into<String>) -> Self {
        Self::InvalidUri { uri: uri.to_owned(), reason: reason.into() }
    }

    /// The stable word for the case, as clients see it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind_and_code().1
    }

    fn kind_and_code(&self) -> (FaultKind, &'static str) {
        match self {
            Self::InvalidUri { .. } => (FaultKind::InvalidArguments, "object_uri_invalid"),
            Self::UnknownScheme { .. } => (FaultKind::InvalidArguments, "object_scheme_unknown"),
            Self::SegmentTooLong { .. } => (FaultKind::InvalidArguments, "object_key_too_long"),
            Self::InvalidLimit { .. } => (FaultKind::InvalidArguments, "listing_limit_invalid"),
            Self::InvalidCursor { .. } => (FaultKind::InvalidArguments, "listing_cursor_invalid"),
            Self::InvalidMediaType { .. } => (FaultKind::InvalidArguments, "media_type_invalid"),
            Self::NotAFile { .. } => (FaultKind::InvalidArguments, "object_not_a_file"),
            Self::TooLarge { .. } => (FaultKind::InvalidArguments, "object_too_large"),
            Self::NotFound { .. } => (FaultKind::NotFound, "object_not_found"),
            Self::BucketNotFound { .. } => (FaultKind::NotFound, "bucket_not_found"),
            Self::Exists { .. } => (FaultKind::Conflict, "object_exists"),
            Self::Changed { .. } => (FaultKind::Conflict, "object_changed"),
            Self::OutsideFolders { .. } => (FaultKind::Denied, "path_not_allowed"),
            Self::LeadsOut { .. } => (FaultKind::Denied, "path_leads_out"),
            Self::AccessDenied { .. } => (FaultKind::Denied, "object_access_denied"),
            Self::Unavailable { .. } => (FaultKind::Unavailable, "object_store_unavailable"),
            Self::Damaged { .. } => (FaultKind::Unavailable, "object_damaged"),
            Self::Interrupted { .. } => (FaultKind::Stopped, "interrupted"),
            Self::Credentials { .. } => (FaultKind::Failed, "credentials_missing"),
            Self::Configuration { .. } => (FaultKind::Failed, "configuration_invalid"),
            Self::BadFolder { .. } => (FaultKind::Failed, "allowed_folder_invalid"),
            Self::Full { .. } => (FaultKind::Failed, "storage_full"),
            Self::Service { .. } => (FaultKind::Failed, "object_store_refused"),
            Self::Io { .. } => (FaultKind::Failed, "object_store_failed"),
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::InvalidUri { .. } | Self::UnknownScheme { .. } => {
                "write s3://bucket/folder/name, or a path in an allowed folder"
            }
            Self::SegmentTooLong { .. } => "shorten the name, or spread it over folders with \"/\"",
            Self::InvalidCursor { .. } => "pass the cursor of the page before, or none for the first page",
            Self::NotFound { .. } => "list the prefix to see which objects there are",
            Self::BucketNotFound { .. } => {
                "create the bucket, or correct its name; the server does not create buckets in S3"
            }
            Self::Exists { .. } => "choose another uri, or write without the condition that nothing is there",
            Self::Changed { .. } => {
                "read the object again, repeat the change on what it has become, and write with its etag"
            }
            Self::OutsideFolders { path, .. } => {
                let folder = Path::new(path).parent().filter(|parent| parent.is_absolute());
                let folder = folder.map_or_else(|| "DIR".to_owned(), |parent| parent.display().to_string());
                return Some(format!("the operator allows a folder by starting the server with `--allow {folder}`"));
            }
            Self::LeadsOut { .. } => {
                "put the file itself there, or have the operator allow the folder it is in with `--allow DIR`"
            }
            Self::AccessDenied { .. } => {
                "allow the server's role this action on the bucket, and on its KMS key where it is encrypted"
            }
            Self::Credentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is attached; \
                 AWS_ENDPOINT_URL selects another S3"
            }
            Self::Full { .. } => "free space there, and repeat the call",
            Self::Unavailable { .. } | Self::Damaged { .. } => "repeat the call in a moment",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "give the account that runs the server access to that path"
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (kind, code) = error.kind_and_code();
        let fault = Self::new(kind, code, error.to_string());
        match error.advice() {
            Some(advice) => fault.hint(advice),
            None => fault,
        }
    }
}

/// A caller's text as a message may repeat it: bounded, and without characters that act on a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN).map(|character| if acts(character) { '\u{fffd}' } else { character }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters, and those that turn the direction of the text after them.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
