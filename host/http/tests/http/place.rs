//! A server of its own for each test, and a client for it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use kumiko_http::{Error, Extras, KeyRing, Settings, bind};
use kumiko_mcp::{Caller, Selection};
use reqwest::{Client, RequestBuilder, Response};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

/// The version of the newer era.
const MODERN: &str = "2026-07-28";

/// How long a test waits for what has to happen; only a failing test waits that long.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Waits for what has to happen soon.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(SOON, what).await.expect("what had to happen did not happen")
}

/// A handler with two tools: `whoami` says what it learned of the caller, `wait` waits until it is released.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) started: Arc<Semaphore>,
    pub(crate) released: Arc<Semaphore>,
}

impl Handler {
    pub(crate) fn new() -> Self {
        Self { started: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name| Tool::new(name, "For tests.", Map::from_iter([("type".to_owned(), json!("object"))]));
        Ok(ListToolsResult::with_all_items(vec![tool("wait"), tool("whoami")]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "wait" {
            self.started.add_permits(1);
            self.released.acquire().await.unwrap().forget();
        }
        let parts = context.extensions.get::<Parts>().unwrap();
        let caller = parts.extensions.get::<Caller>().unwrap();
        let capabilities = match &caller.capabilities {
            Selection::All => json!("all"),
            Selection::Only(names) => json!(names),
        };
        let headers: Vec<&str> = parts.headers.keys().map(http::HeaderName::as_str).collect();
        let mut result = CallToolResult::success(Vec::new());
        result.structured_content = Some(json!({
            "name": &*caller.name, "capabilities": capabilities, "compact": caller.compact, "headers": headers,
        }));
        Ok(result.into())
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        context.cancelled().await;
        Ok(())
    }
}

/// A server that runs.
pub(crate) struct Place {
    pub(crate) client: Client,
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    pub(crate) handler: Handler,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), Error>>,
}

/// Settings for a free port of this machine and keys of their own.
pub(crate) fn settings(keys: &KeyRing) -> Settings {
    Settings { listen: "127.0.0.1:0".parse().unwrap(), keys: keys.clone(), ..Settings::default() }
}

/// Settings for anybody.
pub(crate) fn anonymous() -> Settings {
    Settings { anonymous: true, ..settings(&KeyRing::default()) }
}

/// A client that follows no redirects and asks no proxy.
pub(crate) fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Place {
    pub(crate) async fn open(settings: Settings) -> Self {
        Self::with(settings, Extras::default()).await
    }

    pub(crate) async fn with(settings: Settings, extras: Extras) -> Self {
        let handler = Handler::new();
        let bound = bind(settings, handler.clone(), extras).await.unwrap();
        let base = bound.url().strip_suffix("/mcp").unwrap().to_owned();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(bound.serve(async {
            let _ = stopped.await;
        }));
        Self { client: client(), base, handler, stop: Some(stop), served }
    }

    /// Asks the server to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until the server has stopped.
    pub(crate) async fn stopped(&mut self) {
        soon(&mut self.served).await.unwrap().unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    /// A request of the older era.
    pub(crate) fn post(&self, message: &Value) -> RequestBuilder {
        self.post_to("/mcp", message)
    }

    pub(crate) fn post_to(&self, path: &str, message: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).header("accept", "application/json, text/event-stream").json(message)
    }

    /// A request of the newer era.
    pub(crate) fn modern_to(&self, path: &str, method: &str, mut parameters: Value) -> RequestBuilder {
        parameters["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let request = self.post_to(path, &message).header("mcp-protocol-version", MODERN).header("mcp-method", method);
        match message["params"]["name"].as_str() {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
    }

    /// A call of `whoami` in the newer era.
    pub(crate) fn whoami(&self) -> RequestBuilder {
        self.whoami_at("/mcp")
    }

    pub(crate) fn whoami_at(&self, path: &str) -> RequestBuilder {
        self.modern_to(path, "tools/call", json!({ "name": "whoami", "arguments": {} }))
    }

    /// Asks for a session with a key, if there is one.
    pub(crate) fn initialize(&self, key: &str) -> RequestBuilder {
        let client = json!({ "name": "tests", "version": "1" });
        let parameters = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        let request = self.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters }));
        if key.is_empty() { request } else { request.header("x-api-key", key) }
    }

    /// Opens a session and returns its id.
    pub(crate) async fn session(&self, key: &str) -> String {
        let response = self.initialize(key).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        assert_eq!(answer(response).await["result"]["protocolVersion"], "2025-11-25");
        let done = self.in_session(&id, key, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!(done.send().await.unwrap().status(), 202);
        id
    }

    /// A message in a session.
    pub(crate) fn in_session(&self, id: &str, key: &str, message: &Value) -> RequestBuilder {
        let request = self.post(message).header("mcp-session-id", id).header("mcp-protocol-version", "2025-11-25");
        if key.is_empty() { request } else { request.header("x-api-key", key) }
    }

    /// A call in a session.
    pub(crate) fn call(&self, id: &str, key: &str, tool: &str) -> RequestBuilder {
        let parameters = json!({ "name": tool, "arguments": {} });
        self.in_session(id, key, &json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": parameters }))
    }

    /// The session's stream of messages from the server.
    pub(crate) async fn stream(&self, id: &str, key: &str) -> Response {
        let request = self.get("/mcp").header("accept", "text/event-stream").header("mcp-session-id", id);
        let request = if key.is_empty() { request } else { request.header("x-api-key", key) };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response
    }
}

/// The answer in a response, whether it came alone or at the end of a stream.
pub(crate) async fn answer(response: Response) -> Value {
    let text = soon(response.text()).await.unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let last = lines.map(str::trim).rfind(|data| !data.is_empty());
    let found = last.unwrap_or(&text);
    serde_json::from_str(found).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

/// What `whoami` says.
pub(crate) async fn who(request: RequestBuilder) -> Value {
    let response = soon(request.send()).await.unwrap();
    let status = response.status();
    let answer = answer(response).await;
    assert_eq!(status, 200, "{answer}");
    let found = answer["result"]["structuredContent"].clone();
    assert!(found.is_object(), "{answer}");
    found
}

/// The status and the code of a refusal.
pub(crate) async fn refused(request: RequestBuilder) -> (u16, String) {
    let response = soon(request.send()).await.unwrap();
    let status = response.status().as_u16();
    let fault: Value = response.json().await.unwrap();
    assert!(!fault["message"].as_str().unwrap().is_empty(), "{fault}");
    (status, fault["code"].as_str().unwrap().to_owned())
}
