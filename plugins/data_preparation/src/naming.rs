//! Names of objects: what a uri says of the data in it, and how outputs are named after their input.

use kumiko_sdk::vocabulary::data::{Compression, FileFormat};

/// The longest name taken over from an input, in characters.
const NAME_LIMIT: usize = 48;

/// Names that tools give to parts. What holds them is named after the data set, so that name says more.
const PARTS: [&str; 6] = ["data", "train", "validation", "test", "balanced", "dataset"];

/// What the end of a uri says of the data in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The format.
    pub(crate) format: FileFormat,
    /// The compression around the file, where the name has one.
    pub(crate) compression: Option<Compression>,
    /// The delimiter that the name asks for: a tab for `.tsv`.
    pub(crate) delimiter: Option<&'static str>,
    /// How many bytes of the uri the ending takes, its dots included.
    pub(crate) length: usize,
}

impl Ending {
    /// The ending of `uri`, where it names a format.
    pub(crate) fn of(uri: &str) -> Option<Self> {
        let (plain, compression) = match uri.rsplit_once('.')? {
            (plain, "gz" | "gzip") => (plain, Some(Compression::Gzip)),
            (plain, "zst" | "zstd") => (plain, Some(Compression::Zstd)),
            _ => (uri, None),
        };
        let (stem, extension) = plain.rsplit_once('.')?;
        let format = match extension.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => FileFormat::Csv,
            "parquet" => FileFormat::Parquet,
            "json" => FileFormat::Json,
            "ndjson" | "jsonl" => FileFormat::Ndjson,
            "arrow" | "feather" | "ipc" => FileFormat::Arrow,
            _ => return None,
        };
        let delimiter = extension.eq_ignore_ascii_case("tsv").then_some("\t");
        Some(Self { format, compression, delimiter, length: uri.len() - stem.len() })
    }
}

/// The ending that a file of this format has.
pub(crate) fn extension(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Csv => "csv",
        FileFormat::Parquet => "parquet",
        FileFormat::Json => "json",
        FileFormat::Ndjson => "ndjson",
        FileFormat::Arrow => "arrow",
    }
}

/// The uri without the ending that names its format.
pub(crate) fn stem(uri: &str) -> &str {
    let length = Ending::of(uri).map_or(0, |ending| ending.length);
    uri.get(..uri.len() - length).unwrap_or(uri)
}

/// A name for what is made of the data set at `uri`: that of the file, or, where the file is a part that a tool wrote, that
/// of its folder without the fingerprint.
pub(crate) fn dataset(uri: &str) -> String {
    let mut segments = stem(uri).rsplit('/');
    let file = segments.next().unwrap_or_default();
    let folder = segments.next().unwrap_or_default();
    let name = match folder.rsplit_once('-') {
        Some((name, fingerprint)) if PARTS.contains(&file) && is_fingerprint(fingerprint) => name,
        _ => file,
    };
    let plain: String =
        name.chars().take(NAME_LIMIT).map(|character| if character.is_alphanumeric() || "._-".contains(character) { character } else { '_' }).collect();
    if plain.chars().all(|character| character == '.' || character == '_') { "dataset".to_owned() } else { plain }
}

/// A fingerprint of texts in their order, as 16 hexadecimal digits: FNV-1a with 64 bits, each text followed by a byte that
/// occurs in no UTF-8.
pub(crate) fn fingerprint(texts: &[&str]) -> String {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    format!("{:016x}", bytes.fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_says_format_compression_and_delimiter() {
        let ending = Ending::of("s3://b/a.tsv.gz").unwrap();
        assert_eq!((ending.format, ending.compression, ending.delimiter), (FileFormat::Csv, Some(Compression::Gzip), Some("\t")));
        assert_eq!(Ending::of("s3://b/A.PARQUET").unwrap().format, FileFormat::Parquet);
        for unknown in ["s3://b/a", "s3://b/a.txt", "s3://b.csv/a", "s3://b/folder/", "s3://b/a.gz", ""] {
            assert_eq!(Ending::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_output_is_named_after_the_data_set_and_not_after_its_part() {
        assert_eq!(dataset("s3://b/raw/iris.csv.gz"), "iris");
        assert_eq!(dataset("s3://mlops/processed/iris-0123456789abcdef/train.parquet"), "iris");
        assert_eq!(dataset("s3://b/raw/train.csv"), "train");
        assert_eq!(dataset("/data/années 2024.csv"), "années_2024");
        assert_eq!(dataset("s3://b/..csv"), "dataset");
    }

    #[test]
    fn a_fingerprint_tells_texts_and_their_borders_apart() {
        assert_eq!(fingerprint(&[]), "cbf29ce484222325");
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_ne!(fingerprint(&["a"]), fingerprint(&["a", ""]));
    }
}
