//! What keeps a server from starting is said before it listens.

use kumiko_http::{Error, Extras, KeyRing, Settings, TlsSettings, TokenSettings, bind, serve};
use kumiko_vocabulary::Fault;

use crate::place::{Handler, anonymous, settings};

async fn error(settings: Settings) -> Error {
    match bind(settings, Handler::new(), Extras::default()).await {
        Ok(bound) => panic!("it listens on {}", bound.address()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_server_that_nobody_could_use_does_not_start_and_says_how_to_make_a_key() {
    let fault = Fault::from(error(settings(&KeyRing::default())).await);
    assert_eq!(fault.code, "no_credentials");
    assert!(fault.hint.unwrap().contains("kumiko key create"));
}

#[tokio::test]
async fn anonymous_callers_are_not_for_the_network() {
    let listen = "0.0.0.0:0".parse().unwrap();
    assert_eq!(error(Settings { listen, ..anonymous() }).await.code(), "anonymous_beyond_loopback");
}

#[tokio::test]
async fn the_address_is_known_before_the_first_request() {
    let bound = bind(anonymous(), Handler::new(), Extras::default()).await.unwrap();
    assert_ne!(bound.address().port(), 0);
    assert_eq!(bound.url(), format!("http://{}/mcp", bound.address()));
    let taken = Settings { listen: bound.address(), ..anonymous() };
    assert_eq!(error(taken).await.code(), "cannot_listen");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_at_once_ends_without_an_error() {
    serve(anonymous(), Handler::new(), Extras::default(), async {}).await.unwrap();
}

#[tokio::test]
async fn settings_that_cannot_be_are_named() {
    let token = |issuer: &str, resource: &str| Some(TokenSettings::new(issuer, resource));
    let with_algorithms = |algorithms: &[&str]| TokenSettings {
        algorithms: algorithms.iter().map(|name| (*name).to_owned()).collect(),
        ..TokenSettings::new("https://issuer.example", "https://mcp.example/mcp")
    };
    let cases = [
        (Settings { path: "mcp".to_owned(), ..anonymous() }, "path"),
        (Settings { maximum_connections: 0, ..anonymous() }, "maximum_connections"),
        (Settings { allowed_hosts: vec!["a b".to_owned()], ..anonymous() }, "allowed_hosts"),
        (Settings { allowed_origins: vec!["a".to_owned()], ..anonymous() }, "allowed_origins"),
        (Settings { token: token("http://issuer.example", "https://mcp.example"), ..anonymous() }, "token.issuer"),
        (Settings { token: token("https://issuer.example", "mcp.example"), ..anonymous() }, "token.resource"),
        (Settings { token: Some(with_algorithms(&[])), ..anonymous() }, "token.algorithms"),
        (Settings { token: Some(with_algorithms(&["none"])), ..anonymous() }, "token.algorithms"),
        (Settings { token: Some(with_algorithms(&["RS256", "HS256"])), ..anonymous() }, "token.algorithms"),
    ];
    for (settings, key) in cases {
        let error = error(settings).await;
        assert_eq!(error.code(), "setting_invalid", "{key}");
        assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    let key = folder.path().join("key.pem");
    let with =
        || Settings { tls: Some(TlsSettings { certificate: certificate.clone(), key: key.clone() }), ..anonymous() };
    assert_eq!(error(with()).await.code(), "certificate_invalid");
    std::fs::write(&certificate, "no certificate").unwrap();
    let error = error(with()).await;
    assert!(error.to_string().contains("certificate.pem"), "{error}");
}
