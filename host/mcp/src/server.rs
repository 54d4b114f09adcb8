//! The handler: what it does with each request.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use kumiko_catalog::{Asked, CallControl, Catalog, Client, Level, LoadedTool, PromptReply, Reply, Request};
use kumiko_vocabulary::Fault;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities, CompleteRequestParams,
    CompleteResult, CustomRequest, CustomResult, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetTaskParams,
    GetTaskResult, Icon, Implementation, InitializeRequestParams, InitializeResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, Reference, ServerCapabilities, ServerConfig, SubscriptionFilter,
    Tool, UpdateTaskParams,
};
#[expect(deprecated, reason = "clients up to 2025-11-25 set the level of the log and subscribe by request")]
use rmcp::model::{SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, ServiceExt as _, SubscriptionContext};
use rmcp::{ErrorData, transport};
use serde_json::{Value, json};

use crate::input::{Binding, Seal};
use crate::rounds::{Failed, Repeated, Rounds};
use crate::session::Session;
use crate::tasks::{Tasks, Work};
use crate::{Caller, answer, lines, prompts, relay, resources, surface, tools};

/// How long `tools/list` waits for plugins that still load when the server has just started. Many clients list once and never
/// again; those that listen are told of what comes later.
const FIRST_LIST_WAIT: Duration = Duration::from_secs(20);

/// How long a client may keep a list before asking again, in milliseconds; a change is announced anyway.
const LIST_LIFETIME: u64 = 60_000;

/// The product's mark as a `data:` uri.
static ICON: LazyLock<String> = LazyLock::new(|| format!("data:image/svg+xml;base64,{}", STANDARD.encode(crate::MARK)));

/// What clients read about this server when they connect.
const INSTRUCTIONS: &str = "MLOps tools: prepare data, train, evaluate, deploy and monitor models. Data sets, models and reports are objects under \
`s3://bucket/key` (or paths in folders that the operator allowed). A tool that writes returns the uri of what it wrote; hand it to the next tool. \
Fit preprocessing on the training split and apply the saved pipeline to the others. `find_tools` finds tools by words.";

/// The MCP server as one connection sees it. A clone serves another connection.
pub struct Server {
    shared: Arc<Shared>,
    session: Arc<Session>,
}

/// What all connections share.
struct Shared {
    catalog: Arc<Catalog>,
    seal: Seal,
    tasks: Tasks,
    requests: AtomicU64,
    /// Who asks where the transport does not say.
    caller: Caller,
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

impl Clone for Server {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), session: Arc::default() }
    }
}

impl Server {
    /// A server over a catalog. `caller` is who asks where the transport does not say.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness for the secret that seals request state.
    pub fn new(catalog: Arc<Catalog>, caller: Caller) -> Result<Self, ErrorData> {
        let shared =
            Shared { catalog, seal: Seal::new()?, tasks: Tasks::default(), requests: AtomicU64::new(0), caller };
        Ok(Self { shared: Arc::new(shared), session: Arc::default() })
    }

    fn catalog(&self) -> &Arc<Catalog> {
        &self.shared.catalog
    }

    async fn wait_for_plugins(&self) {
        let _ = tokio::time::timeout(FIRST_LIST_WAIT, self.catalog().ready()).await;
    }

    /// Who asks: what the transport found out, or what holds for the connection.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Caller {
        let parts = context.extensions.get::<http::request::Parts>();
        parts.and_then(|parts| parts.extensions.get::<Caller>()).unwrap_or(&self.shared.caller).clone()
    }

    /// What a request brings along for the plugin.
    fn asked(&self, context: &RequestContext<RoleServer>, caller: &Caller, sender: Option<&lines::Sender>) -> Asked {
        let capabilities = context.client_capabilities().and_then(|known| serde_json::to_string(&known).ok());
        let version = context.protocol_version();
        let token = context.meta.get_progress_token();
        let progress = sender.and_then(|sender| sender.progress(token.as_ref()));
        Asked {
            client: Client {
                protocol_version: version.as_ref().map_or("", |version| version.as_str()).into(),
                capabilities: capabilities.as_deref().unwrap_or("{}").into(),
            },
            caller: Arc::clone(&caller.name),
            request: self.shared.requests.fetch_add(1, Ordering::Relaxed).to_string(),
            control: CallControl::new(progress, context.ct.clone()),
            lines: sender.and_then(lines::Sender::lines),
            trace: context.meta.get_traceparent().map(str::to_owned),
        }
    }

    /// The least level of lines that the client wants of this request.
    fn level(&self, context: &RequestContext<RoleServer>) -> Option<Level> {
        if is_of_the_newer_era(context) {
            return context.meta.log_level().map(lines::least);
        }
        Some(self.session.level())
    }

    /// Runs a call to its end.
    async fn run(
        &self,
        mut request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(context);
        let mut name = request.name.to_string();
        let mut arguments = Value::Object(request.arguments.take().unwrap_or_default());
        if name == surface::FIND || name == surface::DESCRIBE {
            self.wait_for_plugins().await;
            let ended = surface::run(&name, arguments, &self.catalog().snapshot(), &caller);
            return Ok(ended
                .map_or_else(|fault| answer::failed(&fault), |found| answer::complete(Some(found), Vec::new()))
                .into());
        }
        if name == surface::CALL {
            match surface::arguments::<surface::CallArguments>(&name, arguments) {
                Ok(call) => (name, arguments) = (call.name, Value::Object(call.arguments)),
                Err(fault) => return Ok(answer::failed(&fault).into()),
            }
        }
        if let Err(fault) = self.shown(&name, &caller).await {
            return unknown(fault);
        }
        if is_of_the_newer_era(context)
            && let Some(capabilities) = context.client_capabilities().filter(ClientCapabilities::supports_tasks)
            && let Some(tool) = self.long_running(&name).await
        {
            let asked = self.asked(context, &caller, None);
            let work = Work { catalog: Arc::clone(self.catalog()), name, arguments, asked, capabilities };
            return Ok(match self.shared.tasks.begin(&caller, tool.longest(), work) {
                Ok(begun) => CallToolResponse::Task(begun),
                Err(fault) => answer::failed(&fault).into(),
            });
        }
        match self.call(&request, &name, arguments, &caller, context).await {
            Ok(response) => Ok(response),
            Err(Failed::Fault(fault)) if fault.code == "tool_not_found" => unknown(fault),
            Err(Failed::Fault(fault)) => Ok(answer::failed(&fault).into()),
            Err(Failed::Error(error)) => Err(error),
        }
    }

    /// Calls a tool, over several rounds where it asks and the client cannot carry the question.
    async fn call(
        &self,
        request: &CallToolRequestParams,
        name: &str,
        arguments: Value,
        caller: &Caller,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, Failed> {
        let binding = Binding { caller: &caller.name, what: name, arguments: &arguments };
        let repeated =
            Repeated { state: request.request_state.as_deref(), responses: request.input_responses.as_ref() };
        let mut rounds = Rounds::begin(&self.shared.seal, binding, repeated, context)?;
        let (sender, mut receiver) = lines::channel(context.meta.get_progress_token(), self.level(context));
        loop {
            let asked = self.asked(context, caller, sender.as_ref());
            let (arguments, resumption) = (arguments.clone(), rounds.resumption());
            let call = Request { name: name.to_owned(), arguments, resumption, asked };
            match receiver.attend(&context.peer, name, self.catalog().call(call)).await? {
                Reply::Complete { structured, content } => return Ok(answer::complete(structured, content).into()),
                Reply::InputRequired(required) => {
                    if let Some(question) = rounds.ask(required).await? {
                        return Ok(CallToolResponse::InputRequired(question));
                    }
                }
            }
        }
    }

    /// The tool of this name, if it may take long: a client that knows tasks is handed one for it.
    async fn long_running(&self, name: &str) -> Option<Arc<LoadedTool>> {
        self.wait_for_plugins().await;
        self.catalog().loaded_tool(name).ok().filter(|tool| tool.tool.long_running)
    }

    /// Refuses a tool that this caller is not shown.
    async fn shown(&self, name: &str, caller: &Caller) -> Result<(), Fault> {
        if caller.capabilities == crate::Selection::All {
            return Ok(());
        }
        self.wait_for_plugins().await;
        let tool = self.catalog().loaded_tool(name)?;
        if caller.capabilities.has(tool.capability_names()) {
            return Ok(());
        }
        Err(Fault::not_found(
            "tool_not_found",
            format!("there is no tool `{name}` among the capabilities of this connection"),
        ))
    }

    /// Makes a prompt ready.
    async fn prompt(
        &self,
        request: GetPromptRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.rounds_of_prompt(request, context).await.map_err(|failed| match failed {
            Failed::Fault(fault) => prompts::error(&fault),
            Failed::Error(error) => error,
        })
    }

    async fn rounds_of_prompt(
        &self,
        request: GetPromptRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, Failed> {
        let caller = self.caller(context);
        let given = json!(request.arguments);
        let binding = Binding { caller: &caller.name, what: &request.name, arguments: &given };
        let arguments = prompts::arguments(request.arguments).map_err(Failed::Error)?;
        let repeated =
            Repeated { state: request.request_state.as_deref(), responses: request.input_responses.as_ref() };
        let mut rounds = Rounds::begin(&self.shared.seal, binding, repeated, context)?;
        loop {
            let asked = self.asked(context, &caller, None);
            let (arguments, resumption) = (arguments.clone(), rounds.resumption());
            match self.catalog().prompt(&request.name, arguments, resumption, asked).await? {
                PromptReply::Complete(messages) => return Ok(prompts::messages(messages).into()),
                PromptReply::InputRequired(required) => {
                    if let Some(question) = rounds.ask(required).await? {
                        return Ok(GetPromptResponse::InputRequired(question));
                    }
                }
            }
        }
    }

    async fn completion(
        &self,
        request: CompleteRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.wait_for_plugins().await;
        let asked = self.asked(context, &self.caller(context), None);
        let known = request.context.and_then(|context| context.arguments).unwrap_or_default().into_iter();
        let values = match request.r#ref {
            Reference::Prompt(prompt) => {
                let request = prompts::completion_request(prompt.name, request.argument, known);
                self.catalog().complete_argument(request, asked).await
            }
            Reference::Resource(template) if self.catalog().is_object(&template.uri) => Ok(Vec::new()),
            Reference::Resource(template) => {
                let (variable, value) = (request.argument.name, request.argument.value);
                self.catalog().complete_variable(&template.uri, &variable, &value, asked).await
            }
            _ => Ok(Vec::new()),
        };
        let values = values.map_err(|failure| match Failed::from(failure) {
            Failed::Fault(fault) => prompts::error(&fault),
            Failed::Error(error) => error,
        })?;
        Ok(CompleteResult::new(prompts::completion(values)?))
    }
}

/// Whether a request comes from a client of 2026-07-28 or later, which says with each what it can do.
fn is_of_the_newer_era(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| !version.has_initialize())
}

/// An unknown tool is an error of the protocol, unlike anything that goes wrong inside a known one.
fn unknown(fault: Fault) -> Result<CallToolResponse, ErrorData> {
    Err(ErrorData::invalid_params(fault.to_string(), fault.data.map(|data| *data)))
}

/// Answers where the handler panics: rmcp would never answer.
async fn answered<T>(handled: impl Future<Output = Result<T, ErrorData>>) -> Result<T, ErrorData> {
    AssertUnwindSafe(handled).catch_unwind().await.unwrap_or_else(|_| {
        Err(ErrorData::internal_error("the server ran into a defect of its own; its log has the details", None))
    })
}

#[expect(deprecated, reason = "clients up to 2025-11-25 set the level of the log and subscribe by request")]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .build();
        let implementation =
            Implementation::new("kumiko", env!("CARGO_PKG_VERSION")).with_title("Kumiko").with_icons(vec![
                Icon::new(ICON.as_str()).with_mime_type("image/svg+xml").with_sizes(vec!["any".to_owned()]),
            ]);
        ServerConfig::new(capabilities).with_server_info(implementation).with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request);
        // The older era has no extensions.
        result.capabilities.extensions = None;
        Ok(result)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.wait_for_plugins().await;
        let page = tools::list(&self.catalog().snapshot(), request, &self.caller(&context))?;
        Ok(page.with_ttl_ms(LIST_LIFETIME).with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        // Asked of every call, for the headers that its schema declares: no more than that is copied.
        self.catalog().snapshot().find(name).map(|tool| tools::schema_of(tool))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        answered(self.run(request, &context)).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.shared.tasks.get(&self.caller(&context), &request)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shared.tasks.update(&self.caller(&context), request)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shared.tasks.cancel(&self.caller(&context), &request)
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.wait_for_plugins().await;
        let page = prompts::list(self.catalog(), request, &self.caller(&context))?;
        Ok(page.with_ttl_ms(LIST_LIFETIME).with_cache_scope(CacheScope::Private))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        answered(self.prompt(request, &context)).await
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        answered(self.completion(request, &context)).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.wait_for_plugins().await;
        let page = resources::list(self.catalog(), request).await?;
        // Objects come and go with every call.
        Ok(page.with_ttl_ms(0).with_cache_scope(CacheScope::Private))
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.wait_for_plugins().await;
        let page = resources::templates(self.catalog(), request)?;
        Ok(page.with_ttl_ms(LIST_LIFETIME).with_cache_scope(CacheScope::Private))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let asked = self.asked(&context, &self.caller(&context), None);
        let read = answered(resources::read(self.catalog(), &request.uri, asked)).await?;
        Ok(read.with_ttl_ms(0).with_cache_scope(CacheScope::Private).into())
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.session.set_level(lines::least(request.level));
        Ok(())
    }

    async fn subscribe(&self, request: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        if self.session.subscribe(request.uri) {
            return Ok(());
        }
        Err(ErrorData::invalid_params("this connection watches as many resources as it may", None))
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.unsubscribe(&request.uri);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        relay::tell(self.catalog(), Arc::clone(&self.session), context.peer);
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        relay::listen(self.catalog(), context).await;
        Ok(())
    }

    /// Requests that rmcp could not read as what they are named.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        const ONLY_BEFORE: [&str; 3] = ["logging/setLevel", "resources/subscribe", "resources/unsubscribe"];
        let stateless = context.protocol_version().is_some_and(|version| !version.has_initialize());
        let expected = match request.method.as_str() {
            // What 2026-07-28 has no longer.
            method if stateless && ONLY_BEFORE.contains(&method) => {
                return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None));
            }
            "tools/call" => "`params` must be an object with `name` (text) and `arguments` (an object)",
            "prompts/get" => "`params` must be an object with `name` (text) and `arguments` (an object of texts)",
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                "`params` must be an object with `uri` (text)"
            }
            "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => {
                "`params` must be an object whose `cursor` is text"
            }
            "completion/complete" => "`params` must be an object with `ref` and `argument`",
            "logging/setLevel" => "`params` must be an object with `level`, one of the levels of the protocol",
            _ => return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None)),
        };
        Err(ErrorData::invalid_params(expected, Some(json!({ "method": request.method }))))
    }
}
