//! What every object store must do. The same clauses run against the embedded store and, from the tests of
//! `kumiko-services-aws`, against S3.

use std::sync::Arc;

use bytes::Bytes;
use kumiko_services::objects::{Error, Folders, ObjectPrefix, ObjectStore, ObjectUri, Objects, Precondition, digest};

/// A store with a bucket in which everything under a clause's own prefix is free for it.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) bucket: String,
}

/// A size that S3 takes in several parts, with an odd remainder.
const LARGE: usize = 20 * 1024 * 1024 + 7;

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// Runs all clauses, one after the other.
pub(crate) async fn contract(subject: &Subject) {
    macro_rules! clauses {
        ($($clause:ident),* $(,)?) => { $(
            eprintln!("clause: {}", stringify!($clause));
            $clause(subject).await;
        )* };
    }
    clauses!(
        what_is_written_is_read_back_with_its_digest,
        the_media_type_is_the_one_given_or_the_one_of_the_name,
        an_unfit_media_type_is_refused,
        a_range_is_cut_at_the_end_of_the_object,
        an_empty_object_is_an_object,
        a_missing_object_is_not_found_by_any_operation,
        a_write_that_expects_nothing_fails_where_there_is_something,
        a_write_that_expects_a_version_fails_on_any_other,
        a_delete_holds_to_its_precondition,
        an_object_may_have_the_name_of_a_folder,
        keys_are_literal_text,
        a_listing_is_in_the_byte_order_of_keys_on_pages_of_any_size,
        a_listing_begins_with_its_prefix_even_within_a_segment,
        a_listing_of_nothing_is_empty,
        a_page_has_one_to_a_thousand_objects,
        a_large_file_goes_in_and_out_whole,
        a_large_file_holds_to_its_precondition,
        a_local_object_outlives_its_overwriting_and_its_deletion,
        a_copy_keeps_bytes_and_media_type,
        of_many_writers_that_expect_nothing_one_wins,
        counting_with_compare_and_swap_loses_nothing,
    );
}

impl Subject {
    fn uri(&self, key: &str) -> ObjectUri {
        ObjectUri::new(&self.bucket, key).unwrap()
    }

    async fn put(&self, key: &str, body: &str) -> String {
        let written =
            self.store.put_bytes(&self.uri(key), Bytes::from(body.to_owned()), None, &Precondition::None).await;
        written.unwrap_or_else(|error| panic!("{key}: {error}")).info.etag
    }

    async fn text(&self, key: &str) -> String {
        let bytes = self.store.get(&self.uri(key), None).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn keys(&self, prefix: &str, limit: usize) -> Vec<String> {
        let start = format!("s3://{}/", self.bucket);
        let prefix = ObjectPrefix::parse(&format!("{start}{prefix}")).unwrap();
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.store.list(&prefix, cursor.as_deref(), limit).await.unwrap();
            assert!(page.objects.len() <= limit);
            keys.extend(page.objects.iter().map(|object| object.uri.strip_prefix(&start).unwrap().to_owned()));
            cursor = page.cursor;
            if cursor.is_none() {
                return keys;
            }
        }
    }
}

fn text(body: &'static str) -> Bytes {
    Bytes::from_static(body.as_bytes())
}

/// Bytes that no part of is like another.
fn large() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32).to_le_bytes()
    });
    words.flatten().take(LARGE).collect()
}

async fn what_is_written_is_read_back_with_its_digest(subject: &Subject) {
    let uri = subject.uri("read/back.txt");
    let written = subject.store.put_bytes(&uri, text("hello"), None, &Precondition::None).await.unwrap();
    assert_eq!(written.sha256, HELLO_SHA256);
    assert_eq!((written.info.uri.as_str(), written.info.size), (uri.to_string().as_str(), 5));
    assert!(!written.info.etag.contains('"'));

    let head = subject.store.head(&uri).await.unwrap();
    assert_eq!((&head.uri, head.size, &head.etag), (&written.info.uri, 5, &written.info.etag));
    assert!(head.modified.abs_diff(written.info.modified) < 60_000, "{} {}", head.modified, written.info.modified);
    let fetched = subject.store.fetch(&uri, None).await.unwrap();
    assert_eq!((fetched.bytes.as_ref(), fetched.info), (b"hello".as_slice(), head.clone()));

    let listed = subject.store.list(&ObjectPrefix::parse(&uri.to_string()).unwrap(), None, 10).await.unwrap();
    assert_eq!(listed.objects, [head]);
    assert_eq!(listed.cursor, None);

    let again = subject.put("read/back.txt", "other").await;
    assert_ne!(again, written.info.etag);
    assert_eq!(subject.text("read/back.txt").await, "other");
}

async fn the_media_type_is_the_one_given_or_the_one_of_the_name(subject: &Subject) {
    for (key, given, expected) in [
        ("types/a.csv", None, "text/csv"),
        ("types/a.parquet", None, "application/vnd.apache.parquet"),
        ("types/A.JSON", None, "application/json"),
        ("types/model.kumiko", None, "application/vnd.kumiko.model"),
        ("types/none", None, "application/octet-stream"),
        ("types/b.csv", Some("text/plain; charset=utf-8"), "text/plain; charset=utf-8"),
    ] {
        let uri = subject.uri(key);
        let written = subject.store.put_bytes(&uri, text("x"), given, &Precondition::None).await.unwrap();
        assert_eq!(written.info.media_type, expected);
        assert_eq!(subject.store.head(&uri).await.unwrap().media_type, expected);
    }
}

async fn an_unfit_media_type_is_refused(subject: &Subject) {
    for unfit in ["", "text", "text/", "/csv", "text/csv\r\nx-injected: 1", "text/\u{e9}", " text/csv"] {
        let refused = subject
            .store
            .put_bytes(&subject.uri("unfit"), text("x"), Some(unfit), &Precondition::None)
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::InvalidMediaType { .. }), "{unfit:?}: {refused:?}");
    }
    assert!(subject.keys("unfit", 10).await.is_empty());
}

#[expect(clippy::reversed_empty_ranges, reason = "a caller may ask for one")]
async fn a_range_is_cut_at_the_end_of_the_object(subject: &Subject) {
    let uri = subject.uri("ranges/alphabet");
    subject.put("ranges/alphabet", "abcdefghij").await;
    for (range, expected) in [
        (0..10, "abcdefghij"),
        (0..1, "a"),
        (3..5, "de"),
        (8..99, "ij"),
        (0..u64::MAX, "abcdefghij"),
        (10..12, ""),
        (99..u64::MAX, ""),
        (4..4, ""),
        (5..2, ""),
    ] {
        let fetched =
            subject.store.fetch(&uri, Some(range.clone())).await.unwrap_or_else(|error| panic!("{range:?}: {error}"));
        assert_eq!((fetched.bytes.as_ref(), fetched.info.size), (expected.as_bytes(), 10), "{range:?}");
    }
}

async fn an_empty_object_is_an_object(subject: &Subject) {
    let uri = subject.uri("empty/object");
    let written = subject.store.put_bytes(&uri, Bytes::new(), None, &Precondition::Absent).await.unwrap();
    assert_eq!(written.sha256, digest::sha256(b""));
    assert_eq!(subject.store.head(&uri).await.unwrap().size, 0);
    assert!(subject.store.get(&uri, None).await.unwrap().is_empty());
    assert!(subject.store.get(&uri, Some(0..8)).await.unwrap().is_empty());
    assert_eq!(std::fs::metadata(subject.store.localize(&uri).await.unwrap().path()).unwrap().len(), 0);
    let refused = subject.store.put_bytes(&uri, text("x"), None, &Precondition::Absent).await.unwrap_err();
    assert!(matches!(refused, Error::Exists { .. }), "{refused:?}");
}

async fn a_missing_object_is_not_found_by_any_operation(subject: &Subject) {
    let uri = subject.uri("missing/one");
    for error in [
        subject.store.head(&uri).await.map(|_| ()).unwrap_err(),
        subject.store.get(&uri, None).await.map(|_| ()).unwrap_err(),
        subject.store.get(&uri, Some(0..8)).await.map(|_| ()).unwrap_err(),
        subject.store.get(&uri, Some(3..3)).await.map(|_| ()).unwrap_err(),
        subject.store.localize(&uri).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        assert!(error.to_string().contains("missing/one"), "{error}");
    }
    let absent = std::path::Path::new("/nowhere/at/all");
    let error = subject.store.put_file(&uri, absent, None, &Precondition::None).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

async fn a_write_that_expects_nothing_fails_where_there_is_something(subject: &Subject) {
    let uri = subject.uri("absent/one");
    subject.store.put_bytes(&uri, text("first"), None, &Precondition::Absent).await.unwrap();
    let refused = subject.store.put_bytes(&uri, text("second"), None, &Precondition::Absent).await.unwrap_err();
    assert!(matches!(refused, Error::Exists { .. }), "{refused:?}");
    assert_eq!(subject.text("absent/one").await, "first");
    subject.store.delete(&uri, &Precondition::None).await.unwrap();
    subject.store.put_bytes(&uri, text("third"), None, &Precondition::Absent).await.unwrap();
    assert_eq!(subject.text("absent/one").await, "third");
}

async fn a_write_that_expects_a_version_fails_on_any_other(subject: &Subject) {
    let uri = subject.uri("unchanged/one");
    let on_nothing =
        subject.store.put_bytes(&uri, text("x"), None, &Precondition::Unchanged("abc".into())).await.unwrap_err();
    assert!(matches!(on_nothing, Error::Changed { .. }), "{on_nothing:?}");
    let first = subject.put("unchanged/one", "first").await;
    let second =
        subject.store.put_bytes(&uri, text("second"), None, &Precondition::Unchanged(first.clone())).await.unwrap();
    let stale = subject.store.put_bytes(&uri, text("third"), None, &Precondition::Unchanged(first)).await.unwrap_err();
    assert!(matches!(stale, Error::Changed { .. }), "{stale:?}");
    assert_eq!(subject.text("unchanged/one").await, "second");
    let quoted = Precondition::Unchanged(format!("\"{}\"", second.info.etag));
    subject.store.put_bytes(&uri, text("fourth"), None, &quoted).await.unwrap();
    assert_eq!(subject.text("unchanged/one").await, "fourth");
}

async fn a_delete_holds_to_its_precondition(subject: &Subject) {
    let uri = subject.uri("deleted/one");
    subject.store.delete(&uri, &Precondition::None).await.unwrap();
    subject.store.delete(&uri, &Precondition::Absent).await.unwrap();
    let on_nothing = subject.store.delete(&uri, &Precondition::Unchanged("abc".into())).await.unwrap_err();
    assert!(matches!(on_nothing, Error::Changed { .. }), "{on_nothing:?}");

    let first = subject.put("deleted/one", "first").await;
    let exists = subject.store.delete(&uri, &Precondition::Absent).await.unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }), "{exists:?}");
    let second = subject.put("deleted/one", "second").await;
    let stale = subject.store.delete(&uri, &Precondition::Unchanged(first)).await.unwrap_err();
    assert!(matches!(stale, Error::Changed { .. }), "{stale:?}");
    assert_eq!(subject.text("deleted/one").await, "second");
    subject.store.delete(&uri, &Precondition::Unchanged(second)).await.unwrap();
    assert!(matches!(subject.store.head(&uri).await, Err(Error::NotFound { .. })));
}

async fn an_object_may_have_the_name_of_a_folder(subject: &Subject) {
    // The object first, then what lies under it; and the other way round.
    subject.put("both/a", "object a").await;
    subject.put("both/a/b", "object b").await;
    subject.put("both/a/b/c", "object c").await;
    subject.put("both/x/y/z", "object z").await;
    subject.put("both/x/y", "object y").await;
    subject.put("both/x", "object x").await;
    assert_eq!(
        subject.keys("both/", 100).await,
        ["both/a", "both/a/b", "both/a/b/c", "both/x", "both/x/y", "both/x/y/z"]
    );
    for (key, body) in
        [("a", "object a"), ("a/b", "object b"), ("a/b/c", "object c"), ("x", "object x"), ("x/y", "object y")]
    {
        assert_eq!(subject.text(&format!("both/{key}")).await, body);
    }
    subject.put("both/a", "object a, changed").await;
    assert_eq!(subject.text("both/a").await, "object a, changed");
    for (deleted, left) in [("both/a/b/c", 5), ("both/a/b", 4), ("both/x", 3)] {
        subject.store.delete(&subject.uri(deleted), &Precondition::None).await.unwrap();
        assert_eq!(subject.keys("both/", 100).await.len(), left);
    }
    assert_eq!(subject.text("both/a").await, "object a, changed");
    assert_eq!(subject.text("both/x/y").await, "object y");
    subject.put("both/x", "object x again").await;
    assert_eq!(subject.keys("both/", 100).await, ["both/a", "both/x", "both/x/y", "both/x/y/z"]);
    assert!(matches!(subject.store.head(&subject.uri("both/x/y/z/deeper")).await, Err(Error::NotFound { .. })));
}

async fn keys_are_literal_text(subject: &Subject) {
    let mut keys: Vec<String> = [
        "%2e%2e",
        "%2e%2e/%2e%2e/etc/passwd",
        "..a",
        "a..",
        "...",
        "a b",
        " ",
        "a+b",
        "a&b=c?d#e",
        "a%self",
        "%self",
        "a%25",
        "a%",
        "%%",
        "100%.csv",
        "ümlaut",
        "日本語",
        "👩\u{200d}🔬",
        "\u{2024}\u{2024}",
        "／etc",
        "quote'\"<>",
        "~",
        "~/x",
        "$HOME",
        "*",
        "a:b",
        "c:d/e",
        ".hidden",
        "-rf",
        "a;b",
        "a\u{301}",
        "\u{e1}",
    ]
    .iter()
    .map(|key| format!("literal/{key}"))
    .collect();
    let start = "literal/";
    keys.push(format!("{start}{}", "s".repeat(250)));
    keys.push(format!("{start}{}", vec!["d".repeat(100); 10].join("/")));
    for key in &keys {
        subject.put(key, key).await;
    }
    for key in &keys {
        assert_eq!(&subject.text(key).await, key);
    }
    keys.sort();
    assert_eq!(subject.keys(start, 1_000).await, keys);
    for key in &keys {
        subject.store.delete(&subject.uri(key), &Precondition::None).await.unwrap();
    }
    assert!(subject.keys(start, 10).await.is_empty());
}

async fn a_listing_is_in_the_byte_order_of_keys_on_pages_of_any_size(subject: &Subject) {
    let mut keys: Vec<String> = [
        "a",
        "a!",
        "a-b",
        "a.b",
        "a/b",
        "a/b-c",
        "a/b/c",
        "a/b/d/e/f",
        "a0",
        "aa",
        "a%b",
        "b/c",
        "b",
        "ä/b",
        "Z",
        "z/z/z",
    ]
    .iter()
    .map(|key| format!("order/{key}"))
    .collect();
    for key in &keys {
        subject.put(key, "x").await;
    }
    keys.sort();
    for limit in [1, 2, 3, 5, keys.len() - 1, keys.len(), keys.len() + 1, 1_000] {
        assert_eq!(subject.keys("order/", limit).await, keys, "{limit} a page");
    }
    // A cursor stays good when its object goes.
    let prefix = ObjectPrefix::parse(&format!("s3://{}/order/", subject.bucket)).unwrap();
    let page = subject.store.list(&prefix, None, 4).await.unwrap();
    let last = ObjectUri::parse(&page.objects[3].uri).unwrap();
    subject.store.delete(&last, &Precondition::None).await.unwrap();
    let next = subject.store.list(&prefix, page.cursor.as_deref(), 1).await.unwrap();
    assert!(next.objects[0].uri.ends_with(&keys[4]), "{:?}", next.objects);
}

async fn a_listing_begins_with_its_prefix_even_within_a_segment(subject: &Subject) {
    for key in ["data/train.csv", "data/train/1.csv", "data/test.csv", "data2/train.csv", "dat"] {
        subject.put(&format!("within/{key}"), "x").await;
    }
    assert_eq!(subject.keys("within/data/t", 10).await.len(), 3);
    assert_eq!(subject.keys("within/data/tr", 10).await, ["within/data/train.csv", "within/data/train/1.csv"]);
    assert_eq!(subject.keys("within/data/train/", 10).await, ["within/data/train/1.csv"]);
    assert_eq!(subject.keys("within/data", 10).await.len(), 4);
    assert_eq!(subject.keys("within/data/train.csv", 10).await, ["within/data/train.csv"]);
    assert!(subject.keys("within/data/train.csv/", 10).await.is_empty());
}

async fn a_listing_of_nothing_is_empty(subject: &Subject) {
    assert!(subject.keys("nothing/here/", 10).await.is_empty());
    assert!(subject.keys("nothing/he", 10).await.is_empty());
}

async fn a_page_has_one_to_a_thousand_objects(subject: &Subject) {
    let prefix = ObjectPrefix::parse(&format!("s3://{}", subject.bucket)).unwrap();
    for limit in [0, 1_001, usize::MAX] {
        let refused = subject.store.list(&prefix, None, limit).await.unwrap_err();
        assert!(matches!(refused, Error::InvalidLimit { .. }), "{refused:?}");
    }
    for cursor in ["\0", "a\nb", &"c".repeat(5_000)] {
        let refused = subject.store.list(&prefix, Some(cursor), 1).await.unwrap_err();
        assert!(matches!(refused, Error::InvalidCursor { .. }), "{refused:?}");
    }
}

async fn a_large_file_goes_in_and_out_whole(subject: &Subject) {
    let body = large();
    let mut scratch = subject.store.spool().scratch().unwrap();
    std::io::Write::write_all(scratch.file_mut(), &body).unwrap();
    let uri = subject.uri("large/file.parquet");
    let written = subject.store.put_file(&uri, scratch.path(), None, &Precondition::None).await.unwrap();
    drop(scratch);
    assert_eq!((written.sha256, written.info.size), (digest::sha256(&body), LARGE as u64));
    let local = subject.store.localize(&uri).await.unwrap();
    assert_eq!(local.info.etag, written.info.etag);
    assert!(std::fs::read(local.path()).unwrap() == body);
    let tail = subject.store.get(&uri, Some(LARGE as u64 - 9..LARGE as u64 + 9)).await.unwrap();
    assert_eq!(tail, &body[LARGE - 9..]);
}

async fn a_large_file_holds_to_its_precondition(subject: &Subject) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), large()).unwrap();
    let uri = subject.uri("large/conditional");
    let first = subject.store.put_file(&uri, file.path(), Some("text/csv"), &Precondition::Absent).await.unwrap();
    let exists = subject.store.put_file(&uri, file.path(), None, &Precondition::Absent).await.unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }), "{exists:?}");
    subject.put("large/conditional", "small").await;
    let stale =
        subject.store.put_file(&uri, file.path(), None, &Precondition::Unchanged(first.info.etag)).await.unwrap_err();
    assert!(matches!(stale, Error::Changed { .. }), "{stale:?}");
    assert_eq!(subject.text("large/conditional").await, "small");
}

async fn a_local_object_outlives_its_overwriting_and_its_deletion(subject: &Subject) {
    let uri = subject.uri("local/object.csv");
    let etag = subject.put("local/object.csv", "first").await;
    let first = subject.store.localize(&uri).await.unwrap();
    subject.put("local/object.csv", "second").await;
    let second = subject.store.localize(&uri).await.unwrap();
    subject.store.delete(&uri, &Precondition::None).await.unwrap();
    assert_eq!(first.info.etag, etag);
    assert_eq!(std::fs::read_to_string(first.path()).unwrap(), "first");
    assert_eq!(std::fs::read_to_string(second.path()).unwrap(), "second");
    let path = first.path().to_owned();
    drop(first);
    assert!(!path.exists());
}

async fn a_copy_keeps_bytes_and_media_type(subject: &Subject) {
    let objects = Objects::new(Arc::clone(&subject.store), Folders::default());
    let (source, target) = (subject.uri("copy/source.csv").to_string(), subject.uri("copy/target").to_string());
    objects.put_bytes(&source, text("hello"), None, &Precondition::None).await.unwrap();
    let written = objects.copy(&source, &target, &Precondition::Absent).await.unwrap();
    assert_eq!((written.sha256.as_str(), written.info.media_type.as_str()), (HELLO_SHA256, "text/csv"));
    assert_eq!(objects.get(&target, None).await.unwrap(), "hello");
    let exists = objects.copy(&source, &target, &Precondition::Absent).await.unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }), "{exists:?}");
    objects.copy(&source, &source, &Precondition::None).await.unwrap();
    assert_eq!(objects.get(&source, None).await.unwrap(), "hello");
}

async fn of_many_writers_that_expect_nothing_one_wins(subject: &Subject) {
    for round in 0..4 {
        let uri = subject.uri(&format!("race/{round}"));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let (store, uri) = (Arc::clone(&subject.store), uri.clone());
            writers.spawn(async move {
                store
                    .put_bytes(&uri, Bytes::from(format!("writer {writer}")), None, &Precondition::Absent)
                    .await
                    .map(|_| writer)
            });
        }
        let answers = writers.join_all().await;
        let winners: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::Exists { .. }))), "{answers:?}");
        assert_eq!(subject.text(&format!("race/{round}")).await, format!("writer {}", winners[0]));
    }
}

async fn counting_with_compare_and_swap_loses_nothing(subject: &Subject) {
    let uri = subject.uri("race/counter");
    subject.put("race/counter", "0").await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (store, uri) = (Arc::clone(&subject.store), uri.clone());
        writers.spawn(async move { count(store.as_ref(), &uri, 10).await });
    }
    writers.join_all().await;
    assert_eq!(subject.text("race/counter").await, "60");
}

/// Adds one to the number in an object, `times` times, against others that do the same.
pub(crate) async fn count(store: &dyn ObjectStore, uri: &ObjectUri, times: usize) {
    let mut done = 0;
    while done < times {
        let fetched = store.fetch(uri, None).await.unwrap();
        let number: u64 = std::str::from_utf8(&fetched.bytes).unwrap().parse().unwrap();
        let next = Bytes::from((number + 1).to_string());
        match store.put_bytes(uri, next, None, &Precondition::Unchanged(fetched.info.etag)).await {
            Ok(_) => done += 1,
            Err(Error::Changed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
