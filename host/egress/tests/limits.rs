//! Sizes, times and numbers of requests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use kumiko_egress::{Policy, Request, Settings};
use support::{Guest, Reply, Script, Server, allowing, response};

/// A guest with a cap of 1,000 bytes either way.
fn capped(server: &Server) -> Guest {
    let settings = Settings { request_body_bytes: 1000, response_body_bytes: 1000, ..allowing(&["127.0.0.1/32"]) };
    Guest::new(settings, Script::new(&[]), &[&format!("* {}", server.url(""))], &[("key", &[&server.url("")])])
}

#[tokio::test]
async fn a_response_is_read_under_the_cap_whatever_it_says_of_its_length() {
    let server = Server::start(|request| {
        let path = request.line().split(' ').nth(1).unwrap();
        let head = |length: &str| format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n").into_bytes();
        let full = [head("connection: close"), vec![b'x'; 1001]].concat();
        match path {
            "/fits" => response("200 OK", "", &"x".repeat(1000)),
            "/above" => response("200 OK", "", &"x".repeat(1001)),
            "/unsaid" => Reply::Bytes(full),
            "/claims-more" => Reply::Bytes([head("content-length: 10000000000"), b"x".to_vec()].concat()),
            "/claims-more-and-sends-it" => Reply::Endless(head("content-length: 10000000000"), vec![b'x'; 4096]),
            "/claims-less" => Reply::Bytes([head("content-length: 5"), vec![b'x'; 5000]].concat()),
            "/endless-chunks" => Reply::Endless(head("transfer-encoding: chunked"), b"1\r\nx\r\n".to_vec()),
            "/one-huge-chunk" => Reply::Endless(
                [head("transfer-encoding: chunked"), b"FFFFFFFFF\r\n".to_vec()].concat(),
                vec![b'x'; 4096],
            ),
            "/endless-header" => Reply::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 4096]),
            other => panic!("{other}"),
        }
    })
    .await;
    let guest = capped(&server);
    assert_eq!(guest.get(&server.url("/fits")).await.unwrap().body.len(), 1000);
    assert_eq!(guest.get(&server.url("/claims-less")).await.unwrap().body.len(), 5);
    for path in ["/above", "/unsaid", "/claims-more-and-sends-it", "/endless-chunks", "/one-huge-chunk"] {
        assert_eq!(guest.get(&server.url(path)).await.unwrap_err().code(), "http_response_too_large", "{path}");
    }
    for path in ["/claims-more", "/endless-header"] {
        assert_eq!(guest.get(&server.url(path)).await.unwrap_err().code(), "http_broken_off", "{path}");
    }
}

#[tokio::test]
async fn a_response_stays_as_the_server_encoded_it() {
    // The bytes of an empty gzip member.
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    let reply =
        [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n".as_slice(), packed].concat();
    let server = Server::start(move |_| Reply::Bytes(reply.clone())).await;
    let answer = Guest::local(&[], &[&server]).get(&server.url("/")).await.unwrap();
    assert_eq!(answer.body.as_ref(), packed);
    assert!(answer.headers.contains(&("content-encoding".to_owned(), b"gzip".to_vec())));
    assert_eq!(server.received()[0].header("accept-encoding"), None);
}

#[tokio::test]
async fn a_request_above_the_cap_is_not_sent_secrets_included() {
    let server = Server::start(|_| response("200 OK", "", "")).await;
    let guest = capped(&server).secret("key", &"x".repeat(1001));
    let mut with_secret = Request::new("POST", server.url("/")).body("{{secret:key}}");
    with_secret.secrets_in_body = true;
    for request in [Request::new("POST", server.url("/")).body(vec![b'x'; 1001]), with_secret] {
        assert_eq!(guest.send(request).await.unwrap_err().code(), "http_request_too_large");
    }
    assert_eq!(server.connections().await, 0);
    let sent = guest.send(Request::new("POST", server.url("/")).body(vec![b'x'; 1000])).await.unwrap();
    assert_eq!((sent.status, server.received()[0].body.len()), (200, 1000));
}

#[tokio::test]
async fn a_request_ends_with_its_time() {
    let server = Server::start(|request| {
        if request.line().contains("trickle") {
            Reply::Endless(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n".to_vec(), b"x".to_vec())
        } else {
            Reply::Silence
        }
    })
    .await;
    let settings = Settings {
        total_timeout: Duration::from_millis(300),
        response_body_bytes: usize::MAX,
        ..allowing(&["127.0.0.1/32"])
    };
    let guest = Guest::new(settings, Script::new(&[]), &[&format!("* {}", server.url(""))], &[]);
    for path in ["/silence", "/trickle"] {
        // A guest may ask for less time, not for more.
        let mut request = Request::new("GET", server.url(path));
        request.timeout = Some(Duration::from_secs(3600));
        let error = guest.send(request).await.unwrap_err();
        assert!(error.code() == "http_timeout" && error.to_string().contains("300 ms"), "{path}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plugin_has_a_number_of_requests_at_a_time_and_another_plugin_its_own() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let server = Server::start(move |request| {
        if request.line().contains("held") {
            tokio::task::block_in_place(|| released.lock().unwrap().recv().unwrap());
        }
        response("200 OK", "", "")
    })
    .await;
    let settings = Settings { concurrent_requests: 1, ..allowing(&["127.0.0.1/32"]) };
    let guest = Arc::new(Guest::new(settings, Script::new(&[]), &[&format!("* {}", server.url(""))], &[]));
    let (holder, url) = (guest.clone(), server.url("/held"));
    let held = tokio::spawn(async move { holder.get(&url).await });
    while server.connections().await == 0 {
        tokio::task::yield_now().await;
    }
    let mut second = Request::new("GET", server.url("/second"));
    second.timeout = Some(Duration::from_millis(200));
    let error = guest.send(second.clone()).await.unwrap_err();
    assert_eq!(error.code(), "http_busy", "{error}");
    let other = Policy::parse("other", [format!("* {}", server.url(""))]).unwrap();
    assert_eq!(guest.egress.send(&other, &guest.access, second).await.unwrap().status, 200);
    release.send(()).unwrap();
    assert_eq!(held.await.unwrap().unwrap().status, 200);
    assert_eq!(guest.get(&server.url("/third")).await.unwrap().status, 200);
}
