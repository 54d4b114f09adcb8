//! The services of `kumiko-services` on AWS, and what the server itself has there: secrets, logs and metrics.
//!
//! Each service means the same as its embedded counterpart, and the contract tests of that crate run against both.

mod account;
pub mod cloudwatch;
mod error;
pub mod s3;
pub mod secrets;

pub use account::AwsSettings;
pub use cloudwatch::{CloudWatchLogs, CloudWatchMetrics, LogSettings, LogWriter};
pub use error::Error;
pub use s3::{S3Settings, S3Store};
pub use secrets::{SecretInfo, SecretsManager};
