//! Settings and the client.

use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use kumiko_services::objects::{Error, Spool};

use super::cache::Cache;
use super::{Encryption, S3Store};
use crate::account;

/// How long one try of one request may take: a part of 8 MiB at 70 KB/s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(120);

/// Where the objects are and how they are kept. What is left out comes from the environment and the profile, as for every AWS
/// tool: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_PROFILE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The address of a server that speaks S3, where it is not AWS.
    pub endpoint: Option<String>,
    /// The region of the buckets.
    pub region: Option<String>,
    /// The KMS key to encrypt with, by id or ARN. Implies `encrypt`.
    pub kms_key: Option<String>,
    /// Whether S3 encrypts what is written with KMS. Without it, the bucket's own default holds.
    pub encrypt: bool,
    /// Whether the bucket stands in the path instead of the host name. By default it does where the endpoint is not AWS.
    pub force_path_style: Option<bool>,
}

impl S3Settings {
    /// The room for downloaded objects on disk: 10 GiB, so that a few data sets stay at hand on an ordinary machine.
    pub const CACHE_BYTES: u64 = 10 * 1024 * 1024 * 1024;
}

impl S3Store {
    /// Connects, and keeps files on their way and downloaded objects under `folder`.
    ///
    /// # Errors
    /// [`Error::Credentials`] and [`Error::Configuration`] name what is missing; else what the file system says.
    pub async fn connect(settings: S3Settings, folder: &Path) -> Result<Self, Error> {
        let endpoint = settings.endpoint.clone().or_else(|| variable("AWS_ENDPOINT_URL_S3"));
        let elsewhere = endpoint.is_some() || variable("AWS_ENDPOINT_URL").is_some();
        let shared = account::loader(settings.region, elsewhere, ATTEMPT_TIMEOUT).await?.load().await;
        let endpoint = endpoint.or_else(|| shared.endpoint_url().map(str::to_owned));
        endpoint.as_deref().map_or(Ok(()), |endpoint| account::check_endpoint("the S3 endpoint", endpoint))?;
        let mut config = aws_sdk_s3::config::Builder::from(&shared);
        config.set_force_path_style(Some(settings.force_path_style.unwrap_or(endpoint.is_some())));
        if endpoint.is_some() {
            config.set_endpoint_url(endpoint);
        }
        let encryption =
            (settings.encrypt || settings.kms_key.is_some()).then_some(Encryption { key: settings.kms_key });
        Ok(Self {
            client: Client::from_conf(config.build()),
            encryption,
            spool: Spool::open(&folder.join("spool"))?,
            cache: Cache::open(&folder.join("cache"), S3Settings::CACHE_BYTES)?,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
