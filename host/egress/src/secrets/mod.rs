//! Secrets: their names, values and stores, and who may use which where.
//!
//! A [`SecretStore`] answers by name. [`Environment`] and [`Files`] are stores; [`Chain`] asks several in turn, and
//! [`Cached`] keeps what was answered for a while. [`SecretAccess`] is what one plugin was granted: names, each bound
//! to the origins it may be sent to.

mod access;
mod cached;
mod chain;
mod environment;
mod files;
mod name;
mod store;
pub(crate) mod template;
mod value;

pub use access::SecretAccess;
pub use cached::Cached;
pub use chain::Chain;
pub use environment::Environment;
pub use files::Files;
pub use name::SecretName;
pub use store::{SECRET_BYTES_LIMIT, SecretStore, SecretStoreError};
pub use value::SecretValue;
