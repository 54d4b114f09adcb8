//! What holds against a real server.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kumiko_services::objects::{Error, ObjectPrefix, ObjectStore as _, ObjectUri, Precondition};
use kumiko_services_aws::{S3Settings, S3Store};
use tempfile::TempDir;

use super::support::Moto;
use super::{CREDENTIALS, contract, scenario};

pub(super) fn run(name: &str) {
    let moto = Moto::start();
    let endpoint = one_at_a_time(&moto);
    let [key, secret, region] = CREDENTIALS;
    scenario(name, &[key, secret, region, ("AWS_ENDPOINT_URL", &endpoint)]);
}

/// The address of a forwarder that lets one writing request through at a time. moto judges a precondition and writes in two steps with
/// nothing to keep others out in between, so two requests at once can both succeed, which S3 excludes.
fn one_at_a_time(moto: &Moto) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let target = moto.endpoint.trim_start_matches("http://").to_owned();
    let turn = Arc::new(Mutex::new(()));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, target, turn) = (client.unwrap(), target.clone(), Arc::clone(&turn));
            std::thread::spawn(move || forward(client, &target, &turn));
        }
    });
    format!("http://{address}")
}

/// Forwards one request and its answer, and closes both connections. An error is what the client sees: a connection that ends.
fn forward(mut client: TcpStream, target: &str, turn: &Mutex<()>) -> Option<()> {
    let head = read_head(&mut client)?;
    let writes = !head.starts_with("GET ") && !head.starts_with("HEAD ");
    let turn = writes.then(|| turn.lock().unwrap());
    let mut server = TcpStream::connect(target).ok()?;
    let (first, rest) = head.split_once("\r\n")?;
    server.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes()).ok()?;
    let length = rest
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    if std::io::copy(&mut (&client).take(length), &mut server).ok()? < length {
        return None;
    }
    let head = read_head(&mut server)?;
    let (first, rest) = head.split_once("\r\n")?;
    client.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes()).ok()?;
    std::io::copy(&mut server, &mut client).ok()?;
    drop(turn);
    Some(())
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).ok()?;
    let kept = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    Some(kept.collect::<Vec<_>>().join("\r\n"))
}

async fn store(settings: S3Settings) -> (S3Store, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = S3Store::connect(settings, folder.path()).await.unwrap();
    store.client().create_bucket().bucket("lab").send().await.unwrap();
    (store, folder)
}

fn uri(key: &str) -> ObjectUri {
    ObjectUri::new("lab", key).unwrap()
}

/// A file too large for one request.
fn large_file(size: usize) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7_u8; size]).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a scenario"]
async fn s3_keeps_the_contract() {
    let (store, _folder) = store(S3Settings::default()).await;
    contract::contract(&contract::Subject { store: Arc::new(store), bucket: "lab".into() }).await;
}

#[tokio::test]
#[ignore = "a scenario"]
async fn what_is_written_is_encrypted_with_the_key_of_the_settings() {
    let (store, _folder) = store(S3Settings { kms_key: Some("alias/lab".into()), ..S3Settings::default() }).await;
    store.put_bytes(&uri("small"), Bytes::from_static(b"x"), None, &Precondition::None).await.unwrap();
    store.put_file(&uri("large"), large_file(9 << 20).path(), None, &Precondition::None).await.unwrap();
    for key in ["small", "large"] {
        let head = store.client().head_object().bucket("lab").key(key).send().await.unwrap();
        assert_eq!(head.server_side_encryption().map(|way| way.as_str()), Some("aws:kms"), "{key}");
        assert_eq!(head.ssekms_key_id(), Some("alias/lab"), "{key}");
    }
    let folder = TempDir::new().unwrap();
    let plain = S3Store::connect(S3Settings::default(), folder.path()).await.unwrap();
    plain.put_bytes(&uri("plain"), Bytes::from_static(b"x"), None, &Precondition::None).await.unwrap();
    let head = plain.client().head_object().bucket("lab").key("plain").send().await.unwrap();
    assert_eq!(head.ssekms_key_id(), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a scenario"]
async fn an_upload_that_is_given_up_leaves_no_parts() {
    let (store, _folder) = store(S3Settings::default()).await;
    let uploads = async || {
        let listed = store.client().list_multipart_uploads().bucket("lab").send().await.unwrap();
        listed.uploads().len()
    };
    let file = large_file(200 << 20);
    let target = uri("given-up");
    let put = store.put_file(&target, file.path(), None, &Precondition::None);
    let begun = async {
        while uploads().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        written = put => panic!("the upload was faster than the test: {written:?}"),
        () = begun => {}
    }
    let given_up = Instant::now();
    while uploads().await > 0 {
        assert!(given_up.elapsed() < Duration::from_secs(60), "the parts are still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(store.head(&target).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_downloaded_object_is_kept_and_the_room_for_it_is_bounded() {
    let (store, folder) = store(S3Settings::default()).await;
    let store = store.with_cache_bytes(5_000);
    let inode = |local: &kumiko_services::objects::LocalObject| std::fs::metadata(local.path()).unwrap().ino();
    for key in ["a", "b", "c"] {
        store.put_bytes(&uri(key), Bytes::from(vec![b'x'; 2_000]), None, &Precondition::None).await.unwrap();
    }
    let first = store.localize(&uri("a")).await.unwrap();
    let again = store.localize(&uri("a")).await.unwrap();
    assert_eq!(inode(&first), inode(&again), "the second use downloaded it again");
    store.localize(&uri("b")).await.unwrap();
    store.localize(&uri("a")).await.unwrap();
    store.localize(&uri("c")).await.unwrap();
    let kept: u64 = std::fs::read_dir(folder.path().join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(kept, 4_000);
    // The one that was not used for longest has gone.
    assert_eq!(inode(&store.localize(&uri("a")).await.unwrap()), inode(&first));
    assert_eq!(std::fs::read(first.path()).unwrap().len(), 2_000);
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_missing_bucket_is_named() {
    let (store, _folder) = store(S3Settings::default()).await;
    let elsewhere = ObjectUri::new("no-such-bucket", "key").unwrap();
    for error in [
        store.get(&elsewhere, None).await.map(|_| ()).unwrap_err(),
        store.put_bytes(&elsewhere, Bytes::new(), None, &Precondition::None).await.map(|_| ()).unwrap_err(),
        store.list(&ObjectPrefix::parse("s3://no-such-bucket").unwrap(), None, 1).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(&error, Error::BucketNotFound { bucket } if bucket == "no-such-bucket"), "{error:?}");
    }
}

#[tokio::test]
#[ignore = "a scenario"]
async fn keys_that_no_uri_can_name_are_not_listed() {
    let (store, _folder) = store(S3Settings::default()).await;
    for key in ["a/", "a//b", "b/../c", "z", "/lead", "m"] {
        store.client().put_object().bucket("lab").key(key).send().await.unwrap();
    }
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list(&ObjectPrefix::parse("s3://lab").unwrap(), cursor.as_deref(), 1).await.unwrap();
        found.extend(page.objects.into_iter().map(|object| object.uri));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["s3://lab/m", "s3://lab/z"]);
}
