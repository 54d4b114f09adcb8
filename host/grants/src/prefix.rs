//! Which objects a grant covers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Objects by the beginning of their uri.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prefix {
    /// Every object: `s3://`.
    Everything,
    /// Objects of one bucket whose key is `key`, or begins with it and goes on behind a `/`. An empty key is the whole bucket.
    Bucket {
        /// The bucket.
        bucket: String,
        /// The beginning of the key, without a `/` at its end.
        key: String,
    },
    /// Files in the folders that the server was allowed: `files`.
    Files,
    /// Files in one folder among them: an absolute path.
    Folder(String),
}

impl Prefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "`s3://`, `s3://bucket/prefix/`, `files` or an absolute folder was expected";
        if text == "files" {
            return Ok(Self::Files);
        }
        if text.split('/').any(|segment| segment == ".." || segment == ".") || text.chars().any(char::is_control) {
            return Err(format!("it has a segment `.` or `..` or a control character; {EXPECTED}"));
        }
        if text.starts_with('/') {
            return Ok(Self::Folder(text.trim_end_matches('/').to_owned()));
        }
        let Some(rest) = text.strip_prefix("s3://") else { return Err(EXPECTED.to_owned()) };
        if rest.is_empty() {
            return Ok(Self::Everything);
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || key.starts_with('/') || key.contains("//") {
            return Err(EXPECTED.to_owned());
        }
        Ok(Self::Bucket { bucket: bucket.to_owned(), key: key.trim_end_matches('/').to_owned() })
    }

    /// Whether it covers an object, given by its plain form: `s3://bucket/key`, or an absolute path.
    #[must_use]
    pub fn covers(&self, uri: &str) -> bool {
        let object = uri.strip_prefix("s3://");
        match (self, object) {
            (Self::Everything, Some(_)) | (Self::Files, None) => true,
            (Self::Bucket { bucket, key }, Some(object)) => {
                let (its_bucket, its_key) = object.split_once('/').unwrap_or((object, ""));
                its_bucket == bucket && under(its_key, key)
            }
            (Self::Folder(folder), None) => under(uri, folder),
            _ => false,
        }
    }
}

/// Whether a path is the folder or lies in it. `ab` does not lie in `a`.
fn under(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => formatter.write_str("s3://"),
            Self::Bucket { bucket, key } if key.is_empty() => write!(formatter, "s3://{bucket}/"),
            Self::Bucket { bucket, key } => write!(formatter, "s3://{bucket}/{key}/"),
            Self::Files => formatter.write_str("files"),
            Self::Folder(folder) => write!(formatter, "{folder}/"),
        }
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|expected| serde::de::Error::custom(format!("`{text}` is no prefix: {expected}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let prefix = Prefix::parse("s3://data/raw").unwrap();
        for covered in ["s3://data/raw/a.csv", "s3://data/raw", "s3://data/raw/deep/er"] {
            assert!(prefix.covers(covered), "{covered}");
        }
        for other in ["s3://data/raw2/a.csv", "s3://data/ra", "s3://data2/raw/a.csv", "s3://data", "/data/raw/a.csv"] {
            assert!(!prefix.covers(other), "{other}");
        }
    }

    #[test]
    fn the_whole_store_the_whole_bucket_and_files_are_three_things() {
        assert!(Prefix::parse("s3://").unwrap().covers("s3://any/key"));
        assert!(!Prefix::parse("s3://").unwrap().covers("/srv/a.csv"));
        assert!(Prefix::parse("s3://data").unwrap().covers("s3://data/key"));
        assert!(!Prefix::parse("s3://data").unwrap().covers("s3://data-old/key"));
        assert!(Prefix::parse("files").unwrap().covers("/srv/a.csv"));
        assert!(!Prefix::parse("files").unwrap().covers("s3://data/key"));
        let folder = Prefix::parse("/srv/data/").unwrap();
        assert!(folder.covers("/srv/data/a.csv") && !folder.covers("/srv/database/a.csv"));
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in
            ["", "data", "s3:/data", "s3://a/../b", "s3://a//b", "https://a/b", "file", "/srv/../etc", "s3:///key"]
        {
            assert!(Prefix::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_written_as_it_is_read() {
        for text in ["s3://", "s3://data/", "s3://data/raw/", "files", "/srv/data/"] {
            assert_eq!(Prefix::parse(text).unwrap().to_string(), text);
        }
    }
}
