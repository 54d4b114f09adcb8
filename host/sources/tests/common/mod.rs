//! What the tests of fetching share: a registry, a web server, keys and the artifacts that are pushed.
#![allow(dead_code, reason = "each file of tests uses a part of this")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kumiko_sources::{Credentials, Fetcher, PublicKey, Reference, Settings, Sha256, Trust};
use oci_client::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{OciImageManifest, OciManifest};
use oci_client::secrets::RegistryAuth;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

pub(crate) const WASM: &str = "application/wasm";
pub(crate) const STATEMENT: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// A registry of Docker's on a loopback port, with its storage in a temporary folder. Killed when dropped.
pub(crate) struct Registry {
    process: Child,
    pub(crate) host: String,
    pub(crate) storage: tempfile::TempDir,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::with_settings("")
    }

    /// A registry with further lines in its configuration.
    pub(crate) fn with_settings(settings: &str) -> Self {
        let variable = "KUMIKO_DOCKER_REGISTRY";
        let program = std::env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| {
            panic!("{variable} is not set: run the tests by `cargo xtask test`, which obtains what they need")
        });
        let storage = tempfile::tempdir().unwrap();
        // The port is free when it is looked for; if another process takes it in between, the next one is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let host = format!("127.0.0.1:{port}");
            let configuration = storage.path().join("registry.yml");
            let root = storage.path().join("data");
            let text = format!(
                "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {host}\n{settings}",
                root.display()
            );
            std::fs::write(&configuration, text).unwrap();
            let mut process = Command::new(&program)
                .arg("serve")
                .arg(&configuration)
                .env_clear()
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
            let mut told = Vec::new();
            let listening = lines.by_ref().map_while(Result::ok).any(|line| {
                let listening = line.contains("listening on");
                told.push(line);
                listening
            });
            if listening {
                // The rest is read away, so that the registry never waits for a reader.
                std::thread::spawn(move || lines.for_each(drop));
                return Self { process, host, storage };
            }
            process.wait().unwrap();
            assert!(told.iter().any(|line| line.contains("address already in use")), "{}", told.join("\n"));
        }
        panic!("no free port is found");
    }

    pub(crate) fn reference(&self, rest: &str) -> Reference {
        Reference::parse(&format!("oci://{}/{rest}", self.host)).unwrap()
    }

    fn image(&self, rest: &str) -> oci_client::Reference {
        format!("{}/{rest}", self.host).parse().unwrap()
    }

    fn client() -> Client {
        Client::new(ClientConfig { protocol: ClientProtocol::Http, ..Default::default() })
    }

    /// Pushes layers under a name and tag; gives the manifest's digest.
    pub(crate) async fn push(&self, rest: &str, layers: &[ImageLayer], auth: &RegistryAuth) -> Sha256 {
        let image = self.image(rest);
        let config = Config::new(b"{}".to_vec(), "application/vnd.wasm.config.v0+json".to_owned(), None);
        let mut manifest = OciImageManifest::build(layers, &config, None);
        manifest.media_type = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
        let client = Self::client();
        client.push(&image, layers, config, auth, Some(manifest)).await.unwrap();
        let (_, digest) = client.pull_manifest(&image, auth).await.unwrap();
        Sha256::parse(&digest).unwrap()
    }

    /// Pushes a component as its only layer.
    pub(crate) async fn push_component(&self, rest: &str, bytes: &[u8]) -> Sha256 {
        self.push(rest, &[layer(bytes, WASM)], &RegistryAuth::Anonymous).await
    }

    /// Pushes any manifest.
    pub(crate) async fn push_manifest(&self, rest: &str, manifest: OciManifest) {
        let image = self.image(rest);
        let client = Self::client();
        client.auth(&image, &RegistryAuth::Anonymous, oci_client::RegistryOperation::Push).await.unwrap();
        client.push_manifest(&image, &manifest).await.unwrap();
    }

    /// Signs a manifest as `cosign sign --key` does: a statement about `signed`, kept where the signature of `manifest` is.
    pub(crate) async fn sign(&self, name: &str, manifest: &Sha256, key: &Key, signed: &Sha256) {
        let statement = statement(signed);
        let signature = key.sign(statement.as_bytes());
        self.push_signature(name, manifest, &statement, &signature).await;
    }

    pub(crate) async fn push_signature(&self, name: &str, manifest: &Sha256, statement: &str, signature: &str) {
        let annotations = BTreeMap::from([(SIGNATURE.to_owned(), signature.to_owned())]);
        let layer = ImageLayer::new(statement.as_bytes().to_vec(), STATEMENT.to_owned(), Some(annotations));
        self.push(&format!("{name}:sha256-{manifest}.sig"), &[layer], &RegistryAuth::Anonymous).await;
    }

    /// Where the registry keeps the bytes of a digest.
    pub(crate) fn blob(&self, digest: &Sha256) -> PathBuf {
        let digest = digest.as_str();
        self.storage.path().join("data/docker/registry/v2/blobs/sha256").join(&digest[..2]).join(digest).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn layer(bytes: &[u8], media_type: &str) -> ImageLayer {
    ImageLayer::new(bytes.to_vec(), media_type.to_owned(), None)
}

/// The statement that cosign makes about a manifest.
pub(crate) fn statement(manifest: &Sha256) -> String {
    serde_json::json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/hello"},
            "image": {"docker-manifest-digest": format!("sha256:{manifest}")},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
}

/// A key pair of cosign's kind.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    pub(crate) public: PublicKey,
}

impl Key {
    pub(crate) fn generate() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let mut encoded = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        encoded.extend_from_slice(pair.public_key().as_ref());
        let text = STANDARD.encode(encoded);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &text[..64], &text[64..]);
        let public = PublicKey::from_pem("generated", &pem).unwrap();
        Self { pair, public }
    }

    /// A signature in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(&SystemRandom::new(), message).unwrap().as_ref())
    }

    /// Trust that requires a signature by this key, called `release`.
    pub(crate) fn required(&self) -> Trust {
        Trust { keys: vec![("release".to_owned(), self.public.clone())], required: true, ..Trust::default() }
    }
}

pub(crate) fn fetcher() -> Fetcher {
    Fetcher::new(Settings::default()).unwrap()
}

pub(crate) fn fetcher_with(credentials: Credentials) -> Fetcher {
    Fetcher::new(Settings { credentials, ..Settings::default() }).unwrap()
}

/// What a web server answers at a path: a status line's rest, header lines, and the body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
    /// Whether the length is said beforehand.
    pub(crate) sized: bool,
}

impl Answer {
    pub(crate) fn ok(body: &[u8]) -> Self {
        Self { status: "200 OK", headers: String::new(), body: body.to_vec(), sized: true }
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self { status: "302 Found", headers: format!("Location: {location}\r\n"), body: Vec::new(), sized: true }
    }
}

/// A web server on a loopback port that answers what it is told to, for answers that no honest server gives.
pub(crate) struct Web {
    pub(crate) host: String,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    /// The first line and the `Authorization` of every request, in order.
    pub(crate) requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Web {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let web = Self { host, answers: Arc::default(), requests: Arc::default() };
        let (answers, requests) = (Arc::clone(&web.answers), Arc::clone(&web.requests));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&requests)));
            }
        });
        web
    }

    pub(crate) fn set(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(crate) fn address(&self, path: &str) -> Reference {
        Reference::parse(&format!("http://{}{path}", self.host)).unwrap()
    }
}

async fn serve(
    stream: tokio::net::TcpStream,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    requests: Arc<Mutex<Vec<(String, String)>>>,
) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(reader).lines();
    let first = lines.next_line().await.ok()??;
    let mut authorization = String::new();
    loop {
        let line = lines.next_line().await.ok()??;
        if line.is_empty() {
            break;
        }
        match line.split_once(':') {
            Some((key, value)) if key.eq_ignore_ascii_case("authorization") => authorization = value.trim().to_owned(),
            _ => {}
        }
    }
    let target = first.split(' ').nth(1)?.to_owned();
    requests.lock().unwrap().push((target.clone(), authorization));
    let path = target.split('?').next()?;
    let missing = Answer { status: "404 Not Found", headers: String::new(), body: Vec::new(), sized: true };
    let answer = answers.lock().unwrap().get(path).cloned().unwrap_or(missing);
    let length = if answer.sized { format!("Content-Length: {}\r\n", answer.body.len()) } else { String::new() };
    let head = format!("HTTP/1.1 {}\r\n{}{length}Connection: close\r\n\r\n", answer.status, answer.headers);
    writer.write_all(head.as_bytes()).await.ok()?;
    // The client may hang up before it has the whole of a body that is too long.
    writer.write_all(&answer.body).await.ok()?;
    writer.shutdown().await.ok()
}

/// The text of a file's path.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
