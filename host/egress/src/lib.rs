//! HTTP on a guest's behalf, and the secrets that go with it: names, resolved addresses, redirects and sizes under one
//! policy.
//!
//! ```text
//! Request ─ shape ─▶ Policy ─▶ SecretAccess ─▶ resolve, judge every address ─▶ put secrets in ─▶ send
//!             ▲                                                                                   │
//!             └─────────────────── redirect: from the start ◀────────────────────────────────────┤
//! Response ◀─ mask ◀─ read under the cap ◀───────────────────────────────────────────────────────┘
//! ```
//!
//! [`Egress`] is the one way out: one for the process, shared by every plugin. A [`Policy`] says which requests one
//! plugin may send, a [`SecretAccess`] which secrets may go with them and where to. Nothing is allowed unless a rule
//! says so, and a name that a rule allows still has to resolve to public addresses, or to addresses in networks that
//! the operator named in [`Settings`].
//!
//! A guest never holds a secret. It writes `{{secret:NAME}}` where the value belongs, and the value, which comes from a
//! [`SecretStore`], takes that place on the wire alone. The [`Masker`] learns every value that is used and takes it out
//! of whatever comes back, so that a server that repeats its request gives nothing away.
//!
//! In tests of plugins [`Answers`] stand where the network would be; everything before and after them is the same.

mod address;
mod error;
mod headers;
mod mask;
mod origin;
mod pattern;
mod policy;
mod redirect;
mod request;
mod resolve;
mod secrets;
mod send;
mod settings;
mod urls;
mod way;

pub use error::Error;
pub use headers::{HEADER_BYTES_LIMIT, HEADER_COUNT_LIMIT};
pub use mask::{MASK, Masker, SHORTEST_MASKED};
pub use origin::{Origin, Scheme};
pub use pattern::OriginPattern;
pub use policy::{Policy, Rule};
pub use request::{Request, Response};
pub use resolve::{Resolver, SystemResolver};
pub use secrets::{
    Cached, Chain, Environment, Files, SECRET_BYTES_LIMIT, SecretAccess, SecretName, SecretStore, SecretStoreError,
    SecretValue,
};
pub use send::Egress;
pub use settings::Settings;
pub use urls::URL_LIMIT;
pub use way::Answers;
