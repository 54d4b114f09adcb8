//! `save_processed_data`: a data set under a chosen name, in a chosen format.

use kumiko_sdk::outputs::{Destination, StoredObject, write_options};
use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::data::{Compression, FileFormat, WriteOptions};

use crate::source::{Reading, Source, format_schema};
use crate::writer::{WrittenObject, links, reply};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"))]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// The object to write: `s3://bucket/key`, or a path under a folder that the operator allowed.
    output_s3_uri: String,
    /// The format to write. Default: what `output_s3_uri` ends in.
    #[serde(default)]
    #[schemars(schema_with = "format_schema")]
    output_format: Option<FileFormat>,
    /// The compression. Default: what `output_s3_uri` ends in; pages of Parquet are compressed with zstd.
    compression: Option<Compression>,
    /// CSV: the one character between cells.
    delimiter: Option<String>,
    /// Whether an object that exists at `output_s3_uri` may be replaced.
    #[serde(default)]
    overwrite: bool,
}

/// A saved data set.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Saved {
    /// Where it is.
    data_s3_uri: String,
    /// The format written.
    format: FileFormat,
    /// What was written.
    written: WrittenObject,
}

/// Writes a data set under a uri of your choice, in the format and compression of your choice (CSV, Parquet, JSON, NDJSON, Arrow), and
/// returns where it is, how large, and its digest. Nothing is replaced unless `overwrite` is true.
///
/// Call it to hand prepared data to somebody else, or to convert a file. The other tools of this capability save their results by
/// themselves.
#[tool(title = "Save a data set", destructive, idempotent, long_running)]
pub(crate) fn save_processed_data(arguments: Arguments) -> Result<Reply<Saved>> {
    let options = arguments.write_options()?;
    let Arguments { dataset_s3_uri, reading, output_s3_uri, overwrite, .. } = arguments;
    let destination = Destination::new(Some(&output_s3_uri), overwrite, "");
    destination.check()?;
    let source = Source::open(&dataset_s3_uri, reading)?;
    let rows = source.frame.height()?;
    let written = source.frame.write(destination.uri(), &options, destination.precondition())?;
    let written = WrittenObject { content: "data".to_owned(), rows: Some(rows), object: StoredObject::from(&written) };
    let (text, links) = (format!("Saved {}.", written.in_words()), links(std::slice::from_ref(&written)));
    Ok(reply(Saved { data_s3_uri: written.object.uri.clone(), format: options.format, written }, text, links))
}

impl Arguments {
    /// How to write: what the arguments say, and what the uri's end says where they do not.
    fn write_options(&self) -> Result<WriteOptions> {
        let uri = &self.output_s3_uri;
        if uri.ends_with('/') {
            return Err(Fault::invalid(
                "output_is_a_folder",
                format!("`output_s3_uri` is {uri}, a folder; an object was expected"),
            )
            .hint("name the object: s3://bucket/folder/clean.parquet"));
        }
        let named = write_options(uri, self.output_format)?;
        if let (Some(named), Some(asked)) = (named.compression, self.compression)
            && named != asked
        {
            return Err(Fault::invalid(
                "compression_mismatch",
                format!("{uri} ends in the name of another compression than `compression`"),
            )
            .hint("leave out `compression`, or end the uri in it"));
        }
        Ok(WriteOptions {
            format: named.format,
            compression: self.compression.or(named.compression),
            delimiter: self.delimiter.clone().or(named.delimiter),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(mut arguments: Value) -> Result<WriteOptions> {
        arguments["dataset_s3_uri"] = json!("a.csv");
        kumiko_sdk::arguments::parse::<Arguments>(&arguments.to_string())?.write_options()
    }

    #[test]
    fn the_end_of_the_uri_says_how_to_write() {
        let options = options(json!({ "output_s3_uri": "s3://b/a.tsv.zst" })).unwrap();
        let expected = WriteOptions {
            format: FileFormat::Csv,
            compression: Some(Compression::Zstd),
            delimiter: Some("\t".to_owned()),
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn arguments_that_contradict_the_uri_or_leave_the_format_open_are_refused() {
        for (arguments, code) in [
            (json!({ "output_s3_uri": "s3://b/a" }), "output_format_unknown"),
            (json!({ "output_s3_uri": "s3://b/a/" }), "output_is_a_folder"),
            (json!({ "output_s3_uri": "s3://b/a.csv", "output_format": "json" }), "output_format_mismatch"),
            (json!({ "output_s3_uri": "s3://b/a.csv.gz", "compression": "zstd" }), "compression_mismatch"),
        ] {
            assert_eq!(options(arguments).unwrap_err().code, code);
        }
        assert_eq!(
            options(json!({ "output_s3_uri": "s3://b/a", "output_format": "json" })).unwrap().format,
            FileFormat::Json
        );
    }
}
