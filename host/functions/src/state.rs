//! What a call carries: the services it may use, and the state that wasmtime keeps for its instance.

use std::sync::Arc;

use kumiko_services::objects::Objects;
use kumiko_vocabulary::Fault;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::kumiko::host;
use crate::charts::{Charts, ChartsView};
use crate::fault::{Types, TypesView};
use crate::frames::{Frames, FramesView};
use crate::log::{Log, LogView};
use crate::models::{Models, ModelsView};
use crate::objects::{ObjectAccess, ObjectsView};
use crate::progress::{Progress, ProgressView};
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
    /// The pool for work that computes.
    pub compute: Compute,
}

/// What the views of one call have in common: the services, and the call's progress and cancellation.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) services: &'a Services,
    control: &'a CallControl,
}

impl Shared<'_> {
    /// Runs `work` on the compute pool with this call's control. The future borrows nothing, so a view may be used meanwhile.
    pub(crate) fn compute<T, E, W>(&self, work: W) -> impl Future<Output = Result<T, Fault>> + Send + use<T, E, W>
    where
        T: Send + 'static,
        E: Into<Fault> + Send + 'static,
        W: FnOnce(&CallControl) -> Result<T, E> + Send + 'static,
    {
        let (compute, control) = (self.services.compute.clone(), self.control.clone());
        async move { compute.run(move || work(&control)).await }
    }
}

/// What one call brings along.
pub struct CallContext {
    /// Progress and cancellation.
    pub control: CallControl,
    /// Where the guest's lines go.
    pub log: LogContext,
}

/// The state of one instance: plain data that lends each interface its view. `Limiter` is the runtime's.
pub struct CallState<Limiter> {
    services: Services,
    call: CallContext,
    table: ResourceTable,
    wasi: WasiCtx,
    /// What keeps the instance within its memory; the runtime looks after it.
    pub limiter: Limiter,
}

impl<Limiter> CallState<Limiter> {
    /// State for one call. The table takes at most `handles` resources.
    pub fn new(services: Services, call: CallContext, limiter: Limiter, handles: usize, wasi: WasiCtx) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        Self { services, call, table, wasi, limiter }
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

/// Links every interface of the contract, and the WASI interfaces a component in any language may import. Once per engine.
///
/// # Errors
///
/// Where two interfaces define the same name, which is a defect of the host.
pub fn add_to_linker<Limiter: Send + 'static>(linker: &mut Linker<CallState<Limiter>>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    host::types::add_to_linker::<_, Types>(linker, |_| TypesView)?;
    host::log::add_to_linker::<_, Log>(linker, |state| LogView { context: &mut state.call.log })?;
    host::progress::add_to_linker::<_, Progress>(linker, |state| ProgressView { control: &state.call.control })?;
    host::objects::add_to_linker::<_, ObjectAccess>(linker, |state| ObjectsView {
        objects: &state.services.objects,
        home: &state.services.home,
        table: &mut state.table,
    })?;
    host::frames::add_to_linker::<_, Frames>(linker, |state| FramesView {
        call: Shared { services: &state.services, control: &state.call.control },
        table: &mut state.table,
    })?;
    host::models::add_to_linker::<_, Models>(linker, |state| ModelsView {
        call: Shared { services: &state.services, control: &state.call.control },
        table: &mut state.table,
    })?;
    host::charts::add_to_linker::<_, Charts>(linker, |state| ChartsView { compute: &state.services.compute })?;
    Ok(())
}
