//! A stop finishes what runs, ends what would not end, and takes nothing more.

use std::time::Duration;

use kumiko_http::Settings;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::place::{Place, anonymous, answer, soon};

/// Starts a call of `wait` in either era and returns once it is in the works.
async fn waiting(place: &Place, request: reqwest::RequestBuilder) -> tokio::task::JoinHandle<Value> {
    let call = tokio::spawn(async move { answer(request.send().await.unwrap()).await });
    soon(place.handler.started.acquire()).await.unwrap().forget();
    call
}

#[tokio::test]
async fn calls_in_flight_finish_streams_end_and_nothing_more_is_accepted() {
    let mut place = Place::open(anonymous()).await;
    let session = place.session("").await;
    let stream = place.stream(&session, "").await;
    let parameters = json!({ "notifications": { "toolsListChanged": true } });
    let listening = place.modern_to("/mcp", "subscriptions/listen", parameters).send().await.unwrap();
    assert_eq!(listening.status(), 200);
    let older = waiting(&place, place.call(&session, "", "wait")).await;
    let newer = place.modern_to("/mcp", "tools/call", json!({ "name": "wait", "arguments": {} }));
    let newer = waiting(&place, newer).await;

    place.stop();
    soon(stream.text()).await.unwrap();
    soon(listening.text()).await.unwrap();
    let address = place.base.strip_prefix("http://").unwrap().to_owned();
    soon(async { while TcpStream::connect(&address).await.is_ok() {} }).await;

    place.handler.released.add_permits(2);
    for call in [older, newer] {
        let answer = soon(call).await.unwrap();
        assert_eq!(answer["result"]["structuredContent"]["name"], "anonymous", "{answer}");
    }
    place.stopped().await;
}

#[tokio::test]
async fn a_call_that_does_not_finish_in_time_is_given_up() {
    let mut place = Place::open(Settings { stop_within: Duration::from_millis(300), ..anonymous() }).await;
    let request = place.modern_to("/mcp", "tools/call", json!({ "name": "wait", "arguments": {} }));
    let call = tokio::spawn(async move { request.send().await.and_then(reqwest::Response::error_for_status) });
    soon(place.handler.started.acquire()).await.unwrap().forget();
    place.stop();
    place.stopped().await;
    assert!(soon(call).await.unwrap().is_err());
}

#[tokio::test]
async fn an_idle_server_stops_at_once_whoever_is_connected() {
    let mut place = Place::open(anonymous()).await;
    place.get("/healthz").send().await.unwrap();
    let idle = TcpStream::connect(place.base.strip_prefix("http://").unwrap()).await.unwrap();
    place.stop();
    place.stopped().await;
    drop(idle);
}
