//! Documents of the vocabulary on their way to the host and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Fault, Result};

/// A document as JSON text.
pub(crate) fn write<T: Serialize>(document: &T) -> Result<String> {
    serde_json::to_string(document).map_err(|error| {
        Fault::failed(
            "document_not_serializable",
            format!("a document for the host cannot be written as JSON: {error}"),
        )
    })
}

/// A document that the host made. It fails where host and plugin were built from different versions of the vocabulary.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Fault {
    Fault::failed("document_unreadable", format!("the host's document is not one that this plugin knows: {error}"))
        .hint("build the plugin against the version of kumiko-sdk that the server has")
}
