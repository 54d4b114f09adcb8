//! The HTTP face: the protocol as streamable HTTP, and what an operator needs around it.
//!
//! ```text
//! connection ─ gate ─ TLS ─ front ─┬─ /mcp      key or token ─ rate ─ selection ─ body ─ session ─► the handler
//!                                  ├─ /console  key, token or cookie ─► the console's own router
//!                                  ├─ /metrics  key or token, open on loopback
//!                                  └─ /healthz, /readyz, /.well-known/oauth-protected-resource
//! ```
//!
//! The *gate* bounds connections and their patience, the *front* refuses forged `Host` and `Origin` headers before
//! anything else looks at a request, and behind it every request proves itself: a session id is never taken for a
//! proof. Who asks reaches the handler as a [`kumiko_mcp::Caller`] among the request's extensions, without the
//! credential.
//!
//! A refusal is a [`kumiko_vocabulary::Fault`] as JSON, with the status that HTTP has for it.

mod authenticate;
mod connection;
mod console;
mod console_login;
mod direct;
mod error;
mod extras;
mod front;
mod headers;
mod keys;
mod limits;
mod mcp;
mod origin;
mod principal;
mod query;
mod random;
mod refusal;
mod router;
mod serve;
mod session;
mod settings;
mod tls;
mod token;

pub use console::{Console, Gauge, Tally};
pub use error::Error;
pub use extras::{Extras, Metrics, OnHttp, OnRefused, Readiness, Ready, Route};
pub use keys::{Key, KeyRing, Rate};
pub use serve::{Bound, bind, serve};
pub use settings::{Settings, TlsSettings, TokenSettings};
