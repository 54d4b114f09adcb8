//! Names of secrets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Most characters of a name.
const LENGTH_LIMIT: usize = 128;

/// A name that every store can take as it is: it is no path, no pattern, and needs no escape anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

impl SecretName {
    /// Reads a name: 1 to 128 ASCII letters, digits, `_`, `-` and `.`, the first a letter or digit.
    ///
    /// # Errors
    /// [`Error::SecretName`] with the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |reason| Error::SecretName { name: text.to_owned(), reason };
        if text.len() > LENGTH_LIMIT {
            return Err(refused("it has more than 128 characters"));
        }
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return Err(refused("it does not begin with a letter or digit"));
        }
        if !text.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character)) {
            return Err(refused("it has characters other than letters, digits, `_`, `-` and `.`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for SecretName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SecretName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_no_pattern() {
        for text in ["token", "github.token", "API_KEY-2", "9", &"n".repeat(128)] {
            assert_eq!(SecretName::parse(text).unwrap().as_str(), text);
        }
        for text in
            ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\n", "a\0", "*", "_x", "-x", "ä", "a}", &"n".repeat(129)]
        {
            assert!(SecretName::parse(text).is_err(), "{text:?}");
        }
    }
}
