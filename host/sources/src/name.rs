//! What an installed plugin may be called. The name becomes a file name, so the rule admits nothing that a path could
//! read as more than one plain segment.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// The name of an installed plugin: letters, digits, `_` and `-`, beginning with a letter or digit, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginName(String);

impl PluginName {
    /// Checks a name.
    ///
    /// # Errors
    /// `plugin_name_invalid` with the rule that the name breaks.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason| Err(Error::Name { name: text.to_owned(), reason });
        if text.is_empty() {
            return wrong("it is empty");
        }
        if text.len() > LONGEST {
            return wrong("it has more than 64 characters");
        }
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return wrong("it does not begin with a letter or digit");
        }
        if !text.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-')) {
            return wrong("only letters, digits, `_` and `-` may be in it");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the component's file: `<name>.wasm`.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.wasm", self.0)
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for PluginName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<PluginName> for String {
    fn from(name: PluginName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_segment_of_a_path() {
        for name in ["data_preparation", "hello", "a", "7zip-reader", &"n".repeat(64)] {
            assert_eq!(PluginName::parse(name).unwrap().file(), format!("{name}.wasm"));
        }
        let long = "n".repeat(65);
        for name in ["", "..", ".", "../evil", "a/b", "a\\b", "a.b", ".hidden", "-flag", "a b", "a\0", "naïve", &long]
        {
            assert_eq!(PluginName::parse(name).unwrap_err().code(), "plugin_name_invalid", "{name:?}");
        }
    }
}
