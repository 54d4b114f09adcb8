//! Region, credentials and connections of all clients.
//!
//! The order of sources is that of every AWS tool: settings, environment, profile, and at last, once and briefly, the
//! metadata service of EC2, for on any other machine nobody answers there. What is missing shows when the server starts,
//! and says what to set.

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
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{ProvideCredentials, SharedHttpClient};
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::error::{Error, bounded};

/// How often a request is tried before its failure is reported.
const ATTEMPTS: u32 = 4;

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one try of one request may take where it is not about an object: a batch of log lines has 1 MiB.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the EC2 metadata service may take to answer.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// How long all sources of credentials together may take.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(20);

/// The region that requests to an endpoint of one's own are signed for where none is set: such servers accept it.
const REGION_OF_OTHERS: &str = "us-east-1";

/// Which account and where. What is left out comes from the environment and the profile: `AWS_ENDPOINT_URL` and its
/// forms for one service, `AWS_REGION`, `AWS_PROFILE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The address of a server that speaks the protocols of AWS, where it is not AWS.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// What keeps a client from being made.
pub(crate) enum Unusable {
    /// There are no credentials.
    Credentials {
        /// What is wrong with them.
        reason: String,
    },
    /// A setting is missing or wrong.
    Setting {
        /// The setting.
        setting: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
}

impl From<Unusable> for Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Credentials { reason } => Self::Credentials { reason },
            Unusable::Setting { setting, reason } => Self::Configuration { setting, reason },
        }
    }
}

impl From<Unusable> for kumiko_services::objects::Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Credentials { reason } => Self::Credentials { reason },
            Unusable::Setting { setting, reason } => Self::Configuration { setting, reason },
        }
    }
}

/// What the clients that are not S3's are made of.
pub(crate) async fn connect(settings: &AwsSettings) -> Result<SdkConfig, Error> {
    let elsewhere = settings.endpoint.is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
    let mut loader = loader(settings.region.clone(), elsewhere, ATTEMPT_TIMEOUT).await?;
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    config.endpoint_url().map_or(Ok(()), |endpoint| check_endpoint("the AWS endpoint", endpoint))?;
    Ok(config)
}

/// The beginning of any client: the region that is set or found, credentials that are there, and patience. `elsewhere` says that the
/// server is not AWS, so that any region will do.
pub(crate) async fn loader(
    region: Option<String>,
    elsewhere: bool,
    attempt_timeout: Duration,
) -> Result<ConfigLoader, Unusable> {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let metadata = imds::Client::builder()
        .configure(&provider_config(&http))
        .max_attempts(1)
        .connect_timeout(METADATA_TIMEOUT)
        .read_timeout(METADATA_TIMEOUT)
        .build();
    let region = find_region(region, elsewhere, &http, &metadata).await?;
    let chain = DefaultCredentialsChain::builder()
        .configure(provider_config(&http))
        .region(region.clone())
        .imds_client(metadata)
        .build()
        .await;
    check_credentials(&chain).await?;
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_WAIT);
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(attempt_timeout).build();
    Ok(aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .region(region)
        .credentials_provider(chain)
        .retry_config(retries)
        .timeout_config(timeouts))
}

fn provider_config(http: &SharedHttpClient) -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(http.clone())
}

async fn find_region(
    set: Option<String>,
    elsewhere: bool,
    http: &SharedHttpClient,
    metadata: &imds::Client,
) -> Result<Region, Unusable> {
    let profile = ProfileFileRegionProvider::builder().configure(&provider_config(http)).build();
    let chain = RegionProviderChain::first_try(set.map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile);
    let chain = if elsewhere {
        chain.or_else(Region::from_static(REGION_OF_OTHERS))
    } else {
        let instance =
            ImdsRegionProvider::builder().configure(&provider_config(http)).imds_client(metadata.clone()).build();
        chain.or_else(instance)
    };
    chain.region().await.ok_or_else(|| Unusable::Setting {
        setting: "the AWS region".to_owned(),
        reason: "none is set; set AWS_REGION, or `region` in the profile".to_owned(),
    })
}

async fn check_credentials(chain: &DefaultCredentialsChain) -> Result<(), Unusable> {
    match tokio::time::timeout(CREDENTIALS_TIMEOUT, chain.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Unusable::Credentials { reason: bounded(&DisplayErrorContext(&error).to_string()) }),
        Err(_) => Err(Unusable::Credentials {
            reason: format!("their source did not answer within {} s", CREDENTIALS_TIMEOUT.as_secs()),
        }),
    }
}

/// An endpoint appears in messages, so nothing secret may stand in it. `setting` is what it is called there.
pub(crate) fn check_endpoint(setting: &str, endpoint: &str) -> Result<(), Unusable> {
    let refused = |reason: &str| Err(Unusable::Setting { setting: setting.to_owned(), reason: reason.to_owned() });
    let Some((_, rest)) = endpoint.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return refused("it does not begin with http:// or https://");
    };
    if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return refused("it has a user name in it; credentials are set by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    Ok(())
}
