//! Components and signatures in a real registry: tags, digests, broken artifacts, and who may read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::net::TcpListener;

use common::{Answer, Key, Registry, WASM, Web, fetcher, fetcher_with, layer, statement, text};
use kumiko_sources::{
    Credential, Credentials, Fetcher, Installed, PluginName, Reference, Request, Settings, Sha256, Trust, Update,
};
use oci_client::client::ImageLayer;
use oci_client::manifest::{ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciImageIndex};
use oci_client::secrets::RegistryAuth;

const ADDED: &str = "2026-01-31T12:00:00Z";
const ONE: &[u8] = b"\0asm the first component";
const TWO: &[u8] = b"\0asm the second component";

/// The code of the error that fetching ends with, and its message.
async fn refusal(fetcher: &Fetcher, reference: &Reference) -> (&'static str, String) {
    let error = fetcher.fetch(reference).await.expect_err("fetching is refused");
    (error.code(), error.to_string())
}

#[tokio::test]
async fn a_tag_is_resolved_to_the_digest_of_its_manifest() {
    let registry = Registry::start();
    let manifest = registry.push_component("team/hello:1", ONE).await;
    let fetched = fetcher().fetch(&registry.reference("team/hello:1")).await.unwrap();
    assert_eq!(fetched.bytes, ONE);
    assert_eq!(fetched.sha256, Sha256::of(ONE));
    assert_eq!(fetched.origin.to_string(), format!("oci://{}/team/hello@sha256:{manifest}", registry.host));
    assert_eq!(fetched.signatures, []);

    let again = fetcher().fetch(&fetched.origin).await.unwrap();
    assert_eq!((again.bytes, again.origin), (fetched.bytes, fetched.origin));
    let both = registry.reference(&format!("team/hello:1@sha256:{manifest}"));
    assert_eq!(fetcher().fetch(&both).await.unwrap().sha256, Sha256::of(ONE));
}

#[tokio::test]
async fn a_tag_that_moves_is_an_update_and_a_digest_never_is() {
    let registry = Registry::start();
    let first = registry.push_component("hello:stable", ONE).await;
    let folder = tempfile::tempdir().unwrap();
    let installed = Installed::new(folder.path());
    let fetcher = fetcher();
    let pinned = format!("hello@sha256:{first}");
    for (name, reference) in [("moving", "hello:stable"), ("pinned", pinned.as_str())] {
        let source = registry.reference(reference);
        let fetched = fetcher.fetch(&source).await.unwrap();
        let verdict = Trust::default().judge(&fetched).unwrap();
        let name = PluginName::parse(name).unwrap();
        installed.install(Request { name, source, fetched, verdict, added: ADDED.to_owned() }).unwrap();
    }
    let (moving, pinned) = (PluginName::parse("moving").unwrap(), PluginName::parse("pinned").unwrap());
    let update = async |name: &PluginName| {
        installed.update(name, &fetcher, &Trust::default(), "2026-02-01T00:00:00Z").await.unwrap()
    };
    assert!(matches!(update(&moving).await, Update::UpToDate(entry) if entry.added == ADDED));

    let second = registry.push_component("hello:stable", TWO).await;
    let Update::Replaced { from, to } = update(&moving).await else { panic!("the tag has moved") };
    assert_eq!((from.sha256, to.sha256.clone()), (Sha256::of(ONE), Sha256::of(TWO)));
    assert_eq!(to.origin.to_string(), format!("oci://{}/hello@sha256:{second}", registry.host));
    assert_eq!((to.source, to.added.as_str()), (from.source, "2026-02-01T00:00:00Z"));
    assert_eq!(std::fs::read(folder.path().join("moving.wasm")).unwrap(), TWO);

    assert!(matches!(update(&pinned).await, Update::UpToDate(_)));
    assert_eq!(std::fs::read(folder.path().join("pinned.wasm")).unwrap(), ONE);
}

#[tokio::test]
async fn a_component_that_was_changed_in_its_folder_is_fetched_again() {
    let registry = Registry::start();
    registry.push_component("hello:1", ONE).await;
    let folder = tempfile::tempdir().unwrap();
    let installed = Installed::new(folder.path());
    let source = registry.reference("hello:1");
    let fetched = fetcher().fetch(&source).await.unwrap();
    let verdict = Trust::default().judge(&fetched).unwrap();
    let name = PluginName::parse("hello").unwrap();
    installed.install(Request { name: name.clone(), source, fetched, verdict, added: ADDED.to_owned() }).unwrap();
    std::fs::write(folder.path().join("hello.wasm"), "changed").unwrap();
    let update = installed.update(&name, &fetcher(), &Trust::default(), ADDED).await.unwrap();
    assert!(matches!(update, Update::Replaced { .. }), "{update:?}");
    assert_eq!(std::fs::read(folder.path().join("hello.wasm")).unwrap(), ONE);
}

#[tokio::test]
async fn an_update_that_is_not_trusted_leaves_the_old_plugin() {
    let registry = Registry::start();
    let key = Key::generate();
    let manifest = registry.push_component("hello:1", ONE).await;
    registry.sign("hello", &manifest, &key, &manifest).await;
    let folder = tempfile::tempdir().unwrap();
    let installed = Installed::new(folder.path());
    let source = registry.reference("hello:1");
    let fetched = fetcher().fetch(&source).await.unwrap();
    let verdict = key.required().judge(&fetched).unwrap();
    let name = PluginName::parse("hello").unwrap();
    let request = Request { name: name.clone(), source, fetched, verdict, added: ADDED.to_owned() };
    assert_eq!(installed.install(request).unwrap().signed_by.as_deref(), Some("release"));

    registry.push_component("hello:1", TWO).await;
    let error = installed.update(&name, &fetcher(), &key.required(), ADDED).await.unwrap_err();
    assert_eq!(error.code(), "signature_missing");
    assert_eq!(std::fs::read(folder.path().join("hello.wasm")).unwrap(), ONE);
    assert_eq!(installed.lock().unwrap().get(&name).unwrap().sha256, Sha256::of(ONE));
}

#[tokio::test]
async fn what_the_registry_does_not_have_is_not_found() {
    let registry = Registry::start();
    registry.push_component("hello:1", ONE).await;
    let digest = Sha256::of(b"nothing has this digest");
    for rest in ["hello:2", "nobody/nothing:1", &format!("hello@sha256:{digest}")] {
        let (code, message) = refusal(&fetcher(), &registry.reference(rest)).await;
        assert_eq!(code, "source_not_found", "{message}");
        assert!(message.contains(rest), "{message}");
    }
}

#[tokio::test]
async fn bytes_that_were_changed_in_the_registry_are_refused() {
    let registry = Registry::start();
    registry.push_component("hello:1", ONE).await;
    let mut changed = ONE.to_vec();
    changed[6] ^= 1;
    std::fs::write(registry.blob(&Sha256::of(ONE)), &changed).unwrap();
    let (code, message) = refusal(&fetcher(), &registry.reference("hello:1")).await;
    assert_eq!(code, "digest_mismatch", "{message}");
    assert!(message.contains(Sha256::of(ONE).as_str()) && message.contains(Sha256::of(&changed).as_str()), "{message}");
}

#[tokio::test]
async fn a_manifest_that_is_not_the_one_of_the_digest_is_refused() {
    let registry = Registry::start();
    let one = registry.push_component("hello:1", ONE).await;
    let two = registry.push_component("hello:2", TWO).await;
    std::fs::copy(registry.blob(&two), registry.blob(&one)).unwrap();
    let (code, message) = refusal(&fetcher(), &registry.reference(&format!("hello@sha256:{one}"))).await;
    assert_eq!(code, "digest_mismatch", "{message}");
}

#[tokio::test]
async fn a_signature_by_a_trusted_key_is_recognised() {
    let registry = Registry::start();
    let (key, other) = (Key::generate(), Key::generate());
    let manifest = registry.push_component("hello:1", ONE).await;
    registry.sign("hello", &manifest, &key, &manifest).await;
    let fetched = fetcher().fetch(&registry.reference("hello:1")).await.unwrap();
    assert_eq!(fetched.signatures.len(), 1);
    assert_eq!(key.required().judge(&fetched).unwrap().signed_by.as_deref(), Some("release"));

    assert_eq!(other.required().judge(&fetched).unwrap_err().code(), "signer_unknown");
    let lenient = Trust { required: false, ..other.required() };
    assert_eq!(lenient.judge(&fetched).unwrap().signed_by, None);
    for revoked in [Sha256::of(ONE), manifest] {
        let trust = Trust { revoked: [revoked].into(), ..key.required() };
        assert_eq!(trust.judge(&fetched).unwrap_err().code(), "digest_revoked");
    }
}

#[tokio::test]
async fn a_missing_signature_matters_only_where_one_is_required() {
    let registry = Registry::start();
    registry.push_component("hello:1", ONE).await;
    let fetched = fetcher().fetch(&registry.reference("hello:1")).await.unwrap();
    assert_eq!(Key::generate().required().judge(&fetched).unwrap_err().code(), "signature_missing");
    assert_eq!(Trust::default().judge(&fetched).unwrap().signed_by, None);
}

#[tokio::test]
async fn a_statement_about_another_manifest_is_refused_whoever_requires_what() {
    let registry = Registry::start();
    let key = Key::generate();
    let one = registry.push_component("hello:1", ONE).await;
    let two = registry.push_component("hello:2", TWO).await;
    registry.sign("hello", &two, &key, &one).await;
    let fetched = fetcher().fetch(&registry.reference("hello:2")).await.unwrap();
    for required in [true, false] {
        let error = Trust { required, ..key.required() }.judge(&fetched).unwrap_err();
        assert_eq!(error.code(), "digest_mismatch");
        assert!(error.to_string().contains(one.as_str()) && error.to_string().contains(two.as_str()), "{error}");
    }
}

#[tokio::test]
async fn a_statement_or_signature_that_was_tampered_with_does_not_count() {
    let registry = Registry::start();
    let key = Key::generate();
    let one = registry.push_component("one:1", ONE).await;
    let two = registry.push_component("two:1", TWO).await;
    let signature = key.sign(statement(&one).as_bytes());
    registry.push_signature("two", &two, &statement(&two), &signature).await;
    let fetched = fetcher().fetch(&registry.reference("two:1")).await.unwrap();
    assert_eq!(key.required().judge(&fetched).unwrap_err().code(), "signer_unknown");

    registry.push_signature("one", &one, &statement(&one), "no signature").await;
    let fetched = fetcher().fetch(&registry.reference("one:1")).await.unwrap();
    assert_eq!(key.required().judge(&fetched).unwrap_err().code(), "signature_invalid");
    assert!(Trust::default().judge(&fetched).is_ok());

    let nonsense = r#"{"critical": {"type": "something else", "image": {"docker-manifest-digest": ""}}}"#;
    registry.push_signature("one", &one, nonsense, &key.sign(nonsense.as_bytes())).await;
    let fetched = fetcher().fetch(&registry.reference("one:1")).await.unwrap();
    let error = key.required().judge(&fetched).unwrap_err();
    assert_eq!(error.code(), "signature_invalid");
    assert!(error.to_string().contains("something else"), "{error}");
}

#[tokio::test]
async fn one_good_signature_among_several_is_enough() {
    let registry = Registry::start();
    let (key, other) = (Key::generate(), Key::generate());
    let manifest = registry.push_component("hello:1", ONE).await;
    let text = statement(&manifest);
    let layers: Vec<ImageLayer> = [other.sign(text.as_bytes()), "rubbish".to_owned(), key.sign(text.as_bytes())]
        .into_iter()
        .map(|signature| {
            let annotations = [(common::SIGNATURE.to_owned(), signature)].into();
            ImageLayer::new(text.clone().into_bytes(), common::STATEMENT.to_owned(), Some(annotations))
        })
        .collect();
    registry.push(&format!("hello:sha256-{manifest}.sig"), &layers, &RegistryAuth::Anonymous).await;
    let fetched = fetcher().fetch(&registry.reference("hello:1")).await.unwrap();
    assert_eq!(fetched.signatures.len(), 3);
    assert_eq!(key.required().judge(&fetched).unwrap().signed_by.as_deref(), Some("release"));
}

#[tokio::test]
async fn every_media_type_of_a_component_is_taken_and_no_other() {
    let registry = Registry::start();
    let accepted = [
        "application/wasm",
        "application/vnd.wasm.content.layer.v1+wasm",
        "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    ];
    for media_type in accepted {
        registry.push("hello:1", &[layer(ONE, media_type)], &RegistryAuth::Anonymous).await;
        assert_eq!(fetcher().fetch(&registry.reference("hello:1")).await.unwrap().bytes, ONE, "{media_type}");
    }
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    registry.push("image:1", &[layer(ONE, tar)], &RegistryAuth::Anonymous).await;
    let (code, message) = refusal(&fetcher(), &registry.reference("image:1")).await;
    assert_eq!(code, "artifact_invalid");
    assert!(message.contains(tar) && message.contains("`application/wasm`"), "{message}");
}

#[tokio::test]
async fn an_artifact_of_two_layers_is_no_component() {
    let registry = Registry::start();
    registry.push("hello:1", &[layer(ONE, WASM), layer(TWO, WASM)], &RegistryAuth::Anonymous).await;
    let (code, message) = refusal(&fetcher(), &registry.reference("hello:1")).await;
    assert_eq!(code, "artifact_invalid");
    assert!(message.contains("2 layers"), "{message}");
}

#[tokio::test]
async fn an_index_of_manifests_is_no_component() {
    let registry = Registry::start();
    let manifest = registry.push_component("hello:1", ONE).await;
    let index = OciImageIndex {
        schema_version: 2,
        media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
        manifests: vec![ImageIndexEntry {
            media_type: OCI_IMAGE_MEDIA_TYPE.to_owned(),
            digest: format!("sha256:{manifest}"),
            size: i64::try_from(std::fs::metadata(registry.blob(&manifest)).unwrap().len()).unwrap(),
            platform: None,
            annotations: None,
        }],
        artifact_type: None,
        annotations: None,
    };
    registry.push_manifest("hello:all", index.into()).await;
    let (code, message) = refusal(&fetcher(), &registry.reference("hello:all")).await;
    assert_eq!(code, "artifact_invalid");
    assert!(message.contains("an index of 1 manifests"), "{message}");
}

#[tokio::test]
async fn a_layer_that_is_too_large_is_refused_before_it_is_downloaded() {
    let registry = Registry::start();
    registry.push_component("hello:1", ONE).await;
    // The layer is taken away: whoever asked for it would be told that there is none.
    std::fs::remove_file(registry.blob(&Sha256::of(ONE))).unwrap();
    let maximum_bytes = ONE.len() as u64 - 1;
    let small = Fetcher::new(Settings { maximum_bytes, ..Settings::default() }).unwrap();
    let (code, message) = refusal(&small, &registry.reference("hello:1")).await;
    assert_eq!(code, "component_too_large");
    assert!(
        message.contains(&format!("{} bytes", ONE.len())) && message.contains(&maximum_bytes.to_string()),
        "{message}"
    );
}

#[tokio::test]
async fn a_layer_that_is_longer_than_its_manifest_says_is_refused() {
    let registry = Registry::start();
    registry.push_component("hello:1", ONE).await;
    std::fs::write(registry.blob(&Sha256::of(ONE)), [ONE, ONE].concat()).unwrap();
    let (code, message) = refusal(&fetcher(), &registry.reference("hello:1")).await;
    assert!(["artifact_invalid", "digest_mismatch"].contains(&code), "{code}: {message}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let reference = Reference::parse(&format!("oci://127.0.0.1:{port}/hello:1")).unwrap();
    let (code, message) = refusal(&fetcher(), &reference).await;
    assert_eq!(code, "source_unreachable");
    assert!(message.contains("refused"), "{message}");
    let nowhere = Reference::parse("oci://registry.invalid/hello:1").unwrap();
    assert_eq!(refusal(&fetcher(), &nowhere).await.0, "source_unreachable");
}

#[tokio::test]
async fn a_private_registry_is_read_with_its_password_only() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = folder.path().join("htpasswd");
    // `somebody` with the password `open sesame`.
    std::fs::write(&accounts, "somebody:$2y$04$WMH3ZZOJc1.qCvXFVqVDS.vIB7oeeRmH4QRw54T5UDaZ6YBDJnnHC\n").unwrap();
    let settings = format!("auth:\n  htpasswd:\n    realm: private\n    path: {}\n", text(&accounts));
    let registry = Registry::with_settings(&settings);
    let account = RegistryAuth::Basic("somebody".to_owned(), "open sesame".to_owned());
    registry.push("hello:1", &[layer(ONE, WASM)], &account).await;
    let reference = registry.reference("hello:1");

    let (code, message) = refusal(&fetcher(), &reference).await;
    assert_eq!(code, "source_refused");
    assert!(message.contains(&registry.host) && message.contains("none are known"), "{message}");

    let credential = |password: &str| Credential { username: "somebody".to_owned(), password: password.to_owned() };
    let with = |password| fetcher_with(Credentials::default().with(&registry.host, credential(password)));
    let (code, message) = refusal(&with("closed sesame"), &reference).await;
    assert_eq!(code, "source_refused");
    assert!(!message.contains("closed sesame"), "{message}");
    assert_eq!(with("open sesame").fetch(&reference).await.unwrap().bytes, ONE);

    let configuration = folder.path().join("config.json");
    let docker = fetcher_with(Credentials::default().with_docker_configuration(&configuration));
    assert_eq!(refusal(&docker, &reference).await.0, "source_refused", "the file does not exist yet");
    // `somebody:open sesame` in base64, as `docker login` writes it.
    let login = serde_json::json!({"auths": {registry.host.as_str(): {"auth": "c29tZWJvZHk6b3BlbiBzZXNhbWU="}}});
    std::fs::write(&configuration, login.to_string()).unwrap();
    assert_eq!(docker.fetch(&reference).await.unwrap().bytes, ONE);
    let helper = serde_json::json!({"credHelpers": {registry.host.as_str(): "ecr-login"}});
    std::fs::write(&configuration, helper.to_string()).unwrap();
    let (code, message) = refusal(&docker, &reference).await;
    assert_eq!(code, "credentials_unsupported");
    assert!(message.contains("docker-credential-ecr-login"), "{message}");
}

/// A registry that sends its readers to a token service, and what it has.
async fn registry_with_tokens(realm: &str) -> Registry {
    let registry =
        Registry::with_settings(&format!("auth:\n  silly:\n    realm: {realm}\n    service: the-registry\n"));
    let bearer = RegistryAuth::Bearer("anything".to_owned());
    registry.push("team/hello:1", &[layer(ONE, WASM)], &bearer).await;
    registry
}

#[tokio::test]
async fn a_token_is_obtained_from_the_service_that_the_registry_names() {
    let web = Web::start().await;
    let registry = registry_with_tokens(&format!("http://{}/token", web.host)).await;
    for field in ["token", "access_token"] {
        web.set("/token", Answer::ok(format!(r#"{{"{field}": "abc", "expires_in": 60}}"#).as_bytes()));
        let credential = Credential { username: "somebody".to_owned(), password: "open sesame".to_owned() };
        let fetcher = fetcher_with(Credentials::default().with(&registry.host, credential));
        assert_eq!(fetcher.fetch(&registry.reference("team/hello:1")).await.unwrap().bytes, ONE);
    }
    let requests = web.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 2, "one token serves for manifest, layer and signature: {requests:?}");
    let (target, authorization) = &requests[0];
    assert!(target.contains("service=the-registry"), "{target}");
    assert!(target.contains("scope=repository%3Ateam%2Fhello%3Apull"), "{target}");
    assert_eq!(authorization, "Basic c29tZWJvZHk6b3BlbiBzZXNhbWU=");
}

#[tokio::test]
async fn a_token_service_that_answers_nonsense_is_refused() {
    let web = Web::start().await;
    let registry = registry_with_tokens(&format!("http://{}/token", web.host)).await;
    let reference = registry.reference("team/hello:1");
    let answers = [
        (Answer::ok(br#"{"token": "line\nbreak"}"#), "source_refused"),
        (Answer::ok(b"{}"), "source_refused"),
        (Answer::ok(b"<html>"), "source_refused"),
        (Answer::ok(&vec![b' '; 100 * 1024]), "source_refused"),
        (Answer { status: "401 Unauthorized", ..Answer::ok(b"no") }, "source_refused"),
        (Answer { status: "500 Internal Server Error", ..Answer::ok(b"later") }, "source_unreachable"),
    ];
    for (answer, expected) in answers {
        web.set("/token", answer);
        let (code, message) = refusal(&fetcher(), &reference).await;
        assert_eq!(code, expected, "{message}");
    }
}

#[tokio::test]
async fn no_password_goes_to_a_token_service_without_tls() {
    let registry = registry_with_tokens("http://tokens.invalid/token").await;
    let credential = Credential { username: "somebody".to_owned(), password: "open sesame".to_owned() };
    let fetcher = fetcher_with(Credentials::default().with(&registry.host, credential));
    let (code, message) = refusal(&fetcher, &registry.reference("team/hello:1")).await;
    assert_eq!(code, "source_refused");
    assert!(message.contains("http://tokens.invalid/token") && message.contains("`https`"), "{message}");
}

/// A manifest as a dishonest registry might send it, with one layer.
fn manifest_with(layer: &str) -> String {
    let config = format!(r#"{{"mediaType": "x", "digest": "sha256:{}", "size": 2}}"#, Sha256::of(b"{}"));
    format!(r#"{{"schemaVersion": 2, "config": {config}, "layers": [{layer}]}}"#)
}

#[tokio::test]
async fn a_registry_that_sends_nonsense_is_refused_with_a_reason() {
    let web = Web::start().await;
    let reference = Reference::parse(&format!("oci://{}/hello:1", web.host)).unwrap();
    let digest = Sha256::of(ONE);
    let cases = [
        ("<html>".to_owned(), "not an OCI image manifest"),
        ("[".repeat(100_000), "not an OCI image manifest"),
        (" ".repeat(5 * 1024 * 1024), "longer than 4194304 bytes"),
        (manifest_with(&format!(r#"{{"mediaType": "{WASM}", "digest": "sha256:{digest}", "size": -1}}"#)), "size -1"),
        (manifest_with(&format!(r#"{{"mediaType": "{WASM}", "digest": "sha512:{digest}", "size": 9}}"#)), "sha512"),
        (manifest_with(&format!(r#"{{"mediaType": "{WASM}", "digest": "sha256:../../x", "size": 9}}"#)), "../../x"),
        (manifest_with(""), "0 layers"),
    ];
    for (body, word) in cases {
        web.set("/v2/hello/manifests/1", Answer::ok(body.as_bytes()));
        let (code, message) = refusal(&fetcher(), &reference).await;
        assert_eq!(code, "artifact_invalid", "{message}");
        assert!(message.contains(word), "{message}");
    }
}

#[tokio::test]
async fn a_layer_is_taken_from_its_registry_and_from_no_other_address() {
    let web = Web::start().await;
    let reference = Reference::parse(&format!("oci://{}/hello:1", web.host)).unwrap();
    let elsewhere = Web::start().await;
    elsewhere.set("/x", Answer::ok(ONE));
    let layer = format!(
        r#"{{"mediaType": "{WASM}", "digest": "sha256:{}", "size": {}, "urls": ["http://{}/x"]}}"#,
        Sha256::of(ONE),
        ONE.len(),
        elsewhere.host
    );
    web.set("/v2/hello/manifests/1", Answer::ok(manifest_with(&layer).as_bytes()));
    assert_eq!(refusal(&fetcher(), &reference).await.0, "source_not_found");
    assert!(elsewhere.requests.lock().unwrap().is_empty(), "nobody asked there");
}

#[tokio::test]
async fn a_broken_signature_matters_only_where_one_is_required() {
    let registry = Registry::start();
    let key = Key::generate();
    let manifest = registry.push_component("hello:1", ONE).await;
    registry.sign("hello", &manifest, &key, &manifest).await;
    let statement = Sha256::of(statement(&manifest).as_bytes());
    for broken in [b"short".to_vec(), vec![b'x'; 100_000]] {
        std::fs::write(registry.blob(&statement), broken).unwrap();
        let fetched = fetcher().fetch(&registry.reference("hello:1")).await.unwrap();
        assert_eq!(key.required().judge(&fetched).unwrap_err().code(), "signature_invalid");
        assert_eq!(Trust { required: false, ..key.required() }.judge(&fetched).unwrap().signed_by, None);
    }
}
