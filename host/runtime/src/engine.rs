//! One engine for all plugins: how it is set up, and the ticker that lets it interrupt guests.

use std::sync::Arc;
use std::thread;

use kumiko_functions::{CallState, add_to_linker};
use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::background::Background;
use crate::limiter::{Budget, CallLimiter};
use crate::limits::{
    CONCURRENT_CALLS, CORE_INSTANCES_PER_COMPONENT, GUEST_STACK, HOST_MEMORY_BUDGET, HOST_STACK, MEMORIES_AND_TABLES,
    PEER_CALLS, SPARES, TABLE_ELEMENTS, TICK,
};

/// Instances that may be alive at once.
const INSTANCES: u32 = CONCURRENT_CALLS + PEER_CALLS + SPARES;
use crate::spare::Spares;
use crate::{Error, Limits};

/// The state wasmtime keeps for an instance.
pub(crate) type State = CallState<CallLimiter>;

/// The engine, the linked contract, and what all calls share. Clones are cheap.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) linker: Arc<Linker<State>>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) peer_places: Arc<Semaphore>,
    pub(crate) budget: Arc<Budget>,
    /// Where guests go on that compute for long.
    pub(crate) background: Background,
    pub(crate) spares: Arc<Spares>,
    pub(crate) limits: Arc<Limits>,
    /// The most linear memory that a call of any plugin may have.
    pub(crate) memory_bytes: usize,
}

impl Runtime {
    /// Starts the engine. `limits` hold for every call unless a plugin has its own; `largest_memory` is the most that any plugin's own
    /// limits give a call, in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] where the process may not reserve the address space for its instances.
    pub fn new(limits: Limits, largest_memory: usize) -> Result<Self, Error> {
        let failed = |error: wasmtime::Error| Error::Engine { reason: format!("{error:#}") };
        let memory_bytes = limits.memory_bytes.max(largest_memory);
        let engine = Engine::new(&configuration(memory_bytes, INSTANCES)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker).map_err(failed)?;
        start_ticker(&engine)?;
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            places: Arc::new(Semaphore::new(CONCURRENT_CALLS as usize)),
            peer_places: Arc::new(Semaphore::new(PEER_CALLS as usize)),
            budget: Budget::new(HOST_MEMORY_BUDGET),
            background: Background::start()?,
            spares: Arc::default(),
            limits: Arc::new(limits),
            memory_bytes,
        })
    }

    /// Linear memory of all calls that run, in bytes.
    #[must_use]
    pub fn memory_in_use(&self) -> usize {
        self.budget.used()
    }

    /// The limits that hold where a plugin has none of its own.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// An engine that only compiles: for the process that does nothing else. It must agree with the serving engine in everything
/// that shapes machine code, which is why both come from here.
pub(crate) fn compiling_engine(memory_bytes: usize) -> Result<Engine, Error> {
    Engine::new(&configuration(memory_bytes, 1)).map_err(|error| Error::Engine { reason: format!("{error:#}") })
}

/// Linear memory of a slot that stays mapped between calls, in bytes, where the kernel (Linux 6.7) tells which pages a call has
/// touched, so that those alone are put back: the stack and the data of a small guest.
const KEPT: usize = 1536 * 1024;

/// The same where it does not, and all of it is written over after each call.
const KEPT_BLINDLY: usize = 64 * 1024;

/// `instances` has no part in the machine code: an engine that only compiles reserves for one.
fn configuration(memory_bytes: usize, instances: u32) -> Config {
    let kept = if PoolingAllocationConfig::is_pagemap_scan_available() { KEPT } else { KEPT_BLINDLY };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORE_INSTANCES_PER_COMPONENT)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT * 2)
        .total_memories(instances * 2)
        .max_memories_per_component(MEMORIES_AND_TABLES)
        .max_memories_per_module(MEMORIES_AND_TABLES)
        .total_tables(instances * CORE_INSTANCES_PER_COMPONENT)
        .max_tables_per_component(MEMORIES_AND_TABLES)
        .max_tables_per_module(MEMORIES_AND_TABLES)
        .table_elements(TABLE_ELEMENTS)
        .total_stacks(instances)
        .max_memory_size(memory_bytes)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(16 * 1024)
        .async_stack_keep_resident(16 * 1024)
        .max_unused_warm_slots(8);

    let mut configuration = Config::new();
    configuration
        .wasm_component_model(true)
        .epoch_interruption(true)
        // The contract has no async functions; without them a call in costs a quarter.
        .concurrency_support(false)
        .memory_init_cow(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK + HOST_STACK)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    configuration
}

/// Advances the epoch while the engine lives. One thread; it holds the engine weakly and ends with it.
fn start_ticker(engine: &Engine) -> Result<(), Error> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch-ticker".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(|_| ())
        .map_err(|error| Error::Engine { reason: error.to_string() })
}
