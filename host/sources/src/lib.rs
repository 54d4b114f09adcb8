//! Where plugins come from: files, HTTPS and OCI registries; digests, signatures and the lock file.
//!
//! ```text
//! text ─ Reference::parse ─► Reference ─ Fetcher::fetch ─► Fetched { bytes, sha256, origin, signatures }
//!                                                             │
//!                                  Trust::judge ─► Verdict ───┤
//!                                                             ▼
//!                                   Installed::install ─► <name>.wasm and its entry in plugins.lock
//! ```
//!
//! A [`Reference`] is what an operator writes. A [`Fetcher`] brings the bytes, checked against every digest on the way,
//! and says which exact thing they are (the *origin*: a tag becomes a manifest digest). [`Trust`] holds the public keys
//! and what is revoked, and judges. [`Installed`] is a plugin folder with its [`Lock`]: it changes both so that a crash
//! at any moment leaves the old pair or the new one.
//!
//! Nothing here knows what a component is: to this crate it is bytes with a digest. Whoever installs looks into the
//! bytes between fetching and installing.

mod challenge;
mod credentials;
mod digest;
mod durable;
mod error;
mod fetch;
mod http;
mod install;
mod journal;
mod lock;
mod name;
mod oci;
mod reference;
mod registry;
mod signature;
mod trust;

pub use credentials::{Credential, Credentials};
pub use digest::Sha256;
pub use error::Error;
pub use fetch::{Fetched, Fetcher, MAXIMUM_BYTES, Settings, TIMEOUT, signatures_beside};
pub use install::{Installed, Request, Standing, Update};
pub use lock::{Entry, LOCK_FILE, Lock};
pub use name::PluginName;
pub use reference::{OciReference, Reference};
pub use signature::{PublicKey, Signature, Signed};
pub use trust::{Trust, Verdict};
