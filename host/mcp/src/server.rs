//! The handler: one for all sessions, and what it does with each request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use kumiko_catalog::{CallControl, CallFailure, Catalog, Client, ProgressSink, Reply, Request, Update, contract};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams, CompleteResult,
    CustomRequest, CustomResult, ErrorCode, GetPromptRequestMethod, GetPromptRequestParams, GetPromptResponse,
    Implementation, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ServerCapabilities, ServerConfig,
    SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, RoleServer, ServiceExt as _, SubscriptionContext};
use rmcp::{ErrorData, transport};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::input::{self, CallBinding, Seal};
use crate::{answer, tools};

/// How long `tools/list` waits for plugins that still load when the server has just started. Many clients list once and never
/// again; those that listen are told of what comes later.
const FIRST_LIST_WAIT: Duration = Duration::from_secs(20);

/// How long a client may keep a list of tools before asking again, in milliseconds; a change is announced anyway.
const LIST_LIFETIME: u64 = 60_000;

/// What clients read about this server when they connect.
const INSTRUCTIONS: &str = "MLOps tools: prepare data, train, evaluate, deploy and monitor models. Data sets, models and reports are objects under \
`s3://bucket/key` (or paths in folders that the operator allowed). A tool that writes returns the uri of what it wrote; hand it to the next tool. \
Fit preprocessing on the training split and apply the saved pipeline to the others.";

/// The MCP server. Clones share everything.
#[derive(Clone)]
pub struct Server {
    catalog: Arc<Catalog>,
    seal: Seal,
    requests: Arc<AtomicU64>,
}

/// Serves one client on standard input and output until it closes its end.
///
/// # Errors
///
/// Where the handshake fails for another reason than the client going away.
pub async fn serve_stdio(server: Server) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let running = match server.serve(transport::stdio_pipes()).await {
        Ok(running) => running,
        // A client that leaves before it has said anything is no error.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    running.waiting().await?;
    Ok(())
}

impl Server {
    /// A server over a catalog.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness for the secret that seals request state.
    pub fn new(catalog: Arc<Catalog>) -> Result<Self, ErrorData> {
        Ok(Self { catalog, seal: Seal::new()?, requests: Arc::new(AtomicU64::new(0)) })
    }

    async fn wait_for_plugins(&self) {
        let _ = tokio::time::timeout(FIRST_LIST_WAIT, self.catalog.ready()).await;
    }

    /// Runs a call to its end: over several rounds where the tool asks and the client is of the older era.
    async fn run(
        &self,
        mut request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.take().unwrap_or_default());
        let binding = CallBinding::new(&request.name, &arguments);
        let mut resumption = self.seal.answer(&binding, &request)?;
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let version = context.protocol_version();
        let stateless = version.as_ref().is_some_and(|version| !version.has_initialize());
        let capabilities = context.client_capabilities().unwrap_or_default();
        let client = Client {
            protocol_version: version.map(|version| version.as_str().to_owned()).unwrap_or_default(),
            capabilities: serde_json::to_value(&capabilities).unwrap_or_else(|_| json!({})),
        };
        for _ in 0..input::MAXIMUM_ROUNDS {
            let call = Call {
                name: request.name.to_string(),
                arguments: arguments.clone(),
                client: client.clone(),
                resumption: resumption.take(),
                number,
            };
            let required = match self.watch(call, context).await {
                Ok(Reply::Complete { structured, content }) => return Ok(answer::complete(structured, content).into()),
                Ok(Reply::InputRequired(required)) => required,
                // An unknown tool is an error of the protocol, unlike anything that goes wrong inside a known one.
                Err(CallFailure::Fault(fault)) if fault.code == "tool_not_found" => {
                    return Err(ErrorData::invalid_params(fault.to_string(), fault.data.map(|data| *data)));
                }
                Err(CallFailure::Fault(fault)) => return Ok(answer::failed(&fault).into()),
                Err(CallFailure::Protocol(error)) => {
                    let data = error.data.and_then(|text| serde_json::from_str(&text).ok());
                    return Err(ErrorData::new(ErrorCode(error.code), error.message, data));
                }
            };
            input::check_capabilities(&required, &capabilities)?;
            if stateless {
                return Ok(match self.seal.question(&binding, required) {
                    Ok(question) => CallToolResponse::InputRequired(question),
                    Err(fault) => answer::failed(&fault).into(),
                });
            }
            match input::ask(&context.peer, required).await {
                Ok(answered) => resumption = Some(answered),
                Err(fault) => return Ok(answer::failed(&fault).into()),
            }
        }
        let message = format!("`{}` asked for input {} times without finishing", request.name, input::MAXIMUM_ROUNDS);
        Ok(answer::failed(&kumiko_vocabulary::Fault::failed("too_many_rounds", message)).into())
    }

    /// Runs one round and passes its progress on, in order and all of it before the answer.
    async fn watch(&self, call: Call, context: &RequestContext<RoleServer>) -> Result<Reply, CallFailure> {
        let (sender, mut updates) = mpsc::unbounded_channel();
        let token = context.meta.get_progress_token();
        let sink = token.as_ref().map(|_| Arc::new(Channel(sender)) as Arc<dyn ProgressSink>);
        let request = Request {
            name: call.name,
            arguments: call.arguments,
            client: call.client,
            resumption: call.resumption,
            control: CallControl::new(sink, context.ct.clone()),
            request: call.number.to_string(),
        };
        let mut running = std::pin::pin!(self.catalog.call(request));
        let Some(token) = token else { return running.await };
        loop {
            tokio::select! {
                biased;
                Some(update) = updates.recv() => notify(&context.peer, &token, update).await,
                reply = &mut running => {
                    while let Ok(update) = updates.try_recv() {
                        notify(&context.peer, &token, update).await;
                    }
                    return reply;
                }
            }
        }
    }
}

/// One round of a call.
struct Call {
    name: String,
    arguments: Value,
    client: Client,
    resumption: Option<contract::Resumption>,
    number: u64,
}

/// Carries progress from wherever the work runs to the request's own task.
struct Channel(mpsc::UnboundedSender<Update>);

impl ProgressSink for Channel {
    fn report(&self, update: Update) {
        // Once the call has ended nobody listens, and nobody needs to.
        let _ = self.0.send(update);
    }
}

async fn notify(peer: &Peer<RoleServer>, token: &ProgressToken, update: Update) {
    let mut progress = ProgressNotificationParam::new(token.clone(), update.done);
    progress.total = update.total;
    progress.message = Some(update.message).filter(|message| !message.is_empty());
    // A client that is gone cancels the call by itself.
    let _ = peer.notify_progress(progress).await;
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        let implementation = Implementation::new("kumiko", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(implementation).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.wait_for_plugins().await;
        let page = tools::page(&self.catalog.snapshot(), request)?;
        Ok(page.with_ttl_ms(LIST_LIFETIME).with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.catalog.snapshot().find(name).map(|tool| tools::describe(tool))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // rmcp never answers a request whose handler panics.
        match AssertUnwindSafe(self.run(request, &context)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                Err(ErrorData::internal_error("the server ran into a defect of its own; its log has the details", None))
            }
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut revisions = self.catalog.revisions();
        revisions.mark_unchanged();
        let peer = context.peer;
        tokio::spawn(async move {
            while revisions.changed().await.is_ok() && !peer.is_transport_closed() {
                if peer.notify_tool_list_changed().await.is_err() {
                    break;
                }
            }
        });
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut revisions = self.catalog.revisions();
        revisions.mark_unchanged();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = revisions.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Requests that rmcp could not read as what they are named.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        match request.method.as_str() {
            "tools/call" => Err(ErrorData::invalid_params(
                "`params` must be an object with `name` (text) and `arguments` (an object)",
                Some(json!({ "method": request.method })),
            )),
            "tools/list" => Err(ErrorData::invalid_params(
                "`params` must be an object whose `cursor` is text",
                Some(json!({ "method": request.method })),
            )),
            _ => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None)),
        }
    }

    // This server declares tools alone; asking for the rest is asking for a method it does not have.

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    async fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Err(ErrorData::method_not_found::<GetPromptRequestMethod>())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }
}
