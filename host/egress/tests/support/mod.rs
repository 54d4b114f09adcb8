//! Real servers on the loopback interface, a resolver by script, and a sink that must stay untouched.

#![allow(dead_code, unreachable_pub, reason = "each test file is a program of its own and uses a part of this")]

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kumiko_egress::{Egress, Error, Files, Masker, Policy, Request, Resolver, Response, SecretAccess, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Received {
    /// First line and headers.
    pub head: String,
    /// As many bytes as its length says.
    pub body: Vec<u8>,
}

impl Received {
    /// The first line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// What a server does with a request.
pub enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes, then the others again and again until nobody listens.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends nothing and keeps the connection.
    Silence,
}

/// A whole response.
pub fn response(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
            .into_bytes(),
    )
}

/// A redirect.
pub fn redirect(status: u16, location: &str) -> Reply {
    response(&format!("{status} Elsewhere"), &format!("location: {location}\r\n"), "")
}

/// A server that answers every request by a function, and remembers what it got.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Listens on 127.0.0.1.
    pub async fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), answer).await.unwrap()
    }

    /// Listens where it is told.
    pub async fn listen(
        address: SocketAddr,
        answer: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let server = Self { address: listener.local_addr()?, connections: Arc::default(), received: Arc::default() };
        let (connections, received, answer) = (server.connections.clone(), server.received.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, received.clone(), answer.clone()));
            }
        });
        Ok(server)
    }

    /// A URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it got so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// How many connections were made. A connection of its own comes last, so that none before it is overlooked.
    pub async fn connections(&self) -> usize {
        let mut probe = TcpStream::connect(self.address).await.unwrap();
        probe.write_all(b"PROBE\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        probe.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"probed");
        // The probes themselves are not counted.
        self.connections.fetch_sub(1, Ordering::SeqCst) - 1
    }
}

async fn serve(mut stream: TcpStream, received: Arc<Mutex<Vec<Received>>>, answer: Arc<impl Fn(&Received) -> Reply>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
            return;
        }
    };
    if bytes.starts_with(b"PROBE") {
        let _ = stream.write_all(b"probed").await;
        return;
    }
    let mut request = Received { head: String::from_utf8_lossy(&bytes[..end]).into_owned(), body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
            return;
        }
    }
    request.body = bytes[end..].to_vec();
    let reply = answer(&request);
    received.lock().unwrap().push(request);
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Endless(head, chunk) => {
            let mut sent = stream.write_all(&head).await;
            while sent.is_ok() {
                sent = stream.write_all(&chunk).await;
            }
        }
        Reply::Silence => {
            let _ = stream.read(&mut [0; 1]).await;
        }
    }
}

/// Servers on one port of both loopback addresses that nobody may reach.
pub struct Sink {
    pub port: u16,
    servers: Vec<Server>,
}

impl Sink {
    /// Listens on every loopback address that the machine has.
    pub async fn start() -> Self {
        let reached = |_: &Received| response("200 OK", "", "the sink was reached");
        let first = Server::listen((Ipv4Addr::UNSPECIFIED, 0).into(), reached).await.unwrap();
        let port = first.address.port();
        let second = Server::listen(SocketAddr::new("::1".parse().unwrap(), port), reached).await;
        let first = Server { address: (Ipv4Addr::LOCALHOST, port).into(), ..first };
        Self { port, servers: [Some(first), second.ok()].into_iter().flatten().collect() }
    }

    /// How many connections reached it.
    pub async fn connections(&self) -> usize {
        let mut count = 0;
        for server in &self.servers {
            count += server.connections().await;
        }
        count
    }
}

/// Answers by script: for each name a list of answers, the last of which repeats. Names without a script do not exist.
#[derive(Default)]
pub struct Script {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    everything: Option<IpAddr>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    /// Names, each with its answers one after another.
    pub fn new(script: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let addresses = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let answers =
            script.iter().map(|(name, answers)| ((*name).to_owned(), answers.iter().map(addresses).collect()));
        Arc::new(Self { answers: answers.collect(), ..Self::default() })
    }

    /// Every name has this address.
    pub fn everything(address: &str) -> Arc<Self> {
        Arc::new(Self { everything: Some(address.parse().unwrap()), ..Self::default() })
    }

    /// The names that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolver for Script {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let before = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(name.to_owned());
            asked.iter().filter(|earlier| *earlier == name).count() - 1
        };
        if let Some(address) = self.everything {
            return Ok(vec![address]);
        }
        let answers = self.answers.get(name).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))?;
        Ok(answers[before.min(answers.len() - 1)].clone())
    }
}

/// Settings under which these networks may be reached.
pub fn allowing(networks: &[&str]) -> Settings {
    Settings {
        private_networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        ..Settings::default()
    }
}

/// A way out with what one plugin has.
pub struct Guest {
    pub egress: Egress,
    pub policy: Policy,
    pub access: SecretAccess,
    /// The folder of the secrets, one file each.
    pub secrets: tempfile::TempDir,
}

impl Guest {
    /// A plugin with these rules, whose secrets are bound as told.
    pub fn new(settings: Settings, resolver: Arc<dyn Resolver>, rules: &[&str], bindings: &[(&str, &[&str])]) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let store = Arc::new(Files::new(secrets.path()));
        Self {
            egress: Egress::with_resolver(settings, store, Masker::new(), resolver).unwrap(),
            policy: Policy::parse("weather", rules).unwrap(),
            access: SecretAccess::parse("weather", bindings.iter().map(|(name, hosts)| (*name, hosts.iter()))).unwrap(),
            secrets,
        }
    }

    /// A plugin that may send anything to servers on 127.0.0.1, whose secrets are bound as told.
    pub fn local(bindings: &[(&str, &[&str])], servers: &[&Server]) -> Self {
        let rules: Vec<String> = servers.iter().map(|server| format!("* {}", server.url(""))).collect();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        Self::new(allowing(&["127.0.0.1/32"]), Script::new(&[]), &rules, bindings)
    }

    /// Puts a secret into the store.
    pub fn secret(self, name: &str, value: &str) -> Self {
        std::fs::write(self.secrets.path().join(name), value).unwrap();
        self
    }

    /// Sends a request.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        self.egress.send(&self.policy, &self.access, request).await
    }

    /// Sends a GET request.
    pub async fn get(&self, url: &str) -> Result<Response, Error> {
        self.send(Request::new("GET", url)).await
    }
}
