//! Connections with a certificate of their own making.

use std::path::Path;
use std::process::Command;

use kumiko_http::{KeyRing, Settings, TlsSettings};
use reqwest::{Certificate, Client};

use crate::place::{Place, settings, soon, who};

/// Runs `openssl`, which must succeed.
pub(crate) fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl is needed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn certify(folder: &Path) -> Certificate {
    let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    let kind = "basicConstraints=critical,CA:FALSE";
    let making = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let naming =
        ["-subj", "/CN=localhost", "-addext", names, "-addext", kind, "-keyout", "draft.key", "-out", "draft.crt"];
    openssl(folder, &[&making[..], &naming[..]].concat());
    // As a renewal does it: whole files, one after the other.
    std::fs::rename(folder.join("draft.key"), folder.join("key.pem")).unwrap();
    std::fs::rename(folder.join("draft.crt"), folder.join("certificate.pem")).unwrap();
    Certificate::from_pem(&std::fs::read(folder.join("certificate.pem")).unwrap()).unwrap()
}

fn trusting(certificate: Certificate) -> Client {
    Client::builder().no_proxy().add_root_certificate(certificate).build().unwrap()
}

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_follows_a_renewal() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let keys = KeyRing::default();
    let key = keys.create("ci", Vec::new(), None, None).unwrap();
    let tls = TlsSettings { certificate: folder.path().join("certificate.pem"), key: folder.path().join("key.pem") };
    let mut place = Place::open(Settings { tls: Some(tls), ..settings(&keys) }).await;
    assert!(place.base.starts_with("https://127.0.0.1:"));

    assert!(place.whoami().bearer_auth(&key).send().await.is_err(), "a stranger's certificate was trusted");
    place.client = trusting(first.clone());
    assert_eq!(who(place.whoami().bearer_auth(&key)).await["name"], "ci");
    let plain = place.base.replace("https:", "http:");
    assert!(place.client.get(format!("{plain}/healthz")).send().await.is_err());

    let second = certify(folder.path());
    soon(async {
        // A client of its own each time: connections that are open keep the certificate they began with.
        while trusting(second.clone()).get(place.url("/healthz")).send().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(trusting(first).get(place.url("/healthz")).send().await.is_err());

    place.stop();
    place.stopped().await;
}
