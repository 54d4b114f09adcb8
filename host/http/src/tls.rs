//! The certificate: read at the start, and again whenever its files change.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;
use crate::settings::TlsSettings;

/// The certificate that is being shown, and the files that it came from.
pub(crate) struct Certificate {
    settings: TlsSettings,
    config: RustlsConfig,
    seen: Mutex<Stamps>,
}

/// What both files looked like: time of change and length.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the certificate and its key.
    pub(crate) fn load(settings: TlsSettings) -> Result<Self, Error> {
        let seen = stamps(&settings);
        let config = RustlsConfig::from_config(Arc::new(read(&settings)?));
        Ok(Self { settings, config, seen: Mutex::new(seen) })
    }

    /// The configuration that follows the files.
    pub(crate) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Takes what the files hold if they have changed. Files that do not belong together, as in the middle of a
    /// renewal, change nothing.
    pub(crate) fn follow(&self) {
        let found = stamps(&self.settings);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found {
            return;
        }
        *seen = found;
        match read(&self.settings) {
            Ok(config) => {
                self.config.reload_from_config(Arc::new(config));
                tracing::info!(certificate = %self.settings.certificate.display(), "the certificate has changed");
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }
}

fn stamps(settings: &TlsSettings) -> Stamps {
    [&settings.certificate, &settings.key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    })
}

fn read(settings: &TlsSettings) -> Result<ServerConfig, Error> {
    let wrong = |path: &Path, reason: String| Error::Certificate { path: path.to_owned(), reason };
    let certificate = &settings.certificate;
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| wrong(&settings.key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| wrong(certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
