//! Settings, credentials and the client.
//!
//! Whatever is missing shows here, when the server starts, and says what to set. The metadata service of EC2 is asked last, once,
//! and briefly: on any other machine nobody answers there.

use std::path::Path;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{ProvideCredentials, SharedHttpClient};
use aws_sdk_s3::error::DisplayErrorContext;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use kumiko_services::objects::{Error, Spool};

use super::cache::Cache;
use super::{Encryption, S3Store};

/// How often a request is tried before its failure is reported.
const ATTEMPTS: u32 = 4;

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one try of one request may take: a part of 8 MiB at 70 KB/s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long the EC2 metadata service may take to answer.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// How long all sources of credentials together may take.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(20);

/// The region that requests to an endpoint of one's own are signed for where none is set: such servers accept it.
const REGION_OF_OTHERS: &str = "us-east-1";

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
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let metadata = imds::Client::builder()
            .configure(&provider_config(&http))
            .max_attempts(1)
            .connect_timeout(METADATA_TIMEOUT)
            .read_timeout(METADATA_TIMEOUT)
            .build();
        let elsewhere = endpoint.is_some() || variable("AWS_ENDPOINT_URL").is_some();
        let region = region(&settings, &http, &metadata, elsewhere).await?;
        let chain = DefaultCredentialsChain::builder()
            .configure(provider_config(&http))
            .region(region.clone())
            .imds_client(metadata);
        let chain = chain.build().await;
        check_credentials(&chain).await?;

        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_WAIT);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let shared = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(region)
            .credentials_provider(chain)
            .retry_config(retries)
            .timeout_config(timeouts)
            .load()
            .await;
        let endpoint = endpoint.or_else(|| shared.endpoint_url().map(str::to_owned));
        endpoint.as_deref().map_or(Ok(()), check_endpoint)?;
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

fn provider_config(http: &SharedHttpClient) -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(http.clone())
}

async fn region(
    settings: &S3Settings,
    http: &SharedHttpClient,
    metadata: &imds::Client,
    elsewhere: bool,
) -> Result<Region, Error> {
    let profile = ProfileFileRegionProvider::builder().configure(&provider_config(http)).build();
    let mut chain = RegionProviderChain::first_try(settings.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile);
    if elsewhere {
        chain = chain.or_else(Region::from_static(REGION_OF_OTHERS));
    } else {
        chain = chain.or_else(
            ImdsRegionProvider::builder().configure(&provider_config(http)).imds_client(metadata.clone()).build(),
        );
    }
    chain.region().await.ok_or_else(|| Error::Configuration {
        setting: "the AWS region".to_owned(),
        reason: "none is set; set AWS_REGION, or `region` in the profile".to_owned(),
    })
}

async fn check_credentials(chain: &DefaultCredentialsChain) -> Result<(), Error> {
    match tokio::time::timeout(CREDENTIALS_TIMEOUT, chain.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            Err(Error::Credentials { reason: super::errors::bounded(&DisplayErrorContext(&error).to_string()) })
        }
        Err(_) => Err(Error::Credentials {
            reason: format!("their source did not answer within {} s", CREDENTIALS_TIMEOUT.as_secs()),
        }),
    }
}

/// An endpoint appears in messages, so nothing secret may stand in it.
fn check_endpoint(endpoint: &str) -> Result<(), Error> {
    let refused =
        |reason: &str| Err(Error::Configuration { setting: "the S3 endpoint".to_owned(), reason: reason.to_owned() });
    let Some((_, rest)) = endpoint.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return refused("it does not begin with http:// or https://");
    };
    if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return refused("it has a user name in it; credentials are set by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
