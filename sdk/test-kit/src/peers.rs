//! The tools of other plugins, as a test prepared them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use kumiko_sdk::arguments::INVALID_ARGUMENTS;
use kumiko_sdk::fault::FaultKind;
use kumiko_sdk::{Fault, Reply, Result};
use serde_json::Value;

use crate::TestHost;

/// How many plugins deep calls go, as `wit/deps/host/tools.wit` has it.
const MAXIMUM_DEPTH: u8 = 4;

/// A call of another plugin's tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool.
    pub tool: String,
    /// What it was given.
    pub arguments: Value,
}

/// What stands for a tool.
type Peer = Rc<dyn Fn(&TestHost, Value) -> Result<Reply<Value>>>;

/// The tools that can be called, and the calls so far.
#[derive(Default)]
pub(crate) struct Peers {
    tools: RefCell<BTreeMap<String, Peer>>,
    calls: RefCell<Vec<ToolCall>>,
    depth: Cell<u8>,
}

impl TestHost {
    /// Prepares the structured result of another plugin's tool; `null` where it has none.
    ///
    /// What is prepared is granted; the call of any other tool is `tool_denied`.
    pub fn tool(&self, name: &str, structured: Value) {
        self.tool_with(name, move |_, _| Ok(Reply::new(structured.clone())));
    }

    /// Prepares another plugin's tool by what it does with its arguments. It is handed this host, so that it can leave
    /// objects there, or call the plugin itself: `|host, arguments| host.call(&other::plugin(), "its_tool", arguments)`.
    pub fn tool_with(&self, name: &str, peer: impl Fn(&TestHost, Value) -> Result<Reply<Value>> + 'static) {
        self.inner.peers.tools.borrow_mut().insert(name.to_owned(), Rc::new(peer));
    }

    /// The calls of other plugins' tools, in order.
    #[must_use]
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        self.inner.peers.calls.borrow().clone()
    }

    /// Calls a prepared tool as the server calls a loaded one.
    pub(crate) fn call_peer(&self, tool: &str, arguments: Value) -> Result<Reply<Option<String>>> {
        let peers = &self.inner.peers;
        let found = peers.tools.borrow().get(tool).cloned();
        let Some(peer) = found else {
            let message = format!("no answer is prepared for the tool `{tool}`");
            return Err(Fault::new(FaultKind::Denied, "tool_denied", message)
                .hint(format!("prepare one in the test: host.tool(\"{tool}\", json!({{}}))")));
        };
        let depth = peers.depth.get().saturating_add(1);
        if depth > MAXIMUM_DEPTH {
            let message = format!("`{tool}` would run {depth} plugins deep; at most {MAXIMUM_DEPTH} are allowed");
            return Err(Fault::new(FaultKind::Stopped, "call_depth_limit", message));
        }
        if !arguments.is_object() {
            let message = format!("`{tool}` was called with {arguments}; arguments are an object");
            return Err(Fault::invalid(INVALID_ARGUMENTS, message));
        }
        peers.calls.borrow_mut().push(ToolCall { tool: tool.to_owned(), arguments: arguments.clone() });
        let answered = {
            let _deeper = Deeper::enter(&peers.depth, depth);
            peer(self, arguments)
        };
        let Reply { structured, content } = answered?;
        let structured = match structured {
            Value::Null => None,
            Value::Object(_) => Some(structured.to_string()),
            other => {
                let message = format!("the answer prepared for `{tool}` is {other}; a structured result is an object");
                return Err(
                    Fault::failed("result_invalid", message).hint("what is no object travels as {\"result\": …}")
                );
            }
        };
        Ok(Reply { structured, content })
    }
}

/// Counts the plugins that wait for one another; also a panic counts back.
struct Deeper<'depth> {
    depth: &'depth Cell<u8>,
    before: u8,
}

impl<'depth> Deeper<'depth> {
    fn enter(depth: &'depth Cell<u8>, to: u8) -> Self {
        Self { depth, before: depth.replace(to) }
    }
}

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.depth.set(self.before);
    }
}
