//! What a tool leaves in the store: where it goes, what it may replace, and how an answer tells of it.
//!
//! A tool that is given no place writes under [`objects::home`], to a place that follows from its arguments, and replaces what an
//! earlier call with the same arguments left there. A place that the caller named is the caller's: what is there stays, unless
//! the call says `overwrite`. [`Destination::check`] finds that out before the work is done instead of after it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::Link;
use crate::objects::{self, Precondition, Written};
use crate::vocabulary::data::{Compression, FileFormat, WriteOptions};
use crate::{Fault, FaultKind, Result};

/// The longest name that [`segment`] makes, in characters.
const LONGEST_SEGMENT: usize = 100;

/// An object in the store, as a structured result tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredObject {
    /// Where it is.
    pub uri: String,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Changes whenever the bytes do.
    pub etag: String,
    /// The media type.
    pub media_type: String,
}

impl From<&Written> for StoredObject {
    fn from(written: &Written) -> Self {
        let info = &written.info;
        Self {
            uri: info.uri.clone(),
            size_bytes: info.size,
            sha256: written.sha256.clone(),
            etag: info.etag.clone(),
            media_type: info.media_type.clone(),
        }
    }
}

impl From<&StoredObject> for Link {
    fn from(object: &StoredObject) -> Self {
        Self {
            media_type: Some(object.media_type.clone()),
            size: Some(object.size_bytes),
            ..Self::new(object.uri.as_str())
        }
    }
}

/// Where one object goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    uri: String,
    precondition: Precondition,
}

impl Destination {
    /// The place that the caller named, or the place `default` under [`objects::home`].
    pub fn new(named: Option<&str>, overwrite: bool, default: &str) -> Self {
        match named {
            Some(uri) => Self {
                uri: uri.to_owned(),
                precondition: if overwrite { Precondition::None } else { Precondition::Absent },
            },
            None => Self { uri: format!("{}{default}", objects::home()), precondition: Precondition::None },
        }
    }

    /// The place.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What must hold for the write to happen.
    #[must_use]
    pub fn precondition(&self) -> &Precondition {
        &self.precondition
    }

    /// Finds out before the work whether the write would be refused because something is there.
    ///
    /// # Errors
    /// `object_exists`.
    pub fn check(&self) -> Result<()> {
        if self.precondition != Precondition::Absent || objects::head(&self.uri).is_err() {
            return Ok(());
        }
        Err(Fault::new(FaultKind::Conflict, "object_exists", format!("there is an object at {} already", self.uri))
            .hint("choose another place, or pass `overwrite: true` to replace it"))
    }

    /// Writes the object whole.
    ///
    /// # Errors
    /// `object_exists` where something came there first, and what the store refuses.
    pub fn put(&self, body: &[u8], media_type: &str) -> Result<StoredObject> {
        objects::put(&self.uri, body, Some(media_type), &self.precondition).map(|written| StoredObject::from(&written))
    }

    /// The folder called after this object, for what belongs to it: `…/model.kumiko` has `…/model-figures/` for `figures`.
    #[must_use]
    pub fn folder(&self, suffix: &str) -> Folder {
        let (folder, name) = self.uri.rsplit_once('/').map_or(("", self.uri.as_str()), |(folder, name)| (folder, name));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let separator = if folder.is_empty() { "" } else { "/" };
        Folder { uri: format!("{folder}{separator}{stem}-{suffix}/"), precondition: self.precondition.clone() }
    }
}

/// Where several objects go that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    uri: String,
    precondition: Precondition,
}

impl Folder {
    /// The folder that the caller named, or the folder `default` under [`objects::home`].
    pub fn new(named: Option<&str>, overwrite: bool, default: &str) -> Self {
        let Destination { mut uri, precondition } = Destination::new(named, overwrite, default);
        if !uri.ends_with('/') {
            uri.push('/');
        }
        Self { uri, precondition }
    }

    /// The folder's uri; it ends in `/`.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Where the object called `name` goes.
    #[must_use]
    pub fn file(&self, name: &str) -> Destination {
        Destination { uri: format!("{}{name}", self.uri), precondition: self.precondition.clone() }
    }
}

/// Text as one segment of a uri: letters, digits, `-`, `_` and `.` stay, anything else becomes `-`.
#[must_use]
pub fn segment(text: &str) -> String {
    let mapped: String = text
        .chars()
        .take(LONGEST_SEGMENT)
        .map(
            |character| {
                if character.is_alphanumeric() || matches!(character, '-' | '_' | '.') { character } else { '-' }
            },
        )
        .collect();
    let trimmed = mapped.trim_matches(['-', '.']);
    if trimmed.is_empty() { "unnamed".to_owned() } else { trimmed.to_owned() }
}

/// The name of an object without folders and extensions: `train` of `s3://bucket/data/train.csv.gz`.
#[must_use]
pub fn stem(uri: &str) -> &str {
    let name = uri.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(uri);
    match name.split_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// A name for what is made of the data set at `uri`: that of the file, and where the file is one part of several in a folder that
/// a tool wrote (`…/iris-0123456789abcdef/train.parquet`), that of the folder before it: `iris-train`. A part's name that the folder
/// has already is not repeated.
#[must_use]
pub fn data_name(uri: &str) -> String {
    let name = segment(stem(uri));
    let folder = uri.trim_end_matches('/').rsplit('/').nth(1).and_then(|folder| folder.rsplit_once('-'));
    match folder {
        Some((data, ending)) if is_fingerprint(ending) && !data.is_empty() => {
            let data = segment(data);
            if data == name || data.ends_with(&format!("-{name}")) { data } else { format!("{data}-{name}") }
        }
        _ => name,
    }
}

/// A fingerprint of texts in their order, as 16 hexadecimal digits, to name an output after everything that decides what is in
/// it: FNV-1a with 64 bits, each text followed by a byte that occurs in no UTF-8. Not for secrets, and not against forgery.
#[must_use]
pub fn fingerprint(texts: &[&str]) -> String {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    format!("{:016x}", bytes.fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How a table is written to `uri` by what its name says: `.csv`, `.tsv`, `.parquet`, `.json`, `.ndjson` or `.jsonl`, `.arrow`,
/// also with `.gz` or `.zst` behind; by `asked` where the name says nothing.
///
/// # Errors
/// `output_format_unknown` where neither says anything, `output_format_mismatch` where they contradict each other.
pub fn write_options(uri: &str, asked: Option<FileFormat>) -> Result<WriteOptions> {
    let name = uri.rsplit('/').next().unwrap_or(uri).to_lowercase();
    let (name, compression) = if let Some(inner) = name.strip_suffix(".gz") {
        (inner, Some(Compression::Gzip))
    } else if let Some(inner) = name.strip_suffix(".zst") {
        (inner, Some(Compression::Zstd))
    } else {
        (name.as_str(), None)
    };
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let named = match extension {
        "csv" | "tsv" => Some(FileFormat::Csv),
        "parquet" => Some(FileFormat::Parquet),
        "json" => Some(FileFormat::Json),
        "ndjson" | "jsonl" => Some(FileFormat::Ndjson),
        "arrow" | "feather" | "ipc" => Some(FileFormat::Arrow),
        _ => None,
    };
    let format = match (named, asked) {
        (Some(named), Some(asked)) if named != asked => {
            return Err(Fault::invalid(
                "output_format_mismatch",
                format!("{uri} names another format than the one asked for"),
            )
            .hint("leave the format out, or end the name in it"));
        }
        (Some(format), _) | (None, Some(format)) => format,
        (None, None) => {
            return Err(Fault::invalid(
                "output_format_unknown",
                format!("the name of {uri} does not say in which format to write the table"),
            )
            .hint("end the name in .csv, .parquet, .json or .ndjson, or name the format"));
        }
    };
    let delimiter = (extension == "tsv").then(|| "\t".to_owned());
    Ok(WriteOptions { format, compression, delimiter })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_was_named_is_kept_unless_the_call_says_otherwise() {
        assert_eq!(Destination::new(Some("s3://b/m"), false, "x").precondition(), &Precondition::Absent);
        assert_eq!(Destination::new(Some("s3://b/m"), true, "x").precondition(), &Precondition::None);
        let default = Destination::new(None, false, "models/a/model.kumiko");
        assert!(default.uri().ends_with("/models/a/model.kumiko"), "{}", default.uri());
        assert_eq!(default.precondition(), &Precondition::None);
    }

    #[test]
    fn a_folder_ends_in_a_slash_whether_or_not_the_caller_wrote_one() {
        for named in ["s3://b/reports", "s3://b/reports/"] {
            assert_eq!(Folder::new(Some(named), false, "x").file("a.png").uri(), "s3://b/reports/a.png");
        }
    }

    #[test]
    fn what_belongs_to_an_object_lies_in_a_folder_called_after_it() {
        let folder = |uri| Destination::new(Some(uri), false, "x").folder("figures").uri().to_owned();
        assert_eq!(folder("s3://b/models/iris.kumiko"), "s3://b/models/iris-figures/");
        assert_eq!(folder("iris"), "iris-figures/");
    }

    #[test]
    fn a_segment_keeps_letters_of_any_script_and_nothing_that_a_uri_reads_as_structure() {
        assert_eq!(segment("churn model/v2"), "churn-model-v2");
        assert_eq!(segment("予測 1"), "予測-1");
        assert_eq!(segment("../.."), "unnamed");
        assert_eq!(segment(""), "unnamed");
    }

    #[test]
    fn a_stem_has_no_folders_and_no_extensions() {
        assert_eq!(stem("s3://bucket/data/train.csv.gz"), "train");
        assert_eq!(stem("/data/.hidden"), ".hidden");
        assert_eq!(stem("train"), "train");
    }

    #[test]
    fn a_part_is_named_after_its_data_set_too() {
        assert_eq!(data_name("s3://mlops/processed/iris-0123456789abcdef/train.parquet"), "iris-train");
        assert_eq!(data_name("s3://mlops/processed/train-0123456789abcdef/train.parquet"), "train");
        assert_eq!(data_name("s3://mlops/processed/iris-train-0123456789abcdef/train.parquet"), "iris-train");
        assert_eq!(data_name("s3://b/raw-data/train.csv"), "train");
        assert_eq!(data_name("/data/années 2024.csv"), "années-2024");
    }

    #[test]
    fn a_fingerprint_tells_texts_and_their_borders_apart() {
        assert_eq!(fingerprint(&[]), "cbf29ce484222325");
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_ne!(fingerprint(&["a"]), fingerprint(&["a", ""]));
    }

    #[test]
    fn the_name_says_how_a_table_is_written() {
        let options = write_options("s3://b/a.csv.gz", None).unwrap();
        assert_eq!((options.format, options.compression), (FileFormat::Csv, Some(Compression::Gzip)));
        assert_eq!(write_options("a.TSV", None).unwrap().delimiter.as_deref(), Some("\t"));
        assert_eq!(write_options("a.txt", Some(FileFormat::Ndjson)).unwrap().format, FileFormat::Ndjson);
        assert_eq!(write_options("s3://b.parquet/a", None).unwrap_err().code, "output_format_unknown");
        assert_eq!(write_options("a.csv", Some(FileFormat::Json)).unwrap_err().code, "output_format_mismatch");
    }
}
