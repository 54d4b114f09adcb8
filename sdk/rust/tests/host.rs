//! What the modules of the SDK ask of a host, seen by a host that a test brings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use kumiko_sdk::frames::Frame;
use kumiko_sdk::host::{self, FrameHandle, Host};
use kumiko_sdk::log::Level;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::ReadOptions;
use kumiko_sdk::{objects, random, time};

/// Keeps what it is told, and has frames that are the documents they were made of.
#[derive(Default)]
struct Notebook {
    lines: RefCell<Vec<(Level, String)>>,
    cancelled: bool,
}

impl Host for Notebook {
    fn log_write(&self, level: Level, message: &str) {
        self.lines.borrow_mut().push((level, message.to_owned()));
    }

    fn log_enabled(&self, level: Level) -> bool {
        level >= Level::Info
    }

    fn progress_is_cancelled(&self) -> bool {
        self.cancelled
    }

    fn clock_now(&self) -> (u64, u32) {
        (1_700_000_000, 500_000_000)
    }

    fn frame_open(&self, uri: &str, options: &str) -> Result<FrameHandle> {
        Ok(FrameHandle::new(format!("{uri} {options}")))
    }

    fn frame_rows(&self, frame: &FrameHandle, _offset: u64, _count: u32) -> Result<String> {
        Ok(json!([{ "made_of": frame.get::<String>()? }]).to_string())
    }

    fn frame_summary(&self, _frame: &FrameHandle, _sample: u32) -> Result<String> {
        Ok("{}".to_owned())
    }
}

#[test]
fn without_a_host_a_call_fails_and_says_what_to_do() {
    let fault = objects::head("s3://bucket/key").unwrap_err();
    assert_eq!(fault.code, "host_function_missing");
    assert!(fault.hint.unwrap().contains("kumiko-test-kit"));
    log::error!("nobody reads this");
    assert_eq!((time::now(), random::bytes(2)), (Duration::ZERO, vec![0, 0]));
}

#[test]
fn a_host_is_there_for_as_long_as_it_is_installed() {
    host::with(Rc::new(Notebook::default()), || {
        assert_eq!(time::milliseconds(), 1_700_000_000_500);
        host::with(Rc::new(Notebook { cancelled: true, ..Notebook::default() }), || {
            assert_eq!(progress::check().unwrap_err().code, "cancelled");
        });
        progress::check().unwrap();
    });
    assert_eq!(time::milliseconds(), 0);
}

#[test]
fn a_line_is_put_together_only_where_it_is_kept() {
    let notebook = Rc::new(Notebook::default());
    host::with(notebook.clone(), || {
        let expensive = || -> &str { panic!("nobody keeps this line") };
        log::debug!("{}", expensive());
        log::info!("{} rows", 3);
        log::error!("gone");
    });
    assert_eq!(*notebook.lines.borrow(), [(Level::Info, "3 rows".to_owned()), (Level::Error, "gone".to_owned())]);
}

#[test]
fn documents_go_to_the_host_as_json_and_come_back_typed() {
    host::with(Rc::new(Notebook::default()), || {
        let options = ReadOptions { columns: vec!["age".to_owned()], ..ReadOptions::default() };
        let rows = Frame::open("s3://bucket/people.csv", &options).unwrap().rows(0, 1).unwrap();
        let made_of = rows[0]["made_of"].as_str().unwrap();
        let (uri, document) = made_of.split_once(' ').unwrap();
        assert_eq!(uri, "s3://bucket/people.csv");
        assert_eq!(serde_json::from_str::<ReadOptions>(document).unwrap(), options);
    });
}

#[test]
fn a_document_that_the_plugin_does_not_know_is_a_fault() {
    host::with(Rc::new(Notebook::default()), || {
        let frame = Frame::open("people.csv", &ReadOptions::default()).unwrap();
        assert_eq!(frame.summary(0).unwrap_err().code, "document_unreadable");
    });
}

#[test]
fn a_handle_of_another_host_is_refused() {
    host::with(Rc::new(Notebook::default()), || {
        let foreign = Frame::from(FrameHandle::new(7_u8));
        assert_eq!(foreign.rows(0, 1).unwrap_err().code, "foreign_handle");
    });
}
