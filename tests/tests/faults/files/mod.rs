//! Rows C: files in the plugin folder that are not what they should be.

mod cached;
mod contracts;
mod copied;
mod damaged;
mod heavy;
mod manifests;
