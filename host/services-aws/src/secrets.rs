//! Secrets in AWS Secrets Manager, under a prefix.
//!
//! Whoever asks names a secret without the prefix, so nothing outside it can be read. Nothing is kept here: whoever
//! needs a value often keeps it for as long as it sees fit.

use std::time::SystemTime;

use aws_sdk_secretsmanager::Client;

use crate::account::{self, AwsSettings};
use crate::error::{Error, refused};

/// The longest full name of a secret, in bytes.
const LONGEST_NAME: usize = 512;

/// What the service answers where there is no such secret.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// The secrets under one prefix. Clones share connections.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: Client,
    prefix: String,
}

/// What may be told of a secret to those who may not read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretInfo {
    /// Its name, without the prefix.
    pub name: String,
    /// What its owner says about it.
    pub description: Option<String>,
    /// When it or its description was last changed.
    pub changed: Option<SystemTime>,
    /// Whether it is to be deleted, and so cannot be read.
    pub deleted: bool,
}

impl SecretsManager {
    /// Connects. The prefix stands before each name, with a `/` between them where it ends with a letter or a digit, so
    /// that `mlops` does not reach into `mlops-production`.
    ///
    /// # Errors
    /// [`Error::Credentials`] and [`Error::Configuration`] name what is missing.
    pub async fn connect(settings: &AwsSettings, prefix: &str) -> Result<Self, Error> {
        let client = Client::new(&account::connect(settings).await?);
        let separator = if prefix.ends_with(char::is_alphanumeric) { "/" } else { "" };
        Ok(Self { client, prefix: format!("{prefix}{separator}") })
    }

    /// The client, for what is not done here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The value as a text; `None` where there is no such secret.
    ///
    /// # Errors
    /// [`Error::SecretName`] where the name breaks a rule, [`Error::SecretNotText`] where the value is no text, else
    /// what the service answers. No message holds a value.
    pub async fn get(&self, name: &str) -> Result<Option<String>, Error> {
        let id = self.id(name)?;
        let answer = self.client.get_secret_value().secret_id(&id).send().await;
        let value = match answer.map_err(|error| refused(error, "GetSecretValue", &id)) {
            Ok(value) => value,
            Err(error) if error.is(NOT_FOUND) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(text) = value.secret_string {
            return Ok(Some(text));
        }
        let bytes = value.secret_binary.map(|binary| binary.into_inner()).unwrap_or_default();
        String::from_utf8(bytes).map(Some).map_err(|_| Error::SecretNotText { name: id })
    }

    /// What the service says about a secret without its value; `None` where there is no such secret.
    ///
    /// # Errors
    /// [`Error::SecretName`] where the name breaks a rule, else what the service answers.
    pub async fn describe(&self, name: &str) -> Result<Option<SecretInfo>, Error> {
        let id = self.id(name)?;
        let answer = self.client.describe_secret().secret_id(&id).send().await;
        match answer.map_err(|error| refused(error, "DescribeSecret", &id)) {
            Ok(secret) => Ok(Some(SecretInfo {
                name: name.to_owned(),
                description: secret.description.filter(|text| !text.is_empty()),
                changed: secret.last_changed_date.and_then(|date| SystemTime::try_from(date).ok()),
                deleted: secret.deleted_date.is_some(),
            })),
            Err(error) if error.is(NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The full name. A colon is not among the signs of a name, so none can be the ARN of a secret elsewhere.
    fn id(&self, name: &str) -> Result<String, Error> {
        let refused = |reason| Err(Error::SecretName { name: name.to_owned(), reason });
        if name.is_empty() {
            return refused("it is empty");
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte)) {
            return refused("it has other characters than letters, digits and /_+=.@-");
        }
        let id = format!("{}{name}", self.prefix);
        if id.len() > LONGEST_NAME {
            return refused("it is longer than 512 bytes, the prefix included");
        }
        Ok(id)
    }
}
