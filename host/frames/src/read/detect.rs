//! What a file is: by what the caller says, by its name, by its first bytes; and whether these agree.

use kumiko_vocabulary::data::FileFormat;

use crate::Error;

/// The format of content that begins with `head`.
///
/// What the caller states wins, the name comes second, the bytes last; but bytes that contradict are an error. A `.json` file whose
/// first character is `{` is taken for one object a line, which is how many tools write it.
pub(super) fn format(head: &[u8], name: &str, stated: Option<FileFormat>) -> Result<FileFormat, Error> {
    let content = Content::of(head);
    let mismatch =
        |stated: String| Error::FormatMismatch { name: name.to_owned(), stated, found: content.in_words().to_owned() };
    if let Content::Foreign(encoding) = content {
        return Err(Error::ForeignEncoding { name: name.to_owned(), encoding });
    }
    if let Some(stated) = stated {
        return if content.fits(stated) { Ok(stated) } else { Err(mismatch(in_words(stated).to_owned())) };
    }
    match (by_name(name), content) {
        (_, Content::Parquet) => Ok(FileFormat::Parquet),
        (_, Content::Arrow) => Ok(FileFormat::Arrow),
        (Some(FileFormat::Json), Content::Object) => Ok(FileFormat::Ndjson),
        (Some(named), content) if content.fits(named) => Ok(named),
        (Some(named), _) => Err(mismatch(format!("{}, by its name,", in_words(named)))),
        (None, Content::Array) => Ok(FileFormat::Json),
        (None, Content::Object) => Ok(FileFormat::Ndjson),
        (None, Content::Blank) => Err(Error::EmptyFile { name: name.to_owned() }),
        (None, Content::Binary) => Err(mismatch("a table".to_owned())),
        (None, Content::Text | Content::Foreign(_)) => Ok(FileFormat::Csv),
    }
}

/// The delimiter that the name implies.
pub(super) fn delimiter(name: &str) -> u8 {
    if extension(name) == "tsv" { b'\t' } else { b',' }
}

pub(super) fn in_words(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Csv => "CSV",
        FileFormat::Parquet => "Parquet",
        FileFormat::Json => "a JSON array",
        FileFormat::Ndjson => "NDJSON",
        FileFormat::Arrow => "Arrow IPC",
    }
}

/// The name's extension in lower case, that of a compression left out.
fn extension(name: &str) -> String {
    let name = name.split(['?', '#']).next().unwrap_or(name).to_lowercase();
    let name = [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default()
}

fn by_name(name: &str) -> Option<FileFormat> {
    match extension(name).as_str() {
        "csv" | "tsv" => Some(FileFormat::Csv),
        "parquet" | "pq" => Some(FileFormat::Parquet),
        "json" => Some(FileFormat::Json),
        "ndjson" | "jsonl" => Some(FileFormat::Ndjson),
        "arrow" | "feather" | "ipc" => Some(FileFormat::Arrow),
        _ => None,
    }
}

/// What the first bytes say.
#[derive(Clone, Copy)]
enum Content {
    Parquet,
    Arrow,
    /// `[` followed by `{`, `[` or `]`.
    Array,
    /// `{` followed by a quote or `}`.
    Object,
    Text,
    Blank,
    Binary,
    Foreign(&'static str),
}

impl Content {
    fn of(head: &[u8]) -> Self {
        match head {
            [b'P', b'A', b'R', b'1', ..] => return Self::Parquet,
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => return Self::Arrow,
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Self::Foreign("UTF-32"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Self::Foreign("UTF-16"),
            _ => {}
        }
        let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
        let half = head.len().div_ceil(2);
        // Text in a Latin script has a zero in every other byte of UTF-16, and none in UTF-8.
        if half >= 4 && (zeros(1) * 2 > half || zeros(0) * 2 > half) && zeros(0).min(zeros(1)) * 4 < half {
            return Self::Foreign("UTF-16 without a byte order mark");
        }
        if head.contains(&0) {
            return Self::Binary;
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let mut characters = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
        match (characters.next(), characters.next()) {
            (None, _) => Self::Blank,
            (Some(b'['), Some(b'{' | b'[' | b']') | None) => Self::Array,
            (Some(b'{'), Some(b'"' | b'}')) => Self::Object,
            _ => Self::Text,
        }
    }

    fn fits(self, format: FileFormat) -> bool {
        match format {
            FileFormat::Parquet => matches!(self, Self::Parquet),
            FileFormat::Arrow => matches!(self, Self::Arrow),
            // What is no array or object at all is told by the JSON reader, with the position.
            FileFormat::Json => matches!(self, Self::Array | Self::Text | Self::Blank),
            FileFormat::Ndjson => matches!(self, Self::Object | Self::Text | Self::Blank),
            FileFormat::Csv => matches!(self, Self::Text | Self::Blank),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
            Self::Array => "a JSON array",
            Self::Object => "a JSON object, or one a line (NDJSON)",
            Self::Text => "text",
            Self::Blank => "blank",
            Self::Binary => "bytes of no known table format",
            Self::Foreign(encoding) => encoding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_where_the_bytes_do_not_object() {
        assert_eq!(format(b"a,b\n", "s3://b/x.csv.gz", None).unwrap(), FileFormat::Csv);
        assert_eq!(format(b"{\"a\":1}\n", "x.json", None).unwrap(), FileFormat::Ndjson);
        assert_eq!(format(b"[{\"a\":1}]", "x", None).unwrap(), FileFormat::Json);
        assert_eq!(format(b"PAR1xx", "x.csv", None).unwrap(), FileFormat::Parquet);
    }

    #[test]
    fn a_stated_format_that_the_bytes_contradict_is_refused() {
        let error = format(b"PAR1xx", "x.csv", Some(FileFormat::Csv)).unwrap_err();
        assert_eq!(error.to_string(), "x.csv was to be read as CSV, but its content is Parquet");
    }

    #[test]
    fn utf_16_is_named_with_and_without_its_mark() {
        let text: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(matches!(format(&text, "x.csv", None), Err(Error::ForeignEncoding { .. })));
        let marked = [&[0xff, 0xfe][..], &text].concat();
        assert!(matches!(format(&marked, "x.csv", None), Err(Error::ForeignEncoding { encoding: "UTF-16", .. })));
    }
}
