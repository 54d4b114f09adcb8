//! One call: an instance of its own, three clocks, and an end that is either an answer or a typed fault.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kumiko_functions::{CallContext, CallState, from_contract};
use kumiko_vocabulary::{Fault, FaultKind};
use serde_json::Value;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::WasiCtx;

use crate::engine::State;
use crate::limiter::{CallLimiter, Denied};
use crate::limits::{CONTENT_BYTES, CROSSING_FUEL, HANDLES, HTTP_FIELDS_BYTES, RANDOM_BYTES, STATE_BYTES};
use crate::meter::Meter;
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

/// What wasmtime says where a guest's values are larger than the host lets across; it has no type for it.
const OUT_OF_CROSSING_FUEL: &str = "fuel allocated for hostcalls";

/// The guest used up its processor time; carried through wasmtime's error to [`Plugin::explain`].
#[derive(Debug, thiserror::Error)]
#[error("the guest used up its processor time")]
struct OutOfTime;

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
        let cpu = self.limits.cpu(long_running);
        let wall = self.limits.wall(long_running);
        let answer = self
            .guarded(context, cpu, wall, async |store| {
                let capability = self.template.instantiate_async(&mut *store).await?;
                capability.kumiko_plugin_tools().call_call(store, &invocation).await
            })
            .await?;
        match answer {
            Ok(contract::Answer::Complete(outcome)) => Ok(self.complete(outcome)?),
            Ok(contract::Answer::InputRequired(required)) => Ok(Reply::InputRequired(self.input_required(required)?)),
            Err(fault) => Err(from_contract(fault).map_or_else(CallFailure::Protocol, CallFailure::Fault)),
        }
    }

    /// Asks the plugin to describe itself, under the limits of a short call.
    pub(crate) async fn describe(&self, context: CallContext) -> Result<contract::Manifest, Error> {
        self.briefly(context, async |store| {
            let capability = self.template.instantiate_async(&mut *store).await?;
            capability.kumiko_plugin_tools().call_describe(store).await
        })
        .await
        .map_err(|fault| Error::Describe { reason: fault.message })
    }

    /// Runs `work` under the limits of a short call.
    pub(crate) async fn briefly<T>(
        &self,
        context: CallContext,
        work: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        self.guarded(context, self.limits.cpu(false), self.limits.wall(false), work).await
    }

    /// Lets `work` make an instance in a store of its own and drops both, watched by every clock. A panic of the host's own code ends
    /// this call alone.
    async fn guarded<T>(
        &self,
        context: CallContext,
        cpu: Duration,
        wall: Duration,
        work: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let cancellation = context.control.cancellation().clone();
        // Kernels that still compute for a call that has ended learn of it by the same token.
        let _stop = context.control.ending();
        let run = AssertUnwindSafe(self.run(context, cpu, work)).catch_unwind();
        tokio::select! {
            biased;
            () = cancellation.cancelled() => Err(kumiko_vocabulary::control::cancelled()),
            ended = tokio::time::timeout(wall, run) => match ended {
                Ok(Ok(result)) => result,
                Ok(Err(_panic)) => Err(Fault::failed("internal", "the host ran into a defect of its own; its log has the details")
                    .hint("the server goes on; please report this with the call that caused it")),
                Err(_elapsed) => {
                    let message = format!("the call did not finish within its {} of wall time", readable(wall));
                    Err(Fault::new(FaultKind::Stopped, "wall_time_limit", message)
                        .hint("give the tool less to do, or raise `limits.wall_milliseconds`"))
                }
            },
        }
    }

    async fn run<T>(
        &self,
        context: CallContext,
        cpu: Duration,
        work: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let _place = if context.depth == 0 {
            self.runtime.places.acquire().await.map_err(|_| shutting_down())?
        } else {
            self.runtime.peer_places.try_acquire().map_err(|_| {
                Fault::new(FaultKind::Unavailable, "too_many_peer_calls", "too many plugins call each other's tools")
                    .hint("repeat the call when others have finished")
            })?
        };
        let meter = Meter::new(&self.runtime.turns);
        let mut store = self.store(context, cpu, &meter);
        let result = meter.count(work(&mut store)).await;
        result.map_err(|error| self.explain(&error, &store, cpu))
    }

    /// A store whose guest is interrupted at every tick: to let other tasks run, and to count its processor time.
    fn store(&self, context: CallContext, cpu: Duration, meter: &Arc<Meter>) -> Store<State> {
        let limiter = CallLimiter::new(self.limits.memory_bytes, self.runtime.budget.clone());
        // No folders, no environment, no arguments, no sockets; output goes nowhere.
        let wasi = WasiCtx::builder().max_random_size(RANDOM_BYTES).build();
        let state = CallState::new(self.services.clone(), context, limiter, HANDLES, HTTP_FIELDS_BYTES, wasi);
        let mut store = Store::new(&self.runtime.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(CROSSING_FUEL);
        store.set_epoch_deadline(1);
        let meter = Arc::clone(meter);
        store.epoch_deadline_callback(move |_| {
            if meter.used() >= cpu {
                return Err(OutOfTime.into());
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(Arc::clone(&meter).next_turn())))
        });
        store
    }

    /// Says which limit or defect ended the guest.
    fn explain(&self, error: &wasmtime::Error, store: &Store<State>, cpu: Duration) -> Fault {
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
        match store.data().limiter.denied() {
            Some(Denied::Memory) => {
                let limit = self.limits.memory_bytes;
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
            Some(text) if text.len() > self.limits.result_bytes => {
                let message = format!(
                    "{} returned {} bytes of structured result; at most {} are accepted",
                    self.label(),
                    text.len(),
                    self.limits.result_bytes
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
