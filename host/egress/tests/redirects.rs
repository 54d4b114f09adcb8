//! Redirects: each target is judged as a request of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use kumiko_egress::Request;
use support::{Guest, Script, Server, Sink, allowing, redirect, response};

#[tokio::test]
async fn a_redirect_to_what_is_not_allowed_is_not_followed() {
    let sink = Sink::start().await;
    let port = sink.port;
    for (location, code) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "http_address_denied"),
        ("http://[fd00:ec2::254]/".to_owned(), "http_address_denied"),
        (format!("http://metadata.example:{port}/"), "http_address_denied"),
        (format!("http://127.0.0.2:{port}/"), "http_address_denied"),
        (format!("http://0x7f000002:{port}/"), "http_address_denied"),
        (format!("http://inner.example:{port}/"), "http_address_denied"),
        (format!("http://[::1]:{port}/"), "http_address_denied"),
        (format!("http://stranger.example:{port}/"), "http_denied"),
        (format!("//stranger.example:{port}/"), "http_denied"),
        (format!("http://127.0.0.3:{port}/"), "http_denied"),
        ("file:///etc/passwd".to_owned(), "http_redirect_denied"),
        (format!("gopher://127.0.0.1:{port}/_x"), "http_redirect_denied"),
        ("data:text/plain,x".to_owned(), "http_redirect_denied"),
        (format!("http://user:password@inner.example:{port}/"), "http_redirect_denied"),
        (format!("http://inner.example:{port}@127.0.0.2:{port}/"), "http_redirect_denied"),
        ("http://[::1".to_owned(), "http_redirect_denied"),
    ] {
        let target = location.clone();
        let server = Server::start(move |_| redirect(302, &target)).await;
        let script = Script::new(&[
            ("metadata.example", &[&["169.254.169.254"]]),
            ("inner.example", &[&["127.0.0.2"]]),
            ("stranger.example", &[&["127.0.0.1"]]),
        ]);
        let rules = [
            format!("* {}", server.url("")),
            "* http://169.254.169.254".to_owned(),
            "* http://[fd00:ec2::254]".to_owned(),
            format!("* http://metadata.example:{port}"),
            format!("* http://127.0.0.2:{port}"),
            format!("* http://inner.example:{port}"),
            format!("* http://[::1]:{port}"),
        ];
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let guest = Guest::new(allowing(&["127.0.0.1/32"]), script, &rules, &[]);
        let error = guest.get(&server.url("/")).await.unwrap_err();
        assert_eq!(error.code(), code, "{location}: {error}");
        assert_eq!(server.connections().await, 1, "{location}");
    }
    assert_eq!(sink.connections().await, 0);
}

#[tokio::test]
async fn a_chain_of_twenty_ends_after_five() {
    let server = Server::start(|request| {
        let step: u32 = request.line().split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        if step < 20 { redirect(302, &format!("/{}", step + 1)) } else { response("200 OK", "", "the end") }
    })
    .await;
    let guest = Guest::local(&[], &[&server]);
    assert_eq!(guest.get(&server.url("/0")).await.unwrap_err().code(), "http_too_many_redirects");
    assert_eq!(server.received().len(), 6, "the request and five redirects");
    assert_eq!(guest.get(&server.url("/15")).await.unwrap().body.as_ref(), b"the end");
}

#[tokio::test]
async fn a_redirect_is_followed_as_browsers_do() {
    let second =
        Server::start(|request| response("200 OK", "", &format!("{} {}", request.line(), request.body.len()))).await;
    let target = second.url("/there?x=1#y");
    let first = Server::start(move |request| {
        let status = request.line().split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        redirect(status, &target)
    })
    .await;
    let guest = Guest::local(&[], &[&first, &second]);
    for (status, expected) in
        [(301, "GET /there?x=1 HTTP/1.1 0"), (303, "GET /there?x=1 HTTP/1.1 0"), (307, "POST /there?x=1 HTTP/1.1 4")]
    {
        let request = Request::new("POST", first.url(&format!("/{status}")))
            .header("content-type", "text/plain")
            .header("authorization", "Bearer mine")
            .header("cookie", "a=b")
            .header("accept", "text/plain")
            .body("body");
        let answer = guest.send(request).await.unwrap();
        assert_eq!(
            (std::str::from_utf8(&answer.body).unwrap(), answer.url.as_str()),
            (expected, second.url("/there?x=1").as_str())
        );
        let arrived = second.received().pop().unwrap();
        assert_eq!(
            (arrived.header("authorization"), arrived.header("cookie"), arrived.header("accept")),
            (None, None, Some("text/plain"))
        );
        assert_eq!(arrived.header("content-type").is_some(), status == 307);
        assert_eq!(first.received().pop().unwrap().header("authorization"), Some("Bearer mine"));
    }
}

#[tokio::test]
async fn a_redirect_that_is_not_to_be_followed_is_the_answer() {
    let server = Server::start(|_| redirect(302, "/there")).await;
    let mut request = Request::new("GET", server.url("/"));
    request.follow_redirects = false;
    let answer = Guest::local(&[], &[&server]).send(request).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.headers.contains(&("location".to_owned(), b"/there".to_vec())));
    assert_eq!(server.received().len(), 1);
}
