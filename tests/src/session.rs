//! An MCP session seen from the client's end, message by message.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Place;

/// The tools that the server itself has, whatever plugins are loaded.
const OWN_TOOLS: [&str; 3] = ["call_tool", "describe_tool", "find_tools"];

/// Longer than anything here takes on a slow machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server and the messages it sent that nobody has read yet.
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    unread: VecDeque<Value>,
    errors: Option<JoinHandle<String>>,
    next: u64,
}

impl Session {
    /// Starts the binary's `serve` in a place, without saying anything to it.
    #[must_use]
    pub fn start(place: &Place) -> Self {
        let mut command = place.kumiko();
        command.arg("serve");
        Self::spawn(command)
    }

    /// Starts a command that speaks MCP.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = child.stdout.take().expect("a pipe");
        let mut errors = child.stderr.take().expect("a pipe");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Whatever is no message on the protocol's stream is a fault of the server.
                let message = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not_a_message": line }));
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let input = child.stdin.take();
        Self { child, input, messages, unread: VecDeque::new(), errors: Some(errors), next: 1 }
    }

    /// Starts the binary and opens a session of 2025-11-25, with the client capabilities given.
    #[must_use]
    pub fn open_with(place: &Place, capabilities: &Value) -> Self {
        let mut command = place.kumiko();
        command.arg("serve");
        Self::open_by(command, capabilities)
    }

    /// Starts a command that speaks MCP and opens a session of 2025-11-25.
    #[must_use]
    pub fn open_by(command: Command, capabilities: &Value) -> Self {
        let mut session = Self::spawn(command);
        let answer = session.request(
            "initialize",
            json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "tests", "version": "1" } }),
        );
        assert_eq!(answer["result"]["serverInfo"]["name"], "kumiko", "{answer}");
        session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        session
    }

    /// Starts the binary and opens a session.
    #[must_use]
    pub fn open(place: &Place) -> Self {
        Self::open_with(place, &json!({}))
    }

    /// Sends one message.
    pub fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    /// Sends one line, whatever it is.
    pub fn send_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the session is open");
        writeln!(input, "{line}").expect("the server reads");
        input.flush().expect("the server reads");
    }

    /// Sends a request and returns its number.
    pub fn ask(&mut self, method: &str, parameters: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        id
    }

    /// Sends a request and waits for its answer; messages of other kinds stay to be read.
    pub fn request(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.ask(method, parameters);
        self.answer(id)
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: u64) -> Value {
        self.wait_for(PATIENCE, |message| message["id"] == id && message.get("method").is_none())
            .unwrap_or_else(|| panic!("no answer to request {id}"))
    }

    /// Calls a tool: the `result` of the answer.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer.get("result").is_some(), "`{tool}` ended with an error of the protocol: {answer}");
        answer["result"].clone()
    }

    /// The names of the plugins' tools, over all pages.
    pub fn tool_names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let parameters = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
            let answer = self.request("tools/list", parameters);
            names.extend(
                answer["result"]["tools"]
                    .as_array()
                    .expect("tools")
                    .iter()
                    .map(|tool| tool["name"].as_str().expect("a name").to_owned())
                    .filter(|name| !OWN_TOOLS.contains(&name.as_str())),
            );
            cursor = answer["result"]["nextCursor"].clone();
            if cursor.is_null() {
                return names;
            }
        }
    }

    /// Waits for a notification of this method.
    pub fn notification(&mut self, method: &str) -> Value {
        self.wait_for(PATIENCE, |message| message["method"] == method).unwrap_or_else(|| panic!("no {method}"))
    }

    /// Waits up to `patience` for a message; others stay to be read.
    pub fn wait_for(&mut self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(position) = self.unread.iter().position(&wanted) {
            return self.unread.remove(position);
        }
        let until = Instant::now() + patience;
        loop {
            match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) if wanted(&message) => return Some(message),
                Ok(message) => self.unread.push_back(message),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended; it wrote: {}", self.errors()),
            }
        }
    }

    /// Every message that came and was not read, now that what was asked is answered.
    pub fn unread(&mut self) -> Vec<Value> {
        self.unread.extend(self.messages.try_iter());
        self.unread.drain(..).collect()
    }

    /// The server's process number.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
    }

    /// Closes the session: the exit code and what the server wrote to its log.
    pub fn close(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let status = self.child.wait().expect("the server ends");
        let errors = self.errors();
        (status.code(), errors)
    }

    fn errors(&mut self) -> String {
        drop(self.input.take());
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
