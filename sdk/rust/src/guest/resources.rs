//! The resources of a component.

use crate::bindings::kumiko::host::types::{Client, EmbeddedResource, Fault};
use crate::bindings::resources as wire;
use crate::guest::embedded;
use crate::resources::Resources;
use crate::{Context, fault};

/// What there is.
#[must_use]
pub fn list<R: Resources>() -> Vec<wire::ResourceEntry> {
    let entries = R::list().into_iter().map(|entry| wire::ResourceEntry {
        uri: entry.uri,
        name: entry.name,
        title: entry.title,
        description: entry.description,
        media_type: entry.media_type,
        size: entry.size,
    });
    entries.collect()
}

/// The templates there are.
#[must_use]
pub fn templates<R: Resources>() -> Vec<wire::ResourceTemplate> {
    let entries = R::templates().into_iter().map(|entry| wire::ResourceTemplate {
        uri_template: entry.uri,
        name: entry.name,
        title: entry.title,
        description: entry.description,
        media_type: entry.media_type,
    });
    entries.collect()
}

/// Reads one.
///
/// # Errors
/// What the provider fails with.
pub fn read<R: Resources>(uri: &str, client: Client) -> Result<Vec<EmbeddedResource>, Fault> {
    let context = Context::new(client.protocol_version, client.capabilities);
    let read = R::read(uri, &context).map_err(fault::wire::outward)?;
    Ok(read.into_iter().map(embedded).collect())
}

/// Values that a variable may take.
///
/// # Errors
/// What the provider fails with.
pub fn complete<R: Resources>(uri_template: &str, variable: &str, value: &str) -> Result<Vec<String>, Fault> {
    R::complete(uri_template, variable, value).map_err(fault::wire::outward)
}
