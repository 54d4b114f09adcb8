//! Questions from a tool to the client, over both eras of the protocol.
//!
//! A tool that needs something says so and is called again with the answers. With 2026-07-28 the answer travels exactly like that:
//! the client repeats its request. Before, servers asked while the request was open, so there the host asks and repeats the
//! call itself. Either way the tool sees one and the same shape.

use std::time::Duration;

use kumiko_catalog::contract_types::{InputKind, InputRequest, InputRequired, InputResponse, Resumption};
use kumiko_vocabulary::Fault;
use rmcp::ErrorData;
use rmcp::model::{
    ClientCapabilities, InputRequest as WireRequest, InputRequiredResult, InputResponses, RequestStateCodec,
    SealOptions,
};
use rmcp::service::{Peer, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::rounds::Repeated;

/// How long a client may take to answer: a person may have to be found.
const STATE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a tool may ask in one call before it is taken to be going round in circles.
pub(crate) const MAXIMUM_ROUNDS: usize = 10;

/// Seals what a tool leaves with the client, so that it comes back unchanged, for the same call, and in time.
#[derive(Clone)]
pub(crate) struct Seal {
    codec: std::sync::Arc<RequestStateCodec>,
}

impl Seal {
    /// A seal with a secret of this process.
    pub(crate) fn new() -> Result<Self, ErrorData> {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| ErrorData::internal_error(format!("no randomness: {error}"), None))?;
        let codec = RequestStateCodec::try_new(secret.to_vec())
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(Self { codec: std::sync::Arc::new(codec) })
    }

    /// The tool's question as a 2026-07-28 client receives it.
    pub(crate) fn question(&self, call: Binding<'_>, required: InputRequired) -> Result<InputRequiredResult, Fault> {
        let ids: Vec<&str> = required.requests.iter().map(|request| request.id.as_str()).collect();
        let payload = json!({ "ids": ids, "state": hex::encode(&required.state) }).to_string();
        let digest = call.digest();
        let options = SealOptions::new().associated_data(&digest).ttl(STATE_LIFETIME);
        let state = self.codec.seal_with(payload.as_bytes(), &options);
        let requests = required
            .requests
            .into_iter()
            .map(|request| Ok((request.id.clone(), wire(request)?)))
            .collect::<Result<_, Fault>>()?;
        Ok(InputRequiredResult::new(Some(requests), Some(state)))
    }

    /// What a 2026-07-28 client sends back; `None` for a first call.
    pub(crate) fn answer(&self, call: Binding<'_>, repeated: Repeated<'_>) -> Result<Option<Resumption>, ErrorData> {
        let Some(state) = repeated.state else {
            return Ok(None);
        };
        let refused = || {
            ErrorData::invalid_params(
                "`requestState` is not what this server handed out for this call, or it has expired",
                None,
            )
        };
        let payload = self.codec.open_with(state, &call.digest()).map_err(|_| refused())?;
        let payload: Value = serde_json::from_slice(&payload).map_err(|_| refused())?;
        let ids = payload.get("ids").and_then(Value::as_array).ok_or_else(refused)?;
        let state = payload
            .get("state")
            .and_then(Value::as_str)
            .and_then(|state| hex::decode(state).ok())
            .ok_or_else(refused)?;
        let empty = InputResponses::new();
        let given = repeated.responses.unwrap_or(&empty);
        // A client may answer some and repeat the rest in a later round: the tool decides what it does with what it has.
        let responses = ids
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|id| {
                given.get(id).map(|result| InputResponse { id: id.to_owned(), result: result.to_string() })
            })
            .collect();
        Ok(Some(Resumption { state, responses }))
    }
}

/// What ties sealed state to the request it belongs to: who asked, for what, with which arguments.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'a> {
    pub(crate) caller: &'a str,
    pub(crate) what: &'a str,
    pub(crate) arguments: &'a Value,
}

impl Binding<'_> {
    fn digest(self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for part in [self.caller, self.what, &self.arguments.to_string()] {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().to_vec()
    }
}

/// Refuses to ask a client for what it never said it could answer.
#[expect(deprecated, reason = "clients up to 2025-11-25 declare sampling and roots")]
pub(crate) fn check_capabilities(required: &InputRequired, capabilities: &ClientCapabilities) -> Result<(), ErrorData> {
    for request in &required.requests {
        let (has, missing) = match request.kind {
            InputKind::Elicitation => {
                (capabilities.elicitation.is_some(), ClientCapabilities::builder().enable_elicitation().build())
            }
            InputKind::Sampling => {
                (capabilities.sampling.is_some(), ClientCapabilities::builder().enable_sampling().build())
            }
            InputKind::Roots => (capabilities.roots.is_some(), ClientCapabilities::builder().enable_roots().build()),
        };
        if !has {
            return Err(ErrorData::missing_required_client_capability(missing));
        }
    }
    Ok(())
}

/// Asks a client of the older era each question in turn and gathers the answers.
pub(crate) async fn ask(peer: &Peer<RoleServer>, required: InputRequired) -> Result<Resumption, Fault> {
    let mut responses = Vec::with_capacity(required.requests.len());
    for request in required.requests {
        let id = request.id.clone();
        let answered = match wire(request)? {
            WireRequest::Elicitation(request) => {
                peer.create_elicitation(request.params).await.map(|result| json!(result))
            }
            #[expect(deprecated, reason = "clients up to 2025-11-25 answer sampling and roots on request")]
            WireRequest::CreateMessage(request) => {
                peer.create_message(request.params).await.map(|result| json!(result))
            }
            #[expect(deprecated, reason = "clients up to 2025-11-25 answer sampling and roots on request")]
            WireRequest::ListRoots(_) => peer.list_roots().await.map(|result| json!(result)),
            _ => return Err(Fault::failed("internal", "the client was asked in a way that has no wire form")),
        };
        let result = answered.map_err(|error| {
            Fault::failed(
                "client_did_not_answer",
                format!("the client was asked for `{id}` and answered with an error: {error}"),
            )
            .hint("repeat the call and answer what it asks")
        })?;
        responses.push(InputResponse { id, result: result.to_string() });
    }
    Ok(Resumption { state: required.state, responses })
}

/// One question in the protocol's words.
pub(crate) fn wire(request: InputRequest) -> Result<WireRequest, Fault> {
    let method = match request.kind {
        InputKind::Elicitation => "elicitation/create",
        InputKind::Sampling => "sampling/createMessage",
        InputKind::Roots => "roots/list",
    };
    fn typed<T: DeserializeOwned>(method: &str, parameters: &str) -> Result<T, serde_json::Error> {
        let parameters: Value = serde_json::from_str(parameters)?;
        serde_json::from_value(json!({ "method": method, "params": parameters }))
    }
    let converted = match request.kind {
        InputKind::Elicitation => typed(method, &request.parameters).map(WireRequest::Elicitation),
        InputKind::Sampling => typed(method, &request.parameters).map(WireRequest::CreateMessage),
        InputKind::Roots => typed(method, &request.parameters).map(WireRequest::ListRoots),
    };
    converted.map_err(|error| {
        Fault::failed(
            "result_invalid",
            format!("the plugin asked the client with parameters that `{method}` does not have: {error}"),
        )
        .hint("this is a defect of the plugin")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn required() -> InputRequired {
        let parameters =
            json!({ "message": "Really?", "requestedSchema": { "type": "object", "properties": {} } }).to_string();
        let request = InputRequest { id: "confirm".to_owned(), kind: InputKind::Elicitation, parameters };
        InputRequired { requests: vec![request], state: vec![0, 255, 7] }
    }

    fn answered() -> InputResponses {
        BTreeMap::from([("confirm".to_owned(), json!({ "action": "accept" }))])
    }

    fn open(seal: &Seal, call: Binding<'_>, state: &str) -> Result<Option<Resumption>, ErrorData> {
        seal.answer(call, Repeated { state: Some(state), responses: Some(&answered()) })
    }

    #[test]
    fn state_comes_back_as_it_was_with_the_answers() {
        let seal = Seal::new().unwrap();
        let arguments = json!({ "name": "a" });
        let call = Binding { caller: "ada", what: "delete", arguments: &arguments };
        let question = seal.question(call, required()).unwrap();
        let resumption = open(&seal, call, &question.request_state.unwrap()).unwrap().unwrap();
        assert_eq!(resumption.state, [0, 255, 7]);
        assert_eq!(resumption.responses[0].id, "confirm");
        assert!(resumption.responses[0].result.contains("accept"));
    }

    #[test]
    fn state_of_another_call_caller_or_process_or_with_a_bit_changed_is_refused() {
        let seal = Seal::new().unwrap();
        let arguments = json!({ "name": "a" });
        let call = Binding { caller: "ada", what: "delete", arguments: &arguments };
        let state = seal.question(call, required()).unwrap().request_state.unwrap();
        let others = json!({ "name": "b" });
        assert!(open(&seal, Binding { arguments: &others, ..call }, &state).is_err());
        assert!(open(&seal, Binding { caller: "bob", ..call }, &state).is_err());
        assert!(open(&Seal::new().unwrap(), call, &state).is_err());
        let mut changed = state.clone().into_bytes();
        let last = changed.len() - 1;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        assert!(open(&seal, call, &String::from_utf8(changed).unwrap()).is_err());
    }
}
