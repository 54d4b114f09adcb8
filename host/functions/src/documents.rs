//! JSON documents at the boundary: parsed strictly, written compactly.

use kumiko_vocabulary::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Parses a document of the vocabulary. `what` is its name in the contract.
pub(crate) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| {
        Fault::invalid("malformed_document", format!("the {what} document is not as documented: {error}"))
            .hint(format!("docs/vocabulary.md has the JSON Schema of `{what}`"))
    })
}

/// Writes a document.
pub(crate) fn text<T: Serialize>(document: &T) -> Result<String, Fault> {
    serde_json::to_string(document)
        .map_err(|error| Fault::failed("internal", format!("a result could not be written as JSON: {error}")))
}
