//! What a tool may know of the call besides its arguments.

use serde_json::{Map, Value};

use crate::input::Resumption;

/// One call's surroundings. A tool that wants them takes `&Context` after its arguments.
#[derive(Clone, Debug, Default)]
pub struct Context {
    protocol_version: String,
    client_capabilities: String,
    resumption: Option<Resumption>,
}

impl Context {
    /// The surroundings of a call by a client that speaks the given protocol version and declared the given
    /// capabilities, as JSON text. [`Context::default`] is a client of no version and no capabilities.
    pub fn new(protocol_version: impl Into<String>, client_capabilities: impl Into<String>) -> Self {
        Self {
            protocol_version: protocol_version.into(),
            client_capabilities: client_capabilities.into(),
            resumption: None,
        }
    }

    /// The same for a call that continues another.
    #[must_use]
    pub fn resuming(mut self, resumption: Resumption) -> Self {
        self.resumption = Some(resumption);
        self
    }

    /// The protocol version of the client's session: `2025-11-25`.
    #[must_use]
    pub fn protocol_version(&self) -> &str {
        &self.protocol_version
    }

    /// The capabilities the client declared, as MCP words them.
    #[must_use]
    pub fn client_capabilities(&self) -> Map<String, Value> {
        serde_json::from_str(&self.client_capabilities).unwrap_or_default()
    }

    /// Whether the client declared the capability: `elicitation`, `sampling`, `roots`.
    #[must_use]
    pub fn client_can(&self, capability: &str) -> bool {
        self.client_capabilities().contains_key(capability)
    }

    /// What the client answered, where this call continues one that ended with [`crate::Answer::InputRequired`].
    #[must_use]
    pub fn resumption(&self) -> Option<&Resumption> {
        self.resumption.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_do_what_it_declared() {
        let context = Context::new("2025-11-25", r#"{"elicitation":{}}"#);
        assert!(context.client_can("elicitation") && !context.client_can("sampling"));
        assert!(!Context::default().client_can("elicitation"));
    }
}
