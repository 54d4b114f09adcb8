//! How a tool fails: the vocabulary's [`Fault`], and the two things beside kind, code, message and hint that the
//! contract has a place for.
//!
//! A host call returns the same type, so `?` passes a host's fault on to the caller.

#[cfg(any(target_arch = "wasm32", test))]
pub(crate) mod wire;

use std::time::Duration;

pub use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::{Value, json};

/// What a tool and every host call returns.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// The code of a [`protocol`] fault.
pub const PROTOCOL_ERROR: &str = "protocol_error";

/// The key under which [`unavailable`] keeps its milliseconds in a fault's data.
pub const RETRY_AFTER: &str = "retry_after_milliseconds";

/// A service does not answer just then; the same call is worth repeating after `retry_after`, where that is known.
pub fn unavailable(code: impl Into<String>, message: impl Into<String>, retry_after: Option<Duration>) -> Fault {
    let fault = Fault::new(FaultKind::Unavailable, code, message);
    match retry_after {
        Some(pause) => fault.data(json!({ RETRY_AFTER: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) })),
        None => fault,
    }
}

/// How long to wait before the call that failed with `fault` is worth repeating.
#[must_use]
pub fn retry_after(fault: &Fault) -> Option<Duration> {
    let milliseconds = fault.data.as_ref()?.get(RETRY_AFTER)?.as_u64()?;
    (fault.kind == FaultKind::Unavailable).then(|| Duration::from_millis(milliseconds))
}

/// Ends the call with a JSON-RPC error instead of a tool result: for the few tools that speak the protocol itself.
pub fn protocol(code: i32, message: impl Into<String>, data: Option<Value>) -> Fault {
    let mut error = json!({ "code": code });
    if let (Some(fields), Some(data)) = (error.as_object_mut(), data) {
        fields.insert("data".to_owned(), data);
    }
    Fault::failed(PROTOCOL_ERROR, message).data(error)
}

/// The JSON-RPC code and data of a [`protocol`] fault; nothing for any other.
#[must_use]
pub fn as_protocol(fault: &Fault) -> Option<(i32, Option<&Value>)> {
    if fault.code != PROTOCOL_ERROR {
        return None;
    }
    let error = fault.data.as_ref()?;
    let code = i32::try_from(error.get("code")?.as_i64()?).ok()?;
    Some((code, error.get("data")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_survives_in_an_unavailable_fault() {
        let fault = unavailable("store_busy", "the store is busy", Some(Duration::from_millis(1500)));
        assert_eq!(retry_after(&fault), Some(Duration::from_millis(1500)));
        assert_eq!(retry_after(&unavailable("store_busy", "the store is busy", None)), None);
        assert_eq!(retry_after(&Fault::failed("x", "y").data(json!({ RETRY_AFTER: 5 }))), None);
    }

    #[test]
    fn a_protocol_fault_keeps_its_code_and_data() {
        let fault = protocol(-32042, "an address must be visited first", Some(json!({ "address": "https://…" })));
        assert_eq!(as_protocol(&fault), Some((-32042, Some(&json!({ "address": "https://…" })))));
        assert_eq!(as_protocol(&protocol(-32600, "no", None)), Some((-32600, None)));
        assert_eq!(as_protocol(&Fault::failed("x", "y")), None);
    }
}
