//! Secrets: put in where they are bound, nowhere else, and never seen by the guest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::time::Duration;

use kumiko_egress::{Error, Request, SecretAccess, Settings};
use kumiko_vocabulary::Fault;
use support::{Guest, Received, Reply, Script, Server, allowing, redirect, response};

const CANARY: &str = "canary/3f9a+77";
const ENCODED: &str = "canary%2F3f9a%2B77";

/// Sends back all that it got, in the body and in a header.
fn echo(request: &Received) -> Reply {
    let line = request.line();
    let key = request.header("x-key").unwrap_or("none");
    response(
        "200 OK",
        &format!("x-echo: {line} {key}\r\n"),
        &format!("{}{}", request.head, String::from_utf8_lossy(&request.body)),
    )
}

/// A guest with the secret `key` bound to one server.
fn holder(bound: &Server, servers: &[&Server]) -> Guest {
    Guest::local(&[("key", &[&bound.url("")])], servers).secret("key", CANARY)
}

#[tokio::test]
async fn a_secret_is_put_in_for_its_host_and_masked_in_what_comes_back() {
    let server = Server::start(echo).await;
    let guest = holder(&server, &[&server]);
    let mut request = Request::new("POST", server.url("/bot{{secret:key}}/x?k={{secret:key}}&l=1"))
        .header("x-key", "Token {{secret:key}}")
        .header("accept-encoding", "gzip")
        .body("a={{secret:key}}");
    request.secrets_in_body = true;
    let answer = guest.send(request).await.unwrap();

    let arrived = server.received().pop().unwrap();
    assert_eq!(arrived.line(), format!("POST /bot{ENCODED}/x?k={ENCODED}&l=1 HTTP/1.1"));
    assert_eq!(arrived.header("x-key"), Some(format!("Token {CANARY}").as_str()));
    assert_eq!(arrived.body, format!("a={CANARY}").as_bytes());
    assert_eq!(arrived.header("accept-encoding"), Some("identity"), "what is compressed could not be masked");

    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        body.contains("POST /bot***/x?k=***&l=1 HTTP/1.1") && body.contains("Token ***") && body.ends_with("a=***"),
        "{body}"
    );
    let shown = format!("{answer:?}");
    assert!(!shown.contains(CANARY) && !shown.contains(ENCODED), "{shown}");
    let echoed = answer.headers.iter().find(|(name, _)| name == "x-echo").unwrap();
    assert_eq!(String::from_utf8_lossy(&echoed.1), "POST /bot***/x?k=***&l=1 HTTP/1.1 Token ***");
    assert!(
        answer.headers.iter().all(|(name, _)| name != "content-length"),
        "the length is no longer that of the body"
    );
}

#[tokio::test]
async fn a_secret_that_comes_back_in_another_form_is_masked() {
    let forms = "canary%2f3f9a%2b77 Y2FuYXJ5LzNmOWErNzc= dXNlcjpjYW5hcnkvM2Y5YSs3Nw== 63616e6172792f336639612b3737";
    let server = Server::start(move |_| response("200 OK", "", forms)).await;
    let guest = holder(&server, &[&server]);
    let request = Request::new("GET", server.url("/")).header("x-key", "{{secret:key}}");
    let body = String::from_utf8(guest.send(request).await.unwrap().body.to_vec()).unwrap();
    for form in ["canary%2f3f9a%2b77", "Y2FuYXJ5LzNmOWErNzc", "jYW5hcnkvM2Y5YSs3N", "63616e6172792f336639612b3737"] {
        assert!(!body.contains(form), "{form} in {body}");
    }
}

#[tokio::test]
async fn a_secret_goes_to_no_host_that_it_is_not_bound_to() {
    let (bound, other) = (Server::start(echo).await, Server::start(echo).await);
    let guest = holder(&bound, &[&bound, &other]);
    let mut in_body = Request::new("POST", other.url("/")).body("{{secret:key}}");
    in_body.secrets_in_body = true;
    for request in [
        Request::new("GET", other.url("/")).header("x-key", "{{secret:key}}"),
        Request::new("GET", other.url("/?k={{secret:key}}")),
        Request::new("GET", other.url("/{{secret:key}}")),
        in_body,
        Request::new("GET", bound.url("/")).header("x-key", "{{secret:other}}"),
    ] {
        let error = guest.send(request).await.unwrap_err();
        assert_eq!(error.code(), "secret_denied", "{error}");
        assert!(Fault::from(error).hint.unwrap().contains("section [weather]"));
    }
    assert_eq!((bound.connections().await, other.connections().await), (0, 0));
}

#[tokio::test]
async fn a_body_has_secrets_only_where_the_request_says_so() {
    let server = Server::start(echo).await;
    let guest = holder(&server, &[&server]);
    let error = guest.send(Request::new("POST", server.url("/")).body("{{secret:key}}")).await.unwrap_err();
    assert_eq!(error.code(), "secret_in_body");
    assert_eq!(server.connections().await, 0);
}

#[tokio::test]
async fn a_secret_is_dropped_on_the_way_to_another_origin_even_one_that_it_is_bound_to() {
    let other = Server::start(echo).await;
    let target = other.url("/");
    let first = Server::start(move |_| redirect(307, &target)).await;
    let bindings: [&str; 2] = [&first.url(""), &other.url("")];
    let guest = Guest::local(&[("key", &bindings)], &[&first, &other]).secret("key", CANARY);
    let request = Request::new("GET", first.url("/"))
        .header("x-key", "{{secret:key}}")
        .header("authorization", "Bearer {{secret:key}}");
    guest.send(request).await.unwrap();
    assert_eq!(first.received()[0].header("x-key"), Some(CANARY));
    let arrived = &other.received()[0];
    assert_eq!((arrived.header("x-key"), arrived.header("authorization")), (None, None));
    assert!(!arrived.head.contains("secret"), "{}", arrived.head);
}

#[tokio::test]
async fn a_secret_stays_with_a_redirect_to_the_same_origin() {
    let server = Server::start(
        |request| if request.line().contains("/there") { echo(request) } else { redirect(302, "/there") },
    )
    .await;
    let guest = holder(&server, &[&server]);
    guest.send(Request::new("GET", server.url("/here")).header("x-key", "{{secret:key}}")).await.unwrap();
    assert!(server.received().iter().all(|request| request.header("x-key") == Some(CANARY)));
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_redirect_takes_no_secret_elsewhere_in_its_url_or_body() {
    let other = Server::start(echo).await;
    let target = other.url("");
    let first = Server::start(move |request| {
        let path = request.line().split(' ').nth(1).unwrap();
        let location = if path.starts_with("/body") { format!("{target}/") } else { format!("{target}/?leak={path}") };
        redirect(307, &location)
    })
    .await;
    let guest = holder(&first, &[&first, &other]);
    let error = guest.get(&first.url("/{{secret:key}}")).await.unwrap_err();
    assert_eq!(error.code(), "http_redirect_denied", "{error}");
    let mut request = Request::new("POST", first.url("/body")).body("{{secret:key}}");
    request.secrets_in_body = true;
    assert_eq!(guest.send(request).await.unwrap_err().code(), "secret_denied");
    assert_eq!((first.received().len(), other.connections().await), (2, 0));
}

#[tokio::test]
async fn a_server_cannot_ask_for_a_secret_in_a_redirect() {
    let server = Server::start(|request| {
        if request.line().contains("asked") {
            echo(request)
        } else {
            redirect(302, "/asked/{{secret:key}}?k={{secret:key}}")
        }
    })
    .await;
    let guest = holder(&server, &[&server]);
    guest.get(&server.url("/")).await.unwrap();
    assert!(!server.received()[1].line().contains("canary"), "{}", server.received()[1].line());
}

#[tokio::test]
async fn no_error_tells_a_secret() {
    let server = Server::start(|request| {
        let path = request.line().split(' ').nth(1).unwrap().to_owned();
        match path.split('/').nth(1).unwrap() {
            "broken" => Reply::Bytes(format!("{path} is no answer\r\n\r\n").into_bytes()),
            "cut" => Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut".to_vec()),
            "silent" => Reply::Silence,
            "large" => response("200 OK", "", &path.repeat(100)),
            "loop" => redirect(302, &path),
            "away" => redirect(302, &format!("http://127.0.0.9{path}")),
            "file" => redirect(302, &format!("file://{path}")),
            other => panic!("{other}"),
        }
    })
    .await;
    let mut closed = Server::start(echo).await;
    // Nobody listens on port 1.
    closed.address.set_port(1);
    let settings = Settings { response_body_bytes: 1000, ..allowing(&["127.0.0.1/32"]) };
    let rules = [format!("* {}", server.url("")), format!("* {}", closed.url(""))];
    let guest = Guest::new(
        settings,
        Script::new(&[]),
        &[&rules[0], &rules[1]],
        &[("key", &[&server.url(""), &closed.url("")])],
    );
    let guest = guest.secret("key", CANARY);
    for (url, code) in [
        (server.url("/broken/{{secret:key}}"), "http_broken_off"),
        (server.url("/cut/{{secret:key}}"), "http_broken_off"),
        (server.url("/silent/{{secret:key}}"), "http_timeout"),
        (server.url("/large/{{secret:key}}"), "http_response_too_large"),
        (server.url("/loop/{{secret:key}}"), "http_too_many_redirects"),
        (server.url("/away/{{secret:key}}"), "http_redirect_denied"),
        (server.url("/file/{{secret:key}}"), "http_redirect_denied"),
        (closed.url("/{{secret:key}}"), "http_unreachable"),
    ] {
        let mut request = Request::new("GET", &url).header("x-key", "{{secret:key}}");
        if code == "http_timeout" {
            request.timeout = Some(Duration::from_millis(500));
        }
        let error = guest.send(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{url}: {error}");
        let shown = format!("{error} {error:?} {:?} {:?} {:?}", Fault::from(error.clone()), guest.egress, guest.access);
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn no_error_tells_a_secret_that_is_too_short_to_be_masked() {
    let server = Server::start(|_| Reply::Bytes(b"no answer\r\n\r\n".to_vec())).await;
    let guest = Guest::local(&[("key", &[&server.url("")])], &[&server]).secret("key", "zq9x7");
    let error = guest.get(&server.url("/{{secret:key}}")).await.unwrap_err();
    assert!(server.received()[0].line().contains("zq9x7"));
    assert!(error.code() == "http_broken_off" && !format!("{error} {error:?}").contains("zq9x7"), "{error:?}");
}

#[tokio::test]
async fn what_a_store_cannot_give_is_told_without_a_value() {
    let server = Server::start(echo).await;
    let names: [&str; 4] = ["lines", "folder", "missing", "dots"];
    let hosts: [&str; 1] = [&server.url("")];
    let bindings = names.map(|name| (name, hosts.as_slice()));
    let guest = Guest::local(&bindings, &[&server]).secret("lines", "canary\r\nx-injected: 1").secret("dots", "..");
    std::fs::create_dir(guest.secrets.path().join("folder")).unwrap();
    for (name, code) in
        [("lines", "secret_unusable"), ("folder", "secret_unavailable"), ("missing", "secret_not_found")]
    {
        let error = guest
            .send(Request::new("GET", server.url("/")).header("x-key", format!("{{{{secret:{name}}}}}")))
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    // A value that would climb to another path.
    assert_eq!(guest.get(&server.url("/a/{{secret:dots}}/b")).await.unwrap_err().code(), "http_url_refused");
    assert_eq!(server.connections().await, 0);
}

#[tokio::test]
async fn a_plugin_learns_whether_a_secret_of_its_own_exists_and_of_no_other() {
    let guest =
        Guest::new(Settings::default(), Script::new(&[]), &[], &[("key", &["a.example"]), ("missing", &["a.example"])]);
    let guest = guest.secret("key", CANARY).secret("other", CANARY);
    assert!(guest.egress.secret_exists(&guest.access, "key").await.unwrap());
    assert!(!guest.egress.secret_exists(&guest.access, "missing").await.unwrap());
    assert!(matches!(guest.egress.secret_exists(&guest.access, "other").await, Err(Error::SecretDenied { .. })));
    assert!(matches!(guest.egress.secret_exists(&guest.access, "../key").await, Err(Error::SecretName { .. })));
    let none = SecretAccess::parse("other", [("x", ["a.example"])]).unwrap();
    assert!(guest.egress.secret_exists(&none, "key").await.is_err());
}
