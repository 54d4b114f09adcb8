//! Why a plugin cannot be fetched, trusted or kept.

use std::path::{Path, PathBuf};

use kumiko_vocabulary::{Fault, FaultKind};

use crate::Sha256;

/// What goes wrong between a reference and a plugin that lies in its folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A reference breaks its grammar.
    #[error("`{text}` names no plugin: its {part} {reason}")]
    Reference {
        /// The reference as it was given.
        text: String,
        /// Which part of it: `registry`, `name`, `tag`, `digest`, `scheme`, `address` or `path`.
        part: &'static str,
        /// What is wrong with that part, as the end of a sentence.
        reason: String,
    },
    /// A plugin's name is not one that a file may have.
    #[error("`{name}` cannot be a plugin's name: {reason}")]
    Name {
        /// The name as it was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A text that should be a digest is none.
    #[error("`{text}` is no SHA-256 digest: 64 hexadecimal digits in lower case are expected")]
    Digest {
        /// The text.
        text: String,
    },
    /// Nobody answers, or not in time.
    #[error("{what} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// The chain of causes.
        reason: String,
    },
    /// The server answers, but with neither the thing nor a refusal that has a meaning.
    #[error("{what} is not handed out: {reason}")]
    Answer {
        /// What was asked for.
        what: String,
        /// The status, or what the answer lacks.
        reason: String,
    },
    /// There is no such thing.
    #[error("{what} does not exist{}", aside(.reason))]
    NotFound {
        /// What was asked for.
        what: String,
        /// What the other side says, or nothing.
        reason: String,
    },
    /// The server wants to know who asks, or knows and refuses.
    #[error("{what} is refused: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Why.
        reason: String,
    },
    /// The component is larger than this host takes.
    #[error("{what} has {}; at most {limit} bytes are accepted", .size.map_or("more".to_owned(), |size| format!("{size} bytes")))]
    TooLarge {
        /// What was asked for.
        what: String,
        /// Its size in bytes, where it was said beforehand.
        size: Option<u64>,
        /// The limit in bytes.
        limit: u64,
    },
    /// What the registry has is no artifact with one component in it.
    #[error("{what} is not a component's artifact: {reason}")]
    Artifact {
        /// The reference.
        what: String,
        /// What was found and what is expected.
        reason: String,
    },
    /// Bytes are not those that a digest names.
    #[error("{what} has the digest sha256:{found}, expected was sha256:{expected}")]
    DigestMismatch {
        /// What was looked at.
        what: String,
        /// The digest that was promised.
        expected: Sha256,
        /// The digest that was found.
        found: Sha256,
    },
    /// The operator has revoked these bytes.
    #[error("{what} is revoked: its digest sha256:{sha256} is in the list of revoked digests")]
    Revoked {
        /// What was looked at.
        what: String,
        /// The digest.
        sha256: Sha256,
    },
    /// A signature is required, and there is none.
    #[error("{what} is not signed, and a signature is required")]
    SignatureMissing {
        /// What was looked at.
        what: String,
    },
    /// There is a signature, but it cannot be read as one.
    #[error("{what} has a signature that is none: {reason}")]
    SignatureInvalid {
        /// What was looked at.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No trusted key made the signature.
    #[error("{what} has a signature that none of the trusted keys made over these bytes (trusted: {trusted})")]
    SignerUnknown {
        /// What was looked at.
        what: String,
        /// The names of the trusted keys.
        trusted: String,
    },
    /// A text is no public key of the one kind that is used here.
    #[error("the public key `{name}` cannot be used: {reason}")]
    PublicKey {
        /// The name that the operator gave it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Docker's configuration names credentials in a form that is not supported.
    #[error("the credentials for `{registry}` in {} are kept by {keeper}, which is not supported", .file.display())]
    CredentialsUnsupported {
        /// The registry.
        registry: String,
        /// The configuration file.
        file: PathBuf,
        /// Who keeps them: a named helper or an identity token.
        keeper: String,
    },
    /// Docker's configuration cannot be read.
    #[error("the credentials in {} cannot be read: {reason}", .file.display())]
    Credentials {
        /// The configuration file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The lock file, or the journal of an operation, is not valid.
    #[error("{}:{line}: {reason}", .file.display())]
    Lock {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A file lies in the folder that the lock does not know.
    #[error("`{file}` is not in {LOCK}", LOCK = crate::LOCK_FILE)]
    NotLocked {
        /// The file's name.
        file: String,
    },
    /// There is no plugin of this name in the lock.
    #[error("no plugin `{name}` is installed in {}", .folder.display())]
    NotInstalled {
        /// The name.
        name: String,
        /// The plugin folder.
        folder: PathBuf,
    },
    /// A file of the plugin's name lies in the folder, and nobody installed it.
    #[error("{} was not installed from a source, so it is not replaced", .file.display())]
    FileExists {
        /// The file.
        file: PathBuf,
    },
    /// A file or folder cannot be read or written.
    #[error("{action} {} failed: {reason}", .path.display())]
    Files {
        /// What was tried, as in `writing`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {reason}")]
    Client {
        /// The chain of causes.
        reason: String,
    },
}

/// `: reason`, or nothing.
fn aside(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

impl Error {
    /// An error of the file system.
    pub(crate) fn files(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::Files { action, path: path.to_owned(), reason: error.to_string() }
    }

    /// The stable word for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reference { .. } => "reference_invalid",
            Self::Name { .. } => "plugin_name_invalid",
            Self::Digest { .. } => "digest_invalid",
            Self::Unreachable { .. } => "source_unreachable",
            Self::Answer { .. } => "source_failed",
            Self::NotFound { .. } => "source_not_found",
            Self::Refused { .. } => "source_refused",
            Self::TooLarge { .. } => "component_too_large",
            Self::Artifact { .. } => "artifact_invalid",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::Revoked { .. } => "digest_revoked",
            Self::SignatureMissing { .. } => "signature_missing",
            Self::SignatureInvalid { .. } => "signature_invalid",
            Self::SignerUnknown { .. } => "signer_unknown",
            Self::PublicKey { .. } => "public_key_invalid",
            Self::CredentialsUnsupported { .. } => "credentials_unsupported",
            Self::Credentials { .. } => "credentials_invalid",
            Self::Lock { .. } => "lock_invalid",
            Self::NotLocked { .. } => "plugin_not_locked",
            Self::NotInstalled { .. } => "plugin_not_installed",
            Self::FileExists { .. } => "plugin_file_exists",
            Self::Files { .. } => "plugin_folder_failed",
            Self::Client { .. } => "http_client_failed",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Reference { .. }
            | Self::Name { .. }
            | Self::Digest { .. }
            | Self::TooLarge { .. }
            | Self::Artifact { .. }
            | Self::PublicKey { .. } => FaultKind::InvalidArguments,
            Self::NotFound { .. } | Self::NotLocked { .. } | Self::NotInstalled { .. } => FaultKind::NotFound,
            Self::FileExists { .. } => FaultKind::Conflict,
            Self::Refused { .. }
            | Self::DigestMismatch { .. }
            | Self::Revoked { .. }
            | Self::SignatureMissing { .. }
            | Self::SignatureInvalid { .. }
            | Self::SignerUnknown { .. } => FaultKind::Denied,
            Self::Unreachable { .. } => FaultKind::Unavailable,
            Self::Answer { .. }
            | Self::CredentialsUnsupported { .. }
            | Self::Credentials { .. }
            | Self::Lock { .. }
            | Self::Files { .. }
            | Self::Client { .. } => FaultKind::Failed,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Reference { .. } => {
                "a plugin is named by `oci://registry/name:tag`, `oci://registry/name@sha256:…`, `https://…/x.wasm` \
                 or a path"
            }
            Self::Name { .. } => {
                "use letters, digits, `_` and `-`, at most 64 of them, beginning with a letter or digit"
            }
            Self::Digest { .. } => "copy the digest as `sha256sum` or the registry prints it",
            Self::Unreachable { .. } => "check the address, the network and the proxy settings, then try again",
            Self::Answer { .. } => "ask the server's operator, or look at the address with another client",
            Self::NotFound { .. } => "check the spelling of the name, and of the tag, digest or path behind it",
            Self::Refused { .. } => {
                "give the host credentials for this registry: `docker login`, or the host's settings"
            }
            Self::TooLarge { .. } => "strip debug information (`strip = true`) and build with `opt-level = \"s\"`",
            Self::Artifact { .. } => {
                "push the component as the only layer, with the media type `application/wasm` (`wkg oci push` does)"
            }
            Self::DigestMismatch { .. } => {
                "do not use it: what is there is not what was named or signed; find out who changed it"
            }
            Self::Revoked { .. } => "update to a release that is not revoked",
            Self::SignatureMissing { .. } => {
                "sign it with a key pair: `cosign sign-blob --key --bundle <file>.sigstore.json` for a file, `cosign sign --key` in a \
                 registry, where cosign 3 needs `--new-bundle-format=false --use-signing-config=false`"
            }
            Self::SignatureInvalid { .. } => "sign it again with `cosign sign --key` or `cosign sign-blob --key`",
            Self::SignerUnknown { .. } => {
                "if the signer is to be trusted, add the public key to the trusted keys; if not, do not use it"
            }
            Self::PublicKey { .. } => "give the file that `cosign generate-key-pair` calls `cosign.pub`",
            Self::CredentialsUnsupported { .. } => {
                "put user name and password for the registry into the host's settings, or into `auths` of that file"
            }
            Self::Credentials { .. } => "correct the file, or write it again with `docker login`",
            Self::Lock { .. } => "correct the line, or take the file from a backup; `kumiko plugin` keeps it otherwise",
            Self::NotLocked { .. } => "install it with `kumiko plugin add`, which records its digest",
            Self::NotInstalled { .. } => "`kumiko plugin list` shows what is installed",
            Self::FileExists { .. } => "move the file away, or install the plugin under another name",
            Self::Files { .. } => "check that the folder exists, is writable and has room",
            Self::Client { .. } => "check the system's certificates and the proxy settings",
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error.code(), error.to_string()).hint(error.hint())
    }
}
