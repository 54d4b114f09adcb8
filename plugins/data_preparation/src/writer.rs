//! Writing a call's results, and telling of them.

use kumiko_sdk::content::Link;
use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::objects::{self, Precondition, Written};
use kumiko_sdk::outputs::{Destination, StoredObject};
use kumiko_sdk::prelude::*;

use crate::destination::{PIPELINE, Part, Place};
use crate::listing::counted;

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
    /// A writer that has written nothing.
    pub(crate) fn new(place: Place) -> Self {
        Self { place, objects: Vec::new(), fresh: Vec::new() }
    }

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

    fn keep(
        &mut self,
        part: Part,
        destination: &Destination,
        rows: Option<u64>,
        written: Result<Written>,
    ) -> Result<String> {
        let written = written.inspect_err(|_| self.take_back())?;
        let uri = written.info.uri.clone();
        if *destination.precondition() == Precondition::Absent {
            self.fresh.push((uri.clone(), written.info.etag.clone()));
        }
        self.objects.push(WrittenObject {
            content: part.name().to_owned(),
            rows,
            object: StoredObject::from(&written),
        });
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
    use crate::destination::Output;

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

        fn frame_write(
            &self,
            _frame: &FrameHandle,
            uri: &str,
            _options: &str,
            _precondition: &Precondition,
        ) -> Result<Written> {
            if !self.written.borrow().is_empty() {
                return Err(Fault::failed("store_full", "the store is full"));
            }
            self.written.borrow_mut().push(uri.to_owned());
            let info = ObjectInfo {
                uri: uri.to_owned(),
                size: 1,
                etag: "first".to_owned(),
                media_type: String::new(),
                modified: 0,
            };
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
            let output: Output =
                serde_json::from_value(json!({ "output_s3_uri": "s3://b/out", "overwrite": overwrite })).unwrap();
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
}
