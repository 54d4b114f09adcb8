//! What the host functions stand on: one trait per service, with an embedded implementation of each.
//!
//! A service is chosen by configuration and never visible to a plugin. The embedded implementations keep everything in one
//! data folder and need nothing else; those of `kumiko-services-aws` keep it in the cloud, with the same meaning.

pub mod jobs;
pub mod objects;
