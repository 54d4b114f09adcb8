//! An MCP client over the standard streams of a server that it starts: what any agent does.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use anyhow::Context as _;
use kumiko_vocabulary::Fault;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{CallToolRequestParams, ProgressNotificationParam};
use rmcp::service::{NotificationContext, RoleClient, RunningService, ServiceExt as _};
use rmcp::transport::TokioChildProcess;
use serde_json::Value;

use crate::settings::Settings;

/// What is done with the server's progress messages at the moment.
type Listener = Arc<Mutex<Option<Box<dyn Fn(&str) + Send>>>>;

/// A session.
pub(super) struct Client {
    session: RunningService<RoleClient, Progress>,
    listener: Listener,
}

/// Passes progress on to whoever listens.
struct Progress {
    listener: Listener,
}

impl ClientHandler for Progress {
    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let listener = self.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (Some(listener), Some(message)) = (listener.as_ref(), progress.message) {
            listener(&message);
        }
    }
}

impl Client {
    /// Starts `kumiko serve` with the same settings and opens a session with it.
    pub(super) async fn start(settings: &Settings, folder: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the path of this program cannot be found out")?;
        let mut command = tokio::process::Command::new(program);
        if let Some(config) = &settings.config {
            command.arg("--config").arg(config);
        }
        command.arg("--plugins").arg(&settings.plugins).arg("--data").arg(&settings.data).arg("--allow").arg(folder);
        command.args(["--log-level", "warn", "serve"]);
        let (transport, _) = TokioChildProcess::builder(command)
            .stderr(Stdio::inherit())
            .spawn()
            .context("the server cannot be started")?;
        let listener = Listener::default();
        let session = Progress { listener: Arc::clone(&listener) }
            .serve(transport)
            .await
            .context("the server did not answer `initialize`")?;
        Ok(Self { session, listener })
    }

    /// How many tools the server has, once it has loaded its plugins.
    pub(super) async fn tools(&self) -> anyhow::Result<usize> {
        Ok(self.session.list_all_tools().await.context("the tools could not be listed")?.len())
    }

    /// Calls a tool: its structured result, or its fault as the error.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: Value,
        listen: impl Fn(&str) + Send + 'static,
    ) -> anyhow::Result<Value> {
        *self.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Box::new(listen));
        let mut request = CallToolRequestParams::new(tool.to_owned());
        request.arguments = arguments.as_object().cloned();
        let result = self.session.call_tool(request).await.with_context(|| {
            format!("`{tool}` could not be called; are the plugins data_preparation, ml_training and ml_evaluation in the plugin folder (--plugins)?")
        })?;
        if result.is_error == Some(true) {
            let fault = result.meta.as_ref().and_then(|meta| meta.get("kumiko/fault")).cloned().unwrap_or_default();
            let fault = serde_json::from_value(fault)
                .unwrap_or_else(|_| Fault::failed("tool_failed", format!("{:?}", result.content)));
            return Err(anyhow::Error::new(fault).context(format!("`{tool}` failed")));
        }
        result.structured_content.with_context(|| format!("`{tool}` returned no structured result"))
    }

    /// Ends the session and, with it, the server.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.session.cancel().await?;
        Ok(())
    }
}
