//! The embedded store: the contract, other processes, files that an operator puts in, crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "contract/mod.rs"]
mod contract;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use contract::Subject;
use kumiko_services::objects::{EmbeddedStore, Error, ObjectPrefix, ObjectStore, ObjectUri, Precondition};
use tempfile::TempDir;

/// Tells a copy of this test program that it is one of several writers on the store in that folder.
const WRITER: &str = "KUMIKO_TEST_WRITER";

fn store(root: &Path) -> EmbeddedStore {
    EmbeddedStore::open(root).unwrap()
}

fn uri(key: &str) -> ObjectUri {
    ObjectUri::new("lab", key).unwrap()
}

async fn put(store: &EmbeddedStore, key: &str, body: &str) -> String {
    store.put_bytes(&uri(key), Bytes::from(body.to_owned()), None, &Precondition::None).await.unwrap().info.etag
}

/// All files under a folder that are neither locks nor records.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_keeps_the_contract() {
    let root = TempDir::new().unwrap();
    contract::contract(&Subject { store: Arc::new(store(root.path())), bucket: "lab".into() }).await;
}

#[tokio::test]
async fn an_object_is_a_plain_file_of_its_name() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    put(&store, "data/train.csv", "a,b\n1,2\n").await;
    assert_eq!(fs::read_to_string(root.path().join("objects/lab/data/train.csv")).unwrap(), "a,b\n1,2\n");
    store.delete(&uri("data/train.csv"), &Precondition::None).await.unwrap();
    assert!(!root.path().join("objects/lab/data").exists(), "an empty folder is left");
}

#[tokio::test]
async fn the_object_of_a_folders_name_lies_beside_the_folder() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    put(&store, "a", "object").await;
    put(&store, "a/b", "below").await;
    assert_eq!(fs::read_to_string(root.path().join("objects/lab/a%self")).unwrap(), "object");
    assert_eq!(fs::read_to_string(root.path().join("objects/lab/a/b")).unwrap(), "below");
}

#[tokio::test]
async fn a_file_put_in_by_hand_is_an_object() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    let file = root.path().join("objects/lab/by/hand.csv");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "one").unwrap();
    let first = store.head(&uri("by/hand.csv")).await.unwrap();
    assert_eq!((first.size, first.media_type.as_str()), (3, "text/csv"));

    // Replaced at once, with the same size: the time of change need not differ.
    fs::write(&file, "two").unwrap();
    let second = store.head(&uri("by/hand.csv")).await.unwrap();
    assert_ne!(first.etag, second.etag);

    // Left alone for long enough, the digest is remembered.
    let settled = SystemTime::now() - Duration::from_secs(60);
    fs::File::options().write(true).open(&file).unwrap().set_modified(settled).unwrap();
    assert_eq!(store.head(&uri("by/hand.csv")).await.unwrap().etag, second.etag);
    assert_eq!(files(&root.path().join("etags")).len(), 1);
    assert_eq!(store.head(&uri("by/hand.csv")).await.unwrap().etag, second.etag);
    let stale = store
        .put_bytes(&uri("by/hand.csv"), Bytes::new(), None, &Precondition::Unchanged(first.etag))
        .await
        .unwrap_err();
    assert!(matches!(stale, Error::Changed { .. }), "{stale:?}");
    store.put_bytes(&uri("by/hand.csv"), Bytes::new(), None, &Precondition::Unchanged(second.etag)).await.unwrap();
}

#[tokio::test]
async fn damaged_records_cost_a_second_reading_and_nothing_else() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    let etag = put(&store, "a.csv", "body").await;
    for damage in ["", "{", "null", "[{\"identity\":1}]"] {
        for record in files(&root.path().join("etags")) {
            fs::write(record, damage).unwrap();
        }
        assert_eq!(store.head(&uri("a.csv")).await.unwrap().etag, etag);
        store
            .put_bytes(&uri("a.csv"), Bytes::from_static(b"body"), None, &Precondition::Unchanged(etag.clone()))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_symbolic_link_in_the_store_is_refused_whatever_it_leads_to() {
    let root = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let store = store(root.path());
    put(&store, "folder/object", "x").await;
    let bucket = root.path().join("objects/lab");
    symlink(outside.path(), bucket.join("out")).unwrap();
    symlink(outside.path().join("secret"), bucket.join("link")).unwrap();
    symlink(bucket.join("folder"), bucket.join("inner")).unwrap();
    symlink(outside.path(), root.path().join("objects/linked-bucket")).unwrap();
    let linked = ObjectUri::new("linked-bucket", "secret").unwrap();
    for uri in [uri("out/secret"), uri("link"), uri("inner/object"), linked, uri("out/absent")] {
        for refused in [
            store.get(&uri, None).await.map(|_| ()),
            store.localize(&uri).await.map(|_| ()),
            store.put_bytes(&uri, Bytes::new(), None, &Precondition::None).await.map(|_| ()),
            store.delete(&uri, &Precondition::None).await,
        ] {
            assert!(matches!(refused, Err(Error::LeadsOut { .. })), "{uri}: {refused:?}");
        }
    }
    let listed = store.list(&ObjectPrefix::parse("s3://lab").unwrap(), None, 100).await.unwrap();
    assert_eq!(listed.objects.iter().map(|object| object.uri.as_str()).collect::<Vec<_>>(), ["s3://lab/folder/object"]);
    assert!(store.list(&ObjectPrefix::parse("s3://linked-bucket").unwrap(), None, 100).await.is_err());
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
    assert_eq!(files(outside.path()).len(), 1);
}

#[tokio::test]
async fn a_segment_without_room_in_a_file_name_is_refused_by_its_length() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    put(&store, &"s".repeat(255), "fits").await;
    for key in ["s".repeat(256), format!("a/{}/b", "s".repeat(256)), "%".repeat(86)] {
        let refused = store.put_bytes(&uri(&key), Bytes::new(), None, &Precondition::None).await.unwrap_err();
        assert!(matches!(refused, Error::SegmentTooLong { .. }), "{refused:?}");
        let refused = store.head(&uri(&key)).await.unwrap_err();
        assert!(matches!(refused, Error::SegmentTooLong { .. }), "{refused:?}");
    }
    // The name fits, and what it would have to be called beside a folder does not.
    let refused = store
        .put_bytes(&uri(&format!("{}/b", "s".repeat(255))), Bytes::new(), None, &Precondition::None)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::SegmentTooLong { .. }), "{refused:?}");
    assert_eq!(store.get(&uri(&"s".repeat(255)), None).await.unwrap(), "fits");
}

#[tokio::test]
async fn what_a_dead_process_left_is_removed_and_what_a_living_one_holds_is_not() {
    let root = TempDir::new().unwrap();
    let living = store(root.path());
    let scratch = living.spool().scratch().unwrap();
    let dead = root.path().join("spool/process-dead");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("half-written"), "half").unwrap();
    let other = store(root.path());
    assert!(!dead.exists());
    assert!(scratch.path().exists());
    drop(other);
    drop(living);
    assert!(scratch.path().exists(), "a scratch file outlives the store it is of");
    drop(scratch);
    assert!(files(&root.path().join("spool")).iter().all(|path| path.ends_with("opening.lock")));
}

#[tokio::test]
async fn a_failed_write_leaves_nothing() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    let etag = put(&store, "kept", "old").await;
    let before = files(root.path());
    let folder = TempDir::new().unwrap();
    for (key, precondition) in [("kept", Precondition::Absent), ("other/deep", Precondition::Unchanged(etag))] {
        store.put_bytes(&uri(key), Bytes::from_static(b"x"), None, &precondition).await.unwrap_err();
    }
    store.put_file(&uri("other/deep"), folder.path(), None, &Precondition::None).await.unwrap_err();
    assert_eq!(files(root.path()), before);
    assert!(!root.path().join("objects/lab/other").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_between_threads_of_several_stores_loses_nothing() {
    let root = TempDir::new().unwrap();
    let first = store(root.path());
    put(&first, "counter", "0").await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let store = store(root.path());
        writers.spawn(async move { contract::count(&store, &uri("counter"), 20).await });
    }
    writers.join_all().await;
    assert_eq!(first.get(&uri("counter"), None).await.unwrap(), "480");
}

/// What the two tests below start in a process of its own.
#[tokio::test]
#[ignore = "it is the other process of two tests, not a test"]
async fn the_other_process() {
    let root = std::env::var(WRITER).unwrap();
    let store = store(Path::new(&root));
    if store.head(&uri("counter")).await.is_ok() {
        return contract::count(&store, &uri("counter"), 50).await;
    }
    let bodies = [vec![b'a'; 300_000], vec![b'b'; 500_000]];
    for turn in 0.. {
        let body = Bytes::from(bodies[turn % 2].clone());
        store.put_bytes(&uri("folder/victim"), body, Some("text/x-victim"), &Precondition::None).await.unwrap();
        if turn % 3 == 0 {
            store.delete(&uri("folder/victim/below"), &Precondition::None).await.unwrap();
            store.delete(&uri("folder/victim"), &Precondition::None).await.unwrap();
        } else {
            put(&store, "folder/victim/below", "below").await;
        }
    }
}

fn other_process(root: &Path) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "the_other_process"])
        .env(WRITER, root)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command.spawn().unwrap()
}

#[tokio::test]
async fn counting_between_processes_loses_nothing() {
    let root = TempDir::new().unwrap();
    let store = store(root.path());
    put(&store, "counter", "0").await;
    let children: Vec<_> = (0..4).map(|_| other_process(root.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(store.get(&uri("counter"), None).await.unwrap(), "200");
}

#[tokio::test]
async fn a_killed_writer_leaves_the_old_object_or_the_whole_one() {
    let root = TempDir::new().unwrap();
    let mut found = 0;
    for turn in 0..30 {
        let mut child = other_process(root.path());
        std::thread::sleep(Duration::from_millis(20 + turn * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = store(root.path());
        match store.fetch(&uri("folder/victim"), None).await {
            Ok(fetched) => {
                found += 1;
                let whole = [(b'a', 300_000), (b'b', 500_000)];
                let first = fetched.bytes[0];
                assert!(
                    whole.contains(&(first, fetched.bytes.len())) && fetched.bytes.iter().all(|byte| *byte == first)
                );
                assert_eq!(fetched.info.media_type, "text/x-victim");
            }
            Err(error) => assert!(matches!(error, Error::NotFound { .. }), "{error:?}"),
        }
        let leftovers: Vec<_> = files(&root.path().join("spool"))
            .into_iter()
            .filter(|path| path.extension().is_none_or(|e| e != "lock"))
            .collect();
        assert!(leftovers.is_empty(), "{leftovers:?}");
        store.put_bytes(&uri("folder/victim/below/that"), Bytes::new(), None, &Precondition::None).await.unwrap();
        let listed = store.list(&ObjectPrefix::parse("s3://lab").unwrap(), None, 100).await.unwrap();
        assert!(listed.objects.iter().any(|object| object.uri.ends_with("below/that")));
    }
    assert!(found > 0, "no writer lived long enough to write");
}
