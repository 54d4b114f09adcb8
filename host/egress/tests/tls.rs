//! HTTPS: the certificate is checked against the name, and nothing falls back to plain HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use kumiko_egress::{Egress, Files, Masker, Request, Settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{Guest, Script, Sink, allowing};

/// A certificate of the name `localhost`, signed by itself, and its key, which protects nothing.
const CERTIFICATE: &[u8] = include_bytes!("support/localhost.certificate.pem");
const KEY: &[u8] = include_bytes!("support/localhost.key.pem");

/// A server with that certificate, which answers every request by the same bytes. Counts the requests that it could
/// read.
fn start(answer: String) -> (u16, Arc<AtomicUsize>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let (ready, wait) = mpsc::channel();
    std::thread::spawn(move || {
        ready.send(()).unwrap();
        for stream in listener.incoming() {
            let mut stream =
                rustls::StreamOwned::new(rustls::ServerConnection::new(config.clone()).unwrap(), stream.unwrap());
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                request.push(byte[0]);
            }
            if request.ends_with(b"\r\n\r\n") {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    wait.recv().unwrap();
    (port, requests)
}

/// A guest whose server trusts the certificate, or not.
fn guest(port: u16, trusting: bool, rules: &[&str]) -> Guest {
    let mut settings = allowing(&["127.0.0.1/32"]);
    if trusting {
        settings.root_certificates.push(CERTIFICATE.to_vec());
    }
    let script = Script::new(&[("localhost", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])]);
    let own = format!("localhost:{port}");
    let mut all = vec![own.as_str()];
    all.extend(rules);
    Guest::new(settings, script, &all, &[("key", &[&own])]).secret("key", "canary-3f9a")
}

#[tokio::test]
async fn a_certificate_that_the_operator_trusts_is_accepted_for_its_own_name_alone() {
    let (port, requests) = start("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok".to_owned());
    let other = format!("other.example:{port}");
    let trusting = guest(port, true, &[&other]);
    let url = format!("https://localhost:{port}/");
    let sent = trusting.send(Request::new("GET", &url).header("x-key", "{{secret:key}}")).await.unwrap();
    assert_eq!(sent.body.as_ref(), b"ok");
    assert_eq!(trusting.get(&format!("https://{other}/")).await.unwrap_err().code(), "http_unreachable");
    assert_eq!(guest(port, false, &[]).get(&url).await.unwrap_err().code(), "http_unreachable");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_not_followed() {
    let sink = Sink::start().await;
    let location = format!("http://localhost:{}/", sink.port);
    let (port, requests) =
        start(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
    let rule = format!("* http://localhost:{}", sink.port);
    let error = guest(port, true, &[&rule]).get(&format!("https://localhost:{port}/")).await.unwrap_err();
    assert_eq!(error.code(), "http_redirect_denied", "{error}");
    assert_eq!((requests.load(Ordering::SeqCst), sink.connections().await), (1, 0));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        root_certificates: vec![b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()],
        ..Settings::default()
    };
    let error = Egress::new(settings, Arc::new(Files::new(folder.path())), Masker::new()).unwrap_err();
    assert_eq!(error.code(), "http_setup_failed", "{error}");
}
