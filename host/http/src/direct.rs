//! Calls that are answered where they arrive.
//!
//! rmcp gives each request a loop, a transport and four tasks, because a handler may send messages before its answer. A self-contained call
//! of a tool (2026-07-28) that asks for neither progress nor log lines has one message, its answer. It is read once, handled in the task of
//! its connection, and written once; the handler, and what it returns, are the same.
//!
//! A request is taken only where it is beyond doubt what it seems: its headers agree with its body, nothing is there twice, nothing is
//! unknown. Everything else, and so everything that is to be refused, is left to rmcp, which says what is wrong with it.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientJsonRpcMessage, ErrorCode, Implementation,
    InitializeRequestParams, JsonObject, ProtocolVersion, RequestId, RequestMetaObject, ServerJsonRpcMessage,
    ServerResult,
};
use rmcp::service::{RequestContext, RoleServer, RunningService, serve_directly};
use rmcp::transport::Transport;
use rmcp::{ErrorData, ServerHandler};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// The revision of the protocol whose calls are self-contained.
const VERSION: ProtocolVersion = ProtocolVersion::V_2026_07_28;

const CALL: &str = "tools/call";
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// The headers by which the protocol names a request's revision, method and tool.
const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
/// What headers that repeat arguments begin with.
const PARAMETER_HEADERS: &str = "mcp-param-";
/// What the value of a header begins with that is not written plainly.
const ENCODED: &str = "=?";
/// By which a schema asks for an argument to be repeated in a header.
const REPEATED: &str = "x-mcp-header";

/// Answers calls with a handler.
pub(crate) struct Direct<H: ServerHandler> {
    handler: H,
    /// Stands for every client in the context of a call: nobody is told anything before the answer.
    client: RunningService<RoleServer, H>,
    /// Ends all calls.
    end: CancellationToken,
}

/// A call that can be answered here.
pub(crate) struct Call {
    id: RequestId,
    meta: RequestMetaObject,
    parameters: CallToolRequestParams,
}

impl<H: ServerHandler + Clone> Direct<H> {
    /// Answers with `handler` until `end` is cancelled.
    pub(crate) fn new(handler: H, end: CancellationToken) -> Self {
        let unknown = InitializeRequestParams::new(ClientCapabilities::default(), Implementation::default());
        let client = serve_directly::<RoleServer, _, _, _, _>(
            handler.clone(),
            Silent,
            Some(unknown.with_protocol_version(VERSION)),
        );
        Self { handler, client, end }
    }

    /// The call that a request is, where it is one to be answered here.
    pub(crate) fn recognise(&self, parts: &Parts, body: &[u8]) -> Option<Call> {
        if parts.method != Method::POST || !is_plain(&parts.headers) {
            return None;
        }
        let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
        let Parameters { name, arguments, meta } = envelope.params;
        let named = only(&parts.headers, NAME_HEADER)? == name && !name.starts_with(ENCODED);
        let complete = meta.protocol_version() == Some(VERSION) && meta.missing_required_keys(&VERSION).is_empty();
        let silent = meta.get_progress_token().is_none() && meta.log_level().is_none();
        if envelope.jsonrpc != "2.0" || envelope.method != CALL || !named || !complete || !silent {
            return None;
        }
        if self.handler.get_tool(&name).is_some_and(|tool| repeats_arguments(tool.input_schema.get("properties"))) {
            return None;
        }
        let mut parameters = CallToolRequestParams::new(name);
        parameters.arguments = arguments;
        Some(Call { id: envelope.id, meta, parameters })
    }

    /// Runs a call to its end. It ends early with whoever waits for it.
    pub(crate) async fn answer(&self, call: Call, parts: Parts) -> Response {
        let mut context = RequestContext::new(call.id.clone(), self.client.peer().clone());
        context.ct = self.end.child_token();
        context.meta = call.meta;
        context.extensions.insert(parts);
        let knows_tasks = context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks());
        let answer = match self.handler.call_tool(call.parameters, context).await {
            // As rmcp has it: a client that does not know tasks could not read one.
            Ok(CallToolResponse::Task(_)) if !knows_tasks => {
                let missing = ClientCapabilities::builder().enable_tasks().build();
                Err(ErrorData::missing_required_client_capability(missing))
            }
            answer => answer,
        };
        let (message, status) = match answer {
            Ok(result) => (ServerJsonRpcMessage::response(ServerResult::from(result), call.id), StatusCode::OK),
            Err(error) => {
                let status = status(error.code);
                (ServerJsonRpcMessage::error(error, Some(call.id)), status)
            }
        };
        let Ok(body) = serde_json::to_vec(&message) else {
            let mut failed = Response::new(Body::empty());
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return failed;
        };
        let mut response = Response::new(Body::from(Bytes::from(body)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        response
    }
}

/// The whole of a request, as far as calls that are taken here have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    jsonrpc: &'a str,
    id: RequestId,
    method: &'a str,
    params: Parameters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    name: String,
    #[serde(default)]
    arguments: Option<JsonObject>,
    #[serde(rename = "_meta")]
    meta: RequestMetaObject,
}

/// Whether the headers are those of a call in the usual form.
fn is_plain(headers: &HeaderMap) -> bool {
    only(headers, VERSION_HEADER) == Some(VERSION.as_str())
        && only(headers, METHOD_HEADER) == Some(CALL)
        && only(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.eq_ignore_ascii_case(JSON))
        && only(headers, ACCEPT.as_str()).is_some_and(accepts_both)
        && !headers.keys().any(|name| name.as_str().starts_with(PARAMETER_HEADERS))
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether both forms of an answer are accepted without further conditions, as the protocol demands of a client.
fn accepts_both(value: &str) -> bool {
    let accepts = |kind: &str| value.split(',').any(|accepted| accepted.trim().eq_ignore_ascii_case(kind));
    !value.contains([';', '"']) && accepts(JSON) && accepts(EVENTS)
}

/// Whether any argument is to be repeated in a header.
fn repeats_arguments(properties: Option<&Value>) -> bool {
    let Some(Value::Object(properties)) = properties else { return false };
    properties.values().any(|schema| schema.get(REPEATED).is_some() || repeats_arguments(schema.get("properties")))
}

/// The status that the protocol has for an error of a well-formed request.
fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::HEADER_MISMATCH => StatusCode::BAD_REQUEST,
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// The way to a client who never says anything and is told nothing.
struct Silent;

impl Transport<RoleServer> for Silent {
    type Error = Infallible;

    fn send(&mut self, _: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        std::future::ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        std::future::pending().await
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, ContentBlock, TextContent, Tool};
    use serde_json::json;

    use super::*;

    /// Answers every call, and has one tool with an argument that is repeated in a header.
    #[derive(Clone)]
    struct Handler;

    impl ServerHandler for Handler {
        async fn call_tool(
            &self,
            request: CallToolRequestParams,
            context: RequestContext<RoleServer>,
        ) -> Result<CallToolResponse, ErrorData> {
            if request.name == "refuse" {
                return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "refused", None));
            }
            assert!(context.extensions.get::<Parts>().is_some());
            let text = TextContent::new(json!(request.arguments).to_string());
            Ok(CallToolResult::success(vec![ContentBlock::Text(text)]).into())
        }

        fn get_tool(&self, name: &str) -> Option<Tool> {
            let schema = json!({ "properties": { "a": { "properties": { "b": { "x-mcp-header": "B" } } } } });
            (name == "repeats").then(|| Tool::new("repeats", "", schema.as_object().unwrap().clone()))
        }
    }

    fn direct() -> Direct<Handler> {
        Direct::new(Handler, CancellationToken::new())
    }

    fn parts(change: impl FnOnce(&mut HeaderMap)) -> Parts {
        let request = http::Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "greet");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        change(&mut parts.headers);
        parts
    }

    fn body(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut body = json!({
            "jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": {
                "name": "greet", "arguments": { "name": "Ada" },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        change(&mut body);
        body.to_string().into_bytes()
    }

    async fn answered(direct: &Direct<Handler>, parts: Parts, body: &[u8]) -> (StatusCode, Value) {
        let call = direct.recognise(&parts, body).unwrap();
        let response = direct.answer(call, parts).await;
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_call_in_the_usual_form_is_answered() {
        let (status, answer) = answered(&direct(), parts(|_| ()), &body(|_| ())).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer["id"], 7);
        assert_eq!(answer["result"]["resultType"], "complete");
        assert_eq!(answer["result"]["content"][0]["text"], r#"{"name":"Ada"}"#);
    }

    #[tokio::test]
    async fn an_error_has_the_status_that_the_protocol_gives_it() {
        let headers = parts(|headers| drop(headers.insert("mcp-name", HeaderValue::from_static("refuse"))));
        let (status, answer) =
            answered(&direct(), headers, &body(|body| body["params"]["name"] = json!("refuse"))).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(answer["error"]["message"], "refused");
    }

    #[tokio::test]
    async fn whatever_is_odd_about_the_headers_is_left_to_rmcp() {
        let direct = direct();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("accept", "application/json"),
            ("accept", "application/json, text/event-stream;q=0"),
            ("mcp-protocol-version", "2025-11-25"),
            ("mcp-method", "tools/list"),
            ("mcp-name", "other"),
            ("mcp-param-name", "Ada"),
        ] {
            let headers = parts(|headers| drop(headers.insert(name, HeaderValue::from_static(value))));
            assert!(direct.recognise(&headers, &body(|_| ())).is_none(), "{name}: {value}");
        }
        for name in ["content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name"] {
            let without = parts(|headers| drop(headers.remove(name)));
            assert!(direct.recognise(&without, &body(|_| ())).is_none(), "without {name}");
            let twice = parts(|headers| {
                let value = headers[name].clone();
                headers.append(name, value);
            });
            assert!(direct.recognise(&twice, &body(|_| ())).is_none(), "{name} twice");
        }
    }

    #[tokio::test]
    async fn whatever_is_odd_about_the_body_is_left_to_rmcp() {
        type Change = fn(&mut Value);
        let direct = direct();
        let changes: [Change; 12] = [
            |body| body["jsonrpc"] = json!("1.0"),
            |body| body["id"] = json!(null),
            |body| body["method"] = json!("tools/list"),
            |body| body["extra"] = json!(1),
            |body| body["params"]["arguments"] = json!([1]),
            |body| body["params"]["requestState"] = json!("sealed"),
            |body| body["params"]["_meta"] = json!({}),
            |body| body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2025-11-25"),
            |body| body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!(3),
            |body| body["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("info"),
            |body| body["params"]["_meta"]["progressToken"] = json!(1),
            |body| *body = json!([body.clone()]),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(direct.recognise(&parts(|_| ()), &body(change)).is_none(), "change {number}");
        }
        let whole = body(|_| ());
        assert!(direct.recognise(&parts(|_| ()), &whole[..whole.len() - 1]).is_none());
    }

    #[tokio::test]
    async fn arguments_that_headers_repeat_are_compared_by_rmcp() {
        let headers = parts(|headers| drop(headers.insert("mcp-name", HeaderValue::from_static("repeats"))));
        assert!(direct().recognise(&headers, &body(|body| body["params"]["name"] = json!("repeats"))).is_none());
    }
}
