//! The verdict on plugins that lie in their folder already, and the form in which every error reaches a client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Key;
use kumiko_sources::{Entry, Fetched, Reference, Sha256, Signature, Signed, Trust};
use kumiko_vocabulary::{Fault, FaultKind};

const BYTES: &[u8] = b"\0asm a component";

fn entry(signed_by: Option<&str>) -> Entry {
    let manifest = Sha256::of(b"manifest");
    Entry {
        file: "hello.wasm".to_owned(),
        source: Reference::parse("oci://registry.example/hello:1").unwrap(),
        origin: Reference::parse(&format!("oci://registry.example/hello@sha256:{manifest}")).unwrap(),
        sha256: Sha256::of(BYTES),
        signed_by: signed_by.map(str::to_owned),
        added: "2026-01-31T12:00:00Z".to_owned(),
    }
}

#[test]
fn an_installed_plugin_is_admitted_until_it_is_revoked_or_its_signer_is_dropped() {
    let digest = Sha256::of(BYTES);
    let required = Key::generate().required();
    let code = |trust: &Trust, digest: &Sha256, entry: Option<&Entry>| {
        trust.admit("hello.wasm", digest, entry).err().map_or("admitted", |error| error.code())
    };
    let (signed, unsigned) = (entry(Some("release")), entry(None));
    assert_eq!(code(&required, &digest, Some(&signed)), "admitted");
    assert_eq!(code(&required, &digest, Some(&unsigned)), "signature_missing");
    assert_eq!(code(&required, &digest, None), "signature_missing");
    assert_eq!(code(&required, &digest, Some(&entry(Some("somebody")))), "signer_unknown");
    assert_eq!(code(&required, &Sha256::of(b"other"), Some(&signed)), "digest_mismatch");

    let lenient = Trust::default();
    assert_eq!(code(&lenient, &digest, None), "admitted");
    assert_eq!(code(&lenient, &digest, Some(&unsigned)), "admitted");
    assert_eq!(code(&lenient, &Sha256::of(b"other"), Some(&unsigned)), "digest_mismatch");
    for revoked in [digest.clone(), Sha256::of(b"manifest")] {
        let trust = Trust { revoked: [revoked].into(), ..Trust::default() };
        assert_eq!(code(&trust, &digest, Some(&signed)), "digest_revoked");
    }
}

#[test]
fn bytes_that_are_not_those_of_their_digest_are_refused_before_any_signature() {
    let key = Key::generate();
    let fetched = Fetched {
        bytes: BYTES.into(),
        sha256: Sha256::of(b"other bytes"),
        origin: Reference::parse("/hello.wasm").unwrap(),
        signatures: vec![Signature { text: key.sign(BYTES), signed: Signed::Component }],
    };
    assert_eq!(key.required().judge(&fetched).unwrap_err().code(), "digest_mismatch");
}

#[test]
fn a_statement_says_nothing_about_a_file() {
    let key = Key::generate();
    let statement = common::statement(&Sha256::of(BYTES));
    let fetched = Fetched {
        bytes: BYTES.into(),
        sha256: Sha256::of(BYTES),
        origin: Reference::parse("/hello.wasm").unwrap(),
        signatures: vec![Signature {
            text: key.sign(statement.as_bytes()),
            signed: Signed::Statement(statement.into_bytes().into()),
        }],
    };
    assert_eq!(key.required().judge(&fetched).unwrap_err().code(), "signature_invalid");
}

#[test]
fn an_error_reaches_the_client_with_kind_code_message_and_hint() {
    let error = Trust { required: true, ..Trust::default() }.admit("hello.wasm", &Sha256::of(BYTES), None).unwrap_err();
    let fault = Fault::from(error);
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "signature_missing"));
    assert!(fault.message.contains("`hello.wasm`"), "{}", fault.message);
    assert!(fault.hint.unwrap().contains("cosign"));
}
