//! Objects, log, progress, clock and randomness of the test's host, seen by a tool.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::time::Duration;

use kumiko_sdk::log::Level;
use kumiko_sdk::objects::{self, Precondition, Upload};
use kumiko_sdk::prelude::*;
use kumiko_sdk::{random, time};
use kumiko_test_kit::{DEFAULT_TIME, TestHost};

const URI: &str = "s3://data/notes/one.json";

#[test]
fn an_object_is_written_once_and_changed_by_whoever_knows_it() {
    let host = TestHost::new().unwrap();
    host.run(|| {
        let first = objects::put(URI, b"[1]", None, &Precondition::Absent).unwrap();
        assert_eq!(
            (first.info.size, first.info.media_type.as_str(), first.info.uri.as_str()),
            (3, "application/json", URI)
        );
        assert_eq!(first.info.modified, u64::try_from(DEFAULT_TIME.as_millis()).unwrap());
        assert_eq!(objects::put(URI, b"[2]", None, &Precondition::Absent).unwrap_err().code, "object_exists");

        let known = Precondition::Unchanged(first.info.etag);
        objects::put(URI, b"[3]", Some("text/plain"), &known).unwrap();
        assert_eq!(objects::put(URI, b"[4]", None, &known).unwrap_err().code, "object_changed");
        assert_eq!(objects::delete(URI, &known).unwrap_err().kind, FaultKind::Conflict);
        assert_eq!(objects::get_json::<Vec<u32>>(URI).unwrap(), [3]);
        assert_eq!(objects::head(URI).unwrap().media_type, "text/plain");
    });
    assert_eq!(host.text(URI).unwrap(), "[3]");
}

#[test]
fn what_is_not_there_is_not_found_and_can_be_deleted() {
    TestHost::new().unwrap().run(|| {
        assert_eq!(objects::get(URI).unwrap_err().code, "object_not_found");
        objects::delete(URI, &Precondition::None).unwrap();
    });
}

#[test]
fn a_range_ends_with_the_object() {
    let host = TestHost::new().unwrap();
    host.put(URI, "0123456789").unwrap();
    host.run(|| {
        assert_eq!(objects::get_range(URI, 8, 100).unwrap(), b"89");
        assert_eq!(objects::get_range(URI, 3, 2).unwrap(), b"34");
        assert!(objects::get_range(URI, 50, 2).unwrap().is_empty());
        assert!(objects::get_range(URI, u64::MAX, u64::MAX).unwrap().is_empty());
    });
}

#[test]
fn a_listing_comes_in_pages_in_order() {
    let host = TestHost::new().unwrap();
    for name in ["b", "a/2", "a/1", "c"] {
        host.put(&format!("s3://data/{name}"), name).unwrap();
    }
    host.put("s3://other/a", "").unwrap();
    host.run(|| {
        let first = objects::list("s3://data/", None, 3).unwrap();
        let uris: Vec<&str> = first.objects.iter().map(|info| info.uri.as_str()).collect();
        assert_eq!(uris, ["s3://data/a/1", "s3://data/a/2", "s3://data/b"]);
        let last = objects::list("s3://data/", first.cursor.as_deref(), 3).unwrap();
        assert_eq!((last.objects[0].uri.as_str(), last.cursor), ("s3://data/c", None));
        assert!(objects::list("s3://data/", None, 0).is_err());
    });
    assert_eq!(host.uris("s3://data/a/").unwrap(), ["s3://data/a/1", "s3://data/a/2"]);
}

#[test]
fn an_upload_is_seen_when_it_is_finished_and_leaves_nothing_when_it_is_dropped() {
    let host = TestHost::new().unwrap();
    host.run(|| {
        let mut upload = Upload::create(URI, Some("text/plain"), &Precondition::Absent).unwrap();
        upload.write(b"one ").unwrap();
        upload.write(b"two").unwrap();
        assert_eq!(objects::head(URI).unwrap_err().code, "object_not_found");
        assert_eq!(upload.finish().unwrap().info.size, 7);
        drop(Upload::create("s3://data/never", None, &Precondition::None).unwrap());
    });
    assert_eq!(host.text(URI).unwrap(), "one two");
    assert_eq!(host.uris("s3://data/").unwrap(), [URI]);
}

#[test]
fn plain_paths_need_a_folder_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("note.txt");
    std::fs::write(&inside, "hello").unwrap();
    let path = inside.to_str().unwrap();
    TestHost::new().unwrap().run(|| assert_eq!(objects::get_text(path).unwrap_err().kind, FaultKind::Denied));
    TestHost::with_folders(vec![folder.path().to_owned()])
        .unwrap()
        .run(|| assert_eq!(objects::get_text(path).unwrap(), "hello"));
}

#[test]
fn lines_and_reports_are_kept_and_time_and_chance_repeat_themselves() {
    let seen = || {
        let host = TestHost::new().unwrap();
        host.run(|| {
            log::info!("{} rows", 3);
            progress::report(1.0, Some(2.0), "half");
            progress::check().unwrap();
        });
        assert_eq!(host.log(), [(Level::Info, "3 rows".to_owned())]);
        assert_eq!((host.reports()[0].done, host.reports()[0].message.as_str()), (1.0, "half"));
        host.cancel();
        assert_eq!(host.run(progress::check).unwrap_err().code, "cancelled");
        host.set_time(Duration::from_secs(5));
        host.run(|| (time::now(), random::number(), random::bytes(3)))
    };
    let first = seen();
    assert_eq!(first, seen());
    assert_eq!(first.0, Duration::from_secs(5));
    assert_ne!(first.2, [0, 0, 0]);
}
