//! Faults on their way between the libraries of the host, the contract and the guest.

use kumiko_vocabulary::{Fault, FaultKind};
use wasmtime::component::ResourceTableError;

use crate::bindings::kumiko::host::types as contract;
use crate::charts::ChartsView;
use crate::frames::FramesView;
use crate::http::HttpView;
use crate::jobs::JobsView;
use crate::models::ModelsView;
use crate::objects::ObjectsView;
use crate::peers::PeersView;

/// Why a host function does not return a value: a fault the guest can read, or a broken invariant that ends its call.
#[derive(Debug)]
pub enum Refusal {
    /// The guest is told.
    Fault(Fault),
    /// The guest's call ends.
    Trap(wasmtime::Error),
}

impl<E: Into<Fault>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Refusal {
    /// A handle the table does not know: the canonical ABI rules it out for live handles, so it is no fault of the arguments.
    pub(crate) fn handle(error: ResourceTableError) -> Self {
        match error {
            ResourceTableError::Full => Self::Fault(
                Fault::new(
                    FaultKind::Stopped,
                    "too_many_handles",
                    "the call holds more frames, models and uploads than a call may",
                )
                .hint("drop handles that are no longer needed before opening others"),
            ),
            other => Self::Trap(other.into()),
        }
    }
}

/// A fault as the contract words it.
#[must_use]
pub fn into_contract(fault: Fault) -> contract::Fault {
    let retry_after =
        fault.data.as_ref().and_then(|data| data.get("retry_after_milliseconds")).and_then(serde_json::Value::as_u64);
    let detail = contract::FaultDetail {
        code: fault.code,
        message: fault.message,
        hint: fault.hint,
        data: fault.data.map(|data| data.to_string()),
    };
    match fault.kind {
        FaultKind::InvalidArguments => contract::Fault::InvalidArguments(detail),
        FaultKind::NotFound => contract::Fault::NotFound(detail),
        FaultKind::Conflict => contract::Fault::Conflict(detail),
        FaultKind::Denied => contract::Fault::Denied(detail),
        FaultKind::Stopped => contract::Fault::Stopped(detail),
        FaultKind::Unavailable => contract::Fault::Unavailable(contract::Unavailability { detail, retry_after }),
        FaultKind::Failed => contract::Fault::Failed(detail),
    }
}

/// A guest's fault as the host's libraries word it; a protocol error is handed back as it is.
pub fn from_contract(fault: contract::Fault) -> Result<Fault, contract::ProtocolError> {
    let (kind, detail, retry_after) = match fault {
        contract::Fault::InvalidArguments(detail) => (FaultKind::InvalidArguments, detail, None),
        contract::Fault::NotFound(detail) => (FaultKind::NotFound, detail, None),
        contract::Fault::Conflict(detail) => (FaultKind::Conflict, detail, None),
        contract::Fault::Denied(detail) => (FaultKind::Denied, detail, None),
        contract::Fault::Stopped(detail) => (FaultKind::Stopped, detail, None),
        contract::Fault::Unavailable(contract::Unavailability { detail, retry_after }) => {
            (FaultKind::Unavailable, detail, retry_after)
        }
        contract::Fault::Failed(detail) => (FaultKind::Failed, detail, None),
        contract::Fault::Protocol(error) => return Err(error),
    };
    let mut data = detail.data.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)));
    if let Some(milliseconds) = retry_after {
        let object = data.get_or_insert_with(|| serde_json::json!({}));
        if let Some(object) = object.as_object_mut() {
            object.insert("retry_after_milliseconds".to_owned(), milliseconds.into());
        }
    }
    Ok(Fault { kind, code: detail.code, message: detail.message, hint: detail.hint, data: data.map(Box::new) })
}

/// The view for the interface of shared types, which has nothing but the conversion of refusals.
pub(crate) struct TypesView;

pub(crate) struct Types;

impl wasmtime::component::HasData for Types {
    type Data<'a> = TypesView;
}

/// Every view converts refusals in the same way: a fault for the guest, or, where an invariant is broken, a trap.
macro_rules! converts_refusals {
    ($($view:ty),+) => {
        $(impl contract::Host for $view {
            fn convert_fault(&mut self, refusal: Refusal) -> wasmtime::Result<contract::Fault> {
                match refusal {
                    Refusal::Fault(fault) => Ok(into_contract(fault)),
                    Refusal::Trap(error) => Err(error),
                }
            }
        })+
    };
}

converts_refusals!(
    TypesView,
    ObjectsView<'_>,
    FramesView<'_>,
    ModelsView<'_>,
    ChartsView<'_>,
    PeersView<'_>,
    JobsView<'_>,
    HttpView<'_>
);
