//! The same tools on S3: the demo against a real S3 server, chosen by environment alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kumiko_tests::{Place, provided};

/// An S3 server on loopback; ends with the value.
struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(provided("KUMIKO_MOTO_SERVER"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().unwrap(), port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the S3 server does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// Sends a request without a body and returns the answer.
    fn request(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_runs_on_s3_as_it_does_on_the_embedded_store() {
    let server = S3::start();
    assert!(server.request("PUT", "/team").starts_with("HTTP/1.1 200"));
    let place = Place::with_plugins(&["data_preparation", "ml_training", "ml_evaluation"]);
    let output = place
        .kumiko()
        .env("KUMIKO_STORAGE", "s3")
        .env("MLOPS_S3_BUCKET", "team")
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.port))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .arg("demo")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("s3://team/evaluations/"), "{told}");
    let listed = server.request("GET", "/team?list-type=2");
    for object in ["model.kumiko", "pipeline.json", "confusion_matrix.png"] {
        assert!(listed.contains(object), "{object} is not in {listed}");
    }
    assert!(!place.data().join("objects").exists(), "nothing lies in the data folder");
}

#[test]
fn s3_without_credentials_is_refused_at_start_in_words() {
    let place = Place::with_plugins(&["hello"]);
    let output =
        place.kumiko().env("KUMIKO_STORAGE", "s3").env("AWS_REGION", "us-east-1").args(["doctor"]).output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("AWS_ACCESS_KEY_ID"), "{told}");
}
