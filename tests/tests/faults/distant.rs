//! What plugins send requests to: a server on this machine that says back what it was told, as late as it was asked to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use kumiko_tests::{Place, component};

/// A server that ends with the test.
pub(crate) struct Distant {
    port: u16,
}

impl Distant {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(&stream));
            }
        });
        Self { port }
    }

    /// Where it is.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The binary in a place where the courier may send requests here, with these secrets for it besides.
    pub(crate) fn kumiko(&self, place: &Place, secrets: &[&str]) -> Command {
        let configuration = place.file("kumiko.toml", "[egress]\nprivate_networks = [\"127.0.0.0/8\"]\n");
        let bound: Vec<String> = secrets.iter().map(|name| format!("\"{name}\" = [\"{}\"]", self.origin())).collect();
        let grants = format!(
            "[courier]\nhttp = [\"GET {}\"]\nread = [\"files\"]\nsecrets = {{ {} }}\n",
            self.origin(),
            bound.join(", ")
        );
        std::fs::create_dir_all(place.data()).unwrap();
        std::fs::write(place.data().join("grants.toml"), grants).unwrap();
        let mut command = place.kumiko();
        command.arg("--config").arg(configuration);
        command
    }
}

/// Answers one request: `/wait/300` after so many milliseconds, `/moved` by leading elsewhere, `/broken` by breaking off, everything else
/// at once. What came is the answer's body and one of its headers.
fn answer(stream: &TcpStream) {
    let (mut path, mut head, mut token) = (String::new(), String::new(), String::new());
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        if let Some(value) = line.strip_prefix("x-token: ") {
            token = value.to_owned();
        }
        head += &line;
        head.push('\n');
    }
    let mut stream = stream;
    if let Some(milliseconds) = path.strip_prefix("/wait/") {
        std::thread::sleep(Duration::from_millis(milliseconds.parse().unwrap_or_default()));
    }
    if path.starts_with("/broken") {
        let _ = write!(stream, "HTTP/1.1 200 {token}\r\ncontent-length: 1000\r\n\r\n{head}");
        return;
    }
    let status = if path.starts_with("/moved") { "302 Found" } else { "200 OK" };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nlocation: http://other.invalid/{token}\r\nx-told: {token}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{head}",
        head.len()
    );
}

/// The fixture `courier` in an edition of its own.
pub(crate) fn courier(edition: usize) -> Vec<u8> {
    let mut bytes = std::fs::read(component("courier")).unwrap();
    let (from, to) = (b"edition 000000", format!("edition {edition:06}"));
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "the fixture says its edition");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}
