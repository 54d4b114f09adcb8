//! Where a tool's results go, and writing them there.
//!
//! Given no place, a tool writes to a folder below the store's home that belongs to this very call, so writing again changes
//! nothing. A place that the caller named is never written over unless the caller says so; it is looked at before any work is
//! done, and the write itself is bound to it.

use kumiko_sdk::content::Link;
use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::objects::{self, Precondition, Written};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, WriteOptions};

use crate::naming::{self, Ending};
use crate::source::{Source, format_schema};

/// Where results go: arguments that every computing tool takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destination {
    /// Where to write: a folder, or a file such as `s3://bucket/clean.csv` beside which further results get names made of its own.
    /// Without it, a folder of this call's own below the store's home.
    output_s3_uri: Option<String>,
    /// The format of the data written. Without it, what `output_s3_uri` ends in, or Parquet, which is small and keeps types.
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

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Only(name) | Self::Of(name) | Self::Document(name) => name,
        }
    }
}

/// What is written, and where.
#[derive(Debug)]
pub(crate) struct Place {
    base: Base,
    options: WriteOptions,
    overwrite: bool,
}

#[derive(Debug)]
enum Base {
    /// A folder of this call's own, ending in `/`.
    Own(String),
    /// A folder that the caller named, ending in `/`.
    Folder(String),
    /// A file that the caller named.
    File(String),
}

impl Destination {
    /// The place for what `tool` makes of `source` by `recipe`, which is everything that decides the outcome.
    pub(crate) fn place(self, tool: &str, source: &Source, recipe: &impl Serialize) -> Result<Place> {
        let ending = self.output_s3_uri.as_deref().and_then(Ending::of);
        let options = write_options(ending, self.output_format)?;
        let base = match self.output_s3_uri {
            Some(uri) if ending.is_some() => Base::File(uri),
            Some(uri) => Base::Folder(format!("{}/", uri.trim_end_matches('/'))),
            None => {
                let texts = [tool, &source.info.uri, &source.info.etag, &json!([source.options, recipe]).to_string()];
                let name = format!("{}-{}", naming::dataset(&source.info.uri), naming::fingerprint(&texts));
                Base::Own(format!("{}processed/{name}/", objects::home()))
            }
        };
        Ok(Place { base, options, overwrite: self.overwrite })
    }
}

/// How to write by the end of a uri and the format asked for.
///
/// # Errors
/// `output_format_mismatch` where the two name different formats.
pub(crate) fn write_options(ending: Option<Ending>, asked: Option<FileFormat>) -> Result<WriteOptions> {
    match (ending, asked) {
        (Some(ending), Some(asked)) if ending.format != asked => {
            let (named, asked) = (naming::extension(ending.format), naming::extension(asked));
            Err(Fault::invalid("output_format_mismatch", format!("`output_s3_uri` names a file of format {named}, `output_format` is {asked}"))
                .hint("leave out `output_format`, or name a file that ends in it"))
        }
        (Some(ending), _) => {
            let delimiter = ending.delimiter.map(str::to_owned);
            Ok(WriteOptions { format: ending.format, compression: ending.compression, delimiter })
        }
        (None, asked) => Ok(WriteOptions { format: asked.unwrap_or(FileFormat::Parquet), compression: None, delimiter: None }),
    }
}

impl Place {
    /// The uri of a result.
    fn uri(&self, part: Part) -> String {
        let name = part.name();
        match (&self.base, part) {
            (Base::Own(folder) | Base::Folder(folder), Part::Document(_)) => format!("{folder}{name}.json"),
            (Base::Own(folder) | Base::Folder(folder), _) => format!("{folder}{name}.{}", naming::extension(self.options.format)),
            (Base::File(file), Part::Only(_)) => file.clone(),
            (Base::File(file), Part::Document(_)) => format!("{}.{name}.json", naming::stem(file)),
            (Base::File(file), Part::Of(_)) => {
                let stem = naming::stem(file);
                format!("{stem}.{name}{}", file.get(stem.len()..).unwrap_or_default())
            }
        }
    }

    /// What must hold for a result to be written.
    fn precondition(&self) -> Precondition {
        match self.base {
            Base::Folder(_) | Base::File(_) if !self.overwrite => Precondition::Absent,
            _ => Precondition::None,
        }
    }

    /// Refuses, before any work is done, a place where something is that must not be replaced.
    pub(crate) fn check(&self, parts: &[Part]) -> Result<()> {
        if self.precondition() != Precondition::Absent {
            return Ok(());
        }
        for part in parts {
            refuse_existing(&self.uri(*part))?;
        }
        Ok(())
    }

    /// Begins to write.
    pub(crate) fn writer(self) -> Writer {
        Writer { place: self, objects: Vec::new(), links: Vec::new() }
    }
}

/// Refuses an object that exists.
///
/// # Errors
/// `object_exists`, and what keeps the host from looking.
pub(crate) fn refuse_existing(uri: &str) -> Result<()> {
    match objects::head(uri) {
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
        Err(fault) => Err(fault),
        Ok(info) => Err(Fault::new(FaultKind::Conflict, "object_exists", format!("{} exists ({} bytes)", info.uri, info.size))
            .hint("name another `output_s3_uri`, or replace what is there with `overwrite: true`")),
    }
}

/// One object that a tool wrote.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct WrittenObject {
    /// Where it is.
    pub(crate) uri: String,
    /// What it is: `train`, `test`, `pipeline` ….
    pub(crate) content: String,
    /// The rows of a data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// The size in bytes.
    pub(crate) size_bytes: u64,
    /// The media type.
    pub(crate) media_type: String,
    /// The SHA-256 of the bytes, in hexadecimal.
    pub(crate) sha256: String,
}

impl WrittenObject {
    /// The account of one write.
    pub(crate) fn new(content: &str, rows: Option<u64>, written: Written) -> Self {
        let Written { info, sha256 } = written;
        Self { uri: info.uri, content: content.to_owned(), rows, size_bytes: info.size, media_type: info.media_type, sha256 }
    }

    /// The data set in a sentence: `s3://… (3 rows)`.
    pub(crate) fn in_words(&self) -> String {
        match self.rows {
            Some(rows) => format!("{} ({})", self.uri, crate::listing::counted(rows, "row")),
            None => self.uri.clone(),
        }
    }
}

/// Writes one call's results. Where one cannot be written, those before it are taken back, unless they may have replaced something.
#[derive(Debug)]
pub(crate) struct Writer {
    place: Place,
    objects: Vec<(WrittenObject, String)>,
    links: Vec<Link>,
}

impl Writer {
    /// Writes a data set; its uri.
    pub(crate) fn data(&mut self, part: Part, frame: &Frame) -> Result<String> {
        let rows = frame.height()?;
        let written = frame.write(&self.place.uri(part), &self.place.options, &self.place.precondition());
        self.keep(part, Some(rows), written)
    }

    /// Saves a pipeline; its uri.
    pub(crate) fn pipeline(&mut self, pipeline: &Pipeline) -> Result<String> {
        let part = PIPELINE;
        let written = pipeline.save(&self.place.uri(part), &self.place.precondition());
        self.keep(part, None, written)
    }

    fn keep(&mut self, part: Part, rows: Option<u64>, written: Result<Written>) -> Result<String> {
        let written = written.inspect_err(|_| self.take_back())?;
        let (uri, etag) = (written.info.uri.clone(), written.info.etag.clone());
        self.links.push(Link::from(&written).title(part.name()));
        self.objects.push((WrittenObject::new(part.name(), rows, written), etag));
        Ok(uri)
    }

    /// Deletes what this call wrote, as far as nobody else changed it since. What cannot be deleted stays: the caller learns of
    /// the failure that led here.
    fn take_back(&mut self) {
        if self.place.precondition() != Precondition::Absent {
            return;
        }
        for (object, etag) in self.objects.drain(..) {
            if let Err(fault) = objects::delete(&object.uri, &Precondition::Unchanged(etag)) {
                log::warn!("{} stays after a call that failed: {fault}", object.uri);
            }
        }
    }

    /// What was written, and a link to each.
    pub(crate) fn finish(self) -> (Vec<WrittenObject>, Vec<Link>) {
        (self.objects.into_iter().map(|(object, _)| object).collect(), self.links)
    }
}

/// Where a fitted pipeline goes.
pub(crate) const PIPELINE: Part = Part::Document("pipeline");

/// A result with its text and links.
pub(crate) fn reply<R>(structured: R, text: String, links: Vec<Link>) -> Reply<R> {
    links.into_iter().fold(Reply::new(structured).text(text), Reply::link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(uri: &str, format: Option<FileFormat>) -> Result<Place> {
        let ending = Ending::of(uri);
        let base = if ending.is_some() { Base::File(uri.to_owned()) } else { Base::Folder(uri.to_owned()) };
        Ok(Place { base, options: write_options(ending, format)?, overwrite: false })
    }

    fn uris(place: &Place) -> [String; 3] {
        [Part::Only("train"), Part::Of("test"), PIPELINE].map(|part| place.uri(part))
    }

    #[test]
    fn a_folder_gets_files_named_by_what_they_are() {
        let place = place("s3://b/out/", Some(FileFormat::Csv)).unwrap();
        assert_eq!(uris(&place), ["s3://b/out/train.csv", "s3://b/out/test.csv", "s3://b/out/pipeline.json"]);
    }

    #[test]
    fn a_file_gets_the_data_and_lends_its_name_to_the_rest() {
        let place = place("s3://b/clean.csv.gz", None).unwrap();
        assert_eq!(uris(&place), ["s3://b/clean.csv.gz", "s3://b/clean.test.csv.gz", "s3://b/clean.pipeline.json"]);
        assert_eq!(place.options.compression, Some(kumiko_sdk::vocabulary::data::Compression::Gzip));
    }

    #[test]
    fn a_format_that_contradicts_the_file_name_is_refused() {
        assert_eq!(place("s3://b/clean.csv", Some(FileFormat::Parquet)).unwrap_err().code, "output_format_mismatch");
    }

    #[test]
    fn a_named_place_is_written_over_only_when_asked_to() {
        let mut place = place("s3://b/clean.csv", None).unwrap();
        assert_eq!(place.precondition(), Precondition::Absent);
        place.overwrite = true;
        assert_eq!(place.precondition(), Precondition::None);
        place.base = Base::Own("s3://mlops/processed/a/".to_owned());
        assert_eq!(place.precondition(), Precondition::None);
    }
}
