//! Data sets as tools are given them.

use kumiko_sdk::frames::Frame;
use kumiko_sdk::objects::{self, ObjectInfo};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{DEFAULT_NULL_VALUES, FileFormat, ReadOptions};
use schemars::{Schema, SchemaGenerator, json_schema};

/// How a data set is to be read: arguments that every tool with one takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading {
    /// The data set's format, where its name and first bytes do not tell.
    #[serde(default)]
    #[schemars(schema_with = "format_schema")]
    file_format: Option<FileFormat>,
    /// Further options for reading CSV, and the choice of columns.
    #[serde(default)]
    #[schemars(schema_with = "options_schema")]
    read_options: Option<ReadOptions>,
}

/// [`FileFormat`] in the few words that ten tools can afford.
pub(crate) fn format_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "enum": ["csv", "parquet", "json", "ndjson", "arrow", null] })
}

/// [`ReadOptions`] in the few words that ten tools can afford, without the format, which is an argument of its own.
fn options_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "delimiter": { "type": "string", "description": "One character. Default: a comma, or a tab for .tsv." },
            "header": { "type": "boolean", "description": "Whether the first line names the columns; else they are column_1 …", "default": true },
            "null_values": { "type": "array", "items": { "type": "string" }, "description": "Texts that mean missing.", "default": DEFAULT_NULL_VALUES },
            "parse_dates": { "type": "boolean", "description": "Whether ISO 8601 text becomes dates and times.", "default": true },
            "columns": { "type": "array", "items": { "type": "string" }, "description": "The columns to read, in order. Default: all." },
        },
    })
}

/// An opened data set.
pub(crate) struct Source {
    /// What is known of the object.
    pub(crate) info: ObjectInfo,
    /// The rows.
    pub(crate) frame: Frame,
    /// How they were read.
    pub(crate) options: ReadOptions,
}

impl Source {
    /// Opens the data set at `uri`.
    pub(crate) fn open(uri: &str, reading: Reading) -> Result<Self> {
        let options = reading.options()?;
        let info = objects::head(uri)?;
        let frame = Frame::open(uri, &options)?;
        Ok(Self { info, frame, options })
    }
}

impl Reading {
    /// The two arguments as one document.
    fn options(self) -> Result<ReadOptions> {
        let mut options = self.read_options.unwrap_or_default();
        short_form("file_format", self.file_format, "read_options.format", &None, &mut options.format)?;
        Ok(options)
    }
}

/// Puts the value of an argument at the top level, if it was given, in the place of the nested one of the same meaning.
///
/// # Errors
/// `contradictory_arguments` where the nested one was given as well (it is not `unset`) and says otherwise.
pub(crate) fn short_form<T: Into<U>, U: PartialEq>(
    short: &str,
    value: Option<T>,
    long: &str,
    unset: &U,
    nested: &mut U,
) -> Result<()> {
    let Some(value) = value.map(Into::into) else { return Ok(()) };
    if nested != unset && *nested != value {
        return Err(Fault::invalid(
            "contradictory_arguments",
            format!("`{short}` and `{long}` mean the same and say different things"),
        )
        .hint(format!("give `{short}` or `{long}`, not both")));
    }
    *nested = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_of_the_format_takes_its_place_in_the_options() {
        let reading = Reading { file_format: Some(FileFormat::Csv), read_options: None };
        assert_eq!(reading.options().unwrap().format, Some(FileFormat::Csv));
    }

    #[test]
    fn a_format_that_is_given_twice_and_differently_is_refused() {
        let options = ReadOptions { format: Some(FileFormat::Json), ..ReadOptions::default() };
        let agreeing = Reading { file_format: Some(FileFormat::Json), read_options: Some(options.clone()) };
        assert_eq!(agreeing.options().unwrap().format, Some(FileFormat::Json));
        let fault = Reading { file_format: Some(FileFormat::Csv), read_options: Some(options) }.options().unwrap_err();
        assert_eq!(fault.code, "contradictory_arguments");
    }

    #[test]
    fn the_short_schemas_name_what_the_vocabulary_does() {
        let whole = kumiko_sdk::schema::input::<ReadOptions>();
        let options = options_schema(&mut SchemaGenerator::default()).to_value();
        let known = whole["properties"].as_object().unwrap().keys().filter(|name| *name != "format");
        assert!(options["properties"].as_object().unwrap().keys().eq(known));

        let formats = format_schema(&mut SchemaGenerator::default()).to_value();
        let known = whole["$defs"]["FileFormat"]["oneOf"].as_array().unwrap().iter().map(|format| &format["const"]);
        assert!(formats["enum"].as_array().unwrap().iter().filter(|name| !name.is_null()).eq(known));
    }
}
