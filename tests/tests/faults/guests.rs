//! What a guest may do wrong: loop, hoard, recurse, flood, trap, wait, and lie about its own memory.

mod memory;
mod odd_values;
mod processor;
mod stack;
mod traps;
mod waiting;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use kumiko_tests::faults::Row;
use kumiko_tests::process::{memory_of, open_files_of};
use kumiko_tests::{HttpConnection, HttpServer, Place, Session};
use serde_json::{Value, json};

/// What a server's memory and open files may differ by once everything is over.
const MEBIBYTE: u64 = 1024 * 1024;
const DRIFT: u64 = 16 * MEBIBYTE;

/// How long memory and files have to come back.
const RECOVERY: Duration = Duration::from_secs(10);

/// The stable code of a call's fault; empty where it has none.
fn code(result: &Value) -> &str {
    result["_meta"]["kumiko/fault"]["code"].as_str().unwrap_or_default()
}

/// Whether a call of a [`Hostile`](crate::hostile::Hostile) or of `greet` ended well.
fn is_well(result: &Value) -> bool {
    let structured = &result["structuredContent"];
    structured["done"] == true || structured["message"] == "Hello, Ada!"
}

/// A server on standard streams, with limits of its own.
fn session(place: &Place, variables: &[(&str, &str)]) -> Session {
    let mut command = place.kumiko();
    command.envs(variables.iter().copied()).arg("serve");
    Session::open_by(command, &json!({}))
}

/// A server over HTTP, with limits of its own, whose plugins are loaded.
fn server(place: &Place, variables: &[(&str, &str)]) -> HttpServer {
    let mut command = place.kumiko();
    command.envs(variables.iter().copied());
    start(command)
}

fn start(mut command: Command) -> HttpServer {
    command.args(["serve", "--http", "127.0.0.1:0", "--anonymous"]);
    let server = HttpServer::start_by(command);
    // A call waits for the plugins that still load.
    let mut connection = HttpConnection::open(server.url());
    connection.call("nothing_of_this_name", &json!({}));
    server
}

/// The result of one call over HTTP.
fn call(connection: &mut HttpConnection, tool: &str, arguments: &Value) -> Value {
    connection.call(tool, arguments)["result"].clone()
}

fn greet(connection: &mut HttpConnection) -> Value {
    call(connection, "greet", &json!({ "name": "Ada" }))
}

/// A number that the server tells its operator.
fn metric(server: &HttpServer, name: &str) -> f64 {
    let mut stream = TcpStream::connect(server.base().trim_start_matches("http://")).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name}: {answer}"))
}

/// What a server holds when nothing runs.
struct Baseline {
    process: u32,
    memory: u64,
    files: usize,
}

impl Baseline {
    fn of(process: u32) -> Self {
        Self { process, memory: memory_of(process), files: open_files_of(process) }
    }

    /// Waits until memory and files are back, and writes them down. `clients` are connections that are open now and were not before.
    fn is_back(&self, row: &mut Row, clients: usize) {
        let began = Instant::now();
        let leaked = loop {
            let memory = memory_of(self.process).saturating_sub(self.memory);
            let files = open_files_of(self.process).saturating_sub(self.files + clients);
            if (memory <= DRIFT && files == 0) || began.elapsed() > RECOVERY {
                row.figure(
                    "memory above the baseline",
                    format_args!("{} MiB", memory / MEBIBYTE),
                    "≤ 16 MiB",
                    memory <= DRIFT,
                );
                assert!(memory <= DRIFT, "{memory} bytes more than before");
                break files;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        row.none("files left open", leaked);
    }
}

/// Waits until the server's log has so many lines with all these words in them.
fn logged(server: &HttpServer, count: usize, words: &[&str]) {
    let began = Instant::now();
    loop {
        let log = server.log();
        if log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count() >= count {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no line with {words:?}: {log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
