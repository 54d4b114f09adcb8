//! The services of `kumiko-services` on AWS.
//!
//! Each means the same as its embedded counterpart, and the contract tests of that crate run against both.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod s3;

pub use s3::{S3Settings, S3Store};
