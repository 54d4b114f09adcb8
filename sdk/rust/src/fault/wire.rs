//! Faults as the contract writes them, in both directions.

use std::time::Duration;

use crate::bindings::kumiko::host::types::{self as wire, FaultDetail, ProtocolError, Unavailability};
use crate::fault::{RETRY_AFTER, as_protocol, protocol, retry_after, unavailable};
use crate::{Fault, FaultKind};

/// A tool's fault on its way to the host.
pub(crate) fn outward(fault: Fault) -> wire::Fault {
    if let Some((code, data)) = as_protocol(&fault) {
        let data = data.map(ToString::to_string);
        return wire::Fault::Protocol(ProtocolError { code, message: fault.message, data });
    }
    let pause = retry_after(&fault);
    let Fault { kind, code, message, hint, mut data } = fault;
    if let Some(serde_json::Value::Object(fields)) = data.as_deref_mut()
        && pause.is_some()
    {
        // The pause has a place of its own in the contract.
        fields.remove(RETRY_AFTER);
        if fields.is_empty() {
            data = None;
        }
    }
    let detail = FaultDetail { code, message, hint, data: data.map(|data| data.to_string()) };
    match kind {
        FaultKind::InvalidArguments => wire::Fault::InvalidArguments(detail),
        FaultKind::NotFound => wire::Fault::NotFound(detail),
        FaultKind::Conflict => wire::Fault::Conflict(detail),
        FaultKind::Denied => wire::Fault::Denied(detail),
        FaultKind::Stopped => wire::Fault::Stopped(detail),
        FaultKind::Unavailable => {
            let retry_after = pause.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            wire::Fault::Unavailable(Unavailability { detail, retry_after })
        }
        FaultKind::Failed => wire::Fault::Failed(detail),
    }
}

/// The host's fault on its way to a tool.
pub(crate) fn inward(fault: wire::Fault) -> Fault {
    let (kind, detail) = match fault {
        wire::Fault::InvalidArguments(detail) => (FaultKind::InvalidArguments, detail),
        wire::Fault::NotFound(detail) => (FaultKind::NotFound, detail),
        wire::Fault::Conflict(detail) => (FaultKind::Conflict, detail),
        wire::Fault::Denied(detail) => (FaultKind::Denied, detail),
        wire::Fault::Stopped(detail) => (FaultKind::Stopped, detail),
        wire::Fault::Failed(detail) => (FaultKind::Failed, detail),
        wire::Fault::Unavailable(Unavailability { detail, retry_after }) => match retry_after {
            Some(milliseconds) => return paused(detail, milliseconds),
            None => (FaultKind::Unavailable, detail),
        },
        wire::Fault::Protocol(ProtocolError { code, message, data }) => return protocol(code, message, parsed(data)),
    };
    Fault {
        kind,
        code: detail.code,
        message: detail.message,
        hint: detail.hint,
        data: parsed(detail.data).map(Box::new),
    }
}

/// An unavailability with a known pause: the pause joins the data where that is an object, and replaces it elsewhere.
fn paused(detail: FaultDetail, milliseconds: u64) -> Fault {
    let mut fault = unavailable(detail.code, detail.message, Some(Duration::from_millis(milliseconds)));
    fault.hint = detail.hint;
    if let Some(serde_json::Value::Object(mut data)) = parsed(detail.data) {
        data.insert(RETRY_AFTER.to_owned(), milliseconds.into());
        fault.data = Some(Box::new(data.into()));
    }
    fault
}

/// JSON text of the host. What does not parse is kept as a string rather than lost.
fn parsed(text: Option<String>) -> Option<serde_json::Value> {
    text.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KINDS: [FaultKind; 7] = [
        FaultKind::InvalidArguments,
        FaultKind::NotFound,
        FaultKind::Conflict,
        FaultKind::Denied,
        FaultKind::Stopped,
        FaultKind::Unavailable,
        FaultKind::Failed,
    ];

    #[test]
    fn a_fault_of_every_kind_comes_back_as_it_went() {
        for kind in KINDS {
            let plain = Fault::new(kind, "some_code", "what happened");
            assert_eq!(inward(outward(plain.clone())), plain);
            let full = plain.hint("what to do").data(json!({ "limit": 3 }));
            assert_eq!(inward(outward(full.clone())), full);
        }
    }

    #[test]
    fn a_pause_has_its_own_place_in_the_contract_and_comes_back() {
        let fault = unavailable("store_busy", "the store is busy", Some(Duration::from_secs(2))).hint("wait");
        let wire = outward(fault.clone());
        let wire::Fault::Unavailable(Unavailability { retry_after, detail }) = &wire else { panic!("{wire:?}") };
        assert_eq!(*retry_after, Some(2000));
        assert_eq!(detail.data, None);
        assert_eq!(inward(wire), fault);
    }

    #[test]
    fn a_protocol_error_comes_back_as_it_went() {
        for data in [None, Some(json!({ "address": "https://example.org" }))] {
            let fault = protocol(-32042, "visit this first", data);
            let wire = outward(fault.clone());
            assert!(matches!(&wire, wire::Fault::Protocol(error) if error.code == -32042), "{wire:?}");
            assert_eq!(inward(wire), fault);
        }
    }

    #[test]
    fn data_beside_a_pause_is_kept() {
        let wire = wire::Fault::Unavailable(Unavailability {
            detail: FaultDetail {
                code: "busy".into(),
                message: "m".into(),
                hint: None,
                data: Some(r#"{"queue":4}"#.into()),
            },
            retry_after: Some(10),
        });
        let fault = inward(wire.clone());
        assert_eq!(fault.data.as_deref(), Some(&json!({ "queue": 4, RETRY_AFTER: 10 })));
        let wire::Fault::Unavailable(Unavailability { retry_after, detail }) = outward(fault) else {
            panic!("another kind")
        };
        assert_eq!((retry_after, detail.data.as_deref()), (Some(10), Some(r#"{"queue":4}"#)));
    }
}
