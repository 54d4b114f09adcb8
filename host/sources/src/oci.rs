//! Components in OCI registries, and the signatures that cosign keeps beside them.
//!
//! ```text
//! tag ─► manifest ─ its digest ─► pinned reference
//!           └─ its single layer ─► the component, whose digest the manifest names
//! sha256-<manifest digest>.sig ─► manifest ─ layers ─► statements, each with its signature in an annotation
//! ```
//!
//! The documents and media types are those of the crate `oci-client`. Its requests are not used, for what they cannot be
//! made to do: it reads manifests and token answers whole, however long they are; it logs the token answer at `debug`;
//! it sends the password to whatever address a registry names for tokens, plain HTTP too; and a token with a line break
//! in it makes it panic. So the four kinds of request stand here and in `registry`, over the bounded client of `http`.

use bytes::Bytes;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciImageManifest, OciManifest, WASM_LAYER_MEDIA_TYPE,
};

use crate::http::Http;
use crate::registry::Registry;
use crate::signature::{SIGNATURE_ANNOTATION, STATEMENT_MEDIA_TYPE};
use crate::{Error, Fetched, OciReference, Reference, Settings, Sha256, Signature, Signed};

/// What a component's layer may be called: by the CNCF's Wasm artifact, by older tools, and by the first components.
const LAYER_MEDIA_TYPES: [&str; 3] =
    ["application/wasm", WASM_LAYER_MEDIA_TYPE, "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm"];
/// The largest manifest that is read, in bytes: what the distribution specification has registries take at least.
const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;
/// The largest statement that is read, in bytes.
const STATEMENT_BYTES: u64 = 64 * 1024;
/// How many signatures of one manifest are looked at.
const MAXIMUM_SIGNATURES: usize = 32;
/// What is asked for where a manifest is wanted.
const MANIFESTS: [&str; 4] =
    [OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];

/// Brings the component of an artifact, and the signatures of its manifest.
pub(crate) async fn fetch(http: &Http, settings: &Settings, reference: &OciReference) -> Result<Fetched, Error> {
    let what = reference.to_string();
    let mut registry = Registry::new(http, settings, reference);
    let (manifest, digest) = pinned_manifest(&mut registry, reference).await?;
    let layer = single_layer(&manifest, &what)?;
    let bytes = blob(&mut registry, layer, settings.maximum_bytes, &what).await?;
    let signatures = signatures(&mut registry, &digest, &what).await?;
    let origin = Reference::Oci(reference.pinned(digest));
    Ok(Fetched { sha256: Sha256::of(&bytes), bytes, origin, signatures })
}

/// The artifact's reference by the digest that its manifest has just now.
pub(crate) async fn resolve(http: &Http, settings: &Settings, reference: &OciReference) -> Result<OciReference, Error> {
    let mut registry = Registry::new(http, settings, reference);
    let (_, digest) = pinned_manifest(&mut registry, reference).await?;
    Ok(reference.pinned(digest))
}

/// The manifest that a reference names, and its digest, which is the reference's own where it has one.
async fn pinned_manifest(
    registry: &mut Registry<'_>,
    reference: &OciReference,
) -> Result<(OciImageManifest, Sha256), Error> {
    let by = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => format!("sha256:{digest}"),
        (None, tag) => tag.unwrap_or_default().to_owned(),
    };
    let what = format!("the manifest of {reference}");
    let bytes = registry.get(&format!("manifests/{by}"), &MANIFESTS.join(", "), MANIFEST_BYTES, &what).await;
    let bytes = artifact_if_longer(bytes, &what)?;
    let found = Sha256::of(&bytes);
    if let Some(expected) = reference.digest().filter(|expected| **expected != found) {
        return Err(Error::DigestMismatch { what, expected: expected.clone(), found });
    }
    Ok((manifest(&bytes, &reference.to_string())?, found))
}

/// What is longer than the protocol or the manifest lets it be is a fault of the artifact, not a large component.
fn artifact_if_longer(got: Result<Bytes, Error>, what: &str) -> Result<Bytes, Error> {
    match got {
        Err(Error::TooLarge { limit, .. }) => {
            Err(Error::Artifact { what: what.to_owned(), reason: format!("it is longer than {limit} bytes") })
        }
        other => other,
    }
}

/// Reads a manifest. An index is none: it leaves open which of its images is meant.
fn manifest(bytes: &[u8], what: &str) -> Result<OciImageManifest, Error> {
    let artifact = |reason| Error::Artifact { what: what.to_owned(), reason };
    match serde_json::from_slice(bytes) {
        Ok(OciManifest::Image(manifest)) => Ok(manifest),
        Ok(OciManifest::ImageIndex(index)) => Err(artifact(format!(
            "it is an index of {} manifests, and a component is the same for every platform; name one manifest",
            index.manifests.len()
        ))),
        Err(_) => Err(artifact("its manifest is not an OCI image manifest of version 2".to_owned())),
    }
}

/// The one layer of a component's artifact.
fn single_layer<'a>(manifest: &'a OciImageManifest, what: &str) -> Result<&'a OciDescriptor, Error> {
    let artifact = |reason| Error::Artifact { what: what.to_owned(), reason };
    let [layer] = manifest.layers.as_slice() else {
        return Err(artifact(format!("it has {} layers, expected is one", manifest.layers.len())));
    };
    if LAYER_MEDIA_TYPES.contains(&layer.media_type.as_str()) {
        return Ok(layer);
    }
    let expected = LAYER_MEDIA_TYPES.map(|media_type| format!("`{media_type}`")).join(", ");
    Err(artifact(format!("its layer is a `{}`, expected is one of {expected}", layer.media_type)))
}

/// What a descriptor names, of exactly its size and digest.
async fn blob(registry: &mut Registry<'_>, layer: &OciDescriptor, limit: u64, what: &str) -> Result<Bytes, Error> {
    let artifact = |reason| Error::Artifact { what: what.to_owned(), reason };
    let size = u64::try_from(layer.size).map_err(|_| artifact(format!("its layer has the size {}", layer.size)))?;
    if size > limit {
        return Err(Error::TooLarge { what: what.to_owned(), size: Some(size), limit });
    }
    let expected = match layer.digest.strip_prefix("sha256:").map(Sha256::parse) {
        Some(Ok(digest)) => digest,
        _ => return Err(artifact(format!("its layer has the digest `{}`, expected is a SHA-256", layer.digest))),
    };
    let named = format!("the layer of {what}");
    let bytes = registry.get(&format!("blobs/sha256:{expected}"), "*/*", size, &named).await;
    let bytes = artifact_if_longer(bytes, &named)?;
    let found = Sha256::of(&bytes);
    if found == expected { Ok(bytes) } else { Err(Error::DigestMismatch { what: named, expected, found }) }
}

/// The signatures of a manifest. A layer that is no signed statement is passed over: cosign keeps other things there too.
/// What is broken stays in the list as a signature without a text, so that it is for the verdict to say what it means.
async fn signatures(registry: &mut Registry<'_>, digest: &Sha256, what: &str) -> Result<Vec<Signature>, Error> {
    let what = format!("the signature of {what}");
    let path = format!("manifests/sha256-{digest}.sig");
    let got = registry.get(&path, &MANIFESTS.join(", "), MANIFEST_BYTES, &what).await;
    let manifest = match artifact_if_longer(got, &what).and_then(|bytes| manifest(&bytes, &what)) {
        Ok(manifest) => manifest,
        Err(Error::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Ok(vec![broken(error)?]),
    };
    let mut found = Vec::new();
    for layer in manifest.layers.iter().take(MAXIMUM_SIGNATURES) {
        let annotation = layer.annotations.as_ref().and_then(|annotations| annotations.get(SIGNATURE_ANNOTATION));
        if let (Some(text), STATEMENT_MEDIA_TYPE) = (annotation, layer.media_type.as_str()) {
            found.push(match blob(registry, layer, STATEMENT_BYTES, &what).await {
                Ok(statement) => Signature { text: text.clone(), signed: Signed::Statement(statement) },
                Err(error) => broken(error)?,
            });
        }
    }
    Ok(found)
}

/// What stands for a signature that the registry has in a broken form. Other errors are passed on.
fn broken(error: Error) -> Result<Signature, Error> {
    match error {
        Error::Artifact { .. } | Error::TooLarge { .. } | Error::DigestMismatch { .. } | Error::NotFound { .. } => {
            tracing::warn!(%error, "a signature cannot be read");
            Ok(Signature { text: String::new(), signed: Signed::Statement(Bytes::new()) })
        }
        other => Err(other),
    }
}
