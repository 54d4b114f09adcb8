//! A server that is watched: what its log says of plugin files, and clients that call it all the while.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use kumiko_tests::faults::quantile;
use kumiko_tests::{HttpConnection, HttpServer, Place};
use serde_json::{Value, json};

/// Longer than anything takes on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// Memory may have grown by so much at the end.
pub(crate) const DRIFT: u64 = 16 * 1024 * 1024;

/// What became of a plugin file.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// It serves.
    Loaded { name: String, version: String, digest: String },
    /// It does not; the one before it may.
    Refused { file: String, code: String, message: String, earlier_serves: bool },
    /// It is gone.
    Removed { file: String },
}

/// A server with the events of its log that nobody has read yet.
pub(crate) struct Watched {
    pub(crate) server: HttpServer,
    read: usize,
}

impl Watched {
    /// Starts a server for anybody on this machine.
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_by(place.kumiko())
    }

    /// The same by a command of one's own, which `serve` and its arguments are added to.
    pub(crate) fn start_by(mut command: Command) -> Self {
        command.args(["serve", "--http", "127.0.0.1:0", "--anonymous"]);
        let plugins = plugins_of(&command);
        let server = HttpServer::start_by(command);
        let began = Instant::now();
        // The log is read by a thread that may lag: what became of the first plugins is not to be taken for what becomes of later ones.
        let told = |server: &HttpServer| server.log().lines().filter_map(event).count() >= plugins;
        while get(&server, "/readyz").0 != 200 || !told(&server) {
            assert!(began.elapsed() < PATIENCE, "the server is not ready: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { server, read: 0 }
    }

    /// What has happened to plugin files since the last time.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let text = self.server.log_since(self.read);
        self.read += text.len();
        text.lines().filter_map(event).collect()
    }

    /// Reads events until there are as many as wanted, with those that came besides.
    pub(crate) fn wait(&mut self, count: usize, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let (began, mut all) = (Instant::now(), Vec::new());
        loop {
            all.extend(self.events());
            if all.iter().filter(|event| wanted(event)).count() >= count {
                return all;
            }
            assert!(began.elapsed() < PATIENCE, "of {count} events there are {all:?}: {}", self.told());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the log says besides calls.
    pub(crate) fn told(&self) -> String {
        let log = self.server.log();
        log.lines().filter(|line| !line.contains("\"tool called\"")).collect::<Vec<_>>().join("\n")
    }

    /// A connection of one's own.
    pub(crate) fn connection(&self) -> HttpConnection {
        HttpConnection::open(self.server.url())
    }

    /// Asserts that no part of the server has panicked, and stops it.
    pub(crate) fn end(mut self) -> String {
        assert!(self.server.stop().success(), "{}", self.server.log());
        let log = self.server.log();
        assert_eq!(panics(&log), 0, "{log}");
        log
    }
}

/// How often a log speaks of a panic of the host; a guest's own has the target of its plugin.
pub(crate) fn panics(log: &str) -> usize {
    log.lines().filter(|line| line.contains("panicked") && !line.contains("kumiko::plugin")).count()
}

/// How many plugin files a server finds that is started by this command.
fn plugins_of(command: &Command) -> usize {
    let folder = command.get_args().skip_while(|argument| *argument != "--plugins").nth(1).expect("a plugin folder");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".wasm") && !name.starts_with('.')).count()
}

fn event(line: &str) -> Option<Event> {
    if !line.contains("\"plugin ") {
        return None;
    }
    let line: Value = serde_json::from_str(line).ok()?;
    let message = line["message"].as_str()?;
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let file =
        || Path::new(line["plugin"].as_str().unwrap_or_default()).file_name().unwrap_or_default().display().to_string();
    match message {
        "plugin loaded" => {
            Some(Event::Loaded { name: text("plugin"), version: text("version"), digest: text("digest") })
        }
        "plugin removed" => Some(Event::Removed { file: file() }),
        _ => Some(Event::Refused {
            file: file(),
            code: text("code"),
            message: message.strip_prefix("plugin refused: ")?.to_owned(),
            earlier_serves: line["earlier_serves"] == true,
        }),
    }
}

/// Puts bytes into the plugin folder at one stroke.
pub(crate) fn put(place: &Place, file: &str, bytes: &[u8]) {
    put_into(&place.plugins(), file, bytes);
}

/// Puts bytes into a folder at one stroke.
pub(crate) fn put_into(folder: &Path, file: &str, bytes: &[u8]) {
    let hidden = folder.join(format!(".{file}.incoming"));
    fs::write(&hidden, bytes).unwrap();
    fs::rename(hidden, folder.join(file)).unwrap();
}

/// Puts bytes into the plugin folder as a file that was last written long ago: one that is new is given time to be copied. `age` tells one
/// such file from another.
pub(crate) fn put_old(place: &Place, file: &str, bytes: &[u8], age: usize) {
    let hidden = place.plugins().join(format!(".{file}.incoming"));
    fs::write(&hidden, bytes).unwrap();
    let age = Duration::from_millis(60_000 + u64::try_from(age).unwrap());
    fs::File::options().append(true).open(&hidden).unwrap().set_modified(SystemTime::now() - age).unwrap();
    fs::rename(hidden, place.plugins().join(file)).unwrap();
}

/// The digest by which the host names a component.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The edition that a made plugin's tool answers with.
pub(crate) fn edition_of(connection: &mut HttpConnection, tool: &str) -> Option<usize> {
    let answer = connection.call(tool, &json!({}));
    answer["result"]["structuredContent"]["edition"].as_u64().and_then(|edition| usize::try_from(edition).ok())
}

/// Asks for one path of the server: the status and the whole answer.
pub(crate) fn get(server: &HttpServer, path: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    exchange(server, head.as_bytes())
}

/// Sends bytes and reads until the server closes the connection: the status, 0 where there is none, and everything that came.
pub(crate) fn exchange(server: &HttpServer, bytes: &[u8]) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let address = server.base().trim_start_matches("http://");
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return (0, String::new()) };
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer)
}

/// How many pieces of compiled code a process has mapped: the versions of plugins that are alive in it.
pub(crate) fn code_mapped(process: u32) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut files: Vec<&str> =
        maps.lines().filter_map(|line| line.find("/cache/compiled/").map(|from| &line[from..])).collect();
    files.sort_unstable();
    files.dedup();
    files.len()
}

/// Clients that call one tool all the while.
pub(crate) struct Beside {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Heard>>,
}

/// What they heard.
#[derive(Default)]
pub(crate) struct Heard {
    /// How long each call took.
    pub(crate) took: Vec<Duration>,
    /// The answers that were not as they should be.
    pub(crate) failed: Vec<String>,
}

impl Beside {
    /// So many clients, each with this pause between its calls; `accepts` says whether an answer is as it should be.
    pub(crate) fn start(
        server: &HttpServer,
        clients: usize,
        pause: Duration,
        tool: &'static str,
        arguments: &Value,
        accepts: impl Fn(&Value) -> bool + Clone + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..clients)
            .map(|_| {
                let (url, stop, arguments) = (server.url().to_owned(), Arc::clone(&stop), arguments.clone());
                let accepts = accepts.clone();
                std::thread::spawn(move || {
                    let (mut connection, mut heard) = (HttpConnection::open(&url), Heard::default());
                    while !stop.load(Ordering::Relaxed) {
                        let began = Instant::now();
                        let answer = connection.call(tool, &arguments);
                        heard.took.push(began.elapsed());
                        if !accepts(&answer) {
                            heard.failed.push(answer.to_string());
                        }
                        std::thread::sleep(pause);
                    }
                    heard
                })
            })
            .collect();
        Self { stop, clients }
    }

    /// Two clients of the example `hello`, which nothing may disturb.
    pub(crate) fn greeting(server: &HttpServer) -> Self {
        let greets = |answer: &Value| answer["result"]["structuredContent"]["message"] == "Hello, Ada!";
        Self::start(server, 2, Duration::from_millis(20), "greet", &json!({ "name": "Ada" }), greets)
    }

    /// Stops them; a client that broke off counts as a failed call.
    pub(crate) fn end(self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Heard::default();
        for client in self.clients {
            match client.join() {
                Ok(heard) => {
                    all.took.extend(heard.took);
                    all.failed.extend(heard.failed);
                }
                Err(_) => all.failed.push("the client broke off".to_owned()),
            }
        }
        all
    }
}

impl Heard {
    /// The time that 99 of 100 calls took at most.
    pub(crate) fn p99(&mut self) -> Duration {
        quantile(&mut self.took, 0.99)
    }
}

/// What calls of `hello` take while nothing else happens.
pub(crate) fn at_rest(server: &HttpServer) -> Duration {
    let beside = Beside::greeting(server);
    std::thread::sleep(Duration::from_millis(1_500));
    beside.end().p99()
}

/// Numbers that look random and are the same each time.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}
