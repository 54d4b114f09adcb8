//! Whom the operator believes, and the verdict on what was fetched.
//!
//! Order of judging: the bytes must have the digest they came with; that digest must not be revoked; then the signatures.
//! One signature by a trusted key over these bytes (or over a statement about this manifest) is enough. A statement that a
//! trusted key signed about *another* manifest is refused even where no signature is required: somebody put it there.
//! Any other signature counts as none where none is required, since whoever could damage it could as well remove it.
//!
//! ECDSA does not tell "another key" from "other bytes": both are `signer_unknown`, with both readings in its words.

use std::collections::BTreeSet;

use crate::lock::Entry;
use crate::signature::manifest_digest;
use crate::{Error, Fetched, PublicKey, Reference, Sha256, Signature, Signed};

/// What the operator trusts. Without keys and requirements, everything is admitted that is not revoked.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The keys, each with the name that the lock file and the messages give it.
    pub keys: Vec<(String, PublicKey)>,
    /// Whether a component without a signature by one of the keys is refused.
    pub required: bool,
    /// Digests of components, or of their manifests, that are refused whoever signed them.
    pub revoked: BTreeSet<Sha256>,
}

/// What judging found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the trusted key that signed, where one did.
    pub signed_by: Option<String>,
}

impl Trust {
    /// Judges what was fetched.
    ///
    /// # Errors
    /// `digest_mismatch`, `digest_revoked`, `signature_missing`, `signature_invalid` or `signer_unknown`.
    pub fn judge(&self, fetched: &Fetched) -> Result<Verdict, Error> {
        let what = fetched.origin.to_string();
        let found = Sha256::of(&fetched.bytes);
        if found != fetched.sha256 {
            return Err(Error::DigestMismatch { what, expected: fetched.sha256.clone(), found });
        }
        let manifest = match &fetched.origin {
            Reference::Oci(reference) => reference.digest(),
            Reference::Web(_) | Reference::File(_) => None,
        };
        if let Some(sha256) =
            [Some(&found), manifest].into_iter().flatten().find(|digest| self.revoked.contains(*digest))
        {
            return Err(Error::Revoked { what, sha256: sha256.clone() });
        }
        let mut refused = Error::SignatureMissing { what: what.clone() };
        for signature in &fetched.signatures {
            match self.look_at(signature, fetched, manifest, &what) {
                Ok(signer) => return Ok(Verdict { signed_by: Some(signer.to_owned()) }),
                Err(error) if weight(&error) > weight(&refused) => refused = error,
                Err(_) => {}
            }
        }
        if self.required || matches!(refused, Error::DigestMismatch { .. }) {
            return Err(refused);
        }
        Ok(Verdict { signed_by: None })
    }

    /// Judges a component that lies in the plugin folder, by its digest and its entry in the lock: what was admitted once
    /// stays admitted until its digest is revoked or its signer is no longer trusted.
    ///
    /// # Errors
    /// `digest_mismatch` where the entry has another digest, `digest_revoked`, `signature_missing` or `signer_unknown`.
    pub fn admit(&self, file: &str, sha256: &Sha256, entry: Option<&Entry>) -> Result<(), Error> {
        let what = format!("`{file}`");
        if let Some(entry) = entry.filter(|entry| entry.sha256 != *sha256) {
            return Err(Error::DigestMismatch { what, expected: entry.sha256.clone(), found: sha256.clone() });
        }
        let manifest = entry.and_then(|entry| match &entry.origin {
            Reference::Oci(reference) => reference.digest(),
            Reference::Web(_) | Reference::File(_) => None,
        });
        if let Some(revoked) =
            [Some(sha256), manifest].into_iter().flatten().find(|digest| self.revoked.contains(*digest))
        {
            return Err(Error::Revoked { what, sha256: revoked.clone() });
        }
        match entry.and_then(|entry| entry.signed_by.as_ref()) {
            _ if !self.required => Ok(()),
            None => Err(Error::SignatureMissing { what }),
            Some(signer) if self.keys.iter().any(|(name, _)| name == signer) => Ok(()),
            Some(_) => Err(Error::SignerUnknown { what, trusted: self.names() }),
        }
    }

    /// The name of the trusted key that made a signature over what was fetched.
    fn look_at(
        &self,
        signature: &Signature,
        fetched: &Fetched,
        manifest: Option<&Sha256>,
        what: &str,
    ) -> Result<&str, Error> {
        let invalid = |reason| Error::SignatureInvalid { what: what.to_owned(), reason };
        let bytes = signature.decode().map_err(invalid)?;
        let message = match &signature.signed {
            Signed::Component => &fetched.bytes,
            Signed::Statement(statement) => statement,
        };
        let Some((signer, _)) = self.keys.iter().find(|(_, key)| key.verifies(message, &bytes)) else {
            return Err(Error::SignerUnknown { what: what.to_owned(), trusted: self.names() });
        };
        if let Signed::Statement(statement) = &signature.signed {
            let signed = manifest_digest(statement).map_err(invalid)?;
            let Some(manifest) = manifest else {
                return Err(invalid(
                    "it is about a registry's manifest, and this did not come from a registry".to_owned(),
                ));
            };
            if signed != *manifest {
                let what = format!("the manifest of {what}");
                return Err(Error::DigestMismatch { what, expected: signed, found: manifest.clone() });
            }
        }
        Ok(signer)
    }

    /// The names of the keys, for a message.
    fn names(&self) -> String {
        let names: Vec<&str> = self.keys.iter().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// Which of several failures is told: the one that says most about what somebody did.
fn weight(error: &Error) -> u8 {
    match error {
        Error::DigestMismatch { .. } => 3,
        Error::SignerUnknown { .. } => 2,
        Error::SignatureInvalid { .. } => 1,
        _ => 0,
    }
}
