//! What each plugin may reach, by one file that an operator reads in a minute.
//!
//! ```toml
//! [feature_store]
//! read = ["s3://features/", "files"]       # objects under a prefix; `files`: the folders the server was allowed
//! write = ["s3://features/online/"]
//! http = ["GET https://api.example.com"]   # requests, by method, scheme and host
//! secrets = { api_key = ["api.example.com"] }
//! services = ["mail"]
//! tools = ["load_dataset"]                 # tools of other plugins
//! ```
//!
//! A section is a plugin's name. What is not in it is denied, and the denial says which line would allow it. A plugin without a
//! section has the grants it was shipped with, or none. [`Grants`] is the file as it stands, [`Access`] what one plugin sees of it,
//! [`edit`] changes the file without touching its comments.

mod access;
pub mod edit;
mod error;
mod file;
mod prefix;

pub use access::{Access, Denial, Reach};
pub use error::Error;
pub use file::{Grants, PluginGrants};
pub use prefix::Prefix;
