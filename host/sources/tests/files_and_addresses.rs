//! Components from files and web servers: detached signatures, limits, redirects and broken answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::Duration;

use common::{Answer, Key, Web, fetcher, text};
use kumiko_sources::{Fetcher, Installed, PluginName, Reference, Request, Settings, Sha256, Trust, Update};

const ONE: &[u8] = b"\0asm the first component";
const TWO: &[u8] = b"\0asm the second component";

async fn refusal(fetcher: &Fetcher, reference: &Reference) -> (&'static str, String) {
    let error = fetcher.fetch(reference).await.expect_err("fetching is refused");
    (error.code(), error.to_string())
}

#[tokio::test]
async fn a_file_is_fetched_with_the_signature_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.wasm");
    std::fs::write(&path, ONE).unwrap();
    let reference = Reference::parse(text(&path)).unwrap();
    let key = Key::generate();

    let unsigned = fetcher().fetch(&reference).await.unwrap();
    assert_eq!((unsigned.bytes.as_ref(), &unsigned.origin), (ONE, &reference));
    assert_eq!(key.required().judge(&unsigned).unwrap_err().code(), "signature_missing");

    std::fs::write(folder.path().join("hello.wasm.sig"), key.sign(ONE) + "\n").unwrap();
    let signed = fetcher().fetch(&reference).await.unwrap();
    assert_eq!(key.required().judge(&signed).unwrap().signed_by.as_deref(), Some("release"));
    assert_eq!(Key::generate().required().judge(&signed).unwrap_err().code(), "signer_unknown");

    std::fs::write(&path, TWO).unwrap();
    let tampered = fetcher().fetch(&reference).await.unwrap();
    assert_eq!(key.required().judge(&tampered).unwrap_err().code(), "signer_unknown");

    std::fs::write(folder.path().join("hello.wasm.sig"), [0xff; 20_000]).unwrap();
    let broken = fetcher().fetch(&reference).await.unwrap();
    assert_eq!(key.required().judge(&broken).unwrap_err().code(), "signature_invalid");
    assert_eq!(Trust::default().judge(&broken).unwrap().signed_by, None);
}

#[tokio::test]
async fn a_signature_may_come_in_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.wasm");
    std::fs::write(&path, ONE).unwrap();
    let key = Key::generate();
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": "x" }, "tlogEntries": [] },
        "messageSignature": { "messageDigest": { "algorithm": "SHA2_256" }, "signature": key.sign(ONE) },
    });
    std::fs::write(folder.path().join("hello.wasm.sigstore.json"), bundle.to_string()).unwrap();
    let signed = fetcher().fetch(&Reference::parse(text(&path)).unwrap()).await.unwrap();
    assert_eq!(key.required().judge(&signed).unwrap().signed_by.as_deref(), Some("release"));
    assert_eq!(Key::generate().required().judge(&signed).unwrap_err().code(), "signer_unknown");
}

#[tokio::test]
async fn a_file_that_is_none_or_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let reference = |name: &str| Reference::parse(text(&folder.path().join(name))).unwrap();
    assert_eq!(refusal(&fetcher(), &reference("missing.wasm")).await.0, "source_not_found");
    std::fs::create_dir(folder.path().join("folder.wasm")).unwrap();
    let (code, message) = refusal(&fetcher(), &reference("folder.wasm")).await;
    assert_eq!(code, "plugin_folder_failed");
    assert!(message.contains("no regular file"), "{message}");

    let large = 33 * 1024 * 1024;
    std::fs::File::create(folder.path().join("large.wasm")).unwrap().set_len(large).unwrap();
    let (code, message) = refusal(&fetcher(), &reference("large.wasm")).await;
    assert_eq!(code, "component_too_large");
    assert!(message.contains(&large.to_string()) && message.contains("33554432"), "{message}");
}

#[tokio::test]
async fn a_file_is_updated_from_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.wasm");
    std::fs::write(&path, ONE).unwrap();
    let source = Reference::parse(text(&path)).unwrap();
    let fetched = fetcher().fetch(&source).await.unwrap();
    let verdict = Trust::default().judge(&fetched).unwrap();
    let installed = Installed::new(folder.path().join("plugins"));
    let name = source.suggested_name().unwrap();
    installed.install(Request { name: name.clone(), source, fetched, verdict, added: "then".to_owned() }).unwrap();
    let update = async || installed.update(&name, &fetcher(), &Trust::default(), "later").await.unwrap();
    assert!(matches!(update().await, Update::UpToDate(_)));
    std::fs::write(&path, TWO).unwrap();
    assert!(matches!(update().await, Update::Replaced { .. }));
    assert_eq!(installed.check("hello.wasm", &Sha256::of(TWO)).unwrap().added, "later");

    let missing = PluginName::parse("nobody").unwrap();
    let error = installed.update(&missing, &fetcher(), &Trust::default(), "later").await.unwrap_err();
    assert_eq!(error.code(), "plugin_not_installed");
}

#[tokio::test]
async fn a_path_with_dots_is_a_source_and_never_a_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::write(folder.path().join("...wasm"), ONE).unwrap();
    let reference = Reference::parse(text(&folder.path().join("inner/../...wasm"))).unwrap();
    assert_eq!(fetcher().fetch(&reference).await.unwrap().bytes, ONE);
    assert_eq!(reference.suggested_name(), None);
    assert_eq!(PluginName::parse("../evil").unwrap_err().code(), "plugin_name_invalid");
}

#[tokio::test]
async fn an_address_is_fetched_with_the_signature_beside_it() {
    let web = Web::start().await;
    let key = Key::generate();
    let reference = web.address("/a/hello.wasm");
    web.set("/a/hello.wasm", Answer::ok(ONE));
    let unsigned = fetcher().fetch(&reference).await.unwrap();
    assert_eq!((unsigned.bytes.as_ref(), &unsigned.origin), (ONE, &reference));
    assert_eq!(key.required().judge(&unsigned).unwrap_err().code(), "signature_missing");

    web.set("/a/hello.wasm.sig", Answer::ok(key.sign(ONE).as_bytes()));
    let signed = fetcher().fetch(&reference).await.unwrap();
    assert_eq!(key.required().judge(&signed).unwrap().signed_by.as_deref(), Some("release"));

    let page = "<html>no such page</html>".repeat(10_000);
    web.set("/a/hello.wasm.sig", Answer::ok(page.as_bytes()));
    let page = fetcher().fetch(&reference).await.unwrap();
    assert_eq!(key.required().judge(&page).unwrap_err().code(), "signature_invalid");

    web.set("/a/hello.wasm.sig", Answer { status: "500 Internal Server Error", ..Answer::ok(b"") });
    assert_eq!(refusal(&fetcher(), &reference).await.0, "source_unreachable");
}

#[tokio::test]
async fn an_address_that_refuses_is_told_with_its_status() {
    let web = Web::start().await;
    let cases = [
        ("404 Not Found", "source_not_found"),
        ("410 Gone", "source_not_found"),
        ("403 Forbidden", "source_refused"),
        ("401 Unauthorized", "source_refused"),
        ("429 Too Many Requests", "source_unreachable"),
        ("503 Service Unavailable", "source_unreachable"),
        ("418 I'm a teapot", "source_failed"),
        ("204 No Content", "source_failed"),
    ];
    for (status, expected) in cases {
        web.set("/x.wasm", Answer { status, ..Answer::ok(b"\x1b[31mthe reason") });
        let (code, message) = refusal(&fetcher(), &web.address("/x.wasm")).await;
        assert_eq!(code, expected, "{message}");
        assert!(message.contains(&status[..3]) && !message.contains('\x1b'), "{message}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_and_without_a_length() {
    let web = Web::start().await;
    let fetcher = Fetcher::new(Settings { maximum_bytes: 100_000, ..Settings::default() }).unwrap();
    for sized in [true, false] {
        web.set("/x.wasm", Answer { sized, ..Answer::ok(&vec![0; 100_000]) });
        assert_eq!(fetcher.fetch(&web.address("/x.wasm")).await.unwrap().bytes.len(), 100_000);
        web.set("/x.wasm", Answer { sized, ..Answer::ok(&vec![0; 100_001]) });
        let (code, message) = refusal(&fetcher, &web.address("/x.wasm")).await;
        assert_eq!(code, "component_too_large");
        assert_eq!(message.contains("100001 bytes"), sized, "{message}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_component() {
    let web = Web::start().await;
    let headers = "Content-Length: 1000\r\n".to_owned();
    web.set("/x.wasm", Answer { headers, sized: false, ..Answer::ok(ONE) });
    assert_eq!(refusal(&fetcher(), &web.address("/x.wasm")).await.0, "source_unreachable");
}

#[tokio::test]
async fn redirects_are_followed_on_this_machine_and_never_into_plain_http() {
    let web = Web::start().await;
    web.set("/a.wasm", Answer::redirect("/b.wasm"));
    web.set("/b.wasm", Answer::ok(ONE));
    let fetched = fetcher().fetch(&web.address("/a.wasm")).await.unwrap();
    assert_eq!((fetched.bytes.as_ref(), fetched.origin), (ONE, web.address("/a.wasm")));

    web.set("/loop.wasm", Answer::redirect("/loop.wasm"));
    let (code, message) = refusal(&fetcher(), &web.address("/loop.wasm")).await;
    assert_eq!(code, "source_unreachable");
    assert!(message.contains("more than 5 redirects"), "{message}");
    let asked = web.requests.lock().unwrap().iter().filter(|(path, _)| path == "/loop.wasm").count();
    assert_eq!(asked, 6, "the first request and five redirects");

    for target in ["http://192.0.2.1/x.wasm", "http://169.254.169.254/latest", "file:///etc/passwd"] {
        web.set("/away.wasm", Answer::redirect(target));
        let (code, message) = refusal(&fetcher(), &web.address("/away.wasm")).await;
        assert_ne!(code, "source_not_found", "{message}");
        if target.starts_with("http") {
            assert!(message.contains(target) && message.contains("not followed"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_the_time_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reference = Reference::parse(&format!("http://{}/x.wasm", listener.local_addr().unwrap())).unwrap();
    let settings = Settings { timeout: Duration::from_millis(50), ..Settings::default() };
    let (code, message) = refusal(&Fetcher::new(settings).unwrap(), &reference).await;
    assert_eq!(code, "source_unreachable");
    assert!(message.contains("more than 50 ms"), "{message}");
}

/// Compiles only if the future can move between threads, as a server's tasks do.
fn may_be_spawned<T: Send>(future: T) -> T {
    future
}

#[tokio::test]
async fn fetching_and_updating_may_run_in_a_task() {
    let folder = tempfile::tempdir().unwrap();
    let installed = Installed::new(folder.path());
    let (name, fetcher, trust) = (PluginName::parse("nobody").unwrap(), fetcher(), Trust::default());
    let missing = Reference::parse(text(&folder.path().join("missing.wasm"))).unwrap();
    assert!(may_be_spawned(fetcher.fetch(&missing)).await.is_err());
    assert!(may_be_spawned(installed.update(&name, &fetcher, &trust, "later")).await.is_err());
}
