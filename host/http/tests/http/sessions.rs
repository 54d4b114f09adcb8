//! Both eras of the protocol, and sessions: how many, and whose.

use kumiko_http::{KeyRing, Settings};
use serde_json::json;

use crate::place::{Place, anonymous, answer, refused, settings, soon, who};

#[tokio::test]
async fn both_eras_are_served_at_one_address() {
    let place = Place::open(anonymous()).await;
    let session = place.session("").await;
    assert_eq!(who(place.call(&session, "", "whoami")).await["name"], "anonymous");
    let discovered = answer(place.modern_to("/mcp", "server/discover", json!({})).send().await.unwrap()).await;
    assert!(discovered["result"]["supportedVersions"].to_string().contains("2026-07-28"), "{discovered}");
    let listed = place.modern_to("/mcp", "tools/list", json!({})).send().await.unwrap();
    assert_eq!(listed.headers()["content-type"], "application/json");
    assert_eq!(answer(listed).await["result"]["tools"][1]["name"], "whoami");
}

#[tokio::test]
async fn a_session_that_does_not_fit_is_refused_until_another_ends() {
    let place = Place::open(Settings { maximum_sessions: 2, ..anonymous() }).await;
    let first = place.session("").await;
    let second = place.session("").await;
    let response = place.initialize("").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(response.text().await.unwrap().contains("sessions_exhausted"));

    // Those that are open go on, and so do requests that need no session.
    who(place.call(&second, "", "whoami")).await;
    who(place.whoami()).await;

    let end = place.client.delete(place.url("/mcp")).header("mcp-session-id", &first);
    assert_eq!(end.send().await.unwrap().status(), 202);
    let third = place.session("").await;
    assert_eq!(refused(place.call(&first, "", "whoami")).await, (404, "session_not_found".to_owned()));
    who(place.call(&third, "", "whoami")).await;
}

#[tokio::test]
async fn a_session_is_of_use_to_the_caller_alone_who_opened_it() {
    let keys = KeyRing::default();
    let owner = keys.create("owner", Vec::new(), None, None).unwrap();
    let thief = keys.create("thief", Vec::new(), None, None).unwrap();
    let place = Place::open(settings(&keys)).await;
    let session = place.session(&owner).await;
    let stolen = (404, "session_not_found".to_owned());
    assert_eq!(refused(place.call(&session, &thief, "whoami")).await, stolen);
    let listening = place.get("/mcp").header("accept", "text/event-stream").header("mcp-session-id", &session);
    assert_eq!(refused(listening.header("x-api-key", &thief)).await, stolen);
    let ending = place.client.delete(place.url("/mcp")).header("mcp-session-id", &session);
    assert_eq!(refused(ending.header("x-api-key", &thief)).await, stolen);
    let invented = place.call("no-such-session", &owner, "whoami");
    assert_eq!(refused(invented).await, stolen);
    assert_eq!(who(place.call(&session, &owner, "whoami")).await["name"], "owner");
}

#[tokio::test]
async fn sixty_four_clients_at_once_are_served_without_an_error() {
    let place = std::sync::Arc::new(Place::open(anonymous()).await);
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let place = std::sync::Arc::clone(&place);
            tokio::spawn(async move {
                let session = place.session("").await;
                for _ in 0..5 {
                    who(place.call(&session, "", "whoami")).await;
                    who(place.whoami()).await;
                }
            })
        })
        .collect();
    for client in clients {
        soon(client).await.unwrap();
    }
}
