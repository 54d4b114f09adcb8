//! What stands before every route, and the routes beside the protocol.

use std::sync::{Arc, Mutex};

use http::StatusCode;
use kumiko_http::{Extras, KeyRing, Readiness, Route, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::place::{Place, anonymous, refused, settings, soon, who};

/// Sends bytes as they are and returns all that comes back.
async fn raw(place: &Place, request: &str) -> String {
    let address = place.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn a_forged_host_is_refused_on_every_route_but_health() {
    let place = Place::open(anonymous()).await;
    for path in ["/mcp", "/metrics", "/console", "/elsewhere"] {
        let request = place.get(path).header("host", "evil.example");
        assert_eq!(refused(request).await, (403, "host_not_allowed".to_owned()), "{path}");
    }
    let health = place.get("/healthz").header("host", "10.1.2.3:8000").send().await.unwrap();
    assert_eq!(health.status(), 200);
    who(place.whoami().header("host", "localhost:1234")).await;
}

#[tokio::test]
async fn a_forged_origin_is_refused_and_a_trusted_one_is_not() {
    let place = Place::open(anonymous()).await;
    for origin in ["http://evil.example", "null", "http://localhost.evil.example"] {
        let request = place.whoami().header("origin", origin);
        assert_eq!(refused(request).await, (403, "origin_not_allowed".to_owned()), "{origin}");
    }
    who(place.whoami().header("origin", "http://localhost:6274")).await;
}

#[tokio::test]
async fn requests_that_name_no_host_or_two_or_another_in_the_url_are_refused() {
    let place = Place::open(anonymous()).await;
    let of = |head: &str| format!("{head}\r\nconnection: close\r\n\r\n");
    let none = raw(&place, &of("GET /metrics HTTP/1.1")).await;
    assert!(none.starts_with("HTTP/1.1 400"), "{none}");
    let two = raw(&place, &of("GET /metrics HTTP/1.1\r\nhost: localhost\r\nhost: evil.example")).await;
    assert!(two.starts_with("HTTP/1.1 400"), "{two}");
    let other = raw(&place, &of("GET http://evil.example/metrics HTTP/1.1\r\nhost: localhost")).await;
    assert!(other.starts_with("HTTP/1.1 403"), "{other}");
    let good = raw(&place, &of("GET /metrics HTTP/1.1\r\nhost: localhost")).await;
    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let place = Place::open(anonymous()).await;
    let request = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-padding: {}\r\n\r\n", "x".repeat(300_000));
    let address = place.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before all of it is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = [0; 12];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_answered_in_json() {
    let place = Place::open(anonymous()).await;
    for path in ["/", "/mcp/", "/mcp/x", "/../etc/passwd", "/console", "/.well-known/oauth-protected-resource"] {
        assert_eq!(refused(place.get(path)).await, (404, "path_not_found".to_owned()), "{path}");
    }
    let request = place.client.post(place.url("/healthz"));
    assert_eq!(refused(request).await, (405, "method_not_allowed".to_owned()));
    assert_eq!(place.client.put(place.url("/mcp")).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_browsers_honest() {
    let place = Place::open(anonymous()).await;
    for request in [place.get("/healthz"), place.get("/nowhere"), place.whoami()] {
        let response = request.send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["content-security-policy"], "frame-ancestors 'none'");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
    let session = place.session("").await;
    let stream = place.call(&session, "", "whoami").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert!(!stream.headers().contains_key("x-frame-options"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let place = Place::open(Settings { maximum_body_bytes: 10_000, ..anonymous() }).await;
    let large = "x".repeat(10_001);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": large } });
    assert_eq!(refused(place.post(&message)).await, (413, "body_too_large".to_owned()));
    let pieces = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>("x".repeat(1000))));
    let request = place.post(&message).body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(refused(request).await, (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn bodies_that_are_no_messages_are_answered_and_the_next_request_is_served() {
    let place = Place::open(anonymous()).await;
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{feff}{}", "[[[[[[[[[["] {
        let request = place.client.post(place.url("/mcp")).header("accept", "application/json, text/event-stream");
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert!(response.status().is_client_error(), "{body}: {}", response.status());
    }
    let plain = place.post(&json!({})).header("content-type", "text/plain").send().await.unwrap();
    assert_eq!(plain.status(), 415);
    who(place.whoami()).await;
}

#[tokio::test]
async fn readiness_is_what_the_server_says_with_its_reason_for_those_who_know_its_name() {
    let state = Arc::new(Mutex::new(Readiness { ready: false, detail: json!({ "loading": 3 }) }));
    let shown = Arc::clone(&state);
    let extras = Extras { ready: Arc::new(move || shown.lock().unwrap().clone()), ..Extras::default() };
    let place = Place::with(anonymous(), extras).await;
    let response = place.get("/readyz").send().await.unwrap();
    assert_eq!(response.status(), 503);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer, json!({ "ready": false, "stopping": false, "detail": { "loading": 3 } }));
    let stranger = place.get("/readyz").header("host", "10.1.2.3").send().await.unwrap();
    assert_eq!(stranger.json::<Value>().await.unwrap(), json!({ "ready": false }));
    state.lock().unwrap().ready = true;
    assert_eq!(place.get("/readyz").send().await.unwrap().status(), 200);
    assert_eq!(place.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_are_open_on_loopback_and_behind_the_keys_elsewhere() {
    let keys = KeyRing::default();
    let key = keys.create("prometheus", Vec::new(), None, None).unwrap();
    let extras = Extras { metrics: Arc::new(|| "up 1\n# EOF\n".to_owned()), ..Extras::default() };
    let place = Place::with(settings(&keys), extras.clone()).await;
    let response = place.get("/metrics").send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(response.text().await.unwrap(), "up 1\n# EOF\n");

    let everywhere = Settings {
        listen: "0.0.0.0:0".parse().unwrap(),
        allowed_hosts: vec!["127.0.0.1".to_owned()],
        ..settings(&keys)
    };
    let mut place = Place::with(everywhere, extras).await;
    place.base = place.base.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(refused(place.get("/metrics")).await, (401, "credentials_missing".to_owned()));
    assert_eq!(place.get("/metrics").bearer_auth(key).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn every_answer_is_counted_with_its_route() {
    let counted = Arc::new(Mutex::new(Vec::new()));
    let counts = Arc::clone(&counted);
    let on_http =
        Arc::new(move |route: Route, status: StatusCode| counts.lock().unwrap().push((route, status.as_u16())));
    let place = Place::with(anonymous(), Extras { on_http, ..Extras::default() }).await;
    who(place.whoami()).await;
    place.get("/healthz").send().await.unwrap();
    place.get("/nowhere").send().await.unwrap();
    place.get("/mcp").header("origin", "http://evil.example").send().await.unwrap();
    let counted = counted.lock().unwrap().clone();
    assert_eq!(counted, [(Route::Mcp, 200), (Route::Health, 200), (Route::Unknown, 404), (Route::Mcp, 403)]);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_gets_no_answer_and_the_others_do() {
    let place = Place::open(Settings { maximum_connections: 1, ..anonymous() }).await;
    let address = place.base.strip_prefix("http://").unwrap();
    let mut held = TcpStream::connect(address).await.unwrap();
    let ask = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    held.write_all(ask).await.unwrap();
    let mut answer = [0; 12];
    held.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let mut refused = TcpStream::connect(address).await.unwrap();
    let _ = refused.write_all(ask).await;
    let mut nothing = Vec::new();
    // Ended or reset, with nothing sent.
    let _ = soon(refused.read_to_end(&mut nothing)).await;
    assert!(nothing.is_empty());

    drop(held);
    soon(async {
        while place.get("/healthz").send().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
