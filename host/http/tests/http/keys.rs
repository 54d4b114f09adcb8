//! API keys: who gets in, what they see, how often.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kumiko_http::{Extras, KeyRing, Rate};
use serde_json::json;

use crate::place::{Place, refused, settings, soon, who};

fn key(ring: &KeyRing, name: &str, scopes: &[&str]) -> String {
    ring.create(name, scopes.iter().map(|scope| (*scope).to_owned()).collect(), None, None).unwrap()
}

#[tokio::test]
async fn a_key_opens_the_door_by_either_header_and_the_handler_learns_who_came_but_not_how() {
    let keys = KeyRing::default();
    let text = key(&keys, "ci", &["data_preparation", "ml_training"]);
    let place = Place::open(settings(&keys)).await;
    for request in [place.whoami().header("x-api-key", &text), place.whoami().bearer_auth(&text)] {
        let found = who(request.header("cookie", "a=b")).await;
        assert_eq!(found["name"], "ci");
        assert_eq!(found["capabilities"], json!(["data_preparation", "ml_training"]));
        assert_eq!(found["compact"], false);
        let headers = found["headers"].to_string();
        for secret in ["authorization", "x-api-key", "cookie"] {
            assert!(!headers.contains(secret), "{headers}");
        }
    }
}

#[tokio::test]
async fn every_request_of_a_session_proves_itself() {
    let keys = KeyRing::default();
    let text = key(&keys, "ci", &[]);
    let place = Place::open(settings(&keys)).await;
    let session = place.session(&text).await;
    assert_eq!(who(place.call(&session, &text, "whoami")).await["capabilities"], "all");
    assert_eq!(refused(place.call(&session, "", "whoami")).await, (401, "credentials_missing".to_owned()));
}

#[tokio::test]
async fn without_a_key_the_answer_says_how_to_prove_oneself() {
    let keys = KeyRing::default();
    key(&keys, "ci", &[]);
    let place = Place::open(settings(&keys)).await;
    let response = place.whoami().send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn wrong_unknown_expired_and_revoked_keys_are_all_answered_alike() {
    let keys = KeyRing::default();
    let good = key(&keys, "good", &[]);
    let soon_over = SystemTime::now() + Duration::from_secs(2);
    let expired = keys.create("expired", Vec::new(), None, Some(soon_over)).unwrap();
    let revoked = key(&keys, "revoked", &[]);
    let place = Place::open(settings(&keys)).await;
    keys.revoke(revoked.split('_').nth(1).unwrap()).unwrap();
    soon(async {
        while place.whoami().bearer_auth(&expired).send().await.unwrap().status() == 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let wrong = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    let unknown = format!("kmk_00000000_{}", "0".repeat(32));
    let mut answers = BTreeSet::new();
    for text in [wrong.as_str(), &unknown, &expired, &revoked, "kmk_", "something else", "a.b.c"] {
        let response = place.whoami().bearer_auth(text).send().await.unwrap();
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        answers.insert((response.status().as_u16(), challenge, response.text().await.unwrap()));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(who(place.whoami().bearer_auth(&good)).await["name"], "good");
}

#[tokio::test]
async fn two_credentials_at_once_are_none() {
    let keys = KeyRing::default();
    let text = key(&keys, "ci", &[]);
    let place = Place::open(settings(&keys)).await;
    let both = place.whoami().header("x-api-key", &text).bearer_auth(&text);
    assert_eq!(refused(both).await, (401, "credentials_invalid".to_owned()));
    let basic = place.whoami().basic_auth("ci", Some(&text));
    assert_eq!(refused(basic).await, (401, "credentials_invalid".to_owned()));
}

#[tokio::test]
async fn a_credential_in_the_url_is_refused_even_beside_a_good_one() {
    let keys = KeyRing::default();
    let text = key(&keys, "ci", &[]);
    let place = Place::open(settings(&keys)).await;
    let alone = place.whoami_at(&format!("/mcp?api_key={text}"));
    assert_eq!(refused(alone).await, (401, "credentials_missing".to_owned()));
    let beside = place.whoami_at(&format!("/mcp?access_token={text}")).bearer_auth(&text);
    assert_eq!(refused(beside).await, (400, "credential_in_query".to_owned()));
}

#[tokio::test]
async fn the_url_narrows_what_the_key_allows_and_never_widens_it() {
    let keys = KeyRing::default();
    let some = key(&keys, "some", &["a", "b"]);
    let all = key(&keys, "all", &[]);
    let place = Place::open(settings(&keys)).await;
    let at = |query: &str, key: &str| place.whoami_at(&format!("/mcp?{query}")).bearer_auth(key);
    assert_eq!(who(at("capabilities=b,c", &some)).await["capabilities"], json!(["b"]));
    assert_eq!(who(at("capabilities=b,c", &all)).await["capabilities"], json!(["b", "c"]));
    assert_eq!(who(at("tools=compact", &all)).await["compact"], true);
    assert_eq!(refused(at("capabilities=c", &some)).await, (403, "insufficient_scope".to_owned()));
    assert_eq!(refused(at("capabilities=", &all)).await, (400, "query_invalid".to_owned()));
    assert_eq!(refused(at("tools=none", &all)).await, (400, "query_invalid".to_owned()));
}

#[tokio::test]
async fn a_key_that_calls_too_often_is_told_when_to_come_back_and_others_go_on() {
    let keys = KeyRing::default();
    let number = |number| NonZeroU32::new(number).unwrap();
    let rate = Rate { calls_per_minute: number(1), burst: number(2) };
    let slow = keys.create("slow", Vec::new(), Some(rate), None).unwrap();
    let fast = key(&keys, "fast", &[]);
    let place = Place::open(settings(&keys)).await;
    for _ in 0..2 {
        who(place.whoami().bearer_auth(&slow)).await;
    }
    let response = place.whoami().bearer_auth(&slow).send().await.unwrap();
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(response.text().await.unwrap().contains("rate_limited"));
    who(place.whoami().bearer_auth(&fast)).await;
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait_and_a_good_key_from_the_same_address_has_not() {
    let keys = KeyRing::default();
    let text = key(&keys, "ci", &[]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let on_refused = Arc::new(move |_, code| hears.lock().unwrap().push(code));
    let place = Place::with(settings(&keys), Extras { on_refused, ..Extras::default() }).await;
    let mut last = (0, String::new());
    for _ in 0..40 {
        last = refused(place.whoami().bearer_auth("kmk_00000000_wrong")).await;
    }
    assert_eq!(last, (429, "too_many_failures".to_owned()));
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 40);
    assert_eq!((heard[0], heard[39]), ("credentials_invalid", "too_many_failures"));
    who(place.whoami().bearer_auth(&text)).await;
}

#[tokio::test]
async fn a_key_that_is_revoked_in_the_file_takes_its_sessions_and_streams_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let operator = KeyRing::load(&path).unwrap();
    let text = key(&operator, "leaver", &[]);
    let stays = key(&operator, "stays", &[]);
    let place = Place::open(settings(&KeyRing::load(&path).unwrap())).await;
    let session = place.session(&text).await;
    let stream = place.stream(&session, &text).await;
    let parameters = json!({ "notifications": { "toolsListChanged": true } });
    let listening = place.modern_to("/mcp", "subscriptions/listen", parameters).bearer_auth(&text);
    let listening = listening.send().await.unwrap();
    assert_eq!(listening.status(), 200);
    let other = place.session(&stays).await;

    operator.revoke(text.split('_').nth(1).unwrap()).unwrap();
    soon(stream.text()).await.unwrap();
    soon(listening.text()).await.unwrap();
    assert_eq!(refused(place.call(&session, &text, "whoami")).await.0, 401);
    who(place.call(&other, &stays, "whoami")).await;
}

#[tokio::test]
async fn a_key_that_is_made_while_serving_works_within_a_second_or_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let operator = KeyRing::load(&path).unwrap();
    key(&operator, "first", &[]);
    let place = Place::open(settings(&KeyRing::load(&path).unwrap())).await;
    let text = key(&operator, "second", &[]);
    soon(async {
        while place.whoami().bearer_auth(&text).send().await.unwrap().status() != 200 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    assert_eq!(who(place.whoami().bearer_auth(&text)).await["name"], "second");
}
