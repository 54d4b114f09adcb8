//! Where a tool's results go.
//!
//! Given no place, a tool writes to a folder below the store's home that belongs to this very call, so writing again changes
//! nothing. A place that the caller named is never written over unless the caller says so; it is looked at before any work is
//! done, and the write itself is bound to it ([`crate::writer`]).

use kumiko_sdk::outputs::{Destination, Folder, data_name, fingerprint, write_options};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, WriteOptions};

use crate::naming;
use crate::source::{Source, format_schema};
use crate::writer::Writer;

/// Where results go: arguments that every computing tool takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// Where to write: a folder, or a file such as `s3://bucket/clean.csv` beside which further results get names made of its own.
    /// Without it, a folder of this call's own below the store's home.
    output_s3_uri: Option<String>,
    /// The format of the data written. Without it, what `output_s3_uri` ends in, or Parquet, which is small and keeps types.
    #[serde(default)]
    #[schemars(schema_with = "format_schema")]
    output_format: Option<FileFormat>,
    /// Whether objects that exist at `output_s3_uri` may be replaced.
    #[serde(default)]
    overwrite: bool,
}

/// The name of one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The one data set that the tool writes.
    Only(&'static str),
    /// One of several data sets.
    Of(&'static str),
    /// A JSON document about them.
    Document(&'static str),
}

/// Where a fitted pipeline goes.
pub(crate) const PIPELINE: Part = Part::Document("pipeline");

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Only(name) | Self::Of(name) | Self::Document(name) => name,
        }
    }
}

/// Where results go, and how data sets are written there.
#[derive(Debug)]
pub(crate) struct Place {
    base: Base,
    /// How data sets are written.
    pub(crate) options: WriteOptions,
}

#[derive(Debug)]
enum Base {
    /// Everything goes in one folder.
    Folder(Folder),
    /// The caller named the file of the data set.
    File { uri: String, overwrite: bool },
}

impl Output {
    /// The place for what `tool` makes of `source` by `recipe`, which is everything that decides the outcome.
    pub(crate) fn place(self, tool: &str, source: &Source, recipe: &impl Serialize) -> Result<Place> {
        let texts = [tool, &source.info.uri, &source.info.etag, &json!([source.options, recipe]).to_string()];
        self.place_or(&format!("processed/{}-{}", data_name(&source.info.uri), fingerprint(&texts)))
    }

    /// The place that the caller named, or the folder `default` below the store's home.
    pub(crate) fn place_or(self, default: &str) -> Result<Place> {
        let Self { output_s3_uri, output_format, overwrite } = self;
        match output_s3_uri {
            Some(uri) if write_options(&uri, None).is_ok() => {
                let options = write_options(&uri, output_format)?;
                Ok(Place { base: Base::File { uri, overwrite }, options })
            }
            folder => {
                let options = WriteOptions {
                    format: output_format.unwrap_or(FileFormat::Parquet),
                    compression: None,
                    delimiter: None,
                };
                Ok(Place { base: Base::Folder(Folder::new(folder.as_deref(), overwrite, default)), options })
            }
        }
    }
}

impl Place {
    /// Where a result goes.
    pub(crate) fn destination(&self, part: Part) -> Destination {
        let name = part.name();
        match &self.base {
            Base::Folder(folder) => folder.file(&match part {
                Part::Document(_) => format!("{name}.json"),
                Part::Only(_) | Part::Of(_) => format!("{name}.{}", naming::extension(self.options.format)),
            }),
            Base::File { uri, overwrite } => {
                let (stem, ending) = naming::split_ending(uri);
                let uri = match part {
                    Part::Only(_) => uri.clone(),
                    Part::Of(_) => format!("{stem}.{name}{ending}"),
                    Part::Document(_) => format!("{stem}.{name}.json"),
                };
                Destination::new(Some(&uri), *overwrite, "")
            }
        }
    }

    /// Refuses, before any work is done, a place where something is that must not be replaced.
    pub(crate) fn check(&self, parts: &[Part]) -> Result<()> {
        parts.iter().try_for_each(|part| self.destination(*part).check())
    }

    /// Begins to write.
    pub(crate) fn writer(self) -> Writer {
        Writer::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(uri: Option<&str>, format: Option<FileFormat>) -> Result<Place> {
        Output { output_s3_uri: uri.map(str::to_owned), output_format: format, overwrite: false }
            .place_or("processed/iris-1")
    }

    fn uris(place: &Place) -> [String; 3] {
        [Part::Only("train"), Part::Of("test"), PIPELINE].map(|part| place.destination(part).uri().to_owned())
    }

    #[test]
    fn a_folder_gets_files_named_by_what_they_are() {
        for uri in ["s3://b/out", "s3://b/out/"] {
            let place = place(Some(uri), Some(FileFormat::Csv)).unwrap();
            assert_eq!(uris(&place), ["s3://b/out/train.csv", "s3://b/out/test.csv", "s3://b/out/pipeline.json"]);
        }
        let own = place(None, None).unwrap();
        assert!(uris(&own)[0].ends_with("processed/iris-1/train.parquet"), "{:?}", uris(&own));
    }

    #[test]
    fn a_file_gets_the_data_and_lends_its_name_to_the_rest() {
        let place = place(Some("s3://b/clean.v2.csv.gz"), None).unwrap();
        assert_eq!(
            uris(&place),
            ["s3://b/clean.v2.csv.gz", "s3://b/clean.v2.test.csv.gz", "s3://b/clean.v2.pipeline.json"]
        );
    }

    #[test]
    fn a_format_that_contradicts_the_file_name_is_refused() {
        assert_eq!(
            place(Some("s3://b/clean.csv"), Some(FileFormat::Parquet)).unwrap_err().code,
            "output_format_mismatch"
        );
    }
}
