//! `s3://bucket/key`, judged as text.
//!
//! A key is judged segment by segment before anything is joined to anything: what passes here cannot climb out of a bucket,
//! neither as a file path nor as an S3 key, so nothing below has to clean it. Nothing is decoded: `%2e%2e` is the six
//! characters that it looks like.

use std::fmt;

use super::Error;

/// The longest key, in bytes of UTF-8, as in S3.
pub const KEY_LIMIT: usize = 1_024;

const SCHEME: &str = "s3://";

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectUri {
    bucket: String,
    key: String,
}

impl ObjectUri {
    /// Reads `s3://bucket/key`.
    ///
    /// # Errors
    /// [`Error::InvalidUri`], which names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (bucket, key) = split(text)?;
        match key {
            Some(key) if !key.is_empty() => Self::checked(text, bucket, key),
            _ => Err(Error::invalid_uri(text, "it names a bucket and no object in it")),
        }
    }

    /// The object `key` in `bucket`.
    ///
    /// # Errors
    /// As [`ObjectUri::parse`].
    pub fn new(bucket: &str, key: &str) -> Result<Self, Error> {
        Self::checked(&format!("{SCHEME}{bucket}/{key}"), bucket, key)
    }

    fn checked(text: &str, bucket: &str, key: &str) -> Result<Self, Error> {
        check_bucket(bucket).map_err(|reason| Error::invalid_uri(text, reason))?;
        check_length(key)
            .and_then(|()| key.split('/').try_for_each(check_segment))
            .map_err(|reason| Error::invalid_uri(text, reason))?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key: one or more segments with `/` between them.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ObjectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

/// What the uris of a listing begin with: a whole bucket name, and the beginning of a key, which may end within a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPrefix {
    bucket: String,
    key: String,
}

impl ObjectPrefix {
    /// Reads `s3://bucket`, `s3://bucket/` or `s3://bucket/beginning`.
    ///
    /// # Errors
    /// [`Error::InvalidUri`], which names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (bucket, key) = split(text)?;
        let key = key.unwrap_or_default();
        let judge = || {
            check_bucket(bucket)?;
            check_length(key)?;
            let (folders, last) = key.rsplit_once('/').map_or((None, key), |(folders, last)| (Some(folders), last));
            folders.map_or(Ok(()), |folders| folders.split('/').try_for_each(check_segment))?;
            check_characters(last)
        };
        judge().map_err(|reason| Error::invalid_uri(text, reason))?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the keys begin with; empty for all of the bucket.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Whether a text claims to be an S3 uri.
pub(crate) fn is_s3(text: &str) -> bool {
    text.starts_with(SCHEME)
}

fn split(text: &str) -> Result<(&str, Option<&str>), Error> {
    let rest = text.strip_prefix(SCHEME).ok_or_else(|| Error::invalid_uri(text, "it does not begin with s3://"))?;
    Ok(rest.split_once('/').map_or((rest, None), |(bucket, key)| (bucket, Some(key))))
}

/// The rules by which S3 names general purpose buckets. Endings that S3 reserves (`-s3alias`, `--x-s3`) pass: they name
/// access points and directory buckets, which hold objects as well.
fn check_bucket(bucket: &str) -> Result<(), String> {
    let outer = |character: Option<char>| {
        character.is_some_and(|character| character.is_ascii_lowercase() || character.is_ascii_digit())
    };
    if !(3..=63).contains(&bucket.len()) {
        return Err("a bucket's name has 3 to 63 characters".into());
    }
    if !bucket.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-') {
        return Err("a bucket's name has lower-case letters, digits, dots and hyphens".into());
    }
    if !outer(bucket.chars().next()) || !outer(bucket.chars().next_back()) {
        return Err("a bucket's name begins and ends with a letter or a digit".into());
    }
    if bucket.contains("..") {
        return Err("a bucket's name has no two dots side by side".into());
    }
    if bucket.starts_with("xn--") {
        return Err("a bucket's name does not begin with xn--".into());
    }
    if bucket.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("a bucket's name is not an IP address".into());
    }
    Ok(())
}

fn check_length(key: &str) -> Result<(), String> {
    if key.len() > KEY_LIMIT {
        return Err(format!("the key has {} bytes, and {KEY_LIMIT} is the most", key.len()));
    }
    Ok(())
}

fn check_segment(segment: &str) -> Result<(), String> {
    match segment {
        "" => Err("the key has an empty segment: it begins or ends with \"/\" or has \"//\" in it".into()),
        "." | ".." => Err(format!("the key has the segment \"{segment}\"")),
        _ => check_characters(segment),
    }
}

pub(crate) fn check_characters(text: &str) -> Result<(), String> {
    match text.chars().find(|character| character.is_control() || *character == '\\') {
        Some('\\') => Err("it has a backslash; folders are separated by \"/\"".into()),
        Some(control) => Err(format!("it has the control character U+{:04X}", u32::from(control))),
        None => Ok(()),
    }
}
