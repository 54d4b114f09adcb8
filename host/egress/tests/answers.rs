//! Requests that are answered in this process take the same way as all others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kumiko_egress::{
    Answers, Egress, Error, Masker, Policy, Request, Response, SecretAccess, SecretName, SecretStore, SecretStoreError,
    SecretValue, Settings,
};

/// Redirects from `/old` to `/new`, and repeats the header `authorization` everywhere else.
#[derive(Default)]
struct Parrot(Mutex<Vec<Request>>);

impl Answers for Parrot {
    fn answer(&self, request: &Request) -> Result<Response, Error> {
        self.0.lock().unwrap().push(request.clone());
        let said = request.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone());
        let (status, headers) = match request.url.strip_suffix("/old") {
            Some(site) => (302, vec![("location".to_owned(), format!("{site}/new").into_bytes())]),
            None => (200, Vec::new()),
        };
        Ok(Response { status, headers, body: said.unwrap_or_default().into(), url: String::new() })
    }
}

struct Drawer;

#[async_trait]
impl SecretStore for Drawer {
    async fn get(&self, _: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        Ok(Some(SecretValue::new("canary-3f9a")))
    }
}

#[tokio::test]
async fn what_is_allowed_is_answered_with_its_secret_and_the_answer_is_masked() {
    let parrot = Arc::new(Parrot::default());
    let egress = Egress::with_answers(Settings::default(), Arc::new(Drawer), Masker::new(), parrot.clone());
    let policy = Policy::parse("weather", ["GET api.example.com"]).unwrap();
    let access = SecretAccess::parse("weather", [("token", ["api.example.com"])]).unwrap();
    let request = |url: &str| Request::new("GET", url).header("Authorization", "{{secret:token}}");

    let response = egress.send(&policy, &access, request("https://api.example.com/old")).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"***"[..]));
    assert_eq!(response.url, "https://api.example.com/new");
    let received = parrot.0.lock().unwrap().clone();
    let urls: Vec<&str> = received.iter().map(|request| request.url.as_str()).collect();
    assert_eq!(urls, ["https://api.example.com/old", "https://api.example.com/new"]);
    assert!(received[1].headers.contains(&("authorization".to_owned(), b"canary-3f9a".to_vec())));

    for (url, code) in [("https://example.com/", "http_denied"), ("https://api.example.com/ ", "http_url_refused")] {
        assert_eq!(egress.send(&policy, &access, request(url)).await.unwrap_err().code(), code);
    }
    assert_eq!(parrot.0.lock().unwrap().len(), 2);
}
