//! Bringing the bytes that a reference names, with whatever signatures lie beside them.
//!
//! Order for every source: find out the size and refuse what is too large; read, and stop where more comes than was said;
//! compute the digest; look for signatures. A fetch has one time limit for all of it.

use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use url::Url;

use crate::http::{self, Http};
use crate::{Credentials, Error, Reference, Sha256, Signature, Signed, oci};

/// The largest component that is taken by default, in bytes: the runtime's own limit.
pub const MAXIMUM_BYTES: u64 = 32 * 1024 * 1024;
/// How long a fetch may take by default: 32 MiB over a line of 5 Mbit/s.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a `.sig` file is read, in bytes. A signature has about 96.
const SIGNATURE_BYTES: u64 = 16 * 1024;

/// How a [`Fetcher`] works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest component that is taken, in bytes.
    pub maximum_bytes: u64,
    /// How long one fetch may take, signatures included.
    pub timeout: Duration,
    /// Who the host is to registries.
    pub credentials: Credentials,
}

impl Default for Settings {
    fn default() -> Self {
        Self { maximum_bytes: MAXIMUM_BYTES, timeout: TIMEOUT, credentials: Credentials::default() }
    }
}

/// A component's bytes and what is known of them.
#[derive(Clone)]
pub struct Fetched {
    /// The component.
    pub bytes: Bytes,
    /// The component's digest.
    pub sha256: Sha256,
    /// Where exactly it is from: `oci://…@sha256:<digest of the manifest>`, the address, or the absolute path.
    pub origin: Reference,
    /// The signatures that were found beside it, not yet verified.
    pub signatures: Vec<Signature>,
}

impl fmt::Debug for Fetched {
    /// The bytes by their number: there may be millions.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetched")
            .field("bytes", &self.bytes.len())
            .field("sha256", &self.sha256)
            .field("origin", &self.origin)
            .field("signatures", &self.signatures)
            .finish()
    }
}

/// Fetches components. Cheap to clone; connections are kept and shared.
#[derive(Clone, Debug)]
pub struct Fetcher {
    settings: Settings,
    http: Http,
}

impl Fetcher {
    /// A fetcher with settings.
    ///
    /// # Errors
    /// `http_client_failed` where the system's certificates or proxy settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { settings, http: Http::new()? })
    }

    /// Brings what a reference names. Every digest on the way is checked; signatures are found, not judged.
    ///
    /// # Errors
    /// `source_unreachable`, `source_not_found`, `source_refused`, `source_failed`, `component_too_large`,
    /// `artifact_invalid`, `digest_mismatch`, and those of [`Credentials::find`].
    pub async fn fetch(&self, reference: &Reference) -> Result<Fetched, Error> {
        let fetched = match reference {
            Reference::Oci(reference) => {
                self.in_time(reference, oci::fetch(&self.http, &self.settings, reference)).await
            }
            Reference::Web(address) => self.in_time(address, self.fetch_address(address)).await,
            Reference::File(path) => self.in_time(reference, self.fetch_file(path.clone())).await,
        }?;
        let (bytes, sha256) = (fetched.bytes.len(), &fetched.sha256);
        tracing::info!(%reference, origin = %fetched.origin, %sha256, bytes, "fetched a component");
        Ok(fetched)
    }

    /// What a reference means just now, without its component: for a registry the reference by the manifest's digest,
    /// for anything else the reference itself.
    ///
    /// # Errors
    /// Those of [`Fetcher::fetch`].
    pub async fn resolve(&self, reference: &Reference) -> Result<Reference, Error> {
        match reference {
            Reference::Oci(artifact) => {
                let pinned = self.in_time(artifact, oci::resolve(&self.http, &self.settings, artifact)).await?;
                Ok(Reference::Oci(pinned))
            }
            Reference::Web(_) | Reference::File(_) => Ok(reference.clone()),
        }
    }

    /// The same work, under the time limit.
    async fn in_time<T>(&self, what: &impl ToString, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let timeout = self.settings.timeout;
        let late = |_| Error::Unreachable {
            what: what.to_string(),
            reason: format!("it took more than {} ms", timeout.as_millis()),
        };
        tokio::time::timeout(timeout, work).await.map_err(late)?
    }

    /// A file of a web server, with the signature at the same address and `.sig`.
    async fn fetch_address(&self, address: &Url) -> Result<Fetched, Error> {
        let what = address.to_string();
        let response = http::send(self.http.get(address), &what).await?;
        if response.status() != StatusCode::OK {
            return Err(http::refusal(response, &what).await);
        }
        let bytes = http::whole(response, self.settings.maximum_bytes, &what).await?;

        let mut beside = address.clone();
        beside.set_path(&format!("{}.sig", address.path()));
        let response = http::send(self.http.get(&beside), beside.as_str()).await?;
        let signatures = match response.status() {
            StatusCode::OK => {
                let text = http::beginning(response, SIGNATURE_BYTES, beside.as_str()).await?;
                vec![detached(&text)]
            }
            // Object stores answer 403 for what does not exist to those who may not list.
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => Vec::new(),
            _ => return Err(http::refusal(response, beside.as_str()).await),
        };
        Ok(Fetched { sha256: Sha256::of(&bytes), bytes, origin: Reference::Web(address.clone()), signatures })
    }

    /// A file of this machine, with the signature in `<file>.sig`.
    async fn fetch_file(&self, path: PathBuf) -> Result<Fetched, Error> {
        let limit = self.settings.maximum_bytes;
        let shown = path.clone();
        let read = tokio::task::spawn_blocking(move || read_file(path, limit)).await;
        read.unwrap_or_else(|error| Err(Error::Files { action: "reading", path: shown, reason: error.to_string() }))
    }
}

/// Reads a component and its signature. Blocks.
fn read_file(path: PathBuf, limit: u64) -> Result<Fetched, Error> {
    let what = path.display().to_string();
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Error::NotFound { what: what.clone(), reason: String::new() },
        _ => Error::files("reading", &path, &error),
    };
    // Looked at before it is opened: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(&path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::Files { action: "reading", path, reason: "it is no regular file".to_owned() });
    }
    if metadata.len() > limit {
        return Err(Error::TooLarge { what, size: Some(metadata.len()), limit });
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(failed)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { what, size: None, limit });
    }
    let signatures = signatures_beside(&path)?;
    Ok(Fetched { sha256: Sha256::of(&bytes), bytes: bytes.into(), origin: Reference::File(path), signatures })
}

/// What a signature's file adds to the name of the component's: the signature alone, or a bundle, as cosign writes it since its
/// third version.
const SIGNATURE_FILES: [&str; 2] = [".sig", ".sigstore.json"];

/// The signatures in `<file>.sig` and `<file>.sigstore.json` beside a component's file, where they exist. Blocks.
///
/// # Errors
/// `plugin_folder_failed` where a file is there and cannot be read.
pub fn signatures_beside(component: &Path) -> Result<Vec<Signature>, Error> {
    let mut signatures = Vec::new();
    for ending in SIGNATURE_FILES {
        let mut path = component.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        let failed = |error: std::io::Error| Error::files("reading", &path, &error);
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(Error::Files { action: "reading", path, reason: "it is no regular file".to_owned() }),
            Err(error) => return Err(failed(error)),
        }
        let mut text = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(SIGNATURE_BYTES).read_to_end(&mut text))
            .map_err(failed)?;
        signatures.push(detached(&text));
    }
    Ok(signatures)
}

/// A signature over the component's bytes: by itself, or in a bundle.
fn detached(text: &[u8]) -> Signature {
    let bundle: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    let bundled = bundle.as_ref().and_then(|bundle| bundle.pointer("/messageSignature/signature")?.as_str());
    let text = bundled.map_or_else(|| String::from_utf8_lossy(text).trim().to_owned(), str::to_owned);
    Signature { text, signed: Signed::Component }
}
