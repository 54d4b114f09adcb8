//! `kumiko:host/tools`: the tools of other plugins.

use async_trait::async_trait;
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;
use wasmtime::component::HasData;

use crate::bindings::kumiko::host::tools as contract;
use crate::bindings::kumiko::host::types::Content;
use crate::state::Shared;
use crate::{CallContext, Refusal};

/// How many plugins deep calls go: enough for a workflow of tools that use tools, and an end to plugins that call each other.
const MAXIMUM_DEPTH: u8 = 4;

/// What another plugin's tool answered.
pub struct PeerReply {
    /// The structured result.
    pub structured: Option<Value>,
    /// The content blocks.
    pub content: Vec<Content>,
}

/// Calls the tools of other plugins; the layer above implements it.
#[async_trait]
pub trait Peers: Send + Sync {
    /// The advertised name of the tool that answers to `name`.
    ///
    /// # Errors
    /// `tool_not_found`.
    fn advertised(&self, name: &str) -> Result<String, Fault>;

    /// The plugin that an advertised tool belongs to.
    ///
    /// # Errors
    /// `tool_not_found`.
    fn plugin(&self, tool: &str) -> Result<String, Fault>;

    /// Holds arguments against the schema of an advertised tool, without calling it.
    ///
    /// # Errors
    /// `tool_not_found`, `invalid_arguments`.
    fn check(&self, tool: &str, arguments: &Value) -> Result<(), Fault>;

    /// Calls a tool by its advertised name on behalf of the call that `caller` belongs to, `depth` plugins deep.
    async fn call(&self, tool: &str, arguments: Value, caller: &CallContext, depth: u8) -> Result<PeerReply, Fault>;
}

pub(crate) struct PeerTools;

impl HasData for PeerTools {
    type Data<'a> = PeersView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct PeersView<'a> {
    pub(crate) call: Shared<'a>,
}

impl contract::Host for PeersView<'_> {
    async fn call(&mut self, tool: String, arguments: String) -> Result<contract::ToolResult, Refusal> {
        let context = self.call.call;
        let arguments: Value = crate::documents::parse("arguments", &arguments)?;
        let Some(peers) = &context.peers else {
            return Err(Fault::new(FaultKind::Denied, "tool_denied", "no tool can be called from here").into());
        };
        let tool = peers.advertised(&tool)?;
        context.access.tool(&tool)?;
        let depth = context.depth + 1;
        if depth > MAXIMUM_DEPTH {
            let message = format!("`{tool}` would run {depth} plugins deep; at most {MAXIMUM_DEPTH} are allowed");
            return Err(Fault::new(FaultKind::Stopped, "call_depth_limit", message).into());
        }
        let reply = peers.call(&tool, arguments, context, depth).await?;
        Ok(contract::ToolResult {
            structured: reply.structured.map(|structured| structured.to_string()),
            content: reply.content,
        })
    }
}
