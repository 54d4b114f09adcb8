//! Tokens of an issuer that really signs them, with keys that it really serves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use kumiko_http::{KeyRing, Settings, TokenSettings};
use serde_json::{Value, json};

use crate::place::{Place, refused, settings, who};
use crate::tls::openssl;

const RESOURCE: &str = "https://mcp.example/mcp";

/// A key pair of an issuer.
#[derive(Clone)]
struct Pair {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Pair {
    fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let generate = |options: &[&str]| openssl(folder, &[&["genpkey", "-out", "pem"], options].concat());
        let convert = |options: &[&str]| {
            openssl(folder, &[options, &["-in", "pem", "-outform", "DER", "-out", "der"]].concat());
            std::fs::read(folder.join("der")).unwrap()
        };
        let pkcs8 = ["pkcs8", "-topk8", "-nocrypt"];
        let key = match algorithm {
            Algorithm::ES256 => {
                generate(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
                EncodingKey::from_ec_der(&convert(&pkcs8))
            }
            Algorithm::EdDSA => {
                generate(&["-algorithm", "ED25519"]);
                EncodingKey::from_ed_der(&convert(&pkcs8))
            }
            _ => {
                generate(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
                EncodingKey::from_rsa_der(&convert(&["rsa", "-traditional"]))
            }
        };
        Self { id, algorithm, key }
    }

    fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        key.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(key).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }
}

/// An issuer on this machine.
#[derive(Clone)]
struct Issuer {
    url: String,
    name: Arc<Mutex<String>>,
    keys: Arc<Mutex<Value>>,
    fetched: Arc<AtomicUsize>,
}

impl Issuer {
    async fn open(pairs: &[&Pair]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/team", listener.local_addr().unwrap());
        let keys: Vec<Value> = pairs.iter().map(|pair| pair.public()).collect();
        let issuer = Self {
            name: Arc::new(Mutex::new(url.clone())),
            url,
            keys: Arc::new(Mutex::new(json!({ "keys": keys }))),
            fetched: Arc::default(),
        };
        let router = Router::new()
            .route("/team/.well-known/openid-configuration", get(Self::metadata))
            .route("/keys", get(Self::key_set))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn jwks_uri(&self) -> String {
        self.url.replace("/team", "/keys")
    }

    async fn metadata(State(issuer): State<Self>) -> Json<Value> {
        let name = issuer.name.lock().unwrap().clone();
        Json(json!({ "issuer": name, "jwks_uri": issuer.jwks_uri(), "token_endpoint": "https://x.example" }))
    }

    async fn key_set(State(issuer): State<Self>) -> Json<Value> {
        issuer.fetched.fetch_add(1, Ordering::SeqCst);
        Json(issuer.keys.lock().unwrap().clone())
    }

    /// The claims of a token that is good for everything.
    fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({ "iss": self.url, "aud": RESOURCE, "sub": "ada", "exp": now + 600, "iat": now, "scope": "kumiko:all" })
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    async fn place(&self) -> Place {
        Place::open(self.settings()).await
    }

    fn settings(&self) -> Settings {
        let token = Some(TokenSettings::new(&self.url, RESOURCE));
        let allowed_hosts = vec!["127.0.0.1".to_owned()];
        Settings { token, allowed_hosts, ..settings(&KeyRing::default()) }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn tokens_of_every_allowed_algorithm_open_the_door() {
    let pairs =
        [Pair::new("rsa", Algorithm::RS256), Pair::new("ec", Algorithm::ES256), Pair::new("ed", Algorithm::EdDSA)];
    let issuer = Issuer::open(&pairs.each_ref()).await;
    let place = issuer.place().await;
    for pair in &pairs {
        let found = who(place.whoami().bearer_auth(pair.sign(&issuer.claims()))).await;
        assert_eq!((&found["name"], &found["capabilities"]), (&json!("ada"), &json!("all")), "{}", pair.id);
    }
    assert_eq!(issuer.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn scopes_say_which_capabilities() {
    let pair = Pair::new("ec", Algorithm::ES256);
    let issuer = Issuer::open(&[&pair]).await;
    let place = issuer.place().await;
    let token = |scope: Value| pair.sign(&issuer.claims_with("scope", scope));
    let some = token(json!("openid kumiko:a kumiko:b"));
    assert_eq!(who(place.whoami().bearer_auth(&some)).await["capabilities"], json!(["a", "b"]));
    let narrowed = place.whoami_at("/mcp?capabilities=b").bearer_auth(&some);
    assert_eq!(who(narrowed).await["capabilities"], json!(["b"]));

    let elsewhere = place.whoami().bearer_auth(token(json!("openid email"))).send().await.unwrap();
    assert_eq!(elsewhere.status(), 403);
    let challenge = elsewhere.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"kumiko:all\""),
        "{challenge}"
    );
    let beyond = place.whoami_at("/mcp?capabilities=c").bearer_auth(&some).send().await.unwrap();
    assert_eq!(beyond.status(), 403);
    assert!(beyond.headers()["www-authenticate"].to_str().unwrap().contains("scope=\"kumiko:c\""));
}

#[tokio::test]
async fn a_token_that_is_not_for_this_server_or_not_for_this_moment_is_refused() {
    let pair = Pair::new("ec", Algorithm::ES256);
    let issuer = Issuer::open(&[&pair]).await;
    let place = issuer.place().await;
    let without = |name: &str| {
        let mut claims = issuer.claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let cases = [
        (issuer.claims_with("aud", json!("https://other.example/mcp")), "for another service"),
        (issuer.claims_with("aud", json!([])), "for another service"),
        (issuer.claims_with("iss", json!("https://other.example")), "of another issuer"),
        (issuer.claims_with("iss", json!(format!("{}/", issuer.url))), "of another issuer"),
        (issuer.claims_with("iss", json!([issuer.url, "https://other.example"])), "not accepted"),
        (issuer.claims_with("exp", json!(now() - 61)), "has expired"),
        (issuer.claims_with("exp", json!("tomorrow")), "not accepted"),
        (issuer.claims_with("nbf", json!(now() + 120)), "not valid yet"),
        (without("exp"), "not accepted"),
        (without("aud"), "lacks one of"),
        (without("sub"), "not accepted"),
    ];
    for (claims, why) in cases {
        let response = place.whoami().bearer_auth(pair.sign(&claims)).send().await.unwrap();
        assert_eq!(response.status(), 401, "{claims}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains(why), "{claims}: {challenge}");
    }
    // Clocks that are a little apart are no reason.
    let nearly = issuer.claims_with("exp", json!(now() - 20));
    who(place.whoami().bearer_auth(pair.sign(&nearly))).await;
    let several = issuer.claims_with("aud", json!(["https://other.example", RESOURCE]));
    who(place.whoami().bearer_auth(pair.sign(&several))).await;
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_refused() {
    let pair = Pair::new("rsa", Algorithm::RS256);
    let stranger = Pair::new("rsa", Algorithm::RS256);
    let issuer = Issuer::open(&[&pair]).await;
    let place = issuer.place().await;
    let good = pair.sign(&issuer.claims());
    who(place.whoami().bearer_auth(&good)).await;

    // The public key as a shared secret, which is public: the oldest trick there is.
    let modulus = pair.public()["n"].as_str().unwrap().to_owned();
    let header = Header { kid: Some("rsa".to_owned()), ..Header::new(Algorithm::HS256) };
    let shared = encode(&header, &issuer.claims(), &EncodingKey::from_secret(modulus.as_bytes())).unwrap();
    // `{"alg":"none","typ":"JWT"}` before the good claims, with no signature.
    let claims = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let other_claims = pair.sign(&issuer.claims_with("sub", json!("eve")));
    let mixed = good.replace(claims, other_claims.split('.').nth(1).unwrap());
    let mut cut = good.clone();
    cut.truncate(good.len() - 4);
    for token in [stranger.sign(&issuer.claims()), shared, none, mixed, cut, "a.b.c".to_owned()] {
        assert_eq!(
            refused(place.whoami().bearer_auth(&token)).await,
            (401, "credentials_invalid".to_owned()),
            "{token}"
        );
    }
    who(place.whoami().bearer_auth(&good)).await;
}

#[tokio::test]
async fn a_key_that_the_issuer_published_since_is_fetched_but_not_for_every_invented_name() {
    let old = Pair::new("old", Algorithm::ES256);
    let invented = Pair::new("invented", Algorithm::ES256);
    let issuer = Issuer::open(&[&old]).await;
    let place = issuer.place().await;
    who(place.whoami().bearer_auth(old.sign(&issuer.claims()))).await;
    for _ in 0..5 {
        assert_eq!(refused(place.whoami().bearer_auth(invented.sign(&issuer.claims()))).await.0, 401);
    }
    // Fetched a moment ago, so not again within the minute.
    assert_eq!(issuer.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_metadata_of_the_resource_is_where_the_challenge_says() {
    let issuer = Issuer::open(&[]).await;
    let place = issuer.place().await;
    let response = place.whoami().send().await.unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    let metadata = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
    assert_eq!(challenge, format!("Bearer resource_metadata=\"{metadata}\""));
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let document: Value = place.get(path).send().await.unwrap().json().await.unwrap();
        assert_eq!(document["resource"], RESOURCE);
        assert_eq!(document["authorization_servers"], json!([issuer.url]));
        assert_eq!(document["bearer_methods_supported"], json!(["header"]));
        assert_eq!(document["scopes_supported"], json!(["kumiko:all"]));
    }
}

#[tokio::test]
async fn while_the_issuer_cannot_be_asked_nobody_is_called_wrong() {
    let pair = Pair::new("ec", Algorithm::ES256);
    let issuer = Issuer::open(&[&pair]).await;
    // It names itself otherwise than the settings do: somebody else's metadata.
    *issuer.name.lock().unwrap() = "https://other.example".to_owned();
    let place = issuer.place().await;
    let response = place.whoami().bearer_auth(pair.sign(&issuer.claims())).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(response.text().await.unwrap().contains("issuer_unavailable"));
    assert_eq!(issuer.fetched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn keys_are_fetched_from_where_the_settings_say() {
    let pair = Pair::new("ec", Algorithm::ES256);
    let issuer = Issuer::open(&[&pair]).await;
    let mut settings = issuer.settings();
    let token = settings.token.as_mut().unwrap();
    token.jwks_uri = Some(issuer.jwks_uri());
    token.issuer = "https://issuer.example/elsewhere".to_owned();
    let place = Place::open(settings).await;
    let claims = issuer.claims_with("iss", json!("https://issuer.example/elsewhere"));
    who(place.whoami().bearer_auth(pair.sign(&claims))).await;
}

#[tokio::test]
async fn keys_and_tokens_are_accepted_side_by_side() {
    let pair = Pair::new("ec", Algorithm::ES256);
    let issuer = Issuer::open(&[&pair]).await;
    let keys = KeyRing::default();
    let key = keys.create("ci", Vec::new(), None, None).unwrap();
    let place = Place::open(Settings { keys, ..issuer.settings() }).await;
    assert_eq!(who(place.whoami().bearer_auth(&key)).await["name"], "ci");
    assert_eq!(who(place.whoami().bearer_auth(pair.sign(&issuer.claims()))).await["name"], "ada");
}

#[tokio::test]
async fn a_session_is_the_subjects_whatever_token_it_comes_with() {
    let pair = Pair::new("ec", Algorithm::ES256);
    let issuer = Issuer::open(&[&pair]).await;
    let place = issuer.place().await;
    let token = |subject: &str, jti: &str| {
        let mut claims = issuer.claims_with("sub", json!(subject));
        claims["jti"] = json!(jti);
        pair.sign(&claims)
    };
    let opened = place.initialize("").bearer_auth(token("ada", "1")).send().await.unwrap();
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let done = place.in_session(&session, "", &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert_eq!(done.bearer_auth(token("ada", "1")).send().await.unwrap().status(), 202);
    let again = place.call(&session, "", "whoami").bearer_auth(token("ada", "2"));
    assert_eq!(who(again).await["name"], "ada");
    let other = place.call(&session, "", "whoami").bearer_auth(token("eve", "3"));
    assert_eq!(refused(other).await, (404, "session_not_found".to_owned()));
}
