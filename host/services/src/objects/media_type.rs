//! Which media type a name suggests.

use super::Error;

/// What a name with no known ending holds.
const UNKNOWN: &str = "application/octet-stream";

/// The longest media type that is stored, in bytes.
const LIMIT: usize = 255;

/// The media type that the name's ending suggests; `application/octet-stream` where it suggests none.
#[must_use]
pub fn media_type_of(name: &str) -> &'static str {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some((_, ending)) = file.rsplit_once('.') else { return UNKNOWN };
    match ending.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "gz" => "application/gzip",
        "html" => "text/html",
        "json" => "application/json",
        "kumiko" => "application/vnd.kumiko.model",
        "md" => "text/markdown",
        "ndjson" | "jsonl" => "application/x-ndjson",
        "parquet" => "application/vnd.apache.parquet",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "zst" => "application/zstd",
        _ => UNKNOWN,
    }
}

/// Refuses what cannot stand in a `Content-Type` header.
///
/// # Errors
/// [`Error::InvalidMediaType`].
pub fn check_media_type(media_type: &str) -> Result<(), Error> {
    let printable = media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let paired =
        media_type.split_once('/').is_some_and(|(kind, subtype)| !kind.trim().is_empty() && !subtype.trim().is_empty());
    if printable && paired && media_type.len() <= LIMIT && media_type.trim() == media_type {
        Ok(())
    } else {
        Err(Error::InvalidMediaType { media_type: media_type.to_owned() })
    }
}
