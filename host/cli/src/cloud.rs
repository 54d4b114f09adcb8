//! What the server itself has on AWS besides objects: secrets, the log, metrics. Each is there where its setting is.

use async_trait::async_trait;
use kumiko_egress::{SecretName, SecretStore, SecretStoreError, SecretValue};
use kumiko_services_aws::{AwsSettings, CloudWatchLogs, CloudWatchMetrics, LogSettings, SecretsManager};
use kumiko_telemetry::{CallObserver, CallRecord, Outcome};

use crate::settings::Settings;

/// Secrets Manager as one of the places where secrets are looked for.
struct InSecretsManager(SecretsManager);

#[async_trait]
impl SecretStore for InSecretsManager {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        let found = self.0.get(name.as_str()).await.map_err(|error| SecretStoreError::new(error.to_string()))?;
        Ok(found.map(SecretValue::new))
    }
}

/// Secrets Manager, where a prefix is set.
pub(crate) async fn secrets(settings: &Settings) -> anyhow::Result<Option<Box<dyn SecretStore>>> {
    let Some(prefix) = &settings.secrets_prefix else { return Ok(None) };
    let manager = SecretsManager::connect(&aws(settings), prefix).await.map_err(failed)?;
    Ok(Some(Box::new(InSecretsManager(manager))))
}

/// The log in CloudWatch, where `CLOUDWATCH_LOG_GROUP` is set.
pub(crate) async fn log(settings: &Settings) -> anyhow::Result<Option<CloudWatchLogs>> {
    match LogSettings::from_environment() {
        Some(log) => Ok(Some(CloudWatchLogs::start(&aws(settings), log).await.map_err(failed)?)),
        None => Ok(None),
    }
}

/// Calls as metrics in CloudWatch, where that is set.
pub(crate) async fn metrics(settings: &Settings) -> anyhow::Result<Option<CallMetrics>> {
    if !settings.cloudwatch_metrics {
        return Ok(None);
    }
    Ok(Some(CallMetrics(CloudWatchMetrics::start(&aws(settings)).await.map_err(failed)?)))
}

/// Tells CloudWatch of every call.
pub(crate) struct CallMetrics(CloudWatchMetrics);

impl CallObserver for CallMetrics {
    fn ended(&self, record: &CallRecord) {
        let failed = matches!(record.outcome, Outcome::Error { .. });
        self.0.record(&record.capability, &record.tool, record.duration, failed);
    }
}

fn aws(settings: &Settings) -> AwsSettings {
    AwsSettings { endpoint: settings.aws_endpoint.clone(), region: settings.aws_region.clone() }
}

fn failed(error: kumiko_services_aws::Error) -> anyhow::Error {
    anyhow::anyhow!("{error}\nhint: {}\ncode: {}", error.hint(), error.code())
}
