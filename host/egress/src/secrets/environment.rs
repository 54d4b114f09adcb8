//! Secrets in the server's environment.

use std::env::{self, VarError};

use async_trait::async_trait;

use crate::{SECRET_BYTES_LIMIT, SecretName, SecretStore, SecretStoreError, SecretValue};

/// What the variables of secrets begin with.
const PREFIX: &str = "KUMIKO_SECRET_";

/// Variables of the process: the secret `github.token` is `KUMIKO_SECRET_GITHUB_TOKEN`.
#[derive(Clone, Debug)]
pub struct Environment {
    prefix: String,
}

impl Environment {
    /// Variables that begin with `prefix`.
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The variable of a secret: the prefix, and the name in capitals with `_` for `-` and `.`.
    #[must_use]
    pub fn variable(&self, name: &SecretName) -> String {
        format!("{}{}", self.prefix, name.as_str().to_ascii_uppercase().replace(['-', '.'], "_"))
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::with_prefix(PREFIX)
    }
}

#[async_trait]
impl SecretStore for Environment {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        let variable = self.variable(name);
        match env::var(&variable) {
            Ok(value) if value.is_empty() => Ok(None),
            Ok(value) if value.len() > SECRET_BYTES_LIMIT => {
                Err(SecretStoreError::new(format!("the variable {variable} has more than {SECRET_BYTES_LIMIT} bytes")))
            }
            Ok(value) => Ok(Some(SecretValue::new(value))),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(SecretStoreError::new(format!("the variable {variable} is not UTF-8"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_the_variable_of_its_name_in_capitals() {
        // The one variable that every process has.
        let store = Environment::with_prefix("");
        let name = SecretName::parse("path").unwrap();
        assert_eq!(store.get(&name).await.unwrap().unwrap().expose(), std::env::var("PATH").unwrap());
        assert!(Environment::default().get(&name).await.unwrap().is_none());
        assert_eq!(
            Environment::default().variable(&SecretName::parse("github.token").unwrap()),
            "KUMIKO_SECRET_GITHUB_TOKEN"
        );
    }
}
