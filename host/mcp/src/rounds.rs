//! Requests in several rounds: a plugin that needs something from the client answers with a question, and is called again with the
//! answer. What differs between the eras of the protocol is only who carries the question.

use kumiko_catalog::CallFailure;
use kumiko_catalog::contract_types::{InputRequired, Resumption};
use kumiko_vocabulary::Fault;
use rmcp::ErrorData;
use rmcp::model::{ErrorCode, InputRequiredResult, InputResponses};
use rmcp::service::{RequestContext, RoleServer};

use crate::input::{self, Binding, Seal};

/// How a request failed.
pub(crate) enum Failed {
    /// With a fault, which the kind of request words in its own way.
    Fault(Fault),
    /// With an error of the protocol.
    Error(ErrorData),
}

impl From<CallFailure> for Failed {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Fault(fault) => Self::Fault(fault),
            CallFailure::Protocol(error) => {
                let data = error.data.and_then(|text| serde_json::from_str(&text).ok());
                Self::Error(ErrorData::new(ErrorCode(error.code), error.message, data))
            }
        }
    }
}

/// What a client of 2026-07-28 sends with the repetition of a request.
pub(crate) struct Repeated<'a> {
    pub(crate) state: Option<&'a str>,
    pub(crate) responses: Option<&'a InputResponses>,
}

/// The rounds of one request.
pub(crate) struct Rounds<'a> {
    seal: &'a Seal,
    binding: Binding<'a>,
    context: &'a RequestContext<RoleServer>,
    resumption: Option<Resumption>,
    left: usize,
}

impl<'a> Rounds<'a> {
    /// Begins, or goes on where the client repeats a request with its answers.
    pub(crate) fn begin(
        seal: &'a Seal,
        binding: Binding<'a>,
        repeated: Repeated<'_>,
        context: &'a RequestContext<RoleServer>,
    ) -> Result<Self, Failed> {
        let resumption = seal.answer(binding, repeated).map_err(Failed::Error)?;
        Ok(Self { seal, binding, context, resumption, left: input::MAXIMUM_ROUNDS })
    }

    /// What the plugin is handed in the next round.
    pub(crate) fn resumption(&mut self) -> Option<Resumption> {
        self.resumption.take()
    }

    /// Deals with a plugin's question: hands back what the client has to carry, or asks it and lets another round follow.
    pub(crate) async fn ask(&mut self, required: InputRequired) -> Result<Option<InputRequiredResult>, Failed> {
        let capabilities = self.context.client_capabilities().unwrap_or_default();
        input::check_capabilities(&required, &capabilities).map_err(Failed::Error)?;
        if self.context.protocol_version().is_some_and(|version| !version.has_initialize()) {
            return self.seal.question(self.binding, required).map(Some).map_err(Failed::Fault);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            let message = format!("the plugin asked for input {} times without finishing", input::MAXIMUM_ROUNDS);
            return Err(Failed::Fault(Fault::failed("too_many_rounds", message)));
        }
        self.resumption = Some(input::ask(&self.context.peer, required).await.map_err(Failed::Fault)?);
        Ok(None)
    }
}
