//! Every limit a call runs under, in one place: unit, default, and the reason for it.
//!
//! An operator overrides them in the `[limits]` section of the configuration file or by environment variable; the names are
//! the field names of [`Limits`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The time between two epochs. A guest notices a deadline within two of them; ten milliseconds cost no measurable
/// throughput and are well under what a person notices.
pub const TICK: Duration = Duration::from_millis(10);

/// Instances that may be alive at once, over all plugins. Each reserves address space, not memory.
pub const CONCURRENT_CALLS: u32 = 64;

/// Instances set aside for calls of plugins to each other's tools. Such a call does not wait for a place: all places could be held by
/// calls that wait for it.
pub const PEER_CALLS: u32 = 32;

/// Instances that are made ready before a call needs them, over all plugins: so many plugins, those called last, answer sooner.
pub const SPARES: u32 = 8;

/// Core instances the pool holds for each live component: a component written in Rust for WASI is three, one from Python fourteen.
pub const CORE_INSTANCES_PER_COMPONENT: u32 = 16;

/// Stack for guest code, in bytes. What the host functions need on the same stack is added to it.
pub const GUEST_STACK: usize = 512 * 1024;

/// Stack left to host functions at any depth of the guest, in bytes. A host stack overflow would end the process.
pub const HOST_STACK: usize = 512 * 1024;

/// Linear memory of all calls together, in bytes: what the host may lose to guests at worst.
pub const HOST_MEMORY_BUDGET: usize = 2 * 1024 * 1024 * 1024;

/// Entries of all tables of a call. Function tables of real components have a few thousand.
pub const TABLE_ELEMENTS: usize = 20_000;

/// Memories and tables a component may define, each: one from Python has a table for each of its core instances.
pub const MEMORIES_AND_TABLES: u32 = 16;

/// Random bytes that WASI hands out at once. A seed has 32.
pub const RANDOM_BYTES: u64 = 64 * 1024;

/// The headers of a request or an answer of `wasi:http`, in bytes.
pub const HTTP_FIELDS_BYTES: usize = 64 * 1024;

/// Resources (frames, models, uploads) a call may hold at once.
pub const HANDLES: usize = 4_096;

/// Bytes that a call may move from the guest into the host by function arguments and results, in one crossing. It lets the
/// largest Arrow document through and stops a list of ten million empty strings before the host allocates for it.
pub const CROSSING_FUEL: usize = 80 * 1024 * 1024;

/// All content blocks of one answer together, in bytes: several figures, no data sets. Large results belong in the object store.
pub const CONTENT_BYTES: usize = 16 * 1024 * 1024;

/// State that a tool may hand to the client while it asks for input, in bytes.
pub const STATE_BYTES: usize = 64 * 1024;

/// The largest component, in bytes. A Python component has 18 MB.
pub const COMPONENT_BYTES: u64 = 32 * 1024 * 1024;

/// Tools in one manifest. An agent cannot choose among more.
pub const TOOLS_PER_PLUGIN: usize = 1_000;

/// Prompts, resources and templates of one plugin, each.
pub const OFFERED_PER_PLUGIN: usize = 1_000;

/// The uri of a resource, in bytes.
pub const URI_BYTES: usize = 2_048;

/// A plugin's icon, in bytes. Every list of tools carries it.
pub const ICON_BYTES: usize = 16 * 1024;

/// One tool description, in bytes. It is paid for in every agent's context.
pub const DESCRIPTION_BYTES: usize = 16 * 1024;

/// One JSON Schema, in bytes.
pub const SCHEMA_BYTES: usize = 256 * 1024;

/// The limits of one call that an operator may set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Processor time of the guest's own code and of the host functions it calls, but for kernels, in milliseconds (default 2,000: a
    /// tool arranges work, the host does it).
    pub cpu_milliseconds: u64,
    /// The same for tools that declare themselves long-running (default 60,000).
    pub long_running_cpu_milliseconds: u64,
    /// Wall time from call to answer, in milliseconds (default 30,000).
    pub wall_milliseconds: u64,
    /// The same for long-running tools (default 4 hours).
    pub long_running_wall_milliseconds: u64,
    /// Linear memory of one call, all its memories together, in bytes (default 128 MiB).
    pub memory_bytes: usize,
    /// Structured result, in bytes (default 1 MiB: it travels into an agent's context).
    pub result_bytes: usize,
    /// Log lines of one call, in bytes (default 64 KiB).
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_milliseconds: 2_000,
            long_running_cpu_milliseconds: 60_000,
            wall_milliseconds: 30_000,
            long_running_wall_milliseconds: 4 * 60 * 60 * 1_000,
            memory_bytes: 128 * 1024 * 1024,
            result_bytes: 1024 * 1024,
            log_bytes: 64 * 1024,
        }
    }
}

impl Limits {
    /// Wall time for a tool.
    #[must_use]
    pub fn wall(&self, long_running: bool) -> Duration {
        Duration::from_millis(if long_running { self.long_running_wall_milliseconds } else { self.wall_milliseconds })
    }

    /// Processor time for a tool.
    #[must_use]
    pub fn cpu(&self, long_running: bool) -> Duration {
        Duration::from_millis(if long_running { self.long_running_cpu_milliseconds } else { self.cpu_milliseconds })
    }
}
