//! Objects: bytes under a uri, written whole or not at all.
//!
//! ```text
//! Objects (facade)      uri text ── s3://bucket/key ──▶ dyn ObjectStore ──▶ EmbeddedStore (a directory) or S3
//!                                └─ a plain path ─────▶ Folders (what the operator allowed), then the file itself
//! ```
//!
//! [`Objects`] is what everything above uses. An [`ObjectStore`] knows `s3://` alone, and each one keeps the same promises:
//! a reader sees the old bytes or the new ones, a [`Precondition`] is checked in the same step as the write, every write
//! answers with ETag and SHA-256, listings come in the byte order of their keys. `tests/contract/` holds them to it.

pub mod digest;
mod embedded;
mod error;
mod facade;
mod files;
mod folders;
mod media_type;
mod source;
mod spool;
mod store;
mod uri;
mod walk;

pub use embedded::EmbeddedStore;
pub use error::Error;
pub use facade::Objects;
pub use folders::Folders;
pub use media_type::{check_media_type, media_type_of};
pub use spool::{Held, LocalObject, ScratchFile, Spool};
pub use store::{Fetched, LIST_LIMIT, Listing, ObjectInfo, ObjectStore, Precondition, Written, bare_etag, check_page};
pub use uri::{KEY_LIMIT, ObjectPrefix, ObjectUri};

/// Runs file work where it may block, off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(reason) => Err(Error::Interrupted { reason: reason.to_string() }),
    }
}
