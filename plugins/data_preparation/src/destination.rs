//! Where a tool's results go, and writing them there.
//!
//! Given no place, a tool writes to a folder below the store's home that belongs to this very call, so writing again changes
//! nothing. A place that the caller named is never written over unless the caller says so; it is looked at before any work is
//! done, and the write itself is bound to it.

use kumiko_sdk::content::Link;
use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::objects::{self, Precondition, Written};
use kumiko_sdk::outputs::{Destination, Folder, StoredObject, data_name, fingerprint, write_options};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, WriteOptions};

use crate::listing::counted;
use crate::naming;
use crate::source::{Source, format_schema};

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
    fn name(self) -> &'static str {
        match self {
            Self::Only(name) | Self::Of(name) | Self::Document(name) => name,
        }
    }
}

/// Where results go, and how data sets are written there.
#[derive(Debug)]
pub(crate) struct Place {
    base: Base,
    options: WriteOptions,
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
    fn place_or(self, default: &str) -> Result<Place> {
        let Self { output_s3_uri, output_format, overwrite } = self;
        match output_s3_uri {
            Some(uri) if write_options(&uri, None).is_ok() => {
                let options = write_options(&uri, output_format)?;
                Ok(Place { base: Base::File { uri, overwrite }, options })
            }
            folder => {
                let options = WriteOptions { format: output_format.unwrap_or(FileFormat::Parquet), compression: None, delimiter: None };
                Ok(Place { base: Base::Folder(Folder::new(folder.as_deref(), overwrite, default)), options })
            }
        }
    }
}

impl Place {
    /// Where a result goes.
    fn destination(&self, part: Part) -> Destination {
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
        Writer { place: self, objects: Vec::new(), fresh: Vec::new() }
    }
}

/// One object that a tool wrote.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct WrittenObject {
    /// What it is: `train`, `test`, `pipeline` ….
    pub(crate) content: String,
    /// The rows of a data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// The object itself.
    #[serde(flatten)]
    pub(crate) object: StoredObject,
}

impl WrittenObject {
    /// The object in a few words: `s3://… (3 rows)`.
    pub(crate) fn in_words(&self) -> String {
        match self.rows {
            Some(rows) => format!("{} ({})", self.object.uri, counted(rows, "row")),
            None => self.object.uri.clone(),
        }
    }
}

/// Writes one call's results. Where one cannot be written, those before it are taken back, unless they may have replaced something.
#[derive(Debug)]
pub(crate) struct Writer {
    place: Place,
    objects: Vec<WrittenObject>,
    /// Uri and ETag of each object that was not there before.
    fresh: Vec<(String, String)>,
}

impl Writer {
    /// Writes a data set; its uri.
    pub(crate) fn data(&mut self, part: Part, frame: &Frame) -> Result<String> {
        let rows = frame.height()?;
        let destination = self.place.destination(part);
        let written = frame.write(destination.uri(), &self.place.options, destination.precondition());
        self.keep(part, &destination, Some(rows), written)
    }

    /// Saves a pipeline; its uri.
    pub(crate) fn pipeline(&mut self, pipeline: &Pipeline) -> Result<String> {
        let destination = self.place.destination(PIPELINE);
        let written = pipeline.save(destination.uri(), destination.precondition());
        self.keep(PIPELINE, &destination, None, written)
    }

    fn keep(&mut self, part: Part, destination: &Destination, rows: Option<u64>, written: Result<Written>) -> Result<String> {
        let written = written.inspect_err(|_| self.take_back())?;
        let uri = written.info.uri.clone();
        if *destination.precondition() == Precondition::Absent {
            self.fresh.push((uri.clone(), written.info.etag.clone()));
        }
        self.objects.push(WrittenObject { content: part.name().to_owned(), rows, object: StoredObject::from(&written) });
        Ok(uri)
    }

    /// Deletes what this call wrote, as far as nobody else changed it since. What cannot be deleted stays: the caller learns of
    /// the failure that led here.
    fn take_back(&mut self) {
        for (uri, etag) in self.fresh.drain(..) {
            if let Err(fault) = objects::delete(&uri, &Precondition::Unchanged(etag)) {
                log::warn!("{uri} stays after a call that failed: {fault}");
            }
        }
    }

    /// What was written.
    pub(crate) fn finish(self) -> Vec<WrittenObject> {
        self.objects
    }
}

/// A link to each object.
pub(crate) fn links(written: &[WrittenObject]) -> Vec<Link> {
    written.iter().map(|written| Link::from(&written.object)).collect()
}

/// A result with its text and links.
pub(crate) fn reply<R>(structured: R, text: String, links: Vec<Link>) -> Reply<R> {
    links.into_iter().fold(Reply::new(structured).text(text), Reply::link)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use kumiko_sdk::host::{self, FrameHandle, Host};
    use kumiko_sdk::objects::ObjectInfo;

    use super::*;

    /// A store that takes one object and is full then.
    #[derive(Default)]
    struct Full {
        written: RefCell<Vec<String>>,
        deleted: RefCell<Vec<(String, Precondition)>>,
    }

    impl Host for Full {
        fn frame_from_rows(&self, _rows: &str) -> Result<FrameHandle> {
            Ok(FrameHandle::new(()))
        }

        fn frame_height(&self, _frame: &FrameHandle) -> Result<u64> {
            Ok(1)
        }

        fn frame_write(&self, _frame: &FrameHandle, uri: &str, _options: &str, _precondition: &Precondition) -> Result<Written> {
            if !self.written.borrow().is_empty() {
                return Err(Fault::failed("store_full", "the store is full"));
            }
            self.written.borrow_mut().push(uri.to_owned());
            let info = ObjectInfo { uri: uri.to_owned(), size: 1, etag: "first".to_owned(), media_type: String::new(), modified: 0 };
            Ok(Written { info, sha256: String::new() })
        }

        fn object_delete(&self, uri: &str, precondition: &Precondition) -> Result<()> {
            self.deleted.borrow_mut().push((uri.to_owned(), precondition.clone()));
            Ok(())
        }
    }

    /// What is deleted when the second of two parts cannot be written.
    fn taken_back(overwrite: bool) -> Vec<(String, Precondition)> {
        let store = Rc::new(Full::default());
        host::with(store.clone(), || {
            let output = Output { output_s3_uri: Some("s3://b/out".to_owned()), overwrite, ..Output::default() };
            let frame = Frame::from_rows(&json!([{}])).unwrap();
            let mut writer = output.place_or("").unwrap().writer();
            writer.data(Part::Of("train"), &frame).unwrap();
            assert_eq!(writer.data(Part::Of("test"), &frame).unwrap_err().code, "store_full");
        });
        store.deleted.borrow().clone()
    }

    #[test]
    fn a_part_is_taken_back_where_the_next_cannot_be_written() {
        let deleted = [("s3://b/out/train.parquet".to_owned(), Precondition::Unchanged("first".to_owned()))];
        assert_eq!(taken_back(false), deleted);
    }

    #[test]
    fn what_may_have_replaced_something_is_not_deleted() {
        assert_eq!(taken_back(true), []);
    }

    fn place(uri: Option<&str>, format: Option<FileFormat>) -> Result<Place> {
        Output { output_s3_uri: uri.map(str::to_owned), output_format: format, overwrite: false }.place_or("processed/iris-1")
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
        assert_eq!(uris(&place), ["s3://b/clean.v2.csv.gz", "s3://b/clean.v2.test.csv.gz", "s3://b/clean.v2.pipeline.json"]);
    }

    #[test]
    fn a_format_that_contradicts_the_file_name_is_refused() {
        assert_eq!(place(Some("s3://b/clean.csv"), Some(FileFormat::Parquet)).unwrap_err().code, "output_format_mismatch");
    }
}
