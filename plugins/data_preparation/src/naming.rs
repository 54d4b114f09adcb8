//! Names of files: their endings, and the part of a data set that they hold.

use kumiko_sdk::outputs::stem;
use kumiko_sdk::vocabulary::data::FileFormat;

/// The parts that `split_dataset` makes. What is made of one keeps its name.
const PARTS: [&str; 3] = ["train", "validation", "test"];

/// Endings of compressed files, behind that of the format.
const COMPRESSED: [&str; 2] = [".gz", ".zst"];

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

/// A file's uri before its ending, and the ending with its dots: `s3://b/clean` and `.csv.gz`.
pub(crate) fn split_ending(uri: &str) -> (&str, &str) {
    let plain = COMPRESSED.into_iter().find_map(|ending| uri.strip_suffix(ending)).unwrap_or(uri);
    let end = plain.rfind('.').unwrap_or(uri.len());
    uri.split_at_checked(end).unwrap_or((uri, ""))
}

/// The part that the file at `uri` is named after, where it is named so.
pub(crate) fn part(uri: &str) -> Option<&'static str> {
    let name = stem(uri);
    PARTS.into_iter().find(|part| *part == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_has_the_format_and_the_compression_and_nothing_before() {
        assert_eq!(split_ending("s3://b/clean.v2.csv.gz"), ("s3://b/clean.v2", ".csv.gz"));
        assert_eq!(split_ending("s3://b/clean.parquet"), ("s3://b/clean", ".parquet"));
        assert_eq!(split_ending("clean"), ("clean", ""));
    }

    #[test]
    fn a_part_is_known_by_its_name() {
        assert_eq!(part("s3://b/iris-0123456789abcdef/test.parquet"), Some("test"));
        assert_eq!(part("s3://b/tests.parquet"), None);
    }
}
