//! One call: an instance of its own, three clocks, and an end that is either an answer or a typed fault.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use kumiko_functions::bindings::Capability;
use kumiko_functions::{CallContext, CallState, from_contract};
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::WasiCtx;

use crate::engine::State;
use crate::limiter::{CallLimiter, Denied};
use crate::limits::{CONTENT_BYTES, CROSSING_FUEL, HANDLES, HTTP_FIELDS_BYTES, RANDOM_BYTES, STATE_BYTES};
use crate::meter::Meter;
use crate::plugin::Core;
use crate::spare::Spare;
use crate::{Error, Plugin, contract, contract_types};

/// What a call came to.
#[derive(Debug)]
pub enum Reply {
    /// It is finished.
    Complete {
        /// The structured result.
        structured: Option<Value>,
        /// The content blocks.
        content: Vec<contract_types::Content>,
    },
    /// It goes on once the client has answered.
    InputRequired(contract::InputRequired),
}

/// How a call fails.
#[derive(Debug)]
pub enum CallFailure {
    /// With a fault that the client reads in the tool's result.
    Fault(Fault),
    /// With an error of the protocol, chosen by the tool.
    Protocol(contract_types::ProtocolError),
}

impl From<Fault> for CallFailure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Who has used less than this when a tick comes is let go on: a short call may meet a tick as well.
const SHORT: Duration = Duration::from_millis(1);

/// What wasmtime says where a guest's values are larger than the host lets across; it has no type for it.
const OUT_OF_CROSSING_FUEL: &str = "fuel allocated for hostcalls";

/// The guest used up its processor time; carried through wasmtime's error to [`Plugin::explain`].
#[derive(Debug, thiserror::Error)]
#[error("the guest used up its processor time")]
struct OutOfTime;

/// Where the instance of a call comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instance {
    /// One may lie ready, and the next call may find one.
    MayWait,
    /// It is made for the occasion.
    Made,
}

/// What the guest answered, or how it broke off, with the store that it ran in.
pub(crate) type Ended<T> = (wasmtime::Result<T>, Store<State>);

/// A guest's work on whichever thread: its processor time is counted, and a panic is handed over in place of an answer.
struct Watched<F> {
    guest: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F: Future> Future for Watched<F> {
    type Output = std::thread::Result<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { guest, meter } = self.get_mut();
        match meter.poll(|| catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(context)))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

impl Plugin {
    /// Runs one tool. The call waits for a free instance within its wall time, and ends early when `context`'s token is cancelled.
    ///
    /// # Errors
    ///
    /// The tool's own fault, or one of the host: `cancelled`, `wall_time_limit`, `cpu_time_limit`, `memory_limit`,
    /// `result_limit`, `plugin_trapped`.
    pub async fn call(
        &self,
        invocation: contract::Invocation,
        long_running: bool,
        context: CallContext,
    ) -> Result<Reply, CallFailure> {
        let cpu = self.core.limits.cpu(long_running);
        let wall = self.core.limits.wall(long_running);
        let core = Arc::clone(&self.core);
        let work = move |mut store: Store<State>, made: Option<Capability>| async move {
            let answer = async {
                let capability = match made {
                    Some(capability) => capability,
                    None => core.template.instantiate_async(&mut store).await?,
                };
                capability.kumiko_plugin_tools().call_call(&mut store, &invocation).await
            };
            (answer.await, store)
        };
        let answer = self.guarded(context, cpu, wall, Instance::MayWait, work).await?;
        match answer {
            Ok(contract::Answer::Complete(outcome)) => Ok(self.complete(outcome)?),
            Ok(contract::Answer::InputRequired(required)) => Ok(Reply::InputRequired(self.input_required(required)?)),
            Err(fault) => Err(from_contract(fault).map_or_else(CallFailure::Protocol, CallFailure::Fault)),
        }
    }

    /// Asks the plugin to describe itself, under the limits of a short call.
    pub(crate) async fn describe(&self, context: CallContext) -> Result<contract::Manifest, Error> {
        let template = self.core.template.clone();
        self.briefly(context, move |mut store| async move {
            let manifest = async {
                let capability = template.instantiate_async(&mut store).await?;
                capability.kumiko_plugin_tools().call_describe(&mut store).await
            };
            (manifest.await, store)
        })
        .await
        .map_err(|fault| Error::Describe { reason: fault.message })
    }

    /// Runs `work` under the limits of a short call.
    pub(crate) async fn briefly<T, W, F>(&self, context: CallContext, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(Store<State>) -> F,
        F: Future<Output = Ended<T>> + Send + 'static,
    {
        let limits = &self.core.limits;
        self.guarded(context, limits.cpu(false), limits.wall(false), Instance::Made, |store, _| work(store)).await
    }

    /// Lets `work` use an instance, or make one in a store of its own, and drops both, watched by every clock. A panic of the host's own
    /// code ends this call alone.
    async fn guarded<T, W, F>(
        &self,
        context: CallContext,
        cpu: Duration,
        wall: Duration,
        instance: Instance,
        work: W,
    ) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(Store<State>, Option<Capability>) -> F,
        F: Future<Output = Ended<T>> + Send + 'static,
    {
        let cancellation = context.control.cancellation().clone();
        // Kernels that still compute for a call that has ended learn of it by the same token.
        let _stop = context.control.ending();
        tokio::select! {
            biased;
            () = cancellation.cancelled() => Err(kumiko_vocabulary::control::cancelled()),
            ended = tokio::time::timeout(wall, self.run(context, cpu, instance, work)) => ended.unwrap_or_else(|_elapsed| {
                let message = format!("the call did not finish within its {} of wall time", readable(wall));
                Err(Fault::new(FaultKind::Stopped, "wall_time_limit", message)
                    .hint("give the tool less to do, or raise `limits.wall_milliseconds`"))
            }),
        }
    }

    async fn run<T, W, F>(&self, context: CallContext, cpu: Duration, instance: Instance, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(Store<State>, Option<Capability>) -> F,
        F: Future<Output = Ended<T>> + Send + 'static,
    {
        let core = &self.core;
        let place = if context.depth == 0 {
            Arc::clone(&core.runtime.places).acquire_owned().await.map_err(|_| shutting_down())?
        } else {
            Arc::clone(&core.runtime.peer_places).try_acquire_owned().map_err(|_| {
                Fault::new(FaultKind::Unavailable, "too_many_peer_calls", "too many plugins call each other's tools")
                    .hint("repeat the call when others have finished")
            })?
        };
        let spare = if instance == Instance::MayWait { core.take_spare() } else { None };
        let (mut store, made) = match spare {
            Some(Spare { mut store, capability }) => {
                store.data_mut().begin(context);
                (store, Some(capability))
            }
            None => (core.store(context, |limiter| limiter), None),
        };
        let meter = Meter::new();
        watch(&mut store, cpu, &meter);
        let work = work(store, made);
        // The place is free for another call once the guest is gone, which is why it goes along.
        let guest = Box::pin(async move { (work.await, place) });
        let watched = Watched { guest, meter: Arc::clone(&meter) };
        match core.runtime.background.run(watched, || meter.is_long()).await {
            Some(Ok(((result, store), place))) => {
                let result = result.map_err(|error| self.explain(&error, store.data().limiter.denied(), cpu));
                core.clear_away(store, place, instance);
                result
            }
            Some(Err(_panic)) => {
                Err(Fault::failed("internal", "the host ran into a defect of its own; its log has the details")
                    .hint("the server goes on; please report this with the call that caused it"))
            }
            None => Err(shutting_down()),
        }
    }

    /// Says which limit or defect ended the guest.
    fn explain(&self, error: &wasmtime::Error, denied: Option<Denied>, cpu: Duration) -> Fault {
        let stopped = |code: &str, message: String| Fault::new(FaultKind::Stopped, code, message);
        if error.is::<OutOfTime>() {
            let time = readable(cpu);
            return stopped(
                "cpu_time_limit",
                format!("{} used up the {time} of processor time a call may take", self.label()),
            )
            .hint(
                "numerical work belongs in the host; a tool that must compute by itself can be declared long-running",
            );
        }
        match denied {
            Some(Denied::Memory) => {
                let limit = self.core.limits.memory_bytes;
                return stopped(
                    "memory_limit",
                    format!("{} asked for more than the {limit} bytes of memory a call may take", self.label()),
                )
                .hint("pass frames by handle instead of copying rows into the plugin, or raise `limits.memory_bytes`");
            }
            Some(Denied::HostMemory) => {
                return Fault::new(
                    FaultKind::Unavailable,
                    "host_memory",
                    "all calls together use up the memory set aside for plugins",
                )
                .hint("repeat the call when others have finished");
            }
            Some(Denied::Table) => {
                return stopped(
                    "table_limit",
                    format!("{} asked for more table entries than a call may take", self.label()),
                );
            }
            None => {}
        }
        if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
            return stopped(
                "stack_limit",
                format!("{} recursed deeper than its {} bytes of stack", self.label(), crate::limits::GUEST_STACK),
            );
        }
        let cause = error.root_cause().to_string();
        if cause.contains(OUT_OF_CROSSING_FUEL) {
            return stopped(
                "crossing_limit",
                format!("{} handed over more than the {CROSSING_FUEL} bytes that cross at once", self.label()),
            )
            .hint("hand large data over in pieces, or as a frame or an object");
        }
        let reason = cause.lines().next().unwrap_or("unknown");
        Fault::failed("plugin_trapped", format!("{} broke off: {reason}", self.label()))
            .hint("this is a defect of the plugin; its log lines say more. Other calls are not affected")
    }

    fn complete(&self, outcome: contract::Outcome) -> Result<Reply, Fault> {
        let structured = match outcome.structured {
            Some(text) if text.len() > self.core.limits.result_bytes => {
                let message = format!(
                    "{} returned {} bytes of structured result; at most {} are accepted",
                    self.label(),
                    text.len(),
                    self.core.limits.result_bytes
                );
                return Err(Fault::new(FaultKind::Stopped, "result_limit", message)
                    .hint("ask for less, or have the tool write its result to the object store and return a link"));
            }
            Some(text) => Some(serde_json::from_str(&text).map_err(|error| {
                Fault::failed(
                    "result_invalid",
                    format!("{} returned a structured result that is not JSON: {error}", self.label()),
                )
            })?),
            None => None,
        };
        let bytes: usize = outcome.content.iter().map(content_bytes).sum();
        if bytes > CONTENT_BYTES {
            let message =
                format!("{} returned {bytes} bytes of content; at most {CONTENT_BYTES} are accepted", self.label());
            return Err(Fault::new(FaultKind::Stopped, "result_limit", message)
                .hint("write large results to the object store and return links"));
        }
        Ok(Reply::Complete { structured, content: outcome.content })
    }

    pub(crate) fn input_required(&self, required: contract::InputRequired) -> Result<contract::InputRequired, Fault> {
        if required.requests.is_empty() {
            return Err(Fault::failed(
                "result_invalid",
                format!("{} asked for input without saying what for", self.label()),
            ));
        }
        if required.state.len() > STATE_BYTES {
            let message = format!(
                "{} left {} bytes of state with the client; at most {STATE_BYTES} are accepted",
                self.label(),
                required.state.len()
            );
            return Err(Fault::new(FaultKind::Stopped, "result_limit", message));
        }
        Ok(required)
    }

    fn label(&self) -> String {
        let manifest = self.manifest();
        if manifest.name.is_empty() {
            "the plugin".to_owned()
        } else {
            format!("the plugin `{}` {}", manifest.name, manifest.version)
        }
    }
}

impl Core {
    /// A store for one call.
    pub(crate) fn store(&self, context: CallContext, count: impl FnOnce(CallLimiter) -> CallLimiter) -> Store<State> {
        let limiter = count(CallLimiter::new(self.limits.memory_bytes, self.runtime.budget.clone()));
        // No folders, no environment, no arguments, no sockets; output goes nowhere.
        let wasi = WasiCtx::builder().max_random_size(RANDOM_BYTES).build();
        let state = CallState::new(self.services.clone(), context, limiter, HANDLES, HTTP_FIELDS_BYTES, wasi);
        let mut store = Store::new(&self.runtime.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(CROSSING_FUEL);
        store
    }

    /// Drops what a call leaves behind, and makes the next instance, once the task that runs now has sent its answer.
    fn clear_away(self: &Arc<Self>, mut store: Store<State>, place: OwnedSemaphorePermit, instance: Instance) {
        store.data_mut().limiter.settle();
        let core = (instance == Instance::MayWait && self.wants_spare()).then(|| Arc::clone(self));
        tokio::spawn(async move {
            // A new task is the next to run on its thread. Whoever sent the call may have the next one ready: that goes first.
            tokio::task::yield_now().await;
            drop(store);
            drop(place);
            if let Some(core) = core {
                core.make_spare().await;
            }
        });
    }
}

/// Has the guest interrupted at every tick: to let other tasks run, and to count its processor time.
fn watch(store: &mut Store<State>, cpu: Duration, meter: &Arc<Meter>) {
    let meter = Arc::clone(meter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        let used = meter.used();
        if used >= cpu {
            return Err(OutOfTime.into());
        }
        if used < SHORT {
            return Ok(UpdateDeadline::Continue(1));
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(Arc::clone(&meter).interrupt())))
    });
}

fn content_bytes(content: &contract_types::Content) -> usize {
    match content {
        contract_types::Content::Text(text) => text.len(),
        contract_types::Content::Image(media) | contract_types::Content::Audio(media) => media.data.len(),
        contract_types::Content::Resource(resource) => match &resource.body {
            contract_types::ResourceBody::Text(text) => text.len(),
            contract_types::ResourceBody::Blob(bytes) => bytes.len(),
        },
        contract_types::Content::Link(link) => link.uri.len() + link.name.len(),
    }
}

fn readable(time: Duration) -> String {
    format!("{} seconds", time.as_secs_f64())
}

fn shutting_down() -> Fault {
    Fault::new(FaultKind::Unavailable, "shutting_down", "the server is stopping and takes no more calls")
}
