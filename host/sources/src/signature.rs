//! Signatures in the format of cosign's key pairs: ECDSA over P-256 with SHA-256, written in ASN.1 and then in base64.
//!
//! A signature is over the component's own bytes (`cosign sign-blob`, kept beside a file as `<file>.sig`), or over a
//! *statement* that names the digest of a registry's manifest (`cosign sign`, kept in the registry as an artifact with
//! the tag `sha256-<digest>.sig`). The manifest in turn names the component's digest, and fetching has checked that.
//!
//! A public key is a PEM file with a SubjectPublicKeyInfo. For P-256 its first 26 bytes are always the same (they name the
//! algorithm and the curve), so the key is read by comparing these and taking the 65 bytes of the point behind them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

use crate::{Error, Sha256};

/// The annotation of a signature artifact's layer that holds the signature.
pub(crate) const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// The media type of a statement.
pub(crate) const STATEMENT_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// What a statement must say that it is.
const STATEMENT_TYPE: &str = "cosign container image signature";

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";
/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 66 bytes without unused bits }.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point: 4, then two coordinates of 32 bytes.
const POINT_BYTES: usize = 65;

/// A signature as it was found, neither decoded nor verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The signature in base64.
    pub text: String,
    /// What it is over.
    pub signed: Signed,
}

/// What a signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The component's bytes.
    Component,
    /// A statement about a registry's manifest, as its bytes.
    Statement(Bytes),
}

impl Signature {
    /// The signature's bytes: an ASN.1 sequence that fills them.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, String> {
        let bytes = STANDARD.decode(self.text.trim()).map_err(|error| format!("it is not base64: {error}"))?;
        match bytes.as_slice() {
            [0x30, length, rest @ ..] if usize::from(*length) == rest.len() => Ok(bytes),
            _ => Err("its base64 form holds no ECDSA signature in ASN.1".to_owned()),
        }
    }
}

/// A public key that signatures are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    point: Vec<u8>,
}

impl PublicKey {
    /// Reads a PEM file: `-----BEGIN PUBLIC KEY-----` with a key on the curve P-256.
    ///
    /// # Errors
    /// `public_key_invalid` under the given name, with what the text is instead where that can be told.
    pub fn from_pem(name: &str, text: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::PublicKey { name: name.to_owned(), reason: reason.to_owned() };
        if text.contains("PRIVATE KEY-----") {
            return Err(invalid("it is a private key, which belongs on no server; give the public one"));
        }
        let body = text
            .trim()
            .strip_prefix(PEM_BEGIN)
            .and_then(|rest| rest.strip_suffix(PEM_END))
            .ok_or_else(|| invalid("it is not one PEM block that begins with `-----BEGIN PUBLIC KEY-----`"))?;
        let encoded: String = body.split_ascii_whitespace().collect();
        let key = STANDARD.decode(encoded).map_err(|_| invalid("what is in its PEM block is not base64"))?;
        match key.strip_prefix(P256_PREFIX.as_slice()) {
            Some(point) if point.len() == POINT_BYTES && point.first() == Some(&4) => {
                Ok(Self { point: point.to_vec() })
            }
            _ => Err(invalid("it is no key on the curve P-256, the one that cosign's key pairs are on")),
        }
    }

    /// Whether this key's owner signed the message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature).is_ok()
    }
}

/// The digest of the manifest that a statement is about.
///
/// # Errors
/// What is wrong with the statement, in words.
pub(crate) fn manifest_digest(statement: &[u8]) -> Result<Sha256, String> {
    let statement: Statement =
        serde_json::from_slice(statement).map_err(|error| format!("its statement cannot be read: {error}"))?;
    let critical = statement.critical;
    if critical.kind != STATEMENT_TYPE {
        return Err(format!("its statement is a `{}`, expected is a `{STATEMENT_TYPE}`", critical.kind));
    }
    match critical.image.manifest_digest.strip_prefix("sha256:").map(Sha256::parse) {
        Some(Ok(digest)) => Ok(digest),
        _ => Err("its statement names no SHA-256 digest of a manifest".to_owned()),
    }
}

/// The simple signing format, as far as it is looked at. `optional` may hold anything.
#[derive(Deserialize)]
struct Statement {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    manifest_digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with `openssl ecparam -name prime256v1 -genkey`, and `openssl dgst -sha256 -sign` over the bytes `abc`.
    const PEM: &str = include_str!("../tests/data/openssl.pub");
    const SIGNATURE: &str = include_str!("../tests/data/abc.sig");

    #[test]
    fn a_signature_by_openssl_verifies() {
        let key = PublicKey::from_pem("openssl", PEM).unwrap();
        let signature = Signature { text: SIGNATURE.to_owned(), signed: Signed::Component }.decode().unwrap();
        assert!(key.verifies(b"abc", &signature));
        assert!(!key.verifies(b"abd", &signature));
    }

    #[test]
    fn what_is_no_p256_key_is_refused_with_a_reason() {
        // Ed25519, and P-256 with its point compressed to nothing.
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
        let cases = [
            ("", "PEM block"),
            ("ssh-ed25519 AAAA", "PEM block"),
            ("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----", "base64"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "P-256"),
            (ed25519, "P-256"),
            (
                "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----",
                "private key",
            ),
        ];
        for (text, word) in cases {
            let error = PublicKey::from_pem("release", text).unwrap_err();
            assert_eq!(error.code(), "public_key_invalid");
            assert!(error.to_string().contains(word) && error.to_string().contains("`release`"), "{error}");
        }
        let twice = format!("{PEM}{PEM}");
        assert!(PublicKey::from_pem("two", &twice).is_err(), "two keys in one file are not one key");
    }

    #[test]
    fn a_statement_names_the_manifest_and_its_own_kind() {
        let digest = Sha256::of(b"manifest");
        let statement = |kind: &str, digest: &str| {
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":null}}"#
            )
        };
        let good = statement(STATEMENT_TYPE, &format!("sha256:{digest}"));
        assert_eq!(manifest_digest(good.as_bytes()).unwrap(), digest);
        for bad in [
            statement("atomic container signature", &format!("sha256:{digest}")),
            statement(STATEMENT_TYPE, digest.as_str()),
            statement(STATEMENT_TYPE, "sha512:00"),
            "{}".to_owned(),
            String::new(),
        ] {
            assert!(manifest_digest(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_signature_is_refused_before_any_key_is_asked() {
        for text in ["", "not base64!", "AAAA", "MAA", &STANDARD.encode([0x30, 9, 1]), "<html></html>"] {
            let signature = Signature { text: text.to_owned(), signed: Signed::Component };
            assert!(signature.decode().is_err(), "{text}");
        }
    }
}
