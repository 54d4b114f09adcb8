//! What a call carries: the services it may use, and the state that wasmtime keeps for its instance.

use std::sync::Arc;

use kumiko_egress::Egress;
use kumiko_grants::Access;
use kumiko_services::jobs::Jobs;
use kumiko_services::objects::Objects;
use kumiko_vocabulary::Fault;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::kumiko::host;
use crate::charts::{Charts, ChartsView};
use crate::fault::{Types, TypesView};
use crate::frames::{Frames, FramesView};
use crate::http::{Http, HttpView};
use crate::jobs::{JobService, JobsView};
use crate::log::{Log, LogView, Nowhere};
use crate::models::{Models, ModelsView};
use crate::notices::{NoticeBoard, Notices, NoticesView, Unheard};
use crate::objects::{ObjectAccess, ObjectsView};
use crate::peers::{PeerTools, Peers, PeersView};
use crate::progress::{Progress, ProgressView};
use crate::wasi_http::{self, Outgoing};
use crate::{Cache, CallControl, Compute, LogContext};

/// What all calls share. Clones are cheap.
#[derive(Clone)]
pub struct Services {
    /// The object store and the folders that the operator allowed.
    pub objects: Arc<Objects>,
    /// Where a tool puts an object for which it was given no place: a uri that ends in `/`.
    pub home: Arc<str>,
    /// Frames and models that were read before.
    pub cache: Arc<Cache>,
    /// What a table may take in memory, in bytes.
    pub frame_bytes: u64,
    /// The pool for work that computes.
    pub compute: Compute,
    /// The way out over HTTP.
    pub egress: Egress,
    /// Calls that go on after the call that began them.
    pub jobs: Arc<dyn Jobs>,
}

/// What the views of one call have in common: the services, and what the call brought along.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) services: &'a Services,
    pub(crate) call: &'a CallContext,
}

impl Shared<'_> {
    /// Runs `work` on the compute pool with this call's control. The future borrows nothing, so a view may be used meanwhile.
    pub(crate) fn compute<T, E, W>(&self, work: W) -> impl Future<Output = Result<T, Fault>> + Send + use<T, E, W>
    where
        T: Send + 'static,
        E: Into<Fault> + Send + 'static,
        W: FnOnce(&CallControl) -> Result<T, E> + Send + 'static,
    {
        let (compute, control, caller) =
            (self.services.compute.clone(), self.call.control.clone(), Arc::clone(&self.call.caller));
        async move { compute.run(&caller, move || work(&control)).await }
    }
}

/// What one call brings along.
pub struct CallContext {
    /// Progress and cancellation.
    pub control: CallControl,
    /// Where the guest's lines go.
    pub log: LogContext,
    /// What the plugin may reach.
    pub access: Access,
    /// Who asked: callers share the compute pool evenly.
    pub caller: Arc<str>,
    /// Who hears of changes.
    pub notices: Arc<dyn Notices>,
    /// The tools of other plugins.
    pub peers: Option<Arc<dyn Peers>>,
    /// How many plugins deep the call is.
    pub depth: u8,
}

impl CallContext {
    /// A call that may reach nothing and that nobody hears of: a description, a look at a plugin.
    #[must_use]
    pub fn new(control: CallControl, log: LogContext) -> Self {
        Self {
            control,
            log,
            access: Access::new("", Arc::default()),
            caller: "".into(),
            notices: Arc::new(Unheard),
            peers: None,
            depth: 0,
        }
    }

    /// Stands where there is no call yet.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(CallControl::new(None, CancellationToken::new()), LogContext::new(Arc::new(Nowhere), 0))
    }
}

/// The state of one instance: plain data that lends each interface its view. `Limiter` is the runtime's.
pub struct CallState<Limiter> {
    services: Services,
    call: CallContext,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    /// What keeps the instance within its memory; the runtime looks after it.
    pub limiter: Limiter,
}

impl<Limiter> CallState<Limiter> {
    /// State for one call. The table takes at most `handles` resources, and headers of `wasi:http` at most `fields` bytes.
    pub fn new(
        services: Services,
        call: CallContext,
        limiter: Limiter,
        handles: usize,
        fields: usize,
        wasi: WasiCtx,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(fields);
        let outgoing = wasi_http::outgoing(&services.egress, &call.access);
        Self { services, call, table, wasi, http, outgoing, limiter }
    }

    /// Takes what a call brings along: the instance was made before it.
    pub fn begin(&mut self, call: CallContext) {
        self.outgoing = wasi_http::outgoing(&self.services.egress, &call.access);
        self.call = call;
    }

    /// What the call brought along.
    pub fn call(&self) -> &CallContext {
        &self.call
    }
}

impl<Limiter: Send> WasiView for CallState<Limiter> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl<Limiter: Send> WasiHttpView for CallState<Limiter> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Links every interface of the contract, and the WASI interfaces a component in any language may import. Once per engine.
///
/// # Errors
///
/// Where two interfaces define the same name, which is a defect of the host.
pub fn add_to_linker<Limiter: Send + 'static>(linker: &mut Linker<CallState<Limiter>>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    host::types::add_to_linker::<_, Types>(linker, |_| TypesView)?;
    host::log::add_to_linker::<_, Log>(linker, |state| LogView { context: &mut state.call.log })?;
    host::progress::add_to_linker::<_, Progress>(linker, |state| ProgressView { control: &state.call.control })?;
    host::objects::add_to_linker::<_, ObjectAccess>(linker, |state| ObjectsView {
        call: Shared { services: &state.services, call: &state.call },
        table: &mut state.table,
    })?;
    host::frames::add_to_linker::<_, Frames>(linker, |state| FramesView {
        call: Shared { services: &state.services, call: &state.call },
        table: &mut state.table,
    })?;
    host::models::add_to_linker::<_, Models>(linker, |state| ModelsView {
        call: Shared { services: &state.services, call: &state.call },
        table: &mut state.table,
    })?;
    host::charts::add_to_linker::<_, Charts>(linker, |state| ChartsView {
        call: Shared { services: &state.services, call: &state.call },
    })?;
    host::notices::add_to_linker::<_, NoticeBoard>(linker, |state| NoticesView {
        call: Shared { services: &state.services, call: &state.call },
    })?;
    host::http::add_to_linker::<_, Http>(linker, |state| HttpView {
        call: Shared { services: &state.services, call: &state.call },
    })?;
    host::secrets::add_to_linker::<_, Http>(linker, |state| HttpView {
        call: Shared { services: &state.services, call: &state.call },
    })?;
    host::tools::add_to_linker::<_, PeerTools>(linker, |state| PeersView {
        call: Shared { services: &state.services, call: &state.call },
    })?;
    host::jobs::add_to_linker::<_, JobService>(linker, |state| JobsView {
        call: Shared { services: &state.services, call: &state.call },
    })?;
    Ok(())
}
