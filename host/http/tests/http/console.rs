//! The console's door: logging in, staying in, and what another site's page can do with a visitor's cookie.

use std::time::Duration;

use axum::routing::{get, post};
use axum::{Extension, Router};
use kumiko_http::{Extras, KeyRing};
use kumiko_mcp::Caller;
use reqwest::{RequestBuilder, Response};

use crate::place::{Place, anonymous, refused, settings, soon};

async fn greet(Extension(caller): Extension<Caller>, headers: http::HeaderMap) -> String {
    let cookie = if headers.contains_key("cookie") { " with a cookie" } else { "" };
    format!("hello {}{cookie}", caller.name)
}

fn extras() -> Extras {
    let console = Router::new().route("/api/greet", get(greet)).route("/api/change", post(greet));
    Extras { console: Some(console), ..Extras::default() }
}

async fn place(keys: &KeyRing) -> Place {
    Place::with(settings(keys), extras()).await
}

fn log_in(place: &Place, key: &str) -> RequestBuilder {
    let request = place.client.post(place.url("/console/api/login")).header("origin", &place.base);
    request.json(&serde_json::json!({ "key": key }))
}

/// The cookie of a login, as a browser sends it back.
fn cookie(response: &Response) -> String {
    response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_logs_in_with_a_key_and_stays_in_by_a_cookie_until_logging_out() {
    let keys = KeyRing::default();
    let key = keys.create("ada", Vec::new(), None, None).unwrap();
    let place = place(&keys).await;
    for path in ["/console", "/console/login"] {
        let page = place.get(path).send().await.unwrap();
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(page.text().await.unwrap().contains("/console/assets/console.css"), "{path}");
    }
    let style = place.get("/console/assets/console.css").send().await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");

    let entered = log_in(&place, &key).send().await.unwrap();
    assert_eq!(entered.status(), 204);
    let set = entered.headers()["set-cookie"].to_str().unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("Path=/console"), "{set}");
    assert!(!set.contains("Secure") && !set.contains(&key), "{set}");

    let cookie = cookie(&entered);
    let inside = place.get("/console/api/greet").header("cookie", format!("a=b; {cookie}")).send().await.unwrap();
    assert_eq!(inside.text().await.unwrap(), "hello ada");
    // It is a proof for the console alone.
    assert_eq!(refused(place.whoami().header("cookie", &cookie)).await.0, 401);

    let out =
        place.client.post(place.url("/console/api/logout")).header("origin", &place.base).header("cookie", &cookie);
    assert_eq!(out.send().await.unwrap().status(), 204);
    assert_eq!(refused(place.get("/console/api/greet").header("cookie", &cookie)).await.0, 401);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_leaves_no_cookie() {
    let keys = KeyRing::default();
    keys.create("ada", Vec::new(), None, None).unwrap();
    let place = place(&keys).await;
    let response = log_in(&place, "kmk_00000000_<script>").send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(!response.headers().contains_key("set-cookie"));
    assert!(!response.text().await.unwrap().contains("<script>"));
    let malformed = place.client.post(place.url("/console/api/login")).header("origin", &place.base).body("key=x");
    assert_eq!(refused(malformed).await, (400, "login_malformed".to_owned()));
}

#[tokio::test]
async fn a_page_of_another_site_can_neither_log_its_visitor_in_nor_change_anything() {
    let keys = KeyRing::default();
    let key = keys.create("ada", Vec::new(), None, None).unwrap();
    let place = place(&keys).await;
    let cookie = cookie(&log_in(&place, &key).send().await.unwrap());
    let change = || place.client.post(place.url("/console/api/change")).header("cookie", &cookie);
    for origin in ["http://evil.example", "http://localhost:6274", "null"] {
        let refusal = (403, "origin_not_allowed".to_owned());
        assert_eq!(refused(change().header("origin", origin)).await, refusal, "{origin}");
        let login = place.client.post(place.url("/console/api/login")).header("origin", origin);
        assert_eq!(refused(login.json(&serde_json::json!({ "key": key }))).await, refusal, "{origin}");
    }
    assert_eq!(refused(change()).await, (403, "origin_missing".to_owned()));
    let here = change().header("origin", &place.base).send().await.unwrap();
    assert_eq!(here.text().await.unwrap(), "hello ada");
}

#[tokio::test]
async fn a_program_comes_with_its_key_in_a_header() {
    let keys = KeyRing::default();
    let key = keys.create("robot", Vec::new(), None, None).unwrap();
    let place = place(&keys).await;
    let change = place.client.post(place.url("/console/api/change")).header("x-api-key", &key).send().await.unwrap();
    assert_eq!(change.text().await.unwrap(), "hello robot");
    assert_eq!(refused(place.get("/console/api/greet")).await, (401, "credentials_missing".to_owned()));
    let wrong = place.get("/console/api/greet").header("accept", "text/html").header("x-api-key", "kmk_x");
    assert_eq!(refused(wrong).await, (401, "credentials_invalid".to_owned()));
}

#[tokio::test]
async fn a_login_ends_with_the_key_behind_it() {
    let keys = KeyRing::default();
    let key = keys.create("ada", Vec::new(), None, None).unwrap();
    keys.create("other", Vec::new(), None, None).unwrap();
    let place = place(&keys).await;
    let cookie = cookie(&log_in(&place, &key).send().await.unwrap());
    keys.revoke(key.split('_').nth(1).unwrap()).unwrap();
    soon(async {
        while place.get("/console/api/greet").header("cookie", &cookie).send().await.unwrap().status() == 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn on_a_machine_of_ones_own_the_console_is_open_and_still_not_to_other_sites() {
    let place = Place::with(anonymous(), extras()).await;
    assert_eq!(place.get("/console/api/greet").send().await.unwrap().text().await.unwrap(), "hello anonymous");
    let change = || place.client.post(place.url("/console/api/change"));
    assert_eq!(change().send().await.unwrap().status(), 200);
    assert_eq!(change().header("origin", &place.base).send().await.unwrap().status(), 200);
    let other_port = change().header("origin", "http://127.0.0.1:6274");
    assert_eq!(refused(other_port).await, (403, "origin_not_allowed".to_owned()));
}
