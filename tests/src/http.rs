//! The shipped binary as an HTTP server, and a client of it that adds as little as a client can.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Place;

/// Longer than a server needs to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropped, it is told to stop and waited for.
pub struct HttpServer {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
}

impl HttpServer {
    /// Starts a server at a free port of this machine, with further arguments for `serve`, and waits until it listens.
    #[must_use]
    pub fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.kumiko();
        command.args(["serve", "--http", "127.0.0.1:0"]).args(arguments);
        Self::start_by(command)
    }

    /// The same by a command of one's own.
    #[must_use]
    pub fn start_by(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&log);
        let lines = BufReader::new(child.stderr.take().expect("its standard error"));
        let (sender, listening) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = sender.send(url.to_owned());
                }
                let mut log = told.lock().expect("the log");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let url = listening.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("the server does not listen: {}", log.lock().expect("the log"))
        });
        Self { child, url, log }
    }

    /// The URL of the protocol's endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL without the endpoint's path.
    #[must_use]
    pub fn base(&self) -> &str {
        self.url.trim_end_matches("/mcp")
    }

    /// The id of the server's process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// What it has logged since its log had so many bytes.
    #[must_use]
    pub fn log_since(&self, position: usize) -> String {
        self.log.lock().expect("the log")[position..].to_owned()
    }

    /// Ends the server at once, whatever it is doing.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells the server to stop and waits for its end.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
            let _ = self.child.wait();
        }
    }
}

/// One connection to the protocol's endpoint that is kept open, as clients do.
pub struct HttpConnection {
    stream: BufReader<TcpStream>,
    next: u64,
}

impl HttpConnection {
    /// Connects to an endpoint of this machine, as [`HttpServer::url`] words it.
    #[must_use]
    pub fn open(url: &str) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self { stream: BufReader::new(stream), next: 1 }
    }

    /// One self-contained call of a tool by 2026-07-28; the whole answer.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask(tool, arguments);
        self.answer()
    }

    /// Sends such a call without waiting for its answer.
    pub fn ask(&mut self, tool: &str, arguments: &Value) {
        let id = self.next;
        self.next += 1;
        let request = call_request(id, tool, arguments);
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
    }

    /// Waits for the answer to what was asked.
    pub fn answer(&mut self) -> Value {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            let read = self.stream.read_line(&mut line).expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).expect("the whole answer");
        serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("no answer: {}", String::from_utf8_lossy(&answer)))
    }
}

/// One self-contained call of a tool by 2026-07-28, as it goes over the wire. Head and body in one text: in two packets they would
/// wait for each other.
#[must_use]
pub fn call_request(id: u64, tool: &str, arguments: &Value) -> String {
    let body = json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {
            "name": tool, "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    })
    .to_string();
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {tool}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
