//! What holds when the server does not behave: each scenario is a server of a few lines.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kumiko_services::objects::{Error, ObjectStore as _, ObjectUri, Precondition};
use kumiko_services_aws::{S3Settings, S3Store};
use tempfile::TempDir;

use super::{CREDENTIALS, SECRET, scenario};

pub(super) fn run(name: &str) {
    scenario(name, &CREDENTIALS);
}

/// What came: the request line and the headers, in lower case.
type Request = String;

/// A server that answers each request with the bytes that `answer` makes of its number and text, then closes the connection.
struct Server {
    endpoint: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start(answer: impl Fn(usize, &Request) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // A connection that the client opened and did not use.
                let Some(request) = read_request(&mut stream) else { continue };
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&answer(number, &request));
            }
        });
        Self { endpoint, asked }
    }

    async fn store(&self) -> (S3Store, TempDir) {
        let folder = TempDir::new().unwrap();
        let settings = S3Settings { endpoint: Some(self.endpoint.clone()), ..S3Settings::default() };
        (S3Store::connect(settings, folder.path()).await.unwrap(), folder)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let request = String::from_utf8(bytes).unwrap().to_lowercase();
    let length = header(&request, "content-length").map_or(0, |length| length.parse().unwrap());
    if header(&request, "expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some(request)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

fn error(status: &str, code: &str, more: &str) -> Vec<u8> {
    answer(
        status,
        "",
        &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>words</Message>{more}</Error>"),
    )
}

fn uri() -> ObjectUri {
    ObjectUri::parse("s3://lab/key").unwrap()
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_server_that_is_overloaded_is_asked_four_times_and_no_more() {
    let server = Server::start(|_, _| error("503 Slow Down", "SlowDown", ""));
    let (store, _folder) = server.store().await;
    let refused = store.get(&uri(), None).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_server_that_recovers_is_not_noticed() {
    let server = Server::start(|number, _| match number {
        0 => error("500 Internal Server Error", "InternalError", ""),
        1 => Vec::new(),
        _ => answer("200 OK", "etag: \"e\"\r\n", "body"),
    });
    let (store, _folder) = server.store().await;
    assert_eq!(store.get(&uri(), None).await.unwrap(), "body");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_body_that_breaks_off_is_read_again_and_then_reported() {
    let cut =
        || b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\netag: \"e\"\r\n\r\nonly this".to_vec();
    let server = Server::start(move |_, _| cut());
    let (store, _folder) = server.store().await;
    let refused = store.get(&uri(), None).await.unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused:?}");
    assert_eq!(server.asked(), 3);

    let server =
        Server::start(move |number, _| if number == 0 { cut() } else { answer("200 OK", "etag: \"e\"\r\n", "whole") });
    let (store, _folder) = server.store().await;
    assert_eq!(store.get(&uri(), None).await.unwrap(), "whole");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_body_with_the_wrong_checksum_is_not_handed_out() {
    let server = Server::start(|_, _| answer("200 OK", "etag: \"e\"\r\nx-amz-checksum-crc32: AAAAAA==\r\n", "body"));
    let (store, _folder) = server.store().await;
    let refused = store.get(&uri(), None).await.unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused:?}");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_refusal_repeats_nothing_secret() {
    let signed = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&signed);
    let server = Server::start(move |_, request| {
        let authorization = header(request, "authorization").unwrap().to_owned();
        let more =
            format!("<StringToSign>{SECRET}</StringToSign><SignatureProvided>{authorization}</SignatureProvided>");
        *seen.lock().unwrap() = authorization;
        error("403 Forbidden", "SignatureDoesNotMatch", &more)
    });
    let (store, _folder) = server.store().await;
    let refused = store.get(&uri(), None).await.unwrap_err();
    assert!(matches!(refused, Error::Credentials { .. }), "{refused:?}");
    let signature = signed.lock().unwrap().rsplit_once("signature=").unwrap().1.to_owned();
    let words = format!("{refused} {refused:?} {:?} {store:?}", kumiko_services::objects::Error::code(&refused));
    assert!(!words.contains(SECRET) && !words.contains(&signature), "{words}");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_write_whose_answer_was_lost_is_no_conflict_with_itself() {
    let word = Arc::new(Mutex::new(None));
    let left = Arc::clone(&word);
    let server = Server::start(move |number, request| match (number, request.starts_with("head")) {
        (0, _) => {
            *left.lock().unwrap() = header(request, "x-amz-meta-kumiko-write").map(str::to_owned);
            Vec::new()
        }
        (_, false) => error("412 Precondition Failed", "PreconditionFailed", ""),
        (_, true) => {
            let word = left.lock().unwrap().clone().unwrap();
            answer("200 OK", &format!("etag: \"written\"\r\nx-amz-meta-kumiko-write: {word}\r\n"), "")
        }
    });
    let (store, _folder) = server.store().await;
    let written = store.put_bytes(&uri(), Bytes::from_static(b"body"), None, &Precondition::Absent).await.unwrap();
    assert_eq!(written.info.etag, "written");

    // Somebody else's word is a conflict.
    *word.lock().unwrap() = Some("somebody-else".to_owned());
    let refused = store.put_bytes(&uri(), Bytes::from_static(b"body"), None, &Precondition::Absent).await.unwrap_err();
    assert!(matches!(refused, Error::Exists { .. }), "{refused:?}");
}

/// moto judges `If-None-Match` at the end of an upload in parts and ignores `If-Match`, so that it is sent is held here.
#[tokio::test]
#[ignore = "a scenario"]
async fn the_end_of_an_upload_in_parts_carries_the_precondition() {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ends);
    let server = Server::start(move |_, request| match request.split(' ').next().unwrap() {
        "head" => answer("200 OK", "etag: \"seen\"\r\n", ""),
        "put" => answer("200 OK", "etag: \"part\"\r\n", ""),
        "delete" => answer("204 No Content", "", ""),
        _ if request.contains("uploads") => {
            let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
            answer("200 OK", "", begun)
        }
        _ => {
            seen.lock().unwrap().push(header(request, "if-match").map(str::to_owned));
            error("412 Precondition Failed", "PreconditionFailed", "")
        }
    });
    let (store, _folder) = server.store().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7_u8; 9 << 20]).unwrap();
    let unchanged = Precondition::Unchanged("seen".to_owned());
    let refused = store.put_file(&uri(), file.path(), None, &unchanged).await.unwrap_err();
    assert!(matches!(refused, Error::Changed { .. }), "{refused:?}");
    assert_eq!(*ends.lock().unwrap(), [Some("\"seen\"".to_owned())]);
}

#[tokio::test]
#[ignore = "a scenario"]
async fn nobody_listening_is_reported_as_unavailable() {
    let endpoint = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let server = Server { endpoint, asked: Arc::default() };
    let (store, _folder) = server.store().await;
    let refused = store.head(&uri()).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn an_endpoint_with_a_password_in_it_is_refused() {
    let folder = TempDir::new().unwrap();
    for endpoint in [format!("http://user:{SECRET}@127.0.0.1:1"), format!("ftp://{SECRET}"), SECRET.to_owned()] {
        let settings = S3Settings { endpoint: Some(endpoint), ..S3Settings::default() };
        let refused = S3Store::connect(settings, folder.path()).await.unwrap_err();
        assert!(matches!(refused, Error::Configuration { .. }), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains(SECRET));
    }
}

#[tokio::test]
#[ignore = "a scenario"]
async fn without_credentials() {
    let folder = TempDir::new().unwrap();
    let refused = S3Store::connect(S3Settings::default(), folder.path()).await.unwrap_err();
    assert!(matches!(refused, Error::Credentials { .. }), "{refused:?}");
    let hint = kumiko_vocabulary::Fault::from(refused).hint.unwrap();
    assert!(hint.contains("AWS_ACCESS_KEY_ID") && hint.contains("AWS_PROFILE"), "{hint}");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn without_a_region() {
    let folder = TempDir::new().unwrap();
    let refused = S3Store::connect(S3Settings::default(), folder.path()).await.unwrap_err();
    assert!(matches!(&refused, Error::Configuration { reason, .. } if reason.contains("AWS_REGION")), "{refused:?}");
}
